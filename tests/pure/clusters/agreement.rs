//! What must hold of sessions, groups and moves while proxies come and go: one user, one backend.

use hale::route::change::{ChangeReason, GroupChange};
use hale::route::rows::{BackendStatus, UserGroup};
use uuid::Uuid;

use super::geodb::Key;
use super::judge::{TABLE_READ_WITHIN, Takeover};
use super::machines::{MOVE_TIMEOUT, millis};
use super::sessions::Live;
use super::world::World;

impl World {
    /// A session begins: not at the backend that its group is leaving, once its proxy has had the time to hear of that (C-MOVE-4).
    pub(super) fn check_held_group(&mut self, proxy: usize, group: &str, backend: Uuid) {
        let (now, site) = (self.now, self.proxies[proxy].site);
        let site_id = self.sites[site];
        let Some(order) = self.fleet.judge.group_orders.get(&(site_id, group.into())) else {
            return;
        };
        let Some(row) = self.replicas[site].group(site_id, group) else { return };
        let is_held = row.is_moving()
            && order.is_in(&row)
            && row.backend_id == Some(backend)
            && order.at + TABLE_READ_WITHIN + LOGIN_WITHIN < now
            && self.is_in_touch_since(proxy, order.at)
            && [row.backend_id, row.alt_backend_id]
                .into_iter()
                .all(|end| self.is_steady(site, end, order.at));
        if is_held {
            let fault = format!(
                "{now}: {group} moves since {}, and lb{proxy} begins a session at {backend}",
                order.at
            );
            self.record.faults.push(fault);
        }
    }

    /// A session begins: not at a backend that the group has left by a move, unless its proxy could not know.
    pub(super) fn check_session(&mut self, proxy: usize, group: &str, backend: Uuid) {
        let (site, site_id) = (self.proxies[proxy].site, self.proxies[proxy].site_id);
        let Some(takeover) = self.fleet.judge.takeovers.get(&(site_id, group.into())) else {
            return;
        };
        let Takeover { from, began, at } = *takeover;
        let row = self.replicas[site].group(site_id, group);
        let is_there = row.is_some_and(|row| row.backend_id == Some(backend));
        // Where its own row names another backend, which is out, this one stands in, and the row is about to follow.
        let known = self.proxies[proxy].group(group).and_then(|row| row.backend_id);
        let is_named = known == Some(backend);
        // It may have been back there until just now.
        let touched = self.touched.get(&Key::Group(site_id, group.into())).copied();
        let is_known = touched.unwrap_or_default() + TABLE_READ_WITHIN < self.now;
        let is_stray = backend == from && !is_there && is_named && is_known;
        if is_stray && self.is_in_touch_since(proxy, began) {
            let now = self.now;
            let fault = format!(
                "{now}: {group} moves since {began} and has left {from} at {at}, and lb{proxy} begins a session there"
            );
            self.record.faults.push(fault);
        }
    }

    /// A proxy has written a group's row, which said this before.
    pub(super) fn check_placement(
        &mut self,
        proxy: usize,
        before: Option<&UserGroup>,
        change: &GroupChange,
    ) {
        let Some(before) = before else { return };
        let now = self.now;
        let mut faults = Vec::new();
        let key = (before.site_id, before.name.clone());
        let order = self.fleet.judge.group_orders.get(&key).cloned();
        let is_ordered = order.as_ref().is_some_and(|order| order.is_in(before));
        if is_ordered && !change.expected.is_of(before) {
            faults.push(format!(
                "{:?} is written over {before:?}, where {:?} was to be",
                change.placement, change.expected
            ));
        }
        let is_done = before.is_moving() && change.placement.backend_id != before.backend_id;
        let source =
            before.backend_id.filter(|_| is_done && change.reason == ChangeReason::FinishMove);
        // A source that is gone has nothing to wait for.
        let site = self.proxies[proxy].site;
        let then = now.saturating_sub(TABLE_READ_WITHIN);
        let is_known = self.is_in_touch_since(proxy, then);
        let source = source.filter(|from| is_known && self.is_steady(site, Some(*from), then));
        if let Some(from) = source {
            let began = order.map_or(0, |order| order.at);
            if now < began + millis(MOVE_TIMEOUT) {
                faults
                    .push(format!("the move began at {began}: not all others hold its logins yet"));
            }
            self.record.tally.taken_over += 1;
            self.fleet.judge.takeovers.insert(key, Takeover { from, began, at: now });
        }
        let name = &change.name;
        let faults = faults.into_iter().map(|fault| format!("{now}: lb{proxy}: {name}: {fault}"));
        self.record.faults.extend(faults);
    }

