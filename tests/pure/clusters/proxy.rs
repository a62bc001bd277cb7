//! One proxy: the rows as it read them last, the users it remembers, what it has seen of other sites. The routing is Hale's.

use std::collections::BTreeMap;

use hale::route::decide::{Decision, RouteQuestion, UserKnown, Writes, decide};
use hale::route::outage::{Circumstances, FailoverRules, Opinion, Opinions, Outages, SiteNow};
use hale::route::rows::{GroupSite, Rows, User, UserGroup};
use hale::route::table::{RouteSettings, Table};
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::Replica;

pub(super) struct Proxy {
    pub(super) site: usize,
    /// How far its wall clock is off, in milliseconds.
    pub(super) skew: i64,
    settings: RouteSettings,
    rows: Rows,
    version: Option<u64>,
    pub(super) table: Table,
    /// What the table was built from, besides rows.
    sites: BTreeMap<Uuid, SiteNow>,
    /// The rows have changed, or will look different a little later.
    is_unsettled: bool,
    outages: Outages,
    opinions: Opinions,
    /// How many probes in a row did not reach a site.
    pub(super) misses: BTreeMap<Uuid, u32>,
    /// Rows of users, and when they were read.
    users: BTreeMap<Box<str>, (User, u64)>,
    /// Since when this proxy has had a reason to take a site for away, for the checkers.
    pub(super) away_since: BTreeMap<Uuid, AwaySince>,
}

/// What a proxy knew of a site that is away, reckoned beside `Outages`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AwaySince {
    pub(super) at: u64,
    /// When an operator's word was first among its rows.
    pub(super) ordered: Option<u64>,
    /// When it was seen to be back: what was decided just before is still written.
    pub(super) ended: Option<u64>,
}

impl Proxy {
    pub(super) fn new(site: usize, name: &str, skew: i64, failover: FailoverRules) -> Self {
        let settings = RouteSettings {
            local_site: name.into(),
            default_group_count: super::GROUPS,
            test_username: None,
            failover,
        };
        Self {
            site,
            skew,
            settings,
            rows: Rows::default(),
            version: None,
            table: Table::default(),
            sites: BTreeMap::new(),
            is_unsettled: true,
            outages: Outages::default(),
            opinions: Opinions::new(),
            misses: BTreeMap::new(),
            users: BTreeMap::new(),
            away_since: BTreeMap::new(),
        }
    }

    /// Milliseconds since 1970, as this host has them.
    pub(super) fn wall(&self, now: u64) -> i64 {
        super::EPOCH + i64::try_from(now).unwrap() + self.skew
    }

    /// What the control core does every ten seconds. None: the GeoDB did not answer, and only time has passed.
    pub(super) fn refresh(&mut self, replica: Option<&Replica>, local: Uuid, now: u64) {
        if let Some(replica) = replica
            && self.version != Some(replica.version)
        {
            self.rows = replica.rows(local);
            self.version = Some(replica.version);
            self.is_unsettled = true;
        }
        let RouteSettings { local_site, failover, .. } = &self.settings;
        let sites =
            self.outages.observe(&self.rows, local_site, &self.opinions, failover, Tick(now));
        self.note_away(local, now);
        let wall = self.wall(now);
        if sites == self.sites && !self.is_unsettled {
            return;
        }
        // Rows that have just changed become older without a word.
        self.is_unsettled = self
            .rows
            .group_sites
            .iter()
            .any(|row| row.last_update.is_some_and(|written| wall.abs_diff(written) < 400_000));
        self.sites.clone_from(&sites);
        let now = Circumstances { sites, unix_millis: Some(wall) };
        self.table =
            Table::build_now(&self.rows, super::world::addresses(), &self.settings, &now).0;
    }

    fn note_away(&mut self, local: Uuid, now: u64) {
        for site in &self.rows.sites {
            let is_ordered = matches!(site.status.as_str(), "offline" | "standby");
            let measured = self.rows.site_reachability.iter().any(|row| {
                (row.src_site_id, row.dest_site_id, row.reachable) == (local, site.id, Some(0))
            });
            let is_missed = measured || self.opinions.contains_key(&site.id);
            if !is_ordered && (!is_missed || site.id == local) {
                if let Some(since) = self.away_since.get_mut(&site.id) {
                    since.ended.get_or_insert(now);
                }
                continue;
            }
            let begun = AwaySince { at: now, ordered: None, ended: None };
            let since = self.away_since.entry(site.id).or_insert(begun);
            if since.ended.is_some() {
                *since = begun;
            }
            if is_ordered {
                since.ordered.get_or_insert(now);
            }
        }
    }

    /// A probe reached a site, or did not.
    pub(super) fn probed(&mut self, site: Uuid, is_reached: bool) {
        let misses = self.misses.entry(site).or_default();
        *misses = if is_reached { 0 } else { *misses + 1 };
        if *misses >= 3 {
            self.opinions.insert(site, Opinion::Unreachable);
        } else {
            self.opinions.remove(&site);
        }
    }

    pub(super) fn remember(&mut self, user: User, now: u64) {
        self.users.insert(user.username.clone(), (user, now));
    }

    /// The row it remembers, unless it is five minutes old.
    pub(super) fn known(&self, user: &str, now: u64) -> Option<&User> {
        let (row, read_at) = self.users.get(user)?;
        (now - read_at < 300_000).then_some(row)
    }

    pub(super) fn decide(
        &self,
        user: &str,
        known: UserKnown<'_>,
        group: Option<&UserGroup>,
        site: Option<&GroupSite>,
        writes: Writes,
    ) -> Decision {
        let question = RouteQuestion {
            fresh_group: group,
            fresh_site: site,
            writes,
            ..RouteQuestion::of(user)
        };
        decide(&self.table, known, &question)
    }
}
