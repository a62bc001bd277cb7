//! Users that leave sites and backends for good, and homes of new users (C-FORCE-2, C-FORCE-3, C-SITE-7, C-ROUTE-5, C-ROUTE-11).

use super::*;
use crate::route::change::{UserMove, UserMoveReason};
use crate::route::decide::{Decision, RouteQuestion, UserKnown, decide};
use crate::route::fault::RouteFault;
use crate::route::hash::force_move_place;
use crate::route::left_behind;
use crate::route::problem::Complaint;
use crate::route::settings_rows::ForceMove;

const BY: &str = "11111111-1111-1111-1111-111111111111";

fn ask(table: &Table, user: &User) -> Decision {
    decide(table, UserKnown::Row(user), &RouteQuestion::of(&user.username))
}

fn moved(decision: &Decision) -> UserMove {
    match decision {
        Decision::MoveUser(moved) => (**moved).clone(),
        other => panic!("{other:?}"),
    }
}

fn force_move(rows: &mut Rows, site: Uuid, backend: Uuid, percentage: u8, to: &[Uuid]) {
    let force_move = ForceMove { id: BY.into(), percentage, destinations: to.into() };
    rows.settings.retain(|row| (row.site_id, row.backend_id) != (site, backend));
    rows.settings.extend(force_move.to_rows().into_iter().map(|(name, value)| Setting {
        section: "force_move".into(),
        site_id: site,
        backend_id: backend,
        name: name.into(),
        value: value.into(),
    }));
}

#[test]
fn c_force_2_a_force_move_takes_the_users_below_its_percentage_and_keeps_their_group() {
    let mut rows = rows();
    // Appendix C: alice is at 5 of a hundred, bob at 49.
    for (name, place) in [("alice@example.com", 5), ("bob@example.com", 49)] {
        assert_eq!(force_move_place(BY, name), place);
        let place = u8::try_from(place).unwrap();
        for home in [DC1, DC2] {
            let user = user(name, home, "g");
            let to = if home == DC1 { DC3 } else { DC1 };
            force_move(&mut rows, home, Uuid::nil(), place, &[to]);
            assert!(matches!(ask(&table(&rows), &user), Decision::Go { .. }), "{name}");
            force_move(&mut rows, home, Uuid::nil(), place + 1, &[to]);
            let change = moved(&ask(&table(&rows), &user));
            assert_eq!(change.reason, UserMoveReason::SiteForceMove);
            assert_eq!(change.expected, user);
            assert_eq!(change.moved, User { preferred_site_id: Some(to), ..user });
            force_move(&mut rows, home, Uuid::nil(), 0, &[to]);
        }
    }
}

#[test]
fn c_move_10_who_was_taken_elsewhere_has_left_and_the_others_have_not() {
    let mut rows = rows();
    rows.user_groups.push(group("h", Some(BE2), Some(BE1), ""));
    let has_left = |rows: &Rows, user: &User| left_behind::has_left(&table(rows), user, BE1);
    assert!(!has_left(&rows, &user("alice@example.com", DC1, "g")));
    assert!(has_left(&rows, &user("alice@example.com", DC1, "h")));
    assert!(has_left(&rows, &user("alice@example.com", DC2, "g")));
    // Who would be force-moved by the next login is here until then.
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC2]);
    assert!(!has_left(&rows, &user("alice@example.com", DC1, "g")));
    let is_losing = |rows: &Rows| {
        let table = table(rows);
        table.backends().iter().filter(|it| left_behind::is_losing(&table, it)).count()
    };
    assert_eq!(is_losing(&rows), 3);
    force_move(&mut rows, DC1, Uuid::nil(), 0, &[DC2]);
    force_move(&mut rows, DC1, BE1, 30, &[BE2]);
    assert_eq!(is_losing(&rows), 1);
    // Sessions at a backend in standby may stay, and so may those of whom is served nowhere now.
    rows.backends[0].status = BackendStatus::Standby;
    assert!(!has_left(&rows, &user("alice@example.com", DC1, "g")));
    rows.sites[1].status = SiteStatus::Offline;
    assert!(!has_left(&rows, &user("alice@example.com", DC2, "g")));
}

