//! Cases that need a whole core and many clients.

use hale::limits;
use hale::proxy_header::encode::{Endpoints, Outgoing, v2};
use hale::share::counters::Counter;

use super::Sim;
use super::account::{Account, Command, Ending};
use super::weather::Weather;
use super::world::World;

/// A balancer that sends so much of a header and waits.
fn half_header(id: usize, connects_at: u64) -> Account {
    let mut account = Account { connects_at, listener: 1, bulky: true, ..Account::quiet(id) };
    account.from.set_ip([192, 0, 2, 77].into());
    account.script.clear();
    let endpoints = Some(Endpoints { source: account.from, destination: account.from });
    account.header = v2(&Outgoing { endpoints, ..Outgoing::default() }).bytes;
    account.header.truncate(1 + id % 27);
    account
}

/// What a client was told and has not read, once the core closed its connection.
fn last_words(world: &World, id: usize) -> Option<Vec<u8>> {
    let stream = &world.kernel.streams[world.clients[id].stream?];
    stream.core_closed.then(|| stream.to_peer.iter().copied().collect())
}

#[test]
fn px_21_half_headers_are_closed_in_time_and_keep_nobody_out() {
    // Half of them at once, for a table of eight places; half in turn.
    let at_once = (0..30).map(|id| half_header(id, 1_000));
    let in_turn = (30..60).zip((1_100..).step_by(10)).map(|(id, at)| half_header(id, at));
    let mut accounts: Vec<Account> = at_once.chain(in_turn).collect();
    // Fewer than there are places; no client makes room for another.
    accounts.extend((60..64).map(|id| half_header(id, 10_000)));
    // The other listener's clients, in the middle of both.
    accounts.extend(
        [(64, 1_500), (65, 10_500)]
            .map(|(id, connects_at)| Account { connects_at, ..Account::quiet(id) }),
    );
    let mut sim = Sim::new(21, Weather::calm(), &accounts);
    for client in [64, 65] {
        sim.until(|world| world.clients[client].logged_in || world.clients[client].over);
        assert!(sim.world().clients[client].logged_in, "{client}");
        assert!(sim.worker.live() <= 8);
    }
    let crowded = sim.counted(Counter::CrowdedOut);
    assert!(crowded >= 30, "{crowded} made room");
    let is_gone = |world: &World, id: usize| last_words(world, id).is_some();
    assert!((0..60).all(|id| is_gone(sim.world(), id)), "of the first, none is left");
    sim.until(|world| (60..64).all(|id| is_gone(world, id)));
    let timeout = u64::try_from(limits::PROXY_HEADER_TIMEOUT.as_millis()).unwrap();
    let lasted = sim.now() - 10_000;
    assert!((timeout..timeout + 300).contains(&lasted), "closed after {lasted} ms");
    assert_eq!(sim.counted(Counter::CrowdedOut), crowded, "no client had to make room");
    for id in 0..64 {
        assert_eq!(last_words(sim.world(), id).unwrap(), b"", "{id}: not a word without a header");
    }
    sim.drain_now();
}

#[test]
fn sa_01_garbled_base64_costs_nobody_else_anything() {
    let garbled = |id| Account {
        script: (1..=6).map(Command::garbled_login).collect(),
        pipelines: id % 2 == 0,
        ..Account::quiet(id)
    };
    let other = |id| Account {
        uploads: 5_000,
        downloads: 5_000,
        ending: Ending::BothHalfClose,
        ..Account::quiet(id)
    };
    for seed in 0..16 {
        let accounts = [garbled(0), other(1), garbled(2), other(3), garbled(4), other(5)];
        let mut sim = Sim::new(seed, Weather::calm(), &accounts);
        sim.until(|world| world.clients.iter().all(|client| client.over));
        for id in [1, 3, 5] {
            let client = &sim.world().clients[id];
            assert!(client.logged_in && client.heard == 5_000, "{client:?}");
        }
        // All of it within what one login takes: no client waited for another's sixth attempt.
        let now = sim.now();
        assert!(now < 20_000, "{now}");
        sim.drain_now();
    }
}

#[test]
fn rs_04_a_table_full_of_sessions_turns_newcomers_away_and_drops_nobody() {
    // One after the other: a client that has not logged in when the last place is taken makes room.
    let in_turn = |(id, connects_at)| Account { connects_at, ..Account::quiet(id) };
    let mut accounts: Vec<Account> = (0..8).zip((0..).step_by(2_000)).map(in_turn).collect();
    accounts.extend((8..12).map(|id| Account {
        connects_at: 20_000,
        // They take their line and go.
        script: Vec::new(),
        ..Account::quiet(id)
    }));
    let mut sim = Sim::new(4, Weather::calm(), &accounts);
    sim.until(|world| world.clients[..8].iter().all(|client| client.logged_in));
    sim.until(|world| world.clients[8..].iter().all(|client| client.over));
    let now = sim.now();
    assert!((20_000..21_000).contains(&now), "they are told at once: {now}");
    assert_eq!((sim.worker.live(), sim.counted(Counter::CrowdedOut)), (8, 0));
    assert!(sim.world().clients[..8].iter().all(|client| !client.over));
    sim.drain_now();
}

#[test]
fn sa_10_the_auth_cache_saves_hashes_and_neither_hurries_a_guess_nor_stops_a_corrected_password() {
    for (cache_bytes, expected) in [(1 << 14, 2), (0, 4)] {
        let weather = Weather { cache_bytes, ..Weather::calm() };
        // A third of the users have costly passwords; the same wrong one three times, then the right one.
        let script = (1..=4).map(|number| Command::login(0, number, number == 4)).collect();
        let mut sim = Sim::new(10, weather, &[Account { script, ..Account::quiet(0) }]);
        let mut answered_at = vec![0];
        for refusals in 1..=3 {
            sim.until(|world| world.clients[0].refusals == refusals);
            answered_at.push(sim.now());
        }
        sim.until(|world| world.clients[0].logged_in);
        assert_eq!(sim.world().control.hashed, expected, "hashes with {cache_bytes} bytes");
        let delay = u64::try_from(limits::FAILURE_DELAY.as_millis()).unwrap();
        let waited = answered_at.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(waited.clone().all(|it| it >= delay), "{:?}", waited.collect::<Vec<_>>());
        let corrected = sim.now() - answered_at[3];
        assert!(corrected < delay, "the right one waits for nobody: {corrected}");
        sim.drain_now();
    }
}
