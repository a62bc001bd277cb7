//! Moves of groups that the proxies carry out, because backends that know nothing of Palomar do not (C-MOVE-4, C-MOVE-5).
//!
//! Decides: which sessions end, and when the destination takes over. Does not: hold logins ([`crate::route`] and the session do),
//! end sessions, write rows. Knows nothing but the published table and the time, so that a proxy that starts in the middle of
//! a move, or after another one has died, goes on with it. Driver: `control::tasks::moves`. Tests: `tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::route::change::GroupChange;
use crate::route::chunks::Chunks;
use crate::route::group::{end_of_move, is_held};
use crate::route::rows::UserGroup;
use crate::route::table::Table;
use crate::tick::Tick;

/// How long moves take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Until every other proxy of the site has seen that a group moves, and holds its logins, too.
    pub notice: Duration,
    /// After this the destination takes over, whatever sessions are left (`cluster_user_move_timeout`).
    pub timeout: Duration,
}

/// The moves that this proxy knows of.
#[derive(Debug)]
pub struct Moves {
    rules: Rules,
    /// As of the last look.
    groups: Chunks<UserGroup>,
    /// Those whose row says that they move.
    courses: BTreeMap<Box<str>, Course>,
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
    /// When the end of the move is asked for again, should it not be written by then.
    finish_at: Tick,
}

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
        Self { row, held_since: None, is_quiet: false, search_at: now, finish_at: now }
    }

    /// Whether this proxy holds the logins; they are held from the moment on at which the table says so.
    fn hold(&mut self, table: &Table, now: Tick) -> bool {
        let is_held = is_held(table, &self.row);
        if !is_held {
            (self.held_since, self.is_quiet) = (None, false);
        } else if self.held_since.is_none() {
            (self.held_since, self.search_at) = (Some(now), now);
        }
        is_held
    }

    fn is_over(&self, rules: &Rules, now: Tick) -> bool {
        let Some(since) = self.held_since else { return true };
        let held = now.since(since);
        (self.is_quiet && held >= rules.notice) || held >= rules.timeout
    }
}

impl Moves {
    /// None is known yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, groups: Chunks::default(), courses: BTreeMap::new() }
    }

    /// Looks at the published table. To be called whenever it is another one, and a few times a second as long as
    /// [`Self::are_under_way`].
    pub fn look(&mut self, table: &Table, now: Tick) -> Vec<Wish> {
        let mut endings = self.take_up(table.groups(), now);
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
            if left == 0 || !course.is_over(&self.rules, now) || now < course.finish_at {
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
    fn take_up(
        &mut self,
        groups: &Chunks<UserGroup>,
        now: Tick,
    ) -> BTreeMap<Uuid, BTreeSet<Box<str>>> {
        let mut endings: BTreeMap<Uuid, BTreeSet<Box<str>>> = BTreeMap::new();
        let (changed, gone) = groups.changes_since(&self.groups);
        for row in gone {
            self.courses.remove(&row.name);
        }
        for row in changed {
            let former = self.groups.find(|kept| (*kept.name).cmp(&row.name));
            let left = former.and_then(|former| former.backend_id);
            if let Some(left) = left.filter(|left| Some(*left) != row.backend_id) {
                endings.entry(left).or_default().insert(row.name.clone());
            }
            if row.is_moving() {
                self.courses.insert(row.name.clone(), Course::new(row.clone(), now));
            } else {
                self.courses.remove(&row.name);
            }
        }
        self.groups = groups.clone();
        endings
    }

    /// So many sessions and logins were found, and have ended. Without any, none is left of these groups.
    pub fn ended(&mut self, ending: &Ending, count: usize) {
        for name in &ending.groups {
            if let Some(course) = self.courses.get_mut(name)
                && course.row.backend_id == Some(ending.backend)
            {
                course.is_quiet = count == 0 && course.held_since.is_some();
            }
        }
    }

    /// Whether there is something to look for although the table is the same.
    #[must_use]
    pub fn are_under_way(&self) -> bool {
        !self.courses.is_empty()
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
