//! Moves of groups that the proxies carry out, because backends that know nothing of Palomar do not (C-MOVE-4, C-MOVE-5), and
//! of single users ([`users`]); sessions that other orders leave behind ([`left_behind`], [`pinned`]).
//!
//! Decides: which sessions end, and when the destination takes over. Does not: hold logins ([`crate::route`] and the session do),
//! end sessions, write rows. Knows nothing but the published table and the time, so that a proxy that starts in the middle of
//! a move, or after another one has died, goes on with it. Driver: `control::tasks::moves`. Tests: `tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::limits;
use crate::route::change::GroupChange;
use crate::route::chunks::Chunks;
use crate::route::group::{end_of_move, is_held};
use crate::route::rows::UserGroup;
use crate::route::table::Table;
use crate::tick::Tick;

pub mod left_behind;
pub mod pinned;
pub mod users;

/// How long moves take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Until every other proxy of the site has seen that a group moves, and holds its logins, too.
    pub notice: Duration,
    /// After this the destination takes over, whatever sessions are left (`cluster_user_move_timeout`).
    pub timeout: Duration,
}

impl Rules {
    /// When the old backend is asked to end what other hosts have left there: once all healthy proxies hold the logins, and with
    /// time for its answer before the destination may take over.
    #[must_use]
    pub fn kick_after(&self) -> Duration {
        self.notice.saturating_sub(limits::MOVE_KICK_TIMEOUT.min(self.notice / 3))
    }

    /// How long a departure is kept for proxies that have not seen it.
    #[must_use]
    pub fn kept(&self) -> Duration {
        self.timeout.saturating_mul(2).max(limits::DEPARTURE_KEPT_MIN)
    }
}

/// The moves that this proxy knows of.
#[derive(Debug)]
pub struct Moves {
    rules: Rules,
    /// Whether old backends are asked what is left there (C-MOVE-8).
    asks_backends: bool,
    /// As of the last look.
    groups: Chunks<UserGroup>,
    /// Those whose row says that they move.
    courses: BTreeMap<Box<str>, Course>,
    left: Left,
    /// As of the last look: groups whose backend is out, and which one stands in before the row says so.
    stand_ins: Chunks<GroupChange>,
}

/// One move.
#[derive(Debug)]
struct Course {
    row: UserGroup,
    /// Since when logins are held here; none: they are not, because an end of the move is not well.
    held_since: Option<Tick>,
    /// The last search for sessions found none.
    is_quiet: bool,
    /// When sessions are searched for next.
    search_at: Tick,
    kick: Kick,
    /// When the end of the move is asked for again, should it not be written by then.
    finish_at: Tick,
}

/// Whether the old backend was asked to end what is left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kick {
    /// Not yet.
    Due,
    /// It is being asked.
    Asked,
    /// It has answered, or cannot be asked.
    Done,
}

/// By backend: groups that have left it, until none of their sessions is known to be left there; and when those are searched
/// for next.
#[derive(Debug, Default)]
struct Left(BTreeMap<Uuid, (BTreeSet<Box<str>>, Tick)>);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The sessions and logins of these groups at this backend end; then [`Moves::ended`].
    End(Ending),
    /// These groups move no longer. Another proxy may have written that already.
    Finish(Finish),
}

/// Sessions that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Where they are.
    pub backend: Uuid,
    /// Whose they are.
    pub groups: BTreeSet<Box<str>>,
}

/// Moves out of one backend that are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Where the groups come from.
    pub source: Uuid,
    /// What is to be written.
    pub changes: Vec<GroupChange>,
    /// The longest that logins were held.
    pub held: Duration,
}

impl Course {
    fn new(row: UserGroup, now: Tick) -> Self {
        let (held_since, is_quiet) = (None, false);
        Self { row, held_since, is_quiet, search_at: now, kick: Kick::Due, finish_at: now }
    }

    /// Whether this proxy holds the logins; they are held from the moment on at which the table says so.
    fn hold(&mut self, table: &Table, now: Tick) -> bool {
        let is_held = is_held(table, &self.row);
        if !is_held {
            (self.held_since, self.is_quiet, self.kick) = (None, false, Kick::Due);
        } else if self.held_since.is_none() {
            (self.held_since, self.search_at) = (Some(now), now);
        }
        is_held
    }

