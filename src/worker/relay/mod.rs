//! Sessions after login: bytes moved between two sockets, and nothing else (W-REL rules, wire.md 12).
//!
//! Decides: which direction gets a step, when a relay has ended, and when a client hears that its backend is gone. Does not:
//! look at bytes, ManageSieve's excepted (`crate::relay`), or free what it ends; the core's loop does. Driver: the core's
//! loop. Tests: at the end of the files, the simulator, `tests/appliance/e2e/relay.rs` and its neighbours.

pub(super) mod copy;
mod delay;
pub(super) mod driver;
pub(super) mod sealed;
mod spread;

pub use spread::SpreadRules;

use std::collections::{HashMap, VecDeque};

use crate::limits;
use crate::relay::Watch;

use super::connection::Side;
use spread::Spread;

/// The relayed sessions of a core.
#[derive(Debug)]
pub(super) struct Relays {
    /// Directions that have more to move, in the order of their steps.
    pub(super) hot: VecDeque<(u32, Side)>,
    /// What is looked at of the sessions whose bytes are not only moved, by slot.
    pub(super) watches: HashMap<u32, Box<Watch>>,
    /// Who is told when that a backend is gone.
    pub(super) spread: Spread,
    /// Relayed bytes pass through here.
    pub(super) scratch: Box<[u8]>,
    /// How many there are.
    pub(super) count: u32,
}

impl Relays {
    pub(super) fn new(rules: SpreadRules) -> Self {
        Self {
            hot: VecDeque::with_capacity(256),
            watches: HashMap::new(),
            spread: Spread::new(rules),
            scratch: vec![0; limits::SCRATCH_BYTES].into_boxed_slice(),
            count: 0,
        }
    }
}
