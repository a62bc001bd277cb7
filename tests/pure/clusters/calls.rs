//! Calls of logins to the GeoDB of their site, as the control core makes them; some are lost, some done and not answered.

use hale::route::change::{UserMove, UserMoveReason, is_same_user, time_of_change};
use hale::route::rows::{User, UserGroup};

use super::geodb::{Key, Write};
use super::login::{Call, Login, Stage};
use super::proxy::{Proxy, Reads};
use super::world::World;
use super::writes;

impl World {
    /// A call reaches the GeoDB of the proxy's site, or not.
    pub(super) fn call(&mut self, mut login: Login) {
        let Some(call) = login.call.take() else { return };
        if self.is_gone(&login) {
            return;
        }
        let site = self.proxies[login.proxy].site;
        let is_lost = self.is_faulty() && self.random.percent(2);
        let is_beside = call.is_beside();
        if self.is_geodb_silent(login.proxy) || is_lost {
            let is_read_again = matches!(call, Call::ReadAgain(_));
            if is_lost && self.random.percent(50) {
                // It was done, and only the answer is lost.
                self.carry_out(site, &mut login, call);
            }
            if is_beside {
                return;
            }
            if let Some(session) = &mut login.session {
                session.is_blind = true;
            }
            login.is_silent = !is_read_again;
            return self.advance(login);
        }
        match self.carry_out(site, &mut login, call) {
            Some(next) => self.wait(login, next),
            None if is_beside => {}
            None => self.advance(login),
        }
    }

    /// The proxy that decides, or the one that the client is connected to, was started anew: the client is gone.
    pub(super) fn is_gone(&self, login: &Login) -> bool {
        let is_new = |proxy: usize, start| self.proxies[proxy].start != start;
        is_new(login.proxy, login.start)
            || login.session.as_ref().is_some_and(|session| is_new(session.proxy, session.start))
    }

    /// Reads or writes; what has to be done next.
    fn carry_out(&mut self, site: usize, login: &mut Login, call: Call) -> Option<Call> {
        match call {
            Call::ReadUser | Call::Renew => self.read_user(site, login),
            Call::ReadAgain(group) => self.read_again(site, login, group.as_deref()),
            Call::Learn(group, host) => {
                self.read_again(site, login, Some(&group));
                let now = self.now;
                let proxy = &mut self.proxies[login.proxy];
                proxy.learn(&login.user, &group, &host, now);
                let learner = (login.proxy, &*proxy);
                self.record.learnt(now, learner, &login.user, (&group, &host));
            }
            Call::ReadGroup(name) => self.take_group(login.proxy, &name),
            Call::ReadMover => self.take_mover(login.proxy, &login.user),
            Call::Finish(change, stage) => return self.finish_user(login, change, stage),
            Call::Forget(departure) => self.forget(login.proxy, &departure),
            Call::Announce(departure) => {
                self.tell_departure(site, &departure);
                self.refresh(login.proxy, Reads::Places);
            }
            Call::Assign(..) | Call::Move(..) => return self.write_user(site, login, call),
            Call::Create(..) | Call::Change(..) => return self.write_group(site, login, call),
            Call::FailOver(..) | Call::Homecoming(..) => {
                return self.write_group_site(site, login, call);
            }
        }
        None
    }

    fn write_user(&mut self, site: usize, login: &mut Login, call: Call) -> Option<Call> {
        let at = self.proxies[login.proxy].wall(self.now);
        match call {
            Call::Assign(assignment, Stage::Read) => {
                self.read_user(site, login);
                let is_there = login.row.as_ref().is_some_and(|row| !row.group_name.is_empty());
                return (!is_there).then_some(Call::Assign(assignment, Stage::Written));
            }
            Call::Assign(assignment, _) => {
                self.record.assigned(&assignment);
                self.write(site, writes::assign(&assignment, at));
            }
            Call::Move(change, Stage::Read) => {
                if self.finds_group_elsewhere(site, login, &change) {
                    return None;
                }
                self.read_user(site, login);
                login.stamp = self.replicas[site].stamp(&Key::User(login.user.clone()));
                let is_expected = |row: &User| is_same_user(&change.expected, row);
                return login
                    .row
                    .as_ref()
                    .is_some_and(is_expected)
                    .then_some(Call::Move(change, Stage::Written));
            }
            Call::Move(change, _) => {
                let stamp = Self::behind(login.proxy, login.stamp);
                // What another has written since it was read stays.
                if stamp >= self.replicas[site].stamp(&Key::User(login.user.clone())) {
                    self.note_moved(login.proxy, &change);
                }
                let write = Write { at: stamp, ..writes::user(&change.moved, at) };
                self.write_as_stamped(site, write);
            }
            _ => {}
        }
        self.read_user(site, login);
        None
    }

