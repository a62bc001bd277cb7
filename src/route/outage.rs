//! Since when a site is away or back, and what share of its groups may follow by now (C-SITE-5, C-SITE-6).
//!
//! Duty: from rows, this proxy's own experience and the time to percentages, so that deciding needs no clock. Non-duty:
//! measuring (an [`Opinion`] is handed in), deciding about a group ([`super::site`]), writing. Driven by the control core at
//! each refresh, before it builds the table. Tests: below; over hours and splits in the simulation of clusters.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::rows::{Rows, Site, SiteStatus};
use crate::limits;
use crate::tick::Tick;

/// How fast users follow a site that goes and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailoverRules {
    /// `site_failover_auto`: a site that cannot be reached is failed over. Otherwise only one that an operator took out.
    pub auto: bool,
    /// `site_failover_delay`: how long a site has to be out of reach without a break.
    pub delay: Duration,
    /// `site_failover_ramp`: percent of a site's groups per minute.
    pub ramp: u8,
    /// `site_failover_max_logins_per_sec`: logins of this proxy that fail a group over; the next has to wait.
    pub logins_per_second_max: u32,
}

impl Default for FailoverRules {
    fn default() -> Self {
        Self { auto: true, delay: Duration::from_secs(120), ramp: 10, logins_per_second_max: 50 }
    }
}

/// What this proxy itself has seen of another site's load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It can be reached, whatever the rows say.
    Reached,
    /// Connections to it fail. Logins still try, because nothing else may tell that it is back.
    Failing,
    /// Probes do not reach it: no login tries.
    Unreachable,
}

/// Opinions by site; a site without one is judged by the rows.
pub type Opinions = BTreeMap<Uuid, Opinion>;

/// What routing has to know besides rows: this proxy's opinions and the time, boiled down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// By site.
    pub sites: BTreeMap<Uuid, SiteNow>,
    /// The wall clock, milliseconds since 1970: which rows of `group_sites` are too young to be changed again. None: no row is.
    pub unix_millis: Option<i64>,
}

/// One site at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteNow {
    /// This proxy's opinion.
    pub opinion: Option<Opinion>,
    /// How many of a hundred of its groups go to another site by now, because it is away.
    pub away: u8,
    /// How many of a hundred of its groups that were failed over come home by now.
    pub back: u8,
    /// How many of a hundred of its groups have been told to leave for good (`evacuate`).
    pub evacuated: u8,
}

/// What is remembered of each site from one look to the next.
#[derive(Clone, Debug, Default)]
pub struct Outages {
    sites: BTreeMap<Uuid, Phase>,
}

/// What a site is in, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Online, and reached by all that measured it, since then.
    Well(Tick),
    /// Neither well nor away: an odd status, or another site does not reach it.
    Unclear,
    /// Its groups begin to leave at that time.
    Away { from: Tick, cause: Cause },
    /// Its users are told to leave, since then.
    Evacuating(Tick),
}

/// Why a site is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// An operator says so.
    Ordered,
    /// It does not answer.
    OutOfReach,
}

impl Outages {
    /// Looks at all sites `now`.
    pub fn observe(
        &mut self,
        rows: &Rows,
        local_site: &str,
        opinions: &Opinions,
        rules: &FailoverRules,
        now: Tick,
    ) -> BTreeMap<Uuid, SiteNow> {
        let local = rows.sites.iter().filter(|site| &*site.name == local_site);
        let local = local.map(|site| site.id).min();
        self.sites.retain(|id, _| rows.sites.iter().any(|site| site.id == *id));
        let mut seen = BTreeMap::new();
        for site in &rows.sites {
            let opinion = opinions.get(&site.id).copied().filter(|_| Some(site.id) != local);
            let phase = self.enter(site, standing(rows, site, local, opinion), rules, now);
            seen.insert(site.id, phase.shares(opinion, rules, now));
        }
        seen
    }

    fn enter(
        &mut self,
        site: &Site,
        standing: Standing,
        rules: &FailoverRules,
        now: Tick,
    ) -> Phase {
        let former = self.sites.get(&site.id).copied();
        let phase = match (standing, former) {
            (Standing::Well, Some(Phase::Well(since))) => Phase::Well(since),
            (Standing::Well, _) => Phase::Well(now),
            (Standing::Unclear, _) => Phase::Unclear,
            (Standing::Evacuating, Some(Phase::Evacuating(since))) => Phase::Evacuating(since),
            (Standing::Evacuating, _) => Phase::Evacuating(now),
            // One that was out of reach before an operator says so does not begin anew.
            (Standing::Closed, Some(Phase::Away { from, .. })) => {
                Phase::Away { from: from.min(now), cause: Cause::Ordered }
            }
            (Standing::Closed, _) => Phase::Away { from: now, cause: Cause::Ordered },
            (Standing::OutOfReach, Some(Phase::Away { from, .. })) => {
                Phase::Away { from, cause: Cause::OutOfReach }
            }
            (Standing::OutOfReach, _) => {
                Phase::Away { from: now.after(rules.delay), cause: Cause::OutOfReach }
            }
        };
        self.sites.insert(site.id, phase);
        phase
    }
}

