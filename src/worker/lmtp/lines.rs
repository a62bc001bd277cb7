//! What an LMTP client may reach: its own line and those of its connections to backends, and no other.

use crate::lmtp::LinkId;
use crate::ring::port::Port;
use crate::ring::slots::Slots;
use crate::share::backend_loads::Place;
use crate::tick::Tick;

use super::super::connection::{Connection, Phase};
use super::super::io::Io;
use super::super::io::line::Line;
use super::super::io::socket::Sockets;
use super::super::io::unsent::Unsent;
use super::state::Link;

/// The lines of one LMTP client.
#[derive(Debug)]
pub(in crate::worker) struct Lines<'a, P: Port> {
    io: &'a mut Io<P>,
    slots: &'a mut Slots<Connection>,
    /// The client's own slot.
    slot: u32,
}

impl<'a, P: Port> Lines<'a, P> {
    pub(in crate::worker) fn new(
        io: &'a mut Io<P>,
        slots: &'a mut Slots<Connection>,
        slot: u32,
    ) -> Self {
        Self { io, slots, slot }
    }

    /// The moment of this turn.
    pub(super) fn now(&self) -> Tick {
        self.io.now
    }

    /// The client's own.
    pub(super) fn client(&mut self) -> Option<Line<'_, P>> {
        let named = self.slots.named(self.slot);
        debug_assert!(named.is_some(), "a client's slot is freed while its driver has its turn");
        let (generation, connection) = named?;
        Some(connection.split(self.io, self.slot, generation).0)
    }

    /// That of a connection to a backend, and where bytes wait that its socket does not take.
    pub(super) fn link(&mut self, slot: u32) -> Option<(Line<'_, P>, &mut Unsent)> {
        let (generation, connection) = self.slots.named(slot)?;
        match connection.split(self.io, slot, generation) {
            (line, Phase::Link(link)) if link.client == self.slot => Some((line, &mut link.unsent)),
            _ => {
                debug_assert!(false, "an LMTP client knows a slot that is none of its own");
                None
            }
        }
    }

    /// A slot for one more connection to a backend. `None`: the table is full.
    pub(super) fn open(&mut self, id: LinkId, place: Place) -> Option<u32> {
        let phase = Phase::Link(Link::new(self.slot, id, place));
        let inserted = self.slots.insert(Connection::new(Sockets::default(), phase));
        inserted.ok().map(|(slot, _)| slot)
    }
}
