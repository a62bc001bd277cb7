//! Sweeps of sessions whose users a force-move has taken elsewhere, with rows that the test writes.

use super::*;
use crate::moving::left_behind::{Sweep, SweepWish};
use crate::moving::pinned::Pinned;
use crate::moving::users::UserEnding;
use crate::route::pins::Pin;
use crate::route::rows::{Setting, User};
use crate::route::settings_rows::{FORCE_MOVE, ForceMove};

fn table(rows: &Rows) -> Table {
    let settings = RouteSettings {
        local_site: "DC1".into(),
        are_moves_ours: true,
        ..RouteSettings::default()
    };
    Table::build(rows, &Addresses::new(), &settings).0
}

/// Users of groups `a` on BE1, which is force-moved, and `b` on BE2.
fn rows() -> Rows {
    let mut rows = Scene::new(&[("a", BE1, BE2, ""), ("b", BE2, BE1, "")]).rows;
    let order = ForceMove { id: "x".into(), percentage: 50, destinations: [BE2].into() };
    rows.settings = order
        .to_rows()
        .into_iter()
        .map(|(name, value)| Setting {
            section: FORCE_MOVE.into(),
            site_id: DC1,
            backend_id: BE1,
            name: name.into(),
            value: value.into(),
        })
        .collect();
    rows
}

fn user(number: usize) -> Box<str> {
    format!("user{number}").into()
}

/// Every tenth is in group `b` by now.
fn row(name: &str) -> User {
    let group_name = if name.ends_with('7') { "b" } else { "a" };
    User {
        username: name.into(),
        preferred_site_id: Some(DC1),
        group_name: group_name.into(),
        ..User::default()
    }
}

#[test]
fn c_move_10_ten_thousand_sessions_are_looked_up_piece_by_piece() {
    let (mut sweep, table, now) = (Sweep::new(RULES.timeout), table(&rows()), Tick(1_000));
    assert_eq!(
        sweep.look(&table, now),
        Some(SweepWish::List(BE1)),
        "the only one that loses users"
    );
    assert_eq!(sweep.look(&table, now), None, "one piece at a time");
    sweep.listed(BE1, (0..10_000).map(user).collect());
    let (mut read, mut ended) = (0, BTreeSet::new());
    while let Some(wish) = sweep.look(&table, now) {
        let SweepWish::Read(backend, users) = wish else { panic!("{wish:?}") };
        assert!(users.len() <= limits::LEFT_BEHIND_READS_AT_ONCE_MAX, "{}", users.len());
        assert_eq!(sweep.look(&table, now), None, "the next ones when those have come");
        read += users.len();
        let rows: Vec<User> = users.iter().map(|name| row(name)).collect();
        let ending = sweep.read(&table, backend, &rows);
        ended.extend(ending.into_iter().flat_map(|UserEnding { users, .. }| users));
    }
    assert_eq!((read, ended.len()), (10_000, 1_000));
    assert!(ended.iter().all(|name| name.ends_with('7')));
}

#[test]
fn c_move_10_sweeps_go_on_for_a_while_when_the_order_is_taken_back() {
    let (mut sweep, losing) = (Sweep::new(RULES.timeout), table(&rows()));
    let ended = table(&Rows { settings: Vec::new(), ..rows() });
    let at = |seconds| Tick(1_000).after(Duration::from_secs(seconds));
    let mut sweeps = |table: &Table, seconds| {
        let has_begun = sweep.look(table, at(seconds)).is_some();
        if has_begun {
            sweep.listed(BE1, BTreeSet::new());
        }
        assert_eq!(sweep.look(table, at(seconds)), None);
        has_begun
    };
    assert!(!sweeps(&ended, 0));
    assert!(sweeps(&losing, 5));
    assert!(!sweeps(&losing, 9) && sweeps(&losing, 10));
    assert!(sweeps(&ended, 15) && sweeps(&ended, 40) && !sweeps(&ended, 45));
    // What could not be listed is left to the next sweep.
    assert!(sweep.look(&losing, at(50)).is_some());
    sweep.failed();
    assert_eq!(sweep.look(&losing, at(54)), None);
    assert_eq!(sweep.look(&losing, at(55)), Some(SweepWish::List(BE1)));
}

#[test]
fn c_pin_2_sessions_of_users_who_are_pinned_or_no_more_end_until_they_have() {
    let pin = |user: &str, backend| {
        let reason = "admin: trial [uid=0@lb1 7]".into();
        Pin { user: user.into(), backend, until: None, reason }.row(DC1)
    };
    let mut rows = Rows { settings: vec![pin("alice", BE2)], ..rows() };
    let mut pinned = Pinned::default();
    pinned.look(&Table::default());
    pinned.look(&table(&rows));
    assert!(pinned.leaving().is_empty(), "they were when this proxy began");
    rows.settings = vec![pin("bob", BE1)];
    pinned.look(&table(&rows));
    assert_eq!(pinned.leaving(), ["alice".into(), "bob".into()]);
    pinned.ended("alice");
    pinned.look(&table(&rows));
    assert_eq!(pinned.leaving(), ["bob".into()], "a core was behind");
    rows.backends[0].status = BackendStatus::Offline;
    pinned.ended("bob");
    pinned.look(&table(&rows));
    assert_eq!(pinned.leaving(), ["bob".into()], "not followed any more");
}
