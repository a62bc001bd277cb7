//! Users of one site at the door of another, in all five protocols: proxied, referred, and not in circles.

use super::sites::{Engine, Sites, one_geodb, own_geodb};
use super::speech::SPEECHES;
use super::wait::{PATIENCE, wait_for};

const USERS: [&str; 5] = ["far-imap", "far-pop3", "far-sieve", "far-submission", "far-lmtp"];

#[test]
fn c_route_3_a_user_of_another_site_is_served_there_with_his_own_address() {
    each_is_served_at_home(&Sites::start(Engine::Sqlite, 2, one_geodb, &USERS, |_| Vec::new(), ""));
}

#[test]
fn c_route_3_on_cassandra_a_user_of_another_site_is_served_there_with_his_own_address() {
    each_is_served_at_home(&Sites::start(
        Engine::Cassandra,
        2,
        one_geodb,
        &USERS,
        |_| Vec::new(),
        "",
    ));
}

#[test]
fn w_ppo_6_a_site_that_demands_a_proxy_header_serves_users_with_their_own_address() {
    let headers = "site_send_header = v2\nprotocol lmtp {\n  site_send_header = v1\n}";
    let sites = Sites::start(Engine::Sqlite, 2, one_geodb, &USERS, |_| Vec::new(), headers);
    sites.demand_headers(1);
    each_is_served_at_home(&sites);
}

/// No user has logged in at all, and each site knows that it reaches the others.
#[test]
fn c_site_9_sites_try_each_other_although_no_login_goes_there() {
    let headers = "site_send_header = v2";
    let sites = Sites::start(Engine::Sqlite, 2, one_geodb, &[], |_| Vec::new(), headers);
    sites.demand_headers(1);
    let reached = ["DC1 DC2", "DC2 DC1"];
    wait_for("the rows about reachability", PATIENCE, || {
        let said = |pair| format!("-f flow cluster site reachability list {pair}");
        let mut rows = reached.iter().map(|pair| sites.command(1, &said(pair)));
        rows.all(|row| row.contains("reachable=1")).then_some(())
    });
    let said = sites.hale(2).said();
    assert!(!said.contains("aborted"), "a greeting is all that is wanted, and no news: {said}");
}

fn each_is_served_at_home(sites: &Sites) {
    for user in USERS {
        sites.settle(1, user, 2, "default-7");
    }
    for (speech, user) in SPEECHES.iter().zip(USERS) {
        sites.log_in(1, speech, user, 2);
        // At home it is no detour.
        sites.log_in(2, speech, user, 2);
    }
    sites.deliver(1, "far-lmtp", 2);
}

/// Site 1 has not heard yet that its users of site 2 have moved to site 3.
#[test]
fn w_ref_6_a_user_of_a_third_site_is_referred_there_and_the_first_proxy_follows() {
    let geodb = |site: usize| own_geodb(site.min(2));
    let sites = Sites::start(Engine::Sqlite, 3, geodb, &USERS, |_| Vec::new(), "");
    for user in USERS {
        sites.settle(1, user, 2, "default-7");
        sites.settle(2, user, 3, "default-7");
    }
    for (speech, user) in SPEECHES.iter().zip(USERS) {
        sites.log_in(1, speech, user, 3);
        sites.wait_for_log(2, user, "referred to lb3.test", 1);
        // Behind no proxy, site 2 takes the user there itself.
        sites.log_in(2, speech, user, 3);
    }
    sites.deliver(1, "far-lmtp", 3);
    sites.wait_for_log(2, "far-lmtp", "referred to lb3.test", 1);
}

#[test]
fn w_fwd_3_a_referral_loop_ends_with_one_reply_and_one_line() {
    a_circle_ends(&Sites::start(Engine::Sqlite, 2, own_geodb, &USERS, |_| Vec::new(), ""));
}

#[test]
fn w_fwd_3_on_cassandra_a_referral_loop_ends_with_one_reply_and_one_line() {
    a_circle_ends(&Sites::start(Engine::Cassandra, 2, own_geodb, &USERS, |_| Vec::new(), ""));
}

#[test]
fn w_ppo_6_w_fwd_3_a_referral_loop_ends_behind_proxy_headers_too() {
    let headers = "site_send_header = v2";
    let sites = Sites::start(Engine::Sqlite, 2, own_geodb, &USERS, |_| Vec::new(), headers);
    for site in [1, 2] {
        sites.demand_headers(site);
    }
    a_circle_ends(&sites);
}

/// Each of two sites believes that the other one is the user's home.
fn a_circle_ends(sites: &Sites) {
    for user in USERS {
        sites.settle(1, user, 2, "default-7");
        sites.settle(2, user, 1, "default-7");
    }
    for (speech, user) in SPEECHES.iter().zip(USERS) {
        let mut client = sites.client(1, speech);
        speech.send_login(&mut client, user);
        speech.expect_unavailable(&mut client);
        sites.wait_for_log(1, user, "proxying loops", 1);
    }
    let mut sender = sites.sender(1);
    sender.command("MAIL FROM:<>", 250);
    // Mail does not bounce for what sites may agree on by and by.
    let line = sender.command("RCPT TO:<far-lmtp>", 451);
    assert!(line.starts_with("451 4.4.6 "), "{line}");
    sender.command("NOOP", 250);
    sites.wait_for_log(1, "far-lmtp", "proxying loops", 1);
}

/// Password databases that send a user to each other's proxy.
#[test]
fn w_fwd_2_a_proxy_loop_ends_with_one_reply() {
    let sent_on = |site: usize| {
        let other = 3 - site;
        vec![format!("circling:{{PLAIN}}secret::::::host=lb{other}.test")]
    };
    let sites = Sites::start(Engine::Sqlite, 2, own_geodb, &[], sent_on, "");
    for speech in &SPEECHES {
        let mut client = sites.client(1, speech);
        speech.send_login(&mut client, "circling");
        speech.expect_failed(&mut client, speech.misconfigured);
        let words = format!("{}-login: login failed: ", speech.service);
        sites.wait_for_log(1, "circling", &words, 1);
        sites.wait_for_log(2, "circling", &format!("{words}proxying loops to itself"), 1);
    }
    // A sender hears it from the proxy where the hops end.
    let mut sender = sites.sender(1);
    sender.command("MAIL FROM:<>", 250);
    let line = sender.command("RCPT TO:<circling>", 554);
    assert!(line.starts_with("554 5.4.6 "), "{line}");
    sender.command("NOOP", 250);
    sites.wait_for_log(2, "circling", "Proxies appear to be looping", 1);
}
