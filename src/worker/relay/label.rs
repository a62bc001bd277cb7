//! Who is relayed where: for the log line at the end, and for those who ask meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Subject;
use crate::names::{Protocol, SessionId};
use crate::tick::Tick;

use super::super::places::Places;
use super::super::sessions::{Home, Keys};

/// The names of a relayed session.
#[derive(Debug)]
pub(in crate::worker) struct Label {
    pub(in crate::worker) protocol: Protocol,
    pub(in crate::worker) session: SessionId,
    pub(in crate::worker) client: SocketAddr,
    pub(in crate::worker) user: Option<Box<str>>,
    pub(in crate::worker) home: Arc<Home>,
    since: Since,
    /// What hardly any session has.
    rare: Option<Box<Rare>>,
}

#[derive(Debug)]
struct Rare {
    master: Option<Box<str>>,
    /// What is free again when the session ends.
    _places: Places,
}

impl Label {
    pub(in crate::worker) fn new(
        subject: Subject,
        home: Arc<Home>,
        since: Tick,
        places: Places,
    ) -> Self {
        let Subject { protocol, session, client, user, master } = subject;
        let rare = (master.is_some() || places.are_counted())
            .then(|| Box::new(Rare { master, _places: places }));
        Self { protocol, session, client, user, home, since: Since::at(since), rare }
    }

    /// When its relay began.
    pub(in crate::worker) fn since(&self) -> Tick {
        self.since.tick()
    }

    /// What the session is found by.
    pub(in crate::worker) fn keys(&self) -> Keys<'_> {
        Keys {
            user: self.user.as_deref(),
            client: self.client.ip().to_canonical(),
            home: &self.home,
        }
    }

    /// Who it is about.
    pub(in crate::worker) fn subject(&self) -> Subject {
        Subject {
            protocol: self.protocol,
            session: self.session.clone(),
            client: self.client,
            user: self.user.clone(),
            master: self.rare.as_ref().and_then(|rare| rare.master.clone()),
        }
    }

    /// Who it was about. The places that the session took are free from here on.
    pub(in crate::worker) fn into_subject(self) -> Subject {
        let Self { protocol, session, client, user, rare, .. } = self;
        Subject { protocol, session, client, user, master: rare.and_then(|rare| rare.master) }
    }
}

/// A moment in six bytes, which have room for the milliseconds of nine thousand years: the label is as large as the
/// allocator's pieces of that size are.
#[derive(Clone, Copy, Debug)]
struct Since([u8; 6]);

impl Since {
    fn at(moment: Tick) -> Self {
        let [a, b, c, d, e, f, _, _] = moment.0.to_le_bytes();
        Self([a, b, c, d, e, f])
    }

    fn tick(self) -> Tick {
        let [a, b, c, d, e, f] = self.0;
        Tick(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }
}

const _: () = assert!(size_of::<Label>() <= 96);
