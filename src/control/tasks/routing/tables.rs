//! Keeps the published table true.
//!
//! Duty: reading the rows, each kind at its own pace (C-CACHE-1), finding addresses, publishing; one read at a time, for all
//! who ordered meanwhile, and never half of one. Non-duty: knowing when rows have changed; the others order ([`Orders`]).
//! The rows are in `kept`. Driven by `super`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::kept::{Found, Kept};
use super::names::{Ask, Names};
use super::trouble::Trouble;
use crate::control::geodb::{GeoDb, GeoDbError};
use crate::control::localdb::Tables as KnownTables;
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_millis;
use crate::limits;
use crate::route::auto_reason;
use crate::route::build::hosts_to_resolve;

/// The task.
#[derive(Debug)]
pub(super) struct Tables {
    geodb: GeoDb,
    names: Names,
    kept: Rc<Kept>,
    orders: Rc<Orders>,
    trouble: Rc<Trouble>,
    /// One at most.
    reading: JoinSet<Read>,
    /// When each kind is to be read next.
    places_due: Instant,
    all_due: Instant,
    /// The same of the table, while a backend's share grows.
    ramp_due: Instant,
}

/// A read that came to its end.
#[derive(Debug)]
struct Read {
    result: Result<Found, GeoDbError>,
    /// The last order that it is for.
    order: u64,
    /// How many announcements of this process it is for.
    announced: u64,
    ask: Ask,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Sites, backends, reachability, settings.
    Places,
    /// And all groups.
    All,
}

impl Tables {
    pub(super) fn new(
        geodb: &GeoDb,
        resolver: Resolver,
        kept: Rc<Kept>,
        trouble: Rc<Trouble>,
    ) -> Self {
        let now = Instant::now();
        Self {
            geodb: geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT),
            names: Names::new(resolver),
            kept,
            orders: Rc::default(),
            trouble,
            reading: JoinSet::new(),
            places_due: now + PLACES_EVERY,
            all_due: now + ALL_EVERY,
            ramp_due: now,
        }
    }

    /// Where tables are ordered.
    pub(super) fn orders(&self) -> Rc<Orders> {
        Rc::clone(&self.orders)
    }

    /// The first table: the GeoDB's, or if that does not answer what the LocalDB knows.
    pub(super) async fn begin(&mut self, known: impl Future<Output = Option<KnownTables>>) {
        self.start_reading(Extent::All, Ask::All);
        let Some(known) = known.await else {
            if let Some(Ok(read)) = self.reading.join_next().await {
                self.take(read, limits::NAME_TIMEOUT).await;
            }
            return;
        };
        self.names.remember(Arc::clone(&known.addresses));
        match timeout(limits::LOCALDB_GEODB_PATIENCE, self.reading.join_next()).await {
            Ok(Some(Ok(Read { result: Err(fault), order, .. }))) => {
                self.trouble.failed(&fault);
                self.restore(known).await;
                self.orders.done(order);
            }
            // A name that takes longer has an address from before.
            Ok(Some(Ok(read))) => self.take(read, limits::NEW_NAME_TIMEOUT).await,
            Ok(_) => self.restore(known).await,
            Err(_) => {
                let after = limits::LOCALDB_GEODB_PATIENCE;
                self.trouble.failed(&GeoDbError::Timeout { after });
                self.restore(known).await;
            }
        }
    }

    /// Publishes again whenever there is a reason.
    pub(super) async fn keep(mut self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_reading = !self.reading.is_empty();
            tokio::select! {
                Some(read) = self.reading.join_next(), if is_reading => {
                    // A read that panicked has ended, and the next one begins in time.
                    if let Ok(read) = read {
                        self.take(read, limits::NEW_NAME_TIMEOUT).await;
                    }
                }
                ask = self.orders.given(), if !is_reading => self.start_reading(Extent::All, ask),
                _ = look.tick() => self.look().await,
                () = self.names.changed() => self.kept.publish(self.names.known()),
                () = self.kept.opinions_changed() => self.kept.publish(self.names.known()),
            }
        }
    }

    /// Reads what is due.
    async fn look(&mut self) {
        let now = Instant::now();
        if self.kept.is_ramping() && now >= self.ramp_due {
            self.ramp_due = now + auto_reason::STEP;
            self.kept.publish(self.names.known());
        }
        if self.reading.is_empty() {
            // While the GeoDB is gone it is asked for the least, and often, so that its return is noticed.
            if now >= self.all_due && !self.trouble.is_on() {
                self.start_reading(Extent::All, Ask::All);
            } else if now >= self.places_due || self.trouble.is_on() {
                self.start_reading(Extent::Places, Ask::All);
            }
        }
        let Some(site) = self.kept.local_site() else { return };
        for _ in 0..DUE_AT_ONCE {
            let Some(name) = self.kept.next_due(unix_millis()) else { return };
            let geodb = self.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
            match geodb.read_group(site, &name).await {
                Ok(Some(row)) => self.kept.put_group(row),
                // It is gone; the next read of all groups finds the same.
                Ok(None) => {}
                Err(fault) => return self.trouble.failed(&fault),
            }
        }
        self.orders.order(Ask::New);
    }

    fn start_reading(&mut self, extent: Extent, ask: Ask) {
        let now = Instant::now();
        self.places_due = now + PLACES_EVERY;
        if extent == Extent::All {
            self.all_due = now + ALL_EVERY;
        }
        // An order is for everything.
        let is_all = extent == Extent::All;
        let order = if is_all { self.orders.last() } else { 0 };
        let announced = if is_all { self.orders.announced.get() } else { 0 };
        self.kept.begin_reading();
        let (geodb, kept) = (self.geodb.clone(), Rc::clone(&self.kept));
        self.reading.spawn_local(async move {
            let result = read(&geodb, &kept, extent).await;
            Read { result, order, announced, ask }
        });
    }

    async fn take(&mut self, read: Read, patience: Duration) {
        let Read { result, order, announced, ask } = read;
        match result {
            Ok(found) => {
                let (had_groups, last_move) = (found.groups.is_some(), self.kept.last_move());
                self.kept.take(found, unix_millis());
                if !had_groups && self.kept.last_move() != last_move {
                    // Other proxies hold logins of groups that move, and end their sessions (C-MOVE-4).
                    self.all_due = Instant::now();
                }
                let hosts = hosts_to_resolve(&self.kept.places(), self.kept.local_site_name());
                self.names.of(hosts, ask, patience).await;
                self.kept.publish(self.names.known());
                if order > 0 {
                    self.geodb.take_up(self.orders.published(order, announced));
                }
                self.trouble.answered();
                self.trouble.tables_read();
            }
            Err(fault) => {
                // The last table stays in force, whatever its age (C-CACHE-2).
                self.kept.give_up_reading();
                self.trouble.failed(&fault);
                if order > 0 && fault.is_outage() {
                    // What was ordered has not been seen: it is read as soon as the GeoDB is well.
                    self.all_due = Instant::now();
                }
            }
        }
        if order > 0 {
            self.orders.done(order);
        }
    }

    async fn restore(&mut self, known: KnownTables) {
        self.kept.take_known(known);
        let hosts = hosts_to_resolve(&self.kept.places(), self.kept.local_site_name());
        self.names.of(hosts, Ask::All, limits::NEW_NAME_TIMEOUT).await;
        self.kept.publish(self.names.known());
        let text = "geodb: does not answer; sites, backends and groups are those that cluster_localdb knows";
        self.trouble.note(true, text.to_owned());
    }
}

