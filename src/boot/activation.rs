//! Sockets that systemd has opened for Hale (`hale.socket`): an `inet_listener` takes the one with its address and port.
//!
//! Clients that come while Hale is stopped or starts anew wait in such a socket instead of being refused, and Hale needs no right
//! to ports below 1024. All data cores accept from the one socket: systemd's is bound as root, so no second one may share its port.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::exit::{Exit, Refusal};
use crate::ring::inherited::{Inherited, inherit};
use crate::ring::socket::SocketOptions;

/// What systemd has handed over and no listener has taken yet.
#[derive(Debug, Default)]
pub(super) struct Activation {
    sockets: Vec<(String, Inherited)>,
    remarks: Vec<String>,
}

impl Activation {
    /// Takes the sockets that the environment names; called once, before anything is opened.
    pub(super) fn take() -> Self {
        let mut activation = Self::default();
        match sd_notify::listen_fds_with_names() {
            Ok(named) => {
                for (number, name) in named {
                    match inherit(number) {
                        Some(socket) => activation.sockets.push((name, socket)),
                        None => activation.remarks.push(format!(
                            "systemd: the socket {name} is no listening TCP socket, and is closed: take it out of hale.socket"
                        )),
                    }
                }
            }
            Err(error) => activation
                .remarks
                .push(format!("systemd: its sockets can't be taken over: {error}")),
        }
        activation
    }

    /// The socket for this address as a descriptor for each core, if there is one.
    pub(super) fn of(
        &mut self,
        on: SocketAddr,
        cores: usize,
        options: &SocketOptions,
    ) -> Option<Result<Vec<OwnedFd>, Refusal>> {
        let at = self.sockets.iter().position(|(_, socket)| socket.on == on)?;
        let (name, socket) = self.sockets.swap_remove(at);
        Some(socket.shared(cores, options).map_err(|error| Refusal {
            exit: Exit::TempFail,
            text: format!("systemd: the socket {name} ({on}) can't be used: {error}"),
        }))
    }

    /// What became of the rest, which is closed.
    pub(super) fn remarks(self) -> Vec<String> {
        let spare = self.sockets.iter().map(|(name, socket)| {
            format!(
                "systemd: no inet_listener has the address of the socket {name} ({}), and it is closed: make hale.socket and the \
                 configuration agree",
                socket.on
            )
        });
        self.remarks.iter().cloned().chain(spare).collect()
    }
}
