//! The rows that the routing table is built from, kept in memory, and the table that is published.
//!
//! Duty: taking up what was read as a whole, or one row that was just written or read, and publishing the table that
//! follows; a row costs one piece of a table, not a table. Saying what is wrong with rows; telling the LocalDB. Non-duty:
//! reading. Driven by `tables` and `look_ups`, which are on one thread. Tests: `super::tests`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::trouble::Trouble;
use crate::control::localdb::{LocalDb, Tables as KnownTables};
use crate::control::wall_clock::{UnixMillis, unix_millis};
use crate::limits;
use crate::ring::clock;
use crate::route::chunks::Chunks;
use crate::route::outage::{Circumstances, FailoverRules, Opinions, Outages};
use crate::route::problem::Problem;
use crate::route::rows::{Backend, GroupSite, Places, ReadRows, Rows, UserGroup};
use crate::route::settings_rows::MOVES;
use crate::route::table::{Addresses, RouteSettings, Table};
use crate::share::snapshot::Published;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Kept {
    published: Published<Table>,
    settings: RouteSettings,
    trouble: Rc<Trouble>,
    local: Option<LocalDb>,
    rows: RefCell<Kinds>,
    /// The opinions, or a backend, are others than those of the table.
    news: Notify,
    /// The published table, for tasks that follow it.
    tables: watch::Sender<Arc<Table>>,
}

/// What a table is made of.
#[derive(Debug, Default)]
struct Kinds {
    /// Everything but groups and what they do at sites; those are in pieces.
    places: Places,
    groups: Chunks<UserGroup>,
    group_sites: Chunks<GroupSite>,
    /// Rows of these two that cannot be held as values.
    unreadable: [Vec<Problem>; 2],
    /// What was complained of last.
    problems: BTreeSet<Problem>,
    /// Groups to be read again, and when.
    due: BTreeSet<(UnixMillis, Box<str>)>,
    /// What this proxy has seen of other sites.
    opinions: Opinions,
    outages: Outages,
    /// As of the last table.
    now: Circumstances,
    /// Where its hosts are.
    addresses: Arc<Addresses>,
    /// What was put in since a read began: the read may not know it.
    since: Option<Vec<Put>>,
}

#[derive(Clone, Debug)]
enum Put {
    Group(UserGroup),
    GroupSite(GroupSite),
    Backend(Backend),
}

/// What a read has found; what was not read stays.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) places: Option<Places>,
    pub(super) groups: Option<ReadRows<UserGroup>>,
    pub(super) group_sites: Option<ReadRows<GroupSite>>,
}

impl Kept {
    pub(super) fn new(
        published: Published<Table>,
        settings: RouteSettings,
        trouble: Rc<Trouble>,
        local: Option<LocalDb>,
    ) -> Self {
        let tables = watch::Sender::new(published.load());
        Self {
            published,
            settings,
            trouble,
            local,
            rows: RefCell::default(),
            news: Notify::new(),
            tables,
        }
    }

    /// The table, whenever it is another one.
    pub(super) fn tables(&self) -> watch::Receiver<Arc<Table>> {
        self.tables.subscribe()
    }

    fn publish_table(&self, table: Table) {
        self.published.publish(table);
        self.tables.send_replace(self.published.load());
    }

    /// Who is told of the GeoDB's trouble.
    pub(super) fn trouble(&self) -> Rc<Trouble> {
        Rc::clone(&self.trouble)
    }

    /// The LocalDB.
    pub(super) fn local(&self) -> Option<LocalDb> {
        self.local.clone()
    }

    /// How fast users follow a site that goes.
    pub(super) fn failover_rules(&self) -> FailoverRules {
        self.settings.failover
    }

    /// The local site, as far as it is known.
    pub(super) fn local_site(&self) -> Option<Uuid> {
        self.rows.borrow().places.local_site(&self.settings.local_site)
    }

    /// Its name.
    pub(super) fn local_site_name(&self) -> &str {
        &self.settings.local_site
    }

    /// When a group of this site began to move, or ceased to, as far as a row says.
    pub(super) fn last_move(&self) -> Option<Box<str>> {
        let site = self.local_site()?;
        let rows = self.rows.borrow();
        let mut settings = rows.places.settings.iter();
        let found = settings.find(|row| &*row.section == MOVES && row.site_id == site)?;
        Some(found.value.clone())
    }

