//! The SQLite engine on real files, with a second connection as "another process".

use std::path::PathBuf;

use tempfile::TempDir;

use super::lookup::{Answer, lookup};
use super::*;
use crate::route::decide::{Decision, Hop};
use crate::route::fault::RouteFault;
use crate::route::group::Placement;
use crate::route::problem::Complaint;
use crate::route::table::{Addresses, RouteSettings, Table};

mod files;

const DC1: Uuid = Uuid::from_u128(0xD1);
const BE1: Uuid = Uuid::from_u128(0xB1);
const BE2: Uuid = Uuid::from_u128(0xB2);
const NOW: UnixMillis = 1_700_000_000_000;

struct Place {
    _directory: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("geodb.sqlite");
        Self { _directory: directory, path }
    }

    fn location(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn open(&self) -> GeoDb {
        GeoDb::open(&self.location(), OpenMode::Existing).unwrap()
    }

    fn create(&self) -> GeoDb {
        GeoDb::open(&self.location(), OpenMode::Create).unwrap()
    }

    fn fails(&self) -> GeoDbError {
        GeoDb::open(&self.location(), OpenMode::Existing).unwrap_err()
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }
}

fn settings() -> RouteSettings {
    RouteSettings { local_site: "DC1".into(), default_group_count: 100, test_username: None }
}

