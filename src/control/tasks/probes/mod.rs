//! Health probes: real logins at every backend of the site, and what follows (R-PROBE-1 to R-PROBE-8).
//!
//! Duty: probing when `health` says so, a bounded number at the same time; handing it what logins have seen; reading the row and
//! what other proxies say right before a status is written; telling the operator what has changed, once; writing figures.
//! Non-duty: judging (`health`), routing (the table follows a row that is handed in at the routing desk). All of it runs on the
//! control core, and no login waits for it. Tests: the files here; `tests/appliance/e2e/probes.rs`.

mod figures;
mod login;
mod rulings;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::losses::Losses;
use super::mail::Inbox;
use super::routing::Desk;
use crate::config::Config;
use crate::control::admin::{Board, ProbeLine};
use crate::control::current::Current;
use crate::control::geodb::{GeoDb, GeoDbError};
use crate::control::wall_clock::unix_millis;
use crate::health::{Book, Change, Finding, Moment, NewStatus};
use crate::limits;
use crate::names::{Protocol, SessionId};
use crate::ring::clock;
use crate::route::build::test_user;
use crate::route::table::{Place, Table};
use crate::share::evidence::Doubted;
use crate::share::exchange::Exchange;
use crate::template::Template;
use crate::tls::{Backends, Context};
use login::{Found, Target, Way};
use rulings::Ruled;

/// What probes are made of, before they begin.
#[derive(Debug)]
pub struct Probes {
    geodb: GeoDb,
    exchange: Exchange,
    /// Our name, as rows have it.
    proxy: Box<str>,
    username: Template,
    ways: ProbeWays,
}

/// How backends are probed, by protocol; none: this proxy does not probe (`cluster_proxy_check_backends = no`). Clones are the same.
#[derive(Clone, Debug)]
pub struct ProbeWays(Current<Vec<Rc<Way>>>);

impl ProbeWays {
    fn new(config: &Config, host: &str) -> Self {
        let cluster = &config.cluster;
        let is_probed = |protocol: &&Protocol| {
            cluster.proxy_check_backends && config.protocols.contains(protocol)
        };
        let probed = cluster.backend_check_protocols.iter().filter(is_probed);
        Self(Current::new(probed.map(|it| Rc::new(way(config, *it, host))).collect()))
    }

    /// Backends are reached as this configuration says from now on. Which protocols are probed stays.
    pub(in crate::control) fn renew(&self, config: &Config) {
        let former = self.0.now();
        let again = |it: &Rc<Way>| Rc::new(way(config, it.protocol, &it.own_name));
        self.0.replace(former.iter().map(again).collect());
    }

    fn protocols(&self) -> Vec<Protocol> {
        self.0.now().iter().map(|way| way.protocol).collect()
    }
}

fn way(config: &Config, protocol: Protocol, host: &str) -> Way {
    let cluster = &config.cluster;
    Way {
        protocol,
        settings: config.protocol(protocol).clone(),
        own_name: host.into(),
        password: cluster.backend_test_password.clone().unwrap_or_default(),
        mech: cluster.backend_test_mech,
        sources: config.proxy.source_ips.clone().into(),
    }
}

impl Probes {
    /// What the configuration asks for; none: there is no test user. `host`: our name.
    #[must_use]
    pub fn new(config: &Config, geodb: GeoDb, exchange: Exchange, host: &str) -> Option<Self> {
        let cluster = &config.cluster;
        let username = cluster.backend_test_username.clone().filter(|name| !name.is_empty())?;
        let ways = ProbeWays::new(config, host);
        Some(Self { geodb, exchange, proxy: host.into(), username, ways })
    }

    /// How they reach backends.
    #[must_use]
    pub fn ways(&self) -> ProbeWays {
        self.ways.clone()
    }

    /// Probes for ever.
    ///
    /// # Errors
    /// The system's, when the mailbox can't be watched.
    pub(super) fn start(
        self,
        desk: Desk,
        losses: Losses,
        board: Board,
    ) -> std::io::Result<impl Future<Output = ()>> {
        let doubts = Inbox::watch(self.exchange.evidence.doubts())?;
        let context = self.exchange.tls.load();
        let prober = Prober {
            protocols: self.ways.protocols(),
            tls: Rc::new(Backends::new(&context.trust)),
            context,
            table: Arc::default(),
            book: Book::new(clock::now()),
            targets: BTreeMap::new(),
            probing: JoinSet::new(),
            ruling: JoinSet::new(),
            writing: JoinSet::new(),
            probes: self,
            desk,
            losses,
            board,
        };
        Ok(prober.keep(doubts))
    }
}

