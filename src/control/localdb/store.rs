//! The file that is open: checked, never half-read, bounded.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, Params, params};

use super::files::{self, Look};
use super::rows::{self, UserRow};
use super::{LocalDbSettings, Tables};
use crate::limits;
use crate::route::rows::{User, UserGroup};

/// An open LocalDB. Its calls block.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    settings: LocalDbSettings,
    /// What the file says.
    written: Tables,
    /// Rows of users, at least.
    users: u64,
}

/// Why the file is not used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StoreFault {
    /// An operator has to act.
    #[error("{0}")]
    Refused(String),
    /// The file system has no room.
    #[error("no room is left in its file system")]
    Full,
    /// Nothing of it is believed; it is built anew.
    #[error("{0}")]
    Damaged(String),
}

/// Why a command on the LocalDB was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalDbError {
    /// There is no file that could be used.
    #[error("the LocalDB is not in use: {0}")]
    NotInUse(String),
    /// It does not answer.
    #[error("the LocalDB is busy; try again")]
    Busy,
}

/// A user's row, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The row.
    pub row: User,
    /// When a login asked for it last, in seconds since 1970.
    pub used_at: i64,
}

/// A group's row, and how many users of it are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalGroup {
    /// The row.
    pub row: UserGroup,
    /// Users whose row names the group.
    pub users: u64,
}

/// How the LocalDB is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Users in the file.
    pub users: u64,
    /// Groups in the file.
    pub groups: u64,
    /// Bytes of the file that are in use.
    pub bytes: u64,
    /// What is wrong.
    pub trouble: Option<String>,
    /// How often it was built anew.
    pub rebuilt: u64,
    /// Batches that could not be written.
    pub failed: u64,
    /// Users of the file that were not read yet.
    pub is_loading: bool,
}

impl Store {
    /// Opens the file; makes it when it is missing. `Damaged` when it has to be built anew first.
    pub(super) fn open(settings: &LocalDbSettings) -> Result<Self, StoreFault> {
        let path = &settings.path;
        files::take(path, settings.owner)?;
        let look = files::look(path)?;
        match look {
            Look::NoDatabase => {
                let aside = files::move_aside(path)?;
                return Err(StoreFault::Damaged(format!(
                    "is no database; it is kept as {}",
                    aside.display()
                )));
            }
            Look::Database { application } if application != APPLICATION && application != 0 => {
                return Err(files::refused(
                    path,
                    "is a database of another program; name another file",
                ));
            }
            Look::Database { .. } | Look::Empty => {}
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| sorted(path, &error))?;
        let mut store =
            Self { connection, settings: settings.clone(), written: Tables::default(), users: 0 };
        store.prepare()?;
        Ok(store)
    }

    fn prepare(&mut self) -> Result<(), StoreFault> {
        let path = self.settings.path.clone();
        let tables: i64 = self.within(|connection| {
            connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            connection.busy_timeout(std::time::Duration::ZERO)?;
            // Exclusive: no other process reads half of what is written, and no memory is shared beside the file.
            connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
            connection.pragma_update(None, "temp_store", "memory")?;
            connection.query_row("select count(*) from sqlite_schema", (), |row| row.get(0))
        })?;
        let (application, version): (i32, i64) = self.within(|connection| {
            let application =
                connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((application, version))
        })?;
        if tables > 0 && application != APPLICATION {
            return Err(files::refused(
                &path,
                "is a database of another program; name another file",
            ));
        }
        if version > VERSION {
            let why = format!(
                "was written by a later Hale (version {version}, this one knows {VERSION}); remove it"
            );
            return Err(files::refused(&path, &why));
        }
        if tables > 0 && version < VERSION {
            return Err(StoreFault::Damaged(format!(
                "has version {version}, this Hale writes {VERSION}"
            )));
        }
        if tables == 0 {
            self.create()?;
        }
        self.within(|connection| {
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
            // It may be lost: nothing waits for a disk, and the log stays small.
            connection.pragma_update(None, "synchronous", "off")?;
            connection.pragma_update_and_check(
                None,
                "journal_size_limit",
                LOG_BYTES_MAX,
                |_| Ok(()),
            )?;
            connection.pragma_update_and_check(
                None,
                "wal_autocheckpoint",
                LOG_PAGES_MAX,
                |_| Ok(()),
            )
        })?;
        self.check()
    }

