//! Directed scenarios: one rule each, in weather that is calm but for what the rule is about.

use std::sync::Arc;
use std::time::Duration;

use hale::auth::passdb::{Driver, Passdb, Passdbs};
use hale::auth::passwd_file::PasswdFile;
use hale::event::{EndedBy, Event};
use hale::limits;
use hale::share::counters::Counter;
use hale::worker::DisconnectRules;

use super::Sim;
use super::account::{Account, Act, Command, Ending, Mischief, id_of};
use super::random::Random;
use super::weather::Weather;
use super::world::World;

impl Sim {
    /// Turns until the world is as wished.
    pub(super) fn until(&mut self, mut wished: impl FnMut(&World) -> bool) {
        self.world().is_directed = true;
        while !wished(self.world()) {
            self.turn();
        }
    }

    /// Orders the drain once every session is over, and checks the end.
    fn end(&mut self) {
        self.until(|world| world.clients.iter().all(|client| client.over));
        self.drain_now();
    }

    pub(super) fn drain_now(&mut self) {
        let now = self.world().kernel.now;
        self.world().control.drain = Some((now, Duration::from_secs(60)));
        self.finish();
    }

    pub(super) fn now(&mut self) -> u64 {
        self.world().kernel.now
    }

    pub(super) fn counted(&mut self, counter: Counter) -> u64 {
        self.world().control.exchange.counters[0].get(counter)
    }

    /// Everything both ends had to say arrived.
    pub(super) fn assert_exchanged(&mut self) {
        let world = self.world();
        for client in &world.clients {
            let id = client.account.id;
            assert!(client.logged_in, "{id}");
            assert_eq!(client.heard, client.account.downloads, "{id}");
            let heard = world.backend_of(id).map(|backend| backend.heard);
            assert_eq!(heard, Some(client.account.uploads), "{id}");
        }
    }
}

/// How the relay of a user ended, once it did.
fn ended(world: &World, id: usize) -> Option<EndedBy> {
    world.control.events.iter().find_map(|event| match event {
        Event::RelayEnded { subject, by, .. } => {
            (subject.user.as_deref().and_then(id_of) == Some(id)).then_some(*by)
        }
        _ => None,
    })
}

fn exchange(id: usize, uploads: u64, downloads: u64, ending: Ending) -> Account {
    Account { uploads, downloads, ending, ..Account::quiet(id) }
}

fn asleep(id: usize, after: u64) -> Account {
    let mischief = Some(Mischief { after, act: Act::Sleep(90_000_000) });
    Account { mischief, ..Account::quiet(id) }
}

// === Relay ===

#[test]
fn be_12_be_14_a_stalled_reader_bounds_memory_and_is_ended() {
    let stalled = Account { downloads: 2_000_000, ..asleep(0, 12) };
    let other =
        Account { connects_at: 60_000, ..exchange(1, 90_000, 90_000, Ending::BothHalfClose) };
    let mut sim = Sim::new(12, Weather::calm(), &[stalled, other]);
    sim.until(|world| {
        if let (Some(near), Some(far)) = (world.clients[0].stream, world.backend_of(0)) {
            let read = world.kernel.streams[far.stream].read;
            let held = read.saturating_sub(world.kernel.streams[near].sent);
            assert!(held <= 65_536 + limits::SCRATCH_BYTES as u64, "{held} bytes held");
        }
        ended(world, 0).is_some()
    });
    assert_eq!(ended(sim.world(), 0), Some(EndedBy::StallTimeout));
    let now = sim.now();
    assert!((300_000..310_000).contains(&now), "{now}");
    assert!(ended(sim.world(), 1).is_some(), "the other session goes on");
    sim.drain_now();
    assert_eq!(sim.world().clients[1].heard, 90_000);
}

#[test]
fn w_rel_6_a_relay_is_ended_after_its_idle_timeout_or_never() {
    const WEEK: u64 = 7 * 86_400_000;
    for idle_timeout in [Duration::from_secs(60), Duration::MAX] {
        let weather = Weather { idle_timeout, ..Weather::calm() };
        // The second one comes a week later: time goes on.
        let later = Account { connects_at: WEEK, ..Account::quiet(1) };
        let mut sim = Sim::new(6, weather, &[Account::quiet(0), later]);
        sim.until(|world| world.clients[1].logged_in);
        let expected = (idle_timeout != Duration::MAX).then_some(EndedBy::IdleTimeout);
        assert_eq!(ended(sim.world(), 0), expected, "{idle_timeout:?}");
        sim.drain_now();
    }
}

