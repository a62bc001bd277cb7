//! Users who are sent to a backend in standby by name, on two proxies that share a GeoDB.

use std::fs;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::wait::{PATIENCE, wait_for};

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
    let users = ["pin-alice", "pin-bob"];
    let mut setups = ["one", "two"].map(|name| {
        let mut setup = Setup::with_users(Pair::shared(), &users, PASSWORD);
        setup.configure(&format!("hostname = {name}.test"));
        setup
    });
    Setup::share_geodb(&mut setups);
    let [one, two] = setups;
    one.make_cluster();
    one.succeed("cluster backend update --status standby be2.test");
    let (mut one, two) = (one.run(), two.run());
    let mut sessions = [&one, &two].map(|hale| hale.session("pin-alice", PASSWORD));
    let mut other = one.session("pin-bob", PASSWORD);
    let at = wait_for("the login in the log", PATIENCE, || last_backend(&two, "pin-alice"));
    assert_eq!(at, "be1.test");

    one.setup().succeed("cluster backend pin --reason trial be2.test pin-alice");
    for session in &mut sessions {
        // They end here and at the other proxy, who tells why.
        let rest = session.rest();
        assert!(rest.len() < 4096, "{}", rest.escape_ascii());
    }
    for hale in [&one, &two] {
        wait_for_login_at(hale, "pin-alice", "be2.test");
        wait_for("the end of the session in the log", PATIENCE, || {
            log(hale).contains("pinned to be2.test").then_some(())
        });
    }
    other.command("n", "NOOP");
    let said = one.setup().succeed("explain pin-alice");
    assert!(said.contains("be2.test (standby)") && said.contains("trial"), "{said}");
    let listed = two.setup().succeed("-f flow cluster backend pin --list");
    assert!(
        listed.starts_with("user=pin-alice host=be2.test site_id=DC1 until= since="),
        "{listed}"
    );
    assert!(listed.contains("@one.test why=trial"), "{listed}");
    assert!(
        log(&one).contains("user pin-alice: pin nothing -> be2.test, by uid="),
        "{}",
        log(&one)
    );

    one.crash_and_start_again();
    wait_for_login_at(&one, "pin-alice", "be2.test");
    let mut session = two.session("pin-alice", PASSWORD);
    two.setup().succeed("cluster backend unpin pin-alice");
    session.rest();
    wait_for_login_at(&one, "pin-alice", "be1.test");

    two.setup().succeed("cluster backend pin --for 3s be2.test pin-bob");
    wait_for_login_at(&one, "pin-bob", "be2.test");
    wait_for_login_at(&one, "pin-bob", "be1.test");
}
