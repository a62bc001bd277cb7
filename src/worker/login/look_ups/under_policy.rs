//! What a core has to know of a policy server, and of a login that the server knows of.

use std::sync::Arc;

use crate::names::SessionId;
use crate::share::messages::PolicyLogin;
use crate::tick::Tick;

/// When a policy server is asked; by default never.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyRules {
    /// `auth_policy_check_before_auth`.
    pub before: bool,
    /// `auth_policy_check_after_auth`.
    pub after: bool,
    /// `auth_policy_report_after_auth`.
    pub report: bool,
    /// `auth_policy_reject_on_fail`.
    pub reject_on_fail: bool,
}

/// What a policy server is told of a session.
#[derive(Clone, Debug)]
pub(in crate::worker) struct About {
    pub(in crate::worker) session: SessionId,
    /// The client came by TLS.
    pub(in crate::worker) is_secured: bool,
}

/// A login that the policy server knows of.
#[derive(Debug)]
pub(super) struct UnderPolicy {
    pub(super) login: Arc<PolicyLogin>,
    /// It is answered no earlier.
    pub(super) not_before: Option<Tick>,
    pub(super) was_asked_after: bool,
}

impl PolicyRules {
    pub(super) fn is_any(self) -> bool {
        self.before || self.after || self.report
    }
}
