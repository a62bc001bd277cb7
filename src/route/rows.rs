//! The rows of the GeoDB tables as plain values (C-GEO-1).
//!
//! Duty: to hold what a row says, including nonsense, so that commands can show and mend it. Non-duty: judging it;
//! [`super::build`] decides which rows take part in routing and reports the others (GE-08). Driven by the GeoDB
//! engines, the table builder and the cluster commands.

use std::fmt;

use uuid::Uuid;

use super::problem::Problem;

/// Everything that the routing table is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// All rows of `sites`.
    pub sites: Vec<Site>,
    /// All rows of `backends`, of every site.
    pub backends: Vec<Backend>,
    /// All rows of `site_reachability`.
    pub site_reachability: Vec<SiteReachability>,
    /// The rows of `user_groups` that belong to the local site.
    pub user_groups: Vec<UserGroup>,
    /// All rows of `group_sites`.
    pub group_sites: Vec<GroupSite>,
    /// The rows of `cluster_settings` in [`Setting::ROUTING_SECTIONS`].
    pub settings: Vec<Setting>,
    /// All rows of `tags`.
    pub tags: Vec<Tag>,
    /// Rows that cannot even be held as values, such as a key that is no UUID.
    pub unreadable: Vec<Problem>,
}

impl Rows {
    /// From the parts that are read on their own rhythms.
    #[must_use]
    pub fn joined(
        places: Places,
        user_groups: ReadRows<UserGroup>,
        group_sites: ReadRows<GroupSite>,
    ) -> Self {
        let mut unreadable = places.unreadable;
        unreadable.extend(user_groups.unreadable);
        unreadable.extend(group_sites.unreadable);
        Self {
            sites: places.sites,
            backends: places.backends,
            site_reachability: places.site_reachability,
            settings: places.settings,
            tags: places.tags,
            user_groups: user_groups.rows,
            group_sites: group_sites.rows,
            unreadable,
        }
    }
}

/// The small tables, whole: where users can live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// All rows of `sites`.
    pub sites: Vec<Site>,
    /// All rows of `backends`, of every site.
    pub backends: Vec<Backend>,
    /// All rows of `site_reachability`.
    pub site_reachability: Vec<SiteReachability>,
    /// The rows of `cluster_settings` in [`Setting::ROUTING_SECTIONS`].
    pub settings: Vec<Setting>,
    /// All rows of `tags`.
    pub tags: Vec<Tag>,
    /// Rows that cannot even be held as values.
    pub unreadable: Vec<Problem>,
}

impl Places {
    /// The site with this name; of several the one with the smallest id, as every proxy takes it.
    #[must_use]
    pub fn local_site(&self, name: &str) -> Option<Uuid> {
        self.sites.iter().filter(|site| *site.name == *name).map(|site| site.id).min()
    }
}

/// Rows of one table, and those that cannot even be held as values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRows<T> {
    /// Those that can.
    pub rows: Vec<T>,
    /// The others.
    pub unreadable: Vec<Problem>,
}

impl<T> Default for ReadRows<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), unreadable: Vec::new() }
    }
}

/// A row of `tags`: the name of a shard of sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Key.
    pub id: Uuid,
    /// The name.
    pub tag: Box<str>,
}

/// A row of `sites`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Key.
    pub id: Uuid,
    /// The name that `cluster_local_site` is compared with.
    pub name: Box<str>,
    /// The shard it belongs to.
    pub tag: Option<Uuid>,
    /// Host name or address that proxies of other sites connect to.
    pub load_balancer: Option<Box<str>>,
    /// Whether it takes users.
    pub status: SiteStatus,
}

/// A row of `site_reachability`: what proxies of one site measured of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteReachability {
    /// The site that measured.
    pub src_site_id: Uuid,
    /// The site that was measured.
    pub dest_site_id: Uuid,
    /// 0 is unreachable, everything else reachable (C-SITE-3); none when no proxy has measured.
    pub reachable: Option<i64>,
}

/// A row of `backends`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The owning site, first half of the key.
    pub site_id: Uuid,
    /// Second half of the key.
    pub id: Uuid,
    /// Approximate share of the site's load, 0..=100; none counts as 100.
    pub load_factor: Option<i64>,
    /// Host name.
    pub host: Box<str>,
    /// Whether it takes users.
    pub status: BackendStatus,
    /// Why the status is what it is; an automatic writer starts it with `auto:` (C-BACKEND-2).
    pub status_reason: Option<Box<str>>,
    /// Opaque (C-BACKEND-3): shown, never written.
    pub last_moved_from: Option<Box<str>>,
    /// Opaque (C-BACKEND-3): shown, never written.
    pub last_moved_to: Option<Box<str>>,
}

