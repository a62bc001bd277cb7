//! What operators order, reckoned once more: whom a force-move or an evacuation takes and where to, when a move is finished,
//! what referrals are remembered, what a restart changes.

use std::collections::{BTreeMap, BTreeSet};

use hale::route::change::{Placement, UserMove, UserMoveReason};
use hale::route::decide::{Decision, Destination, Hop, Writes};
use hale::route::hash::force_move_place;
use hale::route::rows::{User, UserGroup};
use uuid::Uuid;

use super::checks::Record;
use super::login::Login;
use super::proxy::Proxy;
use super::trouble::Decisions;
use super::world::{USERS, World, user_name};

/// What came of orders so far.
#[derive(Default)]
pub(super) struct Orders {
    /// Who was moved by which order, where it was written: where to, and when.
    moved: BTreeMap<(usize, Box<str>, Box<str>), Moved>,
    /// Users that an operator has ordered elsewhere: that may overtake what another order did, or undo it.
    ordered: BTreeSet<Box<str>>,
    /// By the evacuation that is not taken back: where each group went.
    evacuated: BTreeMap<Box<str>, BTreeSet<Option<Uuid>>>,
    /// By proxy and user: where a backend has sent the user on to, by which row, and when.
    sent_on: BTreeMap<(usize, Box<str>), Sent>,
}

struct Moved {
    to: (Option<Uuid>, Box<str>),
    at: u64,
}

struct Sent {
    /// How often the proxy had been started.
    start: u32,
    host: Box<str>,
    placement: Placement,
    at: u64,
}

// === Force-moves, evacuations, moves ===

impl Record {
    /// An operator orders one user elsewhere.
    pub(super) fn ordered_user(&mut self, user: &str) {
        self.orders.ordered.insert(user.into());
    }

    /// A row has come from another site: what was written here before may be lost by that.
    pub(super) fn arrived(&mut self, site: usize, row: &User) {
        let is_other = |to: &(Option<Uuid>, Box<str>)| {
            (to.0, &to.1) != (row.preferred_site_id, &row.group_name)
        };
        self.orders.moved.retain(|(at, user, _), moved| {
            *at != site || *user != row.username || !is_other(&moved.to)
        });
    }

    /// A proxy has decided that a user leaves for good.
    pub(super) fn check_leaving(
        &mut self,
        now: u64,
        proxy: &Proxy,
        fresh: Option<&UserGroup>,
        change: &UserMove,
    ) {
        let fault = match change.reason {
            UserMoveReason::SiteForceMove => leaves_site(proxy, change),
            UserMoveReason::BackendForceMove => leaves_backend(proxy, fresh, change),
            UserMoveReason::Evacuation => self.is_evacuated(now, proxy, change),
            UserMoveReason::Finish => is_finished(proxy, fresh, change),
        };
        if let Some(fault) = fault {
            let UserMove { expected, moved, reason } = change;
            let user = &expected.username;
            self.faults.push(format!(
                "{now}: {user} goes from {:?} {} to {:?} {} ({reason:?}): {fault}",
                expected.preferred_site_id,
                expected.group_name,
                moved.preferred_site_id,
                moved.group_name
            ));
        }
    }

    /// Groups are told to leave by the ramp, as this proxy has to reckon it.
    fn is_evacuated(&self, now: u64, proxy: &Proxy, change: &UserMove) -> Option<String> {
        let home = change.expected.preferred_site_id?;
        let place = force_move_place(&home.to_string(), &change.expected.group_name);
        let Some(since) = proxy.memory.evacuating_since.get(&home) else {
            return Some("the site is not evacuated".into());
        };
        let allowed = (now - since) * u64::from(self.rules.ramp) / 60_000;
        if u64::from(place) >= allowed {
            return Some(format!("the group is at {place}, and {allowed} % may leave"));
        }
        is_no_destination(proxy, home, change)
    }

