//! What holds off guessers and crowds holds in every protocol it is meant for: penalties and seats wherever users log
//! in, doors for LMTP too (R-GUESS-1, W-LIM-8).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::faulty::{Fault, FaultyBackends, FullListener, address_of};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, now, timed, wait_for};

const GUESSER: Ipv4Addr = Ipv4Addr::new(127, 0, 8, 1);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 8, 2);
const BASE: Duration = Duration::from_millis(200);

#[test]
fn sa_12_guesses_in_one_protocol_slow_down_those_in_the_others() {
    let scene = Scene::start("auth_failure_delay = 200ms");
    // One prefix guesses by all doors in turn, another one by each for the first time.
    for (number, (door, tenths)) in scene.doors.iter().zip([10, 20, 40, 75]).enumerate() {
        let took = scene.guess(door, GUESSER, number);
        let (name, least) = (door.speech.protocol, BASE * tenths / 10);
        assert!(took >= least, "{name}: {took:?} for a guess that has {least:?}");
    }
    for (number, door) in (10..).zip(&scene.doors) {
        let stranger = Ipv4Addr::new(127, 0, 8, number);
        let took = scene.guess(door, stranger, 0);
        let name = door.speech.protocol;
        assert!(took >= BASE && took < BASE * 75 / 10, "{name}: {took:?} for a first guess");
    }
}

#[test]
fn mail_max_userip_connections_in_every_protocol() {
    let scene = Scene::start("mail_max_userip_connections = 1");
    for door in &scene.doors {
        let mut first = door.login(GUESSER);
        door.speech.expect_logged_in(&mut first);
        let mut second = door.login(GUESSER);
        door.speech.expect_failed(&mut second, door.speech.limit);
        let mut neighbour = door.login(NEIGHBOUR);
        door.speech.expect_logged_in(&mut neighbour);
        drop(first);
        wait_for("the seat of the session that ended", PATIENCE, || {
            let mut next = door.login(GUESSER);
            let line = next.line();
            (!line.starts_with(door.speech.limit.as_bytes())).then_some(())
        });
    }
}

#[test]
fn rs_05_doors_are_bounded_in_every_protocol() {
    let scene = Scene::start("connections_per_address_max = 2");
    let doors = scene.doors.iter().map(|door| (door.address, door.speech.busy_here));
    for (address, busy) in doors.chain([(scene.lmtp, "421 4.3.2 ")]) {
        let guests = [(); 2].map(|()| come(address, GUESSER));
        let mut third = Imap::open_from(GUESSER, address);
        let told = String::from_utf8_lossy(&third.rest()).into_owned();
        third.expect(told.lines().any(|line| line.starts_with(busy)), busy);
        come(address, NEIGHBOUR);
        drop(guests);
        wait_for("places that come back", PATIENCE, || {
            let line = Imap::open_from(GUESSER, address).try_line()?;
            (!line.starts_with(busy.as_bytes())).then_some(())
        });
    }
}

/// An address that has not answered for half a minute gets one connect at a time; other logins to it are answered at
/// once.
#[test]
fn w_fail_2_nobody_queues_for_a_dead_backend_in_any_protocol() {
    let scene = Scene::start("data_cores = 0\nlogin_proxy_max_reconnects = 0");
    let [imap, ..] = scene.doors.as_slice() else { panic!("no IMAP") };
    let since = now();
    while since.elapsed() < FAIL_FAST_AFTER {
        let took = scene.log_in_at_nobody(imap);
        assert!(took > AT_ONCE, "the connect was not waited for: {took:?}");
    }
    // A login waits already.
    let mut first = Imap::open_from(GUESSER, imap.address);
    imap.speech.greeted(&mut first);
    imap.speech.send_login(&mut first, "nobody");
    wait_for("the first one's connect", PATIENCE, || {
        (scene.log_in_at_nobody(imap) < AT_ONCE).then_some(())
    });
    for door in &scene.doors {
        let (name, took) = (door.speech.protocol, scene.log_in_at_nobody(door));
        assert!(took < AT_ONCE, "{name}: {took:?} in the queue for a dead backend");
    }
    let mut sender = Imap::open_from(GUESSER, scene.lmtp);
    let (took, ()) = timed(|| {
        sender.send(b"LHLO mx.test\r\nMAIL FROM:<>\r\nRCPT TO:<nobody>\r\nQUIT\r\n");
        while !sender.line().starts_with(b"451 4.4.0") {}
    });
    assert!(took < AT_ONCE, "lmtp: {took:?} in the queue for a dead backend");
    imap.speech.expect_unavailable(&mut first);
}