#[test]
fn be_13_half_close_from_either_side_loses_nothing() {
    let endings = [Ending::ClientHalfCloses, Ending::BackendHalfCloses, Ending::BothHalfClose];
    let sizes = [0, 1, 16_383, 16_384, 16_385, 100_000];
    for (number, ending) in endings.into_iter().enumerate() {
        let accounts: Vec<Account> = (0..sizes.len())
            .map(|id| exchange(id, sizes[id], sizes[(id + number) % sizes.len()], ending))
            .collect();
        let mut sim = Sim::new(13, Weather::calm(), &accounts);
        sim.end();
        sim.assert_exchanged();
    }
}

#[test]
fn be_13_a_half_closed_relay_lingers_for_ten_seconds() {
    let mut sim = Sim::new(5, Weather::calm(), &[Account::quiet(0)]);
    sim.until(|world| world.clients[0].logged_in);
    let began = sim.now();
    let stream = sim.world().clients[0].stream.unwrap();
    sim.world().backends[0].sleep();
    sim.world().kernel.peer(stream, |stream| stream.peer_fin = true);
    sim.until(|world| ended(world, 0).is_some());
    assert_eq!(ended(sim.world(), 0), Some(EndedBy::HalfCloseTimeout));
    let lasted = sim.now() - began;
    assert!((10_000..12_000).contains(&lasted), "{lasted}");
}

#[test]
fn w_rel_5_a_client_that_breaks_off_in_front_of_a_stalled_backend_is_ended_at_once() {
    let account = Account { bulky: true, ..exchange(0, 2_000_000, 0, Ending::Nobody) };
    let mut sim = Sim::new(14, Weather::calm(), &[account]);
    sim.until(|world| world.clients[0].logged_in);
    sim.world().backends[0].sleep();
    sim.until(|world| {
        let (near, far) = (world.clients[0].stream.unwrap(), world.backends[0].stream);
        let is_full = |bytes: usize, most: usize| bytes == most;
        let (near, far) = (&world.kernel.streams[near], &world.kernel.streams[far]);
        is_full(far.to_peer.len(), far.to_peer_max) && is_full(near.to_core.len(), near.to_core_max)
    });
    let began = sim.now();
    let stream = sim.world().clients[0].stream.unwrap();
    sim.world().clients[0].over = true;
    sim.world().kernel.peer(stream, |stream| stream.peer_reset(false));
    sim.until(|world| ended(world, 0).is_some());
    assert_eq!(ended(sim.world(), 0), Some(EndedBy::Client));
    assert!(sim.now() < began + 100, "the stall timeout is not waited for");
    sim.drain_now();
}

/// Seven sessions of one backend, six of which end at once; when, as far as the core has told it.
#[test]
fn w_spread_1_the_clients_of_a_backend_that_went_are_told_over_time() {
    for breaks in [false, true] {
        let spread = DisconnectRules { over: Duration::from_secs(3), crowd_min: 0 };
        let weather = Weather { spread, ..Weather::calm() };
        // The last one is there to let ten seconds pass.
        let mut accounts: Vec<Account> = (0..7).map(Account::quiet).collect();
        accounts[6].connects_at = 10_000;
        let mut sim = Sim::new(15, weather, &accounts);
        sim.until(|world| world.clients[6].logged_in);
        let began = sim.now();
        for id in 0..6 {
            let stream = sim.world().backend_of(id).unwrap().stream;
            sim.world().kernel.peer(stream, |stream| match breaks {
                true => stream.peer_reset(false),
                false => stream.peer_fin = true,
            });
        }
        let mut ends = Vec::new();
        sim.until(|world| {
            let over = (0..6).filter(|id| ended(world, *id) == Some(EndedBy::Backend)).count();
            ends.resize(over, world.kernel.now - began);
            over == 6
        });
        // Seven in three seconds are three in the first one. The end of a half-closed relay is told at once, and takes
        // longer.
        assert_eq!(sim.counted(Counter::EndsSpread), 3);
        ends.retain(|after| breaks || (1..9_000).contains(after));
        let waited = &ends[ends.len() - 3..];
        assert!(waited.is_sorted() && waited[0] >= 500 && waited[2] <= 3_300, "{ends:?}");
        assert_eq!(ended(sim.world(), 6), None, "the session that goes on");
        sim.drain_now();
    }
}

