//! What must hold, whatever broke.

use std::collections::{BTreeMap, BTreeSet};

use hale::limits::SITE_RECOVERY_AFTER;
use hale::route::change::{SiteChange, UserAssignment};
use hale::route::hash::force_move_place;
use hale::route::outage::FailoverRules;
use hale::route::rows::GroupSite;
use uuid::Uuid;

use super::orders::Orders;
use super::proxy::Proxy;

/// What happened, as far as the checks need it.
pub(super) struct Record {
    pub(super) rules: FailoverRules,
    settled_after: u64,
    /// What is wrong, as soon as it is.
    pub(super) faults: Vec<String>,
    groups: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Former stand-ins of a group and home, as one site's replica had them, and when each was written there.
    stand_ins: BTreeMap<(usize, Box<str>, Uuid), Vec<Written>>,
    /// At the end: where each user was served.
    pub(super) backends: BTreeMap<Box<str>, BTreeSet<Uuid>>,
    /// What came of operators' orders.
    pub(super) orders: Orders,
    /// All is mended, and what an operator has ordered since is not taken back.
    pub(super) is_lasting: bool,
    /// So that it is seen that something went on.
    pub(super) tally: Tally,
}

/// When a stand-in was written, and which.
type Written = (u64, Option<Uuid>);

/// How much went on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) served: u64,
    pub(super) refused: u64,
    pub(super) failed_over: u64,
    pub(super) came_home: u64,
    /// Sent in a circle, and tried once more.
    pub(super) paused: u64,
    /// Of those, served.
    pub(super) saved: u64,
    /// Users who left a site or backend that is force-moved, or a site that is evacuated.
    pub(super) left_site: u64,
    pub(super) left_backend: u64,
    pub(super) evacuated: u64,
    /// Moves of users, of groups; moves that a proxy finished because the source was gone.
    pub(super) user_moves: u64,
    pub(super) group_moves: u64,
    pub(super) finished: u64,
    /// Logins that a backend sent on, and that went there at once because of that.
    pub(super) sent_on: u64,
    pub(super) went_directly: u64,
    pub(super) restarts: u64,
    pub(super) freezes: u64,
    /// Probes; rulings that took a backend out, brought one back, were withheld.
    pub(super) probes: u64,
    pub(super) taken_out: u64,
    pub(super) brought_back: u64,
    pub(super) withheld: u64,
    /// Moves that proxies brought to an end, sessions that ended for them, logins that waited; moves that were taken back.
    pub(super) taken_over: u64,
    pub(super) moved_sessions: u64,
    pub(super) held: u64,
    pub(super) aborted: u64,
    pub(super) backends_evacuated: u64,
    pub(super) kicks: u64,
    /// Sessions that old backends ended, and that sweeps found; users who moved alone, and who were pinned.
    pub(super) kicked_at_backends: u64,
    pub(super) swept: u64,
    pub(super) users_taken_over: u64,
    pub(super) pinned: u64,
    /// Decisions compared with those of the neighbour who has the same rows.
    pub(super) compared: u64,
}

impl Record {
    pub(super) fn new(rules: FailoverRules, settled_after: u64) -> Self {
        Self {
            rules,
            settled_after,
            faults: Vec::new(),
            groups: BTreeMap::new(),
            stand_ins: BTreeMap::new(),
            backends: BTreeMap::new(),
            orders: Orders::default(),
            is_lasting: false,
            tally: Tally::default(),
        }
    }

    pub(super) fn served(&mut self, now: u64, user: &str, backend: Uuid, is_anew: bool) {
        self.tally.served += 1;
        self.tally.saved += u64::from(is_anew);
        if now >= self.settled_after {
            self.backends.entry(user.into()).or_default().insert(backend);
        }
    }

    pub(super) fn failed(&mut self, now: u64, user: &str, reason: &str) {
        self.tally.refused += 1;
        if now >= self.settled_after {
            self.faults.push(format!("{now}: all is well, and {user} is refused: {reason}"));
        }
    }

    /// A user is not created twice with different groups.
    pub(super) fn assigned(&mut self, assignment: &UserAssignment) {
        let groups = self.groups.entry(assignment.username.clone()).or_default();
        groups.insert(assignment.group_name.clone());
        if groups.len() > 1 {
            self.faults.push(format!("{} was given the groups {groups:?}", assignment.username));
        }
    }

    /// Where a group is served is about to change at this site's replica.
    pub(super) fn changed(
        &mut self,
        now: u64,
        site: usize,
        proxy: &Proxy,
        change: &SiteChange,
        row: Option<&GroupSite>,
    ) {
        let former = row.and_then(GroupSite::stand_in);
        match change.stand_in {
            Some(_) => {
                self.tally.failed_over += 1;
                self.check_turn(now, proxy, change);
            }
            None => self.tally.came_home += 1,
        }
        if former != change.stand_in {
            self.check_bounce(now, site, proxy, change, former);
        }
    }

    /// No group leaves a site before its turn, as this proxy has to reckon it: so many percent a minute, and not more.
    fn check_turn(&mut self, now: u64, proxy: &Proxy, change: &SiteChange) {
        let place = force_move_place(&change.site_id.to_string(), &change.group_name);
        let delay = u64::try_from(self.rules.delay.as_millis()).unwrap();
        let since = proxy.memory.away_since.get(&change.site_id);
        let since = since.filter(|since| since.ended.is_none_or(|ended| now - ended < CALLS_MAX));
        let allowed = since.map_or(0, |since| {
            let from = since.ordered.unwrap_or(u64::MAX).min(since.at + delay);
            // Reckoned here once more.
            now.saturating_sub(from) * u64::from(self.rules.ramp) / 60_000
        });
        if u64::from(place) >= allowed {
            let group = &change.group_name;
            self.faults.push(format!("{now}: {group} at {place} leaves, and {allowed} % may"));
        }
    }

    /// Nothing that no operator ordered sends a group to where it has just come from.
    fn check_bounce(
        &mut self,
        now: u64,
        site: usize,
        proxy: &Proxy,
        change: &SiteChange,
        former: Option<Uuid>,
    ) {
        let key = (site, change.group_name.clone(), change.site_id);
        let stand_ins = self.stand_ins.entry(key).or_default();
        let dwell = u64::try_from(SITE_RECOVERY_AFTER.as_millis()).unwrap() - CLOCKS_APART_MAX;
        let is_ordered = proxy.memory.away_since.values().any(|since| since.ordered.is_some());
        if let [.., (_, before), (at, last)] = stand_ins.as_slice()
            && *before == change.stand_in
            && *last == former
            && now - at < dwell
            && !is_ordered
        {
            let ago = (now - at) / 1000;
            let group = &change.group_name;
            self.faults.push(format!("{now}: {group} goes back to where it left {ago} s ago"));
        }
        if stand_ins.is_empty() {
            stand_ins.push((0, former));
        }
        stand_ins.push((now, change.stand_in));
    }
}

/// From a decision to its write: two calls, and a second for others that came between.
const CALLS_MAX: u64 = 2_000;
/// Rows carry their writer's clock; and a decision is made by a table that is up to ten seconds old.
const CLOCKS_APART_MAX: u64 = 20_000 + 10_000 + 5_000;
