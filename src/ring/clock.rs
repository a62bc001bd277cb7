//! The clocks: the monotonic one, and that of the world. The only place that reads them; all other code is told the
//! tick.

use std::sync::OnceLock;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::tick::Tick;

static START: OnceLock<u64> = OnceLock::new();

/// Milliseconds since the first call in this process. `CLOCK_MONOTONIC`, answered by the vDSO without a system call.
#[must_use]
pub fn now() -> Tick {
    let now = milliseconds(clock_gettime(ClockId::Monotonic));
    let start = *START.get_or_init(|| now);
    Tick(now.saturating_sub(start))
}

/// Microseconds of `CLOCK_MONOTONIC`, for differences.
#[must_use]
pub(super) fn micros() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)
}

/// Milliseconds since 1970.
#[must_use]
pub(super) fn unix_ms() -> u64 {
    milliseconds(clock_gettime(ClockId::Realtime))
}

fn milliseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1000 + nanoseconds / 1_000_000
}
