//! Why a user cannot be routed.
//!
//! Duty: one small code per cause, with blame and text. Non-duty: the name of the site or host concerned, which
//! [`super::decide::Decision::Fail`] carries beside it.

use crate::fault::{Blame, Failure};

/// Why there is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// `cluster_local_site` has no row in `sites`.
    NoLocalSite,
    /// The user has no group and there are no automatic ones (`cluster_default_group_count`).
    NoDefaultGroups,
    /// The user's home site has no row.
    UnknownHomeSite,
    /// The local site is standby or offline, and no other took over.
    LocalSiteNotServing,
    /// The user's home site is remote and standby, offline or unreachable, and no site took over.
    HomeSiteDown,
    /// The user's home site is remote and has no load balancer.
    NoLoadBalancer,
    /// No backend of the site is online.
    NoUsableBackend,
    /// The destination's host name has no address.
    Unresolved,
    /// The GeoDB does not answer and nothing cached tells where the user lives.
    GeoDbUnreachable,
    /// The passdb's `cluster_tag` has no row in `tags`.
    UnknownTag,
    /// No site of the passdb's `cluster_tag` takes new users.
    NoSiteOfTag,
    /// A referral leads to a host that is no backend or load balancer of this cluster.
    UnknownReferral,
}

impl RouteFault {
    /// Every fault, for tests that go through the whole table.
    pub const ALL: [Self; 12] = [
        Self::NoLocalSite,
        Self::NoDefaultGroups,
        Self::UnknownHomeSite,
        Self::LocalSiteNotServing,
        Self::HomeSiteDown,
        Self::NoLoadBalancer,
        Self::NoUsableBackend,
        Self::Unresolved,
        Self::GeoDbUnreachable,
        Self::UnknownTag,
        Self::NoSiteOfTag,
        Self::UnknownReferral,
    ];

    /// Who has to change something.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::NoLocalSite
            | Self::NoDefaultGroups
            | Self::UnknownHomeSite
            | Self::LocalSiteNotServing
            | Self::NoLoadBalancer
            | Self::Unresolved
            | Self::UnknownTag
            | Self::NoSiteOfTag
            | Self::GeoDbUnreachable => Blame::Operator,
            Self::HomeSiteDown | Self::NoUsableBackend | Self::UnknownReferral => Blame::Backend,
        }
    }

    /// Whether the user's home is away: another site may stand in for it by now.
    #[must_use]
    pub fn is_home_away(self) -> bool {
        matches!(self, Self::LocalSiteNotServing | Self::HomeSiteDown)
    }

    /// The class that decides the client's reply. All are temporary for the client, because rows can be mended while
    /// mail waits (C-ROUTE-8).
    #[must_use]
    pub fn failure(self) -> Failure {
        match self {
            Self::UnknownReferral => Failure::RedirectFailed,
            Self::NoLocalSite
            | Self::NoDefaultGroups
            | Self::UnknownHomeSite
            | Self::LocalSiteNotServing
            | Self::HomeSiteDown
            | Self::NoLoadBalancer
            | Self::NoUsableBackend
            | Self::Unresolved
            | Self::UnknownTag
            | Self::NoSiteOfTag
            | Self::GeoDbUnreachable => Failure::Unavailable,
        }
    }

    /// For logs and commands; ends with the remedy where there is one.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NoLocalSite => {
                "cluster_local_site has no row in sites; run: hale cluster site add"
            }
            Self::NoDefaultGroups => {
                "user has no group; set cluster_default_group_count or move the user to a group"
            }
            Self::UnknownHomeSite => "the user's preferred site has no row in sites",
            Self::LocalSiteNotServing => "the local site is not online",
            Self::HomeSiteDown => "the user's preferred site is not online or not reachable",
            Self::NoLoadBalancer => "the user's preferred site has no load_balancer",
            Self::NoUsableBackend => "no backend of the local site is online",
            Self::Unresolved => {
                "the host name has no address; add it to cluster_hosts_file, DNS or /etc/hosts"
            }
            Self::GeoDbUnreachable => "the GeoDB does not answer and the user is not cached",
            Self::UnknownTag => {
                "the passdb's cluster_tag has no row in tags; run: hale cluster tag create"
            }
            Self::NoSiteOfTag => "no site of the passdb's cluster_tag is online and reachable",
            Self::UnknownReferral => {
                "the referral's host is neither a backend nor a load balancer of this cluster"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_small_temporary_and_explained() {
        assert_eq!(size_of::<RouteFault>(), 1);
        for fault in RouteFault::ALL {
            assert!(matches!(fault.failure(), Failure::Unavailable | Failure::RedirectFailed));
            assert_ne!(fault.blame(), Blame::Client, "{fault:?}");
            assert!(!fault.text().is_empty());
        }
    }
}
