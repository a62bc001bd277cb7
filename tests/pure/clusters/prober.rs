//! Health probes of one proxy, as the control core drives them: what is known of each backend, and when each is looked at. What
//! it makes of that is Hale's own (`hale::health`).

use std::collections::BTreeMap;

use hale::health::{Change, Ejections, Finding, Health, Site, State};
use hale::limits::PROBE_WITNESSES;
use hale::route::auto_reason::AutoReason;
use hale::route::rows::BackendStatus;
use hale::route::table::Table;
use hale::tick::Tick;
use uuid::Uuid;

use super::login::{Call, Login};
use super::machines::Purpose;
use super::world::{Event, Task, World};

/// What one proxy knows of its site's backends.
#[derive(Default)]
pub(super) struct Prober {
    pub(super) watched: BTreeMap<Uuid, Watched>,
}

/// One backend.
pub(super) struct Watched {
    pub(super) status: BackendStatus,
    pub(super) reason: Option<Box<str>>,
    pub(super) health: Health,
    pub(super) ejections: Ejections,
    /// See [`hale::health::Case::is_overruled`].
    pub(super) is_overruled: bool,
    /// A change of its row is being decided.
    pub(super) is_ruled: bool,
    /// When a probe was listed.
    listed: Option<Tick>,
    /// For the checkers: probes in a row that logged in since it was taken out, and those that did not since it was up.
    pub(super) wells: u32,
    pub(super) ills: u32,
}

impl Watched {
    fn new(now: Tick, spread: u16) -> Self {
        Self {
            status: BackendStatus::Standby,
            reason: None,
            health: Health::new(now, spread),
            ejections: Ejections::default(),
            is_overruled: false,
            is_ruled: false,
            listed: None,
            wells: 0,
            ills: 0,
        }
    }

    fn is_auto(&self) -> bool {
        self.reason.as_deref().and_then(AutoReason::parse).is_some()
    }

    fn is_in_use(&self) -> bool {
        match self.status {
            BackendStatus::Online => true,
            BackendStatus::Offline => self.is_auto(),
            BackendStatus::Standby | BackendStatus::Unknown(_) => false,
        }
    }

    /// Whether its row and what is known of it differ.
    pub(super) fn is_contradicted(&self) -> bool {
        match (&self.status, self.health.state()) {
            (BackendStatus::Online, State::Down) => true,
            (BackendStatus::Offline, State::Up) => self.is_auto() && self.health.is_proven(),
            _ => false,
        }
    }

    /// Its row says this.
    fn set_status(&mut self, status: &BackendStatus, reason: Option<&str>, now: Tick) {
        if (&self.status, self.reason.as_deref()) == (status, reason) {
            return;
        }
        let was_online = self.status == BackendStatus::Online;
        (self.status, self.reason) = (status.clone(), reason.map(Into::into));
        if *status == BackendStatus::Offline {
            self.health.prove_again();
            self.wells = 0;
        }
        match (status, self.is_auto()) {
            (BackendStatus::Offline, true) if was_online => self.ejections.add(now),
            (BackendStatus::Online, false) => {
                self.is_overruled |= self.health.state() == State::Down;
            }
            _ => {}
        }
    }
}

impl Prober {
    /// The site beside this backend.
    pub(super) fn site(&self, id: Uuid) -> Site {
        let first = self.watched[&id].health.first_failure();
        let in_use = || self.watched.iter().filter(|(_, watched)| watched.is_in_use());
        let is_witness = |(other, watched): (&Uuid, &Watched)| {
            let well = watched.health.last_well();
            *other != id && first.is_some_and(|first| well.is_some_and(|well| well >= first))
        };
        Site {
            probed: in_use().count(),
            failing: in_use().filter(|(_, it)| it.health.state() != State::Up).count(),
            online: in_use().filter(|(_, it)| it.status == BackendStatus::Online).count(),
            has_witness: in_use().any(is_witness),
        }
    }

    /// Those that are to be looked at because this one begins to fail.
    fn witnesses(&self, but: Uuid, now: Tick) -> Vec<Uuid> {
        let first = self.watched[&but].health.first_failure().unwrap_or(now);
        let is_stale = |watched: &Watched| {
            watched.health.state() == State::Up
                && watched.health.last_well().is_none_or(|at| at < first)
                && watched.health.due().is_some_and(|due| due > now)
        };
        let others = self.watched.iter().filter(|(id, watched)| **id != but && watched.is_in_use());
        let stale = others.filter(|(_, watched)| is_stale(watched));
        stale.map(|(id, _)| *id).take(PROBE_WITNESSES).collect()
    }
}

