//! Rows of the ten tables out of an engine's values: one meaning, whatever the engine.
//!
//! Duty: which column goes where, and leniency with everything but ids (GE-08). Non-duty: how an engine holds a value.

use uuid::Uuid;

use super::schema::TableName;
use super::values::{DestFigure, FigureKind};
use crate::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Setting, Site, SiteReachability,
    SiteStatus, Tag, User, UserGroup,
};

/// The column is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAUuid(pub(super) &'static str);

/// A row's columns by name.
pub(super) trait Columns {
    /// What else keeps a column from being read.
    type Error: From<NotAUuid>;

    /// Text; none where there is none.
    fn text(&self, column: &'static str) -> Result<Option<Box<str>>, Self::Error>;
    /// A whole number, also a timestamp; none where there is none, or something else.
    fn number(&self, column: &'static str) -> Result<Option<i64>, Self::Error>;
    /// A number that may have a fraction; none where there is none, or something else.
    fn real(&self, column: &'static str) -> Result<Option<f64>, Self::Error>;
    /// An id; none where there is none.
    fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, Self::Error>;

    /// Text.
    fn text_or_empty(&self, column: &'static str) -> Result<Box<str>, Self::Error> {
        Ok(self.text(column)?.unwrap_or_default())
    }

    /// Yes or no.
    fn flag(&self, column: &'static str) -> Result<bool, Self::Error> {
        Ok(self.number(column)?.is_some_and(|value| value != 0))
    }

    /// An id that has to be there.
    fn id(&self, column: &'static str) -> Result<Uuid, Self::Error> {
        self.optional_id(column)?.ok_or_else(|| NotAUuid(column).into())
    }
}

/// What a row of one table says.
pub(super) trait TableRow: Sized {
    /// The table.
    const TABLE: TableName;

    /// From its columns.
    fn read<C: Columns>(row: &C) -> Result<Self, C::Error>;
}

impl TableRow for Tag {
    const TABLE: TableName = TableName::Tags;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self { id: row.id("id")?, tag: row.text_or_empty("tag")? })
    }
}

impl TableRow for Site {
    const TABLE: TableName = TableName::Sites;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text_or_empty("name")?,
            tag: row.optional_id("tag")?,
            load_balancer: row.text("load_balancer")?,
            status: SiteStatus::parse(&row.text_or_empty("status")?),
        })
    }
}

impl TableRow for Backend {
    const TABLE: TableName = TableName::Backends;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            site_id: row.id("site_id")?,
            id: row.id("id")?,
            load_factor: row.number("load_factor")?,
            host: row.text_or_empty("host")?,
            status: BackendStatus::parse(&row.text_or_empty("status")?),
            status_reason: row.text("status_reason")?,
            last_moved_from: row.text("last_moved_from")?,
            last_moved_to: row.text("last_moved_to")?,
        })
    }
}

impl TableRow for SiteReachability {
    const TABLE: TableName = TableName::SiteReachability;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            src_site_id: row.id("src_site_id")?,
            dest_site_id: row.id("dest_site_id")?,
            reachable: row.number("reachable")?,
        })
    }
}

impl TableRow for UserGroup {
    const TABLE: TableName = TableName::UserGroups;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            site_id: row.id("site_id")?,
            name: row.text_or_empty("name")?,
            backend_id: row.optional_id("backend_id")?,
            alt_backend_id: row.optional_id("alt_backend_id")?,
            sticky_users: row.flag("sticky_users")?,
            moving: row.text_or_empty("moving")?,
            refresh_after: row.number("refresh_after")?,
            sticky_backend: row.flag("sticky_backend")?,
        })
    }
}

impl TableRow for Setting {
    const TABLE: TableName = TableName::ClusterSettings;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            section: row.text_or_empty("section")?,
            site_id: row.id("site_id")?,
            backend_id: row.id("backend_id")?,
            name: row.text_or_empty("setting_name")?,
            value: row.text_or_empty("setting_value")?,
        })
    }
}

impl TableRow for DestFigure {
    const TABLE: TableName = TableName::ProxyDestStats;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            proxy_site_id: row.id("proxy_site_id")?,
            dest_host: row.text_or_empty("dest_host")?,
            proxy_host: row.text_or_empty("proxy_host")?,
            key: row.text_or_empty("key")?,
            value: row.real("value")?.unwrap_or(0.0),
            kind: match &*row.text_or_empty("type")? {
                "counter" => FigureKind::Counter,
                _ => FigureKind::Gauge,
            },
        })
    }
}

impl TableRow for GroupSite {
    const TABLE: TableName = TableName::GroupSites;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            group_name: row.text_or_empty("group_name")?,
            site_id: row.id("site_id")?,
            status: GroupSiteStatus::parse(&row.text_or_empty("status")?),
            failover_site_id: row.optional_id("failover_site_id")?,
            last_update: row.number("last_update")?,
        })
    }
}

impl TableRow for User {
    const TABLE: TableName = TableName::Users;

    fn read<C: Columns>(row: &C) -> Result<Self, C::Error> {
        Ok(Self {
            username: row.text_or_empty("username")?,
            preferred_site_id: row.optional_id("preferred_site_id")?,
            group_name: row.text_or_empty("group_name")?,
            failover_site_group_name: row.text("failover_site_group_name")?,
            metacache_last_host: row.text("metacache_last_host")?,
            moving_preferred_site_id: row.optional_id("moving_preferred_site_id")?,
            moving_group_name: row.text("moving_group_name")?,
            moving_failover_site_group_name: row.text("moving_failover_site_group_name")?,
            last_update: row.number("last_update")?,
        })
    }
}
