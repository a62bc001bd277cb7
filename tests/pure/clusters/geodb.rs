//! A GeoDB that is everywhere and nowhere quite the same: a replica at each site, cells that are overwritten by the later
//! timestamp, whichever clock it came from.

use std::collections::BTreeMap;

use hale::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Rows, Setting, Site, SiteReachability,
    SiteStatus, User, UserGroup,
};
use hale::route::settings_rows::FORCE_MOVE;
use uuid::Uuid;

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Site(Uuid),
    Backend(Uuid, Uuid),
    Reachability(Uuid, Uuid),
    User(Box<str>),
    Group(Uuid, Box<str>),
    GroupSite(Box<str>, Uuid),
    /// Of the section `force_move`: site, backend or nil, name.
    ForceMove(Uuid, Uuid, &'static str),
    /// When a group of a site last began or ended to move.
    Moves(Uuid),
    /// What a proxy of a site says of one of its backends.
    Figures(Uuid, Uuid, usize),
}

/// Which kind of read finds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Read every ten seconds.
    Place,
    /// Read once a minute.
    Group,
    /// Read by name.
    User,
    /// Read when a ruling is made.
    Figure,
}

impl Key {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Site(_)
            | Self::Backend(..)
            | Self::Reachability(..)
            | Self::ForceMove(..)
            | Self::Moves(_) => Kind::Place,
            Self::Group(..) | Self::GroupSite(..) => Kind::Group,
            Self::User(_) => Kind::User,
            Self::Figures(..) => Kind::Figure,
        }
    }
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Id(Option<Uuid>),
    Text(Box<str>),
    Number(i64),
    /// Deleted: of equal timestamps this wins.
    Gone,
}

pub(super) type Columns = Vec<(&'static str, Value)>;

/// One write, as it travels from replica to replica.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) columns: Columns,
    /// The writer's clock.
    pub(super) at: i64,
}

/// One site's copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    cells: BTreeMap<Key, BTreeMap<&'static str, (i64, Value)>>,
    /// Change with every cell of their kind that changes.
    pub(super) places_version: u64,
    pub(super) groups_version: u64,
}

impl Replica {
    /// Cell by cell, the later timestamp wins, and of equal ones the greater value.
    /// Whether that changed anything.
    pub(super) fn apply(&mut self, write: &Write) -> bool {
        let row = self.cells.entry(write.key.clone()).or_default();
        let mut is_changed = false;
        for (column, value) in &write.columns {
            let offered = (write.at, value.clone());
            if row.get(column).is_none_or(|known| *known < offered) {
                row.insert(column, offered);
                is_changed = true;
            }
        }
        match write.key.kind() {
            Kind::Place => self.places_version += u64::from(is_changed),
            Kind::Group => self.groups_version += u64::from(is_changed),
            Kind::User | Kind::Figure => {}
        }
        is_changed
    }

    /// Takes over whatever another copy has and this one has not; the rows that changed by that.
    pub(super) fn repair(&mut self, other: &Self) -> Vec<Key> {
        let mut changed = Vec::new();
        for (key, row) in &other.cells {
            for (column, (at, value)) in row {
                let columns = vec![(*column, value.clone())];
                if self.apply(&Write { key: key.clone(), columns, at: *at }) {
                    changed.push(key.clone());
                }
            }
        }
        changed
    }

    /// The latest timestamp in a row: who writes what was read writes later than that.
    pub(super) fn stamp(&self, key: &Key) -> i64 {
        let row = self.cells.get(key).into_iter().flat_map(BTreeMap::values);
        row.map(|(at, _)| *at).max().unwrap_or(i64::MIN)
    }

    /// Whether both say the same of a row.
    pub(super) fn says_the_same_of(&self, key: &Key, other: &Self) -> bool {
        self.cells.get(key) == other.cells.get(key)
    }

