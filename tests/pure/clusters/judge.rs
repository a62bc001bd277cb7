//! What must hold of backends' rows, whichever proxy writes them and whatever broke: reckoned from what is true in the simulation, not
//! from what a proxy takes for true.

use std::collections::BTreeMap;

use hale::health::State;
use hale::limits::{PROBE_DWELL, PROBE_DWELL_MAX, STATS_EVERY, STATS_FRESH_FOR};
use hale::route::auto_reason::AutoReason;
use hale::route::change::Placement;
use hale::route::rows::{Backend, BackendStatus, UserGroup};
use uuid::Uuid;

use super::geodb::Key;
use super::machines::millis;
use super::people::UserOrder;
use super::rulings::{Intent, Seen};
use super::world::World;

/// What happened to backends and groups.
#[derive(Default)]
pub(super) struct Judge {
    /// What a proxy wrote of a backend last: when, and when it had been well.
    told: BTreeMap<(usize, Uuid), Told>,
    /// What programs made of a backend's row.
    rulings: BTreeMap<Uuid, Vec<Ruled>>,
    /// When an operator last set a backend's status.
    backend_orders: BTreeMap<Uuid, u64>,
    /// The same, if that put one into use again that had been out for long enough to be seen.
    reopened: BTreeMap<Uuid, u64>,
    /// What an operator last wrote into a group's row.
    pub(super) group_orders: BTreeMap<(Uuid, Box<str>), Order>,
    /// The last time that a group's destination took over.
    pub(super) takeovers: BTreeMap<(Uuid, Box<str>), Takeover>,
    /// The same of users who move alone; and whom a force-move took from where.
    pub(super) user_orders: BTreeMap<Box<str>, UserOrder>,
    pub(super) user_takeovers: BTreeMap<Box<str>, Takeover>,
    pub(super) forced: BTreeMap<Box<str>, Takeover>,
    /// When an operator last pinned a user at a site, or did so no more.
    pub(super) pins_touched: BTreeMap<(usize, Box<str>), u64>,
}

#[derive(Clone, Copy)]
struct Told {
    at: u64,
    well: Option<u64>,
    /// When it last said that it finds the backend down.
    down_at: Option<u64>,
}

#[derive(Clone, Copy)]
struct Ruled {
    at: u64,
    /// It was ruled then, and written later.
    ruled_at: u64,
    proxy: usize,
    is_online: bool,
}

/// What an operator has made of a group's row, and when.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) at: u64,
    pub(super) placement: Placement,
    /// The row's `refresh_after`: what a program writes later may say the same.
    pub(super) ordered: i64,
}

impl Order {
    /// Whether a row is as it was ordered.
    pub(super) fn is_in(&self, row: &UserGroup) -> bool {
        self.placement.is_of(row) && row.refresh_after == Some(self.ordered)
    }
}

/// The end of a move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Takeover {
    pub(super) from: Uuid,
    pub(super) began: u64,
    pub(super) at: u64,
}

impl Judge {
    pub(super) fn told(&mut self, key: (usize, Uuid), at: u64, well: Option<u64>, state: State) {
        let down_at = self.told.get(&key).and_then(|told| told.down_at);
        let down_at = if state == State::Down { Some(at) } else { down_at };
        self.told.insert(key, Told { at, well, down_at });
    }

    pub(super) fn backend_ordered(&mut self, id: Uuid, now: u64, is_reopened: bool) {
        self.backend_orders.insert(id, now);
        self.reopened.remove(&id);
        if is_reopened {
            self.reopened.insert(id, now);
        }
    }

    pub(super) fn ordered(&mut self, group: &str, site: Uuid, order: Order) {
        self.group_orders.insert((site, group.into()), order);
    }

    /// How often programs have taken a backend out.
    pub(super) fn outs(&self, id: Uuid) -> u32 {
        self.last_ruling(id).1
    }

    /// When a program last changed a backend's row, and how often one has taken it out.
    fn last_ruling(&self, id: Uuid) -> (Option<Ruled>, u32) {
        let all = self.rulings.get(&id).map_or(&[][..], Vec::as_slice);
        let outs = all.iter().filter(|ruled| !ruled.is_online).count();
        (all.last().copied(), u32::try_from(outs).unwrap())
    }
}

// === When a program writes ===

