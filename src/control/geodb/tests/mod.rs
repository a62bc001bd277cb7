//! The engines side by side, SQLite on real files and Cassandra on a real node, with a second connection as "another process".

use std::time::Duration;

use uuid::Uuid;

use super::lookup::{Answer, Search, look_up};
use super::*;
use crate::config::GeoDb as Location;
use crate::limits;
use crate::route::change::{GroupChange, GroupCreation, Placement};
use crate::route::decide::{Decision, Hop, UserAssignment};
use crate::route::fault::RouteFault;
use crate::route::problem::Complaint;
use crate::route::rows::{Backend, BackendStatus, Site, SiteStatus, User};
use crate::route::table::{Addresses, RouteSettings, Table};
use place::{Place, Where, on_each_engine};

mod cluster_state;
mod faults_on_cassandra;
mod files;
mod leaving;
mod misbehaving;
mod misbehaviour_on_cassandra;
pub(in crate::control) mod node;
mod orders;
mod place;
mod schema_on_cassandra;
mod secured_on_cassandra;
mod three_nodes_on_cassandra;

const DC1: Uuid = Uuid::from_u128(0xD1);
const BE1: Uuid = Uuid::from_u128(0xB1);
const BE2: Uuid = Uuid::from_u128(0xB2);
const NOW: UnixMillis = 1_700_000_000_000;

fn settings() -> RouteSettings {
    RouteSettings { local_site: "DC1".into(), default_group_count: 100, ..RouteSettings::default() }
}

async fn table(geodb: &GeoDb) -> Table {
    let addresses: Addresses =
        (1_u8..=4).map(|n| (format!("be{n}").into(), vec![[10, 0, 0, n].into()])).collect();
    Table::build(&geodb.read_all("DC1").await.unwrap(), &addresses, &settings()).0
}

fn backend(id: Uuid, host: &str) -> Backend {
    Backend {
        site_id: DC1,
        id,
        load_factor: Some(100),
        host: host.into(),
        status: BackendStatus::Online,
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    }
}

on_each_engine! {
    c_route_1_first_login_creates_user_and_group_and_a_failure_switches_once
    ge_07_of_two_assignments_the_first_stays_and_both_see_it
    ge_07_many_connections_at_once_agree_about_every_user
    c_geo_2_a_change_to_a_row_that_differs_by_now_is_skipped
    c_move_3_a_user_move_is_finished_when_its_source_is_gone
    c_geo_2_probes_do_not_undo_what_an_operator_did
    c_geo_2_a_backend_newer_than_the_table_is_not_taken_for_dead
}

/// A site with two backends.
async fn cluster(place: &Place) -> GeoDb {
    let geodb = place.create().await;
    let site = Site {
        id: DC1,
        name: "DC1".into(),
        tag: None,
        load_balancer: None,
        status: SiteStatus::Online,
    };
    assert!(geodb.insert_site(&site).await.unwrap());
    assert!(!geodb.insert_site(&site).await.unwrap(), "the id exists");
    assert!(geodb.insert_backend(&backend(BE1, "be1")).await.unwrap());
    assert!(geodb.insert_backend(&backend(BE2, "be2")).await.unwrap());
    geodb
}

async fn set_status(geodb: &GeoDb, id: Uuid, status: BackendStatus) {
    let update =
        BackendUpdate { status: Some((status, "test".into())), ..BackendUpdate::default() };
    assert_eq!(geodb.update_backend(DC1, id, &update).await.unwrap(), Applied::Written);
}