#[test]
fn w_rel_6_an_idle_relay_ends_after_31_minutes() {
    let mut sim = Sim::new(6, Weather::calm(), &[Account::quiet(0)]);
    sim.until(|world| ended(world, 0).is_some());
    assert_eq!(ended(sim.world(), 0), Some(EndedBy::IdleTimeout));
    let now = sim.now();
    assert!((1_860_000..1_864_000).contains(&now), "{now}");
    sim.drain_now();
}

#[test]
fn w_lim_9_a_backend_is_probed_once_its_session_has_lived_for_ten_seconds() {
    let leaving = exchange(1, 900, 900, Ending::BothHalfClose);
    let mut sim = Sim::new(9, Weather::calm(), &[Account::quiet(0), leaving]);
    let is_probed = |world: &World, id| {
        let stream = world.backend_of(id).map(|backend| backend.stream);
        stream.is_some_and(|stream| world.kernel.streams[stream].is_probed)
    };
    sim.until(|world| world.clients[0].logged_in);
    let logged_in = sim.now();
    sim.until(|world| is_probed(world, 0));
    let age = sim.now() - logged_in;
    assert!((9_900..10_200).contains(&age), "{age} ms");
    sim.until(|world| ended(world, 1).is_some());
    assert!(!is_probed(sim.world(), 1), "a client that leaves is spared the calls");
    sim.drain_now();
}

#[test]
fn be_17_pipe_pool_empty_stays_on_copying() {
    for lacks_pipes in [100, 50] {
        let weather = Weather { lacks_pipes, buffers: (400_000, 400_000), ..Weather::calm() };
        let accounts = [exchange(0, 600_000, 600_000, Ending::BothHalfClose)];
        let mut sim = Sim::new(17, weather, &accounts);
        sim.end();
        sim.assert_exchanged();
        assert!(sim.counted(Counter::PipeMissing) > 0);
        assert_eq!(sim.world().kernel.pipes.is_empty(), lacks_pipes == 100);
    }
}

#[test]
fn w_rel_3_a_pipe_with_bytes_in_it_is_never_lent_again() {
    let mut caught = 0;
    for seed in 0..16 {
        let account = |id| Account { bulky: true, ..exchange(id, 9, 300_000, Ending::Nobody) };
        let weather = Weather { buffers: (20_000, 65_536), ..Weather::calm() };
        let mut sim = Sim::new(seed, weather, &[account(0), account(1), account(2)]);
        let is_full = |world: &World| world.kernel.pipes.iter().any(|pipe| !pipe.bytes.is_empty());
        sim.until(|world| is_full(world) || world.kernel.now > 60_000);
        caught += u32::from(is_full(sim.world()));
        // One of them leaves; the others go on, through the same pipes.
        let stream = sim.world().clients[0].stream.unwrap();
        sim.world().clients[0].over = true;
        sim.world().kernel.peer(stream, |stream| stream.peer_reset(false));
        sim.until(|world| world.clients[1..].iter().all(|client| client.heard == 300_000));
        sim.drain_now();
    }
    assert!(caught > 4, "{caught} of 16 runs had bytes in a pipe");
}

#[test]
fn w_rel_1_leftovers_first() {
    for seed in 0..32 {
        let smallest = 1 << (seed % 12);
        let weather = Weather { buffers: (smallest, 5_000), shortens: 30, ..Weather::calm() };
        let account = exchange(0, 20_000, 3_000, Ending::BothHalfClose);
        let mut sim = Sim::new(seed, weather, &[Account { eager: true, ..account }]);
        sim.end();
        sim.assert_exchanged();
    }
}

// === The ring ===

#[test]
fn ur_05_multishot_operations_that_always_end_are_armed_again_once() {
    let accounts: Vec<Account> =
        (0..6).map(|id| exchange(id, 70_000, 20_000, Ending::ClientHalfCloses)).collect();
    let mut sim = Sim::new(5, Weather { ends_multishot: 100, ..Weather::calm() }, &accounts);
    sim.end();
    sim.assert_exchanged();
}

