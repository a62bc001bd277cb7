//! Remembered successful verifications, so that a warm login computes no costly hash.
//!
//! The key is a keyed digest of the stored text and the password: exactly what the answer depends on, and nothing else.
//! So an entry can't answer for another user, passdb or protocol (CVE-2025-30189, SA-09), a changed stored password never
//! matches, and no password is kept. Failures are not remembered (SA-10): they would only push successes out.
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

/// The successes of the last hour, in two generations: when the younger is full, the elder is dropped whole.
///
/// That keeps at least the last `capacity` successes, without a list to keep in order.
#[derive(Debug)]
pub struct Verifications {
    younger: Generation,
    elder: Generation,
    capacity: usize,
    ttl: Duration,
}

/// Keys are uniform already and can't be chosen from outside, so that hashing them again would be a waste.
type Generation = HashMap<Key, Tick, BuildHasherDefault<FirstBytes>>;

impl Verifications {
    /// Remembers `capacity` to twice as many successes, each for `ttl`.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            younger: Generation::default(),
            elder: Generation::default(),
            capacity: capacity.max(1),
            ttl,
        }
    }

    /// Whether this was verified within the time to live. Being asked does not lengthen it (SA-10).
    pub fn contains(&mut self, key: Key, now: Tick) -> bool {
        if let Some(&verified) = self.younger.get(&key) {
            return now.since(verified) < self.ttl;
        }
        let Some(verified) = self.elder.remove(&key) else {
            return false;
        };
        let fresh = now.since(verified) < self.ttl;
        if fresh {
            self.keep(key, verified);
        }
        fresh
    }

    /// Remembers a verification that has just succeeded.
    pub fn insert(&mut self, key: Key, now: Tick) {
        self.keep(key, now);
    }

    /// Forgets everything, for `doveadm auth cache flush`.
    pub fn clear(&mut self) {
        self.younger.clear();
        self.elder.clear();
    }

    /// How many successes are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.younger.len() + self.elder.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keep(&mut self, key: Key, verified: Tick) {
        if self.younger.len() >= self.capacity && !self.younger.contains_key(&key) {
            std::mem::swap(&mut self.younger, &mut self.elder);
            self.younger.clear();
        }
        self.younger.insert(key, verified);
    }
}

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

    #[test]
    fn sa_09_a_key_depends_on_exactly_secret_stored_text_and_password() {
        assert_eq!(key("{X}ab", "c"), key("{X}ab", "c"));
        assert_ne!(key("{X}ab", "c"), key("{X}a", "bc"));
        assert_ne!(key("{X}ab", "c"), key("{X}ab", "d"));
        assert_ne!(key("{X}ab", "c"), key("{X}ac", "c"));
        assert_ne!(key("{X}ab", "c"), Key::new(&Secret::from("other"), b"{X}ab", b"c"));
    }

    #[test]
    fn sa_10_a_success_is_remembered_for_its_time_to_live_however_often_it_is_asked_for() {
        let mut cache = Verifications::new(4, Duration::from_secs(3600));
        cache.insert(key("h", "p"), Tick(0));
        assert!(cache.contains(key("h", "p"), Tick(3_599_999)));
        assert!(!cache.contains(key("h", "p"), Tick(3_600_000)));
        assert!(
            !cache.contains(key("h2", "p"), Tick(1)),
            "a changed stored password never matches"
        );
        cache.insert(key("h", "p"), Tick(3_600_000));
        assert!(cache.contains(key("h", "p"), Tick(3_600_001)));
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_use_survives_the_change_of_generations() {
        let mut cache = Verifications::new(10, Duration::from_secs(3600));
        for n in 0..1000_u64 {
            cache.insert(key("h", &n.to_string()), Tick(n));
            cache.insert(key("busy", "p"), Tick(n));
            assert!(cache.len() <= 20);
        }
        assert!(cache.contains(key("h", "999"), Tick(1000)));
        assert!(cache.contains(key("busy", "p"), Tick(1000)));
        assert!(!cache.contains(key("h", "1"), Tick(1000)));
    }

    #[test]
    fn a_success_asked_for_in_the_elder_generation_moves_to_the_younger_with_its_age() {
        let mut cache = Verifications::new(2, Duration::from_secs(1));
        for (name, at) in [("a", 0), ("b", 0), ("c", 500)] {
            cache.insert(key("h", name), Tick(at));
        }
        assert!(cache.contains(key("h", "a"), Tick(900)));
        assert!(!cache.contains(key("h", "a"), Tick(1000)));
    }

    #[test]
    fn debug_shows_no_digest() {
        assert_eq!(format!("{:?}", key("h", "p")), "Key(…)");
    }
}
