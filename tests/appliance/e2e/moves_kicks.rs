//! Sessions that no living proxy has, at a backend that their users leave: a real Dovecot's doveadm ends them.

use rustix::process::Signal;

use super::imap::Imap;
use super::wait::{PATIENCE, wait_for};
use super::yard::{PASSWORD, Rows, Yard};

const USERS: [&str; 3] = ["kick-goes-1", "kick-goes-2", "kick-stays"];

/// Proxies with these lines, and a session of each user at be1 that came by none of them.
fn start(more: &str) -> (Yard, [Imap; 3]) {
    let yard = Yard::start(Rows::Sqlite, &USERS, more);
    yard.command(0, "cluster group move --direct DC1 new-home be2.test");
    yard.place(&USERS[..2], "leaves");
    yard.place(&USERS[2..], "stays");
    let direct = USERS.map(|user| {
        let mut client = Imap::connect(yard.pair.backends[0].address());
        client.login(user, PASSWORD);
        client
    });
    (yard, direct)
}

fn wait_for_log(yard: &Yard, words: &str) {
    let is_said = || yard.proxies.iter().any(|hale| hale.said().contains(words)).then_some(());
    wait_for(words, PATIENCE, is_said);
}

#[test]
fn c_move_8_what_other_hosts_left_at_the_old_backend_ends_by_its_doveadm() {
    let (yard, [mut first, second, stays]) = start("");
    yard.command(0, "cluster user move kick-goes-1 new-home");
    let said = String::from_utf8(first.rest()).unwrap();
    assert!(said.contains("* BYE"), "{said}");
    assert!(second.is_open(), "another user of the group is no part of it");
    wait_for_log(&yard, "move: be1.test has ended sessions of 1 users who leave it");

    for at in [0, 1] {
        yard.wait_until_over(at);
    }

    // The first user is of another group by now, and at the backend all the same.
    let mut again = Imap::connect(yard.pair.backends[0].address());
    again.login(USERS[0], PASSWORD);
    yard.command(1, "cluster group move DC1 leaves be2.test");
    yard.wait_for_takeover(0, "leaves");
    wait_for("the end of the second user's session", PATIENCE, || {
        (!second.is_open()).then_some(())
    });
    assert!(stays.is_open(), "a user of another group is no part of it");
    assert!(again.is_open(), "nor is one who has left the group");
}

#[test]
fn c_move_8_a_backend_that_cannot_be_asked_delays_no_move_and_the_log_says_why() {
    for (more, words) in [
        ("cluster_backend_kick = no", ""),
        ("doveadm_password = wrong", "move: be1.test cannot be asked what sessions are left there"),
        ("doveadm_port = 9", "without doveadm there, set cluster_backend_kick = no"),
    ] {
        let (yard, [first, ..]) = start(more);
        yard.command(0, "cluster group move DC1 leaves be2.test");
        yard.wait_for_takeover(1, "leaves");
        assert!(first.is_open(), "{more}");
        wait_for_log(&yard, words);
        let said: String = yard.proxies.iter().map(|hale| hale.said()).collect();
        assert_eq!(said.contains("cannot be asked"), !words.is_empty(), "{said}");
    }
}

#[test]
fn be_11_a_backend_that_is_frozen_holds_up_no_move_from_it() {
    let (yard, direct) = start("");
    let hale = &yard.proxies[1];
    let client = hale.session(USERS[0], PASSWORD);
    yard.pair.backends[0].signal(Signal::STOP);
    yard.command(0, "cluster group move DC1 leaves be2.test");
    // Clients wait, and come in at the destination.
    hale.session(USERS[0], PASSWORD);
    yard.wait_for_takeover(0, "leaves");
    assert!(!client.is_open(), "the session at the old backend goes on");
    wait_for_log(&yard, "move: be1.test cannot be asked what sessions are left there");
    yard.pair.backends[0].signal(Signal::CONT);
    drop(direct);
}

#[test]
fn c_kick_1_a_users_sessions_end_by_whichever_way_they_came() {
    let (yard, [mut direct, other, _]) = start("");
    let clients = [0, 1].map(|at| yard.proxies[at].session(USERS[0], PASSWORD));
    yard.command(0, "cluster kick kick-goes-1");
    assert!(String::from_utf8(direct.rest()).unwrap().contains("* BYE"));
    for client in &clients {
        wait_for("the end of a session by a proxy", PATIENCE, || (!client.is_open()).then_some(()));
    }
    assert!(other.is_open(), "another user's session ended");
    let again = yard.proxies[0].setup().output("cluster kick kick-goes-1");
    assert_eq!(again.status.code(), Some(68), "{again:?}");
    let nobody = yard.proxies[0].setup().output("cluster kick kick-nobody");
    assert_eq!(nobody.status.code(), Some(68), "{nobody:?}");
    // What cannot be asked is told.
    yard.pair.backends[0].signal(Signal::STOP);
    let frozen = yard.proxies[1].setup().output("cluster kick kick-goes-2");
    yard.pair.backends[0].signal(Signal::CONT);
    assert_eq!(frozen.status.code(), Some(75), "{frozen:?}");
    assert!(String::from_utf8_lossy(&frozen.stderr).contains("doveadm"), "{frozen:?}");
}
