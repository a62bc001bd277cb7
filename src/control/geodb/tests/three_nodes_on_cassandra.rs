//! Three nodes that are stopped, killed and frozen under constant calls.
//!
//!     cargo test --lib three_nodes -- --ignored --nocapture

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::statement::{Consistency as Replicas, Statement};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::node::{Node, PORT, session};
use super::*;
use crate::config::{Cassandra as Settings, GeoDb as Location};

const NODES: u8 = 3;
const FIRST: u8 = 41;
const KNOWN: u32 = 500;
const READERS: u32 = 6;

/// What came of the calls of one kind.
#[derive(Debug, Default)]
struct Calls {
    took: Vec<Duration>,
    failed: Vec<String>,
}

impl Calls {
    fn add<T>(&mut self, began: Instant, result: Result<T, GeoDbError>) -> Option<T> {
        self.took.push(began.elapsed());
        result.map_err(|error| self.failed.push(error.to_string())).ok()
    }

    fn shown(&mut self) -> String {
        self.took.sort_unstable();
        let last = self.took.last().copied().unwrap_or_default();
        let p99 = self.took.get(self.took.len() * 99 / 100).copied().unwrap_or_default();
        format!(
            "{} ({} failed), p99 {p99:.1?}, longest {last:.1?}",
            self.took.len(),
            self.failed.len()
        )
    }
}

/// A proxy's calls at the nodes, and the users whose rows were confirmed.
struct House {
    nodes: Node,
    geodb: GeoDb,
    session: Session,
    keyspace: String,
    confirmed: Vec<Box<str>>,
}