impl Phase {
    fn shares(self, opinion: Option<Opinion>, rules: &FailoverRules, now: Tick) -> SiteNow {
        let nothing = SiteNow { opinion, ..SiteNow::default() };
        match self {
            Self::Well(since) => {
                let from = since.after(limits::SITE_RECOVERY_AFTER);
                SiteNow { back: share(from, rules.ramp, now), ..nothing }
            }
            Self::Unclear => nothing,
            Self::Away { cause: Cause::OutOfReach, .. } if !rules.auto => nothing,
            Self::Away { from, .. } => SiteNow { away: share(from, rules.ramp, now), ..nothing },
            Self::Evacuating(since) => {
                SiteNow { evacuated: share(since, rules.ramp, now), ..nothing }
            }
        }
    }
}

/// Percent that have followed by `now`, when `ramp` of them follow each minute from `from` on.
#[must_use]
pub fn share(from: Tick, ramp: u8, now: Tick) -> u8 {
    let elapsed = u64::try_from(now.since(from).as_millis()).unwrap_or(u64::MAX);
    let percent = elapsed.saturating_mul(u64::from(ramp)) / MINUTE_MILLIS;
    u8::try_from(percent.min(100)).unwrap_or(100)
}

/// How a site stands at one moment.
enum Standing {
    Well,
    Unclear,
    OutOfReach,
    Closed,
    Evacuating,
}

fn standing(rows: &Rows, site: &Site, local: Option<Uuid>, opinion: Option<Opinion>) -> Standing {
    match site.status {
        SiteStatus::Offline | SiteStatus::Standby => return Standing::Closed,
        SiteStatus::Evacuate => return Standing::Evacuating,
        SiteStatus::Unknown(_) => return Standing::Unclear,
        SiteStatus::Online => {}
    }
    let measured = |src| {
        let mut found = rows.site_reachability.iter();
        let row = found.find(|row| row.src_site_id == src && row.dest_site_id == site.id);
        row.and_then(|row| row.reachable)
    };
    let own = local.and_then(measured);
    let is_out = match opinion {
        // The rest of the own site does reach it: the trouble is this host's, and moves no group of the cluster.
        Some(Opinion::Failing | Opinion::Unreachable) if own.is_some_and(|said| said != 0) => {
            return Standing::Unclear;
        }
        Some(Opinion::Failing | Opinion::Unreachable) => true,
        Some(Opinion::Reached) => false,
        None => own == Some(0),
    };
    if is_out && Some(site.id) != local {
        return Standing::OutOfReach;
    }
    let is_online = |other: &&Site| other.status == SiteStatus::Online && other.id != site.id;
    let mut others = rows.sites.iter().filter(is_online);
    if others.any(|other| measured(other.id) == Some(0)) {
        // Groups that come home now would be failed over again from there.
        return Standing::Unclear;
    }
    Standing::Well
}

