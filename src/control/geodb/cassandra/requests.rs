//! One call: the session, the breaker, the consistency, the fallback, the stamp.

use std::sync::Arc;
use std::time::Duration;

use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::value::Row;

use super::fault::{self, Fault};
use super::health::{Doing, Level};
use super::link::Link;
use super::session::{Connected, Request, consistencies};
use super::stamps::Stamps;
use super::statements::{Statement, StatementKind};
use super::values::{Cell, Fields, latest_stamp};
use crate::config::Consistencies;
use crate::control::geodb::columns::TableRow;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::TableName;
use crate::control::wall_clock::unix_micros;
use crate::limits;
use crate::ring::clock;
use crate::route::rows::ReadRows;

/// What all calls share.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) link: Link,
    stamps: Stamps,
}

/// A row, and when it was last written, as far as it shows.
#[derive(Debug)]
pub(super) struct Stamped<T> {
    pub(super) row: T,
    pub(super) stamp: Option<i64>,
}

/// What becomes of that which others have written to a row since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// What is written now is later.
    Overwritten,
    /// It stays.
    Kept,
}

impl Requests {
    pub(super) fn new(link: Link) -> Self {
        let mut draw = [0; 2];
        // Without randomness two proxies may write right behind the same row at the same moment: the greater values stay.
        let _ = getrandom::fill(&mut draw);
        Self { link, stamps: Stamps::new(u16::from_ne_bytes(draw)) }
    }

    pub(super) fn place(&self) -> &str {
        &self.link.shared.place
    }

    /// One row by its whole key.
    pub(super) async fn read_row<T: TableRow>(
        &self,
        key: &[Cell],
    ) -> Result<Option<Stamped<T>>, GeoDbError> {
        if key.iter().any(is_empty) {
            // Cassandra refuses it, for reads as well.
            return Ok(None);
        }
        let statement = Statement::new(StatementKind::ReadRow, T::TABLE);
        let (result, _) = self.call(statement, key, None, PagingState::start()).await?;
        let rows = self.checked(T::TABLE, result)?;
        let row = rows.maybe_first_row::<Row>();
        let Some(row) = row.map_err(|error| self.unreadable(T::TABLE, &error))? else {
            return Ok(None);
        };
        let stamp = latest_stamp(T::TABLE, &row);
        self.judge(T::TABLE, stamp);
        let fields = Fields { table: T::TABLE.schema(), row: &row };
        match T::read(&fields) {
            Ok(row) => Ok(Some(Stamped { row, stamp })),
            Err(bad) => Err(GeoDbError::BadRow {
                place: self.place().into(),
                problem: Box::new(fields.problem(bad)),
            }),
        }
    }

    /// All rows of a partition, page by page.
    pub(super) async fn read_partition<T: TableRow>(
        &self,
        partition: Cell,
    ) -> Result<ReadRows<T>, GeoDbError> {
        let statement = Statement::new(StatementKind::ReadPartition, T::TABLE);
        let mut found = ReadRows::default();
        self.pages(statement, &[partition], |row| take(&mut found, &row)).await?;
        Ok(found)
    }

    /// The rows of a partition that share the next column of the key.
    pub(super) async fn read_slice<T: TableRow>(
        &self,
        slice: [Cell; 2],
    ) -> Result<ReadRows<T>, GeoDbError> {
        let statement = Statement::new(StatementKind::ReadSlice, T::TABLE);
        let mut found = ReadRows::default();
        self.pages(statement, &slice, |row| take(&mut found, &row)).await?;
        Ok(found)
    }

    /// A whole table: one token range after the other, page by page. All of it, or an error.
    pub(super) async fn read_table<T: TableRow>(&self) -> Result<ReadRows<T>, GeoDbError> {
        let mut found = ReadRows::default();
        self.scan(T::TABLE, |row| take(&mut found, &row)).await?;
        Ok(found)
    }

    /// Hands over each row of a table.
    pub(super) async fn scan(
        &self,
        table: TableName,
        mut each: impl FnMut(Row),
    ) -> Result<(), GeoDbError> {
        let statement = Statement::new(StatementKind::ReadRange, table);
        for (after, until) in token_ranges(pieces(table)) {
            let bounds =
                [after, until].map(|token| Cell::Set(Some(scylla::value::CqlValue::BigInt(token))));
            self.pages(statement, &bounds, &mut each).await?;
        }
        Ok(())
    }

