//! Users who are sent to a backend in standby by name, on two proxies that share a GeoDB.

use std::fs;

use super::cassandra::Cassandra;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::wait::{PATIENCE, wait_for};
use super::yard::Rows;

const PASSWORD: &[u8] = b"secret";

fn log(hale: &Hale) -> String {
    fs::read_to_string(hale.setup().path().join("hale.log")).unwrap_or_default()
}

/// The backend of the last login that Hale's log has of a user.
fn last_backend(hale: &Hale, user: &str) -> Option<String> {
    let log = log(hale);
    let line = log.lines().rfind(|line| {
        line.contains(&format!("Login: user=<{user}>")) && line.contains("backend=be")
    })?;
    let (_, rest) = line.split_once("backend=")?;
    Some(rest.split([' ', ',']).next()?.to_owned())
}

fn wait_for_login_at(hale: &Hale, user: &str, backend: &str) {
    wait_for(&format!("a login of {user} at {backend}"), PATIENCE, || {
        drop(hale.session(user, PASSWORD));
        (last_backend(hale, user)? == backend).then_some(())
    });
}

#[test]
fn c_pin_1_c_pin_2_pins_reach_all_proxies_end_sessions_survive_a_restart_and_pass() {
    pins_reach_all_proxies(Rows::Sqlite, ["pin-alice", "pin-bob"], "3s");
}

#[test]
fn c_pin_1_c_pin_2_on_cassandra_pins_reach_all_proxies_end_sessions_survive_a_restart_and_pass() {
    // Proxies look every ten seconds.
    pins_reach_all_proxies(Rows::Cassandra("pins_two"), ["pin-carol", "pin-dave"], "15s");
}

/// `passes`: after how long a pin passes, which a proxy is told of at once.
fn pins_reach_all_proxies(rows: Rows, users: [&str; 2], passes: &str) {
    let [first, second] = users;
    let mut setups = ["one", "two"].map(|name| {
        let mut setup = Setup::with_users(Pair::shared(), &users, PASSWORD);
        setup.configure(&format!("hostname = {name}.test"));
        setup
    });
    match rows {
        Rows::Sqlite => Setup::share_geodb(&mut setups),
        Rows::Cassandra(keyspace) => {
            for setup in &mut setups {
                Cassandra::shared().serve(setup, keyspace);
                setup.write();
            }
        }
    }
    let [one, two] = setups;
    one.make_cluster();
    one.succeed("cluster backend update --status standby be2.test");
    let (mut one, two) = (one.run(), two.run());
    let mut sessions = [&one, &two].map(|hale| hale.session(first, PASSWORD));
    let mut other = one.session(second, PASSWORD);
    let at = wait_for("the login in the log", PATIENCE, || last_backend(&two, first));
    assert_eq!(at, "be1.test");

    one.setup().succeed(&format!("cluster backend pin --reason trial be2.test {first}"));
    for session in &mut sessions {
        // They end here and at the other proxy, who tells why.
        let rest = session.rest();
        assert!(rest.len() < 4096, "{}", rest.escape_ascii());
    }
    for hale in [&one, &two] {
        wait_for_login_at(hale, first, "be2.test");
        wait_for("the end of the session in the log", PATIENCE, || {
            log(hale).contains("pinned to be2.test").then_some(())
        });
    }
    other.command("n", "NOOP");
    let said = one.setup().succeed(&format!("explain {first}"));
    assert!(said.contains("be2.test (standby)") && said.contains("trial"), "{said}");
    let listed = two.setup().succeed("-f flow cluster backend pin --list");
    assert!(
        listed.starts_with(&format!("user={first} host=be2.test site_id=DC1 until= since=")),
        "{listed}"
    );
    assert!(listed.contains("@one.test why=trial"), "{listed}");
    assert!(
        log(&one).contains(&format!("user {first}: pin nothing -> be2.test, by uid=")),
        "{}",
        log(&one)
    );

    one.crash_and_start_again();
    wait_for_login_at(&one, first, "be2.test");
    let mut session = two.session(first, PASSWORD);
    two.setup().succeed(&format!("cluster backend unpin {first}"));
    session.rest();
    wait_for_login_at(&one, first, "be1.test");

    two.setup().succeed(&format!("cluster backend pin --for {passes} be2.test {second}"));
    one.setup().succeed("cluster geodb refresh");
    wait_for_login_at(&one, second, "be2.test");
    wait_for_login_at(&one, second, "be1.test");
}
