//! Which site serves a user (C-ROUTE-3, C-SITE-5, C-SITE-6, C-SITE-8).
//!
//! Duty: home site, groups that were failed over, the beginning and end of a failover, and which site stands in. Non-duty: time;
//! the table says what share of a site's groups has to follow by now ([`super::outage`]). Sites that users leave for good:
//! [`super::leaving`]. Driven by [`super::decide`].

use uuid::Uuid;

use super::change::SiteChange;
use super::fault::RouteFault;
use super::hash::{self, Candidate};
use super::question::{Login, Writes};
use super::rows::SiteStatus;
use super::settings_rows::RECOVER;
use super::steps::{About, Listener, Rejected, Rejection, RowKey, Step};
use super::table::{Failover, SiteEntry, Table};

/// The site that serves a user now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serving<'t> {
    /// The local site, which is the user's home.
    Home {
        /// The user's group here.
        group: &'t str,
    },
    /// The local site, standing in for the user's home.
    StandIn {
        /// The user's group here (C-ROUTE-7).
        group: &'t str,
    },
    /// Another site; its proxies repeat the whole decision.
    Remote(&'t SiteEntry),
}

/// What came of looking for it.
pub(super) enum Found<'t> {
    /// There it is; and the group's row may be taken back to its home meanwhile.
    At(Serving<'t>, Option<Box<SiteChange>>),
    /// The group is failed over first.
    FailOver(Box<SiteChange>),
    /// None does, for the reason and the site named.
    Fault(RouteFault, Box<str>),
}

/// What the rows say of the user's group and its home.
struct GroupHome<'t> {
    stand_in: Option<&'t SiteEntry>,
    preferred: Option<Uuid>,
    is_settled: bool,
}

/// Finds the site. `home` is the user's preferred site.
pub(super) fn serving_site<'t>(
    login: &Login<'t>,
    home: &'t SiteEntry,
    listener: &mut impl Listener,
) -> Found<'t> {
    let state = group_home(login, home);
    let group = &*login.user.group_name;
    if let Some(stand_in) = state.stand_in {
        if is_fit(login, stand_in) {
            let change = homecoming(login, home, &state);
            listener.hear(|| {
                let back = if change.is_some() { "; its row is taken back home" } else { "" };
                let text = format!("{} stands in for {}{back}", stand_in.name, home.name);
                step(text, login, home).on(group_site(login, home))
            });
            return Found::At(serving_as_stand_in(login, stand_in), change);
        }
        return without_stand_in(login, home, stand_in, &state, listener);
    }
    let fit = is_fit(login, home);
    let is_due = is_among(&home.id.to_string(), group, home.now.away);
    // What an operator orders is done at once; what happens by itself leaves a row that has just changed alone.
    let may_leave = is_due && (state.is_settled || is_closed(home));
    if may_leave
        && (!fit || home.is_failing())
        && let Some(change) = fail_over(login, home, &state, listener)
    {
        return Found::FailOver(change);
    }
    if fit {
        listener.hear(|| {
            let failing = if home.is_failing() { ", connections to it fail" } else { "" };
            step(format!("{}, the home site ({}{failing})", home.name, home.status), login, home)
        });
        return Found::At(serving_at_home(login, home), None);
    }
    let fault = fault_of(login, home);
    listener.hear(|| {
        let SiteEntry { name, status, now, .. } = home;
        let reach = if home.is_reachable { "" } else { ", out of reach" };
        let text =
            format!("none: {name} is {status}{reach}; {} % of its groups may leave", now.away);
        step(text, login, home)
    });
    Found::Fault(fault, home.name.clone())
}