fn destination(answer: &Answer) -> Uuid {
    match &answer.decision {
        Decision::Go { destination, .. } => match destination.hop {
            Hop::Backend(id) => id,
            Hop::Site(id) => panic!("site {id}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn c_route_1_first_login_creates_user_and_group_and_a_failure_switches_once(place: &Place) {
    let geodb = cluster(place).await;
    let first = table(&geodb).await;
    let answer = look_up(&geodb, &first, &Search::of("alice@example.com", NOW)).await.unwrap();
    let user = geodb.read_user("alice@example.com").await.unwrap().unwrap();
    let group = geodb.read_group(DC1, "default-37").await.unwrap().unwrap();
    assert_eq!(
        (user.preferred_site_id, &*user.group_name, user.last_update),
        (Some(DC1), "default-37", Some(NOW))
    );
    assert_eq!(group.backend_id, Some(destination(&answer)));
    assert_eq!((answer.user.as_ref(), answer.group.as_ref()), (Some(&user), Some(&group)));
    let other = if group.backend_id == Some(BE1) { BE2 } else { BE1 };
    assert_eq!((group.alt_backend_id, group.is_moving()), (Some(other), false));

    set_status(&geodb, group.backend_id.unwrap(), BackendStatus::Offline).await;
    let second = table(&geodb).await;
    let answer = look_up(&geodb, &second, &Search::of("alice@example.com", NOW + 1)).await.unwrap();
    assert_eq!(destination(&answer), other);
    let switched = geodb.read_group(DC1, "default-37").await.unwrap().unwrap();
    assert_eq!((switched.backend_id, switched.alt_backend_id), (Some(other), None));
    assert_eq!(switched.refresh_after, Some(NOW + 1));
    // Another proxy with the same old table: its write is skipped, its user goes to the same place.
    let another = place.open();
    let answer =
        look_up(&another, &second, &Search::of("alice@example.com", NOW + 2)).await.unwrap();
    assert_eq!(destination(&answer), other);
    assert_eq!(another.read_group(DC1, "default-37").await.unwrap().unwrap(), switched);
}

async fn ge_07_of_two_assignments_the_first_stays_and_both_see_it(place: &Place) {
    let one = cluster(place).await;
    let two = place.open();
    let assign = |group: &str| UserAssignment {
        username: "bob".into(),
        preferred_site_id: DC1,
        group_name: group.into(),
    };
    let first = one.assign_user(&assign("g1"), None, NOW).await.unwrap();
    let former = two.read_user("bob").await.unwrap();
    let second = two.assign_user(&assign("g2"), former.as_ref(), NOW + 5).await.unwrap();
    assert_eq!((&*first.group_name, &first), ("g1", &second));
    place
        .write(
            "update users set group_name = null, metacache_last_host = 'be1'",
            "update K.users set group_name = null, metacache_last_host = 'be1' where username = 'bob'",
        )
        .await;
    let former = two.read_user("bob").await.unwrap();
    let filled = two.assign_user(&assign("g2"), former.as_ref(), NOW + 9).await.unwrap();
    assert_eq!((&*filled.group_name, filled.last_update), ("g2", Some(NOW + 9)));
    assert_eq!(filled.metacache_last_host.as_deref(), Some("be1"));
    let create = |backend_id| GroupCreation {
        site_id: DC1,
        name: "g1".into(),
        backend_id,
        alt_backend_id: None,
    };
    let first = one.create_group(&create(BE1), NOW).await.unwrap();
    assert_eq!(two.create_group(&create(BE2), NOW + 5).await.unwrap(), first);
}

async fn ge_07_many_connections_at_once_agree_about_every_user(place: &Place) {
    cluster(place).await.close().await;
    let is_transactional = matches!(place.0, Where::Sqlite { .. });
    let mut proxies = tokio::task::JoinSet::new();
    for proxy in 0..6_u32 {
        let geodb = place.open();
        proxies.spawn(async move {
            let table = table(&geodb).await;
            let mut homes = Vec::new();
            for n in 0..40_u32 {
                // Each proxy has its own idea, as if their settings differed. Without transactions only the
                // decision's being the same keeps them together.
                let idea = if is_transactional { n + proxy } else { n };
                let assignment = UserAssignment {
                    username: format!("user{n}").into(),
                    preferred_site_id: DC1,
                    group_name: format!("g{}", idea % 3).into(),
                };
                let user = geodb.assign_user(&assignment, None, NOW).await.unwrap();
                let answer =
                    look_up(&geodb, &table, &Search::of(&user.username, NOW)).await.unwrap();
                homes.push((user.group_name, destination(&answer)));
            }
            homes
        });
    }
    let seen = proxies.join_all().await;
    assert!(seen.iter().all(|homes| *homes == seen[0]));
}

async fn c_geo_2_a_change_to_a_row_that_differs_by_now_is_skipped(place: &Place) {
    let geodb = cluster(place).await;
    let creation =
        GroupCreation { site_id: DC1, name: "g".into(), backend_id: BE1, alt_backend_id: None };
    let row = geodb.create_group(&creation, NOW).await.unwrap();
    let placement =
        Placement { backend_id: Some(BE2), alt_backend_id: Some(BE1), moving: "".into() };
    let change = GroupChange::of(&row, placement, crate::route::change::ChangeReason::SwitchToBest);
    let by_key = format!("where site_id = {DC1} and name = 'g'");
    for column in ["moving = 'x'", "moving = null, backend_id = null"] {
        place
            .write(
                &format!("update user_groups set {column}"),
                &format!("update K.user_groups set {column} {by_key}"),
            )
            .await;
        assert_eq!(geodb.apply(&change, NOW).await.unwrap(), Applied::Skipped, "{column}");
    }
    place
        .write(
            &format!("update user_groups set moving = null, alt_backend_id = null, backend_id = '{BE1}'"),
            &format!("update K.user_groups set moving = null, alt_backend_id = null, backend_id = {BE1} {by_key}"),
        )
        .await;
    assert_eq!(geodb.apply(&change, NOW).await.unwrap(), Applied::Written);
    assert_eq!(geodb.apply(&change, NOW).await.unwrap(), Applied::Skipped, "once");
}

async fn c_move_3_a_user_move_is_finished_when_its_source_is_gone(place: &Place) {
    let geodb = cluster(place).await;
    geodb
        .create_group(
            &GroupCreation {
                site_id: DC1,
                name: "a".into(),
                backend_id: BE1,
                alt_backend_id: None,
            },
            NOW,
        )
        .await
        .unwrap();
    geodb
        .create_group(
            &GroupCreation {
                site_id: DC1,
                name: "b".into(),
                backend_id: BE2,
                alt_backend_id: None,
            },
            NOW,
        )
        .await
        .unwrap();
    let row = User {
        username: "eve".into(),
        preferred_site_id: Some(DC1),
        group_name: "a".into(),
        moving_group_name: Some("b".into()),
        ..User::default()
    };
    assert_eq!(geodb.replace_user(None, &row, NOW).await.unwrap(), Applied::Written);
    assert_eq!(geodb.replace_user(None, &row, NOW).await.unwrap(), Applied::Skipped, "it exists");
    let waiting = table(&geodb).await;
    assert_eq!(
        destination(&look_up(&geodb, &waiting, &Search::of("eve", NOW)).await.unwrap()),
        BE1
    );
    set_status(&geodb, BE1, BackendStatus::Standby).await;
    let gone = table(&geodb).await;
    assert_eq!(destination(&look_up(&geodb, &gone, &Search::of("eve", NOW)).await.unwrap()), BE2);
    let moved = geodb.read_user("eve").await.unwrap().unwrap();
    assert_eq!((&*moved.group_name, moved.is_moving()), ("b", false));
}

async fn c_geo_2_probes_do_not_undo_what_an_operator_did(place: &Place) {
    let geodb = cluster(place).await;
    let probe = BackendUpdate {
        status: Some((BackendStatus::Offline, "auto:proxy1:1:timeout".into())),
        expected_status: Some(BackendStatus::Online),
        ..BackendUpdate::default()
    };
    let other = BackendUpdate { expected_reason: Some("admin".into()), ..probe.clone() };
    assert_eq!(geodb.update_backend(DC1, BE2, &other).await.unwrap(), Applied::Skipped);
    let same = BackendUpdate {
        status: None,
        load_factor: Some(50),
        expected_reason: Some("".into()),
        ..other
    };
    assert_eq!(geodb.update_backend(DC1, BE2, &same).await.unwrap(), Applied::Written);
    assert_eq!(geodb.read_backend(DC1, BE2).await.unwrap().unwrap().load_factor, Some(50));
    assert_eq!(geodb.read_backend(DC1, DC1).await.unwrap(), None);
    set_status(&geodb, BE1, BackendStatus::Standby).await;
    assert_eq!(geodb.update_backend(DC1, BE1, &probe).await.unwrap(), Applied::Skipped);
    assert_eq!(geodb.update_backend(DC1, BE2, &probe).await.unwrap(), Applied::Written);
    let rows = geodb.backends().await.unwrap();
    assert_eq!(
        (&rows[0].status, rows[0].status_reason.as_deref()),
        (&BackendStatus::Standby, Some("test"))
    );
    assert_eq!((&rows[1].status, rows[1].load_factor), (&BackendStatus::Offline, Some(50)));
}

#[tokio::test]
async fn c_geo_1_other_processes_writes_are_noticed_at_once() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    let mut changes = Changes::of(&geodb);
    assert!(changes.look().await.unwrap().is_empty(), "it begins here");
    assert!(geodb.delete_backend(DC1, BE2).await.unwrap());
    assert!(changes.look().await.unwrap().is_empty(), "our own writes are no news");
    let another = place.open();
    assert!(another.delete_backend(DC1, BE1).await.unwrap());
    let news = changes.look().await.unwrap();
    assert_eq!(news, News { tables: true, users: ChangedUsers::All });
    assert!(changes.look().await.unwrap().is_empty(), "told once");
    assert_eq!(geodb.read_all("DC1").await.unwrap().backends.len(), 0);
}

#[tokio::test]
async fn changes_that_commands_of_this_process_announce_are_noticed_and_wake() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    let mut changes = Changes::of(&geodb);
    let mut others = Changes::of(&geodb.clone());
    geodb.announce(Changed::Nothing);
    assert!(is_pending(changes.announcement()).await);
    geodb.announce(Changed::Tables);
    changes.announcement().await;
    geodb.gate().fail("stamp", 1);
    assert!(changes.look().await.is_err(), "the GeoDB is away");
    let tables = News { tables: true, users: ChangedUsers::default() };
    assert_eq!(changes.look().await.unwrap(), tables, "not lost by that");
    assert!(is_pending(changes.announcement()).await);
    geodb.announce(Changed::User("alice".into()));
    geodb.announce(Changed::User("bob".into()));
    let users = ChangedUsers::These(["alice".into(), "bob".into()].into());
    assert_eq!(changes.look().await.unwrap(), News { tables: false, users: users.clone() });
    assert!(changes.look().await.unwrap().is_empty());
    let both = News { tables: true, users };
    assert_eq!(others.look().await.unwrap(), both, "each reader has its own view");
    for n in 0..=limits::GEODB_NEWS_MAX {
        geodb.announce(Changed::User(format!("user{n}").into()));
    }
    let everything = News { tables: true, users: ChangedUsers::All };
    assert_eq!(changes.look().await.unwrap(), everything, "more than can be kept");
}

async fn is_pending(work: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(Duration::ZERO, work).await.is_err()
}

#[tokio::test]
async fn one_call_that_hangs_holds_up_no_other_and_ends_at_its_deadline() {
    let place = Place::new();
    let geodb = cluster(&place).await.with_deadline(Duration::from_millis(50));
    geodb.gate().hold("read_all");
    let held = geodb.read_all("DC1");
    let others = async {
        // More than the engine has threads for, all under way at once.
        let users: Vec<String> = (0..100).map(|n| format!("user{n}")).collect();
        let mut reads = tokio::task::JoinSet::new();
        for user in users {
            let geodb = geodb.with_deadline(Duration::from_secs(60));
            reads.spawn(async move { geodb.read_user(&user).await.unwrap() });
        }
        reads.join_all().await.len()
    };
    let (held, others) = tokio::join!(held, others);
    assert!(matches!(held, Err(GeoDbError::Timeout { .. })), "{held:?}");
    assert_eq!((others, geodb.gate().seen("read_user")), (100, 100));
    geodb.gate().open("read_all");
    assert_eq!(geodb.read_all("DC1").await.unwrap().backends.len(), 2);
}

#[tokio::test]
async fn a_locked_file_delays_writes_and_no_login_of_a_known_user() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    let locker = rusqlite::Connection::open(place.path()).unwrap();
    locker.execute_batch("begin immediate").unwrap();
    let unlocked = std::cell::Cell::new(false);
    let write = async {
        loop {
            match geodb.delete_backend(DC1, BE1).await {
                // On a slow machine it gives up before the lock is gone.
                Err(error) if error.is_temporary() && !unlocked.get() => {}
                deleted => {
                    assert!(unlocked.get(), "the lock held it up: {deleted:?}");
                    break deleted.unwrap();
                }
            }
        }
    };
    let reads = async {
        for n in 0..50 {
            assert!(geodb.read_user(&format!("user{n}")).await.unwrap().is_none());
        }
        assert_eq!(geodb.read_all("DC1").await.unwrap().backends.len(), 2);
        unlocked.set(true);
        locker.execute_batch("rollback").unwrap();
    };
    let (deleted, ()) = tokio::join!(write, reads);
    assert!(deleted);
}

