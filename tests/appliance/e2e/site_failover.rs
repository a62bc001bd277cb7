//! A site is taken out or lost, and comes back: its groups leave by the ramp, and return (C-SITE-5, C-SITE-6, C-SITE-9).

use std::fs;
use std::ops::Range;

use hale::route::hash::force_move_place;

use super::sites::{Engine, Sites, one_geodb, site_id};
use super::speech::{IMAP, SPEECHES};
use super::wait::{PATIENCE, wait_for};

/// One for each protocol, in a group of its own, so that each has its own first login after a change.
const EARLY: [&str; 5] =
    ["leaves-imap", "leaves-pop3", "leaves-sieve", "leaves-submission", "leaves-lmtp"];
const LATE: &str = "leaves-late";
/// All groups have left after two minutes; the early ones in the first seconds, the other at the end.
const RAMP: &str = "site_failover_ramp = 50";
const EARLY_PLACES: Range<u32> = 0..10;
const LATE_PLACES: Range<u32> = 95..100;

#[test]
fn c_site_5_6_an_offline_sites_groups_leave_by_the_ramp_and_come_back() {
    taken_out_and_back(Engine::Sqlite);
}

#[test]
fn c_site_5_6_on_cassandra_an_offline_sites_groups_leave_by_the_ramp_and_come_back() {
    taken_out_and_back(Engine::Cassandra);
}

fn taken_out_and_back(engine: Engine) {
    let sites = start(engine, RAMP);
    sites.command(1, "cluster site update --status offline DC2");
    wait_for("a login that fails", PATIENCE, || (!sites.is_let_in(1, LATE)).then_some(()));
    for speech in &SPEECHES {
        let mut client = sites.client(1, speech);
        speech.send_login(&mut client, LATE);
        speech.expect_unavailable(&mut client);
    }
    let mut sender = sites.sender(1);
    sender.command("MAIL FROM:<>", 250);
    sender.command(&format!("RCPT TO:<{LATE}>"), 451);
    let words = "preferred site is not online or not reachable: DC2";
    sites.wait_for_log(1, LATE, words, SPEECHES.len() + 1);
    early_groups_leave(&sites);
    // The proxy of the site that is out sends its users on, once it has heard; until then it serves them.
    wait_for("the news at the other site", PATIENCE, || {
        all_are_let_in(&sites);
        let has_heard = |user: &&str| sites.explain(2, user).contains("lb1.test");
        EARLY.iter().all(has_heard).then_some(())
    });
    for (speech, user) in SPEECHES.iter().zip(EARLY) {
        sites.log_in(2, speech, user, 1);
    }

    sites.command(1, "cluster site update --status online DC2");
    wait_for("the end of the failures", PATIENCE, || sites.is_let_in(1, LATE).then_some(()));
    sites.log_in(1, &IMAP, LATE, 2);
    early_groups_come_home(&sites);
}

#[test]
fn c_site_9_on_cassandra_a_lost_sites_groups_leave_after_the_delay_and_come_back() {
    let mut sites = start(Engine::Cassandra, &format!("{RAMP}\nsite_failover_delay = 15secs"));
    let mut lost = sites.hales.pop().unwrap();
    lost.stop_while(|_| {
        let words = "site DC2 is not reached: every connection to its load balancer lb2.test fails";
        wait_for("the news that it is lost", PATIENCE, || {
            assert!(!sites.is_let_in(1, LATE));
            has_logged(&sites, words).then_some(())
        });
        // The delay has just begun.
        assert!(!sites.is_let_in(1, EARLY[0]));
        assert_eq!(sites.group_sites(), []);
        early_groups_leave(&sites);
        let reachable = sites.command(1, "-f flow cluster site reachability list DC1 DC2");
        assert!(reachable.contains("reachable=0"), "{reachable}");
    });
    sites.hales.push(lost);
    let back = "site DC2 (lb2.test) answers again";
    wait_for("the news that it is back", PATIENCE, || has_logged(&sites, back).then_some(()));
    sites.log_in(1, &IMAP, LATE, 2);
    early_groups_come_home(&sites);
}

/// Two sites, and all users at home at the second one.
fn start(engine: Engine, more: &str) -> Sites {
    let users: Vec<&str> = EARLY.into_iter().chain([LATE]).collect();
    let sites = Sites::start(engine, 2, one_geodb, &users, |_| Vec::new(), more);
    let early = groups_that_leave(EARLY_PLACES).take(EARLY.len());
    for (user, group) in users.iter().zip(early.chain(groups_that_leave(LATE_PLACES))) {
        sites.settle(1, user, 2, &group);
        sites.log_in(1, &IMAP, user, 2);
    }
    sites
}

/// From the first login that the other site serves on none is refused.
fn early_groups_leave(sites: &Sites) {
    for (number, user) in EARLY.into_iter().enumerate() {
        wait_for("a failover", 2 * PATIENCE, || sites.is_let_in(1, user).then_some(()));
        // Dovecot writes that login down a moment after its reply.
        wait_for("its line in the log", PATIENCE, || (sites.logins(user)[0] > 0).then_some(()));
        match SPEECHES.get(number) {
            Some(speech) => sites.log_in(1, speech, user, 1),
            None => sites.deliver(1, user, 1),
        }
    }
    let rows = sites.group_sites();
    assert_eq!(rows, [(); EARLY.len()].map(|()| ("failover".to_owned(), site_id(1))));
}

/// By order of the operator, but not earlier than five minutes after they left.
fn early_groups_come_home(sites: &Sites) {
    // The rows have just changed, so the groups stay, whatever an operator says about coming back.
    sites.command(1, "cluster site recover DC2 100");
    for user in EARLY {
        sites.log_in(1, &IMAP, user, 1);
    }
    assert!(sites.group_sites().iter().all(|(status, _)| status == "failover"));
    sites.age_group_sites();
    // No login is refused meanwhile, whichever site hears of it first.
    wait_for("the way home", PATIENCE, || {
        all_are_let_in(sites);
        sites.group_sites().iter().all(|(status, _)| status != "failover").then_some(())
    });
    for (speech, user) in SPEECHES.iter().zip(EARLY) {
        for site in [1, 2] {
            sites.log_in(site, speech, user, 2);
        }
    }
}

/// Those whose place in the order in which the second site's groups leave is among these, in percent.
fn groups_that_leave(places: Range<u32>) -> impl Iterator<Item = String> {
    let names = (1..=100).map(|number| format!("default-{number}"));
    names.filter(move |name| places.contains(&force_move_place(&site_id(2), name)))
}

fn has_logged(sites: &Sites, words: &str) -> bool {
    let log = fs::read_to_string(sites.hale(1).setup().path().join("hale.log"));
    log.unwrap_or_default().contains(words)
}

/// Each early user at both sites, in the user's own protocol.
fn all_are_let_in(sites: &Sites) {
    for site in [1, 2] {
        for (speech, user) in SPEECHES.iter().zip(EARLY) {
            sites.let_in(site, speech, user);
        }
        sites.takes_mail(site, EARLY[4]);
    }
}