/// The group was failed over to a site that is away itself: home, if that can be, else a third site.
fn without_stand_in<'t>(
    login: &Login<'t>,
    home: &'t SiteEntry,
    gone: &'t SiteEntry,
    state: &GroupHome<'t>,
    listener: &mut impl Listener,
) -> Found<'t> {
    let group = &*login.user.group_name;
    let may_leave = is_among(&gone.id.to_string(), group, gone.now.away)
        && (state.is_settled || is_closed(gone));
    if is_fit(login, home) {
        // Each side of a split serves what it reaches. The row is changed only for a stand-in that is long gone.
        let is_back = may_leave && home.takes_strangers() && login.writes() == Writes::Allowed;
        let change = is_back.then(|| Box::new(site_change(login, home, Some(gone), None)));
        listener.hear(|| {
            let text = format!("{}, the home site: the stand-in {} is away", home.name, gone.name);
            step(text, login, home).on(group_site(login, home)).on(RowKey::Site(gone.id))
        });
        return Found::At(serving_at_home(login, home), change);
    }
    let may_leave = may_leave && is_among(&home.id.to_string(), group, home.now.away);
    if may_leave && let Some(change) = fail_over(login, home, state, listener) {
        return Found::FailOver(change);
    }
    listener.hear(|| {
        let text = format!("none: home {} and stand-in {} are away", home.name, gone.name);
        step(text, login, home).on(group_site(login, home)).on(RowKey::Site(gone.id))
    });
    Found::Fault(fault_of(login, home), home.name.clone())
}

/// The group leaves its home, or the site that stood in: for the site that the row names, else for the one that all proxies
/// find.
fn fail_over(
    login: &Login<'_>,
    home: &SiteEntry,
    state: &GroupHome<'_>,
    listener: &mut impl Listener,
) -> Option<Box<SiteChange>> {
    if login.writes() == Writes::Withheld {
        return None;
    }
    let tag = login.tag().unwrap_or(home.tag);
    let gone = state.stand_in.map(|site| site.id);
    let reject = |site: &SiteEntry| {
        if site.id == home.id || Some(site.id) == gone {
            return Some(Rejection::Left);
        }
        rejection(login.table, site).or_else(|| (site.tag != tag).then_some(Rejection::OtherTag))
    };
    let fit = login.table.sites().iter().filter(|site| reject(site).is_none());
    let fit: Vec<Candidate> = fit.map(|site| candidate(site.id)).collect();
    let named = state.preferred.filter(|id| fit.iter().any(|candidate| candidate.id == *id));
    let target = named.or_else(|| Some(hash::rank(&login.user.group_name, &fit, None)?.best));
    listener.hear(|| {
        let others = login.table.sites().iter().filter(|site| Some(site.id) != target);
        let reason = |site| match (reject(site), named) {
            (Some(reason), _) => reason,
            (None, Some(_)) => Rejection::NotNamed,
            (None, None) => Rejection::Behind,
        };
        let rejected = others.map(|site| Rejected::new(site.name.clone(), reason(site)));
        let found = match target.and_then(|id| login.table.site(id)) {
            Some(site) => format!("{} is to stand in for {}", site.name, home.name),
            None => format!("no site can stand in for {}", home.name),
        };
        step(found, login, home).without(rejected.collect())
    });
    let target = login.table.site(target?)?;
    Some(Box::new(site_change(login, home, state.stand_in, Some(target))))
}

/// A failed-over group's row is taken back when its home has been well for long enough. This login still goes to the stand-in.
fn homecoming(
    login: &Login<'_>,
    home: &SiteEntry,
    state: &GroupHome<'_>,
) -> Option<Box<SiteChange>> {
    let group = &*login.user.group_name;
    let is_due = match &home.recovery {
        Some(recovery) => is_among(&recovery.id, group, recovery.percentage),
        None => is_among(&home.id.to_string(), group, home.now.back),
    };
    let is_well = is_fit(login, home) && home.takes_strangers();
    let may_return = is_due && is_well && state.is_settled && login.writes() == Writes::Allowed;
    may_return.then(|| Box::new(site_change(login, home, state.stand_in, None)))
}

fn group_home<'t>(login: &Login<'t>, home: &SiteEntry) -> GroupHome<'t> {
    let table = login.table;
    if let Some(row) = login.fresh_site(home.id) {
        // It has just been read or written.
        let stand_in = row.stand_in().and_then(|id| table.site(id));
        return GroupHome { stand_in, preferred: row.failover_site_id, is_settled: false };
    }
    match table.failover(&login.user.group_name, home.id) {
        Some(Failover { to_site_id, preferred, is_settled, .. }) => GroupHome {
            stand_in: to_site_id.and_then(|id| table.site(id)),
            preferred: *preferred,
            is_settled: *is_settled,
        },
        None => GroupHome { stand_in: None, preferred: None, is_settled: true },
    }
}

