//! What operators order of single users, as `hale cluster user` and `backend pin` do it, and what must hold of that: a user who
//! has left a backend has no session there.

use hale::route::change::{UserMove, time_of_change};
use hale::route::rows::User;
use hale::route::settings_rows::{Departure, PERCENTAGE};
use uuid::Uuid;

use super::agreement::LOGIN_WITHIN;
use super::geodb::{Key, Value, Write};
use super::judge::{TABLE_READ_WITHIN, Takeover};
use super::machines::{About, MOVE_TIMEOUT, millis};
use super::sessions::Live;
use super::world::{USERS, World, backend_id, user_name};
use super::writes;

/// An order to move, as it is known by the row of whom it moves.
#[derive(Clone, Debug)]
pub(super) struct UserOrder {
    pub(super) at: u64,
    /// `last_update` of the row.
    ordered: Option<i64>,
    from: Uuid,
    /// The proxies were told by a row.
    is_told: bool,
}

impl World {
    fn backend_of(&self, site: usize, row: &User) -> Option<Uuid> {
        let is_home = row.preferred_site_id == Some(self.sites[site]);
        let group = self.replicas[site].group(self.sites[site], &row.group_name);
        group.filter(|_| is_home)?.backend_id
    }

    /// `hale cluster user move`.
    pub(super) fn order_user_move(&mut self, site: usize) {
        let user = user_name(self.random.index(USERS));
        let group: Box<str> = format!("default-{}", 1 + self.random.below(8)).into();
        let to = self.random.percent(20).then(|| self.sites[self.random.index(self.sites.len())]);
        let Some(row) = self.replicas[site].user(&user).filter(|row| !row.is_moving()) else {
            return;
        };
        let moving =
            User { moving_preferred_site_id: to, moving_group_name: Some(group), ..row.clone() };
        if moving.moved().leads_where(&row) {
            return;
        }
        self.move_user(site, &row, &moving);
    }

    fn move_user(&mut self, site: usize, row: &User, moving: &User) {
        let Some(from) = self.backend_of(site, row) else { return };
        let user = row.username.clone();
        let wall = super::EPOCH + i64::try_from(self.now).unwrap();
        let ordered = time_of_change(wall, row.last_update);
        let known = self.replicas[site].departures(self.sites[site]);
        let scope = [self.sites[site], from];
        let departure = Departure::among(known.iter(), scope, &user, ordered).unwrap();
        self.record.ordered_user(&user);
        self.record.tally.user_moves += 1;
        self.write(site, writes::user(moving, wall));
        // The command may break off between its writes.
        let is_told = !self.random.percent(10);
        if is_told {
            self.tell_departure(site, &departure);
        }
        let order = UserOrder { at: self.now, ordered: Some(ordered), from, is_told };
        self.fleet.judge.user_orders.insert(user, order);
    }

    pub(super) fn tell_departure(&mut self, site: usize, departure: &Departure) {
        // Where the user's group is by now, if the command broke off before it told.
        if let Some(order) = self.fleet.judge.user_orders.get_mut(&departure.user)
            && order.ordered == Some(departure.since)
            && !order.is_told
        {
            order.from = departure.backend_id;
        }
        self.write_departure(site, departure, Value::Text(departure.to_row().value));
    }

    /// `hale cluster user move --abort`, of some; and again, to the same place.
    pub(super) fn abort_user_moves(&mut self, site: usize) {
        for number in 0..USERS {
            if self.random.percent(50) {
                self.abort_user_move(site, &user_name(number));
            }
        }
    }

    pub(super) fn abort_user_move(&mut self, site: usize, user: &str) {
        let row = self.replicas[site].user(user).filter(User::is_moving);
        let Some(row) = row.filter(|row| self.backend_of(site, row).is_some()) else { return };
        let wall = super::EPOCH + i64::try_from(self.now).unwrap();
        self.write(site, writes::user(&row.unmoved(), wall));
        for departure in self.replicas[site].departures(self.sites[site]) {
            if *departure.user == *user {
                self.write_departure(site, &departure, Value::Gone);
            }
        }
        self.fleet.judge.user_orders.remove(user);
        self.record.tally.aborted += 1;
        // And the same order again, before any proxy has looked.
        let stays = self.replicas[site].user(user).filter(|row| !row.is_moving());
        if let (Some(stays), true) = (stays, self.random.percent(50)) {
            self.move_user(site, &stays, &User { last_update: stays.last_update, ..row });
        }
    }