#[test]
fn c_force_2_only_fit_sites_are_destinations_and_users_are_spread_over_them() {
    let mut rows = rows();
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC2, DC3]);
    let home_of = |rows: &Rows, number: u32| match ask(
        &table(rows),
        &user(&format!("u{number}"), DC1, "g"),
    ) {
        Decision::MoveUser(change) => change.moved.preferred_site_id,
        _ => None,
    };
    let there = (0..200).filter(|number| home_of(&rows, *number) == Some(DC2)).count();
    assert!((60..140).contains(&there), "{there}");
    rows.sites[1].status = SiteStatus::Standby;
    assert!((0..20).all(|number| home_of(&rows, number) == Some(DC3)));
    // Two sites that are emptied into each other.
    rows.sites[1].status = SiteStatus::Online;
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC2]);
    force_move(&mut rows, DC2, Uuid::nil(), 100, &[DC1]);
    assert!((0..20).all(|number| home_of(&rows, number).is_none()));
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC1, Uuid::from_u128(99)]);
    assert!((0..20).all(|number| home_of(&rows, number).is_none()));
}

#[test]
fn c_force_2_a_user_who_is_being_moved_is_not_force_moved() {
    let mut rows = rows();
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC2]);
    let mut alice = user("alice", DC1, "g");
    alice.moving_group_name = Some("h".into());
    assert!(matches!(ask(&table(&rows), &alice), Decision::Go { .. }));
}

#[test]
fn c_force_3_a_backend_is_left_for_groups_of_the_others() {
    let mut rows = rows();
    for number in 0..6 {
        let backend = if number % 2 == 0 { BE2 } else { BE3 };
        rows.user_groups.push(group(&format!("h{number}"), Some(backend), None, ""));
    }
    rows.user_groups.push(group("h8", Some(BE2), None, "yes"));
    force_move(&mut rows, DC1, BE1, 100, &[BE2]);
    let mut groups: Vec<Box<str>> = (0..60)
        .map(|number| {
            let change = moved(&ask(&table(&rows), &user(&format!("u{number}"), DC1, "g")));
            assert_eq!(change.reason, UserMoveReason::BackendForceMove);
            assert_eq!(change.moved.preferred_site_id, Some(DC1));
            change.moved.group_name
        })
        .collect();
    groups.sort();
    groups.dedup();
    assert_eq!(groups, ["h0", "h2", "h4"].map(Box::from), "not h8, which is about to leave");
    let alice = user("alice", DC1, "g");
    let place = u8::try_from(force_move_place(BY, "alice")).unwrap();
    for (percentage, leaves) in [(place, false), (place + 1, true)] {
        force_move(&mut rows, DC1, BE1, percentage, &[BE2]);
        let decision = ask(&table(&rows), &alice);
        assert_eq!(matches!(decision, Decision::MoveUser(_)), leaves);
    }
    rows.backends[1].status = BackendStatus::Standby;
    assert!(matches!(ask(&table(&rows), &alice), Decision::Go { .. }), "nowhere to go");
    let guest = user("bob", DC2, "g");
    rows.backends[1].status = BackendStatus::Online;
    rows.group_sites = vec![GroupSite {
        group_name: "g".into(),
        site_id: DC2,
        status: GroupSiteStatus::Failover,
        failover_site_id: Some(DC1),
        last_update: None,
    }];
    assert!(matches!(ask(&table(&rows), &guest), Decision::Go { .. }), "a guest is not moved");
}

#[test]
fn c_force_3_a_group_that_was_seen_elsewhere_since_the_table_was_built_is_no_destination() {
    let mut rows = rows();
    rows.user_groups.push(group("h1", Some(BE2), None, ""));
    rows.user_groups.push(group("h2", Some(BE2), None, ""));
    force_move(&mut rows, DC1, BE1, 100, &[BE2]);
    let (built, alice) = (table(&rows), user("alice", DC1, "g"));
    let chosen = moved(&ask(&built, &alice)).moved.group_name;
    let other = if &*chosen == "h1" { "h2" } else { "h1" };
    for (backend, moving) in [(BE3, ""), (BE2, "yes")] {
        let (newer, _) = built.with_group(group(&chosen, Some(backend), None, moving));
        assert_eq!(&*moved(&ask(&newer, &alice)).moved.group_name, other, "{backend} {moving}");
        let (newer, _) = newer.with_group(group(other, Some(BE3), None, ""));
        assert!(matches!(ask(&newer, &alice), Decision::Go { .. }), "none is left");
    }
}

