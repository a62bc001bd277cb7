//! C-PIN-1: users who are sent to a backend by name.

use super::super::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use super::super::pins::Pin;
use super::super::problem::Complaint;
use super::*;

fn pin(user: &str, backend: Uuid, until: Option<i64>, seconds: i64) -> Setting {
    let reason = format!("admin [uid=0@lb1 {seconds}]").into();
    Pin { user: user.into(), backend, until, reason }.row(DC1)
}

/// Where a login goes, and by which group.
fn goes(table: &Table, user: &User) -> (Uuid, Option<Box<str>>) {
    let question = RouteQuestion::of(&user.username);
    match decide(table, UserKnown::Row(user), &question) {
        Decision::Go { destination, change: None, homecoming: None } => match destination.hop {
            Hop::Backend(id) => (id, destination.group),
            Hop::Site(id) => panic!("to site {id}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn c_pin_1_a_pin_comes_before_the_users_rows_and_needs_none() {
    let mut rows = rows();
    rows.settings = vec![pin("alice", BE3, None, 7)];
    for (status, place) in [("online", BE3), ("standby", BE3), ("offline", BE1), ("odd", BE1)] {
        rows.backends[2].status = BackendStatus::parse(status);
        let table = table(&rows);
        let alice = goes(&table, &user("Alice", DC1, "g"));
        assert_eq!(alice.0, place, "{status}");
        assert_eq!(alice.1.is_none(), place == BE3, "{status}");
        assert_eq!(goes(&table, &user("alicia", DC1, "g")).0, BE1);
        let followed = table.followed_pins().len();
        assert_eq!(followed, usize::from(place == BE3), "{status}");
    }
    rows.backends[2].status = BackendStatus::Standby;
    let unknown = decide(&table(&rows), UserKnown::NotAsked, &RouteQuestion::of("alice"));
    assert!(matches!(unknown, Decision::Go { .. }), "{unknown:?}");
    // A home elsewhere, too: the pin is for the proxies of this site.
    assert_eq!(goes(&table(&rows), &user("alice", DC2, "g")).0, BE3);
}

#[test]
fn c_pin_1_of_several_the_last_one_counts_and_those_over_count_for_nothing() {
    let mut rows = rows();
    let second = NOW / 1000;
    let when = |rows: &Rows| goes(&table_when(rows, &[]), &user("alice", DC1, "g")).0;
    rows.settings = vec![pin("alice", BE2, None, 8), pin("alice", BE3, None, 7)];
    assert_eq!(when(&rows), BE2);
    rows.settings.reverse();
    assert_eq!(when(&rows), BE2);
    rows.settings = vec![pin("alice", BE3, Some(second + 1), 7)];
    assert_eq!(when(&rows), BE3);
    rows.settings = vec![pin("alice", BE3, Some(second), 7)];
    assert_eq!(when(&rows), BE1);
    assert!(table_when(&rows, &[]).pins().is_empty());
}

#[test]
fn c_pin_1_rows_that_make_no_sense_are_told_and_ignored() {
    let mut rows = rows();
    let odd = Setting { value: "soon".into(), ..pin("alice", BE3, None, 7) };
    let of_another_site = Setting { site_id: DC2, ..pin("alice", BE3, None, 7) };
    rows.settings = vec![odd, of_another_site, pin("bob", Uuid::from_u128(0xBAD), None, 7)];
    let (table, problems) = Table::build(&rows, &addresses(), &settings());
    assert!(table.pins().is_empty());
    let told: Vec<(&str, &Complaint)> =
        problems.iter().map(|problem| (&*problem.row, &problem.complaint)).collect();
    assert!(told.contains(&("pin alice", &Complaint::BadPin)), "{told:?}");
    assert!(told.contains(&("pin bob", &Complaint::UnknownBackend)), "{told:?}");
}

#[test]
fn c_pin_1_c_route_10_a_pin_is_told_with_its_reason_and_end() {
    use super::super::explain::explain;
    let mut rows = rows();
    rows.backends[2].status = BackendStatus::Standby;
    rows.settings = vec![pin("alice", BE3, Some(1_790_000_100), 7)];
    let told = |rows: &Rows| {
        let question = RouteQuestion::of("alice");
        let alice = user("alice", DC1, "g");
        let steps = explain(&table(rows), UserKnown::Row(&alice), &question).steps;
        let pin = steps.into_iter().find(|step| step.about.text() == "pin");
        pin.map(|step| step.found.into_string())
    };
    let text = "to BE3.example (standby), until 2026-09-21T14:15:00Z: admin [uid=0@lb1 7]";
    assert_eq!(told(&rows).as_deref(), Some(text));
    rows.backends[2].status = BackendStatus::Offline;
    assert!(told(&rows).is_some_and(|text| text.ends_with("not followed")));
    rows.settings.clear();
    assert_eq!(told(&rows), None);
}
