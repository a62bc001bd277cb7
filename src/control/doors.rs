//! The ports that operators and their tools connect to: `service doveadm` and `service stats`, all on the control core.
//!
//! Duty: which of them are open; opening before anything is served there, closing when the configuration has no use for one.
//! Non-duty: what is spoken there (`doveadm`, `stats`): a client that is being served when its port closes is served to its end.
//! Driven by `boot` and by reloads. Tests: `tests/appliance/e2e/reload.rs`.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::doveadm::{Door, Speech};
use super::ports::{PortFault, of_control};
use super::stats::StatsDoor;
use crate::config::Config;
use crate::config::model::{AdminListener, AdminService};
use crate::ring::socket::SocketOptions;

/// The open ones. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Doors(Rc<RefCell<All>>);

#[derive(Debug)]
struct All {
    options: SocketOptions,
    /// With what closes each of them when it goes.
    open: Vec<(AdminListener, oneshot::Sender<()>)>,
    doveadm: mpsc::UnboundedSender<Door>,
    stats: mpsc::UnboundedSender<StatsDoor>,
}

/// Sockets that are open and not served yet.
#[derive(Debug, Default)]
pub struct OpenDoors(Vec<(AdminListener, TcpListener)>);

/// Where those who serve find them.
#[derive(Debug)]
pub struct DoorsToServe {
    pub(super) doveadm: mpsc::UnboundedReceiver<Door>,
    pub(super) stats: mpsc::UnboundedReceiver<StatsDoor>,
}

impl Doors {
    /// None is open.
    #[must_use]
    pub fn new(options: SocketOptions) -> (Self, DoorsToServe) {
        let (to_doveadm, doveadm) = mpsc::unbounded_channel();
        let (to_stats, stats) = mpsc::unbounded_channel();
        let (open, doveadm_and_stats) = (Vec::new(), DoorsToServe { doveadm, stats });
        let all = All { options, open, doveadm: to_doveadm, stats: to_stats };
        (Self(Rc::new(RefCell::new(all))), doveadm_and_stats)
    }

    /// Opens what the configuration asks for and is not open.
    ///
    /// # Errors
    /// All ports that can't be had.
    pub fn open_missing(&self, config: &Config) -> Result<OpenDoors, Vec<PortFault>> {
        let all = self.0.borrow();
        let (mut opened, mut faults) = (Vec::new(), Vec::new());
        for listener in config.admin_listeners.iter().filter(|it| not_served(config, it).is_none())
        {
            if all.open.iter().any(|(open, _)| is_same(open, listener)) {
                continue;
            }
            let port = listener.endpoint.port();
            let is_ours = all.open.iter().any(|(open, _)| open.endpoint.port() == port);
            match of_control(&listener.name, listener.endpoint, &all.options, is_ours) {
                Ok(socket) => opened.push((listener.clone(), socket)),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(OpenDoors(opened)) } else { Err(faults) }
    }

    /// What was opened is served, and what the configuration has no use for is closed.
    pub fn take_up(&self, config: &Config, opened: OpenDoors) {
        let mut all = self.0.borrow_mut();
        let wanted = |open: &AdminListener| {
            let mut served = config.admin_listeners.iter();
            served.any(|it| is_same(it, open) && not_served(config, it).is_none())
        };
        all.open.retain(|(open, _)| wanted(open));
        for (listener, socket) in opened.0 {
            let (close, closing) = oneshot::channel();
            let AdminListener { name, ssl: tls, .. } = listener.clone();
            // Those who serve end with the process, and the doors with them.
            let _ = match listener.service {
                AdminService::Doveadm => {
                    let speech = speech(&name);
                    let door = Door { listener: socket, name, tls, speech, closing };
                    all.doveadm.send(door).map_err(|_| ())
                }
                AdminService::Stats => {
                    let door = StatsDoor { listener: socket, name, tls, closing };
                    all.stats.send(door).map_err(|_| ())
                }
            };
            all.open.push((listener, close));
        }
    }
}

/// Why a listener would let no client in; it stays closed then.
#[must_use]
pub fn not_served(config: &Config, listener: &AdminListener) -> Option<&'static str> {
    if listener.ssl && !config.ssl.has_any_certificate() {
        return Some("ssl_server_cert_file names no certificate");
    }
    let doveadm = &config.doveadm;
    match (listener.service, speech(&listener.name)) {
        (AdminService::Stats, _) => None,
        (AdminService::Doveadm, Speech::Plain) => doveadm
            .password
            .is_none()
            .then_some("doveadm_password is not set, so no client could log in"),
        (AdminService::Doveadm, Speech::Http) => {
            let has_none = doveadm.password.is_none() && doveadm.api_key.is_none();
            has_none.then_some(
                "neither doveadm_api_key nor doveadm_password is set, so no client could log in",
            )
        }
    }
}

fn is_same(one: &AdminListener, other: &AdminListener) -> bool {
    let of = |it: &AdminListener| (it.service, it.endpoint, it.ssl, it.name.clone());
    of(one) == of(other)
}

fn speech(name: &str) -> Speech {
    if name == HTTP { Speech::Http } else { Speech::Plain }
}

/// What a listener of doveadm is called that speaks HTTP, as in Dovecot.
const HTTP: &str = "http";
