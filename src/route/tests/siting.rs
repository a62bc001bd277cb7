//! Which site serves a user (C-ROUTE-3).

use super::*;
use crate::route::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use crate::route::fault::RouteFault;

fn ask(rows: &Rows, user: &User) -> Decision {
    decide(&table(rows), UserKnown::Row(user), &RouteQuestion::of(&user.username))
}

fn hop(decision: &Decision) -> Hop {
    match decision {
        Decision::Go { destination, .. } => destination.hop,
        other => panic!("{other:?}"),
    }
}

fn fault(decision: &Decision) -> RouteFault {
    match decision {
        Decision::Fail { fault, .. } => *fault,
        other => panic!("{other:?}"),
    }
}

fn failover(group_name: &str, site_id: Uuid, to: Option<Uuid>) -> GroupSite {
    GroupSite {
        group_name: group_name.into(),
        site_id,
        status: GroupSiteStatus::Failover,
        failover_site_id: to,
        last_update: None,
    }
}

#[test]
fn palomar_2_3_remote_users_go_to_their_sites_load_balancer() {
    let decision = ask(&rows(), &user("bob", DC2, "g"));
    let Decision::Go { destination, change, .. } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!((destination.hop, destination.address), (Hop::Site(DC2), ip("10.2.0.1")));
    assert_eq!((destination.group, change), (None, None), "the other site recomputes the group");
}

#[test]
fn palomar_2_3_a_remote_site_must_be_online_and_reachable() {
    let bob = user("bob", DC2, "g");
    for status in ["offline", "standby", "nonsense"] {
        let mut rows = rows();
        rows.sites[1].status = SiteStatus::parse(status);
        assert_eq!(fault(&ask(&rows, &bob)), RouteFault::HomeSiteDown, "{status}");
    }
    let mut leaving = rows();
    leaving.sites[1].status = SiteStatus::Evacuate;
    assert_eq!(hop(&ask(&leaving, &bob)), Hop::Site(DC2), "it serves who could not be moved yet");
    let mut rows = rows();
    let mut measured = |src_site_id, reachable| {
        rows.site_reachability =
            vec![SiteReachability { src_site_id, dest_site_id: DC2, reachable }];
        ask(&rows, &bob)
    };
    assert_eq!(fault(&measured(DC1, Some(0))), RouteFault::HomeSiteDown);
    assert_eq!(hop(&measured(DC1, Some(1))), Hop::Site(DC2));
    assert_eq!(hop(&measured(DC1, None)), Hop::Site(DC2));
    assert_eq!(hop(&measured(DC3, Some(0))), Hop::Site(DC2), "another site's opinion");
}

#[test]
fn palomar_2_3_local_status_decides_about_local_users_only() {
    let alice = user("alice", DC1, "g");
    for (status, serves) in [
        ("online", true),
        ("evacuate", true),
        ("nonsense", true),
        ("standby", false),
        ("offline", false),
    ] {
        let mut rows = rows();
        rows.sites[0].status = SiteStatus::parse(status);
        let decision = ask(&rows, &alice);
        if serves {
            assert_eq!(hop(&decision), Hop::Backend(BE1), "{status}");
        } else {
            assert_eq!(fault(&decision), RouteFault::LocalSiteNotServing, "{status}");
        }
        assert_eq!(hop(&ask(&rows, &user("bob", DC2, "g"))), Hop::Site(DC2));
    }
}

#[test]
fn c_site_4_c_route_7_failed_over_groups_stay_with_their_stand_in() {
    let mut rows = rows();
    rows.group_sites = vec![failover("g", DC2, Some(DC1)), failover("h", DC2, Some(DC3))];
    let mut bob = user("bob", DC2, "g");
    assert_eq!(hop(&ask(&rows, &bob)), Hop::Backend(BE1), "we stand in, same group name");
    bob.failover_site_group_name = Some("spare".into());
    let Decision::CreateGroup(creation) = ask(&rows, &bob) else {
        panic!("the failover group has no row yet");
    };
    assert_eq!(&*creation.name, "spare");
    assert_eq!(hop(&ask(&rows, &user("eve", DC2, "h"))), Hop::Site(DC3), "a third site stands in");
    rows.sites[2].status = SiteStatus::Offline;
    assert_eq!(
        hop(&ask(&rows, &user("eve", DC2, "h"))),
        Hop::Site(DC2),
        "the stand-in is down itself"
    );
}

#[test]
fn ge_08_failover_loops_and_unknown_sites_are_ignored_and_reported() {
    let mut rows = rows();
    rows.group_sites = vec![
        failover("g", DC1, Some(DC1)),
        failover("g", DC2, Some(Uuid::from_u128(99))),
        failover("g", DC3, None),
    ];
    let (table, problems) = Table::build(&rows, &addresses(), &settings());
    assert_eq!(problems.iter().filter(|problem| problem.table == "group_sites").count(), 3);
    let alice = user("alice", DC1, "g");
    assert_eq!(
        hop(&decide(&table, UserKnown::Row(&alice), &RouteQuestion::of("alice"))),
        Hop::Backend(BE1)
    );
}

#[test]
fn palomar_1_3_without_a_row_for_the_local_site_nothing_is_routed() {
    let lost = RouteSettings { local_site: "DC9".into(), ..settings() };
    let (table, problems) = Table::build(&rows(), &addresses(), &lost);
    let decision = decide(&table, UserKnown::NotAsked, &RouteQuestion::of("alice"));
    assert_eq!(fault(&decision), RouteFault::NoLocalSite);
    assert!(problems.iter().any(|problem| problem.to_string().contains("hale cluster site add")));
}

#[test]
fn palomar_2_3_a_home_that_no_longer_exists_is_an_operators_fault() {
    let decision = ask(&rows(), &user("alice", Uuid::from_u128(99), "g"));
    assert_eq!(fault(&decision), RouteFault::UnknownHomeSite);
}
