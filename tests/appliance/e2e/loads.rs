//! What backends are used for, as lists tell it, and bounds on it: one proxy, two that share a GeoDB, and mail.

use std::fs;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::lmtp::{Lmtp, Stage};
use super::wait::{PATIENCE, timed, wait_for};

const PASSWORD: &[u8] = b"secret";

/// Users of one group on be1.
fn place(hale: &Hale, users: &[&str]) {
    hale.setup().succeed("cluster group move --direct DC1 crowded be1.test");
    for user in users {
        hale.setup().succeed(&format!("cluster user move --direct --site DC1 {user} crowded"));
    }
}

/// A column of a backend's row, as `hale cluster backend status` has it.
fn column(setup: &Setup, name: &str) -> String {
    let said = setup.succeed_with(&["-f", "tab", "cluster", "backend", "status", "be1.test"]);
    let mut lines = said.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let (names, row) = (lines.next().unwrap(), lines.next().unwrap());
    row[names.iter().position(|known| *known == name).unwrap()].to_owned()
}

fn wait_for_column(setup: &Setup, name: &str, value: &str) {
    wait_for(&format!("{name} = {value}"), PATIENCE, || {
        (column(setup, name) == value).then_some(())
    });
}

fn log(hale: &Hale) -> String {
    fs::read_to_string(hale.setup().path().join("hale.log")).unwrap_or_default()
}

/// What a login is told at last.
fn told(hale: &Hale, user: &str) -> String {
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l", user, PASSWORD));
    String::from_utf8(client.reply("l").pop().unwrap()).unwrap()
}

#[test]
fn r_load_2_a_backend_has_no_more_sessions_than_it_may_have_and_a_login_waits_for_one_to_end() {
    let users = ["load-1", "load-2", "load-3", "load-4", "load-free"];
    let mut setup = Setup::with_users(Pair::shared(), &users[..4], PASSWORD);
    Pair::shared().add_users(&users[4..], PASSWORD);
    setup.add_row("load-free:{PLAIN}secret::::::backend_connections_max=0");
    setup.configure("backend_connections_max = 2");
    let hale = setup.start();
    place(&hale, &users);
    let first = hale.session("load-1", PASSWORD);
    let second = hale.session("load-2", PASSWORD);
    wait_for_column(hale.setup(), "connections", "2");
    let free = hale.session("load-free", PASSWORD);
    wait_for_column(hale.setup(), "connections", "3");
    drop(free);
    wait_for_column(hale.setup(), "connections", "2");

    let (took, reply) = timed(|| told(&hale, "load-3"));
    assert!(reply.starts_with("l NO [UNAVAILABLE]"), "{reply}");
    assert!(took.as_secs() >= 4, "it looked for a place no longer than {took:?}");
    let line = wait_for("the refusal in the log", PATIENCE, || {
        let log = log(&hale);
        log.lines().find(|line| line.contains("backend_connections_max")).map(str::to_owned)
    });
    assert!(line.contains("be1.test has 2 connections") && line.contains("load-3"), "{line}");
    assert!(hale.number("counter", "backend_full") >= 5);
    assert_eq!(column(hale.setup(), "failures_minute"), "0", "it is not the backend's failing");

    // A bound of its own takes the place of the configured one, for the next login.
    hale.setup().succeed("cluster backend update --connections-max 3 be1.test");
    assert_eq!(column(hale.setup(), "connections_max"), "3");
    drop(hale.session("load-3", PASSWORD));
    wait_for_column(hale.setup(), "connections", "2");
    hale.setup().succeed("cluster backend update --connections-max default be1.test");
    assert_eq!(column(hale.setup(), "connections_max"), "2");
    wait_for("the order in the log", PATIENCE, || {
        log(&hale).contains("backend be1.test: connections_max 3 -> default").then_some(())
    });

    // One that waits gets the place of one that ends.
    let mut waiting = Imap::connect(hale.address());
    waiting.send(&login_line("l", "load-4", PASSWORD));
    let before = hale.number("counter", "backend_full");
    wait_for("a login that waits", PATIENCE, || {
        (hale.number("counter", "backend_full") > before).then_some(())
    });
    drop(first);
    let reply = String::from_utf8(waiting.reply("l").pop().unwrap()).unwrap();
    assert!(reply.starts_with("l OK"), "{reply}");
    drop((second, waiting));
    wait_for_column(hale.setup(), "connections", "0");
}

#[test]
fn r_load_2_mail_for_a_full_backend_is_put_off_at_once() {
    let stage = Stage::with(1, "", |_| {});
    stage.hale.setup().succeed("cluster backend update --connections-max 1 be1.test");
    place(&stage.hale, &["mail-0"]);
    let session = stage.hale.session("mail-0", PASSWORD);
    let mut client = Lmtp::connect(stage.port);
    client.command("LHLO mx.example", 250);
    client.command("MAIL FROM:<sender@example.org>", 250);
    client.command("RCPT TO:<mail-0>", 451);
    drop(session);
    wait_for("the place of the session", PATIENCE, || {
        (column(stage.hale.setup(), "connections") == "0").then_some(())
    });
    client.command("RCPT TO:<mail-0>", 250);
    wait_for_column(stage.hale.setup(), "connections", "1");
    let reply = told(&stage.hale, "mail-0");
    assert!(reply.starts_with("l NO [UNAVAILABLE]"), "LMTP's connection counts: {reply}");
    client.command("QUIT", 221);
    wait_for_column(stage.hale.setup(), "connections", "0");
    assert!(stage.log().contains("be1.test has 1 connections"), "{}", stage.log());
}

#[test]
fn r_load_3_c_cmd_4_proxies_of_a_site_count_each_others_connections_and_lists_add_them_up() {
    let users = ["both-1", "both-2", "both-3"];
    let pair = Pair::shared();
    let mut setups = ["one", "two"].map(|name| {
        let mut setup = Setup::with_users(pair, &users, PASSWORD);
        setup.configure(&format!("hostname = {name}.test\nbackend_connections_max = 2"));
        setup
    });
    Setup::share_geodb(&mut setups);
    let [one, two] = setups;
    one.make_cluster();
    let one = one.run();
    place(&one, &users);
    let sessions = [one.session("both-1", PASSWORD), one.session("both-2", PASSWORD)];
    // Without a Hale of its own the other host sees what the first one has written.
    assert!(two.succeed("cluster backend list").contains(" - "), "dashes where no Hale says");
    wait_for_column(&two, "connections", "2");
    wait_for_column(&two, "logins_minute", "2");
    let two = two.run();
    wait_for("the other proxy's connections count", PATIENCE, || {
        let reply = told(&two, "both-3");
        reply.starts_with("l NO [UNAVAILABLE]").then_some(())
    });
    wait_for_column(two.setup(), "connections", "2");
    drop(sessions);
}
