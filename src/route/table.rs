//! The routing table: what a proxy knows of its cluster, immutable and compact (C-GEO-1, K-CORE-4).
//!
//! Duty: look-ups by id, name, host and test user, all by binary search in sorted slices, so that 10^4 groups cost
//! about fourteen comparisons and a rebuild from the same rows gives an equal table. Non-duty: judging rows
//! ([`super::build`]), users (cached elsewhere), decisions. Driven by data cores through the published snapshot.
//! Tests: [`super::build`] and the properties of the room.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::change::GroupChange;
use super::chunks::{Chunks, Keyed};
use super::hash::Candidate;
use super::outage::{FailoverRules, Opinion, SiteNow};
use super::pins::{Followed, Pin};
use super::rows::{BackendStatus, GroupSite, SiteStatus, Tag, UserGroup};
use super::settings_rows::{Departure, ForceMove, Recovery};
use crate::template::Template;

/// Resolved hosts: lower-case host name to addresses. Made by control, because resolving is not pure.
pub type Addresses = HashMap<Box<str>, Vec<IpAddr>>;

/// The settings that routing depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSettings {
    /// `cluster_local_site`.
    pub local_site: Box<str>,
    /// `cluster_default_group_count`; 0 when unset.
    pub default_group_count: u32,
    /// `cluster_backend_test_username`, with `%{backend_host}` not yet expanded.
    pub test_username: Option<Template>,
    /// The settings that begin with `site_failover`.
    pub failover: FailoverRules,
    /// `cluster_group_moves = proxy`: logins of a group that moves are held, and the proxies let the destination take over.
    pub are_moves_ours: bool,
}

/// See the module's documentation. Made by [`Table::build`]. The next table shares with the last one what did not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub(super) settings: RouteSettings,
    pub(super) local_site: Option<Uuid>,
    /// Sorted by id.
    pub(super) sites: Arc<[SiteEntry]>,
    /// The local site's, sorted by id.
    pub(super) backends: Arc<[BackendEntry]>,
    /// The local site's, sorted by name.
    pub(super) groups: Chunks<UserGroup>,
    /// The changes that groups with an unusable backend need, sorted by name.
    pub(super) switches: Chunks<GroupChange>,
    /// Sorted by group, then site.
    pub(super) failovers: Chunks<Failover>,
    /// Sorted by host in lower case, then by place.
    pub(super) hosts: Arc<[(Box<str>, Place)]>,
    /// Sorted by test user in lower case, then by backend.
    pub(super) test_users: Arc<[(Box<str>, Uuid)]>,
    /// The online backends, for choosing among them.
    pub(super) candidates: Arc<[Candidate]>,
    /// Names of groups on backends that are destinations of a force-move; sorted by backend, then name.
    pub(super) residents: Arc<[(Uuid, Box<str>)]>,
    /// As the rows have them.
    pub(super) tags: Arc<[Tag]>,
    /// The users who leave a backend of the local site; sorted by user, then backend.
    pub(super) departures: Arc<[Departure]>,
    /// Those that hold, sorted by user in lower case.
    pub(super) pins: Arc<[Pin]>,
}

/// A site that takes part in routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteEntry {
    /// Key.
    pub id: Uuid,
    /// Name.
    pub name: Box<str>,
    /// Shard.
    pub tag: Option<Uuid>,
    /// Where other sites' proxies connect.
    pub load_balancer: Option<Host>,
    /// Whether it takes users.
    pub status: SiteStatus,
    /// Whether logins may try it: the opinion of this proxy, else of the local site; a site that no proxy has measured
    /// counts as reachable.
    pub is_reachable: bool,
    /// This proxy's opinion, and how many of its groups have to follow by now.
    pub now: SiteNow,
    /// Users are on their way out, while they log in.
    pub force_move: Option<ForceMove>,
    /// An operator says how many of its groups come home; takes the place of the ramp.
    pub recovery: Option<Recovery>,
}

impl SiteEntry {
    /// Whether users whose home this is not may be sent there, for now or for good.
    #[must_use]
    pub fn takes_strangers(&self) -> bool {
        self.status == SiteStatus::Online && self.is_reachable && !self.is_failing()
    }

    /// Whether connections to it fail, or probes do not reach it.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        matches!(self.now.opinion, Some(Opinion::Failing | Opinion::Unreachable))
    }
}

