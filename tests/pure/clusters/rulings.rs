//! Whether a backend's row is changed: as the control core has it, the row and the other proxies' rows are read, `hale::health`
//! rules, the row is read once more and written. What proxies tell each other by `proxy_dest_stats`.

use hale::health::words::{self, LAST_WELL, STATE, UPDATED, Word};
use hale::health::{Brief, Health, Moment, Others, Ruling};
use hale::limits::STATS_EVERY;
use hale::route::rows::{Backend, BackendStatus};
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::{Key, Value, Write};
use super::machines::{Fleet, millis};
use super::prober::Counts;
use super::world::{Task, World};

/// What is known when a ruling begins, and how far it has come.
#[derive(Debug)]
pub(super) struct Course {
    brief: Brief,
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
    /// When the last of those that failed began.
    pub(super) ill_began: u64,
    /// When the oldest probe in flight began.
    pub(super) oldest: Option<u64>,
}

impl World {
    pub(super) fn begin_ruling(&mut self, proxy: usize, brief: Brief) {
        let prober = &self.fleet.hosts[proxy].prober;
        let Counts { wells, ills, ill_began, .. } = prober.counts(brief.id);
        let first_failure = prober.health(brief.id).and_then(Health::first_failure);
        let first_failure = first_failure.map(|at| at.0);
        let oldest = prober.oldest_in_flight();
        let seen = Seen { at: self.now, first_failure, wells, ills, ill_began, oldest };
        let course = Course { brief, seen, stage: Stage::Rule };
        self.task_soon(proxy, Task::Rule(Box::new(course)));
    }

    /// A ruling goes on.
    pub(super) fn rule(&mut self, proxy: usize, course: Course) {
        let id = course.brief.id;
        let is_lost = self.is_faulty() && self.random.percent(2);
        if self.is_geodb_silent(proxy) || is_lost {
            if let (Stage::Write(intent, stamp), 0) = (&course.stage, self.random.below(2))
                && is_lost
            {
                self.write_status(proxy, id, intent, *stamp);
            }
            return self.end_ruling(proxy, id);
        }
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let key = Key::Backend(site_id, id);
        let row = self.replicas[site].backend(site_id, id);
        let Course { brief, seen, stage } = course;
        let next = match stage {
            Stage::Rule => self.rule_on(proxy, &brief, row, seen),
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
            Some(stage) => {
                self.task_soon(proxy, Task::Rule(Box::new(Course { brief, seen, stage })));
            }
            None => self.end_ruling(proxy, id),
        }
    }

    fn rule_on(&mut self, proxy: usize, brief: &Brief, row: Backend, seen: Seen) -> Option<Stage> {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let wall = self.proxies[proxy].wall(self.now);
        let others = self.others(proxy, brief);
        let of_site = match brief.wants_site() {
            true => self.replicas[site].backends(site_id),
            false => Vec::new(),
        };
        match brief.rule(&row, &of_site, &others, wall) {
            Ruling::Stay => self.take_row(proxy, row),
            Ruling::Withheld(why) => {
                self.record.tally.withheld += 1;
                self.fleet.hosts[proxy].prober.book.note_withheld(brief.id, Some(&why));
            }
            Ruling::Write(status, reason) => {
                let expected = (row.status, row.status_reason);
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
        self.fleet.hosts[proxy].prober.book.end_ruling(id);
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
        let now = Moment { tick: Tick(self.now), unix_millis: self.proxies[proxy].wall(self.now) };
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let Fleet { hosts, judge, .. } = &mut self.fleet;
        let book = &mut hosts[proxy].prober.book;
        for (id, watched) in book.all() {
            let course = watched.courses.first();
            let well = course.and_then(|course| course.health.last_well());
            judge.told((proxy, id), self.now, well.map(|at| at.0), watched.state());
            let told = words::told(course, [None, None], now);
            let known = told.filter_map(|(name, value)| Some((key_of(name)?, figure(value))));
            let updated = (UPDATED, figure(words::seconds(now.unix_millis)));
            let columns = std::iter::once(updated).chain(known).collect();
            let key = Key::Figures(site_id, id, proxy);
            // Only this site's proxies read them.
            self.replicas[site].apply(&Write { key, columns, at: now.unix_millis });
        }
        book.figures_taken(now.tick);
    }

    /// What the rows of other proxies of the site say.
    fn others(&self, proxy: usize, brief: &Brief) -> Others {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let names: Vec<Box<str>> = (0..self.proxies.len()).map(proxy_name).collect();
        let words = (0..self.proxies.len()).flat_map(|other| {
            let key = Key::Figures(site_id, brief.id, other);
            let columns = self.replicas[site].columns(&key);
            let proxy = &*names[other];
            let word = |(key, value)| Word { proxy, key, value: value_of(value) };
            columns.map(word).collect::<Vec<_>>()
        });
        let wall = self.proxies[proxy].wall(self.now);
        words::others(words, &brief.proxy, &brief.failing, wall)
    }

    /// The other proxies of its site.
    pub(super) fn neighbours(&self, proxy: usize) -> Vec<usize> {
        let site = self.proxies[proxy].site;
        let all = 0..self.proxies.len();
        all.filter(|other| *other != proxy && self.proxies[*other].site == site).collect()
    }
}

/// The figures that others go by, of the one protocol that is probed here.
fn key_of(name: &str) -> Option<&'static str> {
    match name {
        LAST_WELL => Some("imap.last_success"),
        STATE => Some("imap.state"),
        _ => None,
    }
}

fn figure(value: f64) -> Value {
    Value::Number(value.to_bits().cast_signed())
}

fn value_of(value: &Value) -> f64 {
    match value {
        Value::Number(bits) => f64::from_bits(bits.cast_unsigned()),
        other => panic!("{other:?}"),
    }
}

pub(super) fn proxy_name(number: usize) -> Box<str> {
    format!("lb{number}").into()
}