fn table(geodb: &mut GeoDb) -> Table {
    let addresses: Addresses =
        (1_u8..=4).map(|n| (format!("be{n}").into(), vec![[10, 0, 0, n].into()])).collect();
    Table::build(&geodb.read_all("DC1").unwrap(), &addresses, &settings()).0
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

/// A site with two backends.
fn cluster(place: &Place) -> GeoDb {
    let mut geodb = place.create();
    let site = Site {
        id: DC1,
        name: "DC1".into(),
        tag: None,
        load_balancer: None,
        status: SiteStatus::Online,
    };
    assert!(geodb.insert_site(&site).unwrap());
    assert!(!geodb.insert_site(&site).unwrap(), "the id exists");
    assert!(geodb.insert_backend(&backend(BE1, "be1")).unwrap());
    assert!(geodb.insert_backend(&backend(BE2, "be2")).unwrap());
    geodb
}

fn set_status(geodb: &mut GeoDb, id: Uuid, status: BackendStatus) {
    let update =
        BackendUpdate { status: Some((status, "test".into())), ..BackendUpdate::default() };
    assert_eq!(geodb.update_backend(DC1, id, &update).unwrap(), Applied::Written);
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

#[test]
fn palomar_2_2_first_login_creates_user_and_group_and_a_failure_switches_once() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    let first = table(&mut geodb);
    let answer = lookup(&mut geodb, &first, "alice@example.com", NOW).unwrap();
    let user = geodb.read_user("alice@example.com").unwrap().unwrap();
    let group = geodb.read_group(DC1, "default-37").unwrap().unwrap();
    assert_eq!(
        (user.preferred_site_id, &*user.group_name, user.last_update),
        (Some(DC1), "default-37", Some(NOW))
    );
    assert_eq!(group.backend_id, Some(destination(&answer)));
    assert_eq!((answer.user.as_ref(), answer.group.as_ref()), (Some(&user), Some(&group)));
    let other = if group.backend_id == Some(BE1) { BE2 } else { BE1 };
    assert_eq!((group.alt_backend_id, group.is_moving()), (Some(other), false));

    set_status(&mut geodb, group.backend_id.unwrap(), BackendStatus::Offline);
    let second = table(&mut geodb);
    let answer = lookup(&mut geodb, &second, "alice@example.com", NOW + 1).unwrap();
    assert_eq!(destination(&answer), other);
    let switched = geodb.read_group(DC1, "default-37").unwrap().unwrap();
    assert_eq!((switched.backend_id, switched.alt_backend_id), (Some(other), None));
    assert_eq!(switched.refresh_after, Some(NOW + 1));
    // Another proxy with the same old table: its write is skipped, its user goes to the same place.
    let mut another = place.open();
    let answer = lookup(&mut another, &second, "alice@example.com", NOW + 2).unwrap();
    assert_eq!(destination(&answer), other);
    assert_eq!(another.read_group(DC1, "default-37").unwrap().unwrap(), switched);
}

#[test]
fn ge_07_of_two_assignments_the_first_stays_and_both_see_it() {
    let place = Place::new();
    let mut one = cluster(&place);
    let mut two = place.open();
    let assign = |group: &str| UserAssignment {
        username: "bob".into(),
        preferred_site_id: DC1,
        group_name: group.into(),
    };
    let first = one.assign_user(&assign("g1"), NOW).unwrap();
    let second = two.assign_user(&assign("g2"), NOW + 5).unwrap();
    assert_eq!((&*first.group_name, &first), ("g1", &second));
    place.sql("update users set group_name = null, metacache_last_host = 'be1'");
    let filled = two.assign_user(&assign("g2"), NOW + 9).unwrap();
    assert_eq!((&*filled.group_name, filled.last_update), ("g2", Some(NOW + 9)));
    assert_eq!(filled.metacache_last_host.as_deref(), Some("be1"));
    let create = |backend_id| GroupCreation {
        site_id: DC1,
        name: "g1".into(),
        backend_id,
        alt_backend_id: None,
    };
    let first = one.create_group(&create(BE1), NOW).unwrap();
    assert_eq!(two.create_group(&create(BE2), NOW + 5).unwrap(), first);
}

#[test]
fn ge_07_many_connections_at_once_agree_about_every_user() {
    let place = Place::new();
    drop(cluster(&place));
    let proxies = (0..6).map(|proxy| {
        let location = place.location();
        std::thread::spawn(move || {
            let mut geodb = GeoDb::open(&location, OpenMode::Create).unwrap();
            let table = table(&mut geodb);
            let look = |n: u32| {
                // Each proxy has its own idea, as if their settings differed.
                let assignment = UserAssignment {
                    username: format!("user{n}").into(),
                    preferred_site_id: DC1,
                    group_name: format!("g{}", (n + proxy) % 3).into(),
                };
                let user = geodb.assign_user(&assignment, NOW).unwrap();
                let answer = lookup(&mut geodb, &table, &user.username, NOW).unwrap();
                (user.group_name, destination(&answer))
            };
            (0..40).map(look).collect::<Vec<(Box<str>, Uuid)>>()
        })
    });
    let proxies: Vec<_> = proxies.collect();
    let seen: Vec<_> = proxies.into_iter().map(|proxy| proxy.join().unwrap()).collect();
    assert!(seen.iter().all(|homes| *homes == seen[0]));
}

#[test]
fn palomar_2_7_a_change_to_a_row_that_differs_by_now_is_skipped() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    let creation =
        GroupCreation { site_id: DC1, name: "g".into(), backend_id: BE1, alt_backend_id: None };
    let row = geodb.create_group(&creation, NOW).unwrap();
    let placement =
        Placement { backend_id: Some(BE2), alt_backend_id: Some(BE1), moving: "".into() };
    let change = GroupChange {
        site_id: DC1,
        name: "g".into(),
        expected: Placement::from(&row),
        placement,
        reason: crate::route::group::ChangeReason::SwitchToBest,
    };
    for column in [
        "moving = 'x'",
        "moving = null, backend_id = null",
        "alt_backend_id = 'y', backend_id = 'z'",
    ] {
        place.sql(&format!("update user_groups set {column}"));
        assert_eq!(geodb.apply(&change, NOW).unwrap(), Applied::Skipped, "{column}");
    }
    place.sql(&format!(
        "update user_groups set moving = null, alt_backend_id = null, backend_id = '{BE1}'"
    ));
    assert_eq!(geodb.apply(&change, NOW).unwrap(), Applied::Written);
    assert_eq!(geodb.apply(&change, NOW).unwrap(), Applied::Skipped, "once");
}

#[test]
fn palomar_2_2_step_5_a_user_move_is_finished_when_its_source_is_gone() {
    let place = Place::new();
    let mut geodb = cluster(&place);
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
        .unwrap();
    let row = User {
        username: "eve".into(),
        preferred_site_id: Some(DC1),
        group_name: "a".into(),
        moving_group_name: Some("b".into()),
        ..User::default()
    };
    assert_eq!(geodb.replace_user(None, &row, NOW).unwrap(), Applied::Written);
    assert_eq!(geodb.replace_user(None, &row, NOW).unwrap(), Applied::Skipped, "it exists");
    let waiting = table(&mut geodb);
    assert_eq!(destination(&lookup(&mut geodb, &waiting, "eve", NOW).unwrap()), BE1);
    set_status(&mut geodb, BE1, BackendStatus::Standby);
    let gone = table(&mut geodb);
    assert_eq!(destination(&lookup(&mut geodb, &gone, "eve", NOW).unwrap()), BE2);
    let moved = geodb.read_user("eve").unwrap().unwrap();
    assert_eq!((&*moved.group_name, moved.is_moving()), ("b", false));
}

