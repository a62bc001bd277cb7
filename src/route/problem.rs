//! Rows that cannot be used as they are, and what an operator has to know about them (GE-08).
//!
//! Duty: naming table, row and complaint. Non-duty: deciding what happens with the row (that is [`super::build`]) and
//! logging (control does, once per change). Driven by the table builder and the GeoDB readers.

use std::fmt;

/// A complaint about one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The GeoDB table, or `settings` when the configuration does not fit the rows.
    pub table: &'static str,
    /// The row, as an operator would look for it.
    pub row: Box<str>,
    /// What is wrong.
    pub complaint: Complaint,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Complaint {
    /// A status that we do not know. The row takes no users.
    UnknownStatus(Box<str>),
    /// A host that is empty, `-`, or has white space or control characters. The row is ignored.
    BadHost(Box<str>),
    /// The load factor lies outside 0..=100 and is clamped.
    LoadFactor(i64),
    /// The key is the nil UUID. The row is ignored.
    NilId,
    /// A value that is no UUID as we write them (lower case, hyphens), in the column named. The row is ignored.
    NotAUuid(&'static str),
    /// A second row with the same name or host. The one with the lower id is used when looked up by name.
    Duplicate(Box<str>),
    /// The name or key is empty. The row is ignored.
    EmptyName,
    /// It refers to a site that has no row. The row is ignored.
    UnknownSite,
    /// It refers to a backend that has no usable row; logins choose another one.
    UnknownBackend,
    /// A site failover that leads back to the site itself. The row is ignored.
    FailoverLoop,
    /// A remote site without a load balancer cannot be reached.
    NoLoadBalancer,
    /// The host has no address. Logins that lead there fail until it resolves.
    Unresolved(Box<str>),
    /// No row of `sites` is named like `cluster_local_site`.
    NoLocalSite,
    /// Its tag has no row in `tags`. It is matched by the id alone.
    UnknownTag,
    /// A force-move or recovery that lacks this setting, or has one without a meaning. It moves no user.
    BadSetting(&'static str),
    /// A pin without a meaning. Its user goes where the other rows lead.
    BadPin,
    /// `cluster_backend_test_username` is the same for several backends, so probes cannot tell them apart.
    SharedTestUser,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.table, self.row, self.complaint)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownStatus(text) => {
                write!(f, "unknown status {text:?}, the row takes no users")
            }
            Self::BadHost(text) => write!(f, "{text:?} is no host name, the row is ignored"),
            Self::LoadFactor(value) => {
                write!(f, "load_factor {value} is not 0..100, it is clamped")
            }
            Self::NilId => f.write_str("the id is the nil UUID, the row is ignored"),
            Self::NotAUuid(column) => {
                write!(f, "column {column} is no UUID in lower case, the row is ignored")
            }
            Self::Duplicate(text) => write!(f, "{text:?} exists twice, the lower id is used"),
            Self::EmptyName => f.write_str("the name is empty, the row is ignored"),
            Self::UnknownSite => f.write_str("its site has no row, the row is ignored"),
            Self::UnknownBackend => {
                f.write_str("its backend has no usable row, logins choose another")
            }
            Self::FailoverLoop => f.write_str("fails over to itself, the row is ignored"),
            Self::NoLoadBalancer => {
                f.write_str("has no load_balancer, its users cannot be sent there")
            }
            Self::Unresolved(host) => write!(
                f,
                "host {host:?} has no address, logins to it fail; add it to cluster_hosts_file, DNS or /etc/hosts"
            ),
            Self::NoLocalSite => {
                f.write_str("cluster_local_site has no row; run: hale cluster site add")
            }
            Self::UnknownTag => {
                f.write_str("its tag has no row in tags; run: hale cluster tag create --id")
            }
            Self::BadSetting(name) => write!(
                f,
                "{name} is missing or makes no sense, no user is moved; start it anew or stop it"
            ),
            Self::BadPin => {
                f.write_str("it is no pin and ignored; run: hale cluster backend unpin")
            }
            Self::SharedTestUser => f.write_str(
                "cluster_backend_test_username is the same for all backends; use %{backend_host}",
            ),
        }
    }
}

/// Whether `host` can be a host name or an address: no blanks, no control characters, not empty, not `-`.
#[must_use]
pub fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host != "-"
        && host.len() <= HOST_BYTES_MAX
        && host.bytes().all(|b| b.is_ascii_graphic() && !br#"/\"'@,;"#.contains(&b))
}

/// Longest host name that DNS can hold, in text form without the final dot (RFC 1035 2.3.4).
const HOST_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ge_08_hosts_that_are_none() {
        for bad in ["", "-", "a b", "be1\n", "be\u{0}1", "bü", "a/b", "user@host", &"x".repeat(254)]
        {
            assert!(!is_host(bad), "{bad:?}");
        }
        for good in ["be1", "be1.example.com", "192.0.2.1", "2001:db8::1", "be_1"] {
            assert!(is_host(good), "{good:?}");
        }
    }

    #[test]
    fn ge_08_a_problem_names_table_row_and_remedy() {
        let problem =
            Problem { table: "sites", row: "DC1".into(), complaint: Complaint::NoLocalSite };
        let text = problem.to_string();
        assert_eq!(
            text,
            "sites \"DC1\": cluster_local_site has no row; run: hale cluster site add"
        );
    }
}
