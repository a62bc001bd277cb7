//! One proxy: the rows as it read them last, the users it remembers, what it has seen of other sites. The routing is Hale's.

use std::collections::{BTreeMap, BTreeSet};

use hale::limits::{GEODB_WRITES_LATE_BY, REFERRAL_KEPT_FOR};
use hale::route::decide::{Decision, RouteQuestion, decide};
use hale::route::decide::{UserKnown, Writes};
use hale::route::outage::{Circumstances, Opinion, Opinions, Outages};
use hale::route::rows::{Backend, GroupSite, Rows, SiteStatus, User, UserGroup};
use hale::route::sent_on::SentOn;
use hale::route::table::{BackendEntry, RouteSettings, Table};
use hale::tick::Tick;
use uuid::Uuid;

use super::geodb::{Key, Replica};

pub(super) struct Proxy {
    pub(super) site: usize,
    pub(super) site_id: Uuid,
    /// How far its wall clock is off, in milliseconds.
    pub(super) skew: i64,
    /// How often it was started.
    pub(super) start: u32,
    pub(super) settings: RouteSettings,
    pub(super) memory: Memory,
}

/// What is gone when a proxy ends, but for what its LocalDB has.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) rows: Rows,
    /// Of its site's replica, when it read it.
    pub(super) versions: Option<(u64, u64)>,
    /// When a group last began or ended to move, as a row has it.
    last_move: Box<str>,
    pub(super) table: Table,
    /// Groups that are to be read once more, and what their rows say of when they changed (C-GROUP-1).
    due: BTreeSet<(i64, Box<str>)>,
    /// What the table was built from, besides rows.
    circumstances: Circumstances,
    /// The rows have changed, or will look different a little later.
    is_unsettled: bool,
    outages: Outages,
    pub(super) opinions: Opinions,
    /// How many probes in a row did not reach a site.
    pub(super) misses: BTreeMap<Uuid, u32>,
    users: BTreeMap<Box<str>, Remembered>,
    /// Where backends have sent users on to, and when.
    sent_on: BTreeMap<Box<str>, (SentOn, u64)>,
    /// Since when this proxy has had a reason to take a site for away, for the checkers.
    pub(super) away_since: BTreeMap<Uuid, AwaySince>,
    /// Since when it has known that a site is being evacuated, for the checkers.
    pub(super) evacuating_since: BTreeMap<Uuid, u64>,
}

struct Remembered {
    row: User,
    /// None: from the LocalDB.
    read_at: Option<u64>,
}

