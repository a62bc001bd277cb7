//! Moves under two proxies, with logins and mail all the time: no session and no message is where the user was before, no
//! session ends that the move does not own, and a proxy that is killed in the middle is not needed.

use std::thread;

use rustix::process::Signal;

use super::imap::Imap;
use super::wait::{PATIENCE, wait_for};
use super::yard::{
    Over, PASSWORD, Posted, Rows, Yard, assert_left_before_coming, assert_overlap_at_most, users_at,
};

const MOVED: [&str; 4] = ["yard-1", "yard-2", "yard-3", "yard-4"];
const KEPT: [&str; 2] = ["yard-stays-1", "yard-stays-2"];

/// Cassandra is looked at every ten seconds; half of that again is time enough for the rest.
const SHORT: &str = "cluster_user_move_timeout = 15s";

fn everybody() -> Vec<&'static str> {
    MOVED.into_iter().chain(KEPT).collect()
}

fn sessions(yard: &Yard, users: &[&str]) -> Vec<Imap> {
    let pairs = users.iter().flat_map(|user| yard.proxies.iter().map(move |hale| (hale, user)));
    pairs.map(|(hale, user)| hale.session(user, PASSWORD)).collect()
}

/// Everything that was said to be stored is stored, once.
fn assert_stored(yard: &Yard, posted: &[Posted]) {
    let taken: usize = posted.iter().map(|posted| posted.taken).sum();
    assert!(taken > 0, "{posted:?}");
    let stored = || {
        let lines = yard.pair.backends.iter().map(|it| it.log().matches("saved mail to").count());
        lines.sum::<usize>()
    };
    wait_for("a line for each message", PATIENCE, || (stored() >= taken).then_some(()));
    assert_eq!(stored(), taken, "messages stored and accepted");
}

/// A group moves; `kill`: the proxy that was told so dies in the middle.
fn a_group_moves(rows: Rows, more: &str, kill: bool) {
    let mut yard = Yard::start(rows, &everybody(), more);
    yard.place(&MOVED, "leaves");
    yard.place(&KEPT, "stays");
    let (leaving, staying) = (sessions(&yard, &MOVED), sessions(&yard, &KEPT));
    let over = Over::new();
    let posted = thread::scope(|scope| {
        let guard = over.guard();
        let (yard, over) = (&yard, &over);
        let logins = [(0, &MOVED[..]), (1, &MOVED), (1, &KEPT)]
            .map(|(at, users)| scope.spawn(move || yard.log_in_all_the_time(at, users, over)));
        let mail = [0, 1].map(|at| scope.spawn(move || yard.post_all_the_time(at, &MOVED, over)));
        yard.command(0, "cluster group move --reason test DC1 leaves be2.test");
        if kill {
            yard.wait_until_held(0);
            yard.proxies[0].signal(Signal::KILL);
        }
        yard.wait_for_takeover(1, "leaves");
        // All of them once more, by a proxy that lives.
        for user in MOVED {
            yard.proxies[1].session(user, PASSWORD);
        }
        drop(guard);
        for (at, logins) in logins.into_iter().enumerate() {
            // A proxy that is killed holds its logins from the order on, and may have let none in before.
            assert!(logins.join().unwrap() > 0 || (kill && at == 0), "no login at {at}");
        }
        mail.map(|posted| posted.join().unwrap())
    });
    if kill {
        yard.proxies[0].wait(PATIENCE);
    }
    assert!(leaving.iter().all(|client| !client.is_open()), "a session goes on");
    for client in staying.iter().skip(usize::from(kill)).step_by(1 + usize::from(kill)) {
        assert!(client.is_open(), "a session ended that the move does not own");
    }
    drop((leaving, staying));
    let stays = yard.ended_stays(&everybody());
    assert_left_before_coming(&stays, &MOVED);
    assert_eq!(users_at(&stays, 1).len(), MOVED.len(), "nobody else came to be2");
    if !kill {
        // Of a proxy that was killed, answers may have been lost.
        assert_stored(&yard, &posted);
        assert!(posted.iter().all(|posted| posted.put_off > 0), "{posted:?}");
    }
}

#[test]
fn c_move_4_two_proxies_move_a_group_under_logins_and_mail() {
    a_group_moves(Rows::Sqlite, "", false);
}

#[test]
fn c_move_4_a_proxy_that_is_killed_in_the_middle_is_not_needed() {
    a_group_moves(Rows::Sqlite, "", true);
}

#[test]
fn c_move_4_two_proxies_on_cassandra_move_a_group_under_logins_and_mail() {
    a_group_moves(Rows::Cassandra("moves_two"), SHORT, false);
}