#[test]
fn ur_06_cancellation_racing_completion_leaves_nothing() {
    for seed in 0..64 {
        let mut random = Random::new(seed);
        let weather =
            Weather { delays: 50, client_faults: 100, backend_faults: 50, ..Weather::calm() };
        let accounts: Vec<Account> =
            (0..6).map(|id| Account::of(id, &mut random, &weather)).collect();
        let mut sim = Sim::new(seed, weather, &accounts);
        sim.world().control.drain = Some((random.between(1_000, 9_000), Duration::ZERO));
        sim.finish();
        assert_eq!(sim.counted(Counter::StaleCompletion), 0, "slots outlive their operations");
    }
}

// === Before the relay ===

#[test]
fn w_pipe_6_client_gone_while_backend_connects() {
    // Half-closed before, it is not read any more when it breaks off.
    for half_closes in [false, true] {
        let weather = Weather { loses: 100, ..Weather::calm() };
        let mut sim = Sim::new(6, weather, &[Account::quiet(0)]);
        sim.until(|world| world.kernel.next_event().is_some());
        let stream = sim.world().clients[0].stream.unwrap();
        if half_closes {
            sim.world().kernel.peer(stream, |stream| stream.peer_fin = true);
            sim.until(|world| world.kernel.streams[stream].end_read);
        }
        let began = sim.now();
        sim.world().clients[0].over = true;
        sim.world().kernel.peer(stream, |stream| stream.peer_reset(false));
        while sim.worker.live() > 0 {
            sim.turn();
        }
        assert!(sim.now() < began + 100, "the connect is not waited for");
        sim.drain_now();
        assert_eq!(sim.counted(Counter::BackendFailed), 0);
    }
}

#[test]
fn w_pipe_7_a_full_table_drops_the_oldest_client_without_a_login() {
    // Eight places, one of them spare. The first one logs in; the next six say nothing and wait.
    let mut accounts = vec![Account::quiet(0)];
    for (id, at) in (1..7).zip((1_000..).step_by(100)) {
        accounts.push(Account { connects_at: at, ..asleep(id, 0) });
    }
    for (id, at) in [(7, 5_000), (8, 6_000)] {
        accounts.push(Account { connects_at: at, ..Account::quiet(id) });
    }
    let mut sim = Sim::new(7, Weather::calm(), &accounts);
    for (newcomer, gone) in [(7, 1), (8, 2)] {
        sim.until(|world| world.clients[newcomer].logged_in);
        assert!(sim.worker.live() <= 8);
        let world = sim.world();
        let is_gone = |id: usize| {
            let stream = &world.kernel.streams[world.clients[id].stream.unwrap()];
            let said = stream.to_peer.iter().copied().collect::<Vec<u8>>();
            let bye = b"* BYE [UNAVAILABLE] Too many connections, try again later.\r\n";
            assert_eq!(stream.core_closed, said.ends_with(bye), "{id}: {}", said.escape_ascii());
            stream.core_closed
        };
        let all_gone: Vec<usize> = (0..newcomer).filter(|id| is_gone(*id)).collect();
        assert_eq!(
            all_gone,
            (1..=gone).collect::<Vec<usize>>(),
            "the oldest, one for each newcomer"
        );
    }
    assert_eq!(sim.counted(Counter::CrowdedOut), 2);
    sim.drain_now();
}

#[test]
fn w_fail_2_a_backend_that_has_been_failing_is_not_queued_for() {
    let mut accounts: Vec<Account> = (0..7).map(Account::quiet).collect();
    // These three live on the same backend, which takes no connection: five seconds for each attempt.
    accounts[3].connects_at = 24_000;
    accounts[6].connects_at = 45_000;
    let mut sim = Sim::new(2, Weather { loses: 100, ..Weather::calm() }, &accounts);
    for id in [1, 2, 4, 5] {
        sim.world().clients[id].over = true;
    }
    sim.until(|world| world.kernel.now >= 45_000 && world.clients[6].refusals > 0);
    let now = sim.now();
    assert!(now < 46_000, "answered at {now}");
    assert_eq!(sim.counted(Counter::FailedFast), 1);
    assert_eq!(sim.world().clients[3].refusals, 0, "the one that finds out still tries");
    sim.drain_now();
}