impl World {
    /// A proxy has changed the row of a backend, which said this before.
    pub(super) fn check_ruling(&mut self, proxy: usize, before: &Backend, intent: &Intent) {
        let is_online = intent.status == BackendStatus::Online;
        let id = before.id;
        let (now, (last, _)) = (self.now, self.fleet.judge.last_ruling(id));
        let operators = self.is_operators(before, is_online);
        // A proxy that was stopped between its ruling and its write rules by what was.
        let is_late = now - intent.seen.at > CALLS_MAX;
        let others = if is_late {
            Vec::new()
        } else if is_online {
            vec![is_not_back(intent)]
        } else {
            vec![
                is_not_down(intent),
                self.is_fought(proxy, before, intent),
                self.is_reached_by_another(proxy, id, intent),
                self.is_unheard(proxy, id, intent),
                self.is_echo(proxy, id, intent),
                self.is_one_too_many(proxy, id, intent),
                self.is_last(proxy, before),
            ]
        };
        // Behind an operator's order all begins anew.
        let ordered = self.fleet.judge.backend_orders.get(&id).copied().unwrap_or_default();
        let opposite = last.filter(|last| !is_late && last.ruled_at > ordered);
        let opposite = opposite.and_then(|last| self.is_opposite(proxy, is_online, last));
        let faults = [operators, opposite].into_iter().chain(others);
        for fault in faults.flatten() {
            let fault =
                format!("{now}: lb{proxy} sets {} {:?}: {fault}", before.host, intent.status);
            self.record.faults.push(fault);
        }
        let tally = &mut self.record.tally;
        tally.brought_back += u64::from(is_online);
        tally.taken_out += u64::from(!is_online);
        let all = self.fleet.judge.rulings.entry(id).or_default();
        all.push(Ruled { at: now, ruled_at: intent.seen.at, proxy, is_online });
        if now >= self.play.settled_after {
            let fault = format!(
                "{now}: all is well, and lb{proxy} sets {} {:?}",
                before.host, intent.status
            );
            self.record.faults.push(fault);
        }
    }

    /// C-BACKEND-2: what an operator took out stays out.
    fn is_operators(&self, before: &Backend, is_online: bool) -> Option<String> {
        let is_out = before.status != BackendStatus::Online;
        let is_bad = if is_auto(before) { false } else { is_out || is_online };
        is_bad.then(|| format!("an operator has set it {:?}", before.status))
    }

    /// R-PROBE-7: two proxies do not write the opposite of each other, again and again.
    fn is_opposite(&self, proxy: usize, is_online: bool, last: Ruled) -> Option<String> {
        let apart = self.now - last.ruled_at;
        let dwell = millis(PROBE_DWELL);
        let least = if last.proxy == proxy { dwell } else { dwell - CLOCKS_APART_MAX };
        // The reason has whole seconds, of when it was ruled.
        let is_bad = last.is_online != is_online && apart + 1_000 < least;
        is_bad.then(|| format!("lb{} said the opposite {apart} ms ago", last.proxy))
    }

    /// C-BACKEND-2: an operator has set it online while this proxy found it down.
    fn is_fought(&self, proxy: usize, before: &Backend, intent: &Intent) -> Option<String> {
        let ordered = *self.fleet.judge.reopened.get(&before.id)?;
        let failing = intent.seen.first_failure?;
        let is_ordered = !is_auto(before) && before.status == BackendStatus::Online;
        let is_known = self.now > ordered + TABLE_READ_WITHIN;
        // Ten probes that run out, perhaps, until it is down.
        let was_down = failing + 2 * DOWN_WITHIN < ordered;
        let is_bad = is_ordered && is_known && was_down && self.is_in_touch_since(proxy, failing);
        is_bad.then(|| {
            format!("an operator set it online at {ordered}, and it failed since {failing}")
        })
    }

    /// R-PROBE-4: another proxy of the site has reached it since it began to fail here, and has said so.
    fn is_reached_by_another(&self, proxy: usize, id: Uuid, intent: &Intent) -> Option<String> {
        let failing = intent.seen.first_failure?;
        let says = |other: &usize| {
            self.fleet.judge.told.get(&(*other, id)).is_some_and(|told| {
                // As it is by the clocks of both.
                self.now - told.at < FRESH_FOR_SURE
                    && told.at + CALLS_MAX < self.now
                    && told.well.is_some_and(|well| well > failing + CLOCKS_APART_MAX)
            })
        };
        let other = self.neighbours(proxy).into_iter().find(says)?;
        Some(format!("it fails since {failing}, and lb{other} has reached it since"))
    }

