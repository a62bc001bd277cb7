//! A site is taken out and comes back: its groups leave by the ramp, and return (C-SITE-5, C-SITE-6).

use std::ops::Range;

use hale::route::hash::force_move_place;
use rusqlite::Connection;

use super::site::PASSWORD;
use super::sites::{Sites, one_geodb, site_id};
use super::speech::{IMAP, SPEECHES};
use super::wait::{PATIENCE, wait_for};

const EARLY: &str = "leaves-early";
const LATE: &str = "leaves-late";

#[test]
fn c_site_5_6_an_offline_sites_groups_leave_by_the_ramp_and_come_back() {
    let sites =
        Sites::start(2, one_geodb, &[EARLY, LATE], |_| Vec::new(), "site_failover_ramp = 100");
    // All have left after a minute; one group at once, the other at the end of it.
    sites.settle(1, EARLY, 2, &group_that_leaves(0..3));
    sites.settle(1, LATE, 2, &group_that_leaves(95..100));
    for user in [EARLY, LATE] {
        sites.log_in(1, &IMAP, user, 2);
    }

    sites.command(1, "cluster site update --status offline DC2");
    wait_for("a login that fails", PATIENCE, || (!is_let_in(&sites, LATE)).then_some(()));
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
    wait_for("a failover", PATIENCE, || is_let_in(&sites, EARLY).then_some(()));
    sites.log_in(1, &IMAP, EARLY, 1);
    sites.deliver(1, EARLY, 1);
    // The proxy of the site that is out sends its users on, once it has heard.
    wait_for("the news at the other site", PATIENCE, || {
        sites.explain(2, EARLY).contains("lb1.test").then_some(())
    });
    sites.log_in(2, &IMAP, EARLY, 1);
    assert_eq!(group_sites(&sites), [("failover".to_owned(), Some(site_id(1)))]);

    sites.command(1, "cluster site update --status online DC2");
    wait_for("the end of the failures", PATIENCE, || is_let_in(&sites, LATE).then_some(()));
    sites.log_in(1, &IMAP, LATE, 2);
    // Its row has just changed, so the group stays for five minutes, whatever an operator says about coming back.
    sites.command(1, "cluster site recover DC2 100");
    sites.log_in(1, &IMAP, EARLY, 1);
    assert_eq!(group_sites(&sites), [("failover".to_owned(), Some(site_id(1)))]);
    let geodb = Connection::open(sites.folder().join("geodb.sqlite")).unwrap();
    geodb.execute("update group_sites set last_update = last_update - 300000", ()).unwrap();
    // No login is refused meanwhile, whichever site hears of it first.
    wait_for("the way home", PATIENCE, || {
        assert!(is_let_in(&sites, EARLY), "{:#?}", [1, 2].map(|site| sites.log_about(site, EARLY)));
        let rows = group_sites(&sites);
        rows.iter().all(|(status, _)| status != "failover").then_some(())
    });
    for site in [1, 2] {
        sites.log_in(site, &IMAP, EARLY, 2);
    }
}

/// One whose place in the order in which this site's groups leave is among these, in percent.
fn group_that_leaves(places: Range<u32>) -> String {
    let mut names = (1..=100).map(|number| format!("default-{number}"));
    names.find(|name| places.contains(&force_move_place(&site_id(2), name))).unwrap()
}

fn is_let_in(sites: &Sites, user: &str) -> bool {
    sites.client(1, &IMAP).try_login(user, PASSWORD.as_bytes())
}

/// Status and stand-in of each row.
fn group_sites(sites: &Sites) -> Vec<(String, Option<String>)> {
    let geodb = Connection::open(sites.folder().join("geodb.sqlite")).unwrap();
    let mut rows = geodb.prepare("select status, failover_site_id from group_sites").unwrap();
    let rows = rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}
