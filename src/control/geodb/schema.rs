//! The ten tables: Palomar's names, columns, types and primary keys (C-GEO-1), and the statements that make them.
//!
//! In SQLite UUIDs are text in lower case with hyphens, timestamps milliseconds since 1970; column types are checked by
//! SQLite (STRICT), because operators write into the file with other tools. In Cassandra the first column of each key is
//! the partition, the others order the rows in it.

/// One table.
#[derive(Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Name.
    pub name: &'static str,
    /// Columns with their types, in Palomar's order.
    pub columns: &'static [(&'static str, Kind)],
    /// Columns of the primary key.
    pub key: &'static [&'static str],
}

impl TableSchema {
    /// The statement that creates the table unless it exists.
    #[must_use]
    pub fn create_statement(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {}", kind.in_sqlite()))
            .collect();
        format!(
            "create table if not exists {} ({}, primary key ({})) strict, without rowid",
            self.name,
            columns.join(", "),
            self.key.join(", ")
        )
    }

    /// The statement that creates the table in a keyspace of Cassandra unless it exists.
    #[must_use]
    pub fn create_in_keyspace(&self, keyspace: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {}", kind.in_cassandra()))
            .collect();
        let (partition, rows) = self.key.split_at(1);
        let key: Vec<String> = std::iter::once(format!("({})", partition.concat()))
            .chain(rows.iter().map(|column| (*column).to_owned()))
            .collect();
        format!(
            "create table if not exists {keyspace}.{} ({}, primary key ({}))",
            self.name,
            columns.join(", "),
            key.join(", ")
        )
    }

    /// Whether a column is part of the key.
    #[must_use]
    pub fn is_key(&self, column: &str) -> bool {
        self.key.contains(&column)
    }

    /// The table with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

/// Version of this layout, kept in `PRAGMA user_version`. Files of a later version are refused (GE-11).
pub const SCHEMA_VERSION: i64 = 1;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id.
    Uuid,
    /// Text.
    Text,
    /// A whole number of 32 bits.
    Int,
    /// Milliseconds since 1970.
    Timestamp,
    /// A number.
    Double,
}

impl Kind {
    /// The type in SQLite.
    #[must_use]
    pub const fn in_sqlite(self) -> &'static str {
        match self {
            Self::Uuid | Self::Text => "text",
            Self::Int | Self::Timestamp => "integer",
            Self::Double => "real",
        }
    }

    /// The type in Cassandra.
    #[must_use]
    pub const fn in_cassandra(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Int => "int",
            Self::Timestamp => "timestamp",
            Self::Double => "double",
        }
    }
}

/// The tables by name; each has its place in [`TABLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableName {
    /// Names of shards of sites.
    Tags,
    /// Sites.
    Sites,
    /// What sites measured of each other.
    SiteReachability,
    /// Backends.
    Backends,
    /// Figures of backends.
    BackendStats,
    /// Figures of what proxies connect to.
    ProxyDestStats,
    /// Where groups live.
    UserGroups,
    /// Groups that failed over.
    GroupSites,
    /// Users.
    Users,
    /// Switches, and the state of force-moves.
    ClusterSettings,
}

impl TableName {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Tags,
        Self::Sites,
        Self::SiteReachability,
        Self::Backends,
        Self::BackendStats,
        Self::ProxyDestStats,
        Self::UserGroups,
        Self::GroupSites,
        Self::Users,
        Self::ClusterSettings,
    ];

    /// Its columns and key.
    #[must_use]
    pub fn schema(self) -> &'static TableSchema {
        &TABLES[self as usize]
    }

    /// The name of a table.
    #[must_use]
    pub fn of(table: &TableSchema) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.schema().name == table.name)
    }
}

use Kind::{Double as DOUBLE, Int as INT, Text as TEXT, Timestamp as TIMESTAMP, Uuid as UUID};

