//! Simulated clusters: two or three sites, two proxies each, a replica of the GeoDB at each site that loses, delays and
//! reorders, and splits; clocks that are off; links that are cut one way or both; proxies that are started anew; an operator
//! who takes sites and backends out, force-moves and evacuates them, and moves users and groups; backends that send users on.
//! The routing is Hale's own, and so is the count of hops; only what the data core and the control core do around it is played.
//! Virtual time: 50 minutes in some milliseconds.
//!
//! A failure prints its seed; `SIM_SEED=<seed> cargo test --no-default-features --test pure clusters` plays it again, and
//! `SIM_SEEDS=<count>` plays more (docs/TESTING.md).

mod backends;
mod calls;
mod checks;
mod end;
mod geodb;
mod login;
mod logins;
mod orders;
mod proxy;
mod random;
mod trouble;
mod world;
mod writes;

use checks::Tally;
use world::World;

/// `cluster_default_group_count`.
const GROUPS: u32 = 8;
/// When it all begins, in milliseconds since 1970.
const EPOCH: i64 = 1_790_000_000_000;

#[test]
fn c_site_5_c_site_6_c_site_8_ge_10_clusters_come_to_rest() {
    if let Some(seed) = number("SIM_SEED") {
        let (_, faults) = play(seed);
        assert!(faults.is_empty(), "SIM_SEED={seed}: {} faults: {faults:#?}", faults.len());
        return;
    }
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let threads =
        u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let share = |thread: u64| (thread..count).step_by(usize::try_from(threads).unwrap());
    let played: Vec<(Tally, Vec<String>)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || share(thread).map(play).collect::<Vec<_>>()))
            .collect();
        all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let bad: Vec<&String> = played.iter().filter_map(|(_, faults)| faults.first()).collect();
    let shown = &bad[..bad.len().min(20)];
    assert!(
        bad.is_empty(),
        "{} of {count} seeds are bad, their first faults: {shown:#?}",
        bad.len()
    );
    let tallies: Vec<Tally> = played.into_iter().map(|(tally, _)| tally).collect();
    check_tallies(&tallies, count);
}

/// A simulation in which nothing goes on proves nothing.
fn check_tallies(tallies: &[Tally], count: u64) {
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let least = [
        ("served", sum(|tally| tally.served), 300 * count),
        ("refused", sum(|tally| tally.refused), count),
        ("failed over", sum(|tally| tally.failed_over), 2 * count),
        ("came home", sum(|tally| tally.came_home), count),
        ("paused", sum(|tally| tally.paused), count / 10),
        ("saved", sum(|tally| tally.saved), count / 20),
        ("left a site", sum(|tally| tally.left_site), count),
        ("left a backend", sum(|tally| tally.left_backend), count / 2),
        ("evacuated", sum(|tally| tally.evacuated), count),
        ("finished moves", sum(|tally| tally.finished), count / 20),
        ("moved users", sum(|tally| tally.user_moves), count),
        ("moved groups", sum(|tally| tally.group_moves), count / 2),
        ("sent on", sum(|tally| tally.sent_on), count),
        ("went directly", sum(|tally| tally.went_directly), count / 4),
        ("restarts", sum(|tally| tally.restarts), count),
        ("compared", sum(|tally| tally.compared), 50 * count),
    ];
    let lacking: Vec<_> = least.iter().filter(|(_, found, wanted)| found <= wanted).collect();
    assert!(lacking.is_empty(), "hardly ever: {lacking:?} of {least:?}");
}

/// What happened, and what was wrong.
fn play(seed: u64) -> (Tally, Vec<String>) {
    let mut world = World::new(seed);
    world.run();
    end::check_end(&mut world);
    let faults = world.record.faults.iter().map(|fault| format!("SIM_SEED={seed}: {fault}"));
    (world.record.tally, faults.collect())
}

#[expect(clippy::disallowed_methods, reason = "which seeds to play is no setting of Hale's")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

const SEEDS: u64 = 1_000;
