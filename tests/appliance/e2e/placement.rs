//! Users have a home: the same backend on every login, across restarts, and users spread over the site.

use super::dovecot::Pair;
use super::hale::Setup;

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
