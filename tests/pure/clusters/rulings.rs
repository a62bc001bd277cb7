//! Whether a backend's row is changed: as the control core has it, the row and the other proxies' rows are read, `hale::health`
//! rules, the row is read once more and written. What proxies tell each other by `proxy_dest_stats`.

use std::time::Duration;

use hale::health::{Case, Others, Ruling, Site, State, Withheld};
use hale::limits::{STATS_EVERY, STATS_FRESH_FOR};
use hale::route::rows::{Backend, BackendStatus};
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::{Key, Value, Write};
use super::machines::millis;
use super::world::{Task, World};

/// What is known when a ruling begins, and how far it has come.
#[derive(Debug)]
pub(super) struct Brief {
    id: Uuid,
    proxy: Box<str>,
    state: State,
    is_proven: bool,
    /// By this proxy's clock.
    first_failure: Option<i64>,
    is_overruled: bool,
    dwell: Duration,
    site: Site,
    /// For the checkers.
    seen: Seen,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Row and figures are read, and ruled upon.
    Rule,
    /// The row is read once more: it has to be the one that was ruled upon.
    Compare(Intent),
    /// The row is written, later than what was read had been.
    Write(Intent, i64),
}

/// What is to be written, and over what.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) status: BackendStatus,
    pub(super) reason: Box<str>,
    expected: (BackendStatus, Option<Box<str>>),
    pub(super) seen: Seen,
}

/// What a ruling goes by, by the clock of the simulation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: u64,
    pub(super) first_failure: Option<u64>,
    /// Probes that had logged in, and that had failed.
    pub(super) wells: u32,
    pub(super) ills: u32,
}

impl World {
    pub(super) fn review(&mut self, proxy: usize, id: Uuid) {
        let wall = self.proxies[proxy].wall(self.now);
        let Some(brief) = self.brief(proxy, id) else { return };
        let Some(watched) = self.watched(proxy, id) else { return };
        let case = brief.case(&watched.status, watched.reason.as_deref(), wall);
        match case.rule(&brief.site, &Others::default()) {
            Ruling::Write(..) | Ruling::Withheld(Withheld::LastOnline) => {
                watched.is_ruled = true;
                self.task_soon(proxy, Task::Rule(Box::new(brief)));
            }
            Ruling::Stay => {}
            Ruling::Withheld(_) => self.record.tally.withheld += 1,
        }
    }

    fn brief(&mut self, proxy: usize, id: Uuid) -> Option<Brief> {
        let now = Tick(self.now);
        let wall = self.proxies[proxy].wall(self.now);
        let site = self.fleet.hosts[proxy].prober.site(id);
        let watched = self.watched(proxy, id)?;
        let ago = |at: Tick| i64::try_from(now.since(at).as_millis()).unwrap();
        Some(Brief {
            id,
            proxy: proxy_name(proxy),
            state: watched.health.state(),
            is_proven: watched.health.is_proven(),
            first_failure: watched.health.first_failure().map(|at| wall - ago(at)),
            is_overruled: watched.is_overruled,
            dwell: watched.ejections.dwell(now),
            site,
            seen: Seen {
                at: now.0,
                first_failure: watched.health.first_failure().map(|at| at.0),
                wells: watched.wells,
                ills: watched.ills,
            },
            stage: Stage::Rule,
        })
    }

    /// A ruling goes on.
    pub(super) fn rule(&mut self, proxy: usize, brief: Brief) {
        let is_lost = self.is_faulty() && self.random.percent(2);
        if self.is_geodb_silent(proxy) || is_lost {
            if let (Stage::Write(intent, stamp), 0) = (&brief.stage, self.random.below(2))
                && is_lost
            {
                self.write_status(proxy, brief.id, intent, *stamp);
            }
            return self.end_ruling(proxy, brief.id);
        }
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let key = Key::Backend(site_id, brief.id);
        let row = self.replicas[site].backend(site_id, brief.id);
        let id = brief.id;
        let next = match brief.stage {
            Stage::Rule => self.rule_on(proxy, &brief, row),
            Stage::Compare(intent) => {
                let (status, reason) = &intent.expected;
                let is_as_expected = row.status == *status && row.status_reason == *reason;
                let stamp = self.replicas[site].stamp(&key);
                is_as_expected.then_some(Stage::Write(intent, stamp))
            }
            Stage::Write(ref intent, stamp) => {
                self.write_status(proxy, id, intent, stamp);
                let row = self.replicas[site].backend(site_id, id);
                self.take_row(proxy, row);
                None
            }
        };
        match next {
            Some(stage) => self.task_soon(proxy, Task::Rule(Box::new(Brief { stage, ..brief }))),
            None => self.end_ruling(proxy, id),
        }
    }

