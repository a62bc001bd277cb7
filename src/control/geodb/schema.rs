//! The ten tables as SQLite has them: Palomar's names, columns and primary keys (C-GEO-1).
//!
//! UUIDs are text in lower case with hyphens, timestamps milliseconds since 1970. Column types are checked by SQLite
//! (STRICT), because operators write into the file with other tools.

/// One table.
#[derive(Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Name.
    pub name: &'static str,
    /// Columns with SQLite's types, in Palomar's order.
    pub columns: &'static [(&'static str, &'static str)],
    /// Columns of the primary key.
    pub key: &'static [&'static str],
}

impl TableSchema {
    /// The statement that creates the table unless it exists.
    #[must_use]
    pub fn create_statement(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        format!(
            "create table if not exists {} ({}, primary key ({})) strict, without rowid",
            self.name,
            columns.join(", "),
            self.key.join(", ")
        )
    }

    /// The table with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

/// Version of this layout, kept in `PRAGMA user_version`. Files of a later version are refused (GE-11).
pub const SCHEMA_VERSION: i64 = 1;

const UUID: &str = "text";
const TEXT: &str = "text";
const INT: &str = "integer";
const TIMESTAMP: &str = "integer";
const DOUBLE: &str = "real";

/// The ten tables.
pub const TABLES: [TableSchema; 10] = [
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