    /// R-PROBE-4: another proxy of the site reaches it, and has not had the time to say so since the GeoDB is back; what was said
    /// before has run out.
    fn is_unheard(&self, proxy: usize, id: Uuid, intent: &Intent) -> Option<String> {
        let (began, ended) = *self.fleet.last_silence.get(&self.proxies[proxy].site)?;
        let was_long = ended - began > millis(STATS_FRESH_FOR) + CLOCKS_APART_MAX;
        let is_over = intent.seen.at >= ended && intent.seen.at < ended + millis(STATS_EVERY);
        let reaches = |other: &usize| {
            let host = &self.fleet.hosts[*other];
            host.is_running()
                // One that has never said anything of it cannot be missed, and one that has spoken since is heard.
                && self.fleet.judge.told.get(&(*other, id)).is_some_and(|told| told.at < ended)
                && host.well_since <= ended
                && host.started + DOWN_WITHIN < began
                && self.fleet.answers_since(*other, id, began.saturating_sub(DOWN_WITHIN))
        };
        let mut others = self.neighbours(proxy).into_iter().filter(|_| was_long && is_over);
        let other = others.find(reaches)?;
        Some(format!("lb{other} reaches it, and the GeoDB is back since {ended} only"))
    }

    /// R-PROBE-5: it failed while this proxy reached no backend at all, and it has not been looked at since.
    fn is_echo(&self, proxy: usize, id: Uuid, intent: &Intent) -> Option<String> {
        let (since, until) = *self.fleet.was_alone.get(&proxy)?;
        let Seen { at, first_failure, ill_began, oldest, .. } = intent.seen;
        // Until the probes from that time have ended, it may not know yet.
        let is_known = until <= at && oldest.is_none_or(|began| began >= until);
        let is_all = is_known && first_failure? >= since && ill_began < until;
        let site = self.proxies[proxy].site;
        let rows = self.replicas[site].backends(self.sites[site]);
        // Of the last one the others decide, and they agree.
        let is_other = |row: &Backend| row.id != id && row.status == BackendStatus::Online;
        let is_last = !rows.iter().any(is_other);
        (is_all && !is_last && self.fleet.answers_since(proxy, id, until))
            .then(|| format!("it failed at {ill_began}, and lb{proxy} was cut off until {until}"))
    }

    /// R-PROBE-5: no healthy majority is taken out, nor more than half of the site's backends.
    fn is_one_too_many(&self, proxy: usize, id: Uuid, intent: &Intent) -> Option<String> {
        let site = self.proxies[proxy].site;
        if !self.is_in_touch_since(proxy, self.now.saturating_sub(TABLE_READ_WITHIN)) {
            return None;
        }
        let rows = self.replicas[site].backends(self.sites[site]);
        let is_out = |row: &&Backend| row.status == BackendStatus::Offline && is_auto(row);
        let online = rows.iter().filter(|row| row.status == BackendStatus::Online).count();
        let in_use = online + rows.iter().filter(is_out).count();
        // Two that were taken out at the same time by two proxies did not know of each other.
        let is_known = |row: &&Backend| {
            let (last, _) = self.fleet.judge.last_ruling(row.id);
            let was_ours = last.is_some_and(|last| last.proxy == proxy);
            let was_before = last.is_some_and(|last| last.at + CALLS_MAX < self.now);
            row.id == id || was_ours || was_before
        };
        // Nor is it known yet what an operator has just taken out of use.
        let is_new = |row: &Backend| {
            let ordered = self.fleet.judge.backend_orders.get(&row.id);
            ordered.is_some_and(|at| at + TABLE_READ_WITHIN >= self.now)
        };
        if rows.iter().any(is_new) {
            return None;
        }
        let known: Vec<&Backend> = rows.iter().filter(is_out).filter(is_known).collect();
        let healthy = known.iter().filter(|row| self.is_healthy(site, row.id)).count();
        if healthy * 2 > in_use {
            return Some(format!("{healthy} healthy ones of {in_use} are out"));
        }
        // The last one may follow the others, if all proxies say so; one that came back while that was ruled came too late.
        let is_back = |row: &&Backend| {
            let (last, _) = self.fleet.judge.last_ruling(row.id);
            last.is_some_and(|last| last.is_online && last.at >= intent.seen.at)
        };
        let back = rows.iter().filter(|row| row.status == BackendStatus::Online).filter(is_back);
        let is_cap = known.len() * 2 > in_use && online > back.count();
        is_cap.then(|| format!("{} of {in_use} are out", known.len()))
    }

    /// Whether most proxies of the site reach it, and have for a while.
    fn is_healthy(&self, site: usize, id: Uuid) -> bool {
        let of_site = |proxy: &usize| self.proxies[*proxy].site == site;
        let proxies: Vec<usize> = (0..self.proxies.len()).filter(of_site).collect();
        let reach = |proxy: &&usize| {
            let since = self.fleet.reached_since(**proxy, id);
            since.is_some_and(|since| since + DOWN_WITHIN < self.now)
        };
        proxies.iter().filter(reach).count() * 2 > proxies.len()
    }