    /// What must hold at any moment.
    pub(super) fn audit_groups(&mut self) {
        let mut faults = self.strays();
        faults.extend(self.strays_of_users());
        for site in 0..self.sites.len() {
            for row in self.replicas[site].groups(self.sites[site]) {
                faults.extend(self.is_moved_for_ever(site, &row));
            }
            faults.extend(self.users_moved_for_ever(site));
        }
        let now = self.now;
        self.record.faults.extend(faults.into_iter().map(|fault| format!("{now}: {fault}")));
    }

    /// At the end nothing moves.
    pub(super) fn check_moves(&mut self) {
        let sites = self.sites.iter().enumerate();
        let rows = sites.flat_map(|(site, id)| self.replicas[site].groups(*id));
        let moving = rows.filter(UserGroup::is_moving);
        let faults: Vec<String> = moving.map(|row| format!("{} still moves", row.name)).collect();
        self.record.faults.extend(faults);
    }

    /// Sessions that are not where their group is, although its row has said so for long enough.
    fn strays(&self) -> Vec<String> {
        let Some(then) = self.now.checked_sub(SESSIONS_FOLLOW_WITHIN) else { return Vec::new() };
        let live = self.fleet.sessions.live.values();
        let strays = live.filter(|session| {
            let (site, site_id) =
                (self.proxies[session.proxy].site, self.proxies[session.proxy].site_id);
            let Some(group) = &session.group else { return false };
            let Some(row) = self.replicas[site].group(site_id, group) else {
                return false;
            };
            let is_there = row.backend_id == Some(session.backend);
            let key = Key::Group(site_id, group.clone());
            let touched = self.touched.get(&key).copied().unwrap_or_default();
            !is_there
                && touched < then
                && self.is_steady(site, row.backend_id, then)
                && self.is_in_touch_since(session.proxy, then)
        });
        let told = strays.map(|it| {
            let Live { user, group, proxy, backend, since, .. } = it;
            format!("{user} has a session at {backend} by lb{proxy} since {since}, and {group:?} is elsewhere")
        });
        told.collect()
    }

    /// Whether a backend has been online since then. For one that is out another stands in, before the row says so.
    pub(super) fn is_steady(&self, site: usize, id: Option<Uuid>, since: u64) -> bool {
        let Some(id) = id else { return false };
        let touched = self.touched.get(&Key::Backend(self.sites[site], id)).copied();
        let row = self.replicas[site].backend(self.sites[site], id);
        row.status == BackendStatus::Online && touched.unwrap_or_default() < since
    }

    /// A move has an end, if both of its ends are well and one proxy is.
    fn is_moved_for_ever(&self, site: usize, row: &UserGroup) -> Option<String> {
        let site_id = self.sites[site];
        let key = (site_id, row.name.clone());
        let began = self.fleet.judge.group_orders.get(&key).filter(|_| row.is_moving())?.at;
        if self.now < began + millis(MOVE_TIMEOUT) + MOVES_END_WITHIN {
            return None;
        }
        let is_kept = (0..self.proxies.len())
            .any(|proxy| self.proxies[proxy].site == site && self.is_in_touch_since(proxy, began));
        let is_bad = is_kept
            && self.is_steady(site, row.backend_id, began)
            && self.is_steady(site, row.alt_backend_id, began);
        is_bad.then(|| format!("{} moves since {began}", row.name))
    }
}

/// By a backend that is slow.
pub(super) const LOGIN_WITHIN: u64 = 5_000;
/// What a move may take in which no login waits.
const SESSIONS_FOLLOW_WITHIN: u64 = 31_000 + 5_000;
/// The move is seen, and its end written twice perhaps.
const MOVES_END_WITHIN: u64 = TABLE_READ_WITHIN + 8_000;
