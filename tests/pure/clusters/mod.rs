//! Simulated clusters: two or three sites, two proxies each, a replica of the GeoDB at each site that loses, delays and
//! reorders, and splits; clocks that are off; links that are cut one way or both; an operator who takes sites and backends out.
//! The routing is Hale's own; only what the control core does around it is played. Virtual time: 50 minutes in a few
//! milliseconds.
//!
//! A failure prints its seed; `SIM_SEED=<seed> cargo test --no-default-features --test pure clusters` plays it again, and
//! `SIM_SEEDS=<count>` plays more (docs/TESTING.md).

mod checks;
mod geodb;
mod login;
mod proxy;
mod random;
mod trouble;
mod world;

use checks::Tally;
use world::World;

/// `cluster_default_group_count`.
const GROUPS: u32 = 8;
/// When it all begins, in milliseconds since 1970.
const EPOCH: i64 = 1_790_000_000_000;

#[test]
fn c_site_5_c_site_6_c_site_8_ge_10_clusters_come_to_rest() {
    if let Some(seed) = number("SIM_SEED") {
        play(seed);
        return;
    }
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let threads =
        u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let share = |thread: u64| (thread..count).step_by(usize::try_from(threads).unwrap());
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || share(thread).map(play).collect::<Vec<Tally>>()))
            .collect();
        all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    // A simulation in which nothing goes on proves nothing.
    assert!(sum(|tally| tally.served) > 300 * count, "{tallies:?}");
    assert!(sum(|tally| tally.refused) > count);
    assert!(sum(|tally| tally.failed_over) > 2 * count);
    assert!(sum(|tally| tally.came_home) > count);
}

fn play(seed: u64) -> Tally {
    let mut world = World::new(seed);
    world.run();
    checks::check_end(&mut world);
    let faults = &world.record.faults;
    let shown: Vec<&String> = faults.iter().take(8).collect();
    assert!(faults.is_empty(), "SIM_SEED={seed}: {} faults: {shown:#?}", faults.len());
    world.record.tally
}

#[expect(clippy::disallowed_methods, reason = "which seeds to play is no setting of Hale's")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

const SEEDS: u64 = 1_000;
