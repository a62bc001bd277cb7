//! Users, groups and backends within the local site.

use super::*;
use crate::route::change::{ChangeReason, GroupChange, Placement};
use crate::route::decide::{
    Decision, Destination, Hop, Moving, RouteQuestion, UserKnown, Writes, decide,
};
use crate::route::departure;
use crate::route::fault::RouteFault;
use crate::route::group;
use crate::route::redirect::follow_referral;
use crate::route::sent_on::SentOn;

fn decide_alice(rows: &Rows) -> Decision {
    decide(&table(rows), UserKnown::Row(&user("alice", DC1, "g")), &RouteQuestion::of("alice"))
}

fn go(decision: Decision) -> (Destination, Option<GroupChange>) {
    match decision {
        Decision::Go { destination, change, .. } => (destination, change.map(|change| *change)),
        other => panic!("{other:?}"),
    }
}

fn set_status(rows: &mut Rows, id: Uuid, status: &str) {
    for backend in rows.backends.iter_mut().filter(|backend| backend.id == id) {
        backend.status = BackendStatus::parse(status);
    }
}

/// One line of table 2.2.1: moving, B usable, A usable → destination, alternative, reason.
fn check_2_2_1(
    moving: &str,
    b: &str,
    a: &str,
    expected: (Uuid, Option<(Option<Uuid>, ChangeReason)>),
) {
    let mut rows = rows();
    rows.user_groups = vec![group("g", Some(BE1), Some(BE2), moving)];
    set_status(&mut rows, BE1, b);
    set_status(&mut rows, BE2, a);
    let (destination, change) = go(decide_alice(&rows));
    assert_eq!(destination.hop, Hop::Backend(expected.0), "{moving} {b} {a}");
    assert_eq!(destination.group.as_deref(), Some("g"));
    let holds_back = !moving.is_empty() && change.is_none();
    assert_eq!(destination.moving == Moving::BySource, holds_back);
    assert!(destination.moving != Moving::Held);
    let Some((alternative, reason)) = expected.1 else {
        assert_eq!(change, None);
        return;
    };
    let change = change.unwrap();
    assert_eq!(change.expected, Placement::from(&rows.user_groups[0]));
    let written =
        Placement { backend_id: Some(expected.0), alt_backend_id: alternative, moving: "".into() };
    assert_eq!((change.placement.clone(), change.reason), (written, reason), "{moving} {b} {a}");
    // Idempotent: with the change applied, the decision is the same and wants no write.
    rows.user_groups[0].backend_id = change.placement.backend_id;
    rows.user_groups[0].alt_backend_id = change.placement.alt_backend_id;
    rows.user_groups[0].moving = change.placement.moving;
    let (again, nothing) = go(decide_alice(&rows));
    assert_eq!((again.hop, nothing), (destination.hop, None));
}

#[test]
fn palomar_2_2_1_every_line_of_the_table() {
    use ChangeReason::{FinishMove, SwitchToAlternative, SwitchToBest};
    for a in ["online", "standby", "offline", "nonsense"] {
        check_2_2_1("", "online", a, (BE1, None));
        check_2_2_1("yes", "online", a, (BE1, None));
    }
    for b in ["offline", "standby", "", "nonsense"] {
        check_2_2_1("", b, "online", (BE2, Some((Some(BE3), SwitchToAlternative))));
        check_2_2_1("yes", b, "online", (BE2, Some((Some(BE3), FinishMove))));
        check_2_2_1("", b, "offline", (BE3, Some((None, SwitchToBest))));
        check_2_2_1("yes", b, "offline", (BE3, Some((None, FinishMove))));
    }
}

#[test]
fn palomar_2_2_1_without_usable_backend_the_login_fails_for_now() {
    let mut rows = rows();
    for id in [BE1, BE2, BE3] {
        set_status(&mut rows, id, "offline");
    }
    let failed =
        |about: &str| Decision::Fail { fault: RouteFault::NoUsableBackend, about: about.into() };
    assert_eq!(decide_alice(&rows), failed("g"));
    rows.user_groups.clear();
    assert_eq!(decide_alice(&rows), failed("g"));
}

#[test]
fn palomar_1_5_a_drained_stand_by_choice_is_passed_over_but_an_ordered_move_is_not() {
    let mut rows = rows();
    set_status(&mut rows, BE1, "offline");
    rows.backends[1].load_factor = Some(0);
    assert_eq!(go(decide_alice(&rows)).0.hop, Hop::Backend(BE3));
    rows.user_groups[0].moving = "1".into();
    assert_eq!(go(decide_alice(&rows)).0.hop, Hop::Backend(BE2));
    rows.user_groups[0].moving = "".into();
    set_status(&mut rows, BE3, "offline");
    assert_eq!(go(decide_alice(&rows)).0.hop, Hop::Backend(BE2), "nothing else is left");
}

