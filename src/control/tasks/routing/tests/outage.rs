//! Rows taken up one by one, read again in time, and used while the GeoDB is gone.

use std::net::IpAddr;

use super::*;
use crate::control::localdb::LocalDbSettings;
use crate::control::wall_clock::unix_millis;
use crate::route::bounds::connections_max_row;
use crate::route::pins::Pin;
use crate::share::counters::Counter;

const ALL_CALLS: [&str; 10] = [
    "stamp",
    "read_user",
    "read_group",
    "read_places",
    "read_groups",
    "read_group_sites",
    "assign_user",
    "create_group",
    "finish_user_move",
    "apply",
];

impl House {
    fn gone(&self) {
        for call in ALL_CALLS {
            self.geodb.gate().fail(call, u32::MAX);
        }
    }

    fn back(&self) {
        for call in ALL_CALLS {
            self.geodb.gate().fail(call, 0);
        }
    }

    fn localdb(&self) -> LocalDb {
        let path = self.folder.path().join("localdb.sqlite");
        let about = std::fs::metadata(self.folder.path()).unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&about);
        let settings =
            LocalDbSettings { path, site: "DC1".into(), owner, users_max: 1000, size_max: 1 << 24 };
        LocalDb::start(settings, self.exchange.users.clone(), self.exchange.log.clone()).unwrap()
    }

    fn unreachable(&self, user: &str) -> Decision {
        decide(&self.exchange.table.load(), UserKnown::Unreachable, &RouteQuestion::of(user))
    }
}