/// `FAIL_FAST_AFTER`, and a connect that takes five seconds behind it.
const FAIL_FAST_AFTER: Duration = Duration::from_secs(31);
/// Much less than a connect.
const AT_ONCE: Duration = Duration::from_millis(2_500);

/// A connection that is greeted and may stay.
fn come(address: SocketAddr, from: Ipv4Addr) -> Imap {
    let mut client = Imap::open_from(from, address);
    let line = client.line();
    client.expect(!line.is_empty(), "a greeting");
    client
}

/// Hale in all protocols, for clients that are not trusted.
struct Scene {
    doors: Vec<Door>,
    lmtp: SocketAddr,
    _hale: Hale,
    /// Where user `nobody` lives.
    _full: FullListener,
}

/// One protocol of it, with a backend that logs every user in.
struct Door {
    speech: &'static Speech,
    address: SocketAddr,
    _backends: FaultyBackends,
}

impl Scene {
    fn start(configuration: &str) -> Self {
        let mut setup = Setup::new(free_port());
        let lmtp = free_port();
        setup.configure(&format!(
            "protocols = imap pop3 sieve submission lmtp\nlogin_trusted_networks =\n{configuration}\n\
             service lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}"
        ));
        let place = address_of(0);
        setup.add_row(&format!("everybody:{{PLAIN}}secret::::::host={place}"));
        for user in 0..SPEECHES.len() {
            setup.add_row(&format!("guessed-{user}:{{PLAIN}}another::::::host={place}"));
        }
        let doors = SPEECHES.iter().map(|speech| {
            let backends = FaultyBackends::start(speech.turns, vec![Fault::None]);
            let port = if speech.protocol == "imap" { setup.port } else { free_port() };
            setup.configure(&speech.configuration(port, backends.port));
            Door { speech, address: (FRONT, port).into(), _backends: backends }
        });
        let doors = doors.collect();
        let full = FullListener::start();
        setup.add_row(&format!("nobody:{{PLAIN}}secret::::::host={FRONT} port={}", full.port));
        Self { doors, lmtp: (FRONT, lmtp).into(), _hale: setup.start(), _full: full }
    }

    /// How long it takes to be told that there is no backend.
    fn log_in_at_nobody(&self, door: &Door) -> Duration {
        let mut client = Imap::open_from(GUESSER, door.address);
        door.speech.greeted(&mut client);
        let (took, ()) = timed(|| {
            door.speech.send_login(&mut client, "nobody");
            door.speech.expect_unavailable(&mut client);
        });
        took
    }

    /// A password that is wrong for this user; how long the answer took. The same pair again would not count.
    fn guess(&self, door: &Door, from: Ipv4Addr, user: usize) -> Duration {
        let mut client = Imap::open_from(from, door.address);
        door.speech.greeted(&mut client);
        let (took, ()) = timed(|| {
            door.speech.send_login(&mut client, &format!("guessed-{user}"));
            door.speech.expect_failed(&mut client, door.speech.refused);
        });
        took
    }
}

impl Door {
    fn login(&self, from: Ipv4Addr) -> Imap {
        let mut client = Imap::open_from(from, self.address);
        client.call(self.speech.protocol);
        self.speech.greeted(&mut client);
        self.speech.send_login(&mut client, "everybody");
        client
    }
}