    /// R-PROBE-6: the last one is not taken out on one proxy's word.
    fn is_last(&self, proxy: usize, before: &Backend) -> Option<String> {
        let site = self.proxies[proxy].site;
        let rows = self.replicas[site].backends(self.sites[site]);
        let is_other = |row: &Backend| {
            let (last, _) = self.fleet.judge.last_ruling(row.id);
            let was_just = last.is_some_and(|last| last.at + TABLE_READ_WITHIN >= self.now);
            let was_ordered = self.fleet.judge.backend_orders.get(&row.id);
            let was_ordered = was_ordered.is_some_and(|at| at + TABLE_READ_WITHIN >= self.now);
            row.id != before.id && (row.status == BackendStatus::Online || was_just || was_ordered)
        };
        if rows.iter().any(is_other)
            || !self.is_in_touch_since(proxy, self.now.saturating_sub(TABLE_READ_WITHIN))
        {
            return None;
        }
        let agrees = |other: &usize| {
            let told = self.fleet.judge.told.get(&(*other, before.id));
            let down_at = told.and_then(|told| told.down_at);
            down_at.is_some_and(|at| self.now - at < FRESH_PERHAPS)
        };
        let is_alone = !self.neighbours(proxy).iter().any(agrees);
        is_alone.then(|| "it is the last one, and no other proxy agrees".into())
    }

    /// Whether a proxy runs and reads the GeoDB, and has since then.
    pub(super) fn is_in_touch_since(&self, proxy: usize, then: u64) -> bool {
        let site = self.proxies[proxy].site;
        self.fleet.hosts[proxy].is_well_since(then) && !self.silent.contains(&site)
    }
}

// === Now and then ===

impl World {
    /// What must hold at any moment of what proxies make of backends.
    pub(super) fn audit_backends(&mut self) {
        let mut faults = Vec::new();
        for site in 0..self.sites.len() {
            for row in self.replicas[site].backends(self.sites[site]) {
                faults.extend(self.is_slow_to_see(site, &row));
                faults.extend(self.is_kept_out(site, &row));
                faults.extend(self.is_left_in(site, &row));
            }
        }
        let now = self.now;
        self.record.faults.extend(faults.into_iter().map(|fault| format!("{now}: {fault}")));
    }

    /// A proxy that reaches a backend again finds it up within two rounds of probes.
    fn is_slow_to_see(&self, site: usize, row: &Backend) -> Option<String> {
        let is_slow = |proxy: &usize| {
            let since = self.fleet.reached_since(*proxy, row.id);
            let is_long = since.is_some_and(|since| since + TWO_ROUNDS < self.now);
            let health = self.fleet.hosts[*proxy].prober.health(row.id);
            // A login that fails may have made it suspect this very moment.
            let is_up = health.is_none_or(|it| {
                let was_well = it.last_well().is_some_and(|at| at.0 > since.unwrap_or(0));
                match it.state() {
                    State::Up => true,
                    State::Suspect => was_well,
                    State::Down => false,
                }
            });
            self.proxies[*proxy].site == site && is_long && !is_up
        };
        let proxy = (0..self.proxies.len()).find(is_slow)?;
        let since = self.fleet.reached_since(proxy, row.id)?;
        Some(format!("lb{proxy} reaches {} since {since}, and it is not up there", row.host))
    }

    /// A backend that all proxies reach comes back when its dwell is over.
    fn is_kept_out(&self, site: usize, row: &Backend) -> Option<String> {
        let (last, outs) = self.fleet.judge.last_ruling(row.id);
        let is_out = row.status == BackendStatus::Offline && is_auto(row);
        let last = last.filter(|_| is_out)?;
        let dwell = millis(PROBE_DWELL) << outs.saturating_sub(1).min(8);
        let dwell = dwell.min(millis(PROBE_DWELL_MAX));
        let since = self.all_well_since(site, row.id)?;
        let mut due = last.at + dwell;
        // Where there is nowhere else to go, the first dwell is enough (R-PROBE-7).
        if let Some(dark) = self.dark_since(site) {
            due = due.min((last.at + millis(PROBE_DWELL)).max(dark + DOWN_WITHIN));
        }
        let due = due.max(since + TWO_ROUNDS) + self.clocks_apart(site) + TABLE_READ_WITHIN;
        (self.now > due + CALLS_MAX)
            .then(|| format!("{} is well since {since}, and out since {}", row.host, last.at))
    }

