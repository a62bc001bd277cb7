//! The tasks on a real file, with calls that hang when told to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::LocalSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::config::GeoDb as Location;
use crate::control::geodb::{BackendUpdate, Changed, OpenMode};
use crate::fault::Failure;
use crate::limits;
use crate::names::CoreId;
use crate::ring::clock;
use crate::route::change::{ChangeReason, GroupChange, GroupCreation, Placement};
use crate::route::decide::{Decision, RouteQuestion, UserKnown, decide};
use crate::route::rows::{Backend, BackendStatus, Site, SiteStatus, User, UserGroup};
use crate::share::messages::{Answer, Doubt, Ticket, ToCore};

const DC1: Uuid = Uuid::from_u128(0xD1);
const BE1: Uuid = Uuid::from_u128(0xB1);
const BE2: Uuid = Uuid::from_u128(0xB2);

mod cold;
mod outage;
mod reach;
mod uptake;

/// A control core's routing, and one data core that is played by the test.
struct House {
    folder: TempDir,
    geodb: GeoDb,
    exchange: Exchange,
    core: Inbox<ToCore>,
    failover: FailoverRules,
    ways: Ways,
}

impl House {
    /// A site with two backends; every name that the file does not have hangs.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("geodb.sqlite"));
        let geodb = GeoDb::open(&location, OpenMode::Create).unwrap().with_deadline(PATIENCE);
        Self::on(folder, geodb).await
    }

    /// The same in a GeoDB that has the tables.
    async fn on(folder: TempDir, geodb: GeoDb) -> Self {
        let site = Site {
            id: DC1,
            name: "DC1".into(),
            tag: None,
            load_balancer: None,
            status: SiteStatus::Online,
        };
        assert!(geodb.insert_site(&site).await.unwrap());
        assert!(geodb.insert_backend(&backend(BE1, "be1")).await.unwrap());
        assert!(geodb.insert_backend(&backend(BE2, "be2")).await.unwrap());
        std::fs::write(folder.path().join("hosts"), "10.0.0.1 be1\n10.0.0.2 be2\n").unwrap();
        let exchange = Exchange::new(1).unwrap();
        let core = Inbox::watch(exchange.to_cores[0].clone()).unwrap();
        let failover = FailoverRules::default();
        Self { folder, geodb, exchange, core, failover, ways: Ways::new() }
    }

    fn hosts(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    /// Starts the tasks on the local set that this runs on.
    async fn start(&self) {
        assert_eq!(self.start_with(None).await.len(), 4);
    }

    /// The same, with a LocalDB.
    async fn start_with(&self, local: Option<LocalDb>) -> Vec<JoinHandle<()>> {
        let routing = Routing {
            geodb: self.geodb.clone(),
            resolver: Resolver::of_file_or_mute(self.hosts(), PATIENCE),
            settings: RouteSettings {
                local_site: "DC1".into(),
                default_group_count: 4,
                failover: self.failover,
                ..RouteSettings::default()
            },
            exchange: self.exchange.clone(),
            local,
            ways: self.ways.clone(),
        };
        let log = Arc::clone(&self.exchange.log);
        spawn_local(super::super::late_writes::make(self.geodb.clone(), log));
        routing.start(Board::default()).await.unwrap().0
    }

    fn ask(&self, slot: u32, user: &str) {
        let question =
            ToControl::LookUp { ticket: Some(ticket(slot)), user: user.into(), tag: None };
        assert!(self.exchange.to_control.send(question).is_ok());
    }

    fn resolve(&self, slot: u32, host: &str) {
        let question = ToControl::Resolve { ticket: ticket(slot), host: host.into() };
        assert!(self.exchange.to_control.send(question).is_ok());
    }

    /// The next answer that the data core gets.
    async fn answer(&self) -> (u32, Answer) {
        loop {
            match self.core.take() {
                Some(ToCore::Answer { ticket, answer }) => return (ticket.slot, answer),
                Some(_) => panic!("no answer"),
                None => self.core.arrived().await,
            }
        }
    }

    /// Waits until so many calls of this name were made.
    async fn seen(&self, call: &'static str, times: u32) {
        until(|| self.geodb.gate().seen(call) >= times, call).await;
    }

    /// Asks until the GeoDB answers.
    async fn looked_up(&self, user: &str) {
        let began = Instant::now();
        loop {
            self.ask(99, user);
            match self.answer().await {
                (99, Answer::LookedUp) => return,
                other => assert!(began.elapsed() < PATIENCE, "{other:?}"),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// What data cores decide about a user.
    fn decision(&self, user: &str) -> Decision {
        let cached = self.exchange.users.get(user);
        let known = cached.as_ref().map_or(UserKnown::NotAsked, |it| UserKnown::Row(&it.row));
        decide(&self.exchange.table.load(), known, &RouteQuestion::of(user))
    }

    /// Where data cores see a group.
    fn backend_of(&self, group: &str) -> Option<Uuid> {
        self.exchange.table.load().group(group).and_then(|row: &UserGroup| row.backend_id)
    }

    /// An operator's order to take a group to the other backend, as the row is now.
    async fn change_of(&self, group: &str) -> GroupChange {
        let row = self.geodb.read_group(DC1, group).await.unwrap().unwrap();
        to_be2(&row, ChangeReason::Ordered)
    }

    fn logged(&self) -> Vec<String> {
        let events = std::iter::from_fn(|| self.exchange.log.take());
        events.map(|event| format!("{event:?}")).collect()
    }
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

fn group(name: &str, backend_id: Uuid) -> GroupCreation {
    GroupCreation { site_id: DC1, name: name.into(), backend_id, alt_backend_id: None }
}

fn user(name: &str, group: &str) -> User {
    User {
        username: name.into(),
        preferred_site_id: Some(DC1),
        group_name: group.into(),
        ..User::default()
    }
}

/// This group goes to the other backend.
fn to_be2(row: &UserGroup, reason: ChangeReason) -> GroupChange {
    GroupChange::of(row, Placement { backend_id: Some(BE2), ..Placement::default() }, reason)
}

fn ticket(slot: u32) -> Ticket {
    Ticket { core: CoreId(0), slot, generation: 1, question: 1 }
}

/// Waits for a condition.
async fn until(mut is_so: impl FnMut() -> bool, what: &str) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn c_look_1_many_users_are_looked_up_at_the_same_time_and_each_answer_is_true() {
    let house = House::new().await;
    let users: Vec<String> = (0..500).map(|n| format!("user{n}")).collect();
    let work = async {
        house.start().await;
        house.geodb.gate().hold("read_user");
        for (slot, user) in (0..).zip(&users) {
            house.ask(slot, user);
        }
        house.seen("read_user", 500).await;
        assert!(house.core.take().is_none(), "none is answered yet");
        house.geodb.gate().open("read_user");
        let mut slots = Vec::new();
        for _ in &users {
            let (slot, answer) = house.answer().await;
            assert!(matches!(answer, Answer::LookedUp), "{answer:?}");
            // When the answer comes, user, group and table are where the data core looks.
            let user = &users[usize::try_from(slot).unwrap()];
            assert!(matches!(house.decision(user), Decision::Go { change: None, .. }), "{user}");
            slots.push(slot);
        }
        slots.sort_unstable();
        assert!(slots.into_iter().eq(0..500));
    };
    LocalSet::new().run_until(work).await;
    assert_eq!(house.geodb.users().await.unwrap().len(), 500);
}

#[tokio::test]
async fn c_look_1_logins_of_one_unknown_user_are_one_look_up() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        house.geodb.gate().hold("read_user");
        for slot in 0..100 {
            house.ask(slot, "alice");
        }
        house.ask(100, "bob");
        house.seen("read_user", 2).await;
        until(|| house.exchange.to_control.is_empty(), "all questions taken").await;
        house.geodb.gate().open("read_user");
        for _ in 0..=100 {
            assert!(matches!(house.answer().await.1, Answer::LookedUp));
        }
        assert_eq!(house.geodb.gate().seen("read_user"), 2, "one for each user");
        assert_eq!(house.geodb.gate().seen("assign_user"), 2);
        // The next one is a look-up of its own.
        house.ask(7, "alice");
        assert!(matches!(house.answer().await, (7, Answer::LookedUp)));
        assert_eq!(house.geodb.gate().seen("read_user"), 3);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_look_1_a_slow_look_up_of_one_user_and_a_slow_name_hold_up_no_other() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        house.geodb.gate().hold_next("read_user", 1);
        house.resolve(1, "mute.example");
        house.ask(2, "slow");
        house.seen("read_user", 1).await;
        house.ask(3, "quick");
        assert!(matches!(house.answer().await, (3, Answer::LookedUp)));
        house.resolve(4, "be1");
        let address: std::net::IpAddr = "10.0.0.1".parse().unwrap();
        assert!(matches!(house.answer().await, (4, Answer::Resolved(found)) if found == address));
        house.geodb.gate().open("read_user");
        assert!(matches!(house.answer().await, (2, Answer::LookedUp)));
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_look_2_a_stuck_geodb_costs_its_callers_a_temporary_failure_and_nothing_else() {
    let mut house = House::new().await;
    house.geodb = house.geodb.with_deadline(Duration::from_millis(300));
    let work = async {
        house.start().await;
        house.ask(0, "known");
        assert!(matches!(house.answer().await, (0, Answer::LookedUp)));
        for call in ["read_user", "stamp", "read_places"] {
            house.geodb.gate().hold(call);
        }
        house.ask(1, "alice");
        house.seen("read_user", 2).await;
        house.resolve(2, "be2");
        let mut answers = [house.answer().await, house.answer().await];
        answers.sort_by_key(|(slot, _)| *slot);
        let [(1, Answer::Withheld { trouble }), (2, Answer::Resolved(_))] = answers else {
            panic!("{answers:?}")
        };
        let detail = trouble.unwrap();
        assert!(detail.contains("did not answer within"), "{detail}");
        // The last table and the cache stay in force.
        assert!(matches!(house.decision("known"), Decision::Go { .. }));
        let logged = house.logged();
        let complaints = logged.iter().filter(|line| line.contains("logins go on")).count();
        assert_eq!(complaints, 1, "{logged:?}");
        assert!(house.exchange.users.is_alone());
        for call in ["read_user", "stamp", "read_places"] {
            house.geodb.gate().open(call);
        }
        house.looked_up("alice").await;
        until(|| house.logged().iter().any(|line| line.contains("answers again")), "told").await;
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_look_2_a_row_that_changes_while_it_is_read_is_read_again() {
    let house = House::new().await;
    let row = |name: &str, group: &str| User {
        username: name.into(),
        preferred_site_id: Some(DC1),
        group_name: group.into(),
        ..User::default()
    };
    house.geodb.replace_user(None, &row("alice", "vip"), 1).await.unwrap();
    let work = async {
        house.start().await;
        house.exchange.users.remember(row("alice", "old"), clock::now());
        house.exchange.users.remember(row("bob", "old"), clock::now());
        // The look-up has the row, and has not kept it yet: its group has to be made first.
        house.geodb.gate().hold("create_group");
        house.ask(1, "alice");
        house.seen("create_group", 1).await;
        house
            .geodb
            .replace_user(Some(&row("alice", "vip")), &row("alice", "new"), 2)
            .await
            .unwrap();
        house.geodb.announce(Changed::User("alice".into()));
        let is_doubtful = || house.exchange.users.get("alice").unwrap().is_doubtful;
        until(is_doubtful, "doubted").await;
        house.geodb.gate().open("create_group");
        assert!(matches!(house.answer().await, (1, Answer::LookedUp)));
        assert_eq!(&*house.exchange.users.get("alice").unwrap().row.group_name, "new");
        assert_eq!(house.geodb.gate().seen("read_user"), 2);
        let bob = house.exchange.users.get("bob").unwrap();
        assert!(!bob.is_doubtful, "only the one who changed is doubted");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn what_a_command_of_this_process_writes_is_published_at_once() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        let update = BackendUpdate {
            status: Some((BackendStatus::Standby, "test".into())),
            ..BackendUpdate::default()
        };
        house.geodb.update_backend(DC1, BE1, &update).await.unwrap();
        house.geodb.announce(Changed::Tables);
        let is_standby = || {
            let table = house.exchange.table.load();
            table.backend(BE1).is_some_and(|backend| backend.status == BackendStatus::Standby)
        };
        until(is_standby, "published").await;
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn a_backend_whose_name_hangs_is_published_without_address_beside_the_others() {
    let house = House::new().await;
    let be3 = Uuid::from_u128(0xB3);
    let work = async {
        house.start().await;
        assert!(house.geodb.insert_backend(&backend(be3, "mute.example")).await.unwrap());
        house.geodb.announce(Changed::Tables);
        until(|| house.exchange.table.load().backend(be3).is_some(), "published").await;
        let table = house.exchange.table.load();
        assert!(table.backend(be3).unwrap().host.addresses.is_empty());
        assert_eq!(table.backend(BE1).unwrap().host.addresses.len(), 1);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn a_change_that_every_login_of_a_group_asks_for_is_written_once() {
    let house = House::new().await;
    let creation = GroupCreation { alt_backend_id: Some(BE2), ..group("vip", BE1) };
    let row = house.geodb.create_group(&creation, 1).await.unwrap();
    let change = || ToControl::Change(Box::new(to_be2(&row, ChangeReason::SwitchToAlternative)));
    let work = async {
        house.start().await;
        house.geodb.gate().hold("apply");
        for _ in 0..1000 {
            assert!(house.exchange.to_control.send(change()).is_ok());
        }
        until(|| house.exchange.to_control.is_empty(), "all taken").await;
        house.geodb.gate().open("apply");
        until(|| house.backend_of("vip") == Some(BE2), "published").await;
        // One that comes late finds the table saying so.
        assert!(house.exchange.to_control.send(change()).is_ok());
        house.ask(1, "alice");
        assert!(matches!(house.answer().await, (1, Answer::LookedUp)));
        assert_eq!(house.geodb.gate().seen("apply"), 1);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn more_look_ups_than_may_be_under_way_are_refused_at_once() {
    let house = House::new().await;
    let most = u32::try_from(limits::LOOK_UPS_AT_ONCE_MAX).unwrap();
    let work = async {
        house.start().await;
        for slot in 0..most {
            house.resolve(slot, &format!("mute{slot}.example"));
            if slot % 1000 == 0 {
                until(|| house.exchange.to_control.is_empty(), "taken").await;
            }
        }
        house.resolve(most, "be1");
        let (slot, answer) = house.answer().await;
        let Answer::Failed { failure, detail } = answer else { panic!("{answer:?}") };
        assert_eq!((slot, failure), (most, Failure::Unavailable));
        assert!(detail.contains("too many look-ups"), "{detail}");
    };
    LocalSet::new().run_until(work).await;
}
