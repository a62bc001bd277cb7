//! How large a simulation is, how long it lasts, and what it is about.

use super::random::Random;

/// See the module's documentation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Play {
    pub(super) about: About,
    pub(super) sites: usize,
    /// Per site. One alone has no other to hear of.
    pub(super) proxies: usize,
    pub(super) backends: usize,
    /// Things break until then; from `settled_after` on all has to be well.
    pub(super) faults_until: u64,
    pub(super) settled_after: u64,
    pub(super) until: u64,
}

/// What breaks, and who moves users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Sites come and go, users leave them; backends stand for Palomar's, which move users themselves.
    Sites,
    /// Backends die and come back, proxies probe them, move groups, crash and freeze.
    Backends,
}

impl Play {
    /// Half an hour in which things break; then time for all to be well, to come home and to be forgotten by caches.
    pub(super) fn of_sites(random: &mut Random) -> Self {
        Self {
            about: About::Sites,
            sites: 2 + random.index(2),
            proxies: 2,
            backends: 2,
            faults_until: 1_500_000,
            settled_after: 2_760_000,
            until: 2_960_000,
        }
    }

    /// Six minutes; then time for the longest dwell of a backend, and for the next look at all groups.
    pub(super) fn of_backends(random: &mut Random) -> Self {
        Self {
            about: About::Backends,
            sites: 1 + random.index(2),
            proxies: random.pick(&[1, 2, 2, 3, 3]),
            backends: 2 + random.index(3),
            faults_until: 360_000,
            settled_after: 840_000,
            until: 930_000,
        }
    }

    pub(super) fn is_of_backends(self) -> bool {
        self.about == About::Backends
    }
}