    /// That is about to be written at this site's replica.
    pub(super) fn check_moved(&mut self, now: u64, proxy: &Proxy, change: &UserMove, touched: u64) {
        let UserMove { expected, moved, reason } = change;
        let home = expected.preferred_site_id.unwrap_or_default();
        let order = match reason {
            UserMoveReason::SiteForceMove => {
                self.tally.left_site += 1;
                proxy.force_move(home, Uuid::nil(), "id")
            }
            UserMoveReason::BackendForceMove => {
                self.tally.left_backend += 1;
                let backends = &proxy.memory.rows.backends;
                let mut ids = backends.iter().filter_map(|row| {
                    proxy.force_move(home, row.id, "id").filter(|_| row.site_id == home)
                });
                ids.next()
            }
            UserMoveReason::Evacuation => {
                self.tally.evacuated += 1;
                if self.is_lasting {
                    let group = expected.group_name.clone();
                    let sites = self.orders.evacuated.entry(group.clone()).or_default();
                    sites.insert(moved.preferred_site_id);
                    if sites.len() > 1 {
                        self.faults.push(format!("{now}: {group} is torn apart: {sites:?}"));
                    }
                }
                None
            }
            UserMoveReason::Finish => None,
        };
        let is_ordered = self.orders.ordered.contains(&expected.username);
        let Some(order) = order.filter(|_| !is_ordered) else { return };
        let key = (proxy.site, expected.username.clone(), Box::from(order));
        let to = (moved.preferred_site_id, moved.group_name.clone());
        let former = self.orders.moved.insert(key, Moved { to: to.clone(), at: now });
        if let Some(Moved { to: before, at }) = former
            // Two proxies decide at the same time, each by the row as it was and by the groups that it knows; a group itself may
            // have gone back to where it was; and a site that has not heard that another is left, too, sends users there, who
            // are sent back.
            && (now - at > CALLS_MAX || (expected.preferred_site_id, &expected.group_name) == (before.0, &before.1))
            && touched < at
        {
            let user = &expected.username;
            self.faults
                .push(format!("{now}: {user} is moved twice: at {at} to {before:?}, to {to:?}"));
        }
    }

    // === Referrals of backends ===

    /// A proxy has learnt where a backend has sent a user on to.
    pub(super) fn learnt(
        &mut self,
        now: u64,
        (number, proxy): (usize, &Proxy),
        user: &str,
        (group, host): (&str, &str),
    ) {
        let Some(row) = proxy.group(group) else { return };
        if proxy.sent_on(user, now).is_none() {
            // That is where the rows say, or another site.
            return;
        }
        let sent = Sent {
            start: proxy.start,
            host: host.into(),
            placement: Placement::from(row),
            at: now,
        };
        self.orders.sent_on.insert((number, user.into()), sent);
    }

    /// A backend sends a user of this group on: not if the proxy knew that when the login began.
    pub(super) fn check_sent_once(
        &mut self,
        now: u64,
        (number, proxy): (usize, &Proxy),
        user: &str,
        (group, host): (&str, &str),
        began: u64,
    ) {
        self.tally.sent_on += 1;
        let Some(sent) = self.orders.sent_on.get(&(number, user.into())) else { return };
        let is_known = sent.start == proxy.start
            && *sent.host == *host
            && proxy.group(group).is_some_and(|row| sent.placement == Placement::from(row))
            && began > sent.at
            && proxy
                .sent_on(user, now)
                .is_some_and(|known| *known.group == *group && proxy.is_backend_online(known.to));
        if is_known {
            self.faults.push(format!("{now}: {user} is sent on to {host} again"));
        }
    }

    /// A login goes to another backend than its group's only to where that one has sent the user on, by the same row.
    pub(super) fn check_sent_on(
        &mut self,
        now: u64,
        login: &Login,
        proxy: &Proxy,
        destination: &Destination,
        row: Option<&UserGroup>,
    ) {
        let (Hop::Backend(id), Some(row)) = (destination.hop, row) else { return };
        let is_named = row.backend_id == Some(id);
        if is_named || !row.backend_id.is_some_and(|named| proxy.is_backend_online(named)) {
            return;
        }
        self.tally.went_directly += 1;
        let sent = self.orders.sent_on.get(&(login.proxy, login.user.clone()));
        let is_right = sent.is_some_and(|sent| {
            sent.start == proxy.start
                && *sent.host == *destination.host
                && sent.placement == Placement::from(row)
        });
        if !is_right {
            let (user, host) = (&login.user, &destination.host);
            self.faults.push(format!("{now}: {user} goes to {host}, and nothing has led there"));
        }
    }

    // === Restarts ===

    /// Decisions by rows are what they were; what needs time begins anew.
    pub(super) fn check_restart(&mut self, now: u64, before: &Decisions, after: &Decisions) {
        if before.len() != after.len() {
            self.faults.push(format!("{now}: users are forgotten by a restart"));
        }
        for ((user, from, changes), (_, to, later)) in before.iter().zip(after) {
            if from != to {
                let fault =
                    format!("{now}: {user} went to {from:?}, and to {to:?} after a restart");
                self.faults.push(fault);
            }
            if (later.moves && !changes.moves) || (later.brings_home && !changes.brings_home) {
                self.faults.push(format!("{now}: a restart has {user} moved"));
            }
        }
    }
}

fn leaves_site(proxy: &Proxy, change: &UserMove) -> Option<String> {
    let home = change.expected.preferred_site_id?;
    if let Some(fault) = is_not_meant(proxy, home, Uuid::nil(), change) {
        return Some(fault);
    }
    let to = change.moved.preferred_site_id.unwrap_or_default();
    let is_named = proxy
        .force_move(home, Uuid::nil(), "dest")
        .is_some_and(|dest| dest.contains(&to.to_string()));
    if !is_named || change.moved.group_name != change.expected.group_name {
        return Some("that is not what was ordered".into());
    }
    is_no_destination(proxy, home, change)
}

