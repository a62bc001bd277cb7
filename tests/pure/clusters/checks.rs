//! What must hold, whatever broke.

use std::collections::{BTreeMap, BTreeSet};

use hale::limits::SITE_RECOVERY_AFTER;
use hale::route::change::{SiteChange, UserAssignment};
use hale::route::hash::force_move_place;
use hale::route::outage::FailoverRules;
use hale::route::rows::GroupSite;
use uuid::Uuid;

use super::proxy::Proxy;
use super::world::{SETTLED_AFTER, USERS, World, user_name};

/// What happened, as far as the checks need it.
pub(super) struct Record {
    rules: FailoverRules,
    /// What is wrong, as soon as it is.
    pub(super) faults: Vec<String>,
    groups: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Former stand-ins of a group and home, as one site's replica had them, and when each was written there.
    stand_ins: BTreeMap<(usize, Box<str>, Uuid), Vec<Written>>,
    /// At the end: where each user was served.
    backends: BTreeMap<Box<str>, BTreeSet<Uuid>>,
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
}

impl Record {
    pub(super) fn new(rules: FailoverRules) -> Self {
        Self {
            rules,
            faults: Vec::new(),
            groups: BTreeMap::new(),
            stand_ins: BTreeMap::new(),
            backends: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn served(&mut self, now: u64, user: &str, backend: Uuid) {
        self.tally.served += 1;
        if now >= SETTLED_AFTER {
            self.backends.entry(user.into()).or_default().insert(backend);
        }
    }

    pub(super) fn failed(&mut self, now: u64, user: &str, reason: &str) {
        self.tally.refused += 1;
        if now >= SETTLED_AFTER {
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
        let since = proxy.away_since.get(&change.site_id);
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
        let is_ordered = proxy.away_since.values().any(|since| since.ordered.is_some());
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

/// When all has been well for long enough.
pub(super) fn check_end(world: &mut World) {
    let mut faults = Vec::new();
    for (number, replica) in world.replicas.iter().enumerate().skip(1) {
        if !replica.says_what(&world.replicas[0]) {
            faults.push(format!("the replicas 0 and {number} differ"));
        }
    }
    for number in 0..USERS {
        let user = user_name(number);
        let backends = world.record.backends.get(&user).cloned().unwrap_or_default();
        if backends.len() != 1 {
            faults.push(format!("{user} is served by {backends:?} at the same time"));
        }
        let Some(row) = world.replicas[0].user(&user) else {
            faults.push(format!("{user} has no row"));
            continue;
        };
        let home = row.preferred_site_id.unwrap_or_default();
        let stand_in = world.replicas[0].group_site(&row.group_name, home);
        if let Some(site) = stand_in.as_ref().and_then(GroupSite::stand_in) {
            faults.push(format!("{} of {user} has not come home from {site}", row.group_name));
        }
        let group = world.replicas[0].group(home, &row.group_name);
        let backend = group.and_then(|group| group.backend_id);
        if backends.iter().any(|id| Some(*id) != backend) {
            faults.push(format!("{user} is served by {backends:?}, and the row says {backend:?}"));
        }
    }
    world.record.faults.extend(faults);
}

/// From a decision to its write: two calls, and a second for others that came between.
const CALLS_MAX: u64 = 2_000;
/// Rows carry their writer's clock; and a decision is made by a table that is up to ten seconds old.
const CLOCKS_APART_MAX: u64 = 20_000 + 10_000 + 5_000;
