//! The hashes that let every proxy choose alike without asking each other (C-ROUTE-4).
//!
//! Duty: `H32`, the default group of a user (C-ROUTE-6), the weighted rendezvous choice of backends and the
//! force-move percentage (C-ROUTE-4). Non-duty: who may be a candidate; [`super::group`] says so. Tests: vectors.

use md5::{Digest as _, Md5};
use uuid::Uuid;

/// The first four bytes of MD5 as a big-endian number, where 0 becomes 1.
#[must_use]
pub fn h32(text: &str) -> u32 {
    let [a, b, c, d, ..] = md5(&[text.as_bytes()]);
    u32::from_be_bytes([a, b, c, d]).max(1)
}

/// The automatic group of a user that has none (C-ROUTE-6); none when there are no automatic groups.
#[must_use]
pub fn default_group(user: &str, group_count: u32) -> Option<Box<str>> {
    let number = h32(user).checked_rem(group_count)?;
    Some(format!("default-{}", u64::from(number) + 1).into_boxed_str())
}

/// The user's place in 0..100 of a force-move; below the percentage is moved (C-ROUTE-4).
#[must_use]
pub fn force_move_place(id: &str, user: &str) -> u32 {
    h32(&format!("{id}:{user}")) % 100
}

/// A backend that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The backend.
    pub id: Uuid,
    /// Its share, 0..=100.
    pub load_factor: u8,
}

/// The best candidate and the runner-up, which becomes `alt_backend_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Smallest score.
    pub best: Uuid,
    /// Second smallest, when there are two candidates.
    pub second: Option<Uuid>,
}

/// Weighted rendezvous choice for a group (C-ROUTE-4): candidates with a load factor above 0, or, when there are none,
/// those with 0. The order of `candidates` does not matter.
#[must_use]
pub fn rank(group: &str, candidates: &[Candidate], excluded: Option<Uuid>) -> Option<Ranking> {
    let allowed = || candidates.iter().filter(|candidate| Some(candidate.id) != excluded);
    let any_weight = allowed().any(|candidate| candidate.load_factor > 0);
    let mut best: Option<(f64, Uuid)> = None;
    let mut second: Option<(f64, Uuid)> = None;
    for candidate in allowed().filter(|candidate| (candidate.load_factor > 0) == any_weight) {
        let scored = (score(group, *candidate), candidate.id);
        if best.is_none_or(|leader| is_before(scored, leader)) {
            second = best;
            best = Some(scored);
        } else if second.is_none_or(|runner_up| is_before(scored, runner_up)) {
            second = Some(scored);
        }
    }
    best.map(|(_, best)| Ranking { best, second: second.map(|(_, id)| id) })
}

/// `-ln(u) / weight` with `u = (h + 0.5) / 2^64`. Without any weight all candidates weigh the same.
fn score(group: &str, candidate: Candidate) -> f64 {
    let id = candidate.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned();
    let [a, b, c, d, e, f, g, h, ..] = md5(&[group.as_bytes(), b":", id.as_bytes()]);
    // Two exact halves and one rounding: the same double as a direct conversion of the 64-bit number.
    let high = f64::from(u32::from_be_bytes([a, b, c, d]));
    let low = f64::from(u32::from_be_bytes([e, f, g, h]));
    let unit = (high * TWO_POW_32 + low + 0.5) / (TWO_POW_32 * TWO_POW_32);
    -unit.ln() / f64::from(candidate.load_factor.max(1))
}

/// Equal scores are decided by id, so that the order of the candidates never matters.
fn is_before(left: (f64, Uuid), right: (f64, Uuid)) -> bool {
    left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)).is_lt()
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

const TWO_POW_32: f64 = 4_294_967_296.0;

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@example.com";
    const BOB: &str = "bob@example.com";

    fn candidate(id: u128, load_factor: u8) -> Candidate {
        Candidate { id: Uuid::from_u128(id), load_factor }
    }

    #[test]
    fn palomar_appendix_c_h32_vectors() {
        assert_eq!(h32(ALICE), 3_244_357_836);
        assert_eq!(h32(BOB), 1_268_496_390);
        assert_eq!(h32("user1"), 617_210_206);
    }

    #[test]
    fn c_route_6_default_group_vectors() {
        let cases = [(ALICE, 100, 37), (ALICE, 300, 37), (BOB, 100, 91), (BOB, 300, 91)];
        for (user, count, number) in cases {
            assert_eq!(default_group(user, count).unwrap().as_ref(), format!("default-{number}"));
        }
        assert_eq!(default_group("user1", 100).unwrap().as_ref(), "default-7");
        assert_eq!(default_group("user1", 300).unwrap().as_ref(), "default-107");
        assert_eq!(default_group(ALICE, 0), None);
    }

    #[test]
    fn c_route_4_force_move_vectors() {
        let id = "11111111-1111-1111-1111-111111111111";
        assert_eq!(force_move_place(id, ALICE), 5);
        assert_eq!(force_move_place(id, BOB), 49);
        assert_eq!(force_move_place(&id.replace('1', "2"), ALICE), 3);
    }

    #[test]
    fn c_route_4_order_does_not_matter_and_the_excluded_is_never_chosen() {
        let forward: Vec<Candidate> = (1..=20).map(|id| candidate(id, 100)).collect();
        let backward: Vec<Candidate> = forward.iter().rev().copied().collect();
        for number in 0..200 {
            let group = format!("default-{number}");
            let all = rank(&group, &forward, None).unwrap();
            assert_eq!(Some(all), rank(&group, &backward, None));
            assert_ne!(Some(all.best), all.second);
            // Without the winner, the runner-up wins: only the failed backend's groups move.
            assert_eq!(rank(&group, &forward, Some(all.best)).unwrap().best, all.second.unwrap());
        }
    }

    #[test]
    fn c_route_4_shares_follow_the_load_factor() {
        let candidates = [candidate(1, 100), candidate(2, 50), candidate(3, 50), candidate(4, 0)];
        let mut wins = [0_u32; 5];
        for number in 0..10_000 {
            let best = rank(&format!("g{number}"), &candidates, None).unwrap().best;
            wins[usize::try_from(best.as_u128()).unwrap()] += 1;
        }
        assert!((4700..5300).contains(&wins[1]), "{wins:?}");
        assert!((2200..2800).contains(&wins[2]), "{wins:?}");
        assert!((2200..2800).contains(&wins[3]), "{wins:?}");
        assert_eq!(wins[4], 0);
    }

    #[test]
    fn c_route_4_load_factor_zero_is_the_last_resort() {
        let drained = [candidate(1, 0), candidate(2, 0)];
        assert!(rank("g", &drained, None).is_some_and(|ranking| ranking.second.is_some()));
        let one_left = [candidate(1, 0), candidate(2, 1)];
        let only = Ranking { best: Uuid::from_u128(2), second: None };
        assert_eq!(rank("g", &one_left, None), Some(only));
        assert_eq!(
            rank("g", &one_left, Some(Uuid::from_u128(2))).unwrap().best,
            Uuid::from_u128(1)
        );
        assert_eq!(rank("g", &[], None), None);
        assert_eq!(rank("g", &[candidate(1, 5)], Some(Uuid::from_u128(1))), None);
    }
}
