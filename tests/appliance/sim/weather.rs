//! How rough a simulation is: how often the kernel and the peers do what they may.

use std::time::Duration;

use hale::limits;
use hale::ring::port::IoFault;
use hale::worker::DisconnectRules;

use super::random::Random;

/// Percentages, but for the first two.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    /// Whether descriptor numbers are used again at once.
    pub(super) reuses_numbers: bool,
    /// Bytes of a socket's buffer: the least and the most.
    pub(super) buffers: (u64, u64),
    /// Work and completions are held back for a while.
    pub(super) delays: u64,
    /// A multishot operation ends by itself.
    pub(super) ends_multishot: u64,
    /// A call moves less than it could.
    pub(super) shortens: u64,
    /// A call moves nothing although it could.
    pub(super) blocks: u64,
    /// No descriptor is left to accept with.
    pub(super) starves: u64,
    /// This host has nothing left to connect with.
    pub(super) lacks_sockets: u64,
    /// No pipe is left.
    pub(super) lacks_pipes: u64,
    /// A connect is refused; gets no answer.
    pub(super) refuses: u64,
    pub(super) loses: u64,
    /// A peer misbehaves.
    pub(super) client_faults: u64,
    pub(super) backend_faults: u64,
    /// The control core and the hashing pool answer late or never.
    pub(super) control_faults: u64,
    /// How the clients of a backend that went are told.
    pub(super) spread: DisconnectRules,
    /// How long a relay may be idle.
    pub(super) idle_timeout: Duration,
    /// Connections that the core takes: with ten clients some are refused.
    pub(super) connections_max: u32,
    /// Bytes of the auth cache.
    pub(super) cache_bytes: u64,
}

impl Weather {
    /// Nothing goes wrong, and buffers are large.
    pub(super) fn calm() -> Self {
        Self {
            reuses_numbers: true,
            buffers: (65_536, 65_536),
            delays: 0,
            ends_multishot: 0,
            shortens: 0,
            blocks: 0,
            starves: 0,
            lacks_sockets: 0,
            lacks_pipes: 0,
            refuses: 0,
            loses: 0,
            client_faults: 0,
            backend_faults: 0,
            control_faults: 0,
            spread: DisconnectRules { over: Duration::ZERO, crowd_min: 0 },
            idle_timeout: limits::IMAP_IDLE_TIMEOUT,
            connections_max: 8,
            cache_bytes: 1 << 14,
        }
    }

    pub(super) fn of(random: &mut Random) -> Self {
        let mut often = |levels: &[u64]| random.pick(levels);
        let smallest = often(&[1, 16, 200, 3_000, 20_000]);
        Self {
            buffers: (smallest, often(&[300, 40_000, 120_000]).max(smallest)),
            delays: often(&[0, 10, 50]),
            ends_multishot: often(&[0, 5, 40]),
            shortens: often(&[0, 10, 60]),
            blocks: often(&[0, 5, 30]),
            starves: often(&[0, 3, 30, 90]),
            lacks_sockets: often(&[0, 3, 30, 90]),
            lacks_pipes: often(&[0, 30, 100]),
            refuses: often(&[0, 0, 10, 40]),
            loses: often(&[0, 0, 5]),
            client_faults: often(&[0, 10, 40]),
            backend_faults: often(&[0, 10, 40]),
            control_faults: often(&[0, 0, 10, 40]),
            spread: DisconnectRules {
                over: Duration::from_millis(often(&[0, 1_500])),
                crowd_min: 0,
            },
            reuses_numbers: random.percent(50),
            idle_timeout: limits::IMAP_IDLE_TIMEOUT,
            connections_max: 8,
            cache_bytes: random.pick(&[1 << 14, 1 << 14, 1 << 10, 0]),
        }
    }

    pub(super) fn buffer(&self, random: &mut Random) -> usize {
        usize::try_from(random.between(self.buffers.0, self.buffers.1)).unwrap()
    }

    /// How long a connect takes, and what comes of it.
    pub(super) fn connect(&self, random: &mut Random) -> (u64, Result<(), IoFault>) {
        let delay = random.pick(&[0, 0, 1, 5, 40, 900]);
        if random.percent(self.loses) {
            return (random.pick(&[20_000, 127_000]), Err(IoFault::TimedOut));
        }
        if random.percent(self.refuses) {
            return (delay, Err(random.pick(&[IoFault::Refused, IoFault::Unreachable])));
        }
        (delay, Ok(()))
    }
}
