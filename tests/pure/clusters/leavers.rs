//! Who leaves a backend besides groups that move, as the control core drives it: single users, those whom a force-move has taken
//! elsewhere, those who are pinned; and what old backends are asked. What and when is Hale's own (`hale::moving`).

use std::collections::BTreeSet;

use hale::limits::MOVE_KICK_TIMEOUT;
use hale::moving::left_behind::SweepWish;
use hale::moving::users::{UserEnding, UserWish};
use hale::route::change::{UserMove, is_same_user};
use hale::route::departure::announced;
use hale::route::rows::User;
use hale::route::settings_rows::Departure;
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::{Key, Value, Write};
use super::login::{Call, Login, Stage};
use super::machines::{About, millis};
use super::proxy::Reads;
use super::sessions::Whom;
use super::world::{Event, Task, World};
use super::writes;

impl World {
    /// The ends of sessions that moves of users want, and what comes with them.
    pub(super) fn see_to_users(&mut self, proxy: usize) {
        let (now, wall) = (Tick(self.now), self.proxies[proxy].wall(self.now));
        let table = &self.proxies[proxy].memory.table;
        let wishes = self.fleet.hosts[proxy].users.look(table, now, wall);
        for wish in wishes {
            match wish {
                UserWish::Read(user) => self.call_beside(proxy, &user, Call::ReadMover),
                UserWish::End(ending) => {
                    if self.is_faulty() && self.random.percent(3) {
                        continue;
                    }
                    let UserEnding { backend, users } = &ending;
                    let count = self.leave(proxy, Some(*backend), Whom::Users(users));
                    self.fleet.hosts[proxy].users.ended(&ending, count, now);
                }
                UserWish::Kick(departure) => {
                    self.ask_backend(proxy, departure.backend_id, About::User(departure));
                }
                UserWish::Finish(end) => {
                    let change = Box::new(end.change().clone());
                    let user = change.expected.username.clone();
                    self.take_back_soon(proxy, Event::TakeBackUser, &user);
                    self.call_beside(proxy, &user, Call::Finish(change, Stage::Read));
                }
                UserWish::Forget(departure) => {
                    let user = departure.user.clone();
                    self.call_beside(proxy, &user, Call::Forget(departure));
                }
            }
        }
    }

    fn call_beside(&mut self, proxy: usize, user: &str, call: Call) {
        let alone = Login::new(user.into(), proxy, self.proxies[proxy].start);
        self.wait(alone, call);
    }

    /// The user's row was read because the user moves.
    pub(super) fn take_mover(&mut self, proxy: usize, user: &str) {
        let row = self.replicas[self.proxies[proxy].site].user(user);
        self.fleet.hosts[proxy].users.take(user, row.as_ref(), Tick(self.now));
        self.proxies[proxy].doubt_unless(user, row.as_ref());
    }

    /// The end of a user's move is written, unless the row is another by now: that is read, and then written over.
    pub(super) fn finish_user(
        &mut self,
        login: &mut Login,
        change: Box<UserMove>,
        stage: Stage,
    ) -> Option<Call> {
        let proxy = login.proxy;
        let (site, user) = (self.proxies[proxy].site, &change.expected.username);
        let key = Key::User(user.clone());
        let row = self.replicas[site].user(user);
        if stage == Stage::Read {
            let is_expected = row.is_some_and(|row| is_same_user(&change.expected, &row));
            login.stamp = self.replicas[site].stamp(&key);
            if is_expected {
                return Some(Call::Finish(change, Stage::Written));
            }
        } else {
            let mut write = writes::user(&change.moved, self.proxies[proxy].wall(self.now));
            write.at = Self::behind(proxy, login.stamp);
            self.write_as_stamped(site, write);
            let after = self.replicas[site].user(user);
            if row != after {
                self.check_user_end(proxy, row.as_ref(), &change);
            }
        }
        self.take_mover(proxy, user);
        None
    }

    pub(super) fn forget(&mut self, proxy: usize, departure: &Departure) {
        let site = self.proxies[proxy].site;
        self.write_departure(site, departure, Value::Gone);
        self.refresh(proxy, Reads::Places);
    }