    fn create(&mut self) -> Result<(), StoreFault> {
        let site = self.settings.site.clone();
        self.within(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(rows::SCHEMA)?;
            transaction.execute("insert into meta values (?1)", [&*site])?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()
        })
    }

    /// The whole file is looked at before any row of it is believed.
    fn check(&mut self) -> Result<(), StoreFault> {
        let found: String = self.within(|connection| {
            connection.query_row("pragma quick_check(1)", (), |row| row.get(0))
        })?;
        if found != "ok" {
            return Err(StoreFault::Damaged(format!("is damaged: {}", found.replace('\n', " "))));
        }
        let site: String = self.within(|connection| {
            connection.query_row("select site from meta", (), |row| row.get(0))
        })?;
        if *site != *self.settings.site {
            return Err(StoreFault::Damaged(format!("is of the site {site}")));
        }
        self.written = self.within(|connection| rows::read_tables(connection))?;
        self.users = self.count()?;
        Ok(())
    }

    /// What the file says besides users.
    pub(super) fn tables(&self) -> &Tables {
        &self.written
    }

    // === Writing ===

    /// Writes what differs, in one transaction.
    pub(super) fn write_tables(&mut self, tables: &Tables) -> Result<(), StoreFault> {
        if self.written == *tables {
            return Ok(());
        }
        let former = std::mem::take(&mut self.written);
        let result = self.within(|connection| {
            let transaction = connection.transaction()?;
            if former.places != tables.places {
                rows::put_places(&transaction, &tables.places)?;
            }
            if former.addresses != tables.addresses {
                rows::put_addresses(&transaction, &tables.addresses)?;
            }
            let (put, gone) = tables.groups.changes_since(&former.groups);
            gone.into_iter().try_for_each(|row| rows::delete_group(&transaction, row))?;
            put.into_iter().try_for_each(|row| rows::put_group(&transaction, row))?;
            let (put, gone) = tables.group_sites.changes_since(&former.group_sites);
            gone.into_iter().try_for_each(|row| rows::delete_group_site(&transaction, row))?;
            put.into_iter().try_for_each(|row| rows::put_group_site(&transaction, row))?;
            transaction.commit()
        });
        self.written = if result.is_ok() { tables.clone() } else { former };
        result
    }

    /// Writes these users and removes those, in one transaction, and keeps the bounds.
    pub(super) fn write_users(
        &mut self,
        users: &[UserRow],
        gone: &[Box<str>],
    ) -> Result<(), StoreFault> {
        self.within(|connection| {
            let transaction = connection.transaction()?;
            users.iter().try_for_each(|user| rows::put_user(&transaction, user))?;
            for user in gone {
                delete(&transaction, DELETE_USER, [&**user])?;
            }
            transaction.commit()
        })?;
        self.users += u64::try_from(users.len()).unwrap_or(0);
        self.keep_bounds()
    }

    fn keep_bounds(&mut self) -> Result<(), StoreFault> {
        if self.users > self.settings.users_max {
            // Those that replaced a row were counted, too.
            self.users = self.count()?;
        }
        let mut surplus = self.users.saturating_sub(self.settings.users_max);
        if surplus > 0 {
            surplus += self.settings.users_max / 16;
        } else {
            let (bytes, most) = (self.bytes()?, self.settings.size_max);
            if bytes > most {
                let too_many =
                    u128::from(self.users) * u128::from(bytes - most) / u128::from(bytes);
                surplus = u64::try_from(too_many).unwrap_or(u64::MAX) + self.users / 16 + 1;
            }
        }
        while surplus > 0 {
            let share = surplus.min(limits::LOCALDB_BATCH_ROWS);
            let gone =
                self.within(|connection| connection.execute(DELETE_UNUSED, [signed(share)]))?;
            if gone == 0 {
                break;
            }
            surplus -= share;
            self.users = self.users.saturating_sub(u64::try_from(gone).unwrap_or(0));
        }
        Ok(())
    }

    // === Reading ===

    /// Users behind `after`, by name.
    pub(super) fn users_after(
        &mut self,
        after: &str,
        most: u64,
    ) -> Result<Vec<UserRow>, StoreFault> {
        self.users_by(
            "where username > ?1 order by username limit ?2",
            params![after, signed(most)],
        )
    }

    /// A user.
    pub(super) fn user(&mut self, name: &str) -> Result<Option<UserRow>, StoreFault> {
        Ok(self.users_by("where username = ?1", [name])?.pop())
    }

    /// Users of a group behind `after`, by name; none: of every group.
    pub(super) fn users_of(
        &mut self,
        group: Option<&str>,
        after: &str,
        most: u64,
    ) -> Result<Vec<LocalUser>, StoreFault> {
        let filter =
            "where username > ?1 and (?2 is null or group_name = ?2) order by username limit ?3";
        let found = self.users_by(filter, params![after, group, signed(most)])?;
        Ok(found
            .into_iter()
            .map(|user| LocalUser { row: user.row, used_at: user.used_at })
            .collect())
    }

    /// The groups, by name; none: all of them.
    pub(super) fn groups(&mut self, name: Option<&str>) -> Result<Vec<LocalGroup>, StoreFault> {
        let counted: std::collections::HashMap<String, u64> = self.within(|connection| {
            let sql = "select group_name, count(*) from users where ?1 is null or group_name = ?1 group by group_name";
            connection.prepare(sql)?.query_map([name], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?.collect()
        })?;
        let rows =
            self.written.groups.iter().filter(|row| name.is_none_or(|name| *row.name == *name));
        Ok(rows
            .map(|row| LocalGroup {
                row: row.clone(),
                users: counted.get(&*row.name).copied().unwrap_or(0),
            })
            .collect())
    }

    /// Removes a user; false: there is none.
    pub(super) fn remove_user(&mut self, name: &str) -> Result<bool, StoreFault> {
        self.within(|connection| delete(connection, DELETE_USER, [name]))
    }

    /// Removes a group's row; false: there is none. It is written again when it changes.
    pub(super) fn remove_group(&mut self, name: &str) -> Result<bool, StoreFault> {
        let sql = "delete from user_groups where name = ?1";
        let is_gone = self.within(|connection| delete(connection, sql, [name]))?;
        self.written.groups = self.written.groups.without(|row| (*row.name).cmp(name));
        Ok(is_gone)
    }

    /// Bytes in use, without free pages and the log.
    pub(super) fn bytes(&mut self) -> Result<u64, StoreFault> {
        self.within(|connection| {
            let of =
                |name| connection.pragma_query_value(None, name, |row| row.get(0).map(unsigned));
            Ok((of("page_count")?.saturating_sub(of("freelist_count")?)) * of("page_size")?)
        })
    }

    /// Users in the file.
    pub(super) fn count(&mut self) -> Result<u64, StoreFault> {
        self.within(|connection| {
            connection.query_row("select count(*) from users", (), |row| row.get(0).map(unsigned))
        })
    }

    /// No room for more pages than there are, or for any number: what a file system that is full says.
    #[cfg(test)]
    pub(super) fn set_full(&mut self, is_full: bool) {
        let most = if is_full { 1 } else { 1 << 30 };
        self.within(|it| it.pragma_update_and_check(None, "max_page_count", most, |_| Ok(())))
            .unwrap();
    }

    fn users_by(&mut self, filter: &str, params: impl Params) -> Result<Vec<UserRow>, StoreFault> {
        let sql = format!("select {} from users {filter}", rows::USER_COLUMNS);
        self.within(|connection| {
            connection.prepare_cached(&sql)?.query_map(params, rows::read_user)?.collect()
        })
    }

    fn within<T>(
        &mut self,
        call: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreFault> {
        call(&mut self.connection).map_err(|error| sorted(&self.settings.path, &error))
    }
}

/// SQLite's numbers have a sign.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn delete(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<bool> {
    Ok(connection.prepare_cached(sql)?.execute(params)? > 0)
}

fn sorted(path: &Path, error: &rusqlite::Error) -> StoreFault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => files::refused(
            path,
            "is in use by another process, such as another Hale; name another file for one of them",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            files::refused(path, &format!("cannot be used: {error}"))
        }
        // Whatever else goes wrong with a file that only we write: what it says is not believed.
        _ => StoreFault::Damaged(format!("is damaged: {error}")),
    }
}

const DELETE_USER: &str = "delete from users where username = ?1";
const DELETE_UNUSED: &str =
    "delete from users where username in (select username from users order by used_at limit ?1)";
/// "Hale" in ASCII.
const APPLICATION: i32 = 0x4861_6C65;
/// Of the tables in [`rows::SCHEMA`].
const VERSION: i64 = 2;
/// Prepared statements kept: more than there are in this room.
const STATEMENTS_MAX: usize = 32;
/// The log is written back at this many pages. Four hundred kilobytes, and as fast as SQLite's thousand pages.
const LOG_PAGES_MAX: i64 = 100;
/// Bytes of the log that stay allocated after a large transaction.
const LOG_BYTES_MAX: i64 = 1 << 20;
