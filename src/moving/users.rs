//! Users who leave a backend by themselves (C-MOVE-6).
//!
//! Decides: which sessions end, when the destination takes over, and when a departure is over. Does not: hold logins, end
//! sessions, read or write rows. Knows the published table, users' rows as they were read, and the time. Driver:
//! `control::tasks::moves`. Tests: `super::tests::users`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use super::{FINISH_AGAIN_AFTER, Kick, Rules, SEARCH_EVERY};
use crate::route::departure::{End, end_of_move, lives_on, source};
use crate::route::rows::User;
use crate::route::settings_rows::Departure;
use crate::route::table::Table;
use crate::tick::Tick;

/// The departures that this proxy knows of.
#[derive(Debug)]
pub struct UserMoves {
    rules: Rules,
    courses: BTreeMap<Key, Course>,
}

/// A user, and the backend that is left.
type Key = (Box<str>, Uuid);

/// One departure.
#[derive(Debug)]
struct Course {
    departure: Departure,
    /// As read last; none: not read yet. The row itself may be gone.
    row: Option<Option<User>>,
    read_at: Tick,
    /// Since when this proxy holds the user's logins.
    held_since: Option<Tick>,
    /// Since when searches for sessions have found none.
    quiet_since: Option<Tick>,
    searched_at: Option<Tick>,
    kick: Kick,
    finish_at: Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserWish {
    /// The user's row is to be read; then [`UserMoves::take`]. Memory is not to be believed about the user.
    Read(Box<str>),
    /// Sessions and logins of these users at this backend end; then [`UserMoves::ended`].
    End(UserEnding),
    /// The backend is asked to end what is left of the user there; then [`UserMoves::kicked`].
    Kick(Departure),
    /// The user's row is to be written so. Another proxy may have done it already.
    Finish(Box<End>),
    /// The departure is over: its row can go.
    Forget(Departure),
}

/// Sessions that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEnding {
    /// Where they are.
    pub backend: Uuid,
    /// Whose they are.
    pub users: BTreeSet<Box<str>>,
}

/// Where a user stands.
enum Stand {
    /// On the way: this ends it.
    Moving(Box<End>),
    /// On the way from a source that is gone, or for another departure of the same user.
    LeftToOthers,
    /// Somewhere else.
    Gone,
    /// Where the user was: the move was given up.
    Stays,
}

impl Course {
    fn new(departure: Departure, now: Tick) -> Self {
        Self {
            departure,
            row: None,
            read_at: now,
            held_since: None,
            quiet_since: None,
            searched_at: None,
            kick: Kick::Due,
            finish_at: now,
        }
    }

    fn stand(&self, table: &Table, row: Option<&User>) -> Stand {
        let Some(row) = row else { return Stand::Gone };
        let backend = self.departure.backend_id;
        if row.is_moving() {
            return match source(table, row) {
                Some(source) if source == backend => {
                    Stand::Moving(Box::new(end_of_move(table, row)))
                }
                Some(_) | None => Stand::LeftToOthers,
            };
        }
        if lives_on(table, row, backend) { Stand::Stays } else { Stand::Gone }
    }

    /// Notes that sessions are searched for, when it is time; whether it is. Also when none was found: until a data core hears
    /// that the user moves, it lets a login go by the row that it has.
    fn begin_search_if_due(&mut self, now: Tick) -> bool {
        let every = if self.quiet_since.is_some() { SEARCH_AGAIN_EVERY } else { SEARCH_EVERY };
        let is_due = self.searched_at.is_none_or(|at| now.since(at) >= every);
        if is_due {
            self.searched_at = Some(now);
        }
        is_due
    }

    /// Whether nothing comes any more of a user who is gone.
    fn is_left(&self, now: Tick) -> bool {
        self.quiet_since.is_some_and(|since| now.since(since) >= LEFT_AFTER)
    }

    /// What a pending move wants next, besides the end of sessions.
    fn go_on(&mut self, end: Box<End>, rules: &Rules, now: Tick) -> Option<UserWish> {
        if matches!(*end, End::GiveUp(_)) {
            // No login waits, and none did anything that has to be waited for.
            (self.held_since, self.quiet_since, self.kick) = (None, None, Kick::Due);
            return self.is_write_due(now).then_some(UserWish::Finish(end));
        }
        let since = *self.held_since.get_or_insert(now);
        let held = now.since(since);
        let (is_late, is_quiet) = (held >= rules.timeout, self.quiet_since.is_some());
        if is_quiet && self.kick == Kick::Due && held >= rules.kick_after() && !is_late {
            self.kick = Kick::Asked;
            return Some(UserWish::Kick(self.departure.clone()));
        }
        let is_clear = is_quiet && self.kick == Kick::Done && held >= rules.notice;
        ((is_clear || is_late) && self.is_write_due(now)).then_some(UserWish::Finish(end))
    }

    /// Whether a write may be asked for: the last one was not, or should be there by now.
    fn is_write_due(&mut self, now: Tick) -> bool {
        let is_due = now >= self.finish_at;
        if is_due {
            self.finish_at = now.after(FINISH_AGAIN_AFTER);
        }
        is_due
    }
}

