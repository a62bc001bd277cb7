//! Bytes on their way from one socket to another that the next enter sends.
//!
//! A core that serves a thousand sessions reads from all that are ready before it sends to any, and one system call
//! sends for all of them: the kernel's code for sending stays warm, and each message costs a call less.

use super::port::{IoFault, Token, Unsent};
use crate::limits;

/// Bytes and sends that the kernel has not been told of, or has not answered for.
pub(super) struct Outgoing {
    /// The kernel is given pointers into it, so it never moves, and nothing in it is written twice in one round.
    arena: Box<[u8]>,
    used: usize,
    sends: Vec<Send>,
    round: u32,
}

#[derive(Clone, Copy)]
struct Send {
    token: Token,
    start: usize,
    bytes: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            arena: vec![0; limits::FORWARDED_BYTES_MAX].into_boxed_slice(),
            used: 0,
            sends: Vec::new(),
            round: 1,
        }
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }

    /// Which round of sends is being collected; never 0 in the first four billion.
    pub(super) fn round(&self) -> u32 {
        self.round
    }

    /// Room for one read. `None`: what is there has to be sent first.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        if self.sends.len() >= SENDS_MAX {
            return None;
        }
        self.arena.get_mut(self.used..self.used + limits::SCRATCH_BYTES)
    }

    /// The first bytes of the room are to be sent: they stay where they are until [`Self::clear`].
    pub(super) fn keep(&mut self, token: Token, bytes: usize) -> &[u8] {
        let start = self.used;
        self.used += bytes;
        self.sends.push(Send { token, start, bytes });
        self.arena.get(start..self.used).unwrap_or_default()
    }

    /// What is left of a send of which the kernel took so much.
    pub(super) fn unsent(&self, token: Token, taken: usize, fault: IoFault) -> Option<Unsent> {
        // The kernel names the token without the bits of its generation that did not travel.
        let send = self.sends.iter().find(|send| send.token.pack() == token.pack())?;
        let bytes = self.arena.get(send.start..send.start + send.bytes)?.get(taken..)?;
        (!bytes.is_empty()).then(|| Unsent { token, bytes: bytes.into(), fault })
    }

    /// Everything was sent and every answer read: the arena is free again.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.sends.clear();
        self.round = self.round.wrapping_add(1);
    }
}

/// Sends of one round: as many as the submission queue holds.
const SENDS_MAX: usize = 1024;
