//! What a data core has of the kernel: the port, the deadlines of its connections, and who reads on.
//!
//! Decides: nothing. A handler reaches the kernel by the [`line::Line`] of its own connection; the core's loop alone has
//! the whole. Files stand one on the other: `socket`, `timers`, `unsent`, `heard`, then this one, then `line`.

pub(super) mod heard;
pub(super) mod line;
pub(super) mod socket;
pub(super) mod timers;
pub(super) mod unsent;

use std::collections::VecDeque;

use crate::ring::port::Port;
use crate::tick::Tick;

use self::socket::Side;
use self::timers::Timers;

/// A core's side of the kernel.
#[derive(Debug)]
pub(super) struct Io<P: Port> {
    pub(super) port: P,
    /// The moment at which this turn of the loop began.
    pub(super) now: Tick,
    /// The deadlines, by slot: at most one each.
    pub(super) timers: Timers,
    /// Sides that stopped reading and may go on: bytes may be there, and readiness will not tell again. A slot that is used
    /// anew may be named by its former user; a read that finds nothing does no harm.
    pub(super) rereads: VecDeque<(u32, Side)>,
}

impl<P: Port> Io<P> {
    /// For a table of so many slots.
    pub(super) fn new(mut port: P, slots: u32) -> Self {
        let now = port.now();
        let mut timers = Timers::new(slots);
        timers.expire(now, &mut Vec::new());
        Self { port, now, timers, rereads: VecDeque::with_capacity(64) }
    }
}