#[test]
fn palomar_2_2_step_2a_test_users_reach_their_backend_whatever_its_status() {
    let mut rows = rows();
    set_status(&mut rows, BE3, "offline");
    for name in ["probe-BE3.example", "probe-be3.example"] {
        let decision = decide(&table(&rows), UserKnown::NotAsked, &RouteQuestion::of(name));
        let (destination, change) = go(decision);
        assert_eq!(destination.hop, Hop::Backend(BE3));
        assert_eq!((destination.group, change), (None, None));
        assert_eq!(destination.address, ip("10.0.0.3"));
    }
    let stranger = decide(&table(&rows), UserKnown::NotAsked, &RouteQuestion::of("probe-be9"));
    assert_eq!(stranger, Decision::NeedUser);
}

#[test]
fn palomar_2_2_steps_3_and_4_a_new_user_gets_home_and_group() {
    let table = table(&rows());
    let question = RouteQuestion::of("alice@example.com");
    let homeless = user("alice@example.com", DC1, "");
    let siteless = User { preferred_site_id: None, ..user("alice@example.com", DC1, "g") };
    for known in [UserKnown::Absent, UserKnown::Row(&homeless), UserKnown::Row(&siteless)] {
        let Decision::AssignUser(assignment) = decide(&table, known, &question) else {
            panic!("{known:?}");
        };
        assert_eq!((&*assignment.group_name, assignment.preferred_site_id), ("default-37", DC1));
    }
    let row = user("alice@example.com", DC1, "default-37");
    let Decision::CreateGroup(creation) = decide(&table, UserKnown::Row(&row), &question) else {
        panic!("no group row, so one is created");
    };
    assert_eq!((creation.site_id, &*creation.name), (DC1, "default-37"));
    let created = group("default-37", Some(creation.backend_id), creation.alt_backend_id, "");
    let fresh = RouteQuestion { fresh_group: Some(&created), ..question };
    let (destination, change) = go(decide(&table, UserKnown::Row(&row), &fresh));
    assert_eq!((destination.hop, change), (Hop::Backend(creation.backend_id), None));
}

#[test]
fn palomar_2_7_a_row_newer_than_the_table_is_not_judged_by_it() {
    let table = table(&rows());
    let alice = user("alice", DC1, "g");
    let newer = group("g", Some(Uuid::from_u128(0xB4)), Some(BE1), "");
    let question = RouteQuestion { fresh_group: Some(&newer), ..RouteQuestion::of("alice") };
    assert_eq!(decide(&table, UserKnown::Row(&alice), &question), Decision::NeedTable);
    let mut rows = rows();
    rows.user_groups = vec![newer.clone()];
    assert_eq!(go(decide_alice(&rows)).0.hop, Hop::Backend(BE1), "a backend that is really gone");
}

#[test]
fn palomar_2_2_step_4_without_automatic_groups_only_users_with_a_group_get_in() {
    let none = RouteSettings { default_group_count: 0, ..settings() };
    let (table, _) = Table::build(&rows(), &addresses(), &none);
    let failed = decide(&table, UserKnown::Absent, &RouteQuestion::of("alice"));
    assert!(matches!(failed, Decision::Fail { fault: RouteFault::NoDefaultGroups, .. }));
    go(decide(&table, UserKnown::Row(&user("alice", DC1, "g")), &RouteQuestion::of("alice")));
}

#[test]
fn palomar_2_2_step_5_a_pending_user_move_waits_for_its_source_unless_that_is_gone() {
    let mut rows = rows();
    let mut alice = user("alice", DC1, "g");
    alice.moving_group_name = Some("h".into());
    let ask =
        |rows: &Rows| decide(&table(rows), UserKnown::Row(&alice), &RouteQuestion::of("alice"));
    let (destination, _) = go(ask(&rows));
    assert_eq!((destination.hop, destination.moving), (Hop::Backend(BE1), Moving::BySource));
    set_status(&mut rows, BE1, "standby");
    let Decision::MoveUser(finish) = ask(&rows) else {
        panic!("the source is gone");
    };
    assert_eq!((&finish.expected, &*finish.moved.group_name), (&alice, "h"));
    rows.user_groups.clear();
    assert!(matches!(ask(&rows), Decision::MoveUser(_)), "no row, no source");
}

