//! What a host knows of the cluster outlives Hale, and the GeoDB need not be there.

use std::fs;
use std::time::Duration;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::wait::{PATIENCE, timed, wait_for};

fn answer(hale: &Hale, user: &str) -> Vec<u8> {
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l", user, b"secret"));
    client.reply("l").pop().unwrap()
}

#[test]
fn c_local_1_ge_01_a_hale_that_starts_without_geodb_serves_whom_it_knew() {
    let pair = Pair::shared();
    let users = ["local-1", "local-2", "local-3", "local-new"];
    let mut hale = Setup::with_users(pair, &users, b"secret").start();
    for user in &users[..3] {
        hale.session(user, b"secret");
    }
    wait_for("written behind", PATIENCE, || (hale.number("localdb", "users") == 3).then_some(()));
    let geodb = hale.setup().path().join("state/geodb.sqlite");
    let away = hale.setup().path().join("state/away.sqlite");
    // Killed, so that nothing is written at the end; and the GeoDB goes with all that belongs to it.
    hale.crash_and_start_again();
    let access = |hale: &Hale, user: &str| {
        hale.setup().succeed_with(&["-f", "tab", "cluster", "user", "access", "-u", user])
    };
    let before: Vec<String> = users[..3].iter().map(|user| access(&hale, user)).collect();
    hale.stop_while(|setup| {
        setup.succeed("geodb show users");
        fs::rename(&geodb, &away).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(geodb.with_extension(format!("sqlite{suffix}")));
        }
    });
    for user in &users[..3] {
        hale.session(user, b"secret");
    }
    let (took, line) = timed(|| answer(&hale, "local-new"));
    assert!(line.starts_with(b"l NO [UNAVAILABLE]"), "{line:?}");
    // Against seconds of waiting, not a measurement.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(hale.number("counter", "geodb_stale_routing") >= 3);
    assert!(hale.status("geodb", "state").contains("does not exist"));
    assert_eq!(hale.status("localdb", "state"), "ok");
    let said = hale.said();
    assert!(said.contains("starts with what cluster_localdb knows"), "{said}");
    // It comes back, and no restart is needed.
    fs::rename(&away, &geodb).unwrap();
    let is_in = || answer(&hale, "local-new").starts_with(b"l OK").then_some(());
    wait_for("new users log in again", PATIENCE, is_in);
    wait_for("it is over", PATIENCE, || (hale.status("geodb", "state") == "ok").then_some(()));
    let after: Vec<String> = users[..3].iter().map(|user| access(&hale, user)).collect();
    assert_eq!(after, before);
}

/// As many groups as there are users: the computed group of a new user has a row.
#[test]
fn c_cache_2_a_new_user_whose_group_is_known_logs_in_without_geodb_and_leaves_no_row() {
    let pair = Pair::shared();
    let mut setup = Setup::with_users(pair, &["alone-known", "alone-new"], b"secret");
    setup.configure("cluster_default_group_count = 1");
    let mut hale = setup.start();
    hale.session("alone-known", b"secret");
    wait_for("written behind", PATIENCE, || (hale.number("localdb", "groups") == 1).then_some(()));
    let geodb = hale.setup().path().join("state/geodb.sqlite");
    let away = hale.setup().path().join("state/away.sqlite");
    hale.stop_while(|_| fs::rename(&geodb, &away).unwrap());
    hale.session("alone-new", b"secret");
    fs::rename(&away, &geodb).unwrap();
    let is_ok = || (hale.status("geodb", "state") == "ok").then_some(());
    wait_for("it is over", PATIENCE, is_ok);
    assert!(!hale.setup().succeed("geodb show users").contains("alone-new"));
    // And now it is written down, where it was computed to be.
    hale.session("alone-new", b"secret");
    assert!(hale.setup().succeed("geodb show users").contains("alone-new"));
}

#[test]
fn ge_13_a_localdb_whose_hale_is_killed_while_it_writes_opens_clean() {
    let pair = Pair::shared();
    let users: Vec<String> = (0..40).map(|number| format!("killed-{number}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut hale = Setup::with_users(pair, &users, b"secret").start();
    for users in users.chunks(4) {
        for user in users {
            hale.session(user, b"secret");
        }
        // Some of them are being written, or not yet.
        hale.crash_and_start_again();
        assert_eq!(hale.number("localdb", "rebuilt"), 0);
        let is_ok = || (hale.status("localdb", "state") == "ok").then_some(());
        wait_for("loaded", PATIENCE, is_ok);
    }
    let said = hale.said();
    assert!(!said.contains("built anew") && !said.contains("goes on without"), "{said}");
}

/// Memory and time for as many users as `HALE_LOCALDB_USERS` says; time is told and not judged.
#[test]
fn ge_09_c_local_1_many_users_are_loaded_while_the_first_logs_in() {
    let count: u64 = match std::env::var_os("HALE_LOCALDB_USERS") {
        Some(count) => count.to_str().unwrap().parse().unwrap(),
        None => 100_000,
    };
    let pair = Pair::shared();
    let mut hale = Setup::with_users(pair, &["local-first"], b"secret").start();
    hale.session("local-first", b"secret");
    wait_for("written behind", PATIENCE, || (hale.number("localdb", "users") == 1).then_some(()));
    hale.stop_while(|_| {});
    let empty = hale.number("memory", "resident_bytes");
    hale.stop_while(|setup| {
        let file = rusqlite::Connection::open(setup.path().join("run/localdb.sqlite")).unwrap();
        let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1) \
            insert into users (username, site_id, group_name, doubtful, used_at) \
            select format('user%07d@example.com', i), (select site_id from users where username = 'local-first'), \
            format('default-%d', 1 + i % 100), 0, i from n";
        assert_eq!(file.execute(sql, [count.cast_signed()]).unwrap() as u64, count);
        fs::rename(setup.path().join("state/geodb.sqlite"), setup.path().join("state/away")).unwrap();
    });
    let (greeted, _) = timed(|| hale.session("local-first", b"secret"));
    let loaded = || (hale.number("geodb", "users_cached") == count + 1).then_some(());
    let (took, ()) = timed(|| wait_for("all are loaded", 4 * PATIENCE, loaded));
    // Names are 19 bytes; what the file's pages take is given back or small.
    let full = hale.number("memory", "resident_bytes");
    let each = full.saturating_sub(empty) / count;
    println!(
        "{count} users: first login {greeted:?} after the port opened, all {took:?} later, {each} bytes each, names included"
    );
    println!("localdb bytes: {}", hale.number("localdb", "bytes"));
    // A process of some megabytes moves by several on its own (SQLite's caches, the allocator's): what counts is a million.
    assert!(each < 120 + 19 + (8 << 20) / count, "{each} bytes a user");
}
