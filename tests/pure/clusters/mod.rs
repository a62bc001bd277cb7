//! Simulated clusters: sites with some proxies each, a replica of the GeoDB at each site that loses, delays and reorders, and
//! splits; clocks that are off. Virtual time: minutes in some milliseconds. Two plays:
//!
//! * Sites: links are cut one way or both, proxies are started anew, an operator takes sites and backends out, force-moves and
//!   evacuates them, and moves users and groups; backends send users on. Fifty minutes.
//! * Backends: they die, hang and flap, ways to them are cut; every proxy probes them, rules, and moves groups; proxies crash,
//!   freeze and go blind; operators take backends out, have them evacuated, move groups and users and take that back, kick and pin users. Fifteen.
//!
//! The routing is Hale's own, and so are health, moves and the count of hops; only what the data core and the control core do
//! around them is played.
//!
//! A failure prints its seed; `SIM_SEED=<seed> cargo test --no-default-features --test pure clusters` plays it again, and
//! `SIM_SEEDS=<count>` plays more, from `SIM_BASE` on (docs/TESTING.md).

mod agreement;
mod backends;
mod calls;
mod checks;
mod end;
mod geodb;
mod hardships;
mod judge;
mod leavers;
mod login;
mod logins;
mod machines;
mod movers;
mod orders;
mod people;
mod play;
mod prober;
mod proxy;
mod random;
mod rulings;
mod sessions;
mod trouble;
mod world;
mod writes;

use checks::Tally;
use play::Play;
use random::Random;
use world::World;

/// `cluster_default_group_count`.
const GROUPS: u32 = 8;
/// When it all begins, in milliseconds since 1970.
const EPOCH: i64 = 1_790_000_000_000;

#[test]
fn c_site_5_c_site_6_c_site_8_ge_10_clusters_come_to_rest() {
    play_all(Play::of_sites, |tallies, count| {
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
        vec![
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
        ]
    });
}

#[test]
fn c_move_4_c_move_5_c_move_6_c_move_8_c_move_10_c_pin_2_c_backend_2_r_probe_4_r_probe_5_r_probe_6_r_probe_7_proxies_agree()
 {
    play_all(Play::of_backends, |tallies, count| {
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
        vec![
            ("served", sum(|tally| tally.served), 300 * count),
            ("refused", sum(|tally| tally.refused), count),
            ("probes", sum(|tally| tally.probes), 500 * count),
            ("taken out", sum(|tally| tally.taken_out), 2 * count),
            ("brought back", sum(|tally| tally.brought_back), count),
            ("withheld", sum(|tally| tally.withheld), 10 * count),
            ("moved groups", sum(|tally| tally.group_moves), count / 2),
            ("evacuated", sum(|tally| tally.backends_evacuated), count / 3),
            ("taken over", sum(|tally| tally.taken_over), count),
            ("sessions ended", sum(|tally| tally.moved_sessions), count),
            ("held", sum(|tally| tally.held), 10 * count),
            ("taken back", sum(|tally| tally.aborted), count / 10),
            ("kicks", sum(|tally| tally.kicks), count / 5),
            ("restarts", sum(|tally| tally.restarts), count / 2),
            ("freezes", sum(|tally| tally.freezes), count / 2),
            ("left a backend", sum(|tally| tally.left_backend), count / 20),
            ("kicked at backends", sum(|tally| tally.kicked_at_backends), count / 20),
            ("swept", sum(|tally| tally.swept), count / 50),
            ("moved users", sum(|tally| tally.user_moves), count),
            ("users taken over", sum(|tally| tally.users_taken_over), count / 2),
            ("pinned", sum(|tally| tally.pinned), count / 2),
        ]
    });
}

/// What went on, how often, and how often at least.
type Least = (&'static str, u64, u64);

fn play_all(plan: fn(&mut Random) -> Play, least: fn(&[Tally], u64) -> Vec<Least>) {
    if let Some(seed) = number("SIM_SEED") {
        let (_, faults) = play(plan, seed);
        assert!(faults.is_empty(), "SIM_SEED={seed}: {} faults: {faults:#?}", faults.len());
        return;
    }
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let base = number("SIM_BASE").unwrap_or(0);
    let threads =
        u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let share = |thread: u64| (thread..count).step_by(usize::try_from(threads).unwrap());
    let played: Vec<(Tally, Vec<String>)> = std::thread::scope(|scope| {
        let each = |number| play(plan, base + number);
        let all: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || share(thread).map(each).collect::<Vec<_>>()))
            .collect();
        all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let bad: Vec<&String> = played.iter().filter_map(|(_, faults)| faults.first()).collect();
    let shown = &bad[..bad.len().min(40)];
    assert!(
        bad.is_empty(),
        "{} of {count} seeds are bad, their first faults: {shown:#?}",
        bad.len()
    );
    // A simulation in which nothing goes on proves nothing.
    let tallies: Vec<Tally> = played.into_iter().map(|(tally, _)| tally).collect();
    let least = least(&tallies, count);
    let lacking: Vec<_> = least.iter().filter(|(_, found, wanted)| found <= wanted).collect();
    assert!(lacking.is_empty(), "hardly ever: {lacking:?} of {least:?}");
}

/// What happened, and what was wrong.
fn play(plan: fn(&mut Random) -> Play, seed: u64) -> (Tally, Vec<String>) {
    let mut random = Random(seed);
    let play = plan(&mut random);
    let mut world = World::new(random, play);
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
