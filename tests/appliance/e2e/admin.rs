//! `hale status`, `hale who` and `hale kick` in front of a thousand real sessions in all five protocols, on several cores.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Output;

use hale::names::Protocol;

use super::hale::Hale;
use super::imap::Imap;
use super::kernel::cpus;
use super::lmtp::Lmtp;
use super::site::Site;
use super::speech::{IMAP, POP3, SIEVE, SUBMISSION, Speech};
use super::tools::said;
use super::wait::{PATIENCE, wait_for};

/// Sessions of each of ten users, in the order of [`Protocol::ALL`]; of LMTP there are ten in all.
const SESSIONS: [usize; 5] = [60, 13, 1, 13, 13];
const USERS: usize = 10;
const ALL: usize = 1_000;
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 8, 2);

#[test]
fn admin_a_thousand_sessions_are_listed_counted_and_kicked() {
    let names: Vec<String> = (0..USERS).map(|number| format!("admin-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let cores = if cpus() > 1 { "data_cores = 0-1\n" } else { "" };
    let site = Site::start(&users, &format!("{cores}mail_max_userip_connections = 0\n"));
    let mut crowd: Vec<Vec<Imap>> = users.iter().map(|user| come(&site, user)).collect();
    let mut senders: Vec<Lmtp> = (0..USERS).map(|_| sender(&site)).collect();
    let hale = &site.hale;

    let rows = who(hale, &["-1"]);
    assert_eq!(rows.len(), ALL);
    let sessions: BTreeMap<&str, &Vec<String>> =
        rows.iter().map(|row| (row[4].as_str(), row)).collect();
    assert_eq!(sessions.len(), ALL, "a session was told twice");
    let counted = who(hale, &[]);
    let of = |protocol: Protocol, count: usize| {
        counted
            .iter()
            .filter(|row| row[2] == protocol.name() && row[1] == count.to_string())
            .count()
    };
    for (protocol, count) in Protocol::ALL.into_iter().zip(SESSIONS) {
        let (rows, count) = if protocol == Protocol::Lmtp { (1, 10) } else { (USERS, count) };
        assert_eq!(of(protocol, count), rows, "{protocol}: {counted:?}");
    }
    assert_eq!(who(hale, &["ADMIN-3"]).len(), 4, "one row for each protocol with a user");
    assert_eq!(who(hale, &["-1", "admin-?", "127.0.0.0/8"]).len(), ALL - 10);
    assert_eq!(who(hale, &["-1", "admin-1", "10.0.0.0/8"]).len(), 0);
    check_status(hale);

    // One user's sessions, in four protocols, on both cores; and no other.
    let reply = hale.setup().output_of(&["kick", "--reason", "a test", "admin-3"]);
    assert_eq!(printed(&reply), "kicked connections from the following users:\nadmin-3\n");
    for client in &mut crowd[3] {
        assert_eq!(client.rest(), b"", "what a kicked client reads");
    }
    crowd.remove(3);
    let each = ALL / USERS - 1;
    assert_eq!(who(hale, &["-1"]).len(), ALL - each);
    check_the_log_of_a_kick(hale, each);

    kick_one_by_its_id(hale, &rows);
    let left = kick_those_of_a_backend(hale);
    check_alive(crowd.iter_mut().flatten(), left);

    // A client's, LMTP included, which is told; mail that was under way is taken.
    let mut far = Imap::open_from(NEIGHBOUR, site.clear(Protocol::Imap));
    log_in(&IMAP, &mut far, users[0]);
    let kicked = hale.setup().succeed_with(&["-f", "tab", "kick", "127.0.0.1"]);
    assert_eq!(kicked.lines().count(), 1 + left + 10, "{kicked}");
    assert_eq!(who(hale, &["-1", "*"]).len(), 1);
    far.command("n", "NOOP");
    let mut last = senders.pop().unwrap();
    assert_eq!(last.reply().0, 421);
    assert!(last.reads_the_end());
    let gone = wait_for("LMTP sessions to end", PATIENCE, || {
        let rows = who(hale, &["-1"]);
        (rows.len() == 1).then_some(rows)
    });
    assert_eq!(gone[0][3], NEIGHBOUR.to_string());
}

/// A line for each session that an order ended, and one for the order.
fn check_the_log_of_a_kick(hale: &Hale, each: usize) {
    let read = || fs::read_to_string(hale.setup().path().join("hale.log")).unwrap();
    let kicked = |log: &str| log.lines().filter(|line| line.contains("by=kick")).count();
    // Lines are gathered for a moment before they are written.
    let log = wait_for("a line for each kicked session", PATIENCE, || {
        Some(read()).filter(|log| kicked(log) >= each && log.contains("admin: kick"))
    });
    let ended: Vec<&str> = log.lines().filter(|line| line.contains("by=kick")).collect();
    assert_eq!(ended.len(), each);
    assert!(ended.iter().all(|line| line.contains("user=<admin-3>")), "{ended:?}");
    let order = log.lines().find(|line| line.contains("admin: kick")).unwrap();
    assert!(order.contains(&format!("admin-3 reason=<a test>: {each} sessions ended")), "{order}");
}

fn kick_one_by_its_id(hale: &Hale, rows: &[Vec<String>]) {
    let mut wanted = rows.iter().filter(|row| row[0] == "admin-5" && row[1] == "imap");
    let id = &wanted.next().unwrap()[4];
    hale.setup().succeed_with(&["kick", "--session", id]);
    assert_eq!(who(hale, &["-1", "admin-5"]).len(), ALL / USERS - 2);
    assert!(who(hale, &["-1"]).iter().all(|row| row[4] != *id));
    let again = hale.setup().output_of(&["kick", "--session", id]);
    assert_eq!((again.status.code(), &*printed(&again)), (Some(68), "no users kicked\n"));
}

/// How many users' sessions are left.
fn kick_those_of_a_backend(hale: &Hale) -> usize {
    let homes = who(hale, &["-1", "*"]);
    let home = &homes[0][5];
    let theirs = homes.iter().filter(|row| row[5] == *home).count();
    assert_eq!(who(hale, &["-1", "--backend", home]).len(), theirs);
    // With a mask it means now; without one they would be told over time.
    hale.setup().succeed_with(&["kick", "*", "--backend", home]);
    let left = who(hale, &["-1", "*"]);
    assert_eq!(left.len(), homes.len() - theirs);
    assert!(left.iter().all(|row| row[5] != *home));
    left.len()
}

/// What status says while everybody is there.
fn check_status(hale: &Hale) {
    let rows = rows(&hale.setup().succeed_with(&["-f", "tab", "status"]));
    let of = |about: &str, property: &str| {
        let row = rows.iter().find(|row| row[0] == about && row[1] == property);
        row.unwrap_or_else(|| panic!("no {about} {property} in {rows:?}"))[2].clone()
    };
    assert_eq!(of("hale", "version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(of("hale", "pid"), hale.process_id().to_string());
    for (protocol, count) in Protocol::ALL.into_iter().zip(SESSIONS) {
        let after = if protocol == Protocol::Lmtp { 10 } else { count * USERS };
        assert_eq!(of("sessions", &format!("{protocol}_after_login")), after.to_string());
        assert_eq!(of("sessions", &format!("{protocol}_before_login")), "0");
    }
    let logins = (ALL - 10).to_string();
    assert_eq!(of("counter", "login_succeeded"), logins);
    assert!(of("listener", "behind_header").ends_with(" haproxy"));
    assert_eq!((of("geodb", "state"), of("passdbs", "state")), ("ok".into(), "ok".into()));
    assert!(of("geodb", "age_secs").parse::<u64>().unwrap() < 60);
    assert!(of("geodb", "location").starts_with("sqlite:/"));
    assert_eq!(of("passdb", "users"), format!("passwd-file, {USERS} users"));
    assert_eq!(of("certificates", "state"), "ok");
    assert!(of("memory", "resident_bytes").parse::<u64>().unwrap() > 1 << 20);
    let cores: Vec<u64> = rows
        .iter()
        .filter(|row| row[0].starts_with("data core") && row[1] == "connections")
        .map(|row| row[2].parse().unwrap())
        .collect();
    assert_eq!(cores.iter().sum::<u64>(), ALL as u64, "{cores:?}");
    assert!(cores.iter().all(|count| *count > 100), "one core has nearly all: {cores:?}");
}

/// All sessions of a user, in four protocols.
fn come(site: &Site, user: &str) -> Vec<Imap> {
    let all = [&IMAP, &POP3, &SIEVE, &SUBMISSION];
    let protocols = [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
    let mut clients = Vec::new();
    for (speech, protocol) in all.into_iter().zip(protocols) {
        let at = Protocol::ALL.iter().position(|other| *other == protocol).unwrap();
        for _ in 0..SESSIONS[at] {
            let mut client = Imap::open(TcpStream::connect(site.clear(protocol)).unwrap());
            log_in(speech, &mut client, user);
            clients.push(client);
        }
    }
    clients
}

fn log_in(speech: &Speech, client: &mut Imap, user: &str) {
    speech.greeted(client);
    speech.send_login(client, user);
    speech.expect_success(client);
}

fn sender(site: &Site) -> Lmtp {
    let mut client = Lmtp::connect(site.clear(Protocol::Lmtp).port());
    client.command("LHLO mx.example", 250);
    client
}

/// So many of these clients still have their session.
fn check_alive<'a>(clients: impl Iterator<Item = &'a mut Imap>, expected: usize) {
    let alive = clients.filter_map(|client| client.is_open().then_some(())).count();
    assert_eq!(alive, expected);
}

/// What `hale who` prints, without its head.
fn who(hale: &Hale, words: &[&str]) -> Vec<Vec<String>> {
    let words: Vec<&str> = ["-f", "tab", "who"].iter().chain(words).copied().collect();
    rows(&hale.setup().succeed_with(&words))
}

fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn printed(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}
