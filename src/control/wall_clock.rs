//! The calendar's time, which pure code and data cores never read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::wire::der;

/// Milliseconds since 1970, as rows carry them.
pub type UnixMillis = i64;

/// Now, for rows.
#[must_use]
pub fn unix_millis() -> UnixMillis {
    UnixMillis::try_from(since_1970().as_millis()).unwrap_or(UnixMillis::MAX)
}

/// Microseconds since 1970, as Cassandra stamps what is written.
#[must_use]
pub(super) fn unix_micros() -> i64 {
    i64::try_from(since_1970().as_micros()).unwrap_or(i64::MAX)
}

/// Seconds since 1970, as certificates count.
#[must_use]
pub(super) fn unix_seconds() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

/// The time of the day in UTC, for operators.
#[must_use]
pub fn time_now() -> String {
    der::time_of_day(unix_seconds())
}

#[expect(
    clippy::disallowed_methods,
    reason = "rows carry wall-clock time, certificates end at a date; control may read it"
)]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
