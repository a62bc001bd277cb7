//! On real files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::task::LocalSet;
use uuid::Uuid;

use super::rows::UserRow;
use super::store::{Store, StoreFault};
use super::*;
use crate::event::Event;
use crate::ring::clock;
use crate::ring::wake::Waker;
use crate::route::chunks::Chunks;
use crate::route::rows::{Site, SiteStatus, User};
use crate::share::mailbox::Mailbox;
use crate::share::users::Users;

const DC1: Uuid = Uuid::from_u128(0xD1);

mod addresses;

fn settings(folder: &TempDir) -> LocalDbSettings {
    LocalDbSettings {
        path: folder.path().join("localdb.sqlite"),
        site: "DC1".into(),
        owner: fs::metadata(folder.path()).unwrap().uid(),
        users_max: 1 << 20,
        size_max: 1 << 30,
    }
}

fn user(name: &str, group: &str) -> User {
    User {
        username: name.into(),
        preferred_site_id: Some(DC1),
        group_name: group.into(),
        ..User::default()
    }
}

fn row(name: &str, used_at: i64) -> UserRow {
    UserRow { row: user(name, "default-1"), is_doubtful: false, used_at }
}

fn group(name: &str) -> UserGroup {
    UserGroup {
        site_id: DC1,
        name: name.into(),
        backend_id: Some(Uuid::from_u128(0xB1)),
        alt_backend_id: None,
        sticky_users: true,
        moving: Box::default(),
        refresh_after: Some(5),
        sticky_backend: false,
    }
}

fn tables() -> Tables {
    let site = Site {
        id: DC1,
        name: "DC1".into(),
        tag: Some(DC1),
        load_balancer: None,
        status: SiteStatus::Online,
    };
    Tables {
        places: Places { sites: vec![site], ..Places::default() },
        groups: Chunks::of((0..1000).map(|number| group(&format!("default-{number}"))).collect()),
        group_sites: Chunks::default(),
        addresses: Arc::new(addresses([("be1", vec!["10.0.0.1", "fd00::1"])])),
    }
}

fn addresses<const N: usize>(hosts: [(&str, Vec<&str>); N]) -> Addresses {
    let parsed = |(host, addresses): (&str, Vec<&str>)| {
        (host.into(), addresses.iter().map(|address| address.parse().unwrap()).collect())
    };
    hosts.into_iter().map(parsed).collect()
}

fn log() -> Arc<Mailbox<Event>> {
    Arc::new(Mailbox::new(1000, Waker::new().unwrap()))
}