    fn is_over(&self, rules: &Rules, asks_backends: bool, now: Tick) -> bool {
        let Some(since) = self.held_since else { return true };
        let held = now.since(since);
        let is_clear = self.is_quiet && (self.kick == Kick::Done || !asks_backends);
        (is_clear && held >= rules.notice) || held >= rules.timeout
    }

    /// Whether the old backend is to be asked now.
    fn is_kick_due(&mut self, rules: &Rules, now: Tick) -> bool {
        let held = self.held_since.map(|since| now.since(since));
        let is_time = held.is_some_and(|held| held >= rules.kick_after() && held < rules.timeout);
        let is_due = self.is_quiet && self.kick == Kick::Due && is_time;
        if is_due {
            self.kick = Kick::Asked;
        }
        is_due
    }
}

impl Left {
    fn leave(&mut self, group: &str, backend: Uuid, now: Tick) {
        let (names, search_at) = self.0.entry(backend).or_default();
        names.insert(group.into());
        *search_at = now;
    }

    fn stay(&mut self, group: &str, backend: Option<Uuid>) {
        if let Some((names, _)) = backend.and_then(|id| self.0.get_mut(&id)) {
            names.remove(group);
        }
    }

    /// Groups that have left a backend, where it is not known yet that their sessions have. Sessions at a backend that is gone
    /// from the table end when it does.
    fn search(&mut self, table: &Table, now: Tick) -> BTreeMap<Uuid, BTreeSet<Box<str>>> {
        self.0.retain(|id, (names, _)| !names.is_empty() && table.backend(*id).is_some());
        let mut endings = BTreeMap::new();
        for (id, (names, search_at)) in &mut self.0 {
            if now >= *search_at {
                *search_at = now.after(SEARCH_EVERY);
                endings.insert(*id, names.clone());
            }
        }
        endings
    }

    fn ended(&mut self, ending: &Ending) {
        if let Some((names, _)) = self.0.get_mut(&ending.backend) {
            names.retain(|name| !ending.groups.contains(name));
        }
    }
}

