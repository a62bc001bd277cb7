//! One connection's bytes, with or without TLS: what its socket does not take at once is kept and sent when it does.
//!
//! Driver: backends and clients of the loop.

use std::os::fd::OwnedFd;

use rustls::Connection;

use super::layer::Layer;
use super::payload::{Outgoing, Payload, Transfer};
use crate::sockets::{self, Received};

/// A connected socket.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    /// What the socket did not take; with TLS that is the layer's.
    unsent: Vec<u8>,
    layer: Option<Box<Layer>>,
}

impl Channel {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, unsent: Vec::new(), layer: None }
    }

    /// Everything from here on is inside TLS; `None` when the peer is gone.
    pub(super) fn secure(&mut self, connection: Connection) -> Option<()> {
        let mut layer = Box::new(Layer::new(connection));
        // Nothing was left unsent: the peer has answered the last plain byte, or this is the first one.
        let outcome = layer.flush(&self.socket);
        self.layer = Some(layer);
        outcome.is_going().then_some(())
    }

    /// Reads bytes into `buffer`; `wire` is room for sealed ones.
    pub(super) fn receive(&mut self, buffer: &mut [u8], wire: &mut [u8]) -> Received {
        match &mut self.layer {
            None => sockets::receive(&self.socket, buffer),
            Some(layer) => layer.receive(&self.socket, buffer, wire),
        }
    }

    /// Sends bytes, or keeps them for later; `None` when the peer is gone.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<()> {
        if let Some(layer) = &mut self.layer {
            return layer.send(&self.socket, bytes);
        }
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
        if let Some(layer) = &mut self.layer {
            return layer.flush(&self.socket);
        }
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
        if let Some(layer) = &mut self.layer {
            return layer.source(&self.socket, payload, outgoing);
        }
        match self.flush() {
            Transfer::Done => payload.source(&self.socket, outgoing),
            other => other,
        }
    }

    /// Throws away part of a bulk transfer that comes without TLS.
    pub(super) fn sink(&self, payload: &mut Payload, remaining: &mut u64) -> Transfer {
        payload.sink(&self.socket, remaining)
    }

    /// What TLS found wrong with the peer.
    pub(super) fn fault(&mut self) -> Option<String> {
        self.layer.as_mut().and_then(|layer| layer.fault())
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(super) fn is_secure(&self) -> bool {
        self.layer.is_some()
    }

    /// Whether TLS resumed an earlier session; `None` without TLS.
    pub(super) fn is_resumed(&self) -> Option<bool> {
        self.layer.as_ref().and_then(|layer| layer.is_resumed())
    }

    /// Whether a read that gave `size` of at most `limit` bytes may be followed by another one. A short read emptied
    /// the queue, so the next byte raises a new edge; a hang-up does not.
    pub(super) fn may_have_more(&self, size: usize, limit: usize) -> bool {
        match &self.layer {
            None => size == limit,
            Some(layer) => layer.may_have_more(),
        }
    }
}