const MINUTE_MILLIS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::rows::SiteReachability;

    const HERE: Uuid = Uuid::from_u128(1);
    const THERE: Uuid = Uuid::from_u128(2);
    const THIRD: Uuid = Uuid::from_u128(3);

    fn rows() -> Rows {
        let site = |id: Uuid, name: &str| Site {
            id,
            name: name.into(),
            tag: None,
            load_balancer: None,
            status: SiteStatus::Online,
        };
        let sites = vec![site(HERE, "here"), site(THERE, "there"), site(THIRD, "third")];
        Rows { sites, ..Rows::default() }
    }

    fn measured(src_site_id: Uuid, reachable: i64) -> SiteReachability {
        SiteReachability { src_site_id, dest_site_id: THERE, reachable: Some(reachable) }
    }

    /// Looks at these seconds and tells what became of `there` at the last.
    fn look(
        outages: &mut Outages,
        rows: &Rows,
        opinion: Option<Opinion>,
        rules: &FailoverRules,
        seconds: u64,
    ) -> SiteNow {
        let opinions = opinion.map(|opinion| (THERE, opinion)).into_iter().collect();
        outages.observe(rows, "here", &opinions, rules, Tick(seconds * 1000))[&THERE]
    }

    #[test]
    fn c_site_5_a_ramp_is_so_many_percent_a_minute() {
        let at = |seconds: u64| share(Tick(60_000), 10, Tick(seconds * 1000));
        assert_eq!([at(0), at(60), at(65), at(66), at(120)], [0, 0, 0, 1, 10]);
        assert_eq!([at(360), at(659), at(660), at(9999)], [50, 99, 100, 100]);
        assert_eq!(share(Tick(0), 0, Tick(u64::MAX)), 0);
        assert_eq!(share(Tick(0), 100, Tick(60_000)), 100);
    }

    #[test]
    fn c_site_5_out_of_reach_begins_after_the_delay_and_a_break_begins_anew() {
        let (mut outages, rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        let mut at = |opinion, seconds| look(&mut outages, &rows, opinion, &rules, seconds).away;
        let failing = Some(Opinion::Failing);
        assert_eq!([at(failing, 0), at(failing, 120), at(failing, 180)], [0, 0, 10]);
        assert_eq!([at(None, 181), at(failing, 182), at(failing, 301)], [0, 0, 0]);
        assert_eq!(at(failing, 362), 10);
    }

    #[test]
    fn c_site_5_an_operator_is_obeyed_without_delay_and_does_not_begin_anew() {
        let (mut outages, mut rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        rows.site_reachability = vec![measured(HERE, 0)];
        assert_eq!(look(&mut outages, &rows, None, &rules, 0).away, 0);
        assert_eq!(look(&mut outages, &rows, None, &rules, 420).away, 50);
        for status in [SiteStatus::Offline, SiteStatus::Standby] {
            rows.sites[1].status = status.clone();
            assert_eq!(look(&mut outages, &rows, None, &rules, 426).away, 51, "{status}");
            let mut fresh = Outages::default();
            assert_eq!(look(&mut fresh, &rows, None, &rules, 0).away, 0);
            assert_eq!(look(&mut fresh, &rows, None, &rules, 60).away, 10);
        }
    }

    #[test]
    fn c_site_5_without_auto_only_an_operator_fails_a_site_over() {
        let rules = FailoverRules { auto: false, ..FailoverRules::default() };
        let (mut outages, mut rows) = (Outages::default(), rows());
        assert_eq!(look(&mut outages, &rows, Some(Opinion::Failing), &rules, 0).away, 0);
        assert_eq!(look(&mut outages, &rows, Some(Opinion::Failing), &rules, 9999).away, 0);
        rows.sites[1].status = SiteStatus::Offline;
        assert_eq!(look(&mut outages, &rows, None, &rules, 9999).away, 100);
    }

    #[test]
    fn c_site_3_one_proxys_trouble_moves_nothing_while_its_site_reaches_the_other() {
        let (mut outages, mut rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        rows.site_reachability = vec![measured(HERE, 1)];
        for seconds in [0, 9999] {
            let now = look(&mut outages, &rows, Some(Opinion::Unreachable), &rules, seconds);
            assert_eq!((now.away, now.back), (0, 0));
        }
    }

    #[test]
    fn c_site_6_a_site_is_back_when_all_have_reached_it_for_long_enough() {
        let (mut outages, mut rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        let mut at = |rows: &Rows, seconds| look(&mut outages, rows, None, &rules, seconds).back;
        assert_eq!([at(&rows, 0), at(&rows, 300), at(&rows, 360)], [0, 0, 10]);
        rows.site_reachability = vec![measured(THIRD, 0)];
        assert_eq!([at(&rows, 361), at(&rows, 9000)], [0, 0], "the third site misses it");
        rows.sites[2].status = SiteStatus::Offline;
        assert_eq!([at(&rows, 9000), at(&rows, 9360)], [0, 10], "that one is no witness");
    }

    #[test]
    fn c_site_7_an_evacuated_site_empties_by_the_same_ramp() {
        let (mut outages, mut rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        rows.sites[1].status = SiteStatus::Evacuate;
        let mut at = |seconds| look(&mut outages, &rows, None, &rules, seconds);
        assert_eq!([at(0).evacuated, at(60).evacuated, at(600).evacuated], [0, 10, 100]);
        assert_eq!((at(600).away, at(600).back), (0, 0));
    }

    #[test]
    fn c_site_3_the_own_site_is_never_out_of_its_own_reach() {
        let (mut outages, mut rows, rules) = (Outages::default(), rows(), FailoverRules::default());
        rows.site_reachability =
            vec![SiteReachability { src_site_id: HERE, dest_site_id: HERE, reachable: Some(0) }];
        let opinions = [(HERE, Opinion::Unreachable)].into();
        let mut at = |seconds: u64| {
            outages.observe(&rows, "here", &opinions, &rules, Tick(seconds * 1000))[&HERE]
        };
        assert_eq!((at(0).away, at(9999).away, at(9999).opinion), (0, 0, None));
    }
}
