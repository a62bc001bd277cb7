//! Other sites, as this proxy's own connections see them (C-SITE-9).
//!
//! Duty: from what logins have seen to opinions for the table and to this site's row of `site_reachability`; trying a site that
//! fails while no login does; letting referrals go that are not good any more. Non-duty: judging (`route::experience`, which
//! health probes will feed too), building tables. Driven by `super`. Tests: `super::tests::reach`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::kept::Kept;
use super::names::Ask;
use super::tables::Orders;
use super::trouble::Trouble;
use crate::config::model::ProtocolSettings;
use crate::control::geodb::{GeoDb, GeoDbError};
use crate::control::inspection;
use crate::limits;
use crate::names::Protocol;
use crate::ring::clock;
use crate::route::experience::Experience;
use crate::route::outage::{Opinion, Opinions};
use crate::route::rows::SiteReachability;
use crate::route::table::{Place, SiteEntry, Table};
use crate::share::exchange::Exchange;
use crate::tick::Tick;

/// The task.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) geodb: GeoDb,
    pub(super) exchange: Exchange,
    pub(super) kept: Rc<Kept>,
    pub(super) orders: Rc<Orders>,
    pub(super) trouble: Rc<Trouble>,
    pub(super) ways: Rc<Ways>,
    pub(super) seen: Seen,
}

/// How the hosts of each protocol are spoken to.
pub(super) type Ways = Vec<(Protocol, ProtocolSettings)>;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    experience: Experience,
    /// Where an attempt at a site failed last.
    failed_at: BTreeMap<Uuid, SocketAddr>,
    /// Sites that are being tried.
    trying: Rc<RefCell<BTreeSet<Uuid>>>,
    opinions: Opinions,
}

impl Reach {
    /// Looks every second.
    pub(super) async fn keep(mut self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let (table, now) = (self.exchange.table.load(), clock::now());
        self.exchange.referrals.sweep(now, |sent_on| sent_on.is_good(&table));
        let Some(local) = table.local_site() else { return };
        self.take(&table, now);
        self.tell(&table, now);
        for site in table.sites().iter().filter(|site| site.id != local.id) {
            self.try_again(site, now);
            let said = self.kept.reachability(local.id, site.id);
            let Some(reachable) = self.seen.experience.correction(site.id, said, now) else {
                continue;
            };
            // What was seen while the GeoDB fails is written later, if it is still so.
            if !self.trouble.is_on()
                && let Err(fault) = self.write(local.id, site.id, reachable).await
            {
                self.trouble.failed(&fault);
            }
        }
    }

    /// Takes in what logins have seen since the last look.
    fn take(&mut self, table: &Table, now: Tick) {
        let Seen { experience, failed_at, .. } = &mut self.seen;
        let mut sums: BTreeMap<Uuid, [u32; 2]> = BTreeMap::new();
        let attempts = &self.exchange.site_attempts;
        for attempted in attempts.take() {
            let Some(Place::LoadBalancer(site)) = table.place_by_host(&attempted.host) else {
                continue;
            };
            if attempted.failed > 0 {
                failed_at.insert(site, attempted.endpoint);
            }
            let [answered, failed] = sums.entry(site).or_default();
            *answered = answered.saturating_add(attempted.answered);
            *failed = failed.saturating_add(attempted.failed);
        }
        for (site, [answered, failed]) in sums {
            experience.take(site, answered, failed, now);
        }
        attempts
            .keep_only(|host| matches!(table.place_by_host(host), Some(Place::LoadBalancer(_))));
        experience.keep_only(|site| table.site(site).is_some());
        failed_at.retain(|site, _| table.site(*site).is_some());
    }

    /// Has the opinions published, and tells the operator what is new.
    fn tell(&mut self, table: &Table, now: Tick) {
        let opinions = self.seen.experience.opinions(now);
        if opinions == self.seen.opinions {
            return;
        }
        for site in table.sites() {
            let is_failing = |of: &Opinions| of.get(&site.id) == Some(&Opinion::Failing);
            let host = site.load_balancer.as_ref().map_or("", |host| &*host.name);
            let name = &site.name;
            match (is_failing(&self.seen.opinions), is_failing(&opinions)) {
                (false, true) => self.trouble.note(
                    true,
                    format!(
                        "site {name} is not reached: every connection to its load balancer {host} fails; look at the \
                         network between the sites, and at the proxies there. Its groups are failed over after \
                         site_failover_delay, unless other proxies of this site reach it"
                    ),
                ),
                (true, false) => self.trouble.note(false, format!("site {name} ({host}) answers again")),
                _ => {}
            }
        }
        self.seen.opinions.clone_from(&opinions);
        self.kept.hold(opinions);
    }

    /// Connects to a site that fails, in place of the logins that are sent elsewhere meanwhile.
    fn try_again(&self, site: &SiteEntry, now: Tick) {
        let (Some(endpoint), Some(host)) = (self.seen.failed_at.get(&site.id), &site.load_balancer)
        else {
            return;
        };
        if !self.seen.experience.is_trial_due(site.id, now)
            || !self.seen.trying.borrow_mut().insert(site.id)
        {
            return;
        }
        // The name may lead to another address by now.
        let address = host.addresses.first().copied().unwrap_or_else(|| endpoint.ip());
        let (site, host) = (site.id, Arc::clone(&host.name));
        let peer = SocketAddr::new(address, endpoint.port());
        let (ways, trying) = (Rc::clone(&self.ways), Rc::clone(&self.seen.trying));
        let attempts = self.exchange.site_attempts.clone();
        tokio::task::spawn_local(async move {
            let way = ways.iter().find(|(_, way)| way.proxy_port == peer.port());
            let trial =
                inspection::greets(&host, peer, way.map(|(protocol, way)| (*protocol, way)));
            let is_reached = timeout(limits::SITE_TRIAL_TIMEOUT, trial).await.unwrap_or(false);
            attempts.note(&host, peer, is_reached);
            trying.borrow_mut().remove(&site);
        });
    }

    /// Writes this site's row, unless another proxy has done so meanwhile.
    async fn write(&self, src: Uuid, dest: Uuid, reachable: i64) -> Result<(), GeoDbError> {
        let geodb = self.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
        let is_this = |row: &&SiteReachability| (row.src_site_id, row.dest_site_id) == (src, dest);
        let places = geodb.read_places().await?;
        let said = places.site_reachability.iter().find(is_this).and_then(|row| row.reachable);
        if said != Some(reachable) {
            let (src_site_id, dest_site_id, reachable) = (src, dest, Some(reachable));
            let row = SiteReachability { src_site_id, dest_site_id, reachable };
            geodb.write_reachability(&row).await?;
        }
        self.orders.order(Ask::New);
        Ok(())
    }
}

/// How soon a site that fails is seen to.
const LOOK_EVERY: Duration = Duration::from_secs(1);
