//! Groups that leave a site that is away, and come home (C-SITE-5, C-SITE-6, C-SITE-8, C-CACHE-2).

use super::*;
use crate::route::change::SiteChange;
use crate::route::decide::{Decision, Hop, RouteQuestion, UserKnown, Writes, decide};
use crate::route::fault::RouteFault;
use crate::route::hash::force_move_place;
use crate::route::outage::Opinion;

const ALL: SiteNow = SiteNow { opinion: None, away: 100, back: 0, evacuated: 0 };

fn ask(table: &Table, user: &User) -> Decision {
    decide(table, UserKnown::Row(user), &RouteQuestion::of(&user.username))
}

fn ask_without_writes(table: &Table, user: &User) -> Decision {
    let question = RouteQuestion { writes: Writes::Withheld, ..RouteQuestion::of(&user.username) };
    decide(table, UserKnown::Row(user), &question)
}

fn change(decision: &Decision) -> SiteChange {
    match decision {
        Decision::FailOver(change) => (**change).clone(),
        other => panic!("{other:?}"),
    }
}

fn going(decision: &Decision) -> (Hop, Option<SiteChange>) {
    match decision {
        Decision::Go { destination, homecoming, .. } => {
            (destination.hop, homecoming.as_deref().cloned())
        }
        other => panic!("{other:?}"),
    }
}

fn failed_over(group: &str, from: Uuid, to: Uuid, age_s: i64) -> GroupSite {
    GroupSite {
        group_name: group.into(),
        site_id: from,
        status: GroupSiteStatus::Failover,
        failover_site_id: Some(to),
        last_update: Some(NOW - age_s * 1000),
    }
}

/// Two sites; DC2 is away by its status.
fn without_dc2() -> Rows {
    let mut rows = rows();
    rows.sites[1].status = SiteStatus::Offline;
    rows.sites.truncate(2);
    rows
}

#[test]
fn c_site_5_a_group_leaves_when_its_turn_has_come() {
    let rows = without_dc2();
    let place = force_move_place(&DC2.to_string(), "g");
    let share = |away| SiteNow { away, ..SiteNow::default() };
    let bob = user("bob", DC2, "g");
    let before = share(u8::try_from(place).unwrap());
    let refused = ask(&table_when(&rows, &[(DC2, before)]), &bob);
    assert!(matches!(refused, Decision::Fail { fault: RouteFault::HomeSiteDown, .. }));
    let table = table_when(&rows, &[(DC2, share(before.away + 1))]);
    let expected =
        SiteChange { group_name: "g".into(), site_id: DC2, expected: None, stand_in: Some(DC1) };
    assert_eq!(change(&ask(&table, &bob)), expected);
    // Written, the login goes on without a new table; the user's row stays as it is, which is the way back.
    let row = expected.row(None, NOW);
    let question = RouteQuestion { fresh_site: Some(&row), ..RouteQuestion::of("bob") };
    let (hop, homecoming) = going(&decide(&table, UserKnown::Row(&bob), &question));
    assert_eq!((hop, homecoming), (Hop::Backend(BE1), None));
}

#[test]
fn c_site_5_the_local_site_fails_over_to_another_one_just_so() {
    let mut rows = rows();
    rows.sites[0].status = SiteStatus::Standby;
    let alice = user("alice", DC1, "g");
    let change = change(&ask(&table_when(&rows, &[(DC1, ALL)]), &alice));
    let target = change.stand_in.unwrap();
    assert!([DC2, DC3].contains(&target));
    rows.group_sites = vec![failed_over("g", DC1, target, 1)];
    assert_eq!(going(&ask(&table_when(&rows, &[(DC1, ALL)]), &alice)).0, Hop::Site(target));
}

