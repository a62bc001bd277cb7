//! Moves of groups that the proxies carry out, as the control core drives them; what and when is Hale's own (`hale::moving`). What
//! operators order of groups and backends, as `hale cluster` does it.

use hale::moving::Wish;
use hale::route::change::{ChangeReason, GroupChange, Placement, time_of_change};
use hale::route::hash::{Candidate, rank};
use hale::route::rows::{BackendStatus, UserGroup};
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::{Key, Value, Write};
use super::judge::{Order, TABLE_READ_WITHIN};
use super::login::{Call, Login, Stage};
use super::machines::About;
use super::sessions::Whom;
use super::world::{Event, Task, World, backend_id};
use super::writes;

impl World {
    /// The table of a proxy is another one.
    pub(super) fn table_changed(&mut self, proxy: usize) {
        if !self.play.is_of_backends() {
            return;
        }
        self.watch_backends(proxy);
        let table = &self.proxies[proxy].memory.table;
        self.fleet.hosts[proxy].pinned.look(table);
        self.see_to_moves(proxy);
    }

    /// A look at moves that are under way.
    pub(super) fn look_at_moves(&mut self, proxy: usize) {
        self.fleet.hosts[proxy].is_looking = false;
        self.see_to_moves(proxy);
    }

    /// Looks what moves want.
    pub(super) fn see_to_moves(&mut self, proxy: usize) {
        let now = Tick(self.now);
        let table = &self.proxies[proxy].memory.table;
        let wishes = self.fleet.hosts[proxy].moves.look(table, now);
        for wish in wishes {
            match wish {
                Wish::End(ending) => {
                    // A data core that is busy does not answer in time.
                    if self.is_faulty() && self.random.percent(3) {
                        continue;
                    }
                    let groups = Whom::Groups(&ending.groups);
                    let count = self.leave(proxy, Some(ending.backend), groups);
                    self.fleet.hosts[proxy].moves.ended(&ending, count);
                }
                Wish::Finish(finish) => {
                    for change in finish.changes {
                        self.take_back_soon(proxy, Event::TakeBack, &change.name);
                        let start = self.proxies[proxy].start;
                        let alone = Login::new(Box::default(), proxy, start);
                        self.wait(alone, Call::Change(Box::new(change), Stage::Read));
                    }
                }
            }
        }
        for kick in self.fleet.hosts[proxy].moves.kicks(now) {
            self.ask_backend(proxy, kick.backend, About::Groups(kick));
        }
        self.see_to_users(proxy);
        self.follow_pins(proxy);
        self.sweep(proxy);
        let host = &mut self.fleet.hosts[proxy];
        let is_under_way = host.moves.are_under_way() || host.users.are_under_way();
        if is_under_way && !host.is_looking {
            host.is_looking = true;
            self.task_at(self.now + LOOK_EVERY, proxy, Task::Moves);
        }
    }

    /// A group's row is written by a proxy, over what it has read with this stamp.
    pub(super) fn write_placement_of(&mut self, proxy: usize, change: &GroupChange, stamp: i64) {
        let site = self.proxies[proxy].site;
        let before = self.replicas[site].group(change.site_id, &change.name);
        let former = before.as_ref().and_then(|row| row.refresh_after);
        let now = time_of_change(self.proxies[proxy].wall(self.now), former);
        let write = writes::change(change, Self::behind(proxy, stamp), now);
        self.write_as_stamped(site, write);
        let after = self.replicas[site].group(change.site_id, &change.name);
        if before != after {
            self.check_placement(proxy, before.as_ref(), change);
        }
        self.note_move(site);
    }

    /// All proxies of the site are to read the groups again.
    fn note_move(&mut self, site: usize) {
        let wall = super::EPOCH + i64::try_from(self.now).unwrap();
        let columns = vec![("value", Value::Text(wall.to_string().into()))];
        self.write(site, Write { key: Key::Moves(self.sites[site]), columns, at: wall });
    }

    // === Operators ===

    fn candidates(&self, site: usize) -> Vec<Candidate> {
        let rows = self.replicas[site].backends(self.sites[site]).into_iter();
        let online = rows.filter(|row| row.status == BackendStatus::Online);
        let share = |factor: Option<i64>| u8::try_from(factor.unwrap_or(100)).unwrap();
        online.map(|row| Candidate { id: row.id, load_factor: share(row.load_factor) }).collect()
    }