#[tokio::test]
async fn what_is_asked_of_a_closed_geodb_fails_and_nothing_is_left_beside_the_file() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    let clone = geodb.clone();
    geodb.close().await;
    let names = std::fs::read_dir(place.path().parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1, "neither -wal nor -shm, which could belong to another user");
    let error = clone.read_user("alice").await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("closed"), "{error}");
    geodb.close().await;
}

async fn c_geo_2_a_backend_newer_than_the_table_is_not_taken_for_dead(place: &Place) {
    let geodb = cluster(place).await;
    let old = table(&geodb).await;
    let be3 = Uuid::from_u128(0xB3);
    assert!(geodb.insert_backend(&backend(be3, "be3")).await.unwrap());
    let creation = GroupCreation {
        site_id: DC1,
        name: "default-37".into(),
        backend_id: be3,
        alt_backend_id: None,
    };
    geodb.create_group(&creation, NOW).await.unwrap();
    let answer = look_up(&geodb, &old, &Search::of("alice@example.com", NOW)).await.unwrap();
    assert_eq!(answer.decision, Decision::NeedTable);
    let new = table(&geodb).await;
    assert_eq!(
        destination(&look_up(&geodb, &new, &Search::of("alice@example.com", NOW)).await.unwrap()),
        be3
    );
}