    pub(super) fn write_departure(&mut self, site: usize, departure: &Departure, value: Value) {
        let Departure { site_id, backend_id, number, .. } = *departure;
        let key = Key::Departure(site_id, backend_id, number);
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        self.write(site, Write { key, columns: vec![("value", value)], at });
    }

    /// A row that was just read says that the user moves, and no row tells the other proxies.
    pub(super) fn announce(&mut self, proxy: usize, row: &User) {
        if !self.play.is_of_backends() {
            return;
        }
        let wall = self.proxies[proxy].wall(self.now);
        let table = &self.proxies[proxy].memory.table;
        if let Some(departure) = announced(table, row, wall) {
            self.call_beside(proxy, &row.username, Call::Announce(departure));
        }
    }

    // === Old backends are asked ===

    pub(super) fn ask_backend(&mut self, proxy: usize, backend: Uuid, about: About) {
        let takes = match self.random.below(10) {
            // It comes to no end.
            0 => millis(MOVE_KICK_TIMEOUT),
            _ => self.random.pick(&[5, 50, 900]),
        };
        self.task_at(self.now + takes, proxy, Task::Kicked(backend, Box::new(about), takes));
    }

    /// The old backend has ended what it has of those who leave, whichever proxy it came by, or has not answered.
    pub(super) fn kicked(&mut self, proxy: usize, backend: Uuid, about: &About, took: u64) {
        let is_reached = self.fleet.reached_since(proxy, backend).is_some();
        let has_answered = is_reached && took < millis(MOVE_KICK_TIMEOUT);
        if has_answered {
            let users;
            let whom = match about {
                About::Groups(ending) => Whom::Groups(&ending.groups),
                About::User(departure) => {
                    users = BTreeSet::from([departure.user.clone()]);
                    Whom::Users(&users)
                }
            };
            let is_meant = |it: &super::sessions::Live| {
                it.backend == backend && whom.is_of(&it.user, it.group.as_deref())
            };
            let ended = self.end_sessions(is_meant);
            self.record.tally.kicked_at_backends += u64::try_from(ended).unwrap();
        }
        let host = &mut self.fleet.hosts[proxy];
        match about {
            About::Groups(ending) => host.moves.kicked(ending),
            About::User(departure) => host.users.kicked(departure),
        }
        if has_answered {
            self.note_kicked(proxy, backend, about);
        }
    }

    // === Left behind ===

    /// Sessions whose users a force-move has taken elsewhere.
    pub(super) fn sweep(&mut self, proxy: usize) {
        let now = Tick(self.now);
        loop {
            let table = &self.proxies[proxy].memory.table;
            let Some(wish) = self.fleet.hosts[proxy].sweep.look(table, now) else { return };
            match wish {
                SweepWish::List(backend) => {
                    let live = self.fleet.sessions.live.values();
                    let here = live.filter(|it| it.proxy == proxy && it.backend == backend);
                    let users = here.map(|it| it.user.clone()).collect();
                    self.fleet.hosts[proxy].sweep.listed(backend, users);
                }
                SweepWish::Read(..) if self.is_geodb_silent(proxy) => {
                    self.fleet.hosts[proxy].sweep.failed();
                    return;
                }
                SweepWish::Read(backend, users) => {
                    let replica = &self.replicas[self.proxies[proxy].site];
                    let rows: Vec<User> =
                        users.iter().filter_map(|user| replica.user(user)).collect();
                    let ending = self.fleet.hosts[proxy].sweep.read(table, backend, &rows);
                    if let Some(UserEnding { backend, users }) = ending {
                        let count = self.leave(proxy, Some(backend), Whom::Users(&users));
                        self.record.tally.swept += u64::try_from(count).unwrap();
                    }
                }
            }
        }
    }

    /// Sessions of users who are pinned, or no more.
    pub(super) fn follow_pins(&mut self, proxy: usize) {
        let leaving = self.fleet.hosts[proxy].pinned.leaving();
        for user in leaving {
            if self.is_faulty() && self.random.percent(3) {
                continue;
            }
            self.fleet.hosts[proxy].pinned.ended(&user);
            self.leave(proxy, None, Whom::Users(&BTreeSet::from([user])));
        }
    }
}