    fn place(&mut self, site: usize, row: &UserGroup, placement: Placement) {
        if placement.is_of(row) {
            return;
        }
        let change = GroupChange::of(row, placement, ChangeReason::Ordered);
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        let ordered = time_of_change(at, row.refresh_after);
        self.write(site, writes::change(&change, at, ordered));
        let order = Order { at: self.now, placement: change.placement, ordered };
        self.fleet.judge.ordered(&row.name, self.sites[site], order);
        self.note_move(site);
    }

    /// `hale cluster group move`, to a backend that is online.
    pub(super) fn order_move(&mut self, site: usize) {
        let name: Box<str> = format!("default-{}", 1 + self.random.below(8)).into();
        let Some(row) = self.replicas[site].group(self.sites[site], &name) else { return };
        let to = backend_id(site, self.random.index(self.play.backends));
        let is_online = self.candidates(site).iter().any(|it| it.id == to);
        if !is_online || row.backend_id == Some(to) || row.is_moving() {
            return;
        }
        self.record.tally.group_moves += 1;
        self.start_move(site, &row, to);
    }

    fn start_move(&mut self, site: usize, row: &UserGroup, to: Uuid) {
        let placement =
            Placement { backend_id: row.backend_id, alt_backend_id: Some(to), moving: "1".into() };
        self.place(site, row, placement);
    }

    /// `hale cluster group move --direct` back to where moving groups are, of some.
    pub(super) fn abort_moves(&mut self, site: usize) {
        for row in self.replicas[site].groups(self.sites[site]) {
            if row.is_moving() && self.random.percent(50) {
                self.abort_move(site, &row.name);
            }
        }
    }

    pub(super) fn abort_move(&mut self, site: usize, name: &str) {
        let row = self.replicas[site].group(self.sites[site], name);
        let Some(row) = row.filter(UserGroup::is_moving) else { return };
        let next = rank(&row.name, &self.candidates(site), row.backend_id);
        let placement = Placement {
            backend_id: row.backend_id,
            alt_backend_id: next.map(|ranking| ranking.best),
            moving: Box::default(),
        };
        self.place(site, &row, placement);
        self.record.tally.aborted += 1;
        // And the same order again, before any proxy has looked.
        if let (Some(to), true) = (row.alt_backend_id, self.random.percent(50))
            && let Some(row) = self.replicas[site].group(self.sites[site], name)
            && !row.is_moving()
        {
            self.start_move(site, &row, to);
        }
    }

    /// The operator changes his mind while a proxy writes the end of what he ordered.
    pub(super) fn take_back_soon(
        &mut self,
        proxy: usize,
        what: fn(usize, Box<str>) -> Event,
        name: &str,
    ) {
        if self.is_faulty() && self.random.percent(10) {
            let at = self.now + self.random.below(600);
            self.at(at, what(self.proxies[proxy].site, name.into()));
        }
    }

    /// `hale cluster backend evacuate`: no new groups, then the moves.
    pub(super) fn evacuate(&mut self, site: usize, id: Uuid) {
        let candidates = self.candidates(site);
        if candidates.iter().all(|it| it.id == id) {
            return;
        }
        self.order_load(site, id, 0);
        for row in self.replicas[site].groups(self.sites[site]) {
            if row.backend_id == Some(id)
                && !row.is_moving()
                && let Some(ranking) = rank(&row.name, &candidates, Some(id))
            {
                self.start_move(site, &row, ranking.best);
            }
        }
        self.record.tally.backends_evacuated += 1;
    }

    pub(super) fn order_load(&mut self, site: usize, id: Uuid, factor: i64) {
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        let columns = vec![("load_factor", Value::Number(factor))];
        self.write(site, Write { key: Key::Backend(self.sites[site], id), columns, at });
    }

    /// `hale cluster backend update --status`.
    pub(super) fn order_status(&mut self, site: usize, id: Uuid, word: &str) {
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        let columns = vec![
            ("status", Value::Text(word.into())),
            ("status_reason", Value::Text("admin".into())),
        ];
        let before = self.replicas[site].backend(self.sites[site], id);
        let touched = self.touched.get(&Key::Backend(self.sites[site], id)).copied();
        let is_seen = touched.unwrap_or_default() + TABLE_READ_WITHIN < self.now;
        self.write(site, Write { key: Key::Backend(self.sites[site], id), columns, at });
        // What the row says already is no news to anyone.
        if before != self.replicas[site].backend(self.sites[site], id) {
            let is_reopened = before.status != BackendStatus::Online && is_seen;
            self.fleet.judge.backend_ordered(id, self.now, is_reopened);
        }
    }
}

/// The control core looks ten times a second; here three times are enough.
const LOOK_EVERY: u64 = 300;
