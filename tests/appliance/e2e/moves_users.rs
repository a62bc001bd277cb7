//! Single users on the move between ordinary backends, with two proxies.

use std::thread;

use rustix::process::Signal;

use super::lmtp::Lmtp;
use super::sites::{Engine, Sites, one_geodb};
use super::speech::IMAP;
use super::wait::{PATIENCE, wait_for};
use super::yard::{Over, PASSWORD, Rows, Yard, assert_left_before_coming, users_at};

/// Who moves, and who has the same group and stays.
const USERS: [&str; 2] = ["alone-goes", "alone-stays"];

fn start(rows: Rows, more: &str) -> Yard {
    let yard = Yard::start(rows, &USERS, more);
    yard.command(0, "cluster group move --direct DC1 new-home be2.test");
    yard.place(&USERS, "home");
    yard
}

fn wait_until_moved(yard: &Yard, proxy: usize) {
    wait_for("the end of the user's move", PATIENCE, || {
        let row = yard.command(proxy, "-f flow cluster user status alone-goes");
        (row.contains(" group_name=new-home") && row.contains("moving_group_name= ")).then_some(())
    });
}

/// The user moves under logins; `kill`: the proxy that was told so dies in the middle.
fn a_user_moves(rows: Rows, more: &str, kill: bool) {
    let mut yard = start(rows, more);
    let [goes, stays] = USERS;
    let leaving = [0, 1].map(|at| yard.proxies[at].session(goes, PASSWORD));
    let staying = yard.proxies[1].session(stays, PASSWORD);
    let over = Over::new();
    thread::scope(|scope| {
        let guard = over.guard();
        let (yard, over) = (&yard, &over);
        for at in [0, 1] {
            scope.spawn(move || yard.log_in_all_the_time(at, &[goes], over));
            scope.spawn(move || yard.post_all_the_time(at, &[goes], over));
        }
        yard.command(0, "cluster user move --reason test alone-goes new-home");
        if kill {
            yard.wait_until_held(0);
            yard.proxies[0].signal(Signal::KILL);
        }
        wait_until_moved(yard, 1);
        yard.proxies[1].session(goes, PASSWORD);
        drop(guard);
    });
    if kill {
        yard.proxies[0].wait(PATIENCE);
    }
    assert!(leaving.iter().all(|client| !client.is_open()), "the user's session goes on");
    assert!(staying.is_open(), "another user of the group is no part of it");
    drop(staying);
    let seen = yard.ended_stays(&USERS);
    assert_left_before_coming(&seen, &[goes]);
    assert_eq!(users_at(&seen, 1).len(), 1, "the other one stays");
}

#[test]
fn be_10_c_move_6_a_user_moves_under_logins_and_is_at_one_backend() {
    a_user_moves(Rows::Sqlite, "", false);
}

#[test]
fn c_move_6_a_proxy_that_is_killed_while_a_user_moves_is_not_needed() {
    a_user_moves(Rows::Sqlite, "", true);
}

#[test]
fn c_move_6_on_cassandra_a_user_moves_under_logins_and_is_at_one_backend() {
    a_user_moves(Rows::Cassandra("moves_user"), "cluster_user_move_timeout = 15s", false);
}

/// Nothing of a move is in memory alone; and a user may move away from a group that moves.
#[test]
fn c_move_6_moves_go_on_after_all_proxies_have_crashed() {
    let mut yard = start(Rows::Sqlite, "");
    yard.pair.backends[0].signal(Signal::STOP);
    yard.command(0, "cluster user move alone-goes new-home");
    yard.command(1, "cluster group move DC1 home be2.test");
    yard.wait_until_held(0);
    for hale in &mut yard.proxies {
        hale.crash_and_start_again();
    }
    yard.pair.backends[0].signal(Signal::CONT);
    for (at, user) in USERS.iter().enumerate() {
        yard.proxies[at].session(user, PASSWORD);
    }
    wait_until_moved(&yard, 0);
    yard.wait_for_takeover(1, "home");
    let seen = yard.ended_stays(&USERS);
    assert_eq!((users_at(&seen, 0).len(), users_at(&seen, 1).len()), (0, 2));
}

