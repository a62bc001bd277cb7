//! The status page: who may see it, and whether it gives orders.

use crate::network::Networks;

/// The status page of `service stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// `stats_admin`.
    pub admin: bool,
    /// `stats_trusted_networks`.
    pub trusted: Networks,
    /// `stats_user_header`, in lower case.
    pub user_header: Option<Box<str>>,
}
