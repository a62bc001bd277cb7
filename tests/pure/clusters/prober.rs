//! Health probes of one proxy, as the control core drives them. What is known of each backend, when each is looked at and what
//! follows is Hale's own (`hale::health::Book`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hale::health::{Book, Finding, Health, Moment, Review, State, Watched};
use hale::names::Protocol;
use hale::route::rows::BackendStatus;
use hale::tick::Tick;
use uuid::Uuid;

use super::login::{Call, Login};
use super::machines::Purpose;
use super::rulings::proxy_name;
use super::world::{Event, Task, World};

/// What one proxy knows of its site's backends.
pub(super) struct Prober {
    pub(super) book: Book,
    /// When it looks next which probes are due.
    probes_at: Option<u64>,
    counts: BTreeMap<Uuid, Counts>,
}

/// For the checkers: probes in a row that logged in since a backend was taken out, and those that did not since it was up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) wells: u32,
    pub(super) ills: u32,
    /// When the last probe began, and whether it is in flight; when the last one began that failed.
    began: u64,
    is_in_flight: bool,
    pub(super) ill_began: u64,
}

impl Prober {
    pub(super) fn new(now: u64) -> Self {
        Self { book: Book::new(Tick(now)), probes_at: None, counts: BTreeMap::new() }
    }

    pub(super) fn counts(&self, id: Uuid) -> Counts {
        self.counts.get(&id).copied().unwrap_or_default()
    }

    /// When the oldest probe in flight began.
    pub(super) fn oldest_in_flight(&self) -> Option<u64> {
        let in_flight = self.counts.values().filter(|counts| counts.is_in_flight);
        in_flight.map(|counts| counts.began).min()
    }

    /// By the one protocol that is probed here.
    pub(super) fn health(&self, id: Uuid) -> Option<&Health> {
        self.book.get(id)?.courses.first().map(|course| &course.health)
    }

    /// Counts for the checkers begin anew.
    fn recount(&mut self) {
        let Self { book, counts, .. } = self;
        counts.retain(|id, _| book.get(*id).is_some());
        for (id, watched) in book.all() {
            if watched.state() == State::Up {
                counts.entry(id).or_default().ills = 0;
            }
        }
    }
}

fn is_out(watched: &Watched) -> bool {
    watched.status == BackendStatus::Offline
}

impl World {
    /// A proxy has another table: backends are watched from here on, others no more.
    pub(super) fn watch_backends(&mut self, proxy: usize) {
        let now = Tick(self.now);
        let Self { fleet, proxies, random, .. } = self;
        let prober = &mut fleet.hosts[proxy].prober;
        let backends = proxies[proxy].memory.table.backends();
        let hosts = backends.iter().map(|it| (it.id, Arc::clone(&it.host.name)));
        let draw = || u16::try_from(random.below(1_000)).unwrap();
        prober.book.keep(hosts, &[Protocol::Imap], now, draw);
        for it in backends {
            let was_out = prober.book.get(it.id).is_some_and(is_out);
            prober.book.set_status(it.id, &it.status, it.status_reason.as_deref(), now);
            if !was_out && prober.book.get(it.id).is_some_and(is_out) {
                prober.counts.entry(it.id).or_default().wells = 0;
            }
        }
        self.list_probes(proxy);
    }

    /// The next probe is due at another time, perhaps.
    pub(super) fn list_probes(&mut self, proxy: usize) {
        let prober = &mut self.fleet.hosts[proxy].prober;
        prober.recount();
        let Some(due) = prober.book.next_due() else { return };
        let at = due.0.max(self.now);
        if prober.probes_at.is_none_or(|known| at < known) {
            prober.probes_at = Some(at);
            self.task_at(at, proxy, Task::Probe);
        }
    }

    /// Probes begin, if they are due.
    pub(super) fn begin_probes(&mut self, proxy: usize) {
        let now = Tick(self.now);
        self.fleet.hosts[proxy].prober.probes_at = None;
        while let Some((id, way)) = self.fleet.hosts[proxy].prober.book.begin(now) {
            let outcome = self.fleet.dial(&mut self.random, (proxy, id), Purpose::Probe);
            self.record.tally.probes += 1;
            let counts = self.fleet.hosts[proxy].prober.counts.entry(id).or_default();
            (counts.began, counts.is_in_flight) = (self.now, true);
            let ended = Task::Probed(id, way, outcome.finding);
            self.task_at(self.now + outcome.took, proxy, ended);
        }
        self.list_probes(proxy);
    }

    /// A probe has ended.
    pub(super) fn end_probe(&mut self, proxy: usize, (id, way): (Uuid, usize), finding: Finding) {
        let now = Tick(self.now);
        let jitter = u16::try_from(self.random.below(1_000)).unwrap();
        let prober = &mut self.fleet.hosts[proxy].prober;
        let is_well = finding == Finding::Well;
        let counts = prober.counts.entry(id).or_default();
        counts.is_in_flight = false;
        counts.wells = if is_well { counts.wells + 1 } else { 0 };
        counts.ills += u32::from(!is_well);
        if !is_well {
            counts.ill_began = counts.began;
        }
        prober.book.found((id, way), (finding, "it does not log in"), None, now, jitter);
        let concerned = prober.book.concerned(id);
        self.list_probes(proxy);
        for id in concerned {
            self.review(proxy, id);
        }
    }

    /// A login was let in there.
    pub(super) fn login_succeeded(&mut self, proxy: usize, id: Uuid) {
        let now = Tick(self.now);
        let book = &mut self.fleet.hosts[proxy].prober.book;
        if let Some(way) = book.way(id, Protocol::Imap) {
            book.login_succeeded(id, way, now, now);
            self.list_probes(proxy);
        }
    }

    /// A login failed there, or waits in vain.
    pub(super) fn login_failed(&mut self, proxy: usize, id: Uuid) {
        let now = Tick(self.now);
        let book = &mut self.fleet.hosts[proxy].prober.book;
        if let Some(way) = book.way(id, Protocol::Imap) {
            book.login_failed(id, way, now);
            self.list_probes(proxy);
        }
    }

    /// Looks whether a row should say something else.
    fn review(&mut self, proxy: usize, id: Uuid) {
        let unix_millis = self.proxies[proxy].wall(self.now);
        let now = Moment { tick: Tick(self.now), unix_millis };
        let prober = &mut self.fleet.hosts[proxy].prober;
        let why = match prober.book.review(id, &proxy_name(proxy), now) {
            None => return,
            Some(Review::Stay) => None,
            Some(Review::Withheld(why)) => Some(why),
            Some(Review::Rule(brief)) => return self.begin_ruling(proxy, *brief),
        };
        self.record.tally.withheld += u64::from(why.is_some());
        prober.book.note_withheld(id, why.as_ref());
    }

    /// What a proxy does once a second.
    pub(super) fn look(&mut self, proxy: usize) {
        let all = self.fleet.hosts[proxy].prober.book.all();
        let all: Vec<Uuid> = all.map(|(id, _)| id).collect();
        for id in all {
            self.review(proxy, id);
        }
        while let Some(name) = self.proxies[proxy].next_due(self.now) {
            let alone = Login::new(Box::default(), proxy, self.proxies[proxy].start);
            self.wait(alone, Call::ReadGroup(name));
        }
        self.see_to_moves(proxy);
        self.task_at(self.now + 1_000, proxy, Task::Look);
    }

    /// Something that this proxy does, unless it is started anew before.
    pub(super) fn task_at(&mut self, at: u64, proxy: usize, task: Task) {
        let start = self.proxies[proxy].start;
        self.at(at, Event::Do(proxy, start, task));
    }
}