    /// Since when no backend of the site that is online has been there for any proxy.
    fn dark_since(&self, site: usize) -> Option<u64> {
        let rows = self.replicas[site].backends(self.sites[site]);
        let mut dark = 0;
        for row in rows {
            let touched = self.touched.get(&Key::Backend(self.sites[site], row.id)).copied();
            dark = dark.max(touched.unwrap_or_default() + TABLE_READ_WITHIN);
            if row.status == BackendStatus::Online {
                let machine = self.fleet.machines[&row.id];
                dark = dark.max(Some(machine.since).filter(|_| machine.condition.is_dead())?);
            }
        }
        Some(dark)
    }

    /// By how much the clocks of a site's proxies differ.
    fn clocks_apart(&self, site: usize) -> u64 {
        let of_site = self.proxies.iter().filter(|proxy| proxy.site == site);
        let skews: Vec<i64> = of_site.map(|proxy| proxy.skew).collect();
        let (first, last) = (skews.iter().min(), skews.iter().max());
        first.zip(last).map_or(0, |(first, last)| last.abs_diff(*first))
    }

    /// Since when all proxies of the site have run, and reached the GeoDB and this backend.
    fn all_well_since(&self, site: usize, id: Uuid) -> Option<u64> {
        let proxies = (0..self.proxies.len()).filter(|proxy| self.proxies[*proxy].site == site);
        let since = proxies.map(|proxy| {
            let is_well = self.is_in_touch_since(proxy, self.now);
            self.fleet.reached_since(proxy, id).filter(|_| is_well)
        });
        since.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    /// A backend that is dead for all is taken out, if another one is well, and nothing speaks against it.
    fn is_left_in(&self, site: usize, row: &Backend) -> Option<String> {
        let machine = self.fleet.machines[&row.id];
        let long_ago = self.now.checked_sub(DEAD_FOR)?;
        if row.status != BackendStatus::Online
            || !machine.condition.is_dead()
            || machine.since > long_ago
        {
            return None;
        }
        let rows = self.replicas[site].backends(self.sites[site]);
        let is_fit = |other: &Backend| {
            let is_well = self.all_well_since(site, other.id).is_some_and(|at| at <= long_ago);
            other.id == row.id || (is_well && other.status == BackendStatus::Online)
        };
        let (last, _) = self.fleet.judge.last_ruling(row.id);
        let is_young = last.is_some_and(|last| last.at > long_ago);
        let ordered = self.fleet.judge.backend_orders.get(&row.id);
        let is_ordered = ordered.is_some_and(|at| *at + TWO_ROUNDS > machine.well_until);
        let is_bad = rows.len() > 1 && rows.iter().all(is_fit) && !is_young && !is_ordered;
        is_bad.then(|| format!("{} is dead since {}, and online", row.host, machine.since))
    }

    /// At the end.
    pub(super) fn check_backends(&mut self) {
        for site in 0..self.sites.len() {
            for row in self.replicas[site].backends(self.sites[site]) {
                if row.status != BackendStatus::Online {
                    let fault =
                        format!("{} is {:?} ({:?})", row.host, row.status, row.status_reason);
                    self.record.faults.push(fault);
                }
            }
        }
    }
}

/// R-PROBE-1: two successes in a row bring it back.
fn is_not_back(intent: &Intent) -> Option<String> {
    let wells = intent.seen.wells;
    (wells < 2).then(|| format!("{wells} probes have logged in since"))
}

/// R-PROBE-1: two probes at least have failed since it was up.
fn is_not_down(intent: &Intent) -> Option<String> {
    let ills = intent.seen.ills;
    (ills < 2).then(|| format!("{ills} probes have failed"))
}

fn is_auto(row: &Backend) -> bool {
    row.status_reason.as_deref().and_then(AutoReason::parse).is_some()
}

/// Two clocks, each ten seconds off.
pub(super) const CLOCKS_APART_MAX: u64 = 20_000;
/// From a decision to its write: three calls.
const CALLS_MAX: u64 = 1_500;
/// Tables are read every ten seconds, and there may be a look before.
pub(super) const TABLE_READ_WITHIN: u64 = 12_000;
/// From the first failure of a backend that is gone or silent until it is down, with three probes that run out.
const DOWN_WITHIN: u64 = 15_000;
/// Two intervals with their jitter, and two probes that run out.
const TWO_ROUNDS: u64 = 2 * (10_000 + 1_000 + 3_000);
/// What others have told is good for 45 s, by clocks that differ.
const FRESH_FOR_SURE: u64 = 25_000;
const FRESH_PERHAPS: u64 = 65_000 + 15_000;
/// Long enough for all that may be in the way: a dwell, clocks that differ, a look at the rows.
const DEAD_FOR: u64 = 90_000;