/// The ten tables.
pub static TABLES: [TableSchema; 10] = [
    TableSchema { name: "tags", columns: &[("id", UUID), ("tag", TEXT)], key: &["id"] },
    TableSchema {
        name: "sites",
        columns: &[
            ("id", UUID),
            ("name", TEXT),
            ("tag", UUID),
            ("load_balancer", TEXT),
            ("status", TEXT),
        ],
        key: &["id"],
    },
    TableSchema {
        name: "site_reachability",
        columns: &[("src_site_id", UUID), ("dest_site_id", UUID), ("reachable", INT)],
        key: &["src_site_id", "dest_site_id"],
    },
    TableSchema {
        name: "backends",
        columns: &[
            ("id", UUID),
            ("site_id", UUID),
            ("load_factor", INT),
            ("host", TEXT),
            ("status", TEXT),
            ("status_reason", TEXT),
            ("last_moved_from", TEXT),
            ("last_moved_to", TEXT),
        ],
        key: &["site_id", "id"],
    },
    TableSchema {
        name: "backend_stats",
        columns: &[
            ("site_id", UUID),
            ("id", UUID),
            ("key", TEXT),
            ("value", DOUBLE),
            ("type", TEXT),
        ],
        key: &["site_id", "id", "key"],
    },
    TableSchema {
        name: "proxy_dest_stats",
        columns: &[
            ("proxy_site_id", UUID),
            ("proxy_host", TEXT),
            ("dest_host", TEXT),
            ("key", TEXT),
            ("value", DOUBLE),
            ("type", TEXT),
        ],
        key: &["proxy_site_id", "dest_host", "proxy_host", "key"],
    },
    TableSchema {
        name: "user_groups",
        columns: &[
            ("name", TEXT),
            ("site_id", UUID),
            ("backend_id", UUID),
            ("alt_backend_id", UUID),
            ("sticky_users", INT),
            ("moving", TEXT),
            ("refresh_after", TIMESTAMP),
            ("sticky_backend", INT),
        ],
        key: &["site_id", "name"],
    },
    TableSchema {
        name: "group_sites",
        columns: &[
            ("group_name", TEXT),
            ("site_id", UUID),
            ("status", TEXT),
            ("failover_site_id", UUID),
            ("last_update", TIMESTAMP),
        ],
        key: &["group_name", "site_id"],
    },
    TableSchema {
        name: "users",
        columns: &[
            ("username", TEXT),
            ("preferred_site_id", UUID),
            ("group_name", TEXT),
            ("failover_site_group_name", TEXT),
            ("metacache_last_host", TEXT),
            ("moving_preferred_site_id", UUID),
            ("moving_group_name", TEXT),
            ("moving_failover_site_group_name", TEXT),
            ("last_update", TIMESTAMP),
        ],
        key: &["username"],
    },
    TableSchema {
        name: "cluster_settings",
        columns: &[
            ("section", TEXT),
            ("site_id", UUID),
            ("backend_id", UUID),
            ("setting_name", TEXT),
            ("setting_value", TEXT),
        ],
        key: &["section", "site_id", "backend_id", "setting_name"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_finds_its_table() {
        for name in TableName::ALL {
            assert_eq!(TableName::of(name.schema()), Some(name));
        }
        assert_eq!(TableName::Users.schema().name, "users");
        assert_eq!(TableName::ClusterSettings.schema().name, "cluster_settings");
    }

    #[test]
    fn c_geo_1_statements_are_palomars() {
        assert_eq!(
            TableName::Backends.schema().create_in_keyspace("geo"),
            "create table if not exists geo.backends (id uuid, site_id uuid, load_factor int, host text, status text, \
             status_reason text, last_moved_from text, last_moved_to text, primary key ((site_id), id))"
        );
        assert_eq!(
            TableName::Tags.schema().create_statement(),
            "create table if not exists tags (id text, tag text, primary key (id)) strict, without rowid"
        );
    }
}
