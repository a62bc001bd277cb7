//! The loop with its backends and clients, without a proxy between them.

use super::*;
use crate::certificate::{self, Certificate};
use crate::sockets::Received;

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
            proxy_source: None,
            tls: None,
        },
        population,
        logins_at_once: 4,
        rate: None,
        late: Late::Dropped,
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

/// Whole sessions over TLS, interactive ones and streams, against a backend that speaks it itself.
fn tls_works(protocol: Protocol, mode: TlsMode, handshakes: Handshakes, port: u16) {
    let (mut engine, _) = engine(protocol, port);
    let address = SocketAddrV4::new([127, 0, 0, 8].into(), port);
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::create(directory.path()).unwrap();
    let chain = certificate::read(&certificate.certificate_file).unwrap();
    let backends = TlsBackends::new(mode, chain.clone(), certificate.key().unwrap()).unwrap();
    engine.add_secure_backend(protocol, address, backends).unwrap();
    let tls = TlsClients::new(TlsOrder {
        mode,
        handshakes,
        is_old: false,
        post_quantum: false,
        server_name: certificate::SERVER_NAME.to_owned(),
        trusted: chain,
    });
    let tls = Some(tls.unwrap());
    let bytes = BYTES;
    let plans: &[Plan] = match protocol {
        Protocol::Lmtp => &[Plan::WholeSession, Plan::Ping, DELIVER],
        _ => &[Plan::WholeSession, Plan::Ping, Plan::Download { bytes }, Plan::Upload { bytes }],
    };
    for plan in plans {
        let mut order = order(protocol, *plan, address, 3);
        order.credentials.tls.clone_from(&tls);
        engine.add_group(order);
    }
    for number in 1..plans.len() {
        let done = |engine: &Engine| engine.group(number).stats.replies > 3;
        engine.run_until(WAIT, "work", done).unwrap();
    }
    engine.run_until(WAIT, "sessions", |engine| engine.group(0).stats.sessions > 9).unwrap();
    for group in &engine.groups {
        assert_eq!(group.stats.failures, 0, "{protocol:?}: {}", group.state());
    }
    let stats = &engine.group(0).stats;
    match handshakes {
        Handshakes::Full => assert_eq!(stats.resumed, 0),
        // The first of a client at the latest gives it a ticket, and there are three.
        Handshakes::Resumed => assert!(stats.full <= 4 && stats.resumed > 0, "{stats:?}"),
    }
}

#[test]
fn imap_works_inside_tls() {
    tls_works(Protocol::Imap, TlsMode::Implicit, Handshakes::Full, 18_993);
}

#[test]
fn sessions_are_resumed() {
    tls_works(Protocol::Imap, TlsMode::Implicit, Handshakes::Resumed, 18_994);
}

#[test]
fn pop3_works_with_stls() {
    tls_works(Protocol::Pop3, TlsMode::Starttls, Handshakes::Full, 18_995);
}

#[test]
fn sieve_works_with_starttls() {
    tls_works(Protocol::Sieve, TlsMode::Starttls, Handshakes::Resumed, 18_996);
}

#[test]
fn submission_works_with_starttls() {
    tls_works(Protocol::Submission, TlsMode::Starttls, Handshakes::Full, 18_997);
}

#[test]
fn lmtp_works_with_starttls() {
    tls_works(Protocol::Lmtp, TlsMode::Starttls, Handshakes::Full, 18_998);
}

#[test]
fn a_certificate_that_nobody_trusts_is_refused() {
    let (mut engine, _) = engine(Protocol::Imap, 18_999);
    let address = SocketAddrV4::new([127, 0, 0, 8].into(), 18_999);
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::create(directory.path()).unwrap();
    let chain = certificate::read(&certificate.certificate_file).unwrap();
    let mode = TlsMode::Implicit;
    let backends = TlsBackends::new(mode, chain, certificate.key().unwrap()).unwrap();
    engine.add_secure_backend(Protocol::Imap, address, backends).unwrap();
    let mut order = order(Protocol::Imap, Plan::Park, address, 1);
    let tls = TlsOrder {
        mode,
        handshakes: Handshakes::Full,
        is_old: false,
        post_quantum: true,
        server_name: certificate::SERVER_NAME.to_owned(),
        trusted: Vec::new(),
    };
    order.credentials.tls = Some(TlsClients::new(tls).unwrap());
    let group = engine.add_group(order);
    let failed = |engine: &Engine| engine.group(group).stats.failures > 0;
    engine.run_until(WAIT, "a refusal", failed).unwrap();
    let first = engine.group(group).stats.first_failure.as_ref().unwrap().to_string();
    assert!(first.contains("certificate"), "{first}");
}

