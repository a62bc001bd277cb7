//! Keyspace and tables: what `geodb init` makes, what is odd about those that others made, rows written by hand, copies.

use super::node::{place, session, shared, write};
use super::*;
use crate::config::{Cassandra as Settings, GeoDb as Location};
use crate::control::geodb::schema::{TABLES, TableSchema};
use crate::route::rows::GroupSiteStatus;

type Columns = Vec<(String, String, String, String, i32, String)>;

async fn columns(settings: &Settings) -> Columns {
    let text = "select table_name, column_name, type, kind, position, clustering_order \
                from system_schema.columns where keyspace_name = ?";
    let result = session(settings).await.query_unpaged(text, (&settings.keyspace,)).await.unwrap();
    let rows = result.into_rows_result().unwrap();
    let mut rows: Columns = rows.rows().unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

async fn keyspace(name: &str, copies: u8, tables: &str) -> Settings {
    let settings = shared().await.settings(name);
    let text = format!(
        "create keyspace {name} with replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {copies}}}"
    );
    write(&settings, &text).await;
    write(&settings, tables).await;
    settings
}

fn open(settings: &Settings) -> GeoDb {
    let geodb = GeoDb::open(&Location::Cassandra(Box::new(settings.clone())), OpenMode::Existing);
    geodb.unwrap().with_deadline(limits::GEODB_TABLE_TIMEOUT)
}

/// Palomar's ten statements, in the keyspace that tests write as `K`.
fn palomar() -> String {
    let text = include_str!("../../../../tests/cassandra/palomar.cql");
    text.replace("if not exists ", "if not exists K.")
}

#[tokio::test]
async fn c_geo_1_init_makes_what_palomars_ten_statements_make() {
    let ours = place("c_geo_1_ours").await;
    let geodb = ours.create().await;
    let made = geodb.init().await.unwrap();
    assert_eq!(made.len(), 11);
    assert!(made.iter().all(|made| !made.is_new), "{made:?}");
    assert_eq!(&*made[1].what, "table tags");
    let theirs = keyspace("c_geo_1_theirs", 1, &palomar()).await;
    let Location::Cassandra(settings) = ours.location() else { panic!() };
    let found = columns(&settings).await;
    assert_eq!(found.iter().map(|row| &row.0).collect::<std::collections::BTreeSet<_>>().len(), 10);
    assert_eq!(found, columns(&theirs).await);
    assert!(open(&theirs).read_all("DC1").await.unwrap().sites.is_empty());
}

#[tokio::test]
async fn ge_01_each_unfit_keyspace_gets_one_clear_line() {
    let says = |error: GeoDbError, text: &str| {
        let shown = error.to_string();
        assert!(shown.starts_with("cassandra 127.") && shown.contains(text), "{shown}");
        assert!(!shown.contains('\n') && !error.is_temporary(), "{shown}");
    };
    let fails = async |settings: &Settings| open(settings).read_user("alice").await.unwrap_err();
    let missing = shared().await.settings("nowhere");
    says(fails(&missing).await, "the keyspace nowhere does not exist; run: hale geodb init");
    let elsewhere = Settings { dc: Some("dc9".into()), ..missing };
    says(fails(&elsewhere).await, "no node is in the data centre \"dc9\"");
    let empty = keyspace("ge_01_empty", 1, "").await;
    says(fails(&empty).await, "has no table tags; run: hale geodb init");
    let narrow = palomar().replace("load_factor int,", "");
    let narrow = keyspace("ge_01_narrow", 1, &narrow).await;
    says(fails(&narrow).await, "table backends has no column load_factor");
    let other = palomar().replace("load_factor int,", "load_factor text,");
    let other = keyspace("ge_01_other", 1, &other).await;
    says(fails(&other).await, "table backends, column load_factor: its type is text, not int");
    let geodb = GeoDb::open(&Location::Cassandra(Box::new(other)), OpenMode::Create).unwrap();
    let geodb = geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    says(geodb.init().await.unwrap_err(), "column load_factor: its type is text");
    let key = palomar().replace("primary key ((site_id), name)", "primary key ((site_id, name))");
    let key = keyspace("ge_01_key", 1, &key).await;
    says(fails(&key).await, "table user_groups: the primary key is another one");
}

#[tokio::test]
async fn too_many_replicas_are_told_and_reads_do_with_one() {
    let settings = keyspace("too_many_replicas", 3, &palomar()).await;
    let geodb = open(&settings);
    let mut remarks = geodb.remarks().unwrap();
    assert!(geodb.read_user("alice").await.unwrap().is_none(), "LOCAL_ONE will do");
    let remark = remarks.recv().await.unwrap();
    assert!(remark.contains("has 3 replicas in dc1, which has 1 nodes"), "{remark}");
    let error =
        geodb.replace_user(None, &User { username: "a".into(), ..User::default() }, NOW).await;
    let error = error.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(
        error.to_string().contains("too few replicas are up: 2 are needed, 1 are there"),
        "{error}"
    );
}

#[tokio::test]
async fn ge_08_rows_written_by_hand_are_understood_and_bad_ones_are_told() {
    let place = place("ge_08_by_hand").await;
    let geodb = cluster(&place).await;
    let (dc2, be9) = (Uuid::from_u128(0xD2), Uuid::from_u128(0xB9));
    let Location::Cassandra(settings) = place.location() else { panic!() };
    let text = format!(
        "insert into K.sites (id, name, tag, status) values ({dc2}, 'DC2', blob_as_uuid(0x), 'asleep');
         insert into K.backends (site_id, id, load_factor) values ({DC1}, {be9}, -1);
         insert into K.user_groups (site_id, name, backend_id, sticky_users, refresh_after) values ({DC1}, 'g', {BE1}, 1, 1700000000000);
         insert into K.user_groups (site_id, name, backend_id) values ({DC1}, 'h', blob_as_uuid(0x));
         insert into K.group_sites (group_name, site_id, status) values ('g', {DC1}, 'failover');
         insert into K.site_reachability (src_site_id, dest_site_id, reachable) values ({DC1}, {dc2}, 1);
         insert into K.users (username, preferred_site_id, group_name, last_update) values ('bob', {DC1}, 'g', '2026-11-27 00:00:00+0000');
         insert into K.users (username, preferred_site_id) values ('mallory', blob_as_uuid(0x))"
    );
    write(&settings, &text).await;
    let rows = geodb.read_all("DC1").await.unwrap();
    let complaints: Vec<(&str, &str)> =
        rows.unreadable.iter().map(|problem| (problem.table, &*problem.row)).collect();
    let (site, group) = (dc2.to_string(), format!("{DC1} h"));
    assert_eq!(complaints, [("sites", site.as_str()), ("user_groups", group.as_str())]);
    assert_eq!(
        rows.backends.iter().find(|backend| backend.id == be9).unwrap().load_factor,
        Some(-1)
    );
    let [group] = &rows.user_groups[..] else { panic!() };
    assert!(group.sticky_users && !group.sticky_backend && !group.is_moving());
    assert_eq!((group.refresh_after, group.alt_backend_id), (Some(1_700_000_000_000), None));
    assert_eq!(rows.group_sites[0].status, GroupSiteStatus::Failover);
    assert_eq!(rows.site_reachability[0].reachable, Some(1));
    let bob = geodb.read_user("bob").await.unwrap().unwrap();
    assert_eq!(bob.last_update, Some(1_795_737_600_000));
    let error = geodb.read_user("mallory").await.unwrap_err();
    assert!(error.to_string().contains("users \"mallory\": column preferred_site_id"), "{error}");
    assert!(geodb.read_user("").await.unwrap().is_none(), "Cassandra refuses an empty key");
}

#[tokio::test]
async fn palomar_1_1_a_row_from_the_future_is_told_once_and_written_over_all_the_same() {
    let place = place("palomar_1_1_future").await;
    let geodb = cluster(&place).await;
    let mut remarks = geodb.remarks().unwrap();
    let Location::Cassandra(settings) = place.location() else { panic!() };
    // In the year 2106.
    let text = format!(
        "insert into K.user_groups (site_id, name, backend_id) values ({DC1}, 'g', {BE1}) using timestamp 4300000000000000"
    );
    write(&settings, &text).await;
    for _ in 0..3 {
        assert!(geodb.read_group(DC1, "g").await.unwrap().is_some());
    }
    assert!(
        geodb.condition().contains(&("skewed_rows", "3".to_owned())),
        "{:?}",
        geodb.condition()
    );
    assert!(remarks.recv().await.unwrap().contains("a row of user_groups was written"));
    assert!(remarks.is_empty(), "once");
    let row = geodb.read_group(DC1, "g").await.unwrap().unwrap();
    let placement = Placement { backend_id: Some(BE2), ..Placement::default() };
    let change = GroupChange::of(&row, placement, crate::route::change::ChangeReason::SwitchToBest);
    assert_eq!(geodb.apply(&change, NOW).await.unwrap(), Applied::Written);
    let row = place.open().read_group(DC1, "g").await.unwrap().unwrap();
    assert_eq!(row.backend_id, Some(BE2));
}

#[tokio::test]
async fn a_copy_there_and_back_is_the_same_and_pages_are_no_limit() {
    let (from, through, to) = (Place::new(), place("a_copy").await, Place::new());
    let first = cluster(&from).await;
    first
        .assign_user(
            &UserAssignment {
                username: "bob".into(),
                preferred_site_id: DC1,
                group_name: "g1".into(),
            },
            None,
            NOW,
        )
        .await
        .unwrap();
    let creations: Vec<GroupCreation> = (0..2_500)
        .map(|n| GroupCreation {
            site_id: DC1,
            name: format!("g{n}").into(),
            backend_id: BE1,
            alt_backend_id: None,
        })
        .collect();
    first.init_groups(DC1, &creations, false, NOW).await.unwrap();
    let (second, third) = (through.create().await, to.create().await);
    for table in &TABLES {
        for _ in 0..2 {
            second.load(table, &first.dump(table).await.unwrap().rows).await.unwrap();
        }
        third.load(table, &second.dump(table).await.unwrap().rows).await.unwrap();
        let dump = first.dump(table).await.unwrap();
        assert_eq!(third.dump(table).await.unwrap(), dump, "{}", table.name);
        assert_eq!(second.count(table).await.unwrap(), i64::try_from(dump.rows.len()).unwrap());
    }
    assert_eq!(second.read_groups(DC1).await.unwrap().rows.len(), 2_500);
    assert_eq!(second.read_all("DC1").await.unwrap().user_groups.len(), 2_500);
    let users = TableSchema::by_name("users").unwrap();
    let error =
        second.load(users, &[vec![Some("x".into()), Some("no id".into())]]).await.unwrap_err();
    assert!(
        error.to_string().contains("column preferred_site_id: \"no id\" is no uuid"),
        "{error}"
    );
    // `site init --update`: all groups anew, and users without one.
    let few = &creations[..3];
    assert_eq!(second.init_groups(DC1, few, true, NOW + 1).await.unwrap(), 3);
    assert_eq!(second.groups(DC1).await.unwrap().len(), 3);
    assert_eq!(&*second.read_user("bob").await.unwrap().unwrap().group_name, "");
}

#[tokio::test]
async fn ge_01_a_running_hale_makes_the_tables_and_goes_on_without_a_restart() {
    let place = place("ge_01_late").await;
    let geodb = place.open();
    let error = geodb.read_all("DC1").await.unwrap_err();
    assert!(error.to_string().contains("does not exist; run: hale geodb init"), "{error}");
    let made = geodb.init().await.unwrap();
    assert!(made.iter().all(|made| made.is_new), "{made:?}");
    assert_eq!(&*made[0].what, "keyspace ge_01_late (1 replicas in dc1)");
    let seen = async {
        while geodb.read_all("DC1").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await.unwrap();
}