fn logged(log: &Mailbox<Event>) -> Vec<String> {
    std::iter::from_fn(|| log.take())
        .map(|event| match event {
            Event::Note { text, .. } => text.into(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A Hale's life with a LocalDB: what it remembers, and what it says in the log.
fn live(settings: &LocalDbSettings, work: impl AsyncFnOnce(&LocalDb, &Users)) -> Vec<String> {
    let (log, users) = (log(), Users::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(async {
        let local = LocalDb::start(settings.clone(), users.clone(), Arc::clone(&log)).unwrap();
        work(&local, &users).await;
        local.close().await;
    }));
    logged(&log)
}

async fn loaded(local: &LocalDb) {
    local.load_users().await;
    while local.status().await.unwrap().is_loading {}
}

#[test]
fn c_local_1_what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    let said = live(&settings, async |local, users| {
        assert_eq!(local.opened().await, None, "nothing is known at first");
        local.tables_changed(tables());
        for number in 0..10_000 {
            let name = format!("user{number}");
            users.remember(user(&name, "default-1"), clock::now());
            local.user_changed(&name);
        }
        users.forget("user7");
        users.doubt("user8");
    });
    assert_eq!(said, [""; 0]);
    let said = live(&settings, async |local, users| {
        assert_eq!(local.opened().await, Some(tables()));
        // Before all are read one is asked for by name.
        assert_eq!(local.known("user9").await.unwrap().row, user("user9", "default-1"));
        loaded(local).await;
        assert_eq!(users.len(), 9999);
        assert!(users.get("user7").is_none() && users.get("user8").unwrap().is_doubtful);
        assert_eq!(users.get("user9").unwrap().row, user("user9", "default-1"));
    });
    assert_eq!(said, ["localdb: 9999 users are known from before"]);
}

#[test]
fn ge_11_what_is_no_localdb_of_ours_is_left_alone_and_told_in_one_line() {
    let check = |make: &dyn Fn(&Path), expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        make(&settings.path);
        let before = fs::symlink_metadata(&settings.path).map(|about| about.len());
        let said = live(&settings, async |local, users| {
            assert_eq!(local.opened().await, None);
            users.remember(user("alice", "default-1"), clock::now());
            local.user_changed("alice");
            loaded(local).await;
            assert!(local.status().await.unwrap().trouble.is_some());
            assert!(local.user("alice").await.is_err());
        });
        let [line] = said.as_slice() else { panic!("{expected}: {said:?}") };
        assert!(line.contains(expected) && line.contains("goes on without"), "{line}");
        assert!(line.contains(settings.path.to_str().unwrap()), "{line}");
        let after = fs::symlink_metadata(&settings.path).map(|about| about.len());
        assert_eq!(before.ok(), after.ok(), "{expected}");
    };
    check(&|path| fs::create_dir(path).unwrap(), "is a directory");
    check(&|path| symlink("/dev/null", path).unwrap(), "is no plain file");
    let write = |path: &Path, mode| {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    check(&|path| write(path, 0o666), "can be written by other users");
    check(&|path| write(path, 0o400), "may not be read or written");
    check(
        &|path| {
            let other = rusqlite::Connection::open(path).unwrap();
            other.execute_batch("create table precious (x); pragma application_id = 7").unwrap();
        },
        "is a database of another program",
    );
    check(
        &|path| {
            rusqlite::Connection::open(path).unwrap().execute_batch("create table x (y)").unwrap();
        },
        "is a database of another program",
    );
    check(
        &|path| {
            let own = path.parent().unwrap().to_owned();
            drop(
                Store::open(&LocalDbSettings { path: path.to_owned(), ..settings_in(&own) })
                    .unwrap(),
            );
            rusqlite::Connection::open(path)
                .unwrap()
                .execute_batch("pragma user_version = 99")
                .unwrap();
        },
        "was written by a later Hale",
    );
}

fn settings_in(folder: &Path) -> LocalDbSettings {
    LocalDbSettings {
        path: folder.join("localdb.sqlite"),
        site: "DC1".into(),
        owner: fs::metadata(folder).unwrap().uid(),
        users_max: 1 << 20,
        size_max: 1 << 30,
    }
}

#[test]
fn ge_11_files_of_others_and_folders_of_others_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = LocalDbSettings { owner: 4242, ..settings(&folder) };
    // The folder is root's where tests run as root: it may be; the files may not.
    let Err(StoreFault::Refused(why)) = Store::open(&stranger).and_then(|_| Store::open(&stranger))
    else {
        panic!("believed")
    };
    assert!(
        why.contains("belongs to another user") || why.contains("other users can replace"),
        "{why}"
    );
    // A log beside the file is believed by SQLite, so it is looked at, too.
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    symlink("/dev/null", folder.path().join("localdb.sqlite-wal")).unwrap();
    assert!(matches!(Store::open(&settings), Err(StoreFault::Refused(_))));
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let Err(StoreFault::Refused(why)) = Store::open(&settings_in(&shared)) else {
        panic!("opened")
    };
    assert!(why.contains("other users can replace it"), "{why}");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(Store::open(&settings_in(&shared)).is_ok(), "as /dev/shm is");
}

/// Writes a LocalDB and closes it.
fn written(settings: &LocalDbSettings) {
    written_with(3000, settings);
}

fn written_with(count: u32, settings: &LocalDbSettings) {
    live(settings, async |local, users| {
        local.tables_changed(tables());
        for number in 0..count {
            let name = format!("user{number}");
            users.remember(user(&name, "default-1"), clock::now());
            local.user_changed(&name);
        }
    });
}

#[test]
fn ge_11_a_file_that_is_damaged_or_of_another_site_or_version_is_built_anew() {
    let check = |damage: &dyn Fn(&Path), site: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let former = settings(&folder);
        written(&former);
        damage(&former.path);
        let settings = LocalDbSettings { site: site.into(), ..former };
        let said = live(&settings, async |local, users| {
            assert_eq!(local.opened().await, None, "{expected}: half of it was read");
            loaded(local).await;
            assert!(users.is_empty(), "{expected}");
            users.remember(user("new", "default-1"), clock::now());
            local.user_changed("new");
            local.tables_changed(tables());
        });
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(expected) && said[0].contains("built anew"), "{said:?}");
        let said = live(&settings, async |local, users| {
            assert_eq!(local.opened().await, Some(tables()));
            loaded(local).await;
            assert_eq!(users.len(), 1);
        });
        assert_eq!(said, ["localdb: 1 users are known from before"]);
    };
    let overwrite = |path: &Path, from: usize, bytes: usize| {
        let mut all = fs::read(path).unwrap();
        let end = all.len().min(from + bytes);
        all[from..end].fill(0xA5);
        fs::write(path, all).unwrap();
    };
    check(&|path| overwrite(path, 0, 100), "DC1", "is no database; it is kept as");
    check(&|path| overwrite(path, 4096, 1 << 20), "DC1", "is damaged");
    let cut = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(8192).unwrap();
    };
    check(&cut, "DC1", "is damaged");
    let older = |path: &Path| {
        rusqlite::Connection::open(path).unwrap().execute_batch("pragma user_version = 0").unwrap();
    };
    check(&older, "DC1", "has version 0");
    check(&|_| {}, "DC2", "is of the site DC1");
}