impl House {
    /// Makes calls until the work is done, and says what came of them.
    async fn under_calls(&mut self, what: &str, work: impl AsyncFnOnce(&Self)) -> [Calls; 2] {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut readers = JoinSet::new();
        for reader in 0..READERS {
            let (geodb, is_over) = (self.geodb.clone(), Arc::clone(&is_over));
            readers.spawn(async move {
                let (mut calls, mut n) = (Calls::default(), reader);
                while !is_over.load(Ordering::Relaxed) {
                    n = (n + READERS) % KNOWN;
                    let began = Instant::now();
                    let user = calls.add(began, geodb.read_user(&format!("known{n}")).await);
                    assert!(user.is_none_or(|user| user.is_some()), "a row that is there is seen");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                calls
            });
        }
        let (geodb, over, prefix) = (self.geodb.clone(), Arc::clone(&is_over), what.to_owned());
        let writer = tokio::spawn(async move {
            let (mut calls, mut confirmed, mut n) = (Calls::default(), Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                n += 1;
                let began = Instant::now();
                let assignment = assignment(&format!("{prefix} {n}"));
                if let Some(user) =
                    calls.add(began, geodb.assign_user(&assignment, None, NOW).await)
                {
                    confirmed.push(user.username);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            (calls, confirmed)
        });
        let began = Instant::now();
        work(self).await;
        is_over.store(true, Ordering::Relaxed);
        let mut reads = Calls::default();
        for calls in readers.join_all().await {
            reads.took.extend(calls.took);
            reads.failed.extend(calls.failed);
        }
        let (mut writes, confirmed) = writer.await.unwrap();
        self.confirmed.extend(confirmed);
        println!(
            "{what}, {:.0?}: reads {}; new users {}",
            began.elapsed(),
            reads.shown(),
            writes.shown()
        );
        for failed in [reads.failed.first(), writes.failed.first()].into_iter().flatten() {
            println!("    {failed}");
        }
        [reads, writes]
    }

    async fn ended(&self, number: u8) {
        let process = format!("/proc/{}/cmdline", self.nodes.pid(number));
        let is_there = || std::fs::read(&process).is_ok_and(|line| !line.is_empty());
        wait_for("the node ends", async || !is_there()).await;
    }

    async fn begin(&self, number: u8) {
        self.nodes.script(&["node"], &[&number.to_string()]).await;
    }

    /// Each node answers, and sees that all others do.
    async fn all_there(&self) {
        for number in 0..NODES {
            let (front, _) = self.nodes.address.rsplit_once('.').unwrap();
            let address = format!("{front}.{}:{PORT}", FIRST + number).parse().unwrap();
            let only =
                SingleTargetLoadBalancingPolicy::new(NodeIdentifier::NodeAddress(address), None);
            let profile = ExecutionProfile::builder().load_balancing_policy(only).build();
            let text =
                format!("select group_name from {}.users where username = 'known1'", self.keyspace);
            let mut all = Statement::new(text);
            all.set_consistency(Replicas::All);
            all.set_execution_profile_handle(Some(profile.into_handle()));
            wait_for("a node sees all", async || {
                self.session.query_unpaged(all.clone(), &[]).await.is_ok()
            })
            .await;
        }
        let nodes = ("nodes", "3 of 3 connected".to_owned());
        wait_for("Hale is connected with all", async || self.geodb.condition().contains(&nodes))
            .await;
    }

    async fn is_in(&self, what: &'static str, state: &str) {
        let began = Instant::now();
        let wanted = (what, state.to_owned());
        wait_for(what, async || self.geodb.condition().contains(&wanted)).await;
        println!("    {what} {state} after {:.1?}", began.elapsed());
    }
}

async fn wait_for(what: &str, is_it: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_it().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let late = tokio::time::timeout(Duration::from_secs(150), waiting).await;
    late.unwrap_or_else(|_| panic!("{what}: not in 150 s"));
}

async fn for_a_while() {
    // Faults last; nothing is waited for.
    tokio::time::sleep(Duration::from_secs(10)).await;
}

fn assignment(user: &str) -> UserAssignment {
    UserAssignment { username: user.into(), preferred_site_id: DC1, group_name: "g".into() }
}

async fn house() -> House {
    let nodes = Node::start_as("three", FIRST, &["--nodes", "3"]).await;
    let (front, _) = nodes.address.rsplit_once('.').unwrap();
    let hosts = (0..NODES).map(|number| format!("{front}.{}", FIRST + number)).collect();
    let settings = Settings {
        hosts,
        request_timeout: limits::CASSANDRA_REQUEST_TIMEOUT,
        connect_timeout: Duration::from_secs(2),
        ..nodes.settings("three_nodes")
    };
    let open = |settings: &Settings, mode| {
        GeoDb::open(&Location::Cassandra(Box::new(settings.clone())), mode).unwrap()
    };
    let patient = Settings { request_timeout: Duration::from_secs(20), ..settings.clone() };
    let maker = open(&patient, OpenMode::Create).with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let made = maker.init().await.unwrap();
    assert_eq!(&*made[0].what, "keyspace three_nodes (3 replicas in dc1)");
    for n in 0..KNOWN {
        maker.assign_user(&assignment(&format!("known{n}")), None, NOW).await.unwrap();
    }
    let geodb = open(&settings, OpenMode::Existing);
    let session = session(&settings).await;
    wait_for("it connects", async || geodb.read_user("known1").await.is_ok()).await;
    House { nodes, geodb, session, keyspace: settings.keyspace, confirmed: Vec::new() }
}

#[tokio::test]
#[ignore = "three nodes take minutes: cargo test --lib three_nodes -- --ignored --nocapture"]
async fn ge_02_three_nodes_are_stopped_killed_and_frozen_and_no_call_fails() {
    let mut house = house().await;
    house.all_there().await;
    let [_, writes] = house.under_calls("all there", async |_| for_a_while().await).await;
    assert_eq!(writes.failed.len(), 0);
    for number in 0..NODES {
        let stopped = async |house: &House| {
            house.nodes.signal(number, "-TERM");
            house.ended(number).await;
            house.begin(number).await;
            house.all_there().await;
        };
        let [reads, _] = house.under_calls(&format!("stop and start of {number}"), stopped).await;
        assert_eq!(reads.failed.len(), 0);
    }
    let killed = async |house: &House| {
        house.nodes.signal(1, "-KILL");
        for_a_while().await;
    };
    let [reads, _] = house.under_calls("kill -9 of 1", killed).await;
    assert_eq!(reads.failed.len(), 0);
    house.begin(1).await;
    house.all_there().await;
    let frozen = async |house: &House| {
        house.nodes.signal(2, "-STOP");
        for_a_while().await;
        house.nodes.signal(2, "-CONT");
        house.all_there().await;
    };
    let [reads, _] = house.under_calls("SIGSTOP of 2, and SIGCONT", frozen).await;
    assert_eq!(reads.failed.len(), 0);

    let without_quorum = async |house: &House| {
        for number in [1, 2] {
            house.nodes.signal(number, "-KILL");
        }
        house.is_in("reads", "fallback").await;
        for_a_while().await;
        for number in [1, 2] {
            house.begin(number).await;
        }
        house.all_there().await;
        house.is_in("reads", "first").await;
        house.is_in("writes", "first").await;
    };
    let [reads, writes] = house.under_calls("two of three killed, and back", without_quorum).await;
    assert_eq!(reads.failed.len(), 0);
    assert!(!writes.failed.is_empty(), "no write is confirmed by one of three");

    let patient = house.geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let mut lost = Vec::new();
    for user in &house.confirmed {
        if patient.read_user(user).await.unwrap().is_none() {
            lost.push(user);
        }
    }
    println!("{} confirmed rows, {} lost", house.confirmed.len(), lost.len());
    assert!(lost.is_empty(), "{lost:?}");
}