/// A row of `user_groups`: where the users of a group live at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    /// The site, first half of the key.
    pub site_id: Uuid,
    /// The group, second half of the key.
    pub name: Box<str>,
    /// The backend that serves the group.
    pub backend_id: Option<Uuid>,
    /// The pre-agreed next backend: destination of a move, else the stand-by choice.
    pub alt_backend_id: Option<Uuid>,
    /// Users must not be moved to other groups automatically.
    pub sticky_users: bool,
    /// Non-empty while a move is in progress. The exact text is the starter's business.
    pub moving: Box<str>,
    /// Milliseconds since 1970: a proxy that cached the row re-reads it once this has passed (C-GROUP-1).
    pub refresh_after: Option<i64>,
    /// The group must not be moved to another backend by automatic balancing.
    pub sticky_backend: bool,
}

impl UserGroup {
    /// Whether a move is in progress.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.moving.is_empty()
    }
}

/// A row of `group_sites`: site failover of one group (C-SITE-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSite {
    /// The group, first half of the key.
    pub group_name: Box<str>,
    /// The site that the row is about, second half of the key.
    pub site_id: Uuid,
    /// State of the group at that site.
    pub status: GroupSiteStatus,
    /// The site that took over.
    pub failover_site_id: Option<Uuid>,
    /// Milliseconds since 1970.
    pub last_update: Option<i64>,
}

/// A row of `cluster_settings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it belongs to, first part of the key.
    pub section: Box<str>,
    /// The site it is about, second part; nil: all of them (palomar G14).
    pub site_id: Uuid,
    /// The backend it is about, third part; nil: all of them.
    pub backend_id: Uuid,
    /// Last part of the key.
    pub name: Box<str>,
    /// What it says.
    pub value: Box<str>,
}

impl GroupSite {
    /// The site that stands in for the group's home; none: the group is at home.
    #[must_use]
    pub fn stand_in(&self) -> Option<Uuid> {
        self.failover_site_id.filter(|_| self.status == GroupSiteStatus::Failover)
    }
}

impl Setting {
    /// The sections that a login's routing rests on (palomar G15).
    pub const ROUTING_SECTIONS: [&'static str; 6] =
        ["force_move", "recover", "moves", "departures", "pin", "bounds"];
}

/// A row of `users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// Key: the normalised user name.
    pub username: Box<str>,
    /// Home site.
    pub preferred_site_id: Option<Uuid>,
    /// Group at the home site; empty is legal and means "assign now" (C-USER-1).
    pub group_name: Box<str>,
    /// Group at a failover site; none is the same name (C-ROUTE-7).
    pub failover_site_group_name: Option<Box<str>>,
    /// Backends' business: where the index cache was last. A proxy never writes it.
    pub metacache_last_host: Option<Box<str>>,
    /// Pending new home site.
    pub moving_preferred_site_id: Option<Uuid>,
    /// Pending new group.
    pub moving_group_name: Option<Box<str>>,
    /// Pending new failover group.
    pub moving_failover_site_group_name: Option<Box<str>>,
    /// Milliseconds since 1970.
    pub last_update: Option<i64>,
}

impl User {
    /// Whether a move of this user is pending (C-MOVE-3).
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.moving_preferred_site_id.is_some()
            || self.moving_group_name.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// The row as it is once the pending move is given up. Idempotent.
    #[must_use]
    pub fn unmoved(&self) -> Self {
        Self {
            moving_preferred_site_id: None,
            moving_group_name: None,
            moving_failover_site_group_name: None,
            ..self.clone()
        }
    }

    /// Whether it leads where another row of the user does: all that routing reads is the same.
    #[must_use]
    pub fn leads_where(&self, other: &Self) -> bool {
        self.preferred_site_id == other.preferred_site_id
            && self.moving_preferred_site_id == other.moving_preferred_site_id
            && self.group_name == other.group_name
            && self.failover_site_group_name == other.failover_site_group_name
            && self.moving_group_name == other.moving_group_name
            && self.moving_failover_site_group_name == other.moving_failover_site_group_name
    }

