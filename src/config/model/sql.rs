//! The passdb driver `sql`.

use std::path::PathBuf;

use crate::template::Template;

/// Where users are, and how one is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// The database.
    pub database: SqlDatabase,
    /// The query, with variables: they become its parameters.
    pub query: Template,
}

/// A kind of database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlDatabase {
    /// A file, which is opened for reading only.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
}
