//! From rows to the routing table, reporting every row that cannot be used as it is (GE-08).
//!
//! Duty: judging rows, once per refresh, so that look-ups need not. Non-duty: reading rows, resolving hosts, knowing the time
//! ([`super::outage`] does), logging problems. Driven by the control core after each refresh. Tests: here and the properties of the room.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::auto_reason::AutoReason;
use super::change::GroupChange;
use super::chunks::Chunks;
use super::failovers::build_failovers;
use super::group;
use super::hash::Candidate;
use super::outage::{Circumstances, Opinion, SiteNow};
use super::pins::build_pins;
use super::problem::{Complaint, Problem, is_host};
use super::rows::{Backend, BackendStatus, GroupSite, Rows, Site, SiteStatus, Tag, UserGroup};
use super::scopes::Scopes;
use super::settings_rows::{DEPARTURES, Departure};
use super::table::{Addresses, BackendEntry, Host, Place, RouteSettings, SiteEntry, Table};
use crate::template::Template;

impl Table {
    /// The table of a moment in which no site is coming or going: for commands, which have seen none of it.
    #[must_use]
    pub fn build(
        rows: &Rows,
        addresses: &Addresses,
        settings: &RouteSettings,
    ) -> (Self, Vec<Problem>) {
        Self::build_now(rows, addresses, settings, &Circumstances::default())
    }

    /// The table of this moment.
    #[must_use]
    pub fn build_now(
        rows: &Rows,
        addresses: &Addresses,
        settings: &RouteSettings,
        now: &Circumstances,
    ) -> (Self, Vec<Problem>) {
        let groups = Chunks::of(rows.user_groups.clone());
        let group_sites = Chunks::of(rows.group_sites.clone());
        Self::build_on(rows, &groups, &group_sites, addresses, settings, now)
    }

    /// The same, with groups of their own that the table shares, instead of those in `rows`. Never fails: rows that cannot be
    /// used are left out or taken as far as they make sense, and reported. The order of the rows does not matter.
    #[must_use]
    pub fn build_on(
        rows: &Rows,
        groups: &Chunks<UserGroup>,
        group_sites: &Chunks<GroupSite>,
        addresses: &Addresses,
        settings: &RouteSettings,
        now: &Circumstances,
    ) -> (Self, Vec<Problem>) {
        let mut problems = rows.unreadable.clone();
        let mut sites = build_sites(rows, addresses, settings, &mut problems);
        let local_site = find_local_site(&sites, settings, &mut problems);
        apply_reachability(&mut sites, rows, local_site, now);
        let scopes = Scopes::of(rows);
        scopes.apply_to_sites(&mut sites, &mut problems);
        let mut table =
            Self { settings: settings.clone(), local_site, sites: sites.into(), ..Self::default() };
        if let Some(local) = local_site {
            let mut backends =
                build_backends(rows, local, addresses, now.unix_millis, &mut problems);
            scopes.apply_to_backends(local, &mut backends, &mut problems);
            table.backends = backends.into();
            table.groups = build_groups(groups, &table, &mut problems);
            let is_backend = |id| table.backend(id).is_some();
            table.pins =
                build_pins(&rows.settings, local, is_backend, now.unix_millis, &mut problems);
        }
        table.failovers = build_failovers(group_sites, &table, now, &mut problems);
        table.hosts = build_hosts(&table, &mut problems);
        table.test_users = build_test_users(&table, &mut problems);
        table.candidates = build_candidates(&table);
        table.switches = build_switches(&table);
        table.residents = build_residents(&table);
        table.tags = build_tags(rows, &mut problems);
        table.departures = build_departures(rows, local_site, &mut problems);
        problems.sort();
        problems.dedup();
        (table, problems)
    }
}

