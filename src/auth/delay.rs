//! When a failed login is answered: the same for every cause, slower the more failures there were.
//!
//! A pure function; the worker keeps the answer until then and draws the seed. Who counts failures, and by which prefix,
//! is the worker's business, too.

use std::time::Duration;

use crate::tick::Tick;

/// When to answer a login that came in at `received` and failed.
///
/// `base` is `auth_failure_delay`. Measured from receipt, so that a slow cause (a hash, a backend) can't be told from a fast one (W-FAIL-5).
/// `failures` counts earlier failures that are held against this client, zero for the first one: the steps are Dovecot's
/// 2, 4, 8, 15 seconds (SA-12). `seed` is any number that the client can't guess; it adds up to a quarter.
#[must_use]
pub fn reply_at(received: Tick, base: Duration, failures: u8, seed: u64) -> Tick {
    let delay = match failures {
        0 => base,
        1 => base * 2,
        2 => base * 4,
        // One second less than the doubling: Dovecot's cap, and a multiple of nothing.
        3.. => base * 15 / 2,
    };
    received.after(delay + jitter(delay, seed))
}

/// The seed of a connection's next failure: the same jitter each time could be measured and subtracted.
#[must_use]
pub fn next_seed(seed: u64) -> u64 {
    // One step of xorshift64*: nothing secret hangs on it beyond these milliseconds.
    let seed = seed ^ (seed >> 12);
    let seed = seed ^ (seed << 25);
    (seed ^ (seed >> 27)).wrapping_mul(0x2545_F491_4F6C_DD1D)
}

fn jitter(delay: Duration, seed: u64) -> Duration {
    let most = u64::try_from(delay.as_millis() / 4).unwrap_or(u64::MAX - 1);
    Duration::from_millis(seed % (most + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FAILURE_DELAY;

    #[test]
    fn w_fail_5_delays_from_receipt_and_adds_up_to_a_quarter() {
        let received = Tick(1_000);
        assert_eq!(reply_at(received, FAILURE_DELAY, 0, 0), Tick(3_000));
        assert_eq!(reply_at(received, FAILURE_DELAY, 0, 500), Tick(3_500));
        assert_eq!(reply_at(received, FAILURE_DELAY, 0, 501), Tick(3_000));
        for seed in [1, 77, u64::MAX, 0xDEAD_BEEF] {
            let delay = reply_at(received, FAILURE_DELAY, 0, seed).since(received);
            assert!(delay >= FAILURE_DELAY && delay <= FAILURE_DELAY * 5 / 4, "{delay:?}");
        }
    }

    #[test]
    fn w_fail_5_no_two_failures_of_a_connection_have_the_same_jitter() {
        let seeds = std::iter::successors(Some(500), |seed| Some(next_seed(*seed)));
        let mut at: Vec<_> =
            seeds.take(6).map(|seed| reply_at(Tick(0), FAILURE_DELAY, 0, seed)).collect();
        at.sort_unstable();
        at.dedup();
        assert_eq!(at.len(), 6);
    }

    #[test]
    fn sa_12_steps_are_2_4_8_15_seconds() {
        let steps =
            [0, 1, 2, 3, 4, 255].map(|failures| reply_at(Tick(0), FAILURE_DELAY, failures, 0).0);
        assert_eq!(steps, [2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    }
}