/// A backend of the local site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendEntry {
    /// Key within the site.
    pub id: Uuid,
    /// Name and addresses.
    pub host: Host,
    /// Whether it takes users.
    pub status: BackendStatus,
    /// Who set that, and why, as in the row.
    pub status_reason: Option<Box<str>>,
    /// Share, 0..=100.
    pub load_factor: u8,
    /// How many percent of that count yet: a backend that has come back takes up its share over time (R-PROBE-8).
    pub ramp: u8,
    /// Users are on their way to groups of other backends, while they log in.
    pub force_move: Option<ForceMove>,
}

impl BackendEntry {
    /// usable, as C-ROUTE-2 has it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.status == BackendStatus::Online
    }

    /// Whether users who are pinned to it are sent there (C-PIN-1).
    #[must_use]
    pub fn takes_pinned(&self) -> bool {
        matches!(self.status, BackendStatus::Online | BackendStatus::Standby)
    }

    /// The share that counts now. One that is not meant to be none never is.
    #[must_use]
    pub fn share(&self) -> u8 {
        let share = u16::from(self.load_factor) * u16::from(self.ramp) / 100;
        u8::try_from(share).unwrap_or(u8::MAX).max(self.load_factor.min(1))
    }
}

/// A host name with its addresses, IPv4 first, in an order that every rebuild repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As written in the row, for TLS verification and logs.
    pub name: Arc<str>,
    /// Empty when the name does not resolve.
    pub addresses: Box<[IpAddr]>,
}

/// What the rows say of a group and its home, where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The group.
    pub group_name: Box<str>,
    /// The site it was failed over away from.
    pub site_id: Uuid,
    /// The site that took over; none: the group is at home.
    pub to_site_id: Option<Uuid>,
    /// The site to prefer when the group is failed over.
    pub preferred: Option<Uuid>,
    /// Whether the row is old enough to be changed again automatically (C-SITE-8).
    pub is_settled: bool,
}

impl Keyed for UserGroup {
    fn order(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name).then(self.site_id.cmp(&other.site_id))
    }
}

impl Keyed for GroupChange {
    fn order(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Keyed for GroupSite {
    fn order(&self, other: &Self) -> Ordering {
        self.group_name.cmp(&other.group_name).then(self.site_id.cmp(&other.site_id))
    }
}

impl Keyed for Failover {
    fn order(&self, other: &Self) -> Ordering {
        self.group_name.cmp(&other.group_name).then(self.site_id.cmp(&other.site_id))
    }
}

/// What stands behind a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A backend of the local site.
    Backend(Uuid),
    /// The load balancer of a remote site.
    LoadBalancer(Uuid),
}

impl Table {
    /// The settings it was built with.
    #[must_use]
    pub fn settings(&self) -> &RouteSettings {
        &self.settings
    }

    /// The site of `cluster_local_site`; none when it has no row.
    #[must_use]
    pub fn local_site(&self) -> Option<&SiteEntry> {
        self.site(self.local_site?)
    }

    /// All sites, by id.
    #[must_use]
    pub fn sites(&self) -> &[SiteEntry] {
        &self.sites
    }

    /// All backends of the local site, by id: what health probes go through.
    #[must_use]
    pub fn backends(&self) -> &[BackendEntry] {
        &self.backends
    }

    /// All groups of the local site, by name.
    #[must_use]
    pub fn groups(&self) -> &Chunks<UserGroup> {
        &self.groups
    }

    /// What is to be written of groups whose backend is out, by name.
    #[must_use]
    pub fn switches(&self) -> &Chunks<GroupChange> {
        &self.switches
    }

    /// The backends that new groups may go to, and their shares.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The site with this id.
    #[must_use]
    pub fn site(&self, id: Uuid) -> Option<&SiteEntry> {
        find(&self.sites, |site| site.id.cmp(&id))
    }

    /// The site with exactly this name.
    #[must_use]
    pub fn site_by_name(&self, name: &str) -> Option<&SiteEntry> {
        self.sites.iter().find(|site| &*site.name == name)
    }

    /// The local backend with this id.
    #[must_use]
    pub fn backend(&self, id: Uuid) -> Option<&BackendEntry> {
        find(&self.backends, |backend| backend.id.cmp(&id))
    }

    /// The local group with this name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&UserGroup> {
        self.groups.find(|group| (*group.name).cmp(name))
    }

    /// The change that a group needs because its backend is not usable, if it was worked out for exactly this row.
    pub(super) fn switch(&self, row: &UserGroup) -> Option<&GroupChange> {
        let change = self.switches.find(|change| change.name.cmp(&row.name))?;
        (change.site_id == row.site_id && change.expected.is_of(row)).then_some(change)
    }