    /// Whether the proxies carry out moves of groups.
    pub(super) fn are_moves_ours(&self) -> bool {
        self.settings.are_moves_ours
    }

    /// The sites and backends, for their names.
    pub(super) fn places(&self) -> Rows {
        self.rows.borrow().of_places()
    }

    /// What the row of one site says of another.
    pub(super) fn reachability(&self, src: Uuid, dest: Uuid) -> Option<i64> {
        let rows = self.rows.borrow();
        let mut all = rows.places.site_reachability.iter();
        all.find(|row| (row.src_site_id, row.dest_site_id) == (src, dest))?.reachable
    }

    /// Holds these opinions of other sites from here on.
    pub(super) fn hold(&self, opinions: Opinions) {
        self.rows.borrow_mut().opinions = opinions;
        self.news.notify_one();
    }

    /// Waits until the table is to be built with other opinions.
    pub(super) async fn opinions_changed(&self) {
        self.news.notified().await;
    }

    /// A read begins: what is put in from here on is newer than what it will find.
    pub(super) fn begin_reading(&self) {
        self.rows.borrow_mut().since = Some(Vec::new());
    }

    /// A read has ended without anything.
    pub(super) fn give_up_reading(&self) {
        self.rows.borrow_mut().since = None;
    }

    /// Takes up what a read has found, all of it at once.
    pub(super) fn take(&self, found: Found, now: UnixMillis) {
        let mut rows = self.rows.borrow_mut();
        let former_site = rows.places.local_site(&self.settings.local_site);
        let Found { places, groups, group_sites } = found;
        if let Some(places) = places {
            rows.places = places;
        }
        if rows.places.local_site(&self.settings.local_site) != former_site && groups.is_none() {
            rows.groups = Chunks::default();
        }
        if let Some(ReadRows { rows: read, unreadable }) = groups {
            rows.groups = Chunks::sharing(read, &rows.groups);
            rows.unreadable[0] = unreadable;
        }
        if let Some(ReadRows { rows: read, unreadable }) = group_sites {
            rows.group_sites = Chunks::sharing(read, &rows.group_sites);
            rows.unreadable[1] = unreadable;
        }
        for put in rows.since.take().into_iter().flatten() {
            rows.put(put);
        }
        let due = rows.groups.iter().filter_map(|row| Some((row.refresh_after?, row.name.clone())));
        rows.due = due.filter(|(at, _)| due_at(*at) > now).collect();
    }

    /// Takes up what the LocalDB knows.
    pub(super) fn take_known(&self, known: KnownTables) {
        let mut rows = self.rows.borrow_mut();
        let KnownTables { places, groups, group_sites, addresses } = known;
        let opinions = std::mem::take(&mut rows.opinions);
        *rows = Kinds { places, groups, group_sites, addresses, opinions, ..Kinds::default() };
    }

    /// Builds the table of what is here, and publishes it if it differs.
    pub(super) fn publish(&self, addresses: &Addresses) {
        let mut rows = self.rows.borrow_mut();
        let mut all = rows.of_places();
        all.unreadable.extend(rows.unreadable.iter().flatten().cloned());
        let RouteSettings { local_site, failover, .. } = &self.settings;
        let Kinds { outages, opinions, .. } = &mut *rows;
        let sites = outages.observe(&all, local_site, opinions, failover, clock::now());
        rows.now = Circumstances { sites, unix_millis: Some(unix_millis()) };
        if *rows.addresses != *addresses {
            rows.addresses = Arc::new(addresses.clone());
        }
        let Kinds { groups, group_sites, now, .. } = &*rows;
        let (table, problems) =
            Table::build_on(&all, groups, group_sites, addresses, &self.settings, now);
        // Each problem is told once, when it appears (K-CORE-6).
        let problems: BTreeSet<Problem> = problems.into_iter().collect();
        for problem in problems.difference(&rows.problems) {
            self.trouble.note(true, format!("geodb: {problem}"));
        }
        rows.problems = problems;
        if *self.published.load() == table {
            self.published.sweep();
        } else {
            self.publish_table(table);
        }
        if let Some(local) = &self.local
            && rows.places.local_site(&self.settings.local_site).is_some()
        {
            local.tables_changed(rows.known());
        }
    }

