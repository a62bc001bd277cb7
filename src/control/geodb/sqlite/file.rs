//! One connection to the file, which is in WAL mode.
//!
//! Duty: opening, creating and checking the file; noticing what other connections wrote. Non-duty: the statements, which are
//! in `queries` (logins) and `commands`; threads.

use std::path::{Path, PathBuf};

use rusqlite::{CachedStatement, Connection, MAIN_DB, OpenFlags, Params, Row, TransactionBehavior};

use super::fault;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::{SCHEMA_VERSION, TABLES};
use crate::control::geodb::values::{Made, OpenMode};
use crate::limits;

/// See the module's documentation. Its calls block.
#[derive(Debug)]
pub(super) struct SqliteFile {
    path: PathBuf,
    connection: Connection,
    /// Tables that opening made; the next [`Self::init`] tells.
    made: Vec<&'static str>,
}

impl SqliteFile {
    /// Opens the file and checks the tables.
    ///
    /// # Errors
    /// The file is missing, unusable, or not a GeoDB.
    pub(super) fn open(path: &Path, mode: OpenMode) -> Result<Self, GeoDbError> {
        // Plain flags: no URI parsing of the operator's path, no mutex for a connection that one thread owns.
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if mode == OpenMode::Create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
            // If it can't be made, opening says so, with the remedy.
            let _ = path.parent().map(std::fs::create_dir_all);
        } else if !path.exists() {
            return Err(fault::missing(path));
        }
        let opened = Connection::open_with_flags(path, flags);
        let connection = opened.map_err(|error| fault::from_sqlite(path, "opening", &error))?;
        let mut engine = Self { path: path.to_owned(), connection, made: Vec::new() };
        engine.check_file()?;
        // A file that is no GeoDB is left as it is, unless it shall become one.
        match mode {
            OpenMode::Existing => engine.check_tables()?,
            OpenMode::Create => engine.made = engine.create_tables()?,
        }
        engine.within("opening", |connection| {
            // Readers and one writer do not disturb each other. A commit survives the end of the process at once, and a
            // power cut from the next checkpoint on: waiting for the disk would hold a site's first logins to some hundred
            // a second, and the rows that logins write are made again as they were (C-ROUTE-6, C-ROUTE-4).
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "normal")
        })?;
        Ok(engine)
    }

    /// See [`crate::control::geodb::GeoDb::init`].
    pub(super) fn init(&mut self) -> Result<Vec<Made>, GeoDbError> {
        let mut new = std::mem::take(&mut self.made);
        new.extend(self.create_tables()?);
        let told = |name: &'static str| Made {
            what: format!("table {name}").into(),
            is_new: new.contains(&name),
        };
        Ok(TABLES.iter().map(|table| told(table.name)).collect())
    }

    /// Returns the names of those that were missing.
    fn create_tables(&mut self) -> Result<Vec<&'static str>, GeoDbError> {
        let mut missing = Vec::new();
        for table in &TABLES {
            let sql = "select name from sqlite_schema where type = 'table' and name = ?1";
            if self.query(sql, [table.name], |_| Ok(()))?.is_empty() {
                missing.push(table.name);
            }
        }
        self.within("creating the tables", |connection| {
            // Immediate: of two processes that do this at once, one waits instead of failing half-way.
            let immediate = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(immediate)?;
            for table in &TABLES {
                transaction.execute(&table.create_statement(), ())?;
            }
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()
        })?;
        self.check_tables()?;
        Ok(missing)
    }

    /// A number that changes whenever another connection has written.
    pub(super) fn data_version(&mut self) -> Result<i64, GeoDbError> {
        self.within("reading the data version", |connection| {
            connection.pragma_query_value(None, "data_version", |row| row.get(0))
        })
    }

    fn check_file(&mut self) -> Result<(), GeoDbError> {
        let is_readonly = self.within("opening", |connection| {
            connection.busy_timeout(limits::GEODB_LOCK_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            connection.is_readonly(MAIN_DB)
        })?;
        if is_readonly {
            return Err(fault::read_only(&self.path));
        }
        // Read before anything is written, so that a later Hale's file is left alone.
        let version: i64 = self.within("opening", |connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get(0))
        })?;
        if version > SCHEMA_VERSION {
            return Err(self.schema_fault(format!(
                "has schema version {version}, this Hale knows up to {SCHEMA_VERSION}; upgrade Hale"
            )));
        }
        Ok(())
    }

    fn check_tables(&mut self) -> Result<(), GeoDbError> {
        for table in &TABLES {
            let columns: Vec<String> =
                self.query("select name from pragma_table_info(?1)", [table.name], |row| {
                    row.get(0)
                })?;
            if columns.is_empty() {
                let why = format!("has no table {}; run: hale geodb init", table.name);
                return Err(self.schema_fault(why));
            }
            let missing =
                table.columns.iter().find(|(name, _)| !columns.iter().any(|found| found == name));
            if let Some((column, _)) = missing {
                return Err(self.schema_fault(format!(
                    "table {} has no column {column}; add it, or move the file away and run: hale geodb init",
                    table.name
                )));
            }
        }
        Ok(())
    }

    fn schema_fault(&self, why: String) -> GeoDbError {
        fault::schema(&self.path, why)
    }

    // === For the statements ===

    /// The file, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs SQLite calls and sorts their error.
    pub(super) fn within<T>(
        &mut self,
        doing: &'static str,
        call: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, GeoDbError> {
        call(&mut self.connection).map_err(|error| fault::from_sqlite(&self.path, doing, &error))
    }

    /// All rows of a query.
    pub(super) fn query<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, GeoDbError> {
        self.within("reading", |connection| {
            let mut statement: CachedStatement<'_> = connection.prepare_cached(sql)?;
            statement.query_map(params, read)?.collect()
        })
    }

    /// Executes one statement; returns the number of rows it changed.
    pub(super) fn execute(&mut self, sql: &str, params: impl Params) -> Result<usize, GeoDbError> {
        self.within("writing", |connection| connection.prepare_cached(sql)?.execute(params))
    }
}

/// Prepared statements kept: more than there are in this room.
const STATEMENTS_MAX: usize = 64;