#[test]
fn c_site_5_who_stands_in_is_of_the_same_tag_fit_and_named_first() {
    let tag = Uuid::from_u128(0x7A);
    let mut rows = rows();
    rows.tags = vec![Tag { id: tag, tag: "gold".into() }];
    rows.sites[1].status = SiteStatus::Offline;
    let bob = user("bob", DC2, "g");
    let target = |rows: &Rows| {
        let change = ask(&table_when(rows, &[(DC2, ALL)]), &bob);
        if let Decision::FailOver(change) = change { change.stand_in } else { None }
    };
    let first = target(&rows).unwrap();
    let other = if first == DC1 { DC3 } else { DC1 };
    // The site that an operator named in the row goes before the hash.
    rows.group_sites =
        vec![GroupSite { status: GroupSiteStatus::Normal, ..failed_over("g", DC2, other, 999) }];
    assert_eq!(target(&rows), Some(other));
    rows.sites[2].status = SiteStatus::Evacuate;
    assert_eq!(target(&rows), Some(DC1));
    rows.sites[2].status = SiteStatus::Online;
    for at in [1, 2] {
        rows.sites[at].tag = Some(tag);
    }
    assert_eq!(target(&rows), Some(DC3), "the shard of the home");
    let asked = |tag| {
        let question = RouteQuestion { tag: Some(tag), ..RouteQuestion::of("bob") };
        decide(&table_when(&rows, &[(DC2, ALL)]), UserKnown::Row(&bob), &question)
    };
    assert_eq!(change(&asked("gold")).stand_in, Some(DC3));
    assert!(matches!(asked("lead"), Decision::Fail { fault: RouteFault::UnknownTag, .. }));
    rows.sites[2].tag = None;
    assert_eq!(target(&rows), None, "none of the shard is left");
}

#[test]
fn c_site_5_failing_connections_are_tried_until_the_group_may_leave() {
    let mut rows = rows();
    rows.sites.truncate(2);
    let bob = user("bob", DC2, "g");
    let failing = SiteNow { opinion: Some(Opinion::Failing), ..SiteNow::default() };
    assert_eq!(going(&ask(&table_when(&rows, &[(DC2, failing)]), &bob)).0, Hop::Site(DC2));
    let gone = SiteNow { away: 100, ..failing };
    assert_eq!(change(&ask(&table_when(&rows, &[(DC2, gone)]), &bob)).stand_in, Some(DC1));
    let unreachable = SiteNow { opinion: Some(Opinion::Unreachable), ..SiteNow::default() };
    let refused = ask(&table_when(&rows, &[(DC2, unreachable)]), &bob);
    assert!(matches!(refused, Decision::Fail { fault: RouteFault::HomeSiteDown, .. }));
    rows.site_reachability =
        vec![SiteReachability { src_site_id: DC1, dest_site_id: DC2, reachable: Some(0) }];
    let reached = SiteNow { opinion: Some(Opinion::Reached), ..SiteNow::default() };
    assert_eq!(going(&ask(&table_when(&rows, &[(DC2, reached)]), &bob)).0, Hop::Site(DC2));
}

#[test]
fn c_site_6_a_group_comes_home_when_its_turn_has_come_and_this_login_does_not_wait() {
    let mut rows = rows();
    rows.group_sites = vec![failed_over("g", DC2, DC1, 999)];
    let bob = user("bob", DC2, "g");
    let place = u8::try_from(force_move_place(&DC2.to_string(), "g")).unwrap();
    let ask_at = |rows: &Rows, back| {
        going(&ask(&table_when(rows, &[(DC2, SiteNow { back, ..SiteNow::default() })]), &bob))
    };
    assert_eq!(ask_at(&rows, place), (Hop::Backend(BE1), None));
    let (hop, homecoming) = ask_at(&rows, place + 1);
    let back =
        SiteChange { group_name: "g".into(), site_id: DC2, expected: Some(DC1), stand_in: None };
    assert_eq!((hop, homecoming.as_ref()), (Hop::Backend(BE1), Some(&back)));
    let written = back.row(rows.group_sites.first(), NOW);
    let mut home = rows.clone();
    home.group_sites = vec![written];
    assert_eq!(ask_at(&home, place + 1), (Hop::Site(DC2), None));
    rows.group_sites = vec![failed_over("g", DC2, DC1, 299)];
    assert_eq!(ask_at(&rows, 100).1, None, "its row has just changed");
    rows.sites[1].status = SiteStatus::Evacuate;
    rows.group_sites = vec![failed_over("g", DC2, DC1, 999)];
    assert_eq!(ask_at(&rows, 100).1, None, "nothing comes home to a site that empties");
}

#[test]
fn c_site_6_an_operator_says_how_many_come_home() {
    let mut rows = rows();
    rows.group_sites = vec![failed_over("g", DC2, DC1, 999)];
    let place = force_move_place("again", "g");
    let mut ask_at = |percentage: u32| {
        rows.settings = [("id", "again".to_owned()), ("percentage", percentage.to_string())]
            .map(|(name, value)| Setting {
                section: "recover".into(),
                site_id: DC2,
                backend_id: Uuid::nil(),
                name: name.into(),
                value: value.into(),
            })
            .into();
        going(&ask(&table_when(&rows, &[]), &user("bob", DC2, "g"))).1.is_some()
    };
    assert_eq!((ask_at(place), ask_at(place + 1)), (false, true));
}