    /// The same order again: whoever moves is told to the proxies.
    pub(super) fn tell_movers(&mut self, site: usize) {
        for number in 0..USERS {
            let user = user_name(number);
            let row = self.replicas[site].user(&user).filter(User::is_moving);
            let Some(row) = row else { continue };
            let Some(from) = self.backend_of(site, &row) else { continue };
            let known = self.replicas[site].departures(self.sites[site]);
            let since = row.last_update.unwrap_or_default();
            let scope = [self.sites[site], from];
            let departure = Departure::among(known.iter(), scope, &user, since).unwrap();
            self.tell_departure(site, &departure);
        }
    }

    /// `hale cluster backend pin` and `unpin`.
    pub(super) fn order_pin(&mut self, site: usize) {
        let user = user_name(self.random.index(USERS));
        let backend = backend_id(site, self.random.index(self.play.backends));
        self.unpin(site, &user);
        if self.random.percent(70) {
            let seconds = (super::EPOCH + i64::try_from(self.now).unwrap()) / 1000;
            let value = format!("- admin: trial [uid=0@lb0 {seconds}]");
            self.write_pin(site, backend, &user, Value::Text(value.into()));
            self.record.tally.pinned += 1;
        }
    }

    fn unpin(&mut self, site: usize, user: &str) {
        for (pinned, backend) in self.replicas[site].pins(self.sites[site]) {
            if *pinned == *user {
                self.write_pin(site, backend, user, Value::Gone);
            }
        }
    }

    pub(super) fn unpin_all(&mut self, site: usize) {
        for (user, backend) in self.replicas[site].pins(self.sites[site]) {
            self.write_pin(site, backend, &user, Value::Gone);
        }
    }

    fn write_pin(&mut self, site: usize, backend: Uuid, user: &str, value: Value) {
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        let key = Key::Pin(self.sites[site], backend, user.into());
        self.fleet.judge.pins_touched.insert((site, user.into()), self.now);
        self.write(site, Write { key, columns: vec![("value", value)], at });
    }

    // === What must hold ===

    /// A proxy has written the end of a user's move over this row.
    pub(super) fn check_user_end(
        &mut self,
        proxy: usize,
        before: Option<&User>,
        change: &UserMove,
    ) {
        let (now, user) = (self.now, &change.expected.username);
        let Some(order) = self.fleet.judge.user_orders.get(user).cloned() else { return };
        let is_its = before.is_some_and(|row| row.last_update == order.ordered && row.is_moving());
        let goes = !change.moved.leads_where(&change.expected.unmoved());
        if !is_its || !goes {
            return;
        }
        let began = order.at;
        if now < began + millis(MOVE_TIMEOUT) {
            let fault = format!(
                "{now}: lb{proxy}: {user}: the move began at {began}: not all others hold the logins yet"
            );
            self.record.faults.push(fault);
        }
        self.record.tally.users_taken_over += 1;
        let takeover = Takeover { from: order.from, began, at: now };
        self.fleet.judge.user_takeovers.insert(user.clone(), takeover);
        self.fleet.judge.user_orders.remove(user);
    }

    /// Whether the rows have a user on this backend, or may have soon: one that is out is left for another.
    fn may_be_at(&self, site: usize, user: &str, backend: Uuid, then: u64) -> bool {
        let Some(row) = self.replicas[site].user(user) else { return true };
        if row.preferred_site_id != Some(self.sites[site]) {
            return false;
        }
        let key = Key::Group(self.sites[site], row.group_name.clone());
        let touched = self.touched.get(&key).copied().unwrap_or_default();
        let named = self.replicas[site].group(self.sites[site], &row.group_name);
        let named = named.and_then(|group| group.backend_id);
        named == Some(backend) || touched >= then || !self.is_steady(site, named, then)
    }

