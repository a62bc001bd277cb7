//! What is kept of a relayed session: its label for the log, and for each direction what is on its way.
//!
//! Everything of an idle session is in here: no buffer, pipe, kernel timer or future (DESIGN decision 9).

use std::sync::Arc;
use std::time::Duration;

use crate::event::{EndedBy, Event};
use crate::limits;
use crate::relay::Watch;
use crate::ring::port::PipeId;
#[cfg(doc)]
use crate::ring::port::Port;
use crate::tick::Tick;

use super::super::backends::endpoints::EndpointId;
use super::super::io::socket::Side;
use super::label::Label;

/// A relayed session.
#[derive(Debug)]
pub(in crate::worker) struct Relay {
    pub(in crate::worker) label: Box<Label>,
    /// From the client to the backend.
    pub(super) up: Direction,
    /// From the backend to the client.
    pub(super) down: Direction,
    /// The last time a byte moved, in seconds since the start.
    moved_at: u32,
    /// The last time one came from the client: the lowest byte of it, there is no room for more.
    asked_at: u8,
    /// Which side ended first: it is the one the log names.
    pub(super) first_end: Option<Side>,
    /// Where it counts among the sessions of an endpoint: as long as its backend is there, if that is watched.
    pub(super) endpoint: Option<EndpointId>,
}

impl Relay {
    /// It begins now. `rounds`: in which the login's last bytes went to the backend and to the client, if they may be under
    /// way: nothing may overtake them.
    pub(in crate::worker) fn new(
        label: Box<Label>,
        endpoint: Option<EndpointId>,
        [up, down]: [u32; 2],
        now: Tick,
    ) -> Self {
        let mode = match Watch::of(label.protocol) {
            Some(_) => Mode::Watched,
            None => Mode::Copy,
        };
        Self {
            label,
            up: Direction { mode, forwarded_in: up, ..Direction::default() },
            down: Direction { mode, forwarded_in: down, ..Direction::default() },
            moved_at: seconds(now),
            asked_at: low_byte(seconds(now)),
            first_end: None,
            endpoint,
        }
    }

    /// Bytes came from `source`, or reached the other side.
    pub(super) fn note_progress(&mut self, source: Side, now: Tick) {
        self.moved_at = seconds(now);
        if source == Side::Client {
            self.asked_at = low_byte(self.moved_at);
        }
    }

    /// The direction that reads from `source`, and the other one.
    pub(super) fn both(&mut self, source: Side) -> [&mut Direction; 2] {
        match source {
            Side::Client => [&mut self.up, &mut self.down],
            Side::Backend => [&mut self.down, &mut self.up],
        }
    }

    /// The direction that reads from `source`.
    pub(super) fn direction(&mut self, source: Side) -> &mut Direction {
        match source {
            Side::Client => &mut self.up,
            Side::Backend => &mut self.down,
        }
    }

    /// The report of its end.
    pub(in crate::worker) fn ended(
        self,
        by: EndedBy,
        error: Option<&'static str>,
        now: Tick,
    ) -> Event {
        let (backend, since) = (Arc::clone(&self.label.home.backend), self.label.since());
        Event::RelayEnded {
            subject: self.label.into_subject(),
            backend,
            by,
            bytes_up: self.up.delivered,
            bytes_down: self.down.delivered,
            lasted: now.since(since),
            error,
        }
    }

