//! This host has no descriptor, memory or port left.

use std::time::Duration;

use hale::event::Event;
use hale::fault::Failure;
use hale::share::counters::Counter;

use super::Sim;
use super::account::Account;
use super::random::Random;
use super::weather::Weather;

#[test]
fn ur_04_rs_01_a_drain_ends_although_no_descriptor_is_left() {
    for seed in 0..64 {
        let mut random = Random::new(seed);
        let account = |id| Account { connects_at: 1_000, ..Account::quiet(id) };
        let weather = Weather { starves: 60, lacks_sockets: 60, delays: 60, ..Weather::calm() };
        let accounts: Vec<Account> = (0..6).map(account).collect();
        let mut sim = Sim::new(seed, weather, &accounts);
        sim.world().control.drain =
            Some((random.pick(&[1_000, 1_100, 1_101, 1_200]), Duration::ZERO));
        sim.finish();
    }
}

#[test]
fn w_fail_8_rs_01_a_login_without_a_socket_blames_no_backend() {
    let weather = Weather { lacks_sockets: 100, ..Weather::calm() };
    // For longer than an address may fail before logins are answered without a connect (W-FAIL-2).
    let early = (0..40)
        .zip((0..).step_by(1_000))
        .map(|(id, at)| Account { connects_at: at, ..Account::quiet(id) });
    let last = Account { connects_at: 50_000, ..Account::quiet(40) };
    let mut sim = Sim::new(8, weather, &early.chain([last]).collect::<Vec<Account>>());
    sim.until(|world| world.clients[..40].iter().all(|client| client.over));
    assert_eq!(sim.counted(Counter::BackendFailed), 0);
    let events = &sim.world().control.events;
    let whys = events.iter().filter_map(|event| match event {
        Event::LoginFailed { failure, detail, .. } => Some((*failure, &**detail)),
        _ => None,
    });
    let whys: Vec<(Failure, &str)> = whys.collect();
    let remedies = ["LimitNOFILE=", "net.ipv4.tcp_mem", "login_source_ips"];
    let has_one = |why: &str| remedies.iter().any(|remedy| why.contains(remedy));
    assert_eq!(whys.len(), 40, "one attempt each: {whys:?}");
    assert!(whys.iter().all(|(why, text)| *why == Failure::Internal && has_one(text)), "{whys:?}");
    sim.world().kernel.weather.lacks_sockets = 0;
    sim.until(|world| world.clients[40].logged_in);
    assert_eq!(sim.counted(Counter::FailedFast), 0, "the address was never held to be gone");
    sim.drain_now();
}
