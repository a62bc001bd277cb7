//! Keeps the published table true.
//!
//! Duty: reading the rows, finding addresses, building, publishing, and saying what is wrong with the rows; one at a time,
//! for all who ordered meanwhile. Non-duty: knowing when; the others order ([`Orders`]). Driven by `super`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::names::{Ask, Names};
use super::trouble::Trouble;
use crate::control::geodb::GeoDb;
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_millis;
use crate::limits;
use crate::ring::clock;
use crate::route::build::hosts_to_resolve;
use crate::route::outage::{Circumstances, Opinions, Outages};
use crate::route::problem::Problem;
use crate::route::rows::Rows;
use crate::route::table::{RouteSettings, Table};
use crate::share::snapshot::Published;

/// The task.
#[derive(Debug)]
pub(super) struct Tables {
    geodb: GeoDb,
    names: Names,
    settings: RouteSettings,
    published: Published<Table>,
    orders: Rc<Orders>,
    trouble: Rc<Trouble>,
    problems: Vec<Problem>,
    /// What this proxy has seen of other sites.
    opinions: Opinions,
    outages: Outages,
}

impl Tables {
    pub(super) fn new(
        geodb: &GeoDb,
        resolver: Resolver,
        settings: RouteSettings,
        published: Published<Table>,
        trouble: Rc<Trouble>,
    ) -> Self {
        Self {
            geodb: geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT),
            names: Names::new(resolver),
            settings,
            published,
            orders: Rc::default(),
            trouble,
            problems: Vec::new(),
            opinions: Opinions::new(),
            outages: Outages::default(),
        }
    }

    /// Where tables are ordered.
    pub(super) fn orders(&self) -> Rc<Orders> {
        Rc::clone(&self.orders)
    }

    /// The first table.
    pub(super) async fn begin(&mut self) {
        self.refresh(Ask::All, limits::NAME_TIMEOUT).await;
    }

    /// Publishes again whenever there is a reason.
    pub(super) async fn keep(mut self) {
        let mut full = interval(REFRESH_EVERY);
        full.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the first table is there.
        full.tick().await;
        loop {
            let ask = tokio::select! {
                ask = self.orders.given() => ask,
                _ = full.tick() => Ask::All,
                () = self.names.changed() => Ask::New,
            };
            self.refresh(ask, limits::NEW_NAME_TIMEOUT).await;
        }
    }

    async fn refresh(&mut self, ask: Ask, patience: Duration) {
        let order = self.orders.last();
        match self.geodb.read_all(&self.settings.local_site).await {
            Ok(rows) => {
                let hosts = hosts_to_resolve(&rows, &self.settings.local_site);
                self.names.of(hosts, ask, patience).await;
                self.publish(&rows);
                self.trouble.tables_read();
            }
            // The last table stays in force, whatever its age (C-CACHE-2).
            Err(fault) => self.trouble.failed(&fault),
        }
        self.orders.done(order);
    }

    fn publish(&mut self, rows: &Rows) {
        let RouteSettings { local_site, failover, .. } = &self.settings;
        let sites = self.outages.observe(rows, local_site, &self.opinions, failover, clock::now());
        let now = Circumstances { sites, unix_millis: Some(unix_millis()) };
        let (table, problems) = Table::build_now(rows, self.names.known(), &self.settings, &now);
        // Each problem is told once, when it appears (K-CORE-6).
        for problem in problems.iter().filter(|problem| !self.problems.contains(problem)) {
            self.trouble.note(true, format!("geodb: {problem}"));
        }
        self.problems = problems;
        if *self.published.load() != table {
            self.published.publish(table);
        }
    }
}

/// What was ordered, by number. Orders that come while a table is made are for the next one, all together.
#[derive(Debug)]
pub(super) struct Orders {
    last: Cell<u64>,
    ask: Cell<Ask>,
    news: Notify,
    done: watch::Sender<u64>,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            last: Cell::new(0),
            ask: Cell::new(Ask::New),
            news: Notify::new(),
            done: watch::Sender::new(0),
        }
    }
}

impl Orders {
    /// Orders a table from rows as they are now, or newer.
    pub(super) fn order(&self, ask: Ask) -> u64 {
        let order = self.last.get() + 1;
        self.last.set(order);
        self.ask.set(self.ask.get().max(ask));
        self.news.notify_one();
        order
    }

    /// Orders a table and waits until it is published, or could not be made.
    pub(super) async fn refreshed(&self) {
        let order = self.order(Ask::New);
        let mut done = self.done.subscribe();
        // The sender is `self`.
        let _ = done.wait_for(|done| *done >= order).await;
    }

    async fn given(&self) -> Ask {
        loop {
            if self.last.get() > *self.done.borrow() {
                return self.ask.replace(Ask::New);
            }
            self.news.notified().await;
        }
    }

    fn last(&self) -> u64 {
        self.last.get()
    }

    fn done(&self, order: u64) {
        self.done.send_replace(order);
    }
}

/// Sites, backends and addresses are read anew this often (C-CACHE-1).
const REFRESH_EVERY: Duration = Duration::from_secs(10);