/// The task.
#[derive(Debug)]
struct Prober {
    probes: Probes,
    desk: Desk,
    /// Backends whose sessions are to end.
    losses: Losses,
    /// Where operators read what was found.
    board: Board,
    protocols: Vec<Protocol>,
    /// What the book was made of.
    table: Arc<Table>,
    /// What `tls` was made of.
    context: Arc<Context>,
    tls: Rc<Backends>,
    book: Book,
    /// Where its backends are.
    targets: BTreeMap<Uuid, Target>,
    /// With the backend and the way.
    probing: JoinSet<(Uuid, usize, Found)>,
    ruling: JoinSet<Ruled>,
    /// Figures; one at most.
    writing: JoinSet<Result<(), GeoDbError>>,
}

impl Prober {
    async fn keep(mut self, doubts: Inbox<Doubted>) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut figures = interval(limits::STATS_EVERY);
        figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self.probing.len() < limits::PROBES_AT_ONCE_MAX;
            let due = self.book.next_due().filter(|_| has_room);
            let wait = due.map_or(LOOK_EVERY, |due| clock::now().until(due));
            tokio::select! {
                _ = look.tick() => self.look(),
                _ = figures.tick() => self.write_figures(),
                Some(ended) = self.probing.join_next() => {
                    let (id, way, found) = unbroken(ended);
                    self.found(id, way, found);
                }
                Some(ended) = self.ruling.join_next() => self.ruled(unbroken(ended)),
                Some(ended) = self.writing.join_next() => match unbroken(ended) {
                    Ok(()) => self.book.figures_taken(clock::now()),
                    Err(fault) => self.desk.failed(&fault),
                },
                () = doubts.arrived() => while let Some(doubted) = doubts.take() {
                    self.doubt(&doubted);
                },
                () = sleep(wait) => self.probe(),
            }
        }
    }

    /// Takes up a new table and what logins have seen, and looks whether rows should say something else.
    fn look(&mut self) {
        let table = self.probes.exchange.table.load();
        // A table with other groups alone shares its backends with the one before.
        if !std::ptr::eq(table.backends(), self.table.backends()) {
            self.take_table(table);
        } else if !Arc::ptr_eq(&table, &self.table) {
            self.table = table;
        }
        self.take_successes();
        let all: Vec<Uuid> = self.book.all().map(|(id, _)| id).collect();
        for id in all {
            self.review(id);
        }
        self.losses.set(self.book.lost());
        self.board.probed(self.found_so_far());
    }

    /// What is known of each backend by now.
    fn found_so_far(&self) -> Vec<ProbeLine> {
        let lines = self.book.all().flat_map(|(_, watched)| {
            watched.courses.iter().filter_map(|course| {
                Some(ProbeLine {
                    host: Arc::clone(&watched.host),
                    protocol: course.protocol,
                    state: course.known_state()?,
                    took: course.took_ms.map(Duration::from_millis),
                })
            })
        });
        let mut lines: Vec<ProbeLine> = lines.collect();
        lines.sort_by(|one, other| (&one.host, one.protocol).cmp(&(&other.host, other.protocol)));
        lines
    }

    fn take_table(&mut self, table: Arc<Table>) {
        let now = clock::now();
        let targets = table.backends().iter().filter_map(|backend| {
            let user = test_user(&self.probes.username, &backend.host.name)?;
            let address = backend.host.addresses.first().copied();
            let host = Arc::clone(&backend.host.name);
            Some((backend.id, Target { host, address, user: user.into() }))
        });
        self.targets = targets.collect();
        let hosts = self.targets.iter().map(|(id, target)| (*id, Arc::clone(&target.host)));
        self.book.keep(hosts, &self.protocols, now, draw);
        for backend in table.backends() {
            let reason = backend.status_reason.as_deref();
            match self.book.set_status(backend.id, &backend.status, reason, now) {
                NewStatus::Overruled => self.desk.note(
                    true,
                    format!(
                        "backend {}: an operator has set it online while probes fail; it is left alone until it has been well once",
                        backend.host.name
                    ),
                ),
                NewStatus::Same | NewStatus::TakenOut | NewStatus::Other => {}
            }
        }
        let is_known = |host: &str| matches!(table.place_by_host(host), Some(Place::Backend(_)));
        self.probes.exchange.evidence.keep_only(is_known);
        self.table = table;
    }

    /// Logins that succeeded take the place of probes.
    fn take_successes(&mut self) {
        let now = clock::now();
        for seen in self.probes.exchange.evidence.seen() {
            let (Some(Place::Backend(id)), Some(at)) =
                (self.table.place_by_host(&seen.host), seen.last_well)
            else {
                continue;
            };
            let Some(way) = self.book.way(id, seen.protocol) else { continue };
            self.book.login_succeeded(id, way, at, now);
        }
    }

    /// A login failed, or waits in vain.
    fn doubt(&mut self, doubted: &Doubted) {
        self.probes.exchange.evidence.looked_into(doubted);
        let Some(Place::Backend(id)) = self.table.place_by_host(&doubted.host) else { return };
        let now = clock::now();
        let Some(way) = self.book.way(id, doubted.protocol) else {
            self.book.look_soon(id, now);
            return self.probe();
        };
        self.book.login_failed(id, way, now);
        self.probe();
    }

    /// Begins the probes that are due, as far as there is room for them.
    fn probe(&mut self) {
        let now = clock::now();
        self.renew_tls();
        while self.probing.len() < limits::PROBES_AT_ONCE_MAX {
            let Some((id, number)) = self.book.begin(now) else { return };
            let (ways, target) = (self.probes.ways.0.now(), self.targets.get(&id));
            let (Some(way), Some(target)) = (ways.get(number), target) else { return };
            let (way, target, tls) = (Rc::clone(way), target.clone(), Rc::clone(&self.tls));
            let session = SessionId::from_bytes(random());
            self.probing.spawn_local(async move {
                (id, number, login::log_in(way, target, tls, session).await)
            });
        }
    }

    /// Authorities may have been read anew.
    fn renew_tls(&mut self) {
        let context = self.probes.exchange.tls.load();
        if !Arc::ptr_eq(&context, &self.context) {
            self.tls = Rc::new(Backends::new(&context.trust));
            self.context = context;
        }
    }

    /// A probe has ended.
    fn found(&mut self, id: Uuid, way: usize, found: Found) {
        let now = clock::now();
        let Found { finding, words, took } = found;
        let change = finding.and_then(|finding| {
            let took_ms = u64::try_from(took.as_millis()).ok();
            self.book.found((id, way), (finding, &words), took_ms, now, draw())
        });
        if finding.is_none() {
            self.book.put_off(id, way, now);
        }
        self.tell_account(id, way, finding, &words);
        self.tell_change(id, way, change, &words);
        if change == Some(Change::Fell) {
            self.take_successes();
        }
        for id in self.book.concerned(id) {
            self.review(id);
        }
    }

    /// The test user is refused, or no more: the operator's to mend, and told once (W-PRB-4).
    fn tell_account(&mut self, id: Uuid, way: usize, finding: Option<Finding>, words: &str) {
        let Some(watched) = self.book.get_mut(id) else { return };
        let host = Arc::clone(&watched.host);
        let user = self.targets.get(&id).map(|target| target.user.clone()).unwrap_or_default();
        let Some(course) = watched.courses.get_mut(way) else { return };
        let is_refused = match finding {
            Some(Finding::TestUserRefused) => true,
            Some(Finding::Well) => false,
            Some(Finding::Gone | Finding::Silent | Finding::Unwell) | None => return,
        };
        if std::mem::replace(&mut course.is_account_told, is_refused) == is_refused {
            return;
        }
        let protocol = course.protocol;
        let text = match is_refused {
            true => format!(
                "backend {host} ({protocol}) refuses the test user {user}: {words}; probes tell nothing of it until the account \
                 exists there with cluster_backend_test_password, see cluster_backend_test_username"
            ),
            false => format!("backend {host} ({protocol}) takes the test user {user} again"),
        };
        self.desk.note(is_refused, text);
    }

    fn tell_change(&self, id: Uuid, way: usize, change: Option<Change>, words: &str) {
        let Some(watched) = self.book.get(id) else { return };
        let Some(course) = watched.courses.get(way) else { return };
        let (host, protocol) = (&watched.host, course.protocol);
        match change {
            Some(Change::Fell) => {
                self.desk.note(true, format!("backend {host} ({protocol}) is down: {words}"));
            }
            Some(Change::Rose) => {
                let text = format!("backend {host} ({protocol}) logs its test user in again");
                self.desk.note(false, text);
            }
            Some(Change::Suspected | Change::Cleared) | None => {}
        }
    }

    /// Writes down what has been seen, unless the last time is not over yet.
    fn write_figures(&mut self) {
        let Some(site) = self.table.local_site() else { return };
        if !self.writing.is_empty() {
            return;
        }
        let now = Moment { tick: clock::now(), unix_millis: unix_millis() };
        let seen = self.probes.exchange.evidence.seen();
        let (dest, own) = figures::rows(&self.book, &seen, (site.id, &self.probes.proxy), now);
        let geodb = self.probes.geodb.clone();
        self.writing.spawn_local(async move {
            for rows in dest.chunks(FIGURES_AT_ONCE) {
                geodb.write_dest_figures(rows).await?;
            }
            for rows in own.chunks(FIGURES_AT_ONCE) {
                geodb.write_backend_figures(rows).await?;
            }
            Ok(())
        });
    }
}

/// What a piece of the work came to. One that panicked is a bug, and ends the task (K-CORE-3).
fn unbroken<T>(ended: Result<T, JoinError>) -> T {
    match ended {
        Ok(ended) => ended,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Per mille.
fn draw() -> u16 {
    u16::from_ne_bytes(random()) % 1000
}

/// Without randomness probes come all at the same time, and their ids are alike.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// A new table is taken up within this, and rows are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rows in one transaction: logins that write wait no longer than for those.
const FIGURES_AT_ONCE: usize = 500;
