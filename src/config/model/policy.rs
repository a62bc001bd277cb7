//! Auth policy: the service that is asked whether a login may go on.

use std::time::Duration;

use crate::secret::Secret;
use crate::template::Template;
use crate::wire::url::Url;

use super::oauth2::Authorities;

/// A policy server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthPolicy {
    /// `auth_policy_server_url`.
    pub url: Url,
    /// `auth_policy_server_api_header`.
    pub header: Option<(Box<str>, Secret)>,
    /// `auth_policy_server_timeout_msecs`.
    pub timeout: Duration,
    /// `auth_policy_hash_mech`.
    pub hash_mech: Box<str>,
    /// `auth_policy_hash_nonce`.
    pub hash_nonce: Secret,
    /// `auth_policy_hash_truncate`.
    pub hash_truncate: u32,
    /// `auth_policy_request_attributes`.
    pub attributes: Vec<(Box<str>, Template)>,
    /// `auth_policy_reject_on_fail`.
    pub reject_on_fail: bool,
    /// `auth_policy_check_before_auth`.
    pub check_before_auth: bool,
    /// `auth_policy_check_after_auth`.
    pub check_after_auth: bool,
    /// `auth_policy_report_after_auth`.
    pub report_after_auth: bool,
    /// `auth_policy_log_only`.
    pub log_only: bool,
    /// Who is believed to be the server.
    pub authorities: Authorities,
}