#[test]
fn c_cache_2_without_geodb_a_cached_group_is_good_enough_and_nothing_is_written() {
    let mut rows = rows();
    rows.user_groups.push(group("default-37", Some(BE1), Some(BE2), ""));
    set_status(&mut rows, BE1, "offline");
    let ask = |name| decide(&table(&rows), UserKnown::Unreachable, &RouteQuestion::of(name));
    let (destination, change) = go(ask("alice@example.com"));
    assert_eq!((destination.hop, change), (Hop::Backend(BE2), None));
    let failed = ask("bob@example.com");
    assert!(matches!(failed, Decision::Fail { fault: RouteFault::GeoDbUnreachable, .. }));
}

#[test]
fn palomar_2_2_step_10_an_unresolved_backend_fails_the_login_and_moves_nobody() {
    let (table, _) = Table::build(&rows(), &Addresses::new(), &settings());
    let decision =
        decide(&table, UserKnown::Row(&user("alice", DC1, "g")), &RouteQuestion::of("alice"));
    let about = "be1".into();
    assert_eq!(decision, Decision::Fail { fault: RouteFault::Unresolved, about });
}

#[test]
fn w_ref_1_only_hosts_of_the_cluster_are_followed() {
    let table = table(&rows());
    for host in ["be2", "BE2", "be2.", "10.0.0.2", "::ffff:10.0.0.2", "[::ffff:10.0.0.2]"] {
        let destination = follow_referral(&table, host, Some("g")).unwrap();
        assert_eq!(destination.hop, Hop::Backend(BE2), "{host}");
        assert_eq!(
            (destination.address, destination.group.as_deref()),
            (ip("10.0.0.2"), Some("g"))
        );
    }
    for (host, id) in [("lb2.example", DC2), ("10.2.0.1", DC2), ("192.0.2.33", DC3)] {
        let destination = follow_referral(&table, host, Some("g")).unwrap();
        assert_eq!((destination.hop, destination.group), (Hop::Site(id), None));
    }
    for host in ["", "evil.example", "10.0.0.9", "[be2]x", "be2\n", "lb1", "be2.."] {
        let refused = follow_referral(&table, host, None);
        assert_eq!(refused, Err(RouteFault::UnknownReferral), "{host:?}");
    }
}

#[test]
fn c_cache_5_a_backend_that_the_groups_row_does_not_name_yet_is_told_apart() {
    let mut rows = rows();
    rows.user_groups = vec![group("g", Some(BE1), Some(BE2), "")];
    assert!(!go(decide_alice(&rows)).0.is_switching);
    set_status(&mut rows, BE1, "offline");
    let (destination, change) = go(decide_alice(&rows));
    assert_eq!((destination.hop, destination.is_switching), (Hop::Backend(BE2), true));
    assert!(change.is_some());
    let question = RouteQuestion { writes: Writes::Withheld, ..RouteQuestion::of("alice") };
    let alice = user("alice", DC1, "g");
    let (destination, change) = go(decide(&table(&rows), UserKnown::Row(&alice), &question));
    assert_eq!((destination.is_switching, change), (true, None), "also when it is not written");
    rows.user_groups = vec![group("g", Some(BE2), None, "")];
    assert!(!go(decide_alice(&rows)).0.is_switching, "it is written");
}

#[test]
fn c_cache_5_a_user_who_was_sent_on_goes_there_until_the_groups_row_changes() {
    let mut rows = rows();
    rows.user_groups = vec![group("g", Some(BE1), Some(BE2), "be2")];
    let sent_on = SentOn::learnt(&table(&rows), "g", "BE2").unwrap();
    let decide_there = |rows: &Rows| {
        let question = RouteQuestion { sent_on: Some(&sent_on), ..RouteQuestion::of("alice") };
        go(decide(&table(rows), UserKnown::Row(&user("alice", DC1, "g")), &question))
    };
    let (there, change) = decide_there(&rows);
    assert_eq!((there.hop, there.group.as_deref(), change), (Hop::Backend(BE2), Some("g"), None));
    assert!(sent_on.is_good(&table(&rows)));
    set_status(&mut rows, BE2, "offline");
    assert_eq!(decide_there(&rows).0.hop, Hop::Backend(BE1), "it is not usable");
    set_status(&mut rows, BE2, "online");
    set_status(&mut rows, BE1, "offline");
    assert!(decide_there(&rows).1.is_some(), "the source is gone: the move is finished");
    set_status(&mut rows, BE1, "online");
    rows.user_groups = vec![group("g", Some(BE3), Some(BE2), "")];
    assert_eq!(decide_there(&rows).0.hop, Hop::Backend(BE3), "the row has changed");
    assert!(!sent_on.is_good(&table(&rows)));
    let known = table(&rows);
    let learnt = |group, host| SentOn::learnt(&known, group, host);
    assert_eq!(learnt("g", "be3.example"), None, "where the row leads anyway");
    assert_eq!(learnt("g", "lb2.example"), None, "another site");
    assert_eq!((learnt("g", "be9"), learnt("h", "be2")), (None, None));
}

