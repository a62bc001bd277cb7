//! Users have a home: the same backend on every login, across restarts, and users spread over the site.

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::{Imap, login_line};
use super::wait::{PATIENCE, poll};

#[test]
fn geodb_a_user_stays_on_one_backend_and_users_spread() {
    let pair = Pair::shared();
    let names: Vec<String> = (0..24).map(|number| format!("placed-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut hale = Setup::with_users(pair, &users, b"secret").start();
    for _ in 0..2 {
        for user in &users {
            hale.session(user, b"secret");
        }
    }
    // home_after fails if a user was on both.
    let on_first = users.iter().filter(|user| pair.home_after(user, 2) == 0).count();
    assert!((1..users.len()).contains(&on_first), "{on_first} of {} on be1", users.len());

    // The GeoDB, not Hale's memory, is what remembers.
    hale.crash_and_start_again();
    for user in &users {
        hale.session(user, b"secret");
        pair.home_after(user, 3);
    }
}

#[test]
fn cluster_the_commands_show_the_backends_and_a_users_home() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["shown"], b"secret").start();
    hale.session("shown", b"secret");
    let backends = hale.setup().succeed("cluster backend list");
    assert!(backends.contains("be1.test") && backends.contains("be2.test"), "{backends}");
    let home = ["be1.test", "be2.test"][pair.home_of("shown")];
    let shown = hale.setup().succeed("cluster user access -u shown");
    assert!(shown.contains(home), "{shown}");
}

/// Another process holds the GeoDB's lock: who is known logs in as ever, who is new hears that it is not for long.
#[test]
fn c_cache_2_c_look_2_a_locked_geodb_fails_new_users_for_now_and_no_others() {
    let pair = Pair::shared();
    let users = ["lock-known", "lock-new", "lock-newer"];
    let hale = Setup::with_users(pair, &users, b"secret").start();
    hale.session("lock-known", b"secret");
    let file = hale.setup().path().join("state/geodb.sqlite");
    let locker = rusqlite::Connection::open(file).unwrap();
    locker.execute_batch("begin immediate").unwrap();
    let mut waiting: Vec<Imap> = Vec::new();
    for user in ["lock-new", "lock-newer", "lock-new"] {
        let mut client = Imap::connect(hale.address());
        client.send(&login_line("l", user, b"secret"));
        waiting.push(client);
    }
    // Behind those that wait for the lock.
    for _ in 0..20 {
        hale.session("lock-known", b"secret");
    }
    for client in &mut waiting {
        let lines = client.reply("l");
        let told = lines.last().unwrap().starts_with(b"l NO [UNAVAILABLE]");
        client.expect(told, "a temporary failure");
    }
    locker.execute_batch("rollback").unwrap();
    let back = poll(PATIENCE, || {
        let mut client = Imap::connect(hale.address());
        client.send(&login_line("l", "lock-new", b"secret"));
        client.reply("l").last().unwrap().starts_with(b"l OK").then_some(())
    });
    assert!(back.is_some(), "new users do not log in again");
    let said = hale.said();
    assert!(said.contains("locked by another process") && said.contains("logins go on"), "{said}");
}

/// As after a restart of many clients of one mailbox that Hale has never seen.
#[test]
fn c_look_1_many_first_logins_of_one_user_all_succeed_on_one_backend() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["all-at-once"], b"secret").start();
    let mut clients: Vec<Imap> = (0..8).map(|_| Imap::connect(hale.address())).collect();
    for client in &mut clients {
        client.send(&login_line("l", "all-at-once", b"secret"));
    }
    for client in &mut clients {
        let lines = client.reply("l");
        client.expect(lines.last().unwrap().starts_with(b"l OK"), "a login");
    }
    pair.home_after("all-at-once", 8);
}
