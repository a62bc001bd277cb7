//! `hale cluster localdb`: the file alone, and the LocalDB of a Hale that runs.

use std::sync::Arc;

use tokio::task::LocalSet;

use super::*;
use crate::control::cluster::{Local, run_localdb};
use crate::control::localdb::{LocalDb, Tables};
use crate::ring::clock;
use crate::ring::wake::Waker;
use crate::route::chunks::Chunks;
use crate::route::rows::User;
use crate::share::mailbox::Mailbox;
use crate::share::users::Users;

impl Desk {
    /// A Hale ran here, and knew all users and groups of DC1.
    pub(super) async fn keep_all(&self) {
        let (local, users) = self.running();
        let rows = self.geodb.read_all("DC1").await.unwrap();
        let places = self.geodb.read_places().await.unwrap();
        let groups = Chunks::of(rows.user_groups);
        local.tables_changed(Tables { places, groups, ..Tables::default() });
        for row in self.geodb.users().await.unwrap() {
            local.user_changed(&row.username);
            users.remember(row, clock::now());
        }
        local.close().await;
    }

    fn running(&self) -> (LocalDb, Users) {
        let log = Arc::new(Mailbox::new(1000, Waker::new().unwrap()));
        let users = Users::default();
        (LocalDb::start(self.local.clone(), users.clone(), log).unwrap(), users)
    }
}

async fn desk() -> Desk {
    let desk = Desk::cluster().await;
    for line in [
        "group move --direct DC1 vip be1",
        "group move --direct DC1 spare be2",
        "user move --direct alice vip",
        "user move --direct arnold vip",
        "user move --direct bob spare",
    ] {
        desk.ok(line).await;
    }
    desk.keep_all().await;
    desk
}

#[tokio::test]
async fn c_local_1_users_and_groups_of_the_file_are_shown_and_removed_without_a_running_hale() {
    let desk = desk().await;
    let shown = desk.field("localdb user status vip alice", "preferred_site_id").await;
    assert_eq!(shown, "DC1");
    let used_at = desk.field("localdb user status vip alice", "used_at").await;
    assert!(used_at.parse::<i64>().unwrap() > 1_700_000_000, "{used_at}");
    assert_eq!(desk.ok("-f flow localdb user list a*").await.lines().count(), 2);
    assert_eq!(desk.ok("-f flow localdb user list").await.lines().count(), 3);
    assert_eq!(desk.field("localdb group status vip", "users").await, "2");
    assert_eq!(desk.field("localdb group status vip", "backend_id").await, "be1");
    assert_eq!(desk.field("localdb group list s*", "name").await, "spare");
    for (line, code) in [
        ("localdb user status spare alice", 67),
        ("localdb user status vip nobody", 67),
        ("localdb user remove spare alice", 67),
        ("localdb group status nothing", 68),
        ("localdb group remove nothing", 68),
        ("localdb user status vip", 64),
        ("localdb group list a b", 64),
    ] {
        assert_eq!(desk.no(line).await.0, code, "{line}");
    }
    desk.ok("localdb user remove vip alice").await;
    assert_eq!(desk.no("localdb user status vip alice").await.0, 67);
    desk.ok("localdb group remove vip").await;
    assert_eq!(desk.no("localdb group status vip").await.0, 68);
    assert_eq!(desk.field("user status alice", "group_name").await, "vip", "the GeoDB keeps all");
    // Names come from the GeoDB; ids do without it.
    desk.geodb.close().await;
    let id = desk.field("localdb user status spare bob", "preferred_site_id").await;
    assert!(Uuid::try_parse(&id).is_ok(), "{id}");
}

#[tokio::test]
async fn c_local_1_where_no_hale_has_run_there_is_nothing_to_show() {
    let desk = Desk::cluster().await;
    let (code, text) = desk.no("localdb user list").await;
    assert!(code == 75 && text.contains("Hale has not run here yet"), "{text}");
}

#[tokio::test]
async fn c_local_1_a_running_hale_forgets_in_memory_too() {
    let desk = desk().await;
    LocalSet::new()
        .run_until(async {
            let (local, users) = desk.running();
            local.load_users().await;
            while local.status().await.unwrap().is_loading {}
            users.remember(User { username: "zoe".into(), ..User::default() }, clock::now());
            let order = |line: &str| {
                let words = line.split(' ').map(str::to_owned);
                let Ok(ClusterCommand::Localdb(command)) = ClusterCommand::of_words(words) else {
                    panic!("{line}")
                };
                command
            };
            let run = async |line: &str| {
                let running = Local::Running(&local);
                run_localdb(&desk.geodb, &order(line), &desk.settings, running, NOW).await
            };
            assert_eq!(run("localdb user list").await.unwrap().rows.len(), 3);
            assert!(users.get("alice").is_some());
            run("localdb user remove vip alice").await.unwrap();
            assert!(users.get("alice").is_none() && users.get("zoe").is_some());
            run("localdb group remove vip").await.unwrap();
            let gone = run("localdb group status vip").await.unwrap_err();
            assert_eq!(gone.exit_code(), 68);
            local.close().await;
        })
        .await;
}
