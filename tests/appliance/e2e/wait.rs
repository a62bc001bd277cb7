//! Waiting for a condition, the only place of the end-to-end tests that knows time.

use std::time::{Duration, Instant};

/// How long anything that should be immediate may take on a busy machine before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `probe` again and again until it has an answer; fails with `what` when `limit` is over.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, probe: impl FnMut() -> Option<T>) -> T {
    match poll(limit, probe) {
        Some(answer) => answer,
        None => panic!("still waiting after {limit:?}: {what}"),
    }
}

/// Like [`wait_for`], for a condition whose failure the caller wants to explain itself.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes cannot be waited for in any other way; no test sleeps elsewhere"
)]
pub(crate) fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = now();
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How long `work` took, and what it returned.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = now();
    let answer = work();
    (start.elapsed(), answer)
}

#[expect(clippy::disallowed_methods, reason = "tests of real processes need the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
