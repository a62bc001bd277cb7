//! Remembered results of costly verifications (`auth_cache_size`), so that a warm login computes no hash.
//!
//! The key is a keyed digest of the stored text and the password: exactly what the answer depends on, and nothing else.
//! So an entry can't answer for another user, passdb or protocol (CVE-2025-30189, SA-09), no password is kept, and nothing
//! is to be forgotten when a password file is read again: a changed stored password never matches, and neither does the
//! right password after a wrong one, so that no remembered failure stands in the way of a user who corrects himself.
//! Failures have a table of their own: guesses can push out nothing but guesses (SA-10). They save the pool the work of a
//! program that repeats an outdated password for ever, and tell a guesser nothing: `auth::delay` counts from receipt.
//! Users that a database does not have are not remembered, because all databases of this version are in memory.
//! Driven by `worker::login::look_ups`, before a [`super::chain::Job`] goes to the hashing pool. One value for each data core.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;
use crate::tick::Tick;

/// Stands for a stored text and a password. Tells nothing about either without the process's secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of this stored text and this password. `process_secret` is drawn at start and never leaves the process.
    #[must_use]
    pub fn new(process_secret: &Secret, stored: &[u8], password: &[u8]) -> Self {
        // HMAC takes keys of every length; the empty one would be a caller's mistake, not an attacker's chance.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(process_secret.expose()) else {
            return Self([0; 32]);
        };
        // With the lengths, so that no byte can move from one to the other.
        for part in [stored, password] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        Self(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// Memory of this core's tables; zero: nothing is remembered (`auth_cache_size`, which all data cores share).
    pub bytes: u64,
    /// How long a right password is remembered; zero: not at all (`auth_cache_ttl`).
    pub ttl: Duration,
    /// How long a wrong one is; zero: not at all (`auth_cache_negative_ttl`).
    pub negative_ttl: Duration,
}

/// What the hashing pool found out, as long as it is worth remembering.
#[derive(Debug)]
pub struct Verifications {
    right: Keys,
    wrong: Keys,
}

impl Verifications {
    /// Tables that take no more memory than the rules allow, and none before there is something to remember: where all
    /// passwords are compared at once, as in most sites with plain or no hashes, there never is.
    #[must_use]
    pub fn new(rules: &CacheRules) -> Self {
        let bytes = usize::try_from(rules.bytes).unwrap_or(usize::MAX);
        let for_wrong = bytes / WRONG_SHARE;
        Self {
            right: Keys::within(bytes - for_wrong, rules.ttl),
            wrong: Keys::within(for_wrong, rules.negative_ttl),
        }
    }

    /// Whether the password was right or wrong, if that is remembered. Being asked does not lengthen the time (SA-10).
    pub fn recall(&mut self, key: Key, now: Tick) -> Option<bool> {
        if self.right.recall(key, now) {
            return Some(true);
        }
        self.wrong.recall(key, now).then_some(false)
    }

    /// Remembers what has just been found out.
    pub fn remember(&mut self, key: Key, is_right: bool, now: Tick) {
        let keys = if is_right { &mut self.right } else { &mut self.wrong };
        keys.keep(key, now);
    }
}

/// A failure is worth less memory than a success: a fourth of all.
const WRONG_SHARE: usize = 4;

/// Keys with one answer in two generations: when the younger is full, the elder is dropped whole.
///
/// That keeps at least the last `capacity` keys, without a list to keep in order.
#[derive(Debug)]
struct Keys {
    younger: Generation,
    elder: Generation,
    /// Of one generation; zero: nothing is kept.
    capacity: usize,
    ttl: Duration,
}

/// Keys are uniform already and can't be chosen from outside, so that hashing them again would be a waste.
type Generation = HashMap<Key, Tick, BuildHasherDefault<FirstBytes>>;

impl Keys {
    fn within(bytes: usize, ttl: Duration) -> Self {
        let capacity = if ttl.is_zero() { 0 } else { capacity_within(bytes / 2) };
        Self { younger: Generation::default(), elder: Generation::default(), capacity, ttl }
    }