#[test]
fn palomar_2_7_probes_do_not_undo_what_an_operator_did() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    let probe = BackendUpdate {
        status: Some((BackendStatus::Offline, "auto:proxy1:1:timeout".into())),
        expected_status: Some(BackendStatus::Online),
        ..BackendUpdate::default()
    };
    set_status(&mut geodb, BE1, BackendStatus::Standby);
    assert_eq!(geodb.update_backend(DC1, BE1, &probe).unwrap(), Applied::Skipped);
    assert_eq!(geodb.update_backend(DC1, BE2, &probe).unwrap(), Applied::Written);
    let rows = geodb.backends().unwrap();
    assert_eq!(
        (&rows[0].status, rows[0].status_reason.as_deref()),
        (&BackendStatus::Standby, Some("test"))
    );
    assert_eq!((&rows[1].status, rows[1].load_factor), (&BackendStatus::Offline, Some(100)));
}

#[test]
fn decision_7_other_processes_writes_are_noticed_at_once() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    let before = geodb.data_version().unwrap();
    assert_eq!(geodb.data_version().unwrap(), before);
    let mut another = place.open();
    assert!(another.delete_backend(DC1, BE1).unwrap());
    assert_ne!(geodb.data_version().unwrap(), before);
    assert_eq!(geodb.read_all("DC1").unwrap().backends.len(), 1);
}

#[test]
fn palomar_2_7_a_backend_newer_than_the_table_is_not_taken_for_dead() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    let old = table(&mut geodb);
    let be3 = Uuid::from_u128(0xB3);
    assert!(geodb.insert_backend(&backend(be3, "be3")).unwrap());
    let creation = GroupCreation {
        site_id: DC1,
        name: "default-37".into(),
        backend_id: be3,
        alt_backend_id: None,
    };
    geodb.create_group(&creation, NOW).unwrap();
    let answer = lookup(&mut geodb, &old, "alice@example.com", NOW).unwrap();
    assert_eq!(answer.decision, Decision::NeedTable);
    let new = table(&mut geodb);
    assert_eq!(destination(&lookup(&mut geodb, &new, "alice@example.com", NOW).unwrap()), be3);
}

#[test]
fn ge_08_unreadable_rows_are_reported_and_a_users_login_fails() {
    let place = Place::new();
    let mut geodb = cluster(&place);
    place.sql(&format!(
        "insert into sites (id, name, status) values ('no uuid', 'DC7', 'online');
         insert into backends (site_id, id, host, status) values ('{DC1}', '{}', 'be9', 'asleep');
         insert into backends (site_id, id) values ('{DC1}', '{}');
         insert into user_groups (site_id, name, backend_id) values ('{DC1}', 'g', 'elsewhere');
         insert into users (username, preferred_site_id) values ('mallory', 'X')",
        Uuid::from_u128(0xAB).to_string().to_uppercase(),
        Uuid::from_u128(0xAC),
    ));
    let rows = geodb.read_all("DC1").unwrap();
    let complaints: Vec<Complaint> =
        rows.unreadable.iter().map(|problem| problem.complaint.clone()).collect();
    assert_eq!(
        complaints,
        [Complaint::NotAUuid("id"), Complaint::NotAUuid("id"), Complaint::NotAUuid("backend_id")]
    );
    let (table, problems) = Table::build(&rows, &Addresses::new(), &settings());
    assert_eq!(table.backends().len(), 2);
    assert!(problems.iter().any(|problem| problem.complaint == Complaint::BadHost("".into())));
    let error = lookup(&mut geodb, &table, "mallory", NOW).unwrap_err();
    assert!(error.to_string().contains("users \"mallory X\": column preferred_site_id"), "{error}");
    let failed = lookup(&mut geodb, &Table::default(), "mallory", NOW).unwrap().decision;
    assert!(matches!(failed, Decision::Fail { fault: RouteFault::NoLocalSite, .. }));
}