fn site_change(
    login: &Login<'_>,
    home: &SiteEntry,
    from: Option<&SiteEntry>,
    to: Option<&SiteEntry>,
) -> SiteChange {
    SiteChange {
        group_name: login.user.group_name.clone(),
        site_id: home.id,
        expected: from.map(|site| site.id),
        stand_in: to.map(|site| site.id),
    }
}

fn serving_at_home<'t>(login: &Login<'t>, home: &'t SiteEntry) -> Serving<'t> {
    if is_local(login.table, home) {
        Serving::Home { group: &login.user.group_name }
    } else {
        Serving::Remote(home)
    }
}

fn serving_as_stand_in<'t>(login: &Login<'t>, stand_in: &'t SiteEntry) -> Serving<'t> {
    if !is_local(login.table, stand_in) {
        return Serving::Remote(stand_in);
    }
    let group = login.user.failover_site_group_name.as_deref().filter(|name| !name.is_empty());
    Serving::StandIn { group: group.unwrap_or(&login.user.group_name) }
}

/// Why users who are not at home at a site cannot be sent there; none: they can.
pub(super) fn rejection(table: &Table, site: &SiteEntry) -> Option<Rejection> {
    if site.status != SiteStatus::Online {
        return Some(Rejection::Status(site.status.as_str().into()));
    }
    if site.force_move.is_some() {
        return Some(Rejection::ForceMoved);
    }
    if is_local(table, site) {
        return None;
    }
    if site.load_balancer.is_none() {
        return Some(Rejection::NoLoadBalancer);
    }
    if !site.is_reachable {
        return Some(Rejection::OutOfReach);
    }
    site.is_failing().then_some(Rejection::Failing)
}

/// All sites weigh the same.
pub(super) fn candidate(id: Uuid) -> Candidate {
    Candidate { id, load_factor: 100 }
}

/// Whether a name is among the first so many of a hundred.
pub(super) fn is_among(id: &str, name: &str, percentage: u8) -> bool {
    percentage > 0 && hash::force_move_place(id, name) < u32::from(percentage)
}

pub(super) fn is_local(table: &Table, site: &SiteEntry) -> bool {
    table.local_site == Some(site.id)
}

fn is_closed(site: &SiteEntry) -> bool {
    matches!(site.status, SiteStatus::Offline | SiteStatus::Standby)
}

/// Whether the users that belong there can be sent there. One that is being evacuated serves those that could not be moved yet
/// (C-SITE-2). A status without a meaning is reported, but must not stop a running site; nothing is sent to another one with such.
fn is_fit(login: &Login<'_>, site: &SiteEntry) -> bool {
    match site.status {
        SiteStatus::Standby | SiteStatus::Offline => false,
        _ if is_local(login.table, site) => true,
        SiteStatus::Unknown(_) => false,
        SiteStatus::Online | SiteStatus::Evacuate => {
            site.is_reachable && site.load_balancer.is_some()
        }
    }
}

fn fault_of(login: &Login<'_>, home: &SiteEntry) -> RouteFault {
    if is_local(login.table, home) {
        RouteFault::LocalSiteNotServing
    } else if home.load_balancer.is_none() {
        RouteFault::NoLoadBalancer
    } else {
        RouteFault::HomeSiteDown
    }
}

fn group_site(login: &Login<'_>, home: &SiteEntry) -> RowKey {
    RowKey::GroupSite { group: login.user.group_name.clone(), site: home.id }
}

fn step(found: String, login: &Login<'_>, home: &SiteEntry) -> Step {
    let mut step = Step::new(About::ServingSite, found).on(RowKey::Site(home.id));
    if !is_local(login.table, home) {
        step = step.on(RowKey::Reachability { src: login.local.id, dest: home.id });
    }
    if home.recovery.is_some() {
        step = step.on(RowKey::Setting { section: RECOVER, site: home.id, backend: Uuid::nil() });
    }
    step
}