    fn recall(&mut self, key: Key, now: Tick) -> bool {
        if let Some(&since) = self.younger.get(&key) {
            return now.since(since) < self.ttl;
        }
        let Some(since) = self.elder.remove(&key) else {
            return false;
        };
        let is_fresh = now.since(since) < self.ttl;
        if is_fresh {
            self.keep(key, since);
        }
        is_fresh
    }

    fn keep(&mut self, key: Key, since: Tick) {
        if self.capacity == 0 {
            return;
        }
        if self.younger.len() >= self.capacity && !self.younger.contains_key(&key) {
            std::mem::swap(&mut self.younger, &mut self.elder);
            self.younger.clear();
        }
        if self.younger.capacity() == 0 {
            // All of it at once: a table that grew would move what it has, and hold up its data core.
            self.younger.reserve(self.capacity);
        }
        self.younger.insert(key, since);
    }
}

/// Entries of a table that takes no more than `bytes`: the standard library's has a power of two of places, each with a byte
/// that says what is in it, and fills seven of eight.
fn capacity_within(bytes: usize) -> usize {
    let places = bytes.saturating_sub(GROUP_BYTES) / (size_of::<(Key, Tick)>() + 1);
    match places.checked_ilog2() {
        None | Some(0 | 1) => 0,
        Some(2) => 3,
        Some(exponent) => (1 << exponent) / 8 * 7,
    }
}

/// Bytes behind the table's last place, so that a group of them can be read at once.
const GROUP_BYTES: usize = 16;

/// Takes the first eight bytes of a [`Key`] for its hash.
#[derive(Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    /// The length of the array comes first; it says nothing.
    fn write_usize(&mut self, _length: usize) {}
}