#[test]
fn ge_11_a_file_that_another_process_has_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    written(&settings);
    let mut other = Store::open(&settings).unwrap();
    let said = live(&settings, async |local, _| assert_eq!(local.opened().await, None));
    assert!(said.len() == 1 && said[0].contains("in use by another process"), "{said:?}");
    assert_eq!(other.count(), Ok(3000));
}

#[test]
fn ge_11_a_page_that_rots_while_hale_runs_costs_the_file_and_not_what_memory_has() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    // More than SQLite keeps in memory.
    written_with(50_000, &settings);
    let said = live(&settings, async |local, users| {
        local.opened().await.unwrap();
        users.remember(user("alice", "vip"), clock::now());
        let size = fs::metadata(&settings.path).unwrap().len();
        fs::write(&settings.path, vec![0xA5; usize::try_from(size).unwrap()]).unwrap();
        loaded(local).await;
        local.user_changed("alice");
    });
    assert!(said[0].contains("built anew"), "{said:?}");
    live(&settings, async |local, users| {
        assert_eq!(local.opened().await, Some(tables()));
        loaded(local).await;
        assert_eq!(users.get("alice").unwrap().row.group_name, "vip".into());
    });
}

#[test]
fn ge_12_a_file_system_that_is_full_costs_the_cache_and_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    let said = live(&settings, async |local, users| {
        let flushing = tokio::task::spawn_local(local.clone().write_behind());
        let set_full =
            |is_full| local.call(move |keeper| keeper.store().unwrap().set_full(is_full));
        local.tables_changed(tables());
        users.remember(user("early", "default-1"), clock::now());
        local.user_changed("early");
        while local.user("early").await.unwrap().is_none() {}
        set_full(true).await.unwrap();
        for number in 0..5000 {
            let name = format!("user{number}");
            users.remember(user(&name, "default-1"), clock::now());
            local.user_changed(&name);
        }
        while local.status().await.unwrap().failed == 0 {}
        // What was there stays in force, and what is new is in memory.
        let status = local.status().await.unwrap();
        assert!(status.trouble.unwrap().contains("no room is left"));
        assert!(local.user("early").await.unwrap().is_some());
        assert_eq!((status.users, users.len()), (1, 5001));
        set_full(false).await.unwrap();
        flushing.abort();
    });
    // What could not be written was not lost.
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("no room is left") && said[1].contains("in use again"), "{said:?}");
    live(&settings, async |local, users| {
        loaded(local).await;
        assert_eq!(users.len(), 5001);
    });
}

#[test]
fn c_local_2_the_longest_unused_users_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let settings = LocalDbSettings { users_max: 1600, ..settings(&folder) };
    let mut store = Store::open(&settings).unwrap();
    let rows = |range: std::ops::Range<i64>| {
        range.map(|number| row(&format!("user{number:05}"), number)).collect::<Vec<_>>()
    };
    store.write_users(&rows(0..1600), &[]).unwrap();
    assert_eq!(store.count(), Ok(1600));
    store.write_users(&rows(1600..1650), &[]).unwrap();
    // Fifty too many, and a sixteenth, so that not every batch has to look for some.
    assert_eq!(store.count(), Ok(1500));
    assert_eq!(store.user("user00149"), Ok(None));
    assert!(store.user("user00150").unwrap().is_some());
    // Bytes are bounded in the same way.
    let mut small = settings;
    small.path = folder.path().join("small.sqlite");
    (small.users_max, small.size_max) = (1 << 20, 300_000);
    let mut store = Store::open(&small).unwrap();
    for begin in (0..20_000).step_by(500) {
        store.write_users(&rows(begin..begin + 500), &[]).unwrap();
    }
    assert!(store.bytes().unwrap() < 400_000, "{:?}", store.bytes());
    assert!(store.user("user19999").unwrap().is_some());
}