#[tokio::test]
async fn ge_08_unreadable_rows_are_reported_and_a_users_login_fails() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    place.sql(&format!(
        "insert into sites (id, name, status) values ('no uuid', 'DC7', 'online');
         insert into backends (site_id, id, host, status) values ('{DC1}', '{}', 'be9', 'asleep');
         insert into backends (site_id, id) values ('{DC1}', '{}');
         insert into user_groups (site_id, name, backend_id) values ('{DC1}', 'g', 'elsewhere');
         insert into users (username, preferred_site_id) values ('mallory', 'X')",
        Uuid::from_u128(0xAB).to_string().to_uppercase(),
        Uuid::from_u128(0xAC),
    ));
    let rows = geodb.read_all("DC1").await.unwrap();
    let complaints: Vec<Complaint> =
        rows.unreadable.iter().map(|problem| problem.complaint.clone()).collect();
    assert_eq!(
        complaints,
        [Complaint::NotAUuid("id"), Complaint::NotAUuid("id"), Complaint::NotAUuid("backend_id")]
    );
    let (table, problems) = Table::build(&rows, &Addresses::new(), &settings());
    assert_eq!(table.backends().len(), 2);
    assert!(problems.iter().any(|problem| problem.complaint == Complaint::BadHost("".into())));
    let error = look_up(&geodb, &table, &Search::of("mallory", NOW)).await.unwrap_err();
    assert!(error.to_string().contains("users \"mallory X\": column preferred_site_id"), "{error}");
    let failed =
        look_up(&geodb, &Table::default(), &Search::of("mallory", NOW)).await.unwrap().decision;
    assert!(matches!(failed, Decision::Fail { fault: RouteFault::NoLocalSite, .. }));
}
