//! The index of a core's sessions after login: by user, client address, backend and group. Kicks, `who` and drains ask it.
//!
//! Decides: which slots may be of a user, an address, a backend or a group. Does not: keep names. Those stand in each
//! session's label, and who asks compares them there; so a session costs twelve bytes here and its share of the chains'
//! heads, and a byte that is relayed costs nothing. Driver: the core, when a relay begins and when it ends.
//! Tests: `tests`, against a plain list; the simulator compares the index with the slots after every turn.
//!
//! Each kind of key has chains through the slots, found by a keyed hash. A user, an address, a backend may have many
//! sessions, so those of one key are spread over [`PARTS`] chains by the number of their slot: a session that leaves is
//! searched for in its part alone. The heads have one size for ever, because moving ten thousand sessions to new
//! chains would be a pause.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;
use crate::share::backend_loads::Load;
use crate::share::enquiry::Place;

/// The index of a core.
#[derive(Debug)]
pub(super) struct Sessions {
    /// First slots of the chains, by kind of key.
    heads: [Vec<u32>; KINDS],
    /// By slot: the next one in the chain, by kind of key. Memory is taken as slots are first used.
    links: Vec<[Next; KINDS]>,
    /// LMTP sessions: they have neither user nor backend, and their clients' addresses may change.
    nameless: Vec<u32>,
    hashing: RandomState,
    homes: Homes,
    len: u32,
}

/// The kinds of keys: user, client address, backend, group.
const KINDS: usize = 4;

/// Chains over which the sessions of one key are spread.
pub(super) const PARTS: u32 = 32;

/// What sessions are searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// Upper and lower case are the same.
    User(&'a str),
    Client(IpAddr),
    Backend(&'a str),
    Group(&'a str),
}

/// What one session is found by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) client: IpAddr,
    pub(super) home: &'a Home,
}

/// The backend that a session is relayed to and its user's group; one value for all sessions of a core that share both.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) backend: Arc<str>,
    /// None where no cluster was asked.
    pub(super) group: Option<Arc<str>>,
    /// Where its sessions count among the backend's connections (R-LOAD-1).
    load: Option<Arc<Load>>,
    hashes: [u64; 2],
}

impl Sessions {
    pub(super) const SLOT_BYTES: usize = size_of::<[Next; KINDS]>();

    /// An index of so many slots.
    pub(super) fn new(slots: u32) -> Self {
        let heads = (slots / SLOTS_PER_HEAD).next_power_of_two().max(HEADS_MIN);
        let heads = vec![NONE; usize::try_from(heads).unwrap_or(0)];
        Self {
            heads: std::array::from_fn(|_| heads.clone()),
            links: Vec::with_capacity(usize::try_from(slots).unwrap_or(0)),
            nameless: Vec::new(),
            hashing: RandomState::new(),
            homes: Homes::default(),
            len: 0,
        }
    }

    /// The value that sessions with this backend and group share.
    pub(super) fn home(
        &mut self,
        backend: &Arc<str>,
        group: Option<&str>,
        load: Option<&Arc<Load>>,
    ) -> Arc<Home> {
        let hashes = [
            self.hash(Key::Backend(backend)),
            group.map_or(0, |group| self.hash(Key::Group(group))),
        ];
        self.homes.share(backend, group, load, hashes)
    }

    /// A relay begins.
    pub(super) fn enter(&mut self, slot: u32, keys: Keys<'_>) {
        let Some(index) = index(slot) else { return };
        if let Some(load) = &keys.home.load {
            load.enter();
        }
        if index >= self.links.len() {
            self.links.resize(index + 1, [Next::NONE; KINDS]);
        }
        for (kind, hash) in self.hashes(keys).into_iter().enumerate() {
            let Some(at) = hash.map(|hash| self.chain(hash, slot)) else { continue };
            let Some(head) = self.heads[kind].get_mut(at) else { continue };
            let next = std::mem::replace(head, slot);
            if let Some(links) = self.links.get_mut(index) {
                links[kind] = Next::to(next);
            }
        }
        self.len += 1;
    }