#[test]
fn c_move_9_a_move_that_is_given_up_ends_where_it_began() {
    let yard = start(Rows::Sqlite, "");
    let [goes, _] = USERS;
    let place = |proxy: usize| {
        // Held until it is clear, and then let in.
        yard.proxies[proxy].session(goes, PASSWORD);
    };
    for (begin, give_up) in [
        ("user move alone-goes new-home", "user move --abort alone-goes"),
        ("group move DC1 home be2.test", "group move --abort DC1 home"),
    ] {
        // While the old backend says nothing about what is left there, the move is not over.
        yard.pair.backends[0].signal(Signal::STOP);
        yard.command(0, &format!("cluster {begin}"));
        yard.wait_until_held(1);
        let what = yard.command(1, "status");
        assert!(what.contains("from be1.test to "), "{what}");
        yard.command(1, &format!("cluster {give_up}"));
        yard.pair.backends[0].signal(Signal::CONT);
        for at in [0, 1] {
            place(at);
            yard.wait_until_over(at);
        }
    }
    let seen = yard.ended_stays(&USERS);
    assert_eq!(users_at(&seen, 1).len(), 0, "nobody came to be2: {seen:?}");
    assert_eq!(users_at(&seen, 0)[goes], 4);
}

/// Each of ten operators gets one answer: it is begun, it is under way already, or another one was faster.
#[test]
fn c_move_9_ten_orders_at_once_begin_one_move() {
    let yard = start(Rows::Sqlite, "");
    let codes: Vec<i32> = thread::scope(|scope| {
        let orders = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1].map(|at| {
            let setup = yard.proxies[at].setup();
            scope.spawn(move || setup.output("cluster group move DC1 home be2.test").status.code())
        });
        orders.into_iter().map(|order| order.join().unwrap().unwrap()).collect()
    });
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 2].contains(code)), "{codes:?}");
    yard.wait_for_takeover(0, "home");
    yard.wait_for_takeover(1, "home");
    for (user, at) in [(USERS[0], 0), (USERS[1], 1)] {
        yard.proxies[at].session(user, PASSWORD);
    }
    let seen = yard.ended_stays(&USERS);
    assert_eq!((users_at(&seen, 0).len(), users_at(&seen, 1).len()), (0, 2));
}

/// Mail whose recipient was accepted before the move began is not stored where the user was.
#[test]
fn c_move_7_mail_in_the_middle_of_a_move_is_put_off() {
    let yard = start(Rows::Sqlite, "");
    let [goes, stays] = USERS;
    let open = |user: &str, message: &[u8]| {
        let mut sender = Lmtp::connect(yard.lmtp_port(0));
        sender.command("LHLO mx.example", 250);
        sender.envelope(&[user]);
        if !message.is_empty() {
            sender.command("DATA", 354);
            sender.send(message);
        }
        sender
    };
    let (mut early, mut late) = (open(goes, b"Subject: x\r\n\r\nhalf"), open(goes, b""));
    let mut other = open(stays, b"Subject: x\r\n\r\nhalf");
    yard.command(1, "cluster user move alone-goes new-home");
    wait_until_moved(&yard, 1);
    early.send(b"\r\n.\r\n");
    assert_eq!(early.reply().0, 451);
    late.send(b"DATA\r\n");
    assert_eq!(late.reply().0, 451);
    other.send(b"\r\n.\r\n");
    assert_eq!(other.reply().0, 250, "it is no part of the move");
    // The sender comes again, on the same connection.
    late.envelope(&[goes]);
    assert_eq!(late.data(b"Subject: x\r\n\r\n", 1), [250]);
    let seen = wait_for("both messages", PATIENCE, || {
        Some(yard.stays(&USERS)).filter(|seen| seen.len() == 2)
    });
    assert_eq!(users_at(&seen, 0).keys().copied().collect::<Vec<_>>(), [stays]);
    assert_eq!(users_at(&seen, 1).keys().copied().collect::<Vec<_>>(), [goes]);
}

/// A force-move between sites: who has logged in at the new one has no session at the old one.
#[test]
fn c_force_2_a_forced_user_has_no_session_at_the_old_site() {
    let names: Vec<String> = (0..10).map(|number| format!("site-forced-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let more = "cluster_group_moves = proxy";
    let sites = Sites::start(Engine::Sqlite, 2, one_geodb, &users, |_| Vec::new(), more);
    for user in &users {
        sites.settle(1, user, 1, "default-7");
    }
    let before: Vec<_> = users.iter().map(|user| sites.let_in(1, &IMAP, user)).collect();
    sites.command(1, "cluster site force-move start --id spring DC1 30 DC2");
    let after: Vec<_> = users.iter().map(|user| sites.let_in(1, &IMAP, user)).collect();
    let home = |user: &str| sites.command(1, &format!("-f flow cluster user status {user}"));
    let mut moved = 0;
    for (user, (old, new)) in users.iter().zip(before.iter().zip(&after)) {
        assert!(new.is_open(), "{user}'s new session ended");
        if home(user).contains("preferred_site_id=DC2") {
            wait_for("the end of the old session", PATIENCE, || (!old.is_open()).then_some(()));
            moved += 1;
        } else {
            assert!(old.is_open(), "{user} did not move, and the session ended");
        }
    }
    assert!((1..users.len()).contains(&moved), "{moved} of {}", users.len());
}