    /// Whether both say the same of all places.
    pub(super) fn says_the_same_of_places(&self, other: &Self) -> bool {
        let places = |copy: &'_ Self| {
            let rows = copy.cells.iter().filter(|(key, _)| key.kind() == Kind::Place);
            rows.map(|(key, row)| (key.clone(), row.clone())).collect::<Vec<_>>()
        };
        places(self) == places(other)
    }

    /// Whether two copies say the same.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let rows = |copy: &'_ Self| {
            let rows = copy.cells.iter().filter(|(key, _)| key.kind() != Kind::Figure);
            rows.map(|(key, row)| (key.clone(), row.clone())).collect::<Vec<_>>()
        };
        rows(self) == rows(other)
    }

    fn id(&self, key: &Key, column: &str) -> Option<Uuid> {
        match self.cells.get(key)?.get(column)? {
            (_, Value::Id(id)) => *id,
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &Key, column: &str) -> Box<str> {
        match self.cells.get(key).and_then(|row| row.get(column)) {
            Some((_, Value::Text(text))) => text.clone(),
            _ => Box::default(),
        }
    }

    pub(super) fn number(&self, key: &Key, column: &str) -> Option<i64> {
        match self.cells.get(key)?.get(column)? {
            (_, Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn user(&self, name: &str) -> Option<User> {
        let key = Key::User(name.into());
        self.cells.contains_key(&key).then(|| User {
            username: name.into(),
            preferred_site_id: self.id(&key, "preferred_site_id"),
            group_name: self.text(&key, "group_name"),
            moving_preferred_site_id: self.id(&key, "moving_preferred_site_id"),
            moving_group_name: Some(self.text(&key, "moving_group_name"))
                .filter(|name| !name.is_empty()),
            last_update: self.number(&key, "last_update"),
            ..User::default()
        })
    }

    pub(super) fn group(&self, site: Uuid, name: &str) -> Option<UserGroup> {
        let key = Key::Group(site, name.into());
        self.cells.contains_key(&key).then(|| self.group_of(site, name, &key))
    }

    fn group_of(&self, site_id: Uuid, name: &str, key: &Key) -> UserGroup {
        UserGroup {
            site_id,
            name: name.into(),
            backend_id: self.id(key, "backend_id"),
            alt_backend_id: self.id(key, "alt_backend_id"),
            sticky_users: false,
            moving: self.text(key, "moving"),
            refresh_after: self.number(key, "refresh_after"),
            sticky_backend: false,
        }
    }

    pub(super) fn backend(&self, site_id: Uuid, id: Uuid) -> Backend {
        let key = Key::Backend(site_id, id);
        Backend {
            site_id,
            id,
            load_factor: Some(self.number(&key, "load_factor").unwrap_or(100)),
            host: self.text(&key, "host"),
            status: BackendStatus::parse(&self.text(&key, "status")),
            status_reason: Some(self.text(&key, "status_reason")),
            last_moved_from: None,
            last_moved_to: None,
        }
    }

    /// The backends of a site.
    pub(super) fn backends(&self, site: Uuid) -> Vec<Backend> {
        let ids = self.cells.keys().filter_map(|key| match key {
            Key::Backend(at, id) if *at == site => Some(*id),
            _ => None,
        });
        ids.map(|id| self.backend(site, id)).collect()
    }

    /// The groups of a site.
    pub(super) fn groups(&self, site: Uuid) -> Vec<UserGroup> {
        let names = self.cells.keys().filter_map(|key| match key {
            Key::Group(at, name) if *at == site => Some(name),
            _ => None,
        });
        names.filter_map(|name| self.group(site, name)).collect()
    }

    pub(super) fn group_site(&self, group: &str, site: Uuid) -> Option<GroupSite> {
        let key = Key::GroupSite(group.into(), site);
        self.cells.contains_key(&key).then(|| self.group_site_of(group, site, &key))
    }

    fn group_site_of(&self, group: &str, site_id: Uuid, key: &Key) -> GroupSite {
        GroupSite {
            group_name: group.into(),
            site_id,
            status: GroupSiteStatus::parse(&self.text(key, "status")),
            failover_site_id: self.id(key, "failover_site_id"),
            last_update: self.number(key, "last_update"),
        }
    }

    /// The small tables.
    pub(super) fn read_places(&self, rows: &mut Rows) {
        rows.sites.clear();
        rows.backends.clear();
        rows.site_reachability.clear();
        rows.settings.clear();
        for (key, row) in &self.cells {
            match key {
                Key::Site(id) => rows.sites.push(Site {
                    id: *id,
                    name: self.text(key, "name"),
                    tag: None,
                    load_balancer: Some(self.text(key, "load_balancer")),
                    status: SiteStatus::parse(&self.text(key, "status")),
                }),
                Key::Backend(site_id, id) => rows.backends.push(self.backend(*site_id, *id)),
                Key::Reachability(src, dest) => rows.site_reachability.push(SiteReachability {
                    src_site_id: *src,
                    dest_site_id: *dest,
                    reachable: self.number(key, "reachable"),
                }),
                Key::ForceMove(site_id, backend_id, name) => {
                    if let Some((_, Value::Text(value))) = row.get("value") {
                        rows.settings.push(Setting {
                            section: FORCE_MOVE.into(),
                            site_id: *site_id,
                            backend_id: *backend_id,
                            name: (*name).into(),
                            value: value.clone(),
                        });
                    }
                }
                Key::Group(..)
                | Key::GroupSite(..)
                | Key::User(_)
                | Key::Moves(_)
                | Key::Figures(..) => {}
            }
        }
    }

    /// Groups of a site, and what they do at sites.
    pub(super) fn read_groups(&self, rows: &mut Rows, local: Uuid) {
        rows.user_groups.clear();
        rows.group_sites.clear();
        for key in self.cells.keys() {
            match key {
                Key::Group(site, name) if *site == local => {
                    rows.user_groups.push(self.group_of(*site, name, key));
                }
                Key::GroupSite(group, site) => {
                    rows.group_sites.push(self.group_site_of(group, *site, key));
                }
                _ => {}
            }
        }
    }
}