impl UserMoves {
    /// None is known yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, courses: BTreeMap::new() }
    }

    /// Looks at the published table. To be called whenever it is another one, and a few times a second as long as
    /// [`Self::are_under_way`].
    pub fn look(&mut self, table: &Table, now: Tick, unix_millis: i64) -> Vec<UserWish> {
        self.take_up(table.departures(), now);
        let mut wishes = Vec::new();
        let mut endings: BTreeMap<Uuid, BTreeSet<Box<str>>> = BTreeMap::new();
        let mut reads_left = READS_AT_ONCE_MAX;
        for ((user, backend), course) in &mut self.courses {
            let row = course.row.clone();
            let is_settled = matches!(&row, Some(Some(row)) if !row.is_moving());
            if !is_settled && now >= course.read_at && reads_left > 0 {
                reads_left -= 1;
                course.read_at = now.after(READ_AGAIN_AFTER);
                wishes.push(UserWish::Read(user.clone()));
            }
            let Some(row) = row else { continue };
            let age = unix_millis.abs_diff(course.departure.since);
            let is_old = u128::from(age) >= self.rules.kept().as_millis();
            match course.stand(table, row.as_ref()) {
                Stand::Moving(end) => {
                    if matches!(*end, End::Complete(_)) && course.begin_search_if_due(now) {
                        endings.entry(*backend).or_default().insert(user.clone());
                    }
                    wishes.extend(course.go_on(end, &self.rules, now));
                }
                Stand::LeftToOthers => course.held_since = None,
                Stand::Gone => {
                    if !course.is_left(now) && course.begin_search_if_due(now) {
                        endings.entry(*backend).or_default().insert(user.clone());
                    }
                    if is_old && course.is_write_due(now) {
                        wishes.push(UserWish::Forget(course.departure.clone()));
                    }
                }
                Stand::Stays => {
                    if course.is_write_due(now) {
                        wishes.push(UserWish::Forget(course.departure.clone()));
                    }
                }
            }
        }
        let endings = endings.into_iter();
        let endings = endings.map(|(backend, users)| UserWish::End(UserEnding { backend, users }));
        wishes.into_iter().chain(endings).collect()
    }

    fn take_up(&mut self, departures: &[Departure], now: Tick) {
        let listed: BTreeSet<(&str, Uuid)> =
            departures.iter().map(|it| (&*it.user, it.backend_id)).collect();
        self.courses.retain(|(user, backend), _| listed.contains(&(&**user, *backend)));
        for departure in departures {
            let key = (departure.user.clone(), departure.backend_id);
            let is_known = self.courses.get(&key).is_some_and(|it| it.departure == *departure);
            if !is_known {
                self.courses.insert(key, Course::new(departure.clone(), now));
            }
        }
    }

    /// The user's row was read; none: there is none.
    pub fn take(&mut self, user: &str, row: Option<&User>, now: Tick) {
        for ((name, _), course) in &mut self.courses {
            if **name != *user {
                continue;
            }
            let is_same = |known: &Option<User>| match (known, row) {
                (Some(known), Some(row)) => known.leads_where(row) && is_same_order(known, row),
                (None, None) => true,
                _ => false,
            };
            if !course.row.as_ref().is_some_and(is_same) {
                // Another move, or its end: what was found before says nothing of it.
                *course = Course {
                    read_at: course.read_at,
                    ..Course::new(course.departure.clone(), now)
                };
            }
            course.row = Some(row.cloned());
        }
    }

    /// So many sessions and logins were found, and have ended. Without any, none is left of these users.
    pub fn ended(&mut self, ending: &UserEnding, count: usize, now: Tick) {
        for user in &ending.users {
            if let Some(course) = self.courses.get_mut(&(user.clone(), ending.backend)) {
                let since = course.quiet_since.unwrap_or(now);
                course.quiet_since = (count == 0).then_some(since);
            }
        }
    }

    /// The old backend was asked, or cannot be.
    pub fn kicked(&mut self, departure: &Departure) {
        let key = (departure.user.clone(), departure.backend_id);
        if let Some(course) = self.courses.get_mut(&key)
            && course.kick == Kick::Asked
        {
            course.kick = Kick::Done;
        }
    }

    /// Whether there is something to look for although the table is the same.
    #[must_use]
    pub fn are_under_way(&self) -> bool {
        !self.courses.is_empty()
    }

    /// The moves that hold logins: who, from which backend, into which group, and for how long.
    pub fn held(&self, now: Tick) -> impl Iterator<Item = (&str, Uuid, Box<str>, Duration)> {
        self.courses.iter().filter_map(move |((user, backend), course)| {
            let row = course.row.as_ref()?.as_ref().filter(|row| row.is_moving())?;
            let held = now.since(course.held_since?);
            Some((&**user, *backend, row.moved().group_name, held))
        })
    }
}

/// Whether two rows that lead the same way are of one order: the same one given again is another move.
fn is_same_order(known: &User, row: &User) -> bool {
    !row.is_moving() || known.last_update == row.last_update
}

/// The same when none was found.
const SEARCH_AGAIN_EVERY: Duration = Duration::from_secs(1);
/// By then every data core goes by the row as it is.
const LEFT_AFTER: Duration = Duration::from_secs(3);
/// Rows are read one by one; the next look goes on.
const READS_AT_ONCE_MAX: usize = 64;
/// A row that says that the user moves is read again: an operator, or a login whose source is gone, may have ended the move.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);