#[test]
fn a_refresh_that_says_nothing_new_costs_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&settings(&folder)).unwrap();
    store.write_users(&[row("alice", 1000)], &[]).unwrap();
    store.write_users(&[row("alice", 1300)], &[]).unwrap();
    assert_eq!(store.user("alice").unwrap().unwrap().used_at, 1000);
    store.write_users(&[row("alice", 9000)], &[]).unwrap();
    assert_eq!(store.user("alice").unwrap().unwrap().used_at, 9000);
}

#[test]
fn groups_and_users_are_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    live(&settings, async |local, users| {
        local.tables_changed(tables());
        for (name, group) in [("alice", "default-1"), ("bob", "default-2"), ("carol", "default-1")]
        {
            users.remember(user(name, group), clock::now());
            local.user_changed(name);
        }
    });
    let mut file = LocalFile::open(&settings).unwrap();
    let names = |users: Vec<LocalUser>| {
        users.into_iter().map(|user| user.row.username.into_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(file.users(None, "", 2).unwrap()), ["alice", "bob"]);
    assert_eq!(names(file.users(None, "bob", 2).unwrap()), ["carol"]);
    assert_eq!(names(file.users(Some("default-1"), "", 9).unwrap()), ["alice", "carol"]);
    let found = file.groups(Some("default-1")).unwrap();
    assert_eq!(found, [LocalGroup { row: group("default-1"), users: 2 }]);
    assert_eq!(file.groups(None).unwrap().len(), 1000);
    assert_eq!((file.remove_user("bob"), file.remove_user("bob")), (Ok(true), Ok(false)));
    drop(file);
    live(&settings, async |local, users| {
        loaded(local).await;
        assert_eq!(names(local.users(None, "", 9).await.unwrap()), ["alice", "carol"]);
        assert_eq!(local.remove_user("alice").await, Ok(true));
        assert!(users.get("alice").is_none());
        assert_eq!(local.user("alice").await, Ok(None));
        assert_eq!(local.groups(Some("default-1")).await.unwrap()[0].users, 1);
    });
}

fn any_user() -> impl Strategy<Value = User> {
    let text = || prop::option::of("[a-zé\u{0}' ]{0,6}".prop_map(String::into_boxed_str));
    let id = || prop::option::of((1u128..5).prop_map(Uuid::from_u128));
    (id(), text(), text(), id(), text(), text(), prop::option::of(any::<i64>())).prop_map(
        |(site, group, failover, moving, moving_group, moving_failover, last_update)| User {
            username: Box::default(),
            preferred_site_id: site,
            group_name: group.unwrap_or_default(),
            failover_site_group_name: failover,
            metacache_last_host: moving_failover.clone(),
            moving_preferred_site_id: moving,
            moving_group_name: moving_group,
            moving_failover_site_group_name: moving_failover,
            last_update,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_behind_and_read_again_is_what_was_remembered(
        rows in prop::collection::btree_map("[a-zA-Z0-9@.é]{1,12}", any_user(), 1..40),
        forgotten in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        let mut before = Vec::new();
        live(&settings, async |local, users| {
            for (name, row) in &rows {
                users.remember(User { username: name.as_str().into(), ..row.clone() }, clock::now());
                local.user_changed(name);
            }
            let names: Vec<&String> = rows.keys().collect();
            for index in &forgotten {
                let name = index.get(&names);
                users.forget(name);
                local.user_changed(name);
            }
            users.for_each(|known| before.push((known.row.username.clone(), known.row)));
        });
        let mut after = Vec::new();
        live(&settings, async |local, users| {
            loaded(local).await;
            users.for_each(|known| after.push((known.row.username.clone(), known.row)));
        });
        before.sort_by(|one, two| one.0.cmp(&two.0));
        after.sort_by(|one, two| one.0.cmp(&two.0));
        prop_assert_eq!(before, after);
    }
}