    /// A session begins: not where the user has left by a move of his own, unless its proxy could not know.
    pub(super) fn check_session_of(&mut self, proxy: usize, user: &str, backend: Uuid) {
        let site = self.proxies[proxy].site;
        let Some(takeover) = self.fleet.judge.user_takeovers.get(user) else { return };
        let Takeover { from, began, at } = *takeover;
        let touched = self.touched.get(&Key::User(user.into())).copied().unwrap_or_default();
        let is_stray = backend == from
            && touched <= at
            // It has read the departure, or takes no row for good that it has from before; a row of the LocalDB is old at once, and
            // good for one login all the same.
            && self.fleet.hosts[proxy].started <= began
            && self.is_in_touch_since(proxy, self.now.saturating_sub(TABLE_READ_WITHIN))
            && at + TABLE_READ_WITHIN < self.now
            && !self.may_be_at(site, user, backend, began);
        if is_stray {
            let now = self.now;
            let fault = format!(
                "{now}: {user} moves since {began} and has left {from} at {at}, and lb{proxy} begins a session there"
            );
            self.record.faults.push(fault);
        }
    }

    /// A session begins: not where the user is leaving, once its proxy has had the time to hear of the move (C-MOVE-6).
    pub(super) fn check_held(&mut self, proxy: usize, user: &str, backend: Uuid) {
        let (now, site) = (self.now, self.proxies[proxy].site);
        let Some(order) = self.fleet.judge.user_orders.get(user) else { return };
        let Some(row) = self.replicas[site].user(user) else { return };
        let ends = [row.group_name.clone(), row.moved().group_name];
        let touched = ends.iter().map(|group| {
            let key = Key::Group(self.sites[site], group.clone());
            self.touched.get(&key).copied().unwrap_or_default()
        });
        let to = self.backend_of(site, &row.moved());
        let is_held = order.is_told
            && row.is_moving()
            && row.last_update == order.ordered
            && self.backend_of(site, &row) == Some(backend)
            && order.at + TABLE_READ_WITHIN + LOGIN_WITHIN < now
            && touched.max().unwrap_or_default() + GROUPS_READ_WITHIN < order.at
            && self.fleet.hosts[proxy].started <= order.at
            && self.is_in_touch_since(proxy, order.at)
            && [Some(backend), to].into_iter().all(|end| self.is_steady(site, end, order.at));
        if is_held {
            let fault = format!(
                "{now}: {user} moves since {}, and lb{proxy} begins a session at {backend}",
                order.at
            );
            self.record.faults.push(fault);
        }
    }

    /// An old backend has ended what it had of those who leave it.
    pub(super) fn note_kicked(&mut self, proxy: usize, backend: Uuid, about: &About) {
        let mut left = self.fleet.sessions.live.values().filter(|it| {
            let is_its = match about {
                About::Groups(ending) => {
                    it.group.as_ref().is_some_and(|group| ending.groups.contains(group))
                }
                About::User(departure) => it.user == departure.user,
            };
            it.backend == backend && is_its
        });
        if let Some(Live { user, proxy: other, .. }) = left.next() {
            let now = self.now;
            let fault = format!(
                "{now}: {backend} was asked by lb{proxy} to end all, and {user} has a session there by lb{other}"
            );
            self.record.faults.push(fault);
        }
    }

    /// A user is taken away from a backend by a force-move of that one, of which all have had the time to hear.
    pub(super) fn note_forced(&mut self, proxy: usize, moved: &User) {
        let (site, site_id, user) =
            (self.proxies[proxy].site, self.proxies[proxy].site_id, &moved.username);
        let Some(row) = self.replicas[site].user(user) else { return };
        let Some(from) = self.backend_of(site, &row) else { return };
        // To a group that has come there since: the user stays where he is, and sessions go on.
        if self.backend_of(site, moved) == Some(from) {
            return;
        }
        let key = Key::ForceMove(site_id, from, PERCENTAGE);
        let touched = self.touched.get(&key).copied().unwrap_or_default();
        let is_known = touched + TABLE_READ_WITHIN < self.now;
        if is_known && !self.replicas[site].text(&key, "value").is_empty() {
            let forced = Takeover { from, began: touched, at: self.now };
            self.fleet.judge.forced.insert(user.clone(), forced);
        }
    }

