//! nginx asks a server over HTTP who a user is and where the mailbox lives; here every user is known.
//!
//! One answer for each connection, the backends in turn. It waits for nginx to close: who closes first keeps the pair
//! of ports. Driver: the loop.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;

use memchr::memmem;
use rustix::event::epoll::EventFlags;

use super::backend::HANG_UP;
use super::{Exchange, Step};
use crate::sockets::{self, Received};

/// One request.
#[derive(Debug)]
pub(super) struct AuthHttpSession {
    socket: OwnedFd,
    request: Vec<u8>,
    backend: SocketAddrV4,
}

impl AuthHttpSession {
    pub(super) fn new(socket: OwnedFd, backend: SocketAddrV4) -> Self {
        Self { socket, request: Vec::new(), backend }
    }

    pub(super) fn advance(&mut self, events: EventFlags, exchange: &mut Exchange) -> Step {
        loop {
            let size = match sockets::receive(&self.socket, &mut exchange.scratch) {
                Received::Bytes(size) => size,
                Received::Empty => return Step::Wait,
                Received::Closed => return Step::Close,
            };
            self.request.extend_from_slice(&exchange.scratch[..size]);
            if memmem::find(&self.request, b"\r\n\r\n").is_some() {
                self.request.clear();
                let reply = reply(self.backend);
                if sockets::send(&self.socket, &reply) != Some(reply.len()) {
                    return Step::Close;
                }
            }
            if size < exchange.scratch.len() && !events.intersects(HANG_UP) {
                return Step::Wait;
            }
        }
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }
}

fn reply(backend: SocketAddrV4) -> Vec<u8> {
    let (address, port) = (backend.ip(), backend.port());
    format!(
        "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: {address}\r\nAuth-Port: {port}\r\n\r\n"
    )
    .into_bytes()
}