impl Moves {
    /// None is known yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            asks_backends: false,
            groups: Chunks::default(),
            courses: BTreeMap::new(),
            left: Left::default(),
            stand_ins: Chunks::default(),
        }
    }

    /// The same, and old backends are asked what is left there.
    #[must_use]
    pub fn asking_backends(self) -> Self {
        Self { asks_backends: true, ..self }
    }

    /// Looks at the published table. To be called whenever it is another one, and a few times a second as long as
    /// [`Self::are_under_way`].
    pub fn look(&mut self, table: &Table, now: Tick) -> Vec<Wish> {
        self.take_up(table.groups(), now);
        self.take_up_stand_ins(table, now);
        let mut endings = self.left.search(table, now);
        let mut finishes: BTreeMap<Uuid, Finish> = BTreeMap::new();
        let mut left = FINISHED_AT_ONCE_MAX;
        for (name, course) in &mut self.courses {
            let Some(source) = course.row.backend_id else { continue };
            let is_held = course.hold(table, now);
            if is_held && !course.is_quiet && now >= course.search_at {
                course.search_at = now.after(SEARCH_EVERY);
                endings.entry(source).or_default().insert(name.clone());
            }
            let Some(change) = end_of_move(table, &course.row) else { continue };
            if left == 0
                || !course.is_over(&self.rules, self.asks_backends, now)
                || now < course.finish_at
            {
                continue;
            }
            left -= 1;
            course.finish_at = now.after(FINISH_AGAIN_AFTER);
            let held = course.held_since.map_or(Duration::ZERO, |since| now.since(since));
            let finish = finishes.entry(source).or_insert_with(|| Finish {
                source,
                changes: Vec::new(),
                held: Duration::ZERO,
            });
            finish.changes.push(change);
            finish.held = finish.held.max(held);
        }
        let endings = endings.into_iter();
        let endings = endings.map(|(backend, groups)| Wish::End(Ending { backend, groups }));
        endings.chain(finishes.into_values().map(Wish::Finish)).collect()
    }

    /// What has changed since the last look. Groups that are at another backend now, by a move or otherwise: their sessions at
    /// the former one end, as far as there are any left (C-MOVE-5).
    fn take_up(&mut self, groups: &Chunks<UserGroup>, now: Tick) {
        let (changed, gone) = groups.changes_since(&self.groups);
        for row in gone {
            self.courses.remove(&row.name);
        }
        for row in changed {
            let former = self.groups.find(|kept| (*kept.name).cmp(&row.name));
            let left = former.and_then(|former| former.backend_id);
            if let Some(left) = left.filter(|left| Some(*left) != row.backend_id) {
                self.left.leave(&row.name, left, now);
            }
            self.left.stay(&row.name, row.backend_id);
            if row.is_moving() {
                self.courses.insert(row.name.clone(), Course::new(row.clone(), now));
            } else {
                self.courses.remove(&row.name);
            }
        }
        self.groups = groups.clone();
    }

    /// A backend that is back before its groups' rows said which one stands in, or another stand-in: sessions at the former one
    /// end as if the row had said it (C-MOVE-5).
    fn take_up_stand_ins(&mut self, table: &Table, now: Tick) {
        let switches = table.switches();
        let former = std::mem::replace(&mut self.stand_ins, switches.clone());
        let (changed, gone) = switches.changes_since(&former);
        for change in changed.into_iter().chain(gone) {
            let name = &change.name;
            let find = |kept: &GroupChange| (*kept.name).cmp(name);
            let stood_in = former.find(find).and_then(|kept| kept.placement.backend_id);
            let serves = match switches.find(find) {
                Some(change) => change.placement.backend_id,
                None => table.group(name).and_then(|row| row.backend_id),
            };
            if let Some(left) = stood_in.filter(|left| Some(*left) != serves) {
                self.left.leave(name, left, now);
            }
            self.left.stay(name, serves);
        }
    }

    /// So many sessions and logins were found, and have ended. Without any, none is left of these groups.
    pub fn ended(&mut self, ending: &Ending, count: usize) {
        self.left.ended(ending);
        for name in &ending.groups {
            if let Some(course) = self.courses.get_mut(name)
                && course.row.backend_id == Some(ending.backend)
            {
                course.is_quiet = count == 0 && course.held_since.is_some();
            }
        }
    }

    /// Old backends that are to be asked now to end what is left of these groups there; then [`Self::kicked`]. None where old
    /// backends are not asked.
    pub fn kicks(&mut self, now: Tick) -> Vec<Ending> {
        let mut kicks: BTreeMap<Uuid, BTreeSet<Box<str>>> = BTreeMap::new();
        for (name, course) in self.courses.iter_mut().filter(|_| self.asks_backends) {
            if let Some(source) = course.row.backend_id
                && course.is_kick_due(&self.rules, now)
            {
                kicks.entry(source).or_default().insert(name.clone());
            }
        }
        kicks.into_iter().map(|(backend, groups)| Ending { backend, groups }).collect()
    }

    /// The old backend was asked, or cannot be.
    pub fn kicked(&mut self, kicked: &Ending) {
        for name in &kicked.groups {
            if let Some(course) = self.courses.get_mut(name)
                && course.row.backend_id == Some(kicked.backend)
                && course.kick == Kick::Asked
            {
                course.kick = Kick::Done;
            }
        }
    }

    /// The moves that hold logins: the groups' rows, and for how long.
    pub fn held(&self, now: Tick) -> impl Iterator<Item = (&UserGroup, Duration)> {
        let all = self.courses.values();
        all.filter_map(move |course| Some((&course.row, now.since(course.held_since?))))
    }

    /// Whether there is something to look for although the table is the same.
    #[must_use]
    pub fn are_under_way(&self) -> bool {
        !self.courses.is_empty() || !self.left.0.is_empty()
    }
}

/// Sessions end within a turn of their core, and a login that was let go to the backend before takes a moment to be found.
const SEARCH_EVERY: Duration = Duration::from_millis(200);
/// A write that was lost is made again.
const FINISH_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// An evacuation of thousands of groups is written in pieces, so that no look-up waits behind all of them.
const FINISHED_AT_ONCE_MAX: usize = 256;

#[cfg(test)]
mod tests;
