//! What operators see of a user's sessions on demand (`hale trace`): the order to the data cores, and the bytes that they tell.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::names::{Protocol, SessionId};
use crate::tick::Tick;

/// Sessions of one user are to be told of, until it is over.
#[derive(Debug)]
pub struct TraceOrder {
    /// Whose bytes belong together.
    pub number: u64,
    /// The user, letter for letter.
    pub user: Box<str>,
    /// The end, also if no one says so.
    pub until: Tick,
    /// What is told of one session at most.
    pub bytes_max: u64,
    /// The operator has seen enough.
    is_over: AtomicBool,
}

impl TraceOrder {
    /// One that begins now.
    #[must_use]
    pub fn new(number: u64, user: &str, until: Tick, bytes_max: u64) -> Self {
        Self { number, user: user.into(), until, bytes_max, is_over: AtomicBool::new(false) }
    }

    /// Nothing more is wanted.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more is wanted.
    #[must_use]
    pub fn is_over(&self, now: Tick) -> bool {
        now >= self.until || self.is_over.load(Ordering::Relaxed)
    }
}

/// Bytes of a session on their way.
#[derive(Debug, PartialEq, Eq)]
pub struct Traced {
    /// Of which order.
    pub number: u64,
    /// The session.
    pub session: SessionId,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whose they are.
    pub from: Speaker,
    /// When they were read.
    pub at: Tick,
    /// As they were.
    pub bytes: Box<[u8]>,
    /// How many before them were not told, because the reader was too slow.
    pub missed: u64,
}

/// Whose bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The client.
    Client,
    /// The backend.
    Backend,
}