    /// Sessions of users at backends that these have left, and of pinned users elsewhere.
    pub(super) fn strays_of_users(&self) -> Vec<String> {
        let Some(then) = self.now.checked_sub(USERS_FOLLOW_WITHIN) else { return Vec::new() };
        let judge = &self.fleet.judge;
        let live = self.fleet.sessions.live.values();
        let has_left = |it: &&Live| {
            let site = self.proxies[it.proxy].site;
            let touched = self.touched.get(&Key::User(it.user.clone())).copied();
            // A proxy that did not hear of the order while it was given goes by rows that are five minutes old, at worst.
            let is_of = |left: &Takeover| {
                left.from == it.backend
                    && left.at < then
                    && touched.unwrap_or_default() <= left.at
                    && self.is_in_touch_since(it.proxy, left.began)
            };
            // One that begins later, by a row that is old, no order is left to see to.
            let is_forced = |left: &Takeover| is_of(left) && it.since <= left.at;
            let has_moved = judge.user_takeovers.get(&it.user).is_some_and(is_of)
                || judge.forced.get(&it.user).is_some_and(is_forced);
            it.group.is_some()
                && !it.is_blind
                && has_moved
                && !self.may_be_at(site, &it.user, it.backend, then)
        };
        let is_astray = |it: &&Live| {
            let site = self.proxies[it.proxy].site;
            let pins = self.replicas[site].pins(self.sites[site]);
            let pin = pins.iter().find(|(user, _)| *user == it.user).map(|(_, to)| *to);
            let touched = judge.pins_touched.get(&(site, it.user.clone())).copied();
            let is_pinned = pin.is_some_and(|to| self.is_steady(site, Some(to), then));
            let is_wrong = match pin {
                Some(to) => is_pinned && it.backend != to,
                None => it.group.is_none(),
            };
            is_wrong && touched.unwrap_or_default() < then && self.is_in_touch_since(it.proxy, then)
        };
        let tell = |it: &Live, why: &str| {
            let Live { user, proxy, backend, since, .. } = it;
            format!("{user} has a session at {backend} by lb{proxy} since {since}, and {why}")
        };
        let moved = live.clone().filter(has_left).map(|it| tell(it, "has left it"));
        let pinned = live.filter(is_astray).map(|it| tell(it, "is pinned elsewhere, or no more"));
        moved.chain(pinned).collect()
    }

    /// A user's move has an end, if both ends of it are well and one proxy is.
    pub(super) fn users_moved_for_ever(&self, site: usize) -> Vec<String> {
        let late = |user: &str, order: &UserOrder| {
            let row = self.replicas[site].user(user)?;
            let is_its = row.is_moving() && row.last_update == order.ordered && order.is_told;
            let ends = [row.group_name.clone(), row.moved().group_name];
            let news = ends.iter().filter_map(|group| {
                self.touched.get(&Key::Group(self.sites[site], group.clone())).copied()
            });
            // All proxies have read where both groups are before.
            let is_read = news.max().unwrap_or_default() + GROUPS_READ_WITHIN < order.at;
            let extra = if is_read { 0 } else { GROUPS_READ_WITHIN };
            let is_late =
                order.at + millis(MOVE_TIMEOUT) + USER_MOVES_END_WITHIN + extra < self.now;
            let is_home = row.preferred_site_id == Some(self.sites[site]);
            let proxies = 0..self.proxies.len();
            let is_kept = proxies
                .filter(|proxy| self.proxies[*proxy].site == site)
                .any(|proxy| self.is_in_touch_since(proxy, order.at));
            let key = Key::Group(self.sites[site], row.group_name.clone());
            let touched = self.touched.get(&key).copied().unwrap_or_default();
            let stays = touched < order.at
                && self.backend_of(site, &row) == Some(order.from)
                && self.is_steady(site, Some(order.from), order.at);
            let is_bad = is_its && is_late && is_home && is_kept && stays;
            is_bad.then(|| format!("{user} moves since {}", order.at))
        };
        let orders = self.fleet.judge.user_orders.iter();
        orders.filter_map(|(user, order)| late(user, order)).collect()
    }
}

/// What a move may take in which no login waits, and a sweep.
const USERS_FOLLOW_WITHIN: u64 = TABLE_READ_WITHIN + 31_000 + 10_000;
/// The departure is seen, the user's row read twice, and the end written twice perhaps.
const USER_MOVES_END_WITHIN: u64 = TABLE_READ_WITHIN + 20_000;
/// Rows of groups are read once a minute.
const GROUPS_READ_WITHIN: u64 = 60_000 + TABLE_READ_WITHIN;
