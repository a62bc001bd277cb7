//! The file itself: missing, damaged, locked, large.

use super::*;
use crate::control::cluster::copy_here;
use crate::control::geodb::schema::{TABLES, TableSchema};

#[tokio::test]
async fn ge_11_each_unusable_file_gets_one_clear_line() {
    let place = Place::new();
    let path = place.path().display().to_string();
    let says = |error: GeoDbError, text: &str| {
        let shown = error.to_string();
        assert!(
            shown.starts_with(&path) && shown.contains(text) && !shown.contains('\n'),
            "{shown}"
        );
        assert!(!error.is_temporary());
    };
    says(place.fails(), "does not exist; run: hale geodb init");
    std::fs::write(place.path(), "").unwrap();
    says(place.fails(), "has no table tags; run: hale geodb init");
    std::fs::write(place.path(), "this is no database, ".repeat(1000)).unwrap();
    says(place.fails(), "is no SQLite database or damaged");
    std::fs::remove_file(place.path()).unwrap();
    place.create().await.close().await;
    place.sql("alter table backends drop column load_factor");
    says(place.fails(), "table backends has no column load_factor");
    place.sql("drop table backends; pragma user_version = 2");
    says(place.fails(), "has schema version 2, this Hale knows up to 1");
    let nowhere =
        GeoDb::open(&Location::Sqlite("/proc/nowhere/geodb.sqlite".into()), OpenMode::Create)
            .unwrap_err();
    assert!(nowhere.to_string().contains("check that its directory exists"), "{nowhere}");
}

#[tokio::test]
async fn ge_11_a_locked_file_is_temporary() {
    let place = Place::new();
    let geodb = cluster(&place).await.with_deadline(Duration::from_secs(60));
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    assert_eq!(geodb.read_all("DC1").await.unwrap().backends.len(), 2, "readers do not wait");
    let error = geodb.delete_site(DC1).await.unwrap_err();
    assert!(matches!(error, GeoDbError::Unavailable { .. }) && error.is_temporary(), "{error}");
    other.execute_batch("rollback").unwrap();
    assert!(geodb.delete_site(DC1).await.unwrap());
}

#[tokio::test]
async fn init_tells_what_it_made_and_what_was_there() {
    let place = Place::new();
    let made = async || {
        let geodb = GeoDb::open(&place.location(), OpenMode::Create).unwrap();
        let made = geodb.init().await.unwrap();
        assert_eq!(made.len(), TABLES.len());
        made.into_iter().filter(|table| table.is_new).map(|table| table.what).collect::<Vec<_>>()
    };
    assert_eq!(made().await.len(), TABLES.len());
    assert!(made().await.is_empty());
    place.sql("drop table users");
    assert_eq!(made().await, ["table users".into()]);
}

#[tokio::test]
async fn init_is_idempotent_and_makes_palomars_ten_tables() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    geodb.init().await.unwrap();
    drop(place.create().await);
    assert_eq!(geodb.sites().await.unwrap().len(), 1);
    for table in &TABLES {
        let dump = geodb.dump(table).await.unwrap();
        assert_eq!(dump.columns.len(), table.columns.len());
    }
    let dump = geodb.dump(TableSchema::by_name("sites").unwrap()).await.unwrap();
    let id = DC1.to_string();
    assert_eq!(dump.rows, [[Some(id), Some("DC1".into()), None, None, Some("online".into())]]);
}

#[tokio::test]
async fn ge_09_a_hundred_thousand_users_are_found_and_ten_thousand_groups_read_quickly() {
    let place = Place::new();
    let geodb = cluster(&place).await;
    place.sql(&format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
         insert into users (username, preferred_site_id, group_name) select 'user' || i, '{DC1}', 'g' from n;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
         insert into user_groups (site_id, name, backend_id) select '{DC1}', 'g' || i, '{BE1}' from n"
    ));
    assert_eq!(geodb.read_all("DC1").await.unwrap().user_groups.len(), 10_000);
    assert!(geodb.read_user("user99999").await.unwrap().is_some());
    assert!(geodb.read_user("user100001").await.unwrap().is_none());
}

#[tokio::test]
async fn k_core_4_the_geodb_and_tables_are_shared_and_a_call_may_move_to_another_thread() {
    fn is_shared<T: Send + Sync>() {}
    fn moves<T: Send>(_: &T) {}
    is_shared::<GeoDb>();
    is_shared::<Table>();
    let place = Place::new();
    let geodb = place.create().await;
    moves(&geodb.read_user("alice"));
}

#[test]
fn a_copy_says_for_each_table_how_many_rows_there_are() {
    let (from, to) = (Place::new(), Place::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { cluster(&from).await.close().await });
    for _ in 0..2 {
        let output = copy_here(&from.location(), &to.location()).unwrap();
        let row = |table: &str| {
            let row = output.rows.iter().find(|row| row[0].as_deref() == Some(table)).unwrap();
            (row[1].clone().unwrap(), row[2].clone().unwrap())
        };
        assert_eq!(output.rows.len(), 10);
        assert_eq!(row("backends"), ("2".into(), "2".into()));
        assert_eq!(row("users"), ("0".into(), "0".into()));
    }
    let error = copy_here(&from.location(), &from.location()).unwrap_err();
    assert!(error.to_string().contains("are the same GeoDB"), "{error}");
    let nowhere = Place::new();
    let error = copy_here(&nowhere.location(), &to.location()).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}
