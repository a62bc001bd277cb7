//! Whether a referral may be followed (W-REF-1).
//!
//! Duty: only backends of the local site and load balancers of known sites are destinations, so that a compromised
//! backend cannot steer credentials to a host of its choice. Non-duty: parsing referrals, ports, TTL, the number of
//! hops. Driven by the session that received the referral.

use std::net::IpAddr;

use super::decide::{Destination, Hop, Moving};
use super::fault::RouteFault;
use super::table::{Host, Place, Table};

/// The destination behind a referral's host, a name or an address (with or without brackets). `group` is the group of
/// the destination that referred us; the user keeps it unless the next hop is another site.
///
/// # Errors
/// The host is unknown to the cluster, or known and without address.
pub fn follow_referral(
    table: &Table,
    host: &str,
    group: Option<&str>,
) -> Result<Destination, RouteFault> {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let address = literal.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    let place = match address {
        Some(address) => table.place_by_address(address),
        None => table.place_by_host(host.strip_suffix('.').unwrap_or(host)),
    };
    let (hop, known, group) = match place.ok_or(RouteFault::UnknownReferral)? {
        Place::Backend(id) => {
            let backend = table.backend(id).ok_or(RouteFault::UnknownReferral)?;
            (Hop::Backend(id), &backend.host, group)
        }
        Place::LoadBalancer(id) => {
            let site = table.site(id).ok_or(RouteFault::UnknownReferral)?;
            let host: Option<&Host> = site.load_balancer.as_ref();
            (Hop::Site(id), host.ok_or(RouteFault::UnknownReferral)?, None)
        }
    };
    let address = address.or_else(|| known.addresses.first().copied());
    Ok(Destination {
        hop,
        host: known.name.clone(),
        address: address.ok_or(RouteFault::Unresolved)?,
        group: group.map(Box::from),
        moving: Moving::No,
        is_switching: false,
        connections_max: known.connections_max,
    })
}