#[test]
fn c_move_4_on_cassandra_a_proxy_that_is_killed_in_the_middle_is_not_needed() {
    a_group_moves(Rows::Cassandra("moves_killed"), SHORT, true);
}

fn a_backend_is_emptied(rows: Rows, more: &str) {
    let yard = Yard::start(rows, &everybody(), more);
    yard.place(&MOVED, "leaves");
    yard.place(&KEPT, "leaves-too");
    let leaving = sessions(&yard, &everybody());
    let over = Over::new();
    let all = everybody();
    let posted = thread::scope(|scope| {
        let guard = over.guard();
        let (yard, over, all) = (&yard, &over, &*all);
        for at in [0, 1] {
            scope.spawn(move || yard.log_in_all_the_time(at, all, over));
        }
        let mail = [0, 1].map(|at| scope.spawn(move || yard.post_all_the_time(at, all, over)));
        yard.command(1, "cluster backend evacuate --reason disks be1.test");
        for group in ["leaves", "leaves-too"] {
            yard.wait_for_takeover(0, group);
        }
        for user in all {
            yard.proxies[0].session(user, PASSWORD);
        }
        drop(guard);
        mail.map(|posted| posted.join().unwrap())
    });
    assert!(leaving.iter().all(|client| !client.is_open()), "a session goes on");
    let stays = yard.ended_stays(&all);
    assert_left_before_coming(&stays, &all);
    assert_stored(&yard, &posted);
}

#[test]
fn c_move_4_two_proxies_empty_a_backend_under_logins_and_mail() {
    a_backend_is_emptied(Rows::Sqlite, "");
}

#[test]
fn c_move_4_two_proxies_on_cassandra_empty_a_backend_under_logins_and_mail() {
    a_backend_is_emptied(Rows::Cassandra("moves_emptied"), SHORT);
}

#[test]
fn c_force_3_a_force_move_leaves_no_user_at_two_backends_for_longer_than_the_timeout() {
    users_are_forced(Rows::Sqlite, "", 31.0);
}

#[test]
fn c_force_3_on_cassandra_a_force_move_leaves_no_user_at_two_backends_for_longer_than_the_timeout()
{
    users_are_forced(Rows::Cassandra("moves_forced"), SHORT, 16.0);
}

/// Thirty users in a hundred, or about so many, leave a backend while they log in and get mail.
fn users_are_forced(rows: Rows, more: &str, overlap_max: f64) {
    let names: Vec<String> = (0..20).map(|number| format!("forced-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let yard = Yard::start(rows, &users, more);
    yard.command(0, "cluster group move --direct DC1 new-home be2.test");
    yard.place(&users, "home");
    let before = sessions(&yard, &users);
    yard.command(0, "cluster backend force-move start --id spring be1.test 30 be2.test");
    let over = Over::new();
    let posted = thread::scope(|scope| {
        let guard = over.guard();
        let (yard, over, users) = (&yard, &over, &*users);
        for at in [0, 1] {
            scope.spawn(move || yard.log_in_all_the_time(at, users, over));
        }
        let mail = [0, 1].map(|at| scope.spawn(move || yard.post_all_the_time(at, users, over)));
        wait_for("users at be2", PATIENCE, || {
            (users_at(&yard.stays(users), 1).len() > 1).then_some(())
        });
        // Whoever is there has no session at be1, by either proxy.
        wait_for("the end of their sessions at be1", PATIENCE, || {
            let stays = yard.stays(users);
            let moved = users_at(&stays, 1);
            let is_left = |user: &str| {
                let mut own = stays.iter().filter(|stay| stay.user == user && stay.backend == 0);
                own.all(|stay| stay.to.is_finite())
            };
            moved.keys().all(|user| is_left(user)).then_some(())
        });
        drop(guard);
        mail.map(|posted| posted.join().unwrap())
    });
    let of_user = |at: usize| users[at / yard.proxies.len()];
    let stays = yard.stays(&users);
    let moved = users_at(&stays, 1);
    assert!(moved.len() < users.len() / 2, "thirty of a hundred: {moved:?}");
    for (at, client) in before.iter().enumerate() {
        let (user, has_left) = (of_user(at), moved.contains_key(of_user(at)));
        assert_eq!(client.is_open(), !has_left, "{user}'s session, who moved: {has_left}");
    }
    drop(before);
    assert_overlap_at_most(&yard.ended_stays(&users), overlap_max);
    assert_stored(&yard, &posted);
}