impl World {
    /// A proxy has another table: backends are watched from here on, others no more.
    pub(super) fn watch_backends(&mut self, proxy: usize) {
        let now = Tick(self.now);
        let table: &Table = &self.proxies[proxy].memory.table;
        let entries =
            table.backends().iter().map(|it| (it.id, it.status.clone(), it.status_reason.clone()));
        let entries = entries.collect::<Vec<_>>();
        let prober = &mut self.fleet.hosts[proxy].prober;
        prober.watched.retain(|id, _| entries.iter().any(|(known, ..)| known == id));
        for (id, status, reason) in entries {
            let draw = u16::try_from(self.random.below(1_000)).unwrap();
            let watched = &mut self.fleet.hosts[proxy].prober.watched;
            let watched = watched.entry(id).or_insert_with(|| Watched::new(now, draw));
            watched.set_status(&status, reason.as_deref(), now);
            self.list_probe(proxy, id);
        }
    }

    pub(super) fn watched(&mut self, proxy: usize, id: Uuid) -> Option<&mut Watched> {
        self.fleet.hosts[proxy].prober.watched.get_mut(&id)
    }

    /// The next probe is due at another time, perhaps.
    fn list_probe(&mut self, proxy: usize, id: Uuid) {
        let now = self.now;
        let Some(watched) = self.watched(proxy, id) else { return };
        let due = watched.health.due();
        if std::mem::replace(&mut watched.listed, due) != due
            && let Some(due) = due
        {
            self.task_at(due.0.max(now), proxy, Task::Probe(id));
        }
    }

    /// Something happened to a backend's health.
    fn change_health(
        &mut self,
        proxy: usize,
        id: Uuid,
        what: impl FnOnce(&mut Health) -> Option<Change>,
    ) {
        let now = Tick(self.now);
        let Some(watched) = self.watched(proxy, id) else { return };
        let change = what(&mut watched.health);
        if watched.health.state() == State::Up {
            (watched.is_overruled, watched.ills) = (false, 0);
        }
        self.list_probe(proxy, id);
        if change == Some(Change::Suspected) {
            for other in self.fleet.hosts[proxy].prober.witnesses(id, now) {
                if let Some(watched) = self.watched(proxy, other) {
                    watched.health.hasten(now);
                }
                self.list_probe(proxy, other);
            }
        }
    }

    /// A probe begins, if it is due.
    pub(super) fn begin_probe(&mut self, proxy: usize, id: Uuid) {
        let now = Tick(self.now);
        let Some(watched) = self.watched(proxy, id) else { return };
        if watched.health.due().is_none_or(|due| due > now) {
            return;
        }
        watched.health.begin();
        watched.listed = None;
        let outcome = self.fleet.dial(&mut self.random, (proxy, id), Purpose::Probe);
        self.record.tally.probes += 1;
        let ended = Task::Probed(id, outcome.finding);
        self.task_at(self.now + outcome.took, proxy, ended);
    }

    /// A probe has ended.
    pub(super) fn end_probe(&mut self, proxy: usize, id: Uuid, finding: Finding) {
        let now = Tick(self.now);
        let jitter = u16::try_from(self.random.below(1_000)).unwrap();
        if let Some(watched) = self.watched(proxy, id) {
            let is_well = finding == Finding::Well;
            watched.wells = if is_well { watched.wells + 1 } else { 0 };
            watched.ills += u32::from(!is_well);
        }
        self.change_health(proxy, id, |health| health.end(finding, now, jitter));
        self.review_all(proxy);
    }

    /// A login was let in there.
    pub(super) fn login_succeeded(&mut self, proxy: usize, id: Uuid) {
        let at = Tick(self.now);
        self.change_health(proxy, id, |health| health.login_succeeded(at));
    }

    /// A login failed there, or waits in vain.
    pub(super) fn login_failed(&mut self, proxy: usize, id: Uuid) {
        let now = Tick(self.now);
        self.change_health(proxy, id, |health| health.login_failed(now));
    }

    /// Looks whether rows should say something else.
    pub(super) fn review_all(&mut self, proxy: usize) {
        let watched = &self.fleet.hosts[proxy].prober.watched;
        let contradicted = watched.iter().filter(|(_, it)| it.is_contradicted() && !it.is_ruled);
        let contradicted: Vec<Uuid> = contradicted.map(|(id, _)| *id).collect();
        for id in contradicted {
            self.review(proxy, id);
        }
    }

    /// What a proxy does once a second.
    pub(super) fn look(&mut self, proxy: usize) {
        self.review_all(proxy);
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