/// The names in `rows` that need addresses, in lower case: local backends and remote load balancers.
#[must_use]
pub fn hosts_to_resolve(rows: &Rows, local_site: &str) -> Vec<Box<str>> {
    let local =
        rows.sites.iter().filter(|site| &*site.name == local_site).map(|site| site.id).min();
    let backends = rows.backends.iter().filter(|backend| Some(backend.site_id) == local);
    let remote = rows.sites.iter().filter(|site| Some(site.id) != local);
    let names = backends.map(|backend| &backend.host);
    let names = names.chain(remote.filter_map(|site| site.load_balancer.as_ref()));
    let needed = names.filter(|name| is_host(name) && name.parse::<IpAddr>().is_err());
    let mut hosts: Vec<Box<str>> = needed.map(|name| lower(name)).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

// === Sites ===

fn build_sites(
    rows: &Rows,
    addresses: &Addresses,
    settings: &RouteSettings,
    problems: &mut Vec<Problem>,
) -> Vec<SiteEntry> {
    let mut sites = Vec::with_capacity(rows.sites.len());
    for row in &rows.sites {
        let mut complain = |complaint| problems.push(site_problem(row, complaint));
        if row.id.is_nil() {
            complain(Complaint::NilId);
            continue;
        }
        if row.name.is_empty() {
            complain(Complaint::EmptyName);
            continue;
        }
        if let SiteStatus::Unknown(text) = &row.status {
            complain(Complaint::UnknownStatus(text.clone()));
        }
        let is_local = row.name == settings.local_site;
        let load_balancer = match row.load_balancer.as_deref() {
            // Nothing connects from here to the own load balancer; its address does not matter.
            name if is_local => name.map(host_without_addresses),
            None | Some("") => {
                complain(Complaint::NoLoadBalancer);
                None
            }
            Some(name) if is_host(name) => Some(resolve(name, addresses, &mut complain)),
            Some(name) => {
                complain(Complaint::BadHost(name.into()));
                None
            }
        };
        sites.push(SiteEntry {
            id: row.id,
            name: row.name.clone(),
            tag: row.tag,
            load_balancer,
            status: row.status.clone(),
            is_reachable: true,
            now: SiteNow::default(),
            force_move: None,
            recovery: None,
        });
    }
    sites.sort_by_key(|site| site.id);
    sites.dedup_by_key(|site| site.id);
    report_duplicate_names(&sites, problems);
    sites
}

fn report_duplicate_names(sites: &[SiteEntry], problems: &mut Vec<Problem>) {
    let mut names: Vec<&SiteEntry> = sites.iter().collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in names.windows(2) {
        if let [first, second] = pair
            && first.name == second.name
        {
            problems.push(Problem {
                table: "sites",
                row: second.id.to_string().into(),
                complaint: Complaint::Duplicate(second.name.clone()),
            });
        }
    }
}

fn find_local_site(
    sites: &[SiteEntry],
    settings: &RouteSettings,
    problems: &mut Vec<Problem>,
) -> Option<Uuid> {
    let local = sites.iter().find(|site| site.name == settings.local_site).map(|site| site.id);
    if local.is_none() {
        problems.push(Problem {
            table: "sites",
            row: settings.local_site.clone(),
            complaint: Complaint::NoLocalSite,
        });
    }
    local
}

fn apply_reachability(
    sites: &mut [SiteEntry],
    rows: &Rows,
    local_site: Option<Uuid>,
    now: &Circumstances,
) {
    for row in &rows.site_reachability {
        if Some(row.src_site_id) != local_site || row.reachable != Some(0) {
            continue;
        }
        if let Ok(at) = sites.binary_search_by_key(&row.dest_site_id, |site| site.id)
            && let Some(site) = sites.get_mut(at)
        {
            site.is_reachable = false;
        }
    }
    for site in sites {
        site.now = now.sites.get(&site.id).copied().unwrap_or_default();
        match site.now.opinion {
            _ if Some(site.id) == local_site => site.is_reachable = true,
            // The own opinion comes first; one of failing connections lets logins try what the row allows.
            Some(Opinion::Reached) => site.is_reachable = true,
            Some(Opinion::Unreachable) => site.is_reachable = false,
            Some(Opinion::Failing) | None => {}
        }
    }
}

// === Backends ===

fn build_backends(
    rows: &Rows,
    local: Uuid,
    addresses: &Addresses,
    unix_millis: Option<i64>,
    problems: &mut Vec<Problem>,
) -> Vec<BackendEntry> {
    let mut backends = Vec::new();
    for row in rows.backends.iter().filter(|row| row.site_id == local) {
        let mut complain = |complaint| problems.push(backend_problem(row, complaint));
        if row.id.is_nil() {
            complain(Complaint::NilId);
            continue;
        }
        if !is_host(&row.host) {
            complain(Complaint::BadHost(row.host.clone()));
            continue;
        }
        if let BackendStatus::Unknown(text) = &row.status {
            complain(Complaint::UnknownStatus(text.clone()));
        }
        let load_factor = row.load_factor.unwrap_or(LOAD_FACTOR_MAX);
        let clamped = load_factor.clamp(0, LOAD_FACTOR_MAX);
        if clamped != load_factor {
            complain(Complaint::LoadFactor(load_factor));
        }
        backends.push(BackendEntry {
            id: row.id,
            host: resolve(&row.host, addresses, &mut complain),
            status: row.status.clone(),
            load_factor: u8::try_from(clamped).unwrap_or(0),
            ramp: ramp(row, unix_millis),
            status_reason: row.status_reason.clone(),
            force_move: None,
        });
    }
    backends.sort_by_key(|backend| backend.id);
    backends.dedup_by_key(|backend| backend.id);
    backends
}

/// Without a clock every backend has been there for ever.
fn ramp(row: &Backend, unix_millis: Option<i64>) -> u8 {
    let auto = row.status_reason.as_deref().and_then(AutoReason::parse);
    match (auto, unix_millis) {
        (Some(auto), Some(now)) if row.status == BackendStatus::Online => auto.share(now),
        _ => 100,
    }
}

fn build_candidates(table: &Table) -> Arc<[Candidate]> {
    let usable = table.backends.iter().filter(|backend| backend.is_usable());
    let candidates =
        usable.map(|backend| Candidate { id: backend.id, load_factor: backend.share() });
    candidates.collect()
}

fn build_departures(
    rows: &Rows,
    local: Option<Uuid>,
    problems: &mut Vec<Problem>,
) -> Arc<[Departure]> {
    let mut here = Vec::new();
    for row in rows.settings.iter().filter(|row| &*row.section == DEPARTURES) {
        match Departure::of_row(row) {
            Some(departure) if Some(departure.site_id) == local => here.push(departure),
            Some(_) => {}
            None => problems.push(Problem {
                table: "cluster_settings",
                row: format!("{DEPARTURES} {}", row.name).into(),
                complaint: Complaint::BadSetting(DEPARTURES),
            }),
        }
    }
    // Of two of the same user the later one.
    here.sort_by_key(|it| (it.user.clone(), it.backend_id, std::cmp::Reverse(it.since)));
    here.dedup_by(|a, b| (&a.user, a.backend_id) == (&b.user, b.backend_id));
    here.into()
}

// === Groups ===

/// Shares `groups` as they are, unless some have to be left out.
fn build_groups(
    groups: &Chunks<UserGroup>,
    table: &Table,
    problems: &mut Vec<Problem>,
) -> Chunks<UserGroup> {
    let left_out = groups.iter().filter(|row| !is_group_usable(row, table, problems)).count();
    if left_out == 0 {
        return groups.clone();
    }
    let usable = groups.iter().filter(|row| is_group_usable(row, table, &mut Vec::new()));
    Chunks::sharing(usable.cloned().collect(), groups)
}

/// Whether the row takes part in routing; says what is wrong with it.
pub(super) fn is_group_usable(row: &UserGroup, table: &Table, problems: &mut Vec<Problem>) -> bool {
    if Some(row.site_id) != table.local_site {
        return false;
    }
    let mut complain = |complaint| {
        problems.push(Problem { table: "user_groups", row: row.name.clone(), complaint });
    };
    if row.name.is_empty() {
        complain(Complaint::EmptyName);
        return false;
    }
    if row.backend_id.is_none_or(|id| table.backend(id).is_none()) {
        complain(Complaint::UnknownBackend);
    }
    true
}

fn build_switches(table: &Table) -> Chunks<GroupChange> {
    Chunks::of(table.groups.iter().filter_map(|row| group::needed_switch(table, row)).collect())
}

/// Groups on backends that a force-move leads to, in the order of backends and names.
fn build_residents(table: &Table) -> Arc<[(Uuid, Box<str>)]> {
    let moves = table.backends.iter().filter_map(|backend| backend.force_move.as_ref());
    let wanted: BTreeSet<Uuid> =
        moves.flat_map(|found| found.destinations.iter().copied()).collect();
    if wanted.is_empty() {
        return Arc::default();
    }
    let groups = table.groups.iter().filter(|group| !group.is_moving());
    let lives = groups.filter_map(|group| Some((group.backend_id?, group.name.clone())));
    let mut residents: Vec<(Uuid, Box<str>)> =
        lives.filter(|(backend, _)| wanted.contains(backend)).collect();
    residents.sort();
    residents.into()
}

// === Tags ===

fn build_tags(rows: &Rows, problems: &mut Vec<Problem>) -> Arc<[Tag]> {
    for site in &rows.sites {
        if site.tag.is_some_and(|tag| rows.tags.iter().all(|known| known.id != tag)) {
            problems.push(site_problem(site, Complaint::UnknownTag));
        }
    }
    let mut tags = rows.tags.clone();
    tags.sort_by_key(|tag| tag.id);
    tags.into()
}

// === Look-ups ===

fn build_hosts(table: &Table, problems: &mut Vec<Problem>) -> Arc<[(Box<str>, Place)]> {
    let mut hosts = Vec::new();
    for backend in table.backends.iter() {
        hosts.push((lower(&backend.host.name), Place::Backend(backend.id)));
    }
    for site in table.sites.iter().filter(|site| Some(site.id) != table.local_site) {
        if let Some(host) = &site.load_balancer {
            hosts.push((lower(&host.name), Place::LoadBalancer(site.id)));
        }
    }
    hosts.sort();
    hosts.dedup_by(|later, earlier| {
        let is_duplicate = later.0 == earlier.0;
        if is_duplicate && let Place::Backend(id) = later.1 {
            problems.push(Problem {
                table: "backends",
                row: id.to_string().into(),
                complaint: Complaint::Duplicate(later.0.clone()),
            });
        }
        is_duplicate
    });
    hosts.into()
}

fn build_test_users(table: &Table, problems: &mut Vec<Problem>) -> Arc<[(Box<str>, Uuid)]> {
    let Some(template) = table.settings.test_username.as_ref().filter(|name| !name.is_empty())
    else {
        return Arc::default();
    };
    if template.variables().all(|name| name != BACKEND_HOST) && table.backends.len() > 1 {
        problems.push(Problem {
            table: "settings",
            row: template.to_string().into(),
            complaint: Complaint::SharedTestUser,
        });
    }
    // A name of which a filter makes nothing has no test user.
    let expand = |backend: &BackendEntry| {
        Some((lower(&test_user(template, &backend.host.name)?), backend.id))
    };
    let mut users: Vec<(Box<str>, Uuid)> = table.backends.iter().filter_map(expand).collect();
    users.sort();
    users.dedup_by(|later, earlier| later.0 == earlier.0);
    users.into()
}

/// `cluster_backend_test_username` for one backend.
#[must_use]
pub fn test_user(template: &Template, backend_host: &str) -> Option<String> {
    template.expand(&|name| (name == BACKEND_HOST).then_some(backend_host.into())).ok()
}

fn resolve(name: &str, addresses: &Addresses, complain: &mut impl FnMut(Complaint)) -> Host {
    let mut found: Vec<IpAddr> = match name.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => addresses.get(&lower(name)).cloned().unwrap_or_default(),
    };
    for address in &mut found {
        *address = address.to_canonical();
    }
    // Sorted, so that a resolver that rotates its answers does not make users wander between addresses.
    found.sort();
    found.dedup();
    if found.is_empty() {
        complain(Complaint::Unresolved(name.into()));
    }
    Host { name: name.into(), addresses: found.into_boxed_slice(), connections_max: None }
}

fn host_without_addresses(name: &str) -> Host {
    Host { name: name.into(), addresses: Box::default(), connections_max: None }
}

fn lower(text: &str) -> Box<str> {
    text.to_ascii_lowercase().into_boxed_str()
}

fn site_problem(row: &Site, complaint: Complaint) -> Problem {
    Problem { table: "sites", row: format!("{} {}", row.name, row.id).into(), complaint }
}

fn backend_problem(row: &Backend, complaint: Complaint) -> Problem {
    Problem { table: "backends", row: format!("{} {}", row.host, row.id).into(), complaint }
}

/// All of a full share (C-BACKEND-1).
const LOAD_FACTOR_MAX: i64 = 100;
/// The variable of `cluster_backend_test_username`.
const BACKEND_HOST: &str = "backend_host";