    /// It ended; by the keys with which it entered.
    pub(super) fn leave(&mut self, slot: u32, keys: Keys<'_>) {
        let mut is_found = false;
        if let Some(load) = &keys.home.load {
            load.leave();
        }
        for (kind, hash) in self.hashes(keys).into_iter().enumerate() {
            is_found |= hash.is_some_and(|hash| self.unchain(kind, hash, slot));
        }
        debug_assert!(is_found, "slot {slot} leaves the index and was not in it");
        self.len -= u32::from(is_found);
    }

    /// An LMTP session begins.
    pub(super) fn enter_nameless(&mut self, slot: u32) {
        self.nameless.push(slot);
    }

    /// It ended.
    pub(super) fn leave_nameless(&mut self, slot: u32) {
        // There are as many as mail servers deliver at the same moment.
        let at = self.nameless.iter().position(|listed| *listed == slot);
        debug_assert!(at.is_some(), "slot {slot} leaves the index and was not in it");
        if let Some(at) = at {
            self.nameless.swap_remove(at);
        }
    }

    /// How many sessions are in the index, LMTP sessions included.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.len).unwrap_or(0) + self.nameless.len()
    }

    /// Slots from `from` on that may be of `key`, at most `most`, in the order of part and slot; and where to go on. LMTP
    /// sessions come last, and only behind an address, which they may have.
    pub(super) fn search(
        &self,
        key: Key<'_>,
        from: Place,
        most: usize,
        found: &mut Vec<u32>,
    ) -> Option<Place> {
        found.clear();
        let last = if matches!(key, Key::Client(_)) { PARTS } else { PARTS - 1 };
        for part in from.part..=last {
            let lowest = if part == from.part { from.slot } else { 0 };
            let before = found.len();
            if part == PARTS {
                found.extend(self.nameless.iter().filter(|slot| **slot >= lowest));
            } else {
                found.extend(self.of_part(key, part).filter(|slot| *slot >= lowest));
            }
            found.get_mut(before..).unwrap_or_default().sort_unstable();
            if let Some(next) = found.get(most).copied() {
                found.truncate(most);
                return Some(Place { part, slot: next });
            }
        }
        None
    }

    /// Whether a session is in the index under all of its keys.
    pub(super) fn has(&self, slot: u32, keys: Keys<'_>) -> bool {
        let named = [
            keys.user.map(Key::User),
            Some(Key::Client(keys.client)),
            Some(Key::Backend(&keys.home.backend)),
            keys.home.group.as_deref().map(Key::Group),
        ];
        let is_under = |key| self.of_part(key, slot % PARTS).any(|listed| listed == slot);
        named.into_iter().flatten().all(is_under)
    }

    /// Whether an LMTP session is in the index.
    pub(super) fn has_nameless(&self, slot: u32) -> bool {
        self.nameless.contains(&slot)
    }

    fn of_part(&self, key: Key<'_>, part: u32) -> impl Iterator<Item = u32> {
        let kind = kind(key);
        let first = self.heads[kind].get(self.chain(self.hash(key), part)).copied();
        let next = move |slot: &u32| self.next(kind, *slot);
        std::iter::successors(first.filter(|slot| *slot != NONE), next)
            .filter(move |slot| slot % PARTS == part)
    }

    fn next(&self, kind: usize, slot: u32) -> Option<u32> {
        let next = self.links.get(index(slot)?)?[kind].slot();
        (next != NONE).then_some(next)
    }

    fn unchain(&mut self, kind: usize, hash: u64, slot: u32) -> bool {
        let after = self.next(kind, slot).unwrap_or(NONE);
        let at = self.chain(hash, slot);
        let Some(head) = self.heads[kind].get_mut(at) else { return false };
        if *head == slot {
            *head = after;
            return true;
        }
        let mut at = *head;
        while at != NONE {
            let next = self.next(kind, at).unwrap_or(NONE);
            if next == slot {
                if let Some(links) = index(at).and_then(|index| self.links.get_mut(index)) {
                    links[kind] = Next::to(after);
                }
                return true;
            }
            at = next;
        }
        false
    }

    /// Where the chain begins of a slot with this hash.
    fn chain(&self, hash: u64, slot: u32) -> usize {
        let [heads, ..] = &self.heads;
        let spread = hash.wrapping_add(u64::from(slot % PARTS).wrapping_mul(ODD));
        // Their number is a power of two, and less than the bits that are left of the hash can count.
        usize::try_from(spread >> 40).unwrap_or(0) & (heads.len() - 1)
    }

    fn hashes(&self, keys: Keys<'_>) -> [Option<u64>; KINDS] {
        let [backend, group] = keys.home.hashes;
        [
            keys.user.map(|user| self.hash(Key::User(user))),
            Some(self.hash(Key::Client(keys.client))),
            Some(backend),
            keys.home.group.as_ref().map(|_| group),
        ]
    }

    /// Keyed, because clients choose their names and their addresses (RS-15).
    fn hash(&self, key: Key<'_>) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        match key {
            Key::User(name) | Key::Backend(name) | Key::Group(name) => {
                for piece in name.as_bytes().chunks(LOWERED_BYTES) {
                    let mut lowered = [0; LOWERED_BYTES];
                    for (to, from) in lowered.iter_mut().zip(piece) {
                        *to = from.to_ascii_lowercase();
                    }
                    hasher.write(lowered.get(..piece.len()).unwrap_or_default());
                }
            }
            Key::Client(IpAddr::V4(address)) => hasher.write(&address.octets()),
            Key::Client(IpAddr::V6(address)) => hasher.write(&address.octets()),
        }
        hasher.finish()
    }
}

