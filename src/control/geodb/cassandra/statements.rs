//! The statements: few kinds, the same for each table.
//!
//! Columns are named one by one, so that a column that was added or an order that changed does no harm. A table is named with its
//! keyspace: a session is never moved into one, so that it can begin before the keyspace exists.

use crate::control::geodb::schema::TableName;

/// One statement, prepared once for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) kind: StatementKind,
    pub(super) table: TableName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementKind {
    /// One row by its whole key: its columns, and then the write times of those outside the key.
    ReadRow,
    /// The rows of one partition, by its key.
    ReadPartition,
    /// The rows of one partition that share the column behind its key.
    ReadSlice,
    /// The rows between two tokens, the first excluded.
    ReadRange,
    /// A row by all its columns.
    Insert,
    /// All columns outside the key, and then the key.
    Update,
    /// One row by its whole key.
    Delete,
    /// All rows of a partition.
    DeletePartition,
}

/// Kinds.
const KINDS: usize = 8;
/// As many statements as there can be.
pub(super) const STATEMENTS: usize = KINDS * TableName::ALL.len();

impl Statement {
    pub(super) const fn new(kind: StatementKind, table: TableName) -> Self {
        Self { kind, table }
    }

    /// Its place among all.
    pub(super) fn place(self) -> usize {
        self.table as usize * KINDS + self.kind as usize
    }

    /// The text.
    pub(super) fn text(self, keyspace: &str) -> String {
        let schema = self.table.schema();
        let name = format!("{keyspace}.{}", schema.name);
        let columns: Vec<&str> = schema.columns.iter().map(|(column, _)| *column).collect();
        let others: Vec<&str> =
            columns.iter().copied().filter(|column| !schema.is_key(column)).collect();
        let all = columns.join(", ");
        let partition = schema.key.first().copied().unwrap_or_default();
        let by = |columns: &[&str], between: &str| {
            let each: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
            each.join(between)
        };
        let key = by(schema.key, " and ");
        match self.kind {
            StatementKind::ReadRow => {
                let times: String =
                    others.iter().map(|column| format!(", writetime({column})")).collect();
                format!("select {all}{times} from {name} where {key}")
            }
            StatementKind::ReadPartition => {
                format!("select {all} from {name} where {partition} = ?")
            }
            StatementKind::ReadSlice => {
                let slice = by(schema.key.get(..2).unwrap_or(schema.key), " and ");
                format!("select {all} from {name} where {slice}")
            }
            StatementKind::ReadRange => format!(
                "select {all} from {name} where token({partition}) > ? and token({partition}) <= ?"
            ),
            StatementKind::Insert => {
                let marks = vec!["?"; columns.len()].join(", ");
                format!("insert into {name} ({all}) values ({marks})")
            }
            StatementKind::Update => {
                format!("update {name} set {} where {key}", by(&others, ", "))
            }
            StatementKind::Delete => format!("delete from {name} where {key}"),
            StatementKind::DeletePartition => format!("delete from {name} where {partition} = ?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_has_a_place_and_names_its_columns() {
        let text = |kind, table| Statement::new(kind, table).text("geo");
        assert_eq!(
            text(StatementKind::ReadRow, TableName::SiteReachability),
            "select src_site_id, dest_site_id, reachable, writetime(reachable) from geo.site_reachability \
             where src_site_id = ? and dest_site_id = ?"
        );
        assert_eq!(
            text(StatementKind::ReadSlice, TableName::ProxyDestStats),
            "select proxy_site_id, proxy_host, dest_host, key, value, type from geo.proxy_dest_stats \
             where proxy_site_id = ? and dest_host = ?"
        );
        assert_eq!(
            text(StatementKind::Update, TableName::GroupSites),
            "update geo.group_sites set status = ?, failover_site_id = ?, last_update = ? where group_name = ? and site_id = ?"
        );
        assert_eq!(
            text(StatementKind::Insert, TableName::Tags),
            "insert into geo.tags (id, tag) values (?, ?)"
        );
        assert_eq!(
            text(StatementKind::ReadRange, TableName::Tags),
            "select id, tag from geo.tags where token(id) > ? and token(id) <= ?"
        );
        assert_eq!(
            Statement::new(StatementKind::DeletePartition, TableName::ClusterSettings).place(),
            STATEMENTS - 1
        );
    }
}