/// Reads all tables of the extent, or none. Groups before the backends that they name: what is added meanwhile is known.
async fn read(geodb: &GeoDb, kept: &Kept, extent: Extent) -> Result<Found, GeoDbError> {
    let site = kept.local_site();
    let mut found = Found::default();
    if extent == Extent::All {
        found.group_sites = Some(geodb.read_group_sites().await?);
        if let Some(site) = site {
            found.groups = Some(geodb.read_groups(site).await?);
        }
    }
    let places = geodb.read_places().await?;
    let is_now = places.local_site(kept.local_site_name());
    if is_now != site
        && let Some(site) = is_now
    {
        found.groups = Some(geodb.read_groups(site).await?);
    }
    found.places = Some(places);
    Ok(found)
}

/// What was ordered, by number. Orders that come while a table is made are for the next one, all together.
#[derive(Debug)]
pub(super) struct Orders {
    last: Cell<u64>,
    ask: Cell<Ask>,
    news: Notify,
    done: watch::Sender<u64>,
    /// The last one whose table is published.
    published: Cell<u64>,
    /// How many announcements of this process have been taken in, and what they changed ordered.
    announced: Cell<u64>,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            last: Cell::new(0),
            ask: Cell::new(Ask::New),
            news: Notify::new(),
            done: watch::Sender::new(0),
            published: Cell::new(0),
            announced: Cell::new(0),
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

    /// What a look at the changes has told, after `announced` announcements of this process. Users' rows are doubted by now;
    /// tables are ordered here. Announcements count as taken up when what was ordered until then is published.
    pub(super) fn take_news(&self, announced: u64, tables: bool, geodb: &GeoDb) {
        self.announced.set(announced);
        if tables {
            self.order(Ask::All);
        } else if self.last.get() == self.published.get() {
            geodb.take_up(announced);
        }
    }

    /// The table of an order is published, whose read began after `announced` announcements. How many are taken up by that.
    fn published(&self, order: u64, announced: u64) -> u64 {
        self.published.set(order);
        // Of those that came during the read none has ordered anything.
        if self.last.get() == order { self.announced.get() } else { announced }
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

/// What is due is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Sites, backends, reachability and addresses are read anew this often (C-CACHE-1).
const PLACES_EVERY: Duration = Duration::from_secs(10);
/// Groups, too (C-CACHE-1).
const ALL_EVERY: Duration = Duration::from_secs(60);
/// Groups that are due at the same moment, read one by one; beyond it all are read.
const DUE_AT_ONCE: usize = 64;
