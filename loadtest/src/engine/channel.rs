//! One connection's bytes: what its socket does not take at once is kept and sent when it does.
//!
//! Driver: backends and clients of the loop.

use std::os::fd::OwnedFd;

use super::payload::{Outgoing, Payload, Transfer};
use crate::sockets::{self, Received};

/// A connected socket.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

impl Channel {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, unsent: Vec::new() }
    }

    /// Reads bytes into `buffer`.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Received {
        sockets::receive(&self.socket, buffer)
    }

    /// Sends bytes, or keeps them for later; `None` when the peer is gone.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return self.flush().is_going().then_some(());
        }
        let sent = sockets::send(&self.socket, bytes)?;
        self.unsent.extend_from_slice(&bytes[sent..]);
        Some(())
    }

    /// Sends what was kept.
    pub(super) fn flush(&mut self) -> Transfer {
        if self.unsent.is_empty() {
            return Transfer::Done;
        }
        let Some(sent) = sockets::send(&self.socket, &self.unsent) else {
            return Transfer::Broken;
        };
        self.unsent.drain(..sent);
        if self.unsent.is_empty() { Transfer::Done } else { Transfer::Blocked }
    }

    /// Sends part of a bulk transfer.
    pub(super) fn source(&mut self, payload: &mut Payload, outgoing: &mut Outgoing) -> Transfer {
        match self.flush() {
            Transfer::Done => payload.source(&self.socket, outgoing),
            other => other,
        }
    }

    /// Throws away part of a bulk transfer.
    pub(super) fn sink(&self, payload: &mut Payload, remaining: &mut u64) -> Transfer {
        payload.sink(&self.socket, remaining)
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }
}