#[test]
fn palomar_5_4_delay_until_holds_a_login_back() {
    let line = b"u0:{PLAIN}secret0::::::delay_until=1700000031+4\n";
    let (file, _) = PasswdFile::parse(line.to_vec()).unwrap();
    let list = vec![Passdb::new("file", Driver::PasswdFile(Arc::new(file)))];
    let mut sim = Sim::new(5, Weather::calm(), &[Account::quiet(0)]);
    sim.world().control.exchange.passdbs.publish(Passdbs { list, ..Passdbs::default() });
    sim.until(|world| world.clients[0].logged_in);
    // The simulation's world began at 1,700,000,000.
    let now = sim.now();
    assert!((31_000..36_000).contains(&now), "{now}");
    sim.drain_now();
}

#[test]
fn w_pipe_6_a_late_verdict_answers_no_other_login() {
    for seed in 0..64 {
        let script = vec![Command::login(0, 1, true), Command::login(0, 2, false)];
        let weather = Weather { control_faults: 100, ..Weather::calm() };
        let mut sim = Sim::new(seed, weather, &[Account { script, ..Account::quiet(0) }]);
        sim.until(|world| world.clients[0].over || world.clients[0].logged_in);
        sim.drain_now();
    }
}

#[test]
fn im_15_eof_after_login() {
    for seed in 0..16 {
        let eager = exchange(0, 0, 5_000, Ending::ClientHalfCloses);
        let mut sim = Sim::new(seed, Weather::calm(), &[Account { eager: true, ..eager }]);
        sim.end();
        sim.assert_exchanged();

        let script = vec![Command::login(0, 1, false)];
        let mut sim = Sim::new(seed, Weather::calm(), &[Account { script, ..Account::quiet(0) }]);
        sim.until(|world| world.clients[0].has_asked());
        let stream = sim.world().clients[0].stream.unwrap();
        sim.world().kernel.peer(stream, |stream| stream.peer_fin = true);
        sim.end();
        assert_eq!(sim.world().clients[0].refusals, 1, "the reply is delivered behind the EOF");
    }
}

#[test]
fn w_pipe_4_a_long_pipeline_is_answered_to_its_end() {
    for (seed, words, count) in [(1, "NOOP", 2_500), (2, "CAPABILITY", 400)] {
        let mut script: Vec<Command> =
            (1..count).map(|number| Command::plain(number, words)).collect();
        script.push(Command::login(0, count, true));
        let account = exchange(0, 10, 10, Ending::ClientHalfCloses);
        let account = Account { script, pipelines: true, pauses: 0, ..account };
        let mut sim = Sim::new(seed, Weather::calm(), &[account]);
        sim.end();
        sim.assert_exchanged();
    }
}

#[test]
fn be_14_a_client_that_never_takes_its_last_reply_is_ended() {
    let bye = vec![Command::plain(1, "LOGOUT")];
    let login = vec![Command::login(1, 1, true)];
    for script in [bye, login] {
        for after in 2..12 {
            let weather = Weather { buffers: (40, 40), ..Weather::calm() };
            let account = Account { script: script.clone(), ..asleep(1, after) };
            let mut sim = Sim::new(after, weather, &[Account::quiet(0), account]);
            while sim.world().clients[1].stream.is_none() || sim.worker.live() > 0 {
                sim.turn();
                assert!(sim.now() < 1_900_000, "kept for ever: {:?}", sim.world().clients[1]);
            }
            sim.drain_now();
        }
    }
}

#[test]
fn w_fail_4_a_backend_that_breaks_before_it_takes_the_login_costs_no_reply() {
    for seed in 0..64 {
        let weather = Weather { buffers: (8, 40), delays: 50, ..Weather::calm() };
        let mut sim = Sim::new(seed, weather, &[Account::quiet(0)]);
        sim.until(|world| world.backends.len() == 1);
        // Takes the greeting's answer in small bites, and breaks in the middle of it.
        sim.world().backends[0].break_after(1 + seed % 16);
        sim.until(|world| world.clients[0].over || world.clients[0].logged_in);
        let client = &sim.world().clients[0];
        assert!(client.logged_in || client.refusals == 1, "{seed}: {client:?}");
    }
}