#[test]
fn c_site_8_a_row_that_has_just_changed_is_left_alone_but_for_an_operator() {
    let mut rows = rows();
    rows.sites.truncate(2);
    let at_home = GroupSite {
        status: GroupSiteStatus::Normal,
        failover_site_id: None,
        ..failed_over("g", DC2, DC1, 200)
    };
    rows.group_sites = vec![at_home.clone()];
    let bob = user("bob", DC2, "g");
    let gone = SiteNow { opinion: Some(Opinion::Unreachable), ..ALL };
    let refused = ask(&table_when(&rows, &[(DC2, gone)]), &bob);
    assert!(matches!(refused, Decision::Fail { fault: RouteFault::HomeSiteDown, .. }));
    for age_s in [-300, 300, 1 << 40, -(1 << 40)] {
        rows.group_sites[0].last_update = Some(NOW - age_s * 1000);
        change(&ask(&table_when(&rows, &[(DC2, gone)]), &bob));
    }
    rows.group_sites = vec![at_home];
    rows.sites[1].status = SiteStatus::Offline;
    change(&ask(&table_when(&rows, &[(DC2, ALL)]), &bob));
}

#[test]
fn c_site_5_a_stand_in_that_is_gone_itself_gives_the_group_back_or_on() {
    let mut rows = rows();
    rows.group_sites = vec![failed_over("g", DC2, DC3, 999)];
    rows.sites[2].status = SiteStatus::Offline;
    let bob = user("bob", DC2, "g");
    let (hop, homecoming) = going(&ask(&table_when(&rows, &[(DC3, ALL)]), &bob));
    assert_eq!((hop, homecoming.unwrap().stand_in), (Hop::Site(DC2), None));
    assert_eq!(going(&ask(&table_when(&rows, &[]), &bob)), (Hop::Site(DC2), None), "not yet");
    rows.sites[1].status = SiteStatus::Offline;
    let onward = change(&ask(&table_when(&rows, &[(DC2, ALL), (DC3, ALL)]), &bob));
    assert_eq!((onward.expected, onward.stand_in), (Some(DC3), Some(DC1)));
    let refused = ask(&table_when(&rows, &[(DC2, ALL)]), &bob);
    assert!(matches!(refused, Decision::Fail { fault: RouteFault::HomeSiteDown, .. }));
}

#[test]
fn c_cache_2_without_writes_rows_are_used_as_they_are() {
    let rows = without_dc2();
    let table = table_when(&rows, &[(DC2, ALL)]);
    let refused = ask_without_writes(&table, &user("bob", DC2, "g"));
    assert!(matches!(refused, Decision::Fail { fault: RouteFault::HomeSiteDown, .. }));
    let mut rows = super::rows();
    rows.group_sites = vec![failed_over("g", DC2, DC1, 999)];
    let back = SiteNow { back: 100, ..SiteNow::default() };
    let decision = ask_without_writes(&table_when(&rows, &[(DC2, back)]), &user("bob", DC2, "g"));
    assert_eq!(going(&decision), (Hop::Backend(BE1), None));
    rows.sites[0].status = SiteStatus::Evacuate;
    let evacuated = SiteNow { evacuated: 100, ..SiteNow::default() };
    let table = table_when(&rows, &[(DC1, evacuated)]);
    assert!(matches!(ask(&table, &user("alice", DC1, "g")), Decision::MoveUser(_)));
    let decision = ask_without_writes(&table, &user("alice", DC1, "g"));
    assert_eq!(going(&decision).0, Hop::Backend(BE1));
    rows.user_groups.clear();
    let decision = ask_without_writes(&super::table(&rows), &user("alice", DC1, "g"));
    assert!(matches!(decision, Decision::Fail { fault: RouteFault::GeoDbUnreachable, .. }));
}

#[test]
fn c_move_3_a_move_whose_source_is_gone_goes_on_without_a_write_too() {
    let mut rows = rows();
    rows.user_groups.push(group("h", Some(BE2), None, ""));
    rows.backends[0].status = BackendStatus::Offline;
    let mut alice = user("alice", DC1, "g");
    alice.moving_group_name = Some("h".into());
    let decision = ask_without_writes(&table(&rows), &alice);
    assert_eq!(going(&decision).0, Hop::Backend(BE2));
    // To another site, when the whole home site is away.
    let mut bob = user("bob", DC2, "g");
    bob.moving_preferred_site_id = Some(DC1);
    rows.sites[1].status = SiteStatus::Offline;
    let Decision::MoveUser(finish) = ask(&table(&rows), &bob) else { panic!() };
    assert_eq!(finish.moved.preferred_site_id, Some(DC1));
}