#[test]
fn nginx_is_told_of_the_backends_in_turn() {
    let (mut engine, backend) = engine(Protocol::Imap, 18_145);
    let address = SocketAddrV4::new([127, 0, 0, 9].into(), 18_080);
    let other = SocketAddrV4::new([127, 0, 0, 7].into(), 143);
    engine.add_auth_http(address, vec![backend, other]).unwrap();
    for expected in ["Auth-Server: 127.0.0.9\r\nAuth-Port: 18145\r\n", "Auth-Server: 127.0.0.7\r\n"]
    {
        let socket = sockets::connect(address, None).unwrap();
        let mut request = &b"GET / HTTP/1.0\r\nAuth-User: user1\r\n\r\n"[..];
        let mut reply = Vec::new();
        let end = Instant::now() + WAIT;
        while !reply.ends_with(b"\r\n\r\n") && Instant::now() < end {
            engine.turn().unwrap();
            // Two pieces, and nothing before the connection is there.
            if let Some(sent) = sockets::send(&socket, &request[..request.len().min(20)]) {
                request = &request[sent..];
            }
            let mut buffer = [0; 512];
            if let Received::Bytes(size) = sockets::receive(&socket, &mut buffer) {
                reply.extend_from_slice(&buffer[..size]);
            }
        }
        let reply = String::from_utf8(reply).unwrap();
        assert!(reply.contains("Auth-Status: OK\r\n") && reply.contains(expected), "{reply}");
    }
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

#[test]
fn a_crowd_is_silent_or_slow_and_leaves_when_it_is_told() {
    for (number, protocol) in
        [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission, Protocol::Lmtp]
            .into_iter()
            .enumerate()
    {
        let (mut engine, address) = engine(protocol, 18_150 + u16::try_from(number).unwrap());
        let silent = engine.add_group(order(protocol, Plan::Silent, address, 20));
        let rate = Some(1_000.0);
        let slow =
            engine.add_group(GroupOrder { rate, ..order(protocol, Plan::Trickle, address, 20) });
        let settled =
            |engine: &Engine| [silent, slow].iter().all(|group| engine.group(*group).is_complete());
        engine.run_until(WAIT, "a crowd", settled).unwrap();
        engine.run_for(Duration::from_millis(100)).unwrap();
        for group in [silent, slow] {
            let group = engine.group(group);
            assert_eq!((group.stats.failures, group.stats.logins.total()), (0, 0));
        }
        engine.dismiss(silent);
        engine.dismiss(slow);
        let left = |engine: &Engine| {
            engine.slots.iter().filter(|slot| slot.connection.socket().is_some()).count()
        };
        engine.run_until(WAIT, "an empty house", |engine| left(engine) == 1).unwrap();
    }
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

#[test]
fn connections_that_are_late_are_dropped_or_made_up_for_from_when_they_were_due() {
    let begun = Instant::now();
    let later = begun + Duration::from_secs(1);
    let starts = |late: Late| {
        let address = SocketAddrV4::new([127, 0, 0, 9].into(), 1);
        let order = order(Protocol::Imap, Plan::WholeSession, address, 100);
        let rate = Some(10.0);
        let mut group = Group::new(GroupOrder { rate, late, logins_at_once: 100, ..order }, begun);
        let all: Vec<_> = std::iter::from_fn(|| group.next_client(later)).collect();
        (all.len(), all[0].since, group.under_way(later + Duration::from_secs(1)).round())
    };
    // One is due every 100 ms, the first at once: of the late ones only one begins.
    assert_eq!(starts(Late::Dropped), (2, later, 2.0));
    assert_eq!(starts(Late::MadeUp), (11, begun, 20.0));
}