fn leaves_backend(proxy: &Proxy, fresh: Option<&UserGroup>, change: &UserMove) -> Option<String> {
    let group = |name: &str| fresh.filter(|row| *row.name == *name).or_else(|| proxy.group(name));
    let row = group(&change.expected.group_name)?;
    // One that is offline has been left for another.
    let named = row.backend_id.filter(|id| proxy.is_backend_online(*id));
    let switch = proxy.memory.table.switches().find(|it| it.name.cmp(&row.name));
    let from = named.or_else(|| switch?.placement.backend_id)?;
    if let Some(fault) = is_not_meant(proxy, proxy.site_id, from, change) {
        return Some(fault);
    }
    let to = group(&change.moved.group_name).and_then(|row| row.backend_id).unwrap_or_default();
    let dest = proxy.force_move(proxy.site_id, from, "dest").unwrap_or_default();
    let is_here = change.moved.preferred_site_id == change.expected.preferred_site_id;
    let is_right = is_here && dest.contains(&to.to_string()) && proxy.is_backend_online(to);
    (!is_right).then(|| format!("from backend {from}, ordered to {dest}, to {to}"))
}

/// Whether the user is among those that the order is about.
fn is_not_meant(proxy: &Proxy, site: Uuid, backend: Uuid, change: &UserMove) -> Option<String> {
    let id = proxy.force_move(site, backend, "id").unwrap_or_default();
    let percentage = proxy.force_move(site, backend, "percentage").unwrap_or("0");
    let place = force_move_place(id, &change.expected.username);
    let is_meant = percentage.parse().is_ok_and(|percentage: u32| place < percentage);
    (!is_meant).then(|| format!("at {place}, and {percentage} % are ordered away"))
}

/// Whether users cannot be sent to a site for good.
fn is_no_destination(proxy: &Proxy, home: Uuid, change: &UserMove) -> Option<String> {
    let to = change.moved.preferred_site_id.unwrap_or_default();
    let is_forced = proxy.force_move(to, Uuid::nil(), "percentage").is_some();
    let is_whole = proxy.force_move(to, Uuid::nil(), "id").is_some()
        && proxy.force_move(to, Uuid::nil(), "dest").is_some();
    let is_bad = to == home || !proxy.is_online(to) || proxy.is_gone(to) || (is_forced && is_whole);
    is_bad.then(|| "that site takes no users".into())
}

/// A move is finished by a proxy only when its source is gone, and as it was ordered.
fn is_finished(proxy: &Proxy, fresh: Option<&UserGroup>, change: &UserMove) -> Option<String> {
    let UserMove { expected, moved, .. } = change;
    if *moved != expected.moved() || !expected.is_moving() {
        return Some("that was not ordered".into());
    }
    let home = expected.preferred_site_id?;
    if home != proxy.site_id {
        return (!proxy.is_gone(home)).then(|| "its site is there".into());
    }
    let name = &expected.group_name;
    let row = fresh.filter(|row| row.name == *name).or_else(|| proxy.group(name));
    let backend = row.and_then(|row| row.backend_id);
    let is_there = backend.is_some_and(|id| proxy.is_backend_online(id));
    (is_there && !proxy.is_gone(home)).then(|| "its backend is there".into())
}

// === Neighbours ===

impl World {
    /// Two proxies of a site that have read the same rows send a user to the same place.
    pub(super) fn compare_neighbours(&mut self, number: usize, times: u32) {
        let proxy = &self.proxies[number];
        let neighbour = &self.proxies[number - number % self.play.proxies];
        let [mine, theirs] = [proxy, neighbour].map(|proxy| &proxy.memory);
        if std::ptr::eq(mine, theirs)
            || mine.versions != theirs.versions
            || mine.rows != theirs.rows
            // A share that grows does so by the proxy's own clock.
            || [mine, theirs].iter().any(|it| it.table.backends().iter().any(|it| it.ramp < 100))
            || self.sites.iter().any(|site| proxy.opinion(*site) != neighbour.opinion(*site))
        {
            return;
        }
        let user = user_name(usize::try_from(times).unwrap() % USERS);
        let Some(row) = self.replicas[proxy.site].user(&user) else { return };
        let to = |proxy: &Proxy| match proxy.decide_by(&row, Writes::Withheld) {
            Decision::Go { destination, .. } => Some(destination.hop),
            _ => None,
        };
        let (one, two) = (to(proxy), to(neighbour));
        self.record.tally.compared += 1;
        if one != two {
            let now = self.now;
            let fault = format!("{now}: by the same rows {user} goes to {one:?} and to {two:?}");
            self.record.faults.push(fault);
        }
    }
}

/// From a decision to its write: two calls, and a second for others that came between.
const CALLS_MAX: u64 = 2_000;