/// How much of the GeoDB is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    Places,
    All,
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
    pub(super) fn new((site, site_id): (usize, Uuid), settings: RouteSettings, skew: i64) -> Self {
        let memory = Memory { is_unsettled: true, ..Memory::default() };
        Self { site, site_id, skew, start: 0, settings, memory }
    }

    /// Milliseconds since 1970, as this host has them.
    pub(super) fn wall(&self, now: u64) -> i64 {
        super::EPOCH + i64::try_from(now).unwrap() + self.skew
    }

    /// What the control core does every ten seconds. None: the GeoDB did not answer, and only time has passed.
    pub(super) fn refresh(&mut self, replica: Option<&Replica>, reads: Reads, now: u64) {
        if let Some(replica) = replica {
            self.read(replica, reads, self.wall(now));
        }
        self.observe(now);
    }

    fn read(&mut self, replica: &Replica, reads: Reads, wall: i64) {
        let memory = &mut self.memory;
        let (places, groups) = memory.versions.unwrap_or((u64::MAX, u64::MAX));
        let read = (replica.places_version, replica.groups_version);
        if places != read.0 {
            replica.read_places(&mut memory.rows);
            memory.is_unsettled = true;
        }
        let mut versions = (read.0, groups);
        let last_move = replica.text(&Key::Moves(self.site_id), "value");
        let is_moved = std::mem::replace(&mut memory.last_move, last_move.clone()) != last_move;
        // A proxy that has just been started reads all.
        if (reads == Reads::All || is_moved || groups == u64::MAX) && groups != read.1 {
            replica.read_groups(&mut memory.rows, self.site_id);
            let groups = memory.rows.user_groups.iter();
            let due = groups.filter_map(|row| Some((row.refresh_after?, row.name.clone())));
            memory.due = due.filter(|(at, _)| due_at(*at) > wall).collect();
            memory.is_unsettled = true;
            versions.1 = read.1;
        }
        memory.versions = Some(versions);
    }

    /// Time passes: sites go and come back, rows are settled.
    fn observe(&mut self, now: u64) {
        self.note_away(now);
        let wall = self.wall(now);
        let RouteSettings { local_site, failover, .. } = &self.settings;
        let memory = &mut self.memory;
        let sites =
            memory.outages.observe(&memory.rows, local_site, &memory.opinions, failover, Tick(now));
        if sites == memory.circumstances.sites && !memory.is_unsettled {
            return;
        }
        // Rows that have just changed become older without a word.
        let is_young = |row: &GroupSite| {
            row.last_update.is_some_and(|written| wall.abs_diff(written) < 400_000)
        };
        memory.is_unsettled = memory.rows.group_sites.iter().any(is_young)
            || memory.table.backends().iter().any(|backend| backend.ramp < 100);
        memory.circumstances = Circumstances { sites, unix_millis: Some(wall) };
        let addresses = super::world::addresses();
        let Memory { rows, circumstances, .. } = &*memory;
        memory.table = Table::build_now(rows, addresses, &self.settings, circumstances).0;
    }

    fn note_away(&mut self, now: u64) {
        let Self { memory, site_id: local, .. } = self;
        let Memory { rows, opinions, away_since, evacuating_since, .. } = memory;
        for site in &rows.sites {
            if site.status == SiteStatus::Evacuate {
                evacuating_since.entry(site.id).or_insert(now);
            } else {
                evacuating_since.remove(&site.id);
            }
            let is_ordered = matches!(site.status.as_str(), "offline" | "standby");
            let measured = rows.site_reachability.iter().any(|row| {
                (row.src_site_id, row.dest_site_id, row.reachable) == (*local, site.id, Some(0))
            });
            let is_missed = measured || opinions.contains_key(&site.id);
            if !is_ordered && (!is_missed || site.id == *local) {
                if let Some(since) = away_since.get_mut(&site.id) {
                    since.ended.get_or_insert(now);
                }
                continue;
            }
            let begun = AwaySince { at: now, ordered: None, ended: None };
            let since = away_since.entry(site.id).or_insert(begun);
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
        let misses = self.memory.misses.entry(site).or_default();
        *misses = if is_reached { 0 } else { *misses + 1 };
        if *misses >= 3 {
            self.memory.opinions.insert(site, Opinion::Unreachable);
        } else {
            self.memory.opinions.remove(&site);
        }
    }

    /// Builds its table anew: rows that were put in one by one may mean more among the others.
    pub(super) fn rebuild(&mut self, now: u64) {
        self.memory.is_unsettled = true;
        self.observe(now);
    }

    /// Ends and is started again: with what its LocalDB has, or with nothing.
    pub(super) fn restart(&mut self, has_local_db: bool, now: u64) {
        self.start += 1;
        let former = std::mem::take(&mut self.memory);
        self.memory.is_unsettled = true;
        if has_local_db {
            let forget_when = |(name, known): (Box<str>, Remembered)| {
                (name, Remembered { row: known.row, read_at: None })
            };
            self.memory.rows = former.rows;
            self.memory.users = former.users.into_iter().map(forget_when).collect();
        }
        self.observe(now);
    }
}

// === Single rows ===

impl Proxy {
    /// A row of a group that was just read or written.
    pub(super) fn put_group(&mut self, row: &UserGroup) {
        let Memory { rows, table, due, .. } = &mut self.memory;
        if row.site_id != self.site_id {
            return;
        }
        let known = rows.user_groups.iter_mut().find(|known| known.name == row.name);
        match known {
            Some(known) if known == row || known.refresh_after > row.refresh_after => return,
            Some(known) => known.clone_from(row),
            None => rows.user_groups.push(row.clone()),
        }
        due.extend(row.refresh_after.map(|at| (at, row.name.clone())));
        *table = table.with_group(row.clone()).0;
    }

    /// A group that is to be read once more by now.
    pub(super) fn next_due(&mut self, now: u64) -> Option<Box<str>> {
        let wall = self.wall(now);
        let first = self.memory.due.first().filter(|(at, _)| due_at(*at) <= wall).cloned()?;
        self.memory.due.remove(&first);
        Some(first.1)
    }

    /// The same of a backend: the table is built anew.
    pub(super) fn put_backend(&mut self, row: Backend, now: u64) {
        let mut rows = self.memory.rows.backends.iter_mut();
        if let Some(known) = rows.find(|known| (known.site_id, known.id) == (row.site_id, row.id)) {
            *known = row;
            self.rebuild(now);
        }
    }