#[test]
fn c_force_1_rows_that_make_no_sense_are_reported_and_move_no_user() {
    let mut rows = rows();
    force_move(&mut rows, DC1, Uuid::nil(), 100, &[DC2]);
    force_move(&mut rows, DC1, BE1, 100, &[BE2]);
    for row in rows.settings.iter_mut().filter(|row| &*row.name == "percentage") {
        row.value = "all".into();
    }
    let (table, problems) = Table::build(&rows, &addresses(), &settings());
    let complaints: Vec<Complaint> = problems.into_iter().map(|found| found.complaint).collect();
    assert_eq!(
        complaints,
        [Complaint::BadSetting("percentage"), Complaint::BadSetting("percentage")]
    );
    assert!(matches!(ask(&table, &user("alice", DC1, "g")), Decision::Go { .. }));
}

#[test]
fn c_site_7_an_evacuated_site_loses_whole_groups_to_sites_of_its_tag() {
    let mut rows = rows();
    rows.sites[0].status = SiteStatus::Evacuate;
    let place = u8::try_from(force_move_place(&DC1.to_string(), "g")).unwrap();
    let ask_at = |rows: &Rows, evacuated, name: &str| {
        let now = SiteNow { evacuated, ..SiteNow::default() };
        ask(&table_when(rows, &[(DC1, now)]), &user(name, DC1, "g"))
    };
    assert!(matches!(ask_at(&rows, place, "alice"), Decision::Go { .. }), "served until then");
    let change = moved(&ask_at(&rows, place + 1, "alice"));
    assert_eq!(change.reason, UserMoveReason::Evacuation);
    assert_eq!(&*change.moved.group_name, "g");
    for name in ["bob", "eve", "mallory"] {
        let other = moved(&ask_at(&rows, place + 1, name));
        assert_eq!(other.moved.preferred_site_id, change.moved.preferred_site_id);
    }
    let tag = Uuid::from_u128(0x7A);
    let left_over = if change.moved.preferred_site_id == Some(DC2) { 1 } else { 2 };
    rows.sites[left_over].tag = Some(tag);
    let elsewhere = moved(&ask_at(&rows, 100, "alice")).moved.preferred_site_id;
    assert_ne!(elsewhere, change.moved.preferred_site_id);
}

#[test]
fn c_route_5_c_route_11_new_users_live_here_unless_tag_or_status_forbids() {
    let gold = Uuid::from_u128(0x7A);
    let by_id = gold.to_string();
    let mut rows = rows();
    rows.tags = vec![Tag { id: gold, tag: "gold".into() }];
    let home = |rows: &Rows, tag| {
        let question = RouteQuestion { tag, ..RouteQuestion::of("alice") };
        match decide(&table(rows), UserKnown::Absent, &question) {
            Decision::AssignUser(assignment) => Ok(assignment.preferred_site_id),
            Decision::Fail { fault, .. } => Err(fault),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(home(&rows, None), Ok(DC1));
    assert_eq!(home(&rows, Some("gold")), Err(RouteFault::NoSiteOfTag));
    assert_eq!(home(&rows, Some("lead")), Err(RouteFault::UnknownTag));
    rows.sites[1].tag = Some(gold);
    assert_eq!(home(&rows, Some("gold")), Ok(DC2));
    assert_eq!(home(&rows, Some(&by_id)), Ok(DC2));
    rows.sites[0].tag = Some(gold);
    assert_eq!(home(&rows, Some("gold")), Ok(DC1));
    assert_eq!(home(&rows, None), Ok(DC1), "without a tag any site will do");
    for status in ["offline", "standby", "evacuate"] {
        rows.sites[0].status = SiteStatus::parse(status);
        assert_eq!(home(&rows, None), Ok(DC2), "{status}: another site of the same tag");
    }
    rows.sites[1].tag = None;
    assert_eq!(home(&rows, None), Ok(DC1), "evacuated, but there is no other");
    rows.sites[0].status = SiteStatus::Offline;
    assert_eq!(home(&rows, None), Err(RouteFault::LocalSiteNotServing));
    rows.sites[0].status = SiteStatus::parse("nonsense");
    assert_eq!(home(&rows, None), Ok(DC1));
}

#[test]
fn ge_08_a_tag_without_a_row_is_reported() {
    let mut rows = rows();
    rows.sites[1].tag = Some(Uuid::from_u128(0x7A));
    let (_, problems) = Table::build(&rows, &addresses(), &settings());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("hale cluster tag create"), "{}", problems[0]);
}