    async fn pages(
        &self,
        statement: Statement,
        cells: &[Cell],
        mut each: impl FnMut(Row),
    ) -> Result<(), GeoDbError> {
        let mut page = PagingState::start();
        loop {
            let (result, more) = self.call(statement, cells, None, page).await?;
            let rows = self.checked(statement.table, result)?;
            let rows =
                rows.rows::<Row>().map_err(|error| self.unreadable(statement.table, &error))?;
            in_turns(rows, |row| {
                each(row.map_err(|error| self.unreadable(statement.table, &error))?);
                Ok(())
            })
            .await?;
            match more.into_paging_control_flow() {
                std::ops::ControlFlow::Break(()) => return Ok(()),
                std::ops::ControlFlow::Continue(next) => page = next,
            }
        }
    }

    /// Writes, later than anything before and than `read`.
    pub(super) async fn write(
        &self,
        statement: Statement,
        cells: &[Cell],
        read: Option<i64>,
    ) -> Result<(), GeoDbError> {
        let stamp = self.stamps.next(unix_micros(), read);
        self.call(statement, cells, Some(stamp), PagingState::start()).await.map(drop)
    }

    /// Writes over a row that was `read`; what others have written since stays.
    pub(super) async fn write_behind(
        &self,
        statement: Statement,
        cells: &[Cell],
        read: Option<i64>,
    ) -> Result<(), GeoDbError> {
        let Some(read) = read else { return self.write(statement, cells, None).await };
        let stamp = self.stamps.behind(read);
        self.call(statement, cells, Some(stamp), PagingState::start()).await.map(drop)
    }

    async fn call(
        &self,
        statement: Statement,
        cells: &[Cell],
        stamp: Option<i64>,
        page: PagingState,
    ) -> Result<(QueryResult, PagingStateResponse), GeoDbError> {
        let connected = self.link.session().await?;
        let shared = &self.link.shared;
        shared.admit()?;
        let doing = doing(statement);
        let levels = consistencies(&shared.settings, doing);
        let level = shared.health(|health| health.level(doing, clock::now()));
        let attempt = |level: Level, page: PagingState| {
            self.attempt(&connected, statement, cells, stamp, page, (levels, level))
        };
        let mut outcome = attempt(level, page.clone()).await;
        let mut answered_at = level;
        if let Err(Fault::Passing(_) | Fault::Late(_)) = &outcome
            && level == Level::First
        {
            shared.fell_back(doing);
            if levels.first != levels.fallback {
                outcome = attempt(Level::Fallback, page).await;
                answered_at = Level::Fallback;
            } else if stamp.is_some() && matches!(outcome, Err(Fault::Late(_))) {
                // The node that was to answer may be gone. The stamp makes it the same write, whether or not the first was done.
                outcome = attempt(level, page).await;
            }
        }
        match &outcome {
            Ok((result, _)) => {
                shared.health(|health| health.answered(doing, answered_at));
                result.warnings().for_each(|warning| {
                    shared.remark(format!("{}: a node warns: {warning}", self.place()));
                });
            }
            Err(Fault::Final(_)) => shared.health(|health| health.answered(doing, answered_at)),
            Err(passing) => shared.failed(&passing.why()),
        }
        outcome.map_err(|fault| fault.into_error(self.place()))
    }

    async fn attempt(
        &self,
        connected: &Arc<Connected>,
        statement: Statement,
        cells: &[Cell],
        stamp: Option<i64>,
        page: PagingState,
        (levels, level): (Consistencies, Level),
    ) -> Result<(QueryResult, PagingStateResponse), Fault> {
        let shared = &self.link.shared;
        let consistency = match level {
            Level::First => levels.first,
            Level::Fallback => levels.fallback,
        };
        let deadline = self.deadline(statement);
        let request = Request { statement, cells, consistency, stamp, page, deadline };
        connected.request(&shared.settings, &shared.place, request).await
    }

    fn deadline(&self, statement: Statement) -> Duration {
        let one = self.link.shared.settings.request_timeout;
        match statement.kind {
            StatementKind::ReadRange | StatementKind::ReadPartition | StatementKind::ReadSlice => {
                one.max(limits::CASSANDRA_PAGE_TIMEOUT)
            }
            StatementKind::ReadRow
            | StatementKind::Insert
            | StatementKind::Update
            | StatementKind::Delete
            | StatementKind::DeletePartition => one,
        }
    }

    /// The rows of an answer, each with as many columns as were asked for.
    fn checked(
        &self,
        table: TableName,
        result: QueryResult,
    ) -> Result<QueryRowsResult, GeoDbError> {
        let rows = result.into_rows_result().map_err(|error| self.unreadable(table, &error))?;
        let names = rows.column_specs();
        let asked = table.schema().columns.iter().map(|(name, _)| *name);
        if !asked.eq(names.iter().map(|column| column.name()).take(table.schema().columns.len())) {
            return Err(
                self.unreadable(table, &"the answer has other columns than those asked for")
            );
        }
        Ok(rows)
    }

