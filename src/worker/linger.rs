//! The end of a connection that was answered but not relayed: our last reply has to arrive.

use std::time::Duration;

use crate::ring::port::{Half, IoFault, Port};

use super::connection::Phase;
use super::core::Worker;
use super::drive::READS_PER_TURN;
use super::io::socket::Side;

impl<P: Port> Worker<P> {
    /// Closes our half and waits a little for the client to close its own, so that bytes it still sends do not turn
    /// our last reply into a reset.
    pub(super) fn linger(&mut self, slot: u32) {
        self.close_side(slot, Side::Backend);
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let former = std::mem::replace(&mut connection.phase, Phase::Lingering);
        connection.tls = None;
        let fd = connection.sockets.client.fd();
        if matches!(former, Phase::Lmtp(_)) {
            self.sessions.leave_nameless(slot);
        }
        let Some(fd) = fd else {
            return self.release(slot);
        };
        self.io.port.shutdown(fd, Half::Write);
        self.io.timers.set(slot, self.io.now.after(LINGER));
        self.read_lingering(slot);
    }

    /// Throws away what a client still sends after its last reply.
    pub(super) fn read_lingering(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(fd) = connection.sockets.client.fd() else {
            return;
        };
        for _ in 0..READS_PER_TURN {
            match self.io.port.recv(fd, &mut self.relays.scratch) {
                Ok(0) => return self.release(slot),
                Ok(_) => {}
                Err(IoFault::WouldBlock) => return,
                Err(_) => return self.release(slot),
            }
        }
        // Still talking after a bounded courtesy.
        self.release(slot);
    }
}

/// How long a refused client may keep its half open.
const LINGER: Duration = Duration::from_secs(1);