#[tokio::test]
async fn c_cache_4_a_group_that_is_created_costs_no_read_of_all_groups() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        let gate = house.geodb.gate();
        let reads = ["read_places", "read_groups", "read_group_sites"].map(|call| gate.seen(call));
        let published = house.exchange.table.load();
        for number in 0..50 {
            house.ask(number, &format!("user{number}"));
            assert!(matches!(house.answer().await, (_, Answer::LookedUp)));
        }
        assert_eq!(house.exchange.table.load().groups().len(), 4);
        assert_eq!(published.groups().len(), 0);
        // Sites and backends are read every ten seconds, groups once a minute.
        assert_eq!([gate.seen("read_groups"), gate.seen("read_group_sites")], [reads[1], reads[2]]);
        assert_eq!(gate.seen("create_group"), 4);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_4_a_row_that_is_put_in_while_all_are_read_is_not_lost() {
    let house = House::new().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    let work = async {
        house.start().await;
        // A read has the groups, and waits for the rest.
        house.geodb.gate().hold_next("read_places", 1);
        house.geodb.announce(Changed::Tables);
        house.seen("read_groups", 2).await;
        let before = house.geodb.gate().seen("read_places");
        let change = house.change_of("vip").await;
        assert!(house.exchange.to_control.send(ToControl::Change(Box::new(change))).is_ok());
        until(|| house.backend_of("vip") == Some(BE2), "published beside the read").await;
        let table = house.exchange.table.load();
        house.geodb.insert_backend(&backend(Uuid::from_u128(0xB4), "10.0.0.4")).await.unwrap();
        house.geodb.gate().open("read_places");
        let has_read = || house.exchange.table.load().backends().len() == 3;
        until(has_read, "the read is over").await;
        assert_eq!(house.backend_of("vip"), Some(BE2), "after {before} reads");
        assert!(table.backends().len() == 2);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_3_after_a_referral_or_a_failure_user_and_group_are_read_again_at_once() {
    let house = House::new().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    house.geodb.replace_user(None, &user("alice", "vip"), 1).await.unwrap();
    let work = async {
        house.start().await;
        house.looked_up("alice").await;
        // Written elsewhere: on a cluster no stamp tells.
        house.geodb.gate().hold("stamp");
        let change = house.change_of("vip").await;
        house.geodb.apply(&change, 2).await.unwrap();
        house
            .geodb
            .replace_user(Some(&user("alice", "vip")), &user("alice", "new"), 2)
            .await
            .unwrap();
        let again = ToControl::ReadAgain {
            user: "alice".into(),
            group: Some("vip".into()),
            doubt: Doubt::NotServed,
        };
        assert!(house.exchange.to_control.send(again).is_ok());
        until(|| house.backend_of("vip") == Some(BE2), "the group was read").await;
        let group = || house.exchange.users.get("alice").unwrap().row.group_name;
        until(|| &*group() == "new", "the user was read").await;
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_group_1_a_group_is_read_again_once_its_time_has_passed() {
    let house = House::new().await;
    house.geodb.create_group(&group("vip", BE1), unix_millis() + 1500).await.unwrap();
    let work = async {
        house.start().await;
        house.geodb.gate().hold("stamp");
        assert_eq!(house.backend_of("vip"), Some(BE1));
        let change = house.change_of("vip").await;
        house.geodb.apply(&change, unix_millis() + 1600).await.unwrap();
        let reads = house.geodb.gate().seen("read_groups");
        until(|| house.backend_of("vip") == Some(BE2), "read again").await;
        assert_eq!(house.geodb.gate().seen("read_groups"), reads, "that one alone");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_2_without_geodb_unknown_users_are_answered_and_nothing_is_written() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        house.looked_up("alice").await;
        let group = house.exchange.users.get("alice").unwrap().row.group_name;
        house.gone();
        house.ask(1, "bob");
        let (1, Answer::Withheld { trouble: Some(detail) }) = house.answer().await else {
            panic!("no answer")
        };
        assert!(detail.contains("out of order"), "{detail}");
        assert!(house.exchange.users.is_alone());
        // Bob's group has a row if it is alice's; another's has none.
        for number in 0..20 {
            let name = format!("user{number}");
            match house.unreachable(&name) {
                Decision::Go { destination, change, .. } => {
                    assert_eq!((destination.group, change), (Some(group.clone()), None));
                }
                other => assert!(matches!(other, Decision::Fail { .. }), "{other:?}"),
            }
        }
        // A change that a login decided is not written.
        let row = house.exchange.table.load().group(&group).cloned().unwrap();
        let change = to_be2(&row, ChangeReason::SwitchToBest);
        let writes = house.geodb.gate().seen("apply");
        assert!(house.exchange.to_control.send(ToControl::Change(Box::new(change))).is_ok());
        house.ask(2, "carol");
        assert!(matches!(house.answer().await, (2, Answer::Withheld { trouble: Some(_) })));
        assert_eq!(house.geodb.gate().seen("apply"), writes);
        house.back();
        house.looked_up("bob").await;
        until(|| !house.exchange.users.is_alone(), "over").await;
        assert_eq!(house.exchange.total(Counter::GeodbStaleRouting), 0, "no data core was asked");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_2_a_row_that_was_read_counts_though_the_write_after_it_failed() {
    let house = House::new().await;
    house.geodb.replace_user(None, &user("alice", "vip"), 1).await.unwrap();
    let work = async {
        house.start().await;
        house.geodb.gate().fail("create_group", u32::MAX);
        house.ask(1, "alice");
        assert!(matches!(house.answer().await, (1, Answer::Withheld { trouble: Some(_) })));
        // Not the group that would be computed for her.
        assert_eq!(&*house.exchange.users.get("alice").unwrap().row.group_name, "vip");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_local_1_a_hale_that_starts_without_geodb_serves_whom_it_knew() {
    let mut house = House::new().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    house.geodb.replace_user(None, &user("alice", "vip"), 1).await.unwrap();
    let pin = Pin { user: "dora".into(), backend: BE2, until: None, reason: "admin".into() };
    house.geodb.write_setting(&pin.row(DC1)).await.unwrap();
    house.geodb.write_setting(&connections_max_row([DC1, BE1], 70)).await.unwrap();
    let first = async {
        let local = house.localdb();
        let tasks = house.start_with(Some(local.clone())).await;
        house.looked_up("alice").await;
        house.looked_up("bob").await;
        tasks.into_iter().for_each(|task| task.abort());
        local.close().await;
    };
    LocalSet::new().run_until(first).await;
    let published = house.exchange.table.load();
    house.exchange = Exchange::new(1).unwrap();
    house.core = Inbox::watch(house.exchange.to_cores[0].clone()).unwrap();
    house.gone();
    let second = async {
        let local = house.localdb();
        house.start_with(Some(local)).await;
        assert_eq!(*house.exchange.table.load(), *published, "before the first client is greeted");
        // With what operators have ordered (C-PIN-1, R-LOAD-2).
        let table = house.exchange.table.load();
        assert_eq!(table.pin("dora"), Some(&pin));
        let bound = table.backend(BE1).unwrap().host.connections_max;
        assert_eq!(bound.map(std::num::NonZero::get), Some(70));
        until(|| house.exchange.users.len() == 2, "loaded").await;
        for name in ["alice", "bob"] {
            assert!(matches!(house.decision(name), Decision::Go { change: None, .. }), "{name}");
        }
        let logged = house.logged();
        let told = |text: &str| logged.iter().filter(|line| line.contains(text)).count();
        assert_eq!(
            (told("cluster_localdb knows"), told("2 users are known")),
            (1, 1),
            "{logged:?}"
        );
        house.back();
        house.looked_up("carol").await;
    };
    LocalSet::new().run_until(second).await;
}

#[tokio::test]
async fn c_local_1_a_hale_that_starts_without_geodb_and_without_names_knows_where_its_hosts_were() {
    let mut house = House::new().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    house.geodb.replace_user(None, &user("alice", "vip"), 1).await.unwrap();
    let first = async {
        let local = house.localdb();
        let tasks = house.start_with(Some(local.clone())).await;
        house.looked_up("alice").await;
        tasks.into_iter().for_each(|task| task.abort());
        local.close().await;
    };
    LocalSet::new().run_until(first).await;
    // Names hang from here on, but for one that has moved.
    std::fs::write(house.hosts(), "10.0.0.7 be2\n").unwrap();
    for is_gone in [true, false] {
        house.exchange = Exchange::new(1).unwrap();
        house.core = Inbox::watch(house.exchange.to_cores[0].clone()).unwrap();
        match is_gone {
            true => house.gone(),
            false => house.back(),
        }
        let again = async {
            let local = house.localdb();
            let tasks = house.start_with(Some(local.clone())).await;
            let table = house.exchange.table.load();
            let of = |id| table.backend(id).map(|backend| backend.host.addresses.clone());
            let address = |text: &str| Some(vec![text.parse::<IpAddr>().unwrap()].into());
            assert_eq!(of(BE1), address("10.0.0.1"), "GeoDB gone: {is_gone}");
            assert_eq!(of(BE2), address("10.0.0.7"), "the hosts file counts before the memory");
            until(|| house.exchange.users.len() == 1, "loaded").await;
            assert!(matches!(house.decision("alice"), Decision::Go { .. }));
            tasks.into_iter().for_each(|task| task.abort());
            local.close().await;
        };
        LocalSet::new().run_until(again).await;
    }
}

/// Told, not judged: how long the control core is busy with a hundred thousand groups.
#[tokio::test]
async fn ge_09_c_cache_4_a_row_among_a_hundred_thousand_groups_copies_one_piece() {
    let exchange = Exchange::new(1).unwrap();
    let trouble = Rc::new(Trouble::new(&exchange, Board::default()));
    let settings = RouteSettings { local_site: "DC1".into(), ..RouteSettings::default() };
    let kept = Kept::new(exchange.table.clone(), settings, trouble, None);
    let site = Site {
        id: DC1,
        name: "DC1".into(),
        tag: None,
        load_balancer: None,
        status: SiteStatus::Online,
    };
    let places = crate::route::rows::Places {
        sites: vec![site],
        backends: vec![backend(BE1, "10.0.0.1"), backend(BE2, "10.0.0.2")],
        ..Default::default()
    };
    let row = |number: u32| UserGroup {
        site_id: DC1,
        name: format!("default-{number}").into(),
        backend_id: Some(if number.is_multiple_of(2) { BE1 } else { BE2 }),
        alt_backend_id: None,
        sticky_users: false,
        moving: Box::default(),
        refresh_after: Some(7),
        sticky_backend: false,
    };
    let all = || crate::route::rows::ReadRows {
        rows: (0..100_000).map(row).collect(),
        unreadable: Vec::new(),
    };
    let found = kept::Found {
        places: Some(places),
        groups: Some(all()),
        group_sites: Some(Default::default()),
        last_order: None,
    };
    kept.take(found, unix_millis());
    kept.publish(&Default::default());
    let first = exchange.table.load();
    let again = kept::Found { groups: Some(all()), ..Default::default() };
    let began = Instant::now();
    kept.take(again, unix_millis());
    kept.publish(&Default::default());
    println!("read again and published: {:?}", began.elapsed());
    assert_eq!(exchange.table.load().groups().changes_since(first.groups()), (vec![], vec![]));
    let began = Instant::now();
    for number in 0..1000 {
        kept.put_group(UserGroup { refresh_after: Some(8), ..row(number * 97) });
    }
    println!("a row taken up and published: {:?}", began.elapsed() / 1000);
    let table = exchange.table.load();
    let (put, gone) = table.groups().changes_since(first.groups());
    assert_eq!((put.len(), gone.len(), table.groups().len()), (1000, 0, 100_000));
}
