//! The passdb driver `sql`.

use std::path::PathBuf;

use crate::secret::Secret;
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
    /// PostgreSQL; one of these servers is asked.
    Pgsql(Vec<SqlServer>),
    /// MySQL or MariaDB; one of these servers is asked.
    Mysql {
        /// The servers.
        servers: Vec<SqlServer>,
        /// Who may make their certificates.
        ca_file: Option<PathBuf>,
    },
}

/// A server of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlServer {
    /// A name or address, or the folder or file of a socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who asks.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
    /// The database's name there.
    pub database: Option<String>,
    /// TLS on the way.
    pub tls: SqlTls,
}

/// TLS towards a server of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlTls {
    /// None.
    No,
    /// Where the server offers it, with any certificate.
    IfOffered,
    /// With any certificate.
    Any,
    /// With a certificate that proves the server's name.
    Verified,
}