    /// A login is about to change the user's row.
    fn note_moved(&mut self, proxy: usize, change: &UserMove) {
        let touched = self.orders_touched(self.proxies[proxy].site, &change.expected);
        self.record.check_moved(self.now, &self.proxies[proxy], change, touched);
        if change.reason == UserMoveReason::BackendForceMove {
            self.note_forced(proxy, &change.moved);
        }
    }

    /// A user leaves a backend by two groups' rows, which are read before that; too many that are old, and the login does
    /// without.
    fn finds_group_elsewhere(&mut self, site: usize, login: &mut Login, change: &UserMove) -> bool {
        if change.reason != UserMoveReason::BackendForceMove {
            return false;
        }
        for name in [&change.expected.group_name, &change.moved.group_name] {
            let proxy = &mut self.proxies[login.proxy];
            let known = login.group.as_ref().filter(|row| row.name == *name);
            let known = known.or_else(|| proxy.group(name));
            let row = self.replicas[site].group(proxy.site_id, name);
            let is_newer = |row: &UserGroup| known != Some(row);
            let Some(row) = row.filter(is_newer) else { continue };
            proxy.put_group(&row);
            if row.name == change.expected.group_name {
                login.group = Some(row);
            } else {
                login.newer += 1;
                login.is_silent = login.newer > NEWER_MAX;
            }
            return true;
        }
        false
    }

    fn write_group(&mut self, site: usize, login: &mut Login, call: Call) -> Option<Call> {
        let at = self.proxies[login.proxy].wall(self.now);
        let (site_id, name) = match call {
            Call::Create(creation, stage) => {
                let row = self.replicas[site].group(creation.site_id, &creation.name);
                if stage == Stage::Read && row.is_none() {
                    return Some(Call::Create(creation, Stage::Written));
                }
                if stage == Stage::Written {
                    self.write(site, writes::create(&creation, at));
                }
                login.group = self.replicas[site].group(creation.site_id, &creation.name);
                (creation.site_id, creation.name)
            }
            Call::Change(change, stage) => {
                let row = self.replicas[site].group(change.site_id, &change.name);
                let is_expected = row.as_ref().is_some_and(|row| change.is_expected(row));
                if stage == Stage::Read && is_expected {
                    let key = Key::Group(change.site_id, change.name.clone());
                    login.stamp = self.replicas[site].stamp(&key);
                    return Some(Call::Change(change, Stage::Written));
                }
                if stage == Stage::Written && self.play.is_of_backends() {
                    self.write_placement_of(login.proxy, &change, login.stamp);
                } else if stage == Stage::Written {
                    let former = row.and_then(|row| row.refresh_after);
                    self.write(site, writes::change(&change, at, time_of_change(at, former)));
                }
                (change.site_id, change.name)
            }
            _ => return None,
        };
        debug_assert_eq!(site_id, self.sites[site]);
        self.take_group(login.proxy, &name);
        None
    }

    /// A group's row goes into the table by itself.
    fn take_group(&mut self, proxy: usize, name: &str) {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        if let Some(row) = self.replicas[site].group(site_id, name) {
            self.proxies[proxy].put_group(&row);
            self.table_changed(proxy);
        }
    }

