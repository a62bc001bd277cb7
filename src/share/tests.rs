//! What it costs a data core when a great table is published, and what a decision costs on one.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use super::snapshot::Published;
use crate::route::decide::{Decision, RouteQuestion, UserKnown, decide};
use crate::route::outage::Circumstances;
use crate::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Rows, Site, SiteStatus, User, UserGroup,
};
use crate::route::table::{Addresses, RouteSettings, Table};

const SITE: Uuid = Uuid::from_u128(1);
const BACKEND: Uuid = Uuid::from_u128(2);
/// Rows of `group_sites` for each group.
const SITES: u32 = 4;

fn table(groups: u32) -> Table {
    table_at(groups, [10, 0, 0, 1].into())
}

/// So many groups, each with four rows, on one backend.
pub(crate) fn table_at(groups: u32, backend_address: IpAddr) -> Table {
    let site = |number: u32| Site {
        id: Uuid::from_u128(u128::from(number)),
        name: format!("site{number}").into(),
        tag: None,
        load_balancer: Some(format!("lb{number}").into()),
        status: SiteStatus::Online,
    };
    let backend = Backend {
        site_id: SITE,
        id: BACKEND,
        load_factor: Some(100),
        host: "be1".into(),
        status: BackendStatus::Online,
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    };
    let group = |number: u32| UserGroup {
        site_id: SITE,
        name: group_name(number).into(),
        backend_id: Some(BACKEND),
        alt_backend_id: None,
        sticky_users: false,
        moving: "".into(),
        refresh_after: None,
        sticky_backend: false,
    };
    let group_site = |number: u32| GroupSite {
        group_name: group_name(number / SITES).into(),
        site_id: Uuid::from_u128(u128::from(1 + number % SITES)),
        status: GroupSiteStatus::Failover,
        failover_site_id: Some(Uuid::from_u128(u128::from(1 + (number + 1) % SITES))),
        last_update: Some(7),
    };
    let rows = Rows {
        sites: (1..=SITES).map(site).collect(),
        backends: vec![backend],
        user_groups: (0..groups).map(group).collect(),
        group_sites: (0..groups * SITES)
            .filter(|number| number % SITES > 0)
            .map(group_site)
            .collect(),
        ..Rows::default()
    };
    let addresses: Addresses = [("be1".into(), vec![backend_address])].into();
    let settings = RouteSettings { local_site: "site1".into(), ..RouteSettings::default() };
    Table::build_now(&rows, &addresses, &settings, &Circumstances::default()).0
}

/// The name of one of them.
pub(crate) fn group_name(number: u32) -> String {
    format!("group{number:06}")
}

/// A user of the site.
pub(crate) fn user_of(username: &str, group: &str) -> User {
    User {
        username: username.into(),
        preferred_site_id: Some(SITE),
        group_name: group.into(),
        ..User::default()
    }
}

/// Nanoseconds of processor time that this thread has used: what other threads do meanwhile does not count.
pub(crate) fn thread_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

fn log_in(table: &Table, number: u32) {
    let user = user_of("alice", &group_name(number));
    let decision = decide(table, UserKnown::Row(&user), &RouteQuestion::of("alice"));
    assert!(matches!(decision, Decision::Go { .. }), "{decision:?}");
}

#[test]
fn k_core_4_a_table_of_400_000_group_rows_is_published_without_a_pause_on_a_data_core() {
    let tables: Vec<Table> = (0..4).map(|_| table(100_000)).collect();
    let place = Published::new(table(100_000));
    let is_over = AtomicBool::new(false);
    let (longest, long, turns) = std::thread::scope(|scope| {
        let core = scope.spawn(|| {
            let (mut reader, mut longest, mut long, mut turns) = (place.reader(), 0, 0, 0u32);
            while !is_over.load(Ordering::Acquire) {
                let began = thread_nanoseconds();
                log_in(reader.current(), turns % 100_000);
                let took = thread_nanoseconds() - began;
                longest = longest.max(took);
                long += u32::from(took >= 5_000_000);
                turns += 1;
            }
            (longest, long, turns)
        });
        for table in tables {
            place.publish(table);
            std::thread::yield_now();
        }
        // Frees the last that the core has let go of.
        place.sweep();
        is_over.store(true, Ordering::Release);
        core.join().unwrap()
    });
    println!("longest turn: {longest} ns of {turns} turns, four tables published meanwhile");
    assert!(turns > 0);
    // To free such a table takes a hundred times as long: a core that did so would have a long turn for each of the four. One that a
    // busy machine makes long is none of its doing. What one turn takes at most is in SPECIFICATION.md.
    assert!(long <= 2, "{long} long turns, the longest {longest} ns");
}

#[test]
fn k_core_4_a_decision_costs_about_the_same_on_a_great_table() {
    let cost = |groups: u32| {
        let table = table(groups);
        let measured = (0..5).map(|_| {
            let began = thread_nanoseconds();
            (0..2_000).for_each(|number| log_in(&table, number * 7 % groups));
            (thread_nanoseconds() - began) / 2_000
        });
        measured.min().unwrap()
    };
    let [small, great] = [10, 100_000].map(cost);
    println!("a decision: {small} ns among 10 groups, {great} ns among 100,000");
    // A search among ten thousand times as many takes some steps more, and no look at each.
    assert!(great < 20 * small, "{great} ns instead of {small}");
}
