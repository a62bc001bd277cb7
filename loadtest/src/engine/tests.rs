//! The loop with its backends and clients, without a proxy between them.

use super::*;

fn engine(protocol: Protocol, port: u16) -> (Engine, SocketAddrV4) {
    let address = SocketAddrV4::new([127, 0, 0, 9].into(), port);
    (Engine::new(protocol, &[address], Arc::default()).unwrap(), address)
}

fn order(protocol: Protocol, plan: Plan, target: SocketAddrV4, population: usize) -> GroupOrder {
    GroupOrder {
        plan,
        target,
        sources: Vec::new(),
        credentials: Credentials {
            protocol,
            user_pattern: "user%d".to_owned(),
            password: "secret".to_owned(),
            users: 10,
            command: LoginCommand::Plain,
            proxy_header: false,
        },
        population,
        logins_at_once: 4,
        rate: None,
    }
}

/// Runs these plans side by side until each did its work often enough, then silence and an empty house.
fn plans_work(protocol: Protocol, port: u16, plans: &[Plan]) {
    let (mut engine, address) = engine(protocol, port);
    for plan in plans {
        engine.add_group(order(protocol, *plan, address, 3));
    }
    for (number, plan) in plans.iter().enumerate() {
        let done = |engine: &Engine| {
            let stats = &engine.group(number).stats;
            if *plan == Plan::WholeSession { stats.sessions > 9 } else { stats.replies > 3 }
        };
        engine.run_until(WAIT, "work", done).unwrap();
    }
    for group in &engine.groups {
        assert_eq!(group.stats.failures, 0, "{protocol:?}: {}", group.state());
    }
    let parked = engine.add_group(order(protocol, Plan::Park, address, 5));
    engine.run_until(WAIT, "silence", |engine| engine.group(parked).is_parked()).unwrap();
    engine.drop_groups();
    let left = |engine: &Engine| {
        engine.slots.iter().filter(|slot| slot.connection.socket().is_some()).count()
    };
    // Only the listener stays.
    engine.run_until(WAIT, "an empty house", |engine| left(engine) == 1).unwrap();
}

#[test]
fn every_plan_of_imap_works_without_a_proxy() {
    plans_work(Protocol::Imap, 18_143, RELAYED);
}

#[test]
fn every_plan_of_pop3_works_without_a_proxy() {
    plans_work(Protocol::Pop3, 18_110, RELAYED);
}

#[test]
fn every_plan_of_sieve_works_without_a_proxy() {
    plans_work(Protocol::Sieve, 18_190, RELAYED);
}

#[test]
fn every_plan_of_submission_works_without_a_proxy() {
    let plans = [RELAYED, &[DELIVER]].concat();
    plans_work(Protocol::Submission, 18_587, &plans);
}

#[test]
fn every_plan_of_lmtp_works_without_a_proxy() {
    plans_work(Protocol::Lmtp, 18_024, &[Plan::Ping, DELIVER, Plan::WholeSession]);
}

#[test]
fn a_paced_group_keeps_its_pace() {
    let (mut engine, address) = engine(Protocol::Imap, 18_144);
    let rate = Some(1_000.0);
    let group =
        engine.add_group(GroupOrder { rate, ..order(Protocol::Imap, Plan::Ping, address, 10) });
    engine.run_until(WAIT, "logins", |engine| engine.group(group).is_complete()).unwrap();
    engine.reset_stats();
    engine.run_for(Duration::from_millis(200)).unwrap();
    let replies = engine.group(group).stats.replies;
    assert!((150..=210).contains(&replies), "{replies}");
}

const WAIT: Duration = Duration::from_secs(10);
const BYTES: u64 = 3_000_000;
const DELIVER: Plan = Plan::Deliver { bytes: BYTES };
const RELAYED: &[Plan] = &[
    Plan::Ping,
    Plan::Download { bytes: BYTES },
    Plan::Upload { bytes: BYTES },
    Plan::WholeSession,
];