/// Moving or not, source, destination; whether the login waits.
#[test]
fn c_move_4_logins_of_a_group_that_the_proxies_move_wait_while_both_ends_are_well() {
    for (moving, source, destination, is_held) in [
        ("1", "online", "online", true),
        ("", "online", "online", false),
        ("1", "standby", "online", false),
        ("1", "online", "standby", false),
        ("1", "online", "offline", false),
    ] {
        let mut rows = rows();
        rows.user_groups = vec![group("g", Some(BE1), Some(BE2), moving)];
        set_status(&mut rows, BE1, source);
        set_status(&mut rows, BE2, destination);
        let ours = RouteSettings { are_moves_ours: true, ..settings() };
        let (table, _) = Table::build(&rows, &addresses(), &ours);
        let alice = user("alice", DC1, "g");
        let ask = || decide(&table, UserKnown::Row(&alice), &RouteQuestion::of("alice"));
        let (told, _) = go(ask());
        assert_eq!(told.moving == Moving::Held, is_held, "{moving} {source} {destination}");
    }
}

#[test]
fn c_move_6_logins_of_a_user_who_moves_wait_where_the_proxies_carry_that_out() {
    let mut alice = user("alice", DC1, "g");
    alice.moving_group_name = Some("h".into());
    let nowhere = Some(Uuid::from_u128(0xD9));
    for (are_moves_ours, home, is_held) in
        [(true, None, true), (false, None, false), (true, Some(DC2), true), (true, nowhere, false)]
    {
        let mut rows = rows();
        rows.user_groups = vec![group("g", Some(BE1), Some(BE2), "")];
        let settings = RouteSettings { are_moves_ours, ..settings() };
        let (table, _) = Table::build(&rows, &addresses(), &settings);
        let alice = User { moving_preferred_site_id: home, ..alice.clone() };
        let (told, _) = go(decide(&table, UserKnown::Row(&alice), &RouteQuestion::of("alice")));
        assert_eq!(
            (told.hop, told.moving == Moving::Held),
            (Hop::Backend(BE1), is_held),
            "{home:?}"
        );
        let end = departure::end_of_move(&table, &alice);
        let goes = home != nowhere;
        assert_eq!(matches!(end, departure::End::Complete(_)), goes);
        assert_eq!(end.change().moved, if goes { alice.moved() } else { alice.unmoved() });
        assert_eq!(departure::source(&table, &alice), are_moves_ours.then_some(BE1));
        let announced = departure::announced(&table, &alice, 7);
        assert_eq!(announced.is_some(), are_moves_ours);
        rows.settings.extend(announced.map(|it| it.to_row()));
        let (table, _) = Table::build(&rows, &addresses(), &settings);
        assert_eq!(departure::announced(&table, &alice, 8), None, "it is known already");
        let again = User { last_update: Some(9), ..alice.clone() };
        let announced = departure::announced(&table, &again, 8).map(|it| it.since);
        assert_eq!(announced, are_moves_ours.then_some(9), "another order");
        assert_eq!(table.departures().len(), usize::from(are_moves_ours));
    }
}

#[test]
fn c_move_4_a_move_ends_at_its_destination_or_where_it_began() {
    let mut rows = rows();
    rows.user_groups = vec![group("g", Some(BE1), Some(BE2), "1")];
    let end = |rows: &Rows| {
        let table = table(rows);
        let change = group::end_of_move(&table, table.group("g").unwrap())?;
        Some((change.placement.backend_id, change.placement.alt_backend_id))
    };
    let (backend, next) = end(&rows).unwrap();
    assert_eq!(backend, Some(BE2));
    assert!(next.is_some() && next != backend);
    set_status(&mut rows, BE2, "offline");
    assert_eq!(end(&rows), Some((Some(BE1), Some(BE3))));
    set_status(&mut rows, BE1, "offline");
    assert_eq!(end(&rows), None, "logins finish it");
    rows.user_groups = vec![group("g", Some(BE3), Some(BE2), "")];
    assert_eq!(end(&rows), None);
}