    fn write_group_site(&mut self, site: usize, login: &mut Login, call: Call) -> Option<Call> {
        let (change, stage, is_homecoming) = match call {
            Call::FailOver(change, stage) => (change, stage, false),
            Call::Homecoming(change, stage) => (change, stage, true),
            _ => return None,
        };
        let row = self.replicas[site].group_site(&change.group_name, change.site_id);
        if stage == Stage::Read && change.is_expected(row.as_ref()) {
            let stage = Stage::Written;
            return Some(match is_homecoming {
                true => Call::Homecoming(change, stage),
                false => Call::FailOver(change, stage),
            });
        }
        if stage == Stage::Written {
            let proxy = &self.proxies[login.proxy];
            self.record.changed(self.now, site, proxy, &change, row.as_ref());
            let at = proxy.wall(self.now);
            self.write(site, writes::group_site(&change.row(row.as_ref(), at), at));
        }
        login.site = self.replicas[site].group_site(&change.group_name, change.site_id);
        match &login.site {
            Some(row) => self.proxies[login.proxy].put_group_site(row, self.now),
            None => self.refresh(login.proxy, Reads::All),
        }
        None
    }

    fn read_user(&mut self, site: usize, login: &mut Login) {
        login.row = self.replicas[site].user(&login.user);
        login.is_absent = login.row.is_none();
        if let Some(row) = &login.row {
            self.proxies[login.proxy].remember(row.clone(), self.now);
            self.announce(login.proxy, &row.clone());
        }
    }

    /// What is found goes into memory, by which is decided then.
    fn read_again(&mut self, site: usize, login: &mut Login, group: Option<&str>) {
        self.read_user(site, login);
        let proxy = &mut self.proxies[login.proxy];
        let replica = &self.replicas[site];
        if let Some(row) = group.and_then(|name| replica.group(proxy.site_id, name)) {
            proxy.put_group(&row);
        }
        let user = login.row.take();
        if let Some((home, row)) = user.and_then(|row| Some((row.preferred_site_id?, row)))
            && let Some(row) = replica.group_site(&row.group_name, home)
        {
            proxy.put_group_site(&row, self.now);
        }
        (login.group, login.site, login.is_silent) = (None, None, false);
    }

    // === What is under way ===

    /// Whether what says where a user is served has changed since then, or has not arrived everywhere.
    pub(super) fn is_under_way(&self, user: &str, since: u64) -> bool {
        let mut keys = vec![Key::User(user.into())];
        for row in self.replicas.iter().filter_map(|replica| replica.user(user)) {
            keys.extend(row.preferred_site_id.map(|home| Key::GroupSite(row.group_name, home)));
        }
        keys.iter().any(|key| {
            self.touched.get(key).is_some_and(|touched| *touched >= since)
                || self
                    .replicas
                    .iter()
                    .any(|replica| !replica.says_the_same_of(key, &self.replicas[0]))
        })
    }

    /// When the user's row, or what says who has to leave the user's group and site, changed last for one of the proxies.
    fn orders_touched(&self, site: usize, user: &User) -> u64 {
        if !self.are_places_known() {
            return self.now;
        }
        let at = |key| self.touched.get(&key).copied().unwrap_or_default();
        let group = at(Key::Group(self.sites[site], user.group_name.clone()));
        // The move itself arrives everywhere within some seconds.
        let row = at(Key::User(user.username.clone())).saturating_sub(5_000);
        group.max(row).max(self.places_touched + TABLES_READ_WITHIN)
    }

    /// Whether all replicas say the same of all places, and all proxies have read that.
    pub(super) fn are_places_known(&self) -> bool {
        let (first, others) = self.replicas.split_first().unwrap();
        let is_read = |proxy: &Proxy| {
            let read = proxy.memory.versions.map(|(places, _)| places);
            read == Some(self.replicas[proxy.site].places_version)
        };
        others.iter().all(|replica| replica.says_the_same_of_places(first))
            && self.proxies.iter().all(is_read)
    }
}

/// As `control::geodb::lookup` has it.
const NEWER_MAX: u32 = 3;
/// Tables are read every ten seconds.
pub(super) const TABLES_READ_WITHIN: u64 = 10_600;