    /// The row as it is once the pending move is finished. Idempotent.
    #[must_use]
    pub fn moved(&self) -> Self {
        let mut moved = self.clone();
        if self.moving_preferred_site_id.is_some() {
            moved.preferred_site_id = self.moving_preferred_site_id;
        }
        if let Some(name) = self.moving_group_name.as_ref().filter(|name| !name.is_empty()) {
            moved.group_name = name.clone();
        }
        if self.moving_failover_site_group_name.is_some() {
            moved.failover_site_group_name = self.moving_failover_site_group_name.clone();
        }
        moved.moving_preferred_site_id = None;
        moved.moving_group_name = None;
        moved.moving_failover_site_group_name = None;
        moved
    }
}

/// Text of a status column: the words we know, and whatever else was found there (GE-08).
macro_rules! status_text {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that we do not know, kept as it was read.
            Unknown(Box<str>),
        }

        impl $name {
            /// Reads the column; NULL is read as empty text.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Unknown(other.into()),
                }
            }

            /// The column's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

status_text! {
    /// `sites.status` (C-SITE-1).
    SiteStatus {
        /// Reachable, accepts connections.
        Online = "online",
        /// Unreachable.
        Offline = "offline",
        /// Reachable, but does not accept connections.
        Standby = "standby",
        /// All users are being moved away.
        Evacuate = "evacuate",
    }
}

status_text! {
    /// `backends.status` (C-BACKEND-1).
    BackendStatus {
        /// Reachable, accepts connections.
        Online = "online",
        /// Reachable, accepts none.
        Standby = "standby",
        /// Unreachable.
        Offline = "offline",
    }
}

status_text! {
    /// `group_sites.status` (C-SITE-4).
    GroupSiteStatus {
        /// Nothing special; the column is empty.
        Normal = "",
        /// The same, spelled out.
        Online = "online",
        /// The group has been failed over away from this site.
        Failover = "failover",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ge_08_unknown_status_text_is_kept() {
        for text in ["online", "offline", "standby"] {
            assert_eq!(BackendStatus::parse(text).as_str(), text);
            assert!(!matches!(BackendStatus::parse(text), BackendStatus::Unknown(_)));
        }
        for text in ["", "Online", "evacuate", "on\nline"] {
            assert_eq!(BackendStatus::parse(text), BackendStatus::Unknown(text.into()));
        }
        assert_eq!(SiteStatus::parse("evacuate"), SiteStatus::Evacuate);
        assert_eq!(GroupSiteStatus::parse(""), GroupSiteStatus::Normal);
    }

    #[test]
    fn c_cache_5_a_row_leads_elsewhere_when_any_column_that_routing_reads_differs() {
        let site = Some(Uuid::from_u128(7));
        let user = User { preferred_site_id: site, group_name: "g".into(), ..User::default() };
        let text = || Some(Box::from("other"));
        for other in [
            User { preferred_site_id: None, ..user.clone() },
            User { group_name: "other".into(), ..user.clone() },
            User { failover_site_group_name: text(), ..user.clone() },
            User { moving_preferred_site_id: site, ..user.clone() },
            User { moving_group_name: text(), ..user.clone() },
            User { moving_failover_site_group_name: text(), ..user.clone() },
        ] {
            assert!(!user.leads_where(&other) && !other.leads_where(&user), "{other:?}");
        }
        let used = User { metacache_last_host: text(), last_update: Some(9), ..user.clone() };
        assert!(user.leads_where(&used), "of a login at a backend");
    }

    #[test]
    fn palomar_2_2_step_5_a_finished_user_move_copies_and_clears() {
        let site = Uuid::from_u128(7);
        let user = User {
            username: "alice".into(),
            preferred_site_id: Some(Uuid::from_u128(1)),
            group_name: "default-1".into(),
            moving_preferred_site_id: Some(site),
            moving_group_name: Some("vip".into()),
            ..User::default()
        };
        let moved = user.moved();
        assert!(user.is_moving() && !moved.is_moving());
        assert_eq!(moved.preferred_site_id, Some(site));
        assert_eq!(&*moved.group_name, "vip");
        assert_eq!(moved.moved(), moved);
        let stays = user.unmoved();
        assert!(!stays.is_moving() && stays.group_name == user.group_name, "{stays:?}");
        assert_eq!(stays.preferred_site_id, user.preferred_site_id);
    }
}
