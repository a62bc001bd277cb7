//! Where the GeoDB is, and what is asked of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

/// Where the GeoDB is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoDb {
    /// A file on this host.
    Sqlite(PathBuf),
    /// A cluster of Cassandra or ScyllaDB.
    Cassandra(Box<Cassandra>),
}

/// As an operator knows it; without the password.
impl fmt::Display for GeoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Cassandra(found) => {
                write!(f, "cassandra:hosts={};keyspace={}", found.hosts.join(","), found.keyspace)
            }
        }
    }
}

/// How to reach Cassandra, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cassandra {
    /// Contact points: names or addresses.
    pub hosts: Vec<String>,
    /// CQL port.
    pub port: u16,
    /// Keyspace with the ten tables: letters, digits and underscores.
    pub keyspace: String,
    /// The data centre that is asked, and no other.
    pub dc: Option<String>,
    /// User to log in as.
    pub user: Option<String>,
    /// Password to log in with.
    pub password: Option<Secret>,
    /// Whether connections are encrypted, and nodes have to prove themselves.
    pub tls: bool,
    /// Authorities that the nodes' certificates are checked with; absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// How many replicas have to answer a read.
    pub read: Consistencies,
    /// How many have to confirm a write.
    pub write: Consistencies,
    /// How many have to confirm that a row is deleted.
    pub delete: Consistencies,
    /// Until a connection to a node is given up.
    pub connect_timeout: Duration,
    /// Until one request is given up.
    pub request_timeout: Duration,
}

/// How many replicas are asked for, and how many will do when these do not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consistencies {
    /// Asked for.
    pub first: Consistency,
    /// Asked for when that fails.
    pub fallback: Consistency,
}

/// How many replicas have to take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// One, anywhere.
    One,
    /// Two, anywhere.
    Two,
    /// Three, anywhere.
    Three,
    /// More than half of all.
    Quorum,
    /// All.
    All,
    /// More than half of the data centre's.
    LocalQuorum,
    /// More than half of each data centre's.
    EachQuorum,
    /// One of the data centre's.
    LocalOne,
}

impl Consistency {
    /// The word in the configuration.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "one" => Self::One,
            "two" => Self::Two,
            "three" => Self::Three,
            "quorum" => Self::Quorum,
            "all" => Self::All,
            "local-quorum" => Self::LocalQuorum,
            "each-quorum" => Self::EachQuorum,
            "local-one" => Self::LocalOne,
            _ => return None,
        })
    }
}