    /// What stands behind a host name, whatever its case. Backends come before load balancers.
    #[must_use]
    pub fn place_by_host(&self, host: &str) -> Option<Place> {
        let at = self.hosts.partition_point(|(known, _)| order_ignoring_case(known, host).is_lt());
        let (known, place) = self.hosts.get(at)?;
        known.eq_ignore_ascii_case(host).then_some(*place)
    }

    /// What stands behind an address. Rare (referrals), hence linear.
    #[must_use]
    pub fn place_by_address(&self, address: IpAddr) -> Option<Place> {
        let backend =
            self.backends.iter().find(|backend| backend.host.addresses.contains(&address));
        if let Some(backend) = backend {
            return Some(Place::Backend(backend.id));
        }
        let is_at = |host: &Host| host.addresses.contains(&address);
        let remote = |site: &&SiteEntry| Some(site.id) != self.local_site;
        let mut others = self.sites.iter().filter(remote);
        let site = others.find(|site| site.load_balancer.as_ref().is_some_and(is_at))?;
        Some(Place::LoadBalancer(site.id))
    }

    /// The backend that this user tests, if it is a test user (C-ROUTE-9). Case is ignored, because user
    /// names may have been normalised to lower case while host names are not.
    #[must_use]
    pub fn backend_by_test_user(&self, user: &str) -> Option<&BackendEntry> {
        let at =
            self.test_users.partition_point(|(known, _)| order_ignoring_case(known, user).is_lt());
        let (known, id) = self.test_users.get(at)?;
        if known.eq_ignore_ascii_case(user) { self.backend(*id) } else { None }
    }

    /// Users who are pinned to a backend.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Those of them who are sent there.
    #[must_use]
    pub fn followed_pins(&self) -> Followed {
        let is_followed =
            |pin: &&Pin| self.backend(pin.backend).is_some_and(BackendEntry::takes_pinned);
        let pins = self.pins.iter().filter(is_followed);
        pins.map(|pin| (pin.user.clone(), pin.backend)).collect()
    }

    /// Where this user is sent by name, whatever the case; none: where the rows lead (C-PIN-1).
    #[must_use]
    pub fn pin(&self, user: &str) -> Option<&Pin> {
        let at = self.pins.partition_point(|pin| order_ignoring_case(&pin.user, user).is_lt());
        self.pins.get(at).filter(|pin| pin.user.eq_ignore_ascii_case(user))
    }

    /// What the rows say of a group whose home is `site_id`; none: nothing that matters.
    #[must_use]
    pub fn failover(&self, group_name: &str, site_id: Uuid) -> Option<&Failover> {
        self.failovers.find(|failover| {
            (*failover.group_name).cmp(group_name).then(failover.site_id.cmp(&site_id))
        })
    }

    /// The tag with this name, or this id.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<Uuid> {
        let named = self.tags.iter().filter(|tag| &*tag.tag == name).map(|tag| tag.id).min();
        named.or_else(|| {
            let id = Uuid::try_parse(name).ok()?;
            self.tags.iter().find(|tag| tag.id == id).map(|tag| tag.id)
        })
    }

    /// The users who leave a backend of the local site (C-MOVE-6).
    #[must_use]
    pub fn departures(&self) -> &[Departure] {
        &self.departures
    }

    /// What is known of the user's leaving of this backend.
    #[must_use]
    pub fn departure(&self, user: &str, backend: Uuid) -> Option<&Departure> {
        let order = |it: &Departure| (*it.user).cmp(user).then(it.backend_id.cmp(&backend));
        find(&self.departures, order)
    }

    /// The groups that live on a destination of a force-move, by name.
    pub(super) fn residents(&self, backend: Uuid) -> &[(Uuid, Box<str>)] {
        let from = self.residents.partition_point(|(id, _)| *id < backend);
        let behind = self.residents.get(from..).unwrap_or_default();
        let count = behind.partition_point(|(id, _)| *id == backend);
        behind.get(..count).unwrap_or_default()
    }
}

fn find<T>(sorted: &[T], order: impl FnMut(&T) -> Ordering) -> Option<&T> {
    sorted.get(sorted.binary_search_by(order).ok()?)
}

/// Compares without allocating; `known` is in lower case already.
pub(super) fn order_ignoring_case(known: &str, asked: &str) -> Ordering {
    known.bytes().cmp(asked.bytes().map(|byte| byte.to_ascii_lowercase()))
}