fn kind(key: Key<'_>) -> usize {
    match key {
        Key::User(_) => 0,
        Key::Client(_) => 1,
        Key::Backend(_) => 2,
        Key::Group(_) => 3,
    }
}

fn index(slot: u32) -> Option<usize> {
    usize::try_from(slot).ok()
}

/// The next slot of a chain, in three bytes.
#[derive(Clone, Copy, Debug)]
struct Next([u8; 3]);

impl Next {
    const NONE: Self = Self([0xFF; 3]);

    fn to(slot: u32) -> Self {
        let [low, middle, high, _] = slot.to_le_bytes();
        Self([low, middle, high])
    }

    fn slot(self) -> u32 {
        let Self([low, middle, high]) = self;
        let slot = u32::from_le_bytes([low, middle, high, 0]);
        if slot == LAST { NONE } else { slot }
    }
}

/// The homes of a core's sessions, each kept once.
#[derive(Debug, Default)]
struct Homes {
    kept: HashMap<[u64; 2], Arc<Home>>,
    /// At so many those without a session go.
    sweep_at: usize,
}

impl Homes {
    fn share(
        &mut self,
        backend: &Arc<str>,
        group: Option<&str>,
        load: Option<&Arc<Load>>,
        hashes: [u64; 2],
    ) -> Arc<Home> {
        let is_same = |home: &&Arc<Home>| {
            home.backend == *backend
                && home.group.as_deref() == group
                && home.load.as_ref().map(Arc::as_ptr) == load.map(Arc::as_ptr)
        };
        if let Some(home) = self.kept.get(&hashes).filter(is_same) {
            return Arc::clone(home);
        }
        let (backend, group) = (Arc::clone(backend), group.map(Into::into));
        let home = Arc::new(Home { backend, group, load: load.cloned(), hashes });
        if self.kept.len() >= self.sweep_at.max(HOMES_MIN) {
            self.kept.retain(|_, home| Arc::strong_count(home) > 1);
            self.sweep_at = self.kept.len().saturating_mul(2);
        }
        // Two that differ and hash alike: the former's sessions keep theirs.
        self.kept.insert(hashes, Arc::clone(&home));
        home
    }
}

/// No slot.
const NONE: u32 = u32::MAX;
/// What stands for it in three bytes.
const LAST: u32 = 0x00FF_FFFF;
/// So few heads that a full table's chains are walked in a microsecond, and that they cost a session a byte or four.
const SLOTS_PER_HEAD: u32 = 64;
const HEADS_MIN: u32 = 16;
/// Homes that are kept without asking whether they still have a session.
const HOMES_MIN: usize = 256;
/// Names are lowered in pieces.
const LOWERED_BYTES: usize = 32;
/// Spreads the parts of a key over the heads.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

const _: () = assert!(limits::CONNECTIONS_PER_CORE_MAX < LAST);

#[cfg(test)]
mod tests;