    fn unreadable(&self, table: TableName, why: &dyn std::fmt::Display) -> GeoDbError {
        let name = table.schema().name;
        let why = format!("table {name} can't be read: {why}; run: hale geodb init");
        fault::schema(self.place(), why.lines().next().unwrap_or_default())
    }

    fn judge(&self, table: TableName, stamp: Option<i64>) {
        let Some(skew) = stamp.and_then(|stamp| self.stamps.judge(unix_micros(), stamp)) else {
            return;
        };
        if skew.rows == 1 {
            self.link.shared.remark(format!(
                "{}: a row of {} was written {} s in the future: the clock of another writer is ahead of this host's, \
                 or this one's is behind; keep all clocks by NTP, or newer decisions lose against older ones",
                self.place(),
                table.schema().name,
                skew.ahead / 1_000_000
            ));
        }
    }

    /// Rows from the future so far.
    pub(super) fn skewed(&self) -> u64 {
        self.stamps.skewed()
    }
}

fn doing(statement: Statement) -> Doing {
    match statement.kind {
        StatementKind::ReadRow
        | StatementKind::ReadPartition
        | StatementKind::ReadSlice
        | StatementKind::ReadRange => Doing::Read,
        StatementKind::Insert | StatementKind::Update => Doing::Write,
        StatementKind::Delete | StatementKind::DeletePartition => Doing::Delete,
    }
}

fn is_empty(cell: &Cell) -> bool {
    matches!(cell, Cell::Set(Some(scylla::value::CqlValue::Text(text))) if text.is_empty())
}

/// Hands over one item after the other and lets others have the thread in between: a page of groups takes milliseconds.
async fn in_turns<T>(
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(T) -> Result<(), GeoDbError>,
) -> Result<(), GeoDbError> {
    for (number, item) in items.enumerate() {
        if number > 0 && number.is_multiple_of(limits::CASSANDRA_TURN_ROWS) {
            tokio::task::yield_now().await;
        }
        each(item)?;
    }
    Ok(())
}

/// A row into those that can be read or those that can't.
fn take<T: TableRow>(found: &mut ReadRows<T>, row: &Row) {
    let fields = Fields { table: T::TABLE.schema(), row };
    match T::read(&fields) {
        Ok(row) => found.rows.push(row),
        Err(bad) => found.unreadable.push(fields.problem(bad)),
    }
}

/// Small tables are read at once.
fn pieces(table: TableName) -> u8 {
    match table {
        TableName::UserGroups
        | TableName::GroupSites
        | TableName::Users
        | TableName::BackendStats
        | TableName::ProxyDestStats => limits::CASSANDRA_TOKEN_RANGES,
        TableName::Tags
        | TableName::Sites
        | TableName::SiteReachability
        | TableName::Backends
        | TableName::ClusterSettings => 1,
    }
}

/// The whole ring in so many pieces, as large as each other.
fn token_ranges(pieces: u8) -> impl Iterator<Item = (i64, i64)> {
    let width = u64::MAX / u64::from(pieces);
    // The least token belongs to no row.
    let start = move |piece: u8| i64::MIN.wrapping_add_unsigned(width * u64::from(piece));
    (0..pieces).map(move |piece| {
        let until = if piece + 1 == pieces { i64::MAX } else { start(piece + 1) };
        (start(piece), until)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_taken_in_turns_with_others() {
        let (done, most) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let taking = in_turns(0..2_000, |_| {
            done.set(done.get() + 1);
            Ok(())
        });
        let others = async {
            while done.get() < 2_000 {
                let before = done.get();
                tokio::task::yield_now().await;
                most.set(most.get().max(done.get() - before));
            }
        };
        let (taken, ()) = tokio::join!(biased; taking, others);
        taken.unwrap();
        assert_eq!(most.get(), limits::CASSANDRA_TURN_ROWS);
        let broken = in_turns(0..3, |n| match n {
            1 => Err(fault::unavailable("x", "broken")),
            _ => Ok(()),
        });
        assert!(broken.await.is_err(), "half a page is none");
    }

    #[test]
    fn token_ranges_leave_no_gap() {
        for pieces in [1, 3, 16] {
            let ranges: Vec<(i64, i64)> = token_ranges(pieces).collect();
            assert_eq!(ranges.len(), usize::from(pieces));
            assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (i64::MIN, i64::MAX));
            assert!(ranges.windows(2).all(|two| two[0].1 == two[1].0 && two[0].0 < two[0].1));
        }
    }
}
