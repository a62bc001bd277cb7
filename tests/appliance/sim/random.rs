//! The only source of chance in a simulation: splitmix64, seeded by the number that a failure prints.

/// A generator. Equal seeds give equal runs.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// A generator of its own, so that a peer's choices do not depend on how often others drew.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A length from 1 to `most`, which is not zero; short ones are likelier.
    pub(super) fn length(&mut self, most: usize) -> usize {
        let most = most as u64;
        let bound = if self.percent(50) { most } else { most.min(1 + self.below(64)) };
        usize::try_from(self.between(1, bound)).unwrap()
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        percent > 0 && self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::try_from(self.below(among.len() as u64)).unwrap()]
    }
}

fn mixed(state: u64) -> u64 {
    let mut word = state;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// Which way a byte travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

/// The bytes of one client in one direction from position `at` on. Every client and direction has its own sequence, so
/// that a byte that is lost, doubled, moved or someone else's shows (W-REL-3).
pub(super) fn pattern(client: usize, way: Way, at: u64, length: usize) -> Vec<u8> {
    let key = ((client as u64) << 33) | if way == Way::Up { 1 << 32 } else { 0 };
    let mut bytes = Vec::with_capacity(length + 16);
    let mut word = at / 8;
    let skip = usize::try_from(at % 8).unwrap();
    while bytes.len() < length + skip {
        bytes.extend(mixed(mixed(key) ^ word).to_le_bytes());
        word += 1;
    }
    bytes.drain(..skip);
    bytes.truncate(length);
    bytes
}