    /// The same of what a group does at a site.
    pub(super) fn put_group_site(&mut self, row: &GroupSite, now: u64) {
        let unix_millis = Some(self.wall(now));
        let Memory { rows, table, circumstances, is_unsettled, .. } = &mut self.memory;
        let is_it = |known: &&mut GroupSite| {
            (&known.group_name, known.site_id) == (&row.group_name, row.site_id)
        };
        match rows.group_sites.iter_mut().find(is_it) {
            Some(known) if known.last_update > row.last_update || known == row => return,
            Some(known) => known.clone_from(row),
            None => rows.group_sites.push(row.clone()),
        }
        let now = Circumstances { unix_millis, ..circumstances.clone() };
        *table = table.with_group_site(row, &now).0;
        *is_unsettled = true;
    }

    /// A row that leads elsewhere than before makes an end of what backends have said.
    pub(super) fn remember(&mut self, row: User, now: u64) {
        let known = self.memory.users.get(&row.username);
        if known.is_some_and(|known| !known.row.leads_where(&row)) {
            self.memory.sent_on.remove(&row.username);
        }
        let remembered = Remembered { row, read_at: Some(now) };
        self.memory.users.insert(remembered.row.username.clone(), remembered);
    }

    /// The row it remembers, and whether that is five minutes old: the login goes on with it, and it is read again.
    pub(super) fn known(&self, user: &str, now: u64) -> Option<(&User, bool)> {
        let known = self.memory.users.get(user)?;
        let is_old = known.read_at.is_none_or(|read_at| now - read_at > 300_000);
        Some((&known.row, is_old))
    }

    /// A backend of this group has sent the user on to this host.
    pub(super) fn learn(&mut self, user: &str, group: &str, host: &str, now: u64) {
        match SentOn::learnt(&self.memory.table, group, host) {
            Some(sent_on) => self.memory.sent_on.insert(user.into(), (sent_on, now)),
            None => self.memory.sent_on.remove(user),
        };
    }

    /// Where backends have sent the user on to.
    pub(super) fn sent_on(&self, user: &str, now: u64) -> Option<&SentOn> {
        let (sent_on, at) = self.memory.sent_on.get(user)?;
        (u128::from(now - at) < REFERRAL_KEPT_FOR.as_millis()).then_some(sent_on)
    }
}

// === Decisions ===

impl Proxy {
    pub(super) fn decide(&self, known: UserKnown<'_>, question: &RouteQuestion<'_>) -> Decision {
        decide(&self.memory.table, known, question)
    }

    /// What this row leads to by what this proxy knows; with or without writes.
    pub(super) fn decide_by(&self, row: &User, writes: Writes) -> Decision {
        let question = RouteQuestion { writes, ..RouteQuestion::of(&row.username) };
        self.decide(UserKnown::Row(row), &question)
    }

    /// The group's row as this proxy has it.
    pub(super) fn group(&self, name: &str) -> Option<&UserGroup> {
        self.memory.rows.user_groups.iter().find(|row| &*row.name == name)
    }

    /// What a row of a force-move says here.
    pub(super) fn force_move(&self, site: Uuid, backend: Uuid, name: &str) -> Option<&str> {
        let mut rows = self.memory.rows.settings.iter();
        let row =
            rows.find(|row| (row.site_id, row.backend_id, &*row.name) == (site, backend, name));
        row.map(|row| &*row.value)
    }

    pub(super) fn is_online(&self, site: Uuid) -> bool {
        let mut sites = self.memory.rows.sites.iter();
        sites.any(|row| row.id == site && row.status == SiteStatus::Online)
    }

    pub(super) fn is_backend_online(&self, id: Uuid) -> bool {
        let mut rows = self.memory.rows.backends.iter();
        rows.any(|row| row.id == id && row.status.as_str() == "online")
    }

    /// By the table, whatever the rows say by now.
    pub(super) fn is_backend_usable(&self, id: Uuid) -> bool {
        self.memory.table.backend(id).is_some_and(BackendEntry::is_usable)
    }

    /// What its table goes by.
    pub(super) fn opinion(&self, site: Uuid) -> Option<Opinion> {
        self.memory.circumstances.sites.get(&site)?.opinion
    }

    /// Whether a site is gone, as far as this proxy knows: users cannot be sent there.
    pub(super) fn is_gone(&self, site: Uuid) -> bool {
        let mut rows = self.memory.rows.sites.iter();
        let is_closed = rows.any(|row| {
            row.id == site && matches!(row.status, SiteStatus::Offline | SiteStatus::Standby)
        });
        let mut measured = self.memory.rows.site_reachability.iter();
        let is_missed = measured.any(|row| {
            (row.src_site_id, row.dest_site_id, row.reachable) == (self.site_id, site, Some(0))
        });
        let is_out = is_missed || self.opinion(site).is_some();
        is_closed || (is_out && site != self.site_id)
    }
}

fn due_at(refresh_after: i64) -> i64 {
    refresh_after + i64::try_from(GEODB_WRITES_LATE_BY.as_millis()).unwrap()
}
