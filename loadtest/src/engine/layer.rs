//! TLS between a socket and its session: rustls does not know the socket, this does.
//!
//! Takes every sealed byte out of the socket and every plain byte out of rustls within one call, so that edges are
//! not lost. Driver: [`super::channel`].

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::OwnedFd;

use rustls::{Connection, HandshakeKind};

use super::payload::{Outgoing, Payload, Transfer, WRITES_PER_TURN};
use crate::sockets::{self, Received};

/// One end of a TLS session.
#[derive(Debug)]
pub(super) struct Layer {
    connection: Connection,
    /// Whether the last read emptied the socket.
    drained: bool,
    /// Whether the peer has closed its half, or broke the rules.
    over: bool,
    fault: Option<String>,
}

impl Layer {
    pub(super) fn new(mut connection: Connection) -> Self {
        // What the socket does not take waits here, as it does without TLS.
        connection.set_buffer_limit(None);
        Self { connection, drained: false, over: false, fault: None }
    }

    /// Reads plain bytes; `buffer` must be larger than `wire` by a record.
    pub(super) fn receive(
        &mut self,
        socket: &OwnedFd,
        buffer: &mut [u8],
        wire: &mut [u8],
    ) -> Received {
        while !self.over {
            let size = match sockets::receive(socket, wire) {
                Received::Bytes(size) => size,
                other => return other,
            };
            self.drained = size < wire.len();
            let plain = self.open(&wire[..size], buffer);
            // Parts of the handshake and alerts, after an error, too.
            let flushed = self.flush(socket);
            if plain > 0 {
                return Received::Bytes(plain);
            }
            self.over |= flushed == Transfer::Broken;
        }
        Received::Closed
    }

    /// Whether a read that just gave bytes may give more.
    pub(super) fn may_have_more(&self) -> bool {
        !self.drained || self.over
    }

    pub(super) fn send(&mut self, socket: &OwnedFd, bytes: &[u8]) -> Option<()> {
        self.connection.writer().write_all(bytes).ok()?;
        self.flush(socket).is_going().then_some(())
    }

    /// Sends what is sealed.
    pub(super) fn flush(&mut self, socket: &OwnedFd) -> Transfer {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Writer(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Transfer::Blocked;
                }
                Err(_) => return Transfer::Broken,
            }
        }
        Transfer::Done
    }

    /// Seals and sends part of a bulk transfer.
    pub(super) fn source(
        &mut self,
        socket: &OwnedFd,
        payload: &mut Payload,
        outgoing: &mut Outgoing,
    ) -> Transfer {
        for _ in 0..WRITES_PER_TURN {
            match self.flush(socket) {
                Transfer::Done if outgoing.remaining > 0 => {}
                other => return other,
            }
            if self.connection.writer().write_all(payload.next_block(outgoing)).is_err() {
                return Transfer::Broken;
            }
        }
        match self.flush(socket) {
            Transfer::Done if outgoing.remaining > 0 => Transfer::More,
            other => other,
        }
    }

    /// Whether an earlier session was resumed; `None` during the handshake.
    pub(super) fn is_resumed(&self) -> Option<bool> {
        Some(self.connection.handshake_kind()? == HandshakeKind::Resumed)
    }

    /// What was wrong with the peer, for a message.
    pub(super) fn fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// Opens records; how many plain bytes they gave.
    fn open(&mut self, mut sealed: &[u8], buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while !sealed.is_empty() && !self.over {
            let read = self.connection.read_tls(&mut sealed).map_err(|error| error.to_string());
            let outcome = read.and_then(|_| {
                self.connection.process_new_packets().map_err(|error| error.to_string())
            });
            match outcome {
                Ok(state) if state.peer_has_closed() => {
                    // Some servers wait for it before they close.
                    self.connection.send_close_notify();
                    self.over = true;
                }
                Ok(_) => {}
                Err(fault) => {
                    self.fault = Some(fault);
                    self.over = true;
                }
            }
            while let Ok(size @ 1..) = self.connection.reader().read(&mut buffer[filled..]) {
                filled += size;
            }
        }
        filled
    }
}

/// A socket as rustls writes to it.
struct Writer<'a>(&'a OwnedFd);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match sockets::send_slices(self.0, slices) {
            Some(0) => Err(io::ErrorKind::WouldBlock.into()),
            Some(size) => Ok(size),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
