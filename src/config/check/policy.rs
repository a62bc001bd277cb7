//! Auth policy.

use std::time::Duration;

use super::web;
use crate::config::diagnostic::Findings;
use crate::config::model::{AuthPolicy, Authorities};
use crate::config::sort::Section;
use crate::template::{Letters, Template};

/// The policy server; none: none is set, or not so that it could be asked.
pub(super) fn policy(root: &Section, findings: &mut Findings) -> Option<AuthPolicy> {
    // Said also where there is no server, as of every setting.
    let attributes = attributes(root, findings);
    let url = web::url(root, URL, findings)?;
    let hash_nonce = root.secret("auth_policy_hash_nonce").unwrap_or_default();
    if hash_nonce.is_empty() {
        let text = "missing: `auth_policy_server_url` needs a nonce of your own, so that no password can be told from its hash";
        findings.error(root.place_of(URL), "auth_policy_hash_nonce", text);
    }
    let ca_file = root.path("ssl_client_ca_file").filter(|path| !path.as_os_str().is_empty());
    Some(AuthPolicy {
        url,
        header: web::header(root, "auth_policy_server_api_header", findings),
        timeout: Duration::from_millis(root.number("auth_policy_server_timeout_msecs")),
        hash_mech: root.text("auth_policy_hash_mech").into(),
        hash_nonce,
        hash_truncate: root.small("auth_policy_hash_truncate"),
        attributes,
        reject_on_fail: root.flag("auth_policy_reject_on_fail"),
        check_before_auth: root.flag("auth_policy_check_before_auth"),
        check_after_auth: root.flag("auth_policy_check_after_auth"),
        report_after_auth: root.flag("auth_policy_report_after_auth"),
        log_only: root.flag("auth_policy_log_only"),
        authorities: Authorities { ca_file },
    })
}

fn attributes(root: &Section, findings: &mut Findings) -> Vec<(Box<str>, Template)> {
    let name = "auth_policy_request_attributes";
    let mut attributes = Vec::new();
    for pair in root.text(name).split_whitespace() {
        let mut complain = |text: String| findings.error(root.place_of(name), name, text);
        let Some((attribute, text)) = pair.split_once('=').filter(|(it, _)| !it.is_empty()) else {
            complain(format!("found `{pair}`, expected `name=value`"));
            continue;
        };
        if text.contains('$') {
            complain(format!(
                "{attribute}: a `$` cannot stand here; variables are written `%{{user}}`"
            ));
            continue;
        }
        let template = match Template::parse(text, Letters::Variables) {
            Ok(template) => template,
            Err(expected) => {
                complain(format!("{attribute}: {expected}"));
                continue;
            }
        };
        let unknown = template.variables().find(|it| !VARIABLES.contains(it)).map(str::to_owned);
        match unknown {
            None => attributes.push((attribute.into(), template)),
            Some(bad) => {
                let known = VARIABLES.join(", ");
                complain(format!(
                    "{attribute}: expected one of the variables {known}, not `%{{{bad}}}`"
                ));
            }
        }
    }
    attributes
}

const URL: &str = "auth_policy_server_url";

/// What is known of a login that a policy server is asked about.
const VARIABLES: [&str; 12] = [
    "requested_username",
    "hashed_password",
    "user",
    "original_user",
    "auth_user",
    "login_user",
    "remote_ip",
    "real_remote_ip",
    "local_ip",
    "protocol",
    "session",
    "client_id",
];
