//! What can go wrong with the GeoDB, whatever its engine. Each message names the place and the remedy.
//!
//! The kinds are those that callers tell apart: wait and try again, let the operator mend something, give up on one row.
//! An engine sorts its own errors into them (`sqlite::fault`) and keeps its own words.

use std::time::Duration;

use crate::route::problem::Problem;

/// See the module's documentation. `place` is what the engine calls itself towards an operator: the file, the nodes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GeoDbError {
    /// It cannot be asked now: locked, full, no node answers.
    #[error("{place}: {why}")]
    Unavailable {
        /// File or nodes.
        place: Box<str>,
        /// What keeps us from it, and what helps.
        why: Box<str>,
    },
    /// Our own deadline passed. The call may still finish; its effect shows at the next refresh.
    #[error("the GeoDB did not answer within {} ms", .after.as_millis())]
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// More calls wait for it than may; this one was not made.
    #[error("{place}: too many calls wait for the GeoDB")]
    Busy {
        /// File or nodes.
        place: Box<str>,
    },
    /// As many state changes wait to be written as may; this one is not kept.
    #[error("{what} is not kept: {max} state changes wait for the GeoDB already")]
    Full {
        /// The change.
        what: Box<str>,
        /// How many may wait.
        max: usize,
    },
    /// Rows kept changing while they were acted on.
    #[error("the rows of {about} keep changing; try again")]
    Conflict {
        /// A user or a group.
        about: Box<str>,
    },
    /// It is missing, damaged, or something else: an operator has to act.
    #[error("{place}: {why}")]
    Unusable {
        /// File or nodes.
        place: Box<str>,
        /// What is wrong, and what helps.
        why: Box<str>,
    },
    /// Its tables are not those that this Hale knows.
    #[error("{place}: {why}")]
    Schema {
        /// File or nodes.
        place: Box<str>,
        /// Which table, and what helps.
        why: Box<str>,
    },
    /// It does not let us in, or not write.
    #[error("{place}: {why}")]
    Denied {
        /// File or nodes.
        place: Box<str>,
        /// What is not allowed, and what helps.
        why: Box<str>,
    },
    /// A row that was asked for holds a value that makes no sense.
    #[error("{place}: {problem}; mend the row")]
    BadRow {
        /// File or nodes.
        place: Box<str>,
        /// Table, row and complaint.
        problem: Box<Problem>,
    },
    /// The engine did not do it, for a reason that is none of the others.
    #[error("{place}: {doing} failed: {why}")]
    Failed {
        /// File or nodes.
        place: Box<str>,
        /// What was being done.
        doing: &'static str,
        /// The engine's words.
        why: Box<str>,
    },
}

impl GeoDbError {
    /// Whether the same call may succeed later without an operator doing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::Full { .. }
            | Self::Conflict { .. }
            | Self::Failed { .. } => true,
            Self::Unusable { .. }
            | Self::Schema { .. }
            | Self::Denied { .. }
            | Self::BadRow { .. } => false,
        }
    }

    /// Whether the GeoDB as such is in trouble, not only the rows that were asked for.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        !matches!(self, Self::BadRow { .. } | Self::Conflict { .. })
    }

    /// The rows of a user keep changing.
    pub(super) fn user_keeps_changing(username: &str) -> Self {
        Self::Conflict { about: format!("user {username}").into() }
    }

    /// The row of a group keeps changing.
    pub(super) fn group_keeps_changing(name: &str) -> Self {
        Self::Conflict { about: format!("group {name}").into() }
    }
}
