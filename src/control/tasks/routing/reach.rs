//! Other sites, as this proxy's own connections see them (C-SITE-9).
//!
//! Duty: from what logins have seen to opinions for the table and to what this site's row of `site_reachability` is to say;
//! trying a site that no login tries; letting referrals go that are not good any more. Non-duty: judging
//! (`route::experience`), writing (`tasks::late_writes`, also when the GeoDB is back after
//! a while), building tables. Driven by `super`. Tests: `super::tests::reach`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::kept::Kept;
use super::trouble::Trouble;
use crate::config::model::ProtocolSettings;
use crate::control::geodb::{GeoDb, LateWrite};
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
            self.look();
        }
    }

    fn look(&mut self) {
        let (table, now) = (self.exchange.table.load(), clock::now());
        self.exchange.referrals.sweep(now, |sent_on| sent_on.is_good(&table));
        let Some(local) = table.local_site() else { return };
        self.take(&table, now);
        self.tell(&table, now);
        for site in table.sites().iter().filter(|site| site.id != local.id) {
            self.try_again(site, now);
            self.correct(local.id, site.id, now);
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
            if answered > 0 {
                failed_at.remove(&site);
            }
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

    /// Connects to a site in place of logins, which are sent elsewhere or have no reason to go there.
    fn try_again(&self, site: &SiteEntry, now: Tick) {
        let Some(host) = &site.load_balancer else { return };
        if !self.seen.experience.is_trial_due(site.id, now) {
            return;
        }
        let failed_at = self.seen.failed_at.get(&site.id);
        // The name may lead to another address by now.
        let address = host.addresses.first().copied().or_else(|| failed_at.map(SocketAddr::ip));
        let port = failed_at.map(SocketAddr::port).or_else(|| self.port());
        let (Some(address), Some(port)) = (address, port) else { return };
        if !self.seen.trying.borrow_mut().insert(site.id) {
            return;
        }
        let (site, host) = (site.id, Arc::clone(&host.name));
        let peer = SocketAddr::new(address, port);
        let (ways, trying) = (Rc::clone(&self.ways), Rc::clone(&self.seen.trying));
        let attempts = self.exchange.site_attempts.clone();
        tokio::task::spawn_local(async move {
            let way = ways.iter().find(|(_, way)| way.proxy_port == peer.port());
            let trial =
                inspection::greets(&host, peer, way.map(|(protocol, way)| (*protocol, way)));
            // What this host lacks says nothing of the site.
            if let Ok(is_reached) =
                timeout(limits::SITE_TRIAL_TIMEOUT, trial).await.unwrap_or(Ok(false))
            {
                attempts.note(&host, peer, is_reached);
            }
            trying.borrow_mut().remove(&site);
        });
    }

    /// Where sites are tried at which nothing has failed: by IMAP, if that is served.
    fn port(&self) -> Option<u16> {
        let by_imap = self.ways.iter().find(|(protocol, _)| *protocol == Protocol::Imap);
        by_imap.or_else(|| self.ways.first()).map(|(_, way)| way.proxy_port)
    }

    /// Has this site's row written if it is to say something else. Nothing is lost while the GeoDB is gone: a site that was
    /// reached then may not be tried again for long.
    fn correct(&mut self, src: Uuid, dest: Uuid, now: Tick) {
        let said = match self.geodb.late().reachability(src, dest) {
            Some(waiting) => waiting.reachable,
            None => self.kept.reachability(src, dest),
        };
        let Some(reachable) = self.seen.experience.correction(dest, said, now) else { return };
        let row =
            SiteReachability { src_site_id: src, dest_site_id: dest, reachable: Some(reachable) };
        // A full queue is told by the one who empties it.
        let _ = self.geodb.write_later(LateWrite::Reachability(row));
    }
}

/// How soon a site that fails is seen to.
const LOOK_EVERY: Duration = Duration::from_secs(1);