    /// A row of a group that was just read or written.
    pub(super) fn put_group(&self, row: UserGroup) {
        let mut rows = self.rows.borrow_mut();
        if Some(row.site_id) != rows.places.local_site(&self.settings.local_site) {
            return;
        }
        let is_older = |kept: &&UserGroup| kept.refresh_after > row.refresh_after || **kept == row;
        let find = |kept: &UserGroup| (&kept.name, kept.site_id).cmp(&(&row.name, row.site_id));
        if rows.groups.find(find).as_ref().is_some_and(is_older) {
            return;
        }
        let (table, problems) = self.published.load().with_group(row.clone());
        self.put(&mut rows, Put::Group(row), table, problems);
    }

    /// A row of what a group does at a site, just read or written.
    pub(super) fn put_group_site(&self, row: GroupSite) {
        let mut rows = self.rows.borrow_mut();
        let key = |row: &GroupSite| (row.group_name.clone(), row.site_id);
        let find = |kept: &GroupSite| key(kept).cmp(&key(&row));
        let is_older = |kept: &&GroupSite| kept.last_update > row.last_update || **kept == row;
        if rows.group_sites.find(find).as_ref().is_some_and(is_older) {
            return;
        }
        let now = Circumstances { unix_millis: Some(unix_millis()), ..rows.now.clone() };
        let (table, problems) = self.published.load().with_group_site(&row, &now);
        self.put(&mut rows, Put::GroupSite(row), table, problems);
    }

    /// A row of a backend that was just read or written: the table follows at once.
    pub(super) fn put_backend(&self, row: Backend) {
        let mut rows = self.rows.borrow_mut();
        if let Some(since) = &mut rows.since {
            since.push(Put::Backend(row.clone()));
        }
        rows.put(Put::Backend(row));
        self.news.notify_one();
    }

    /// Whether the table changes by the time alone: some backend's share grows yet, or a pin's time has passed.
    pub(super) fn is_ramping(&self) -> bool {
        let table = self.published.load();
        table.backends().iter().any(|backend| backend.ramp < 100)
            || table.pins().iter().any(|pin| pin.is_over(unix_millis()))
    }

    /// A group that is due to be read again by now.
    pub(super) fn next_due(&self, now: UnixMillis) -> Option<Box<str>> {
        let mut rows = self.rows.borrow_mut();
        let first = rows.due.first().filter(|(at, _)| due_at(*at) <= now).cloned()?;
        rows.due.remove(&first);
        Some(first.1)
    }

    fn put(&self, rows: &mut Kinds, put: Put, table: Table, problems: Vec<Problem>) {
        for problem in problems {
            if rows.problems.insert(problem.clone()) {
                self.trouble.note(true, format!("geodb: {problem}"));
            }
        }
        if let Some(since) = &mut rows.since {
            since.push(put.clone());
        }
        rows.put(put);
        self.publish_table(table);
        if let Some(local) = &self.local {
            local.tables_changed(rows.known());
        }
    }
}

impl Kinds {
    fn of_places(&self) -> Rows {
        Rows::joined(self.places.clone(), ReadRows::default(), ReadRows::default())
    }

    fn known(&self) -> KnownTables {
        KnownTables {
            places: self.places.clone(),
            groups: self.groups.clone(),
            group_sites: self.group_sites.clone(),
            addresses: Arc::clone(&self.addresses),
        }
    }

    fn put(&mut self, put: Put) {
        match put {
            Put::Group(row) => {
                if let Some(at) = row.refresh_after {
                    self.due.insert((at, row.name.clone()));
                }
                self.groups = self.groups.with(row);
            }
            Put::GroupSite(row) => self.group_sites = self.group_sites.with(row),
            Put::Backend(row) => {
                let is_it = |kept: &&mut Backend| (kept.site_id, kept.id) == (row.site_id, row.id);
                // One that is gone stays gone.
                if let Some(kept) = self.places.backends.iter_mut().find(is_it) {
                    *kept = row;
                }
            }
        }
    }
}

/// When a row that says this of its change is read once more.
fn due_at(refresh_after: UnixMillis) -> UnixMillis {
    let late = i64::try_from(limits::GEODB_WRITES_LATE_BY.as_millis()).unwrap_or(i64::MAX);
    refresh_after.saturating_add(late)
}