impl fmt::Debug for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstBytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(stored: &str, password: &str) -> Key {
        Key::new(&Secret::from("process"), stored.as_bytes(), password.as_bytes())
    }

    fn cache(bytes: u64) -> Verifications {
        let (ttl, negative_ttl) = (Duration::from_secs(3600), Duration::from_secs(60));
        Verifications::new(&CacheRules { bytes, ttl, negative_ttl })
    }

    impl Verifications {
        fn len(&self) -> usize {
            [&self.right, &self.wrong]
                .map(|keys| keys.younger.len() + keys.elder.len())
                .iter()
                .sum()
        }
    }

    #[test]
    fn sa_09_a_key_depends_on_exactly_secret_stored_text_and_password() {
        assert_eq!(key("{X}ab", "c"), key("{X}ab", "c"));
        assert_ne!(key("{X}ab", "c"), key("{X}a", "bc"));
        assert_ne!(key("{X}ab", "c"), key("{X}ab", "d"));
        assert_ne!(key("{X}ab", "c"), key("{X}ac", "c"));
        assert_ne!(key("{X}ab", "c"), Key::new(&Secret::from("other"), b"{X}ab", b"c"));
    }

    #[test]
    fn sa_10_each_answer_is_remembered_for_its_time_however_often_it_is_asked_for() {
        let mut cache = cache(1 << 16);
        cache.remember(key("h", "p"), true, Tick(0));
        cache.remember(key("h", "wrong"), false, Tick(0));
        assert_eq!(cache.recall(key("h", "p"), Tick(3_599_999)), Some(true));
        assert_eq!(cache.recall(key("h", "p"), Tick(3_600_000)), None);
        assert_eq!(cache.recall(key("h", "wrong"), Tick(59_999)), Some(false));
        assert_eq!(cache.recall(key("h", "wrong"), Tick(60_000)), None);
        let changed = cache.recall(key("h2", "p"), Tick(1));
        assert_eq!(changed, None, "a changed stored password never matches");
        cache.remember(key("h", "p"), true, Tick(3_600_000));
        assert_eq!(cache.recall(key("h", "p"), Tick(3_600_001)), Some(true));
    }

    #[test]
    fn a_user_who_corrects_the_password_meets_no_remembered_failure() {
        let mut cache = cache(1 << 16);
        cache.remember(key("h", "wrong"), false, Tick(0));
        assert_eq!(cache.recall(key("h", "right"), Tick(1)), None, "the client corrects it");
        assert_eq!(cache.recall(key("h2", "wrong"), Tick(1)), None, "the operator sets it");
    }

    #[test]
    fn nothing_is_remembered_and_no_memory_taken_where_size_or_time_is_zero() {
        let hour = Duration::from_secs(3600);
        for (bytes, ttl, negative_ttl, expected) in [
            (0, hour, hour, [None, None]),
            (1 << 20, Duration::ZERO, hour, [None, Some(false)]),
            (1 << 20, hour, Duration::ZERO, [Some(true), None]),
        ] {
            let mut cache = Verifications::new(&CacheRules { bytes, ttl, negative_ttl });
            cache.remember(key("h", "p"), true, Tick(0));
            cache.remember(key("h", "q"), false, Tick(0));
            let found = [key("h", "p"), key("h", "q")].map(|key| cache.recall(key, Tick(1)));
            assert_eq!(found, expected);
            for (keys, answer) in [&cache.right, &cache.wrong].into_iter().zip(expected) {
                assert_eq!(keys.younger.capacity() > 0, answer.is_some());
            }
        }
    }

    #[test]
    fn tables_take_memory_with_their_first_key_keep_within_it_and_do_not_grow() {
        for bytes in [0, 1000, 1 << 16, 3 << 16, 1 << 20, 10_000_000] {
            let mut cache = cache(bytes);
            let taken = |cache: &Verifications| {
                [&cache.right, &cache.wrong]
                    .map(|keys| [keys.younger.capacity(), keys.elder.capacity()])
            };
            assert_eq!(taken(&cache), [[0; 2]; 2], "nothing is remembered yet");
            let whole = [&cache.right, &cache.wrong].map(|keys| keys.capacity);
            // A table of `capacity` has eight places for seven entries, and there are two of each.
            let places: usize = whole.iter().map(|it| 2 * it.div_ceil(7) * 8).sum();
            let room = places * (size_of::<(Key, Tick)>() + 1);
            assert!(room as u64 <= bytes, "{room} of {bytes}");
            assert!(bytes < 1 << 16 || room as u64 * 3 >= bytes, "{room} of {bytes}");
            for n in 0..2000_u64 {
                cache.remember(key("h", &n.to_string()), n % 2 == 0, Tick(n));
                for (tables, whole) in taken(&cache).into_iter().zip(whole) {
                    let is_whole = |capacity: &usize| *capacity == 0 || *capacity == whole;
                    assert!(tables.iter().all(is_whole), "{tables:?} of {whole}");
                }
            }
        }
    }

    #[test]
    fn sa_10_guesses_push_out_no_success_and_what_is_in_use_stays() {
        let mut cache = cache(1 << 12);
        cache.remember(key("quiet", "p"), true, Tick(0));
        for n in 0..10_000_u64 {
            cache.remember(key("h", &n.to_string()), false, Tick(n));
        }
        assert_eq!(cache.recall(key("quiet", "p"), Tick(10_000)), Some(true));
        assert_eq!(cache.recall(key("h", "9999"), Tick(10_000)), Some(false));
        for n in 0..1000_u64 {
            cache.remember(key("h", &n.to_string()), true, Tick(10_000 + n));
            cache.remember(key("busy", "p"), true, Tick(10_000 + n));
            assert!(cache.len() <= 4096 / size_of::<(Key, Tick)>());
        }
        assert_eq!(cache.recall(key("busy", "p"), Tick(11_000)), Some(true));
        assert_eq!(cache.recall(key("quiet", "p"), Tick(11_000)), None);
    }

    #[test]
    fn what_is_asked_for_in_the_elder_generation_moves_to_the_younger_with_its_age() {
        let mut keys = Keys::within(2 * (4 * 41 + GROUP_BYTES), Duration::from_secs(1));
        assert_eq!(keys.capacity, 3);
        for (name, at) in [("a", 0), ("b", 0), ("c", 0), ("d", 500)] {
            keys.keep(key("h", name), Tick(at));
        }
        assert!(keys.recall(key("h", "a"), Tick(900)));
        assert!(!keys.recall(key("h", "a"), Tick(1000)));
    }

    #[test]
    fn debug_shows_no_digest() {
        assert_eq!(format!("{:?}", key("h", "p")), "Key(…)");
    }
}