    /// Whether it counts among the sessions of an endpoint.
    pub(in crate::worker) fn is_counted(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Whether the direction that reads from `source` says that it is on the list of those that have more to move.
    pub(in crate::worker) fn is_queued(&self, source: Side) -> bool {
        match source {
            Side::Client => self.up.queued,
            Side::Backend => self.down.queued,
        }
    }

    pub(super) fn is_half_closed(&self) -> bool {
        self.up.shut || self.down.shut
    }

    fn is_blocked(&self) -> bool {
        self.up.is_blocked() || self.down.is_blocked()
    }

    /// How long nothing may move in the present state, and what it is called when it lasts longer.
    pub(super) fn patience(&self, idle_timeout: Duration) -> (Duration, EndedBy) {
        if self.is_blocked() {
            (limits::STALL_TIMEOUT.min(idle_timeout), EndedBy::StallTimeout)
        } else if self.is_half_closed() {
            (limits::HALF_CLOSE_LINGER, EndedBy::HalfCloseTimeout)
        } else {
            (idle_timeout, EndedBy::IdleTimeout)
        }
    }

    /// The last movement is kept in whole seconds, so a second is added rather than lost.
    pub(super) fn patience_ends(&self, limit: Duration) -> Tick {
        Tick(u64::from(self.moved_at) * 1000 + 1000).after(limit)
    }

    /// Whether no byte moved for `quiet` and none waits: a session in the middle of a transfer is not idle.
    pub(in crate::worker) fn is_idle(&self, now: Tick, quiet: Duration) -> bool {
        !self.is_blocked() && now.0 >= self.patience_ends(quiet).0
    }

    /// Whether the client sent something a moment ago, or bytes are on their way.
    pub(super) fn is_talking(&self, now: Tick) -> bool {
        let silent = seconds(now).saturating_sub(self.moved_at);
        // The lowest byte is enough: if it is an old one that looks new, the client is told a little early.
        let unasked = low_byte(seconds(now)).wrapping_sub(self.asked_at);
        let silent = silent.max(unasked.into());
        self.is_blocked() || u64::from(silent) <= limits::SPREAD_SILENCE.as_secs()
    }
}

/// One direction of a relay.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Bytes delivered to the destination.
    pub(super) delivered: u64,
    /// Bytes that the destination did not take yet, on the copy path.
    pub(super) rest: Option<Box<Rest>>,
    /// Bytes in the borrowed pipe.
    pub(super) in_pipe: u32,
    /// The round in which bytes were forwarded last ([`Port::round`]): as long as it lasts they are not sent yet.
    pub(super) forwarded_in: u32,
    pub(super) pipe: Option<PipeId>,
    pub(super) mode: Mode,
    /// On the core's list of directions that have more to move.
    pub(super) queued: bool,
    pub(super) source: Source,
    /// The destination was told so.
    pub(super) shut: bool,
}

/// What is known of a direction's source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// It may send more.
    #[default]
    Open,
    /// It reached its end.
    Ended,
    /// Its connection broke behind bytes that the destination has not taken yet: a fault is told but once.
    Broken,
}

impl Direction {
    /// Whether the source is not read now, so that no read would tell that it broke.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_blocked() || self.shut
    }

    /// Whether bytes wait for the destination.
    pub(super) fn is_blocked(&self) -> bool {
        self.rest.is_some() || self.in_pipe > 0
    }

    /// Bytes that were on their way wait again, in front of what TLS has said to the destination meanwhile.
    pub(super) fn put_back(&mut self, bytes: Box<[u8]>) {
        let bytes = match self.rest.take() {
            None => bytes,
            Some(rest) => [&bytes, rest.unsent()].concat().into(),
        };
        self.rest = Some(Box::new(Rest { bytes, sent: 0 }));
        self.forwarded_in = 0;
    }

    /// Bytes wait for the destination, behind what waits already.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let bytes = match self.rest.take() {
            None => bytes.into(),
            Some(rest) => [rest.unsent(), bytes].concat().into(),
        };
        self.rest = Some(Box::new(Rest { bytes, sent: 0 }));
    }

    /// How many bytes wait that were copied.
    pub(super) fn kept_bytes(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.unsent().len())
    }
}

/// Bytes a destination did not take, and how many of them it has taken since.
#[derive(Debug)]
pub(super) struct Rest {
    bytes: Box<[u8]>,
    sent: usize,
}

impl Rest {
    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// The destination took so many.
    pub(super) fn took(&mut self, count: usize) {
        self.sent += count;
    }
}

/// How a direction moves bytes (W-REL-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Through the core's scratch.
    #[default]
    Copy,
    /// Through a pooled pipe: the last read filled the scratch.
    Hot,
    /// Through the core's scratch, and looked at there: [`crate::relay::Watch`].
    Watched,
}

fn low_byte(seconds: u32) -> u8 {
    let [low, ..] = seconds.to_le_bytes();
    low
}

fn seconds(now: Tick) -> u32 {
    u32::try_from(now.0 / 1000).unwrap_or(u32::MAX)
}

const _: () = assert!(size_of::<Relay>() <= 80);
