//! Losing a backend: its own sessions end, all others notice nothing (BE-01, BE-04, BE-05).

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use super::crowd::Live;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::all_threads_are;
use super::ports::BACKENDS;
use super::script::ScriptedBackends;
use super::wait::{PATIENCE, wait_for};

/// Dovecot's own limit for a backend login in all, and what a busy machine adds.
const LOGIN_ANSWER_MAX: Duration = Duration::from_secs(45);

#[test]
fn be_04_a_killed_backend_takes_only_its_own_sessions_along() {
    let pair = Pair::start();
    let names: Vec<String> = (0..24).map(|number| format!("killed-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let hale = Setup::with_users(&pair, &users, b"secret").start();
    let (mut hurt, mut fine) = sessions_by_home(&hale, &pair, &users);
    pair.backends[0].kill();
    for (_, client) in &mut hurt {
        // Each read waits with a deadline; an unclosed connection fails here.
        client.rest();
    }
    for (_, client) in &mut fine {
        client.command("n", "NOOP");
    }
    // New logins of the other backend's users go on.
    let (user, _) = fine.first().unwrap();
    hale.session(user, b"secret").command("n", "NOOP");
    // Those who live on the dead backend get an answer: another backend, or "not now".
    let (user, _) = hurt.first().unwrap();
    expect_login_or_unavailable(&hale, user);
}

#[test]
fn be_05_a_backend_that_pauses_keeps_its_sessions() {
    let pair = Pair::start();
    let hale = Setup::with_users(&pair, &["paused"], b"secret").start();
    let mut client = hale.session("paused", b"secret");
    let backend = &pair.backends[pair.home_of("paused")];
    backend.signal(Signal::STOP);
    client.send(b"n NOOP\r\n");
    let early = waits(&client, Duration::from_secs(3));
    backend.signal(Signal::CONT);
    assert!(early, "an answer while the backend stands still");
    client.expect_tagged_ok("n");
}

#[test]
fn be_01_no_backend_listens_and_the_client_gets_one_answer() {
    // Nothing listens on this port, on either address.
    let mut setup = Setup::new(super::ports::free_port());
    setup.add_users(&["nobody-home"], b"secret");
    let hale = setup.start();
    expect_unavailable(&hale, "nobody-home");
}

/// A backend that takes connections and then says nothing (a hung one, a stopped one): the client is told so in the
/// end.
#[test]
fn be_01_a_mute_backend_and_the_client_gets_one_answer() {
    let port = super::ports::free_port();
    // The kernel accepts for us; no backend ever answers.
    let _mute = BACKENDS.map(|address| TcpListener::bind((address, port)).unwrap());
    let mut setup = Setup::new(port);
    setup.add_users(&["mute"], b"secret");
    let hale = setup.start();
    expect_unavailable(&hale, "mute");
}

/// A second process can take the place of a dead one: the ports are free at once (UR-12).
#[test]
fn ur_12_a_killed_hale_leaves_its_ports_free() {
    let mut hale = Setup::with_users(Pair::shared(), &["crash"], b"secret").start();
    let mut sessions: Vec<_> = (0..50).map(|_| hale.session("crash", b"secret")).collect();
    hale.crash_and_start_again();
    for client in &mut sessions {
        client.rest();
    }
    hale.session("crash", b"secret").command("n", "NOOP");
}

/// Hale itself stands still for longer than a PROXY header may take, and goes on: no client that was there is harmed,
/// who came meanwhile is served, and no deadline that passed in between hits others.
#[test]
fn cl_03_hale_stands_still_and_goes_on() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    let hale = setup.start();
    let mut sessions: Vec<Live> = (0..20).map(|_| Live::start(&hale, &backends)).collect();
    let mut waiting = Imap::connect(hale.address());
    hale.signal(Signal::STOP);
    wait_for("all threads to stand still", PATIENCE, || {
        all_threads_are(hale.process_id(), 'T').then_some(())
    });
    waiting.send(b"l LOGIN crowded secret\r\n");
    let mut late = Imap::open(TcpStream::connect(hale.address()).unwrap());
    let early = waits(&waiting, Duration::from_secs(5));
    hale.signal(Signal::CONT);
    assert!(early, "an answer while Hale stands still");
    waiting.expect_tagged_ok("l");
    backends.next_session();
    late.greeting();
    late.login("crowded", b"secret");
    backends.next_session();
    sessions.iter_mut().for_each(Live::exchange);
}

/// Every write of the log fails as on a full disk; the service goes on.
#[test]
fn rs_08_a_full_disk_under_the_log_stops_nobody() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    setup.configure("log_path = /dev/full\nlog_debug = yes");
    let hale = setup.start();
    for _ in 0..100 {
        let mut session = Live::start(&hale, &backends);
        session.exchange();
        session.client.send(b"a line of a session that ends\r\n");
    }
    Live::start(&hale, &backends).exchange();
}

type Sessions<'a> = Vec<(&'a str, Imap)>;

/// One session for each user, split by the backend they live on.
fn sessions_by_home<'a>(
    hale: &Hale,
    pair: &Pair,
    users: &[&'a str],
) -> (Sessions<'a>, Sessions<'a>) {
    let sessions: Sessions<'a> =
        users.iter().map(|user| (*user, hale.session(user, b"secret"))).collect();
    let split: (Sessions<'a>, Sessions<'a>) =
        sessions.into_iter().partition(|(user, _)| pair.home_of(user) == 0);
    assert!(!split.0.is_empty() && !split.1.is_empty(), "all users on one backend");
    split
}

fn expect_login_or_unavailable(hale: &Hale, user: &str) {
    let mut client = Imap::connect(hale.address());
    client.stream().set_read_timeout(Some(LOGIN_ANSWER_MAX)).unwrap();
    client.send(format!("l LOGIN {user} secret\r\n").as_bytes());
    let lines = client.reply("l");
    let last = lines.last().unwrap();
    let answered = last.starts_with(b"l OK") || last.starts_with(b"l NO [UNAVAILABLE]");
    client.expect(answered, "a login or a temporary failure");
}

/// One temporary failure, and the client is still connected and may ask for something else.
fn expect_unavailable(hale: &Hale, user: &str) {
    let mut client = Imap::connect(hale.address());
    client.stream().set_read_timeout(Some(LOGIN_ANSWER_MAX)).unwrap();
    client.send(format!("l LOGIN {user} secret\r\n").as_bytes());
    let lines = client.reply("l");
    client.expect(lines.last().unwrap().starts_with(b"l NO [UNAVAILABLE]"), "a temporary failure");
    client.command("n", "NOOP");
}

/// Nothing arrives for so long, and the connection stays open.
fn waits(client: &Imap, time: Duration) -> bool {
    client.stream().set_read_timeout(Some(time)).unwrap();
    let peeked = client.stream().peek(&mut [0]);
    client.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