    fn rule_on(&mut self, proxy: usize, brief: &Brief, row: Backend) -> Option<Stage> {
        let others = self.others(proxy, brief.id);
        let wall = self.proxies[proxy].wall(self.now);
        let case = brief.case(&row.status, row.status_reason.as_deref(), wall);
        match case.rule(&brief.site, &others) {
            Ruling::Stay => self.take_row(proxy, row),
            Ruling::Withheld(_) => self.record.tally.withheld += 1,
            Ruling::Write(status, reason) => {
                let expected = (row.status, row.status_reason);
                let seen = brief.seen;
                return Some(Stage::Compare(Intent { status, reason, expected, seen }));
            }
        }
        None
    }

    /// A row that was just read or written: the table follows at once.
    fn take_row(&mut self, proxy: usize, row: Backend) {
        let now = self.now;
        self.proxies[proxy].put_backend(row, now);
        self.table_changed(proxy);
    }

    fn end_ruling(&mut self, proxy: usize, id: Uuid) {
        if let Some(watched) = self.watched(proxy, id) {
            watched.is_ruled = false;
        }
    }

    fn write_status(&mut self, proxy: usize, id: Uuid, intent: &Intent, stamp: i64) {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let key = Key::Backend(site_id, id);
        let at = Self::behind(proxy, stamp);
        let columns = vec![
            ("status", Value::Text(intent.status.as_str().into())),
            ("status_reason", Value::Text(intent.reason.clone())),
        ];
        let before = self.replicas[site].backend(site_id, id);
        self.write_as_stamped(site, Write { key, columns, at });
        let after = self.replicas[site].backend(site_id, id);
        if (&before.status, &before.status_reason) != (&after.status, &after.status_reason) {
            self.check_ruling(proxy, &before, intent);
        }
    }

    /// The stamp of a write over a row that was read with this one: whatever others have written since then stays.
    pub(super) fn behind(proxy: usize, read: i64) -> i64 {
        // Each proxy has a place of its own there.
        read.saturating_add(1 + i64::try_from(proxy).unwrap())
    }

    pub(super) fn task_soon(&mut self, proxy: usize, task: Task) {
        let delay = self.random.pick(&[1, 3, 20, 200, 400]);
        self.task_at(self.now + delay, proxy, task);
    }

    // === What proxies tell each other ===

    pub(super) fn write_figures(&mut self, proxy: usize) {
        let every = millis(STATS_EVERY);
        self.task_at(self.now + every, proxy, Task::Figures);
        let is_lost = self.is_faulty() && self.random.percent(2);
        if self.is_geodb_silent(proxy) || is_lost {
            return;
        }
        let (wall, now) = (self.proxies[proxy].wall(self.now), Tick(self.now));
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let mut writes = Vec::new();
        for (id, watched) in &self.fleet.hosts[proxy].prober.watched {
            let ago = |at: Tick| i64::try_from(now.since(at).as_millis()).unwrap();
            let well = watched.health.last_well();
            self.fleet.judge.told(
                (proxy, *id),
                self.now,
                well.map(|at| at.0),
                watched.health.state(),
            );
            let columns = vec![
                ("updated", Value::Number(wall)),
                ("last_success", Value::Number(well.map_or(0, |at| wall - ago(at)))),
                ("down", Value::Number(i64::from(watched.health.state() == State::Down))),
            ];
            writes.push(Write { key: Key::Figures(site_id, *id, proxy), columns, at: wall });
        }
        // Only this site's proxies read them.
        for write in writes {
            self.replicas[site].apply(&write);
        }
    }

    /// What the fresh rows of other proxies of the site say.
    fn others(&self, proxy: usize, id: Uuid) -> Others {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let wall = self.proxies[proxy].wall(self.now);
        let mut found = Others::default();
        for other in self.neighbours(proxy) {
            let key = Key::Figures(site_id, id, other);
            let of = |name| self.replicas[site].number(&key, name);
            let Some(updated) = of("updated") else { continue };
            if u128::from(wall.abs_diff(updated)) > STATS_FRESH_FOR.as_millis() {
                continue;
            }
            found.fresh += 1;
            found.down += usize::from(of("down") == Some(1));
            if let Some(well) = of("last_success").filter(|at| *at > 0)
                && found.last_well.as_ref().is_none_or(|(at, _)| *at < well)
            {
                found.last_well = Some((well, proxy_name(other)));
            }
        }
        found
    }

    /// The other proxies of its site.
    pub(super) fn neighbours(&self, proxy: usize) -> Vec<usize> {
        let site = self.proxies[proxy].site;
        let all = 0..self.proxies.len();
        all.filter(|other| *other != proxy && self.proxies[*other].site == site).collect()
    }
}

impl Brief {
    fn case<'a>(
        &'a self,
        status: &'a BackendStatus,
        reason: Option<&'a str>,
        wall: i64,
    ) -> Case<'a> {
        Case {
            status,
            reason,
            state: self.state,
            is_proven: self.is_proven,
            first_failure: self.first_failure,
            words: "it does not log in",
            is_overruled: self.is_overruled,
            dwell: self.dwell,
            proxy: &self.proxy,
            now: wall,
        }
    }
}

pub(super) fn proxy_name(number: usize) -> Box<str> {
    format!("lb{number}").into()
}
