//! Sessions that are still where a force-move or an evacuation has taken their users away from (C-MOVE-10). No row names these
//! users, because there may be hundreds of thousands: of those that are here, the rows are looked at.
//!
//! Decides: when sessions are listed, at which backends, how many rows are read at the same time, and whose sessions end. Does not:
//! list, read, end. Driver: `control::tasks::moves`. Tests: `super::tests`.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::users::UserEnding;
use crate::limits;
use crate::route::left_behind::{has_left, is_losing};
use crate::route::rows::User;
use crate::route::table::Table;
use crate::tick::Tick;

/// The sweeps of one proxy.
#[derive(Debug)]
pub struct Sweep {
    /// For so long sessions are looked for after the last order was taken back (`cluster_user_move_timeout`).
    timeout: Duration,
    /// Backends that lose users, and until when they are looked at.
    losing: Vec<(Uuid, Tick)>,
    /// When the next sweep begins.
    next: Tick,
    /// What is still to be listed in this one.
    to_list: VecDeque<Uuid>,
    /// Users with sessions at a backend, whose rows are still to be read.
    to_read: VecDeque<(Uuid, Box<str>)>,
    /// A piece of work is under way.
    is_busy: bool,
}

/// One piece of work; the next one is asked for when it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepWish {
    /// Who has sessions at this backend; then [`Sweep::listed`].
    List(Uuid),
    /// The rows of these users are read, all at the same time; then [`Sweep::read`].
    Read(Uuid, Vec<Box<str>>),
}

impl Sweep {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            losing: Vec::new(),
            next: Tick(0),
            to_list: VecDeque::new(),
            to_read: VecDeque::new(),
            is_busy: false,
        }
    }

    /// What is to be done now. To be called a few times a second, and when something was done.
    pub fn look(&mut self, table: &Table, now: Tick) -> Option<SweepWish> {
        if self.is_busy {
            return None;
        }
        if self.to_list.is_empty() && self.to_read.is_empty() && now >= self.next {
            self.begin(table, now);
        }
        let wish = self.batch().or_else(|| self.to_list.pop_front().map(SweepWish::List));
        self.is_busy = wish.is_some();
        wish
    }

    fn begin(&mut self, table: &Table, now: Tick) {
        let until = now.after(self.timeout);
        for backend in table.backends().iter().filter(|backend| is_losing(table, backend)) {
            self.losing.retain(|(id, _)| *id != backend.id);
            self.losing.push((backend.id, until));
        }
        self.losing.retain(|(_, until)| now < *until);
        if !self.losing.is_empty() {
            self.next = now.after(limits::LEFT_BEHIND_EVERY);
        }
        self.to_list = self.losing.iter().map(|(id, _)| *id).collect();
    }

    /// In how long there may be something to do although the table is the same; none: there is not.
    #[must_use]
    pub fn wait(&self, now: Tick) -> Option<Duration> {
        if self.is_busy || !self.to_list.is_empty() || !self.to_read.is_empty() {
            return Some(PIECE_TAKES);
        }
        (!self.losing.is_empty() || now < self.next).then(|| now.until(self.next))
    }

    /// Some rows of users at one backend.
    fn batch(&mut self) -> Option<SweepWish> {
        let backend = self.to_read.front()?.0;
        let of_it = self.to_read.iter().take_while(|(id, _)| *id == backend).count();
        let count = of_it.min(limits::LEFT_BEHIND_READS_AT_ONCE_MAX);
        let users = self.to_read.drain(..count).map(|(_, user)| user).collect();
        Some(SweepWish::Read(backend, users))
    }

    /// These users have sessions at a backend.
    pub fn listed(&mut self, backend: Uuid, users: BTreeSet<Box<str>>) {
        self.is_busy = false;
        self.to_read.extend(users.into_iter().map(|user| (backend, user)));
    }

    /// These rows were found of users with sessions at a backend: whose sessions end.
    pub fn read(&mut self, table: &Table, backend: Uuid, rows: &[User]) -> Option<UserEnding> {
        self.is_busy = false;
        let left = rows.iter().filter(|row| has_left(table, row, backend));
        let users: BTreeSet<Box<str>> = left.map(|row| row.username.clone()).collect();
        (!users.is_empty()).then_some(UserEnding { backend, users })
    }

    /// A piece of work could not be done: the rest of this sweep is left to the next one.
    pub fn failed(&mut self) {
        self.is_busy = false;
        self.to_list.clear();
        self.to_read.clear();
    }
}

/// A piece is done within some milliseconds.
const PIECE_TAKES: Duration = Duration::from_millis(20);
