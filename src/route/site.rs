//! Which site serves a user (C-ROUTE-3).
//!
//! Duty: home site, groups that have been failed over already, reachability. Non-duty: *starting* a failover, forced
//! moves, evacuation and recovery; they will hang in here, between [`serving_site`] finding the
//! home site unfit and reporting the fault. Driven by [`super::decide`].

use uuid::Uuid;

use super::fault::RouteFault;
use super::rows::{SiteStatus, User};
use super::table::{SiteEntry, Table};

/// The site that serves a user now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving<'t> {
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

/// Finds the site. `home` is the user's preferred site.
///
/// # Errors
/// The fault and the name of the site it is about.
pub fn serving_site<'t>(
    table: &'t Table,
    user: &'t User,
    home: Uuid,
) -> Result<Serving<'t>, (RouteFault, Box<str>)> {
    let Some(home) = table.site(home) else {
        return Err((RouteFault::UnknownHomeSite, home.to_string().into()));
    };
    // A group that has been failed over stays there until the row is taken back, so that all proxies of all sites
    // agree; a stand-in that is down itself does not count.
    let stand_in = table.failover(&user.group_name, home.id);
    if let Some(stand_in) = stand_in.filter(|site| is_fit(table, site)) {
        let group = user.failover_site_group_name.as_deref().filter(|name| !name.is_empty());
        let group = group.unwrap_or(&user.group_name);
        return Ok(if is_local(table, stand_in) {
            Serving::StandIn { group }
        } else {
            Serving::Remote(stand_in)
        });
    }
    if is_fit(table, home) {
        return Ok(if is_local(table, home) {
            Serving::Home { group: &user.group_name }
        } else {
            Serving::Remote(home)
        });
    }
    let fault = if is_local(table, home) {
        RouteFault::LocalSiteNotServing
    } else if home.load_balancer.is_none() {
        RouteFault::NoLoadBalancer
    } else {
        RouteFault::HomeSiteDown
    };
    Err((fault, home.name.clone()))
}

fn is_local(table: &Table, site: &SiteEntry) -> bool {
    table.local_site == Some(site.id)
}

fn is_fit(table: &Table, site: &SiteEntry) -> bool {
    if is_local(table, site) {
        return match site.status {
            // A site that is being evacuated serves users that could not be moved yet (C-SITE-2). A status without a
            // meaning is reported, but must not stop a running site.
            SiteStatus::Online | SiteStatus::Evacuate | SiteStatus::Unknown(_) => true,
            SiteStatus::Standby | SiteStatus::Offline => false,
        };
    }
    site.status == SiteStatus::Online && site.is_reachable && site.load_balancer.is_some()
}
