//! Questions of the control core to all data cores, and what they answer: who is here, how many, end these.
//!
//! An answer comes in pieces, each made within one turn of its core and bounded by `limits`; the asker asks for the next
//! one when it has room for it. So a core keeps nothing of an enquiry between two pieces, an asker that goes away ends it by
//! not asking on, and one that reads slowly slows down no other.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::names::{CoreId, Protocol, SessionId};
use crate::network::Networks;
use crate::tick::Tick;

/// What is asked, or ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    /// Whose answer a piece belongs to.
    pub number: u64,
    /// Which sessions are meant.
    pub whom: Whom,
    /// What about them.
    pub act: Act,
}

/// What is wanted of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A row for each that is logged in, and for each of LMTP.
    List,
    /// Its end, and a row for each.
    Kick,
    /// The same because the groups, or the users, are leaving the backend: logins under way do not end, but are routed again
    /// (C-MOVE-4), and mail that is on its way there is told to come again (C-MOVE-7).
    Leave,
    /// The backend of the sessions is lost: their clients are told as if its connections had broken (W-SPREAD-1), logins on their
    /// way there are routed again, and a row for each of which that is new (R-PROBE-9).
    Part,
    /// How many there are, before login and after, of all clients.
    Count,
}

/// Which sessions are meant: those of which all is true that is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// The user's name. LMTP sessions have none.
    pub users: Option<Mask>,
    /// The user's name is one of these, letter for letter.
    pub names: Option<BTreeSet<Box<str>>>,
    /// The client's address.
    pub clients: Option<Networks>,
    /// The backend's host name.
    pub backend: Option<Box<str>>,
    /// The user's group is one of these.
    pub groups: Option<BTreeSet<Box<str>>>,
    /// The session's id. Those that are written alike are all meant.
    pub sessions: Option<Vec<SessionId>>,
}

impl Whom {
    /// Whether all sessions of a backend are meant, so that their ends are spread (W-SPREAD-1).
    #[must_use]
    pub fn is_whole_backend(&self) -> bool {
        let Self { users, names, clients, backend, groups, sessions } = self;
        backend.is_some()
            && users.is_none()
            && names.is_none()
            && clients.is_none()
            && groups.is_none()
            && sessions.is_none()
    }
}

/// A name with `*` for any characters and `?` for one, upper and lower case alike, as doveadm takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Box<str>);

impl Mask {
    /// Any text is a mask.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The name, where the mask is one.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(&*self.0)
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (mut mask, mut name) = (self.0.as_bytes(), name.as_bytes());
        // Behind the last star, and the name as it was there: what is tried when the rest does not fit.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (mask, name) {
                ([b'*', rest @ ..], _) => {
                    (mask, retry) = (rest, Some((rest, name)));
                    continue;
                }
                ([], []) => return true,
                ([b'?', rest @ ..], [_, after @ ..]) => {
                    (mask, name) = (rest, after);
                    continue;
                }
                ([wanted, rest @ ..], [found, after @ ..])
                    if wanted.eq_ignore_ascii_case(found) =>
                {
                    (mask, name) = (rest, after);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((rest, [_, after @ ..])) => {
                    (mask, name, retry) = (rest, after, Some((rest, after)));
                }
                _ => return false,
            }
        }
    }
}

/// Where an answer goes on. Only the core that said it knows what it means; the default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The part of the index.
    pub part: u32,
    /// The first slot that has not been looked at.
    pub slot: u32,
}

/// A piece of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Of which enquiry.
    pub number: u64,
    /// Whose.
    pub core: u16,
    /// Sessions that are meant.
    pub rows: Vec<Row>,
    /// How many there are, where that was asked.
    pub tally: Tally,
    /// Sessions that were looked at.
    pub looked_at: u32,
    /// How long the core was busy with it, in microseconds.
    pub took_us: u64,
    /// Where the next piece begins; none: this was the last.
    pub next: Option<Place>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is spoken.
    pub protocol: Protocol,
    /// Who is logged in; none: LMTP.
    pub user: Option<Box<str>>,
    /// The client as far as it is known.
    pub client: SocketAddr,
    /// Its id.
    pub session: SessionId,
    /// The backend's host name; none: LMTP, where there may be many.
    pub backend: Option<Arc<str>>,
    /// The user's group.
    pub group: Option<Arc<str>>,
    /// When the login succeeded.
    pub since: Option<Tick>,
}

/// Connections, in the order of [`Protocol::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not logged in, or not yet.
    pub before_login: [u64; 5],
    /// Logged in. LMTP sessions are counted here.
    pub after_login: [u64; 5],
    /// Connections to backends that LMTP sessions have.
    pub lmtp_backends: u64,
    /// Connections that are over but for their last bytes.
    pub ending: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        let sessions: u64 = self.before_login.iter().chain(&self.after_login).sum();
        sessions + self.lmtp_backends + self.ending
    }

    /// Adds what another piece counted.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.before_login, &other.before_login),
            (&mut self.after_login, &other.after_login),
        ];
        for (sums, counts) in pairs {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        self.lmtp_backends += other.lmtp_backends;
        self.ending += other.ending;
    }
}

impl Piece {
    /// An answer that says nothing yet.
    #[must_use]
    pub fn of(enquiry: &Enquiry, core: CoreId) -> Self {
        Self { number: enquiry.number, core: core.0, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a mask means, told in the plainest way.
    fn plainly(mask: &[u8], name: &[u8]) -> bool {
        match mask {
            [] => name.is_empty(),
            [b'*', rest @ ..] => (0..=name.len()).any(|skipped| plainly(rest, &name[skipped..])),
            [b'?', rest @ ..] => !name.is_empty() && plainly(rest, &name[1..]),
            [byte, rest @ ..] => {
                name.first().is_some_and(|found| found.eq_ignore_ascii_case(byte))
                    && plainly(rest, &name[1..])
            }
        }
    }

    proptest! {
        #[test]
        fn a_mask_means_what_the_plainest_reading_says(mask in "[aAb*?]{0,8}", name in "[aAbB]{0,8}") {
            let meant = Mask::new(&mask).matches(&name);
            prop_assert_eq!(meant, plainly(mask.as_bytes(), name.as_bytes()));
        }
    }

    #[test]
    fn masks_are_those_of_doveadm() {
        let of = |mask: &str, name: &str| Mask::new(mask).matches(name);
        assert!(of("*@example.org", "alice@example.org") && of("BOB", "bob") && of("ba?", "bar"));
        assert!(
            !of("ba?", "ba") && !of("bob", "bob2") && !of("*@example.org", "alice@example.com")
        );
        assert_eq!(Mask::new("bob").exact(), Some("bob"));
        assert_eq!(Mask::new("b*b").exact(), None);
        // A mask of many stars takes no longer than its length times the name's.
        assert!(!of(&"*a".repeat(200), &"a".repeat(150)));
    }
}
