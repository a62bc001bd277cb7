//! Certificates that Hale shows, with their keys.
//!
//! Decides: which settings belong together, and who needs one. Does not: read files. Driver: `tls`. Tests: there.

use crate::config::diagnostic::Findings;
use crate::config::model::{Certificate, Field, KeyPassword, Passdb};
use crate::config::sort::Section;
use crate::names::mechanism::Mechanism;

/// The certificate that is written where `at` finds settings, with the second one; `around`: who has a password for keys where
/// none is written.
pub(super) fn certificate<'a>(
    at: &impl Fn(&str) -> &'a Section,
    around: &Section,
    findings: &mut Findings,
) -> Option<Certificate> {
    let key_password = [at(KEY_PASSWORD), around].into_iter().find_map(|section| {
        let secret = section.secret(KEY_PASSWORD)?;
        Some(KeyPassword { secret, place: section.place_of(KEY_PASSWORD).clone() })
    });
    let first = pair(at, ["ssl_server_cert_file", "ssl_server_key_file"], findings);
    let [cert, key] = ["ssl_server_alt_cert_file", "ssl_server_alt_key_file"];
    let second = pair(at, [cert, key], findings);
    let (Some(first), second) = (first, second) else {
        let written =
            |names: [&'static str; 2]| names.into_iter().find(|name| at(name).path(name).is_some());
        let first = written(["ssl_server_cert_file", "ssl_server_key_file"]);
        if let (None, Some(name)) = (first, written([cert, key])) {
            let text = "missing: a second certificate needs a first one";
            findings.error(at(name).place_of(name), "ssl_server_cert_file", text);
        }
        return None;
    };
    let second = second.map(|second| Certificate { key_password: key_password.clone(), ..second });
    Some(Certificate { key_password, alternative: second.map(Box::new), ..first })
}

pub(super) const KEY_PASSWORD: &str = "ssl_server_key_password";

/// A certificate and its key, which `settings` name.
fn pair<'a>(
    at: &impl Fn(&str) -> &'a Section,
    settings: [&'static str; 2],
    findings: &mut Findings,
) -> Option<Certificate> {
    let [cert, key] = settings;
    let place_of = |name| at(name).place_of(name);
    if [cert, key].iter().any(|name| at(name).lost.contains(name)) {
        return None;
    }
    match (at(cert).path(cert), at(key).path(key)) {
        (Some(cert_file), Some(key_file)) => {
            let place = place_of(cert).clone();
            let (key_password, alternative) = (None, None);
            Some(Certificate { cert_file, key_file, key_password, settings, alternative, place })
        }
        (Some(_), None) => {
            let text = "missing: the certificate needs its private key";
            findings.error(place_of(cert), key, text);
            None
        }
        (None, Some(_)) => {
            let text = "missing: the private key needs its certificate";
            findings.error(place_of(key), cert, text);
            None
        }
        (None, None) => None,
    }
}

/// What backends are shown that ask for a certificate.
pub(super) fn own(root: &Section, findings: &mut Findings) -> Option<Certificate> {
    const PASSWORD: &str = "ssl_client_key_password";
    let own = pair(&|_: &str| root, ["ssl_client_cert_file", "ssl_client_key_file"], findings)?;
    let place = || root.place_of(PASSWORD).clone();
    let key_password = root.secret(PASSWORD).map(|secret| KeyPassword { secret, place: place() });
    Some(Certificate { key_password, ..own })
}

/// Whether a passdb's fields have backends shown Hale's certificate in place of a password.
pub(super) fn is_shown_by(passdb: &Passdb) -> bool {
    let is_external = |field: &&Field| {
        let word = field.value.expand(&|_| None).unwrap_or_default();
        field.name == "proxy_mech" && word.eq_ignore_ascii_case(Mechanism::External.name())
    };
    passdb.fields.iter().chain(&passdb.default_fields).any(|field| is_external(&field))
}

/// A passdb that has backends shown a certificate needs one.
pub(super) fn demand(passdbs: &[Passdb], own: Option<&Certificate>, findings: &mut Findings) {
    if own.is_some() {
        return;
    }
    for passdb in passdbs.iter().filter(|passdb| is_shown_by(passdb)) {
        let text = "found `EXTERNAL`, but Hale has no certificate that backends could be shown: write `ssl_client_cert_file` and \
                    `ssl_client_key_file`";
        findings.error(&passdb.place, "proxy_mech", text);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{errors, loaded};

    const EXTERNAL: &str = "passdb a {\n driver = passwd-file\n passwd_file_path = /u\n fields { proxy_mech = external }\n}\n";

    #[test]
    fn w_cred_9_external_needs_a_certificate() {
        let said = errors(EXTERNAL).join("\n");
        assert!(said.contains("write `ssl_client_cert_file`"), "{said}");
        let with = format!(
            "{EXTERNAL}ssl_client {{\n cert_file = /c\n key_file = /k\n key_password = p\n}}\n"
        );
        let own = loaded(&with).ssl.own.unwrap();
        assert_eq!(own.cert_file, std::path::Path::new("/c"));
        assert!(own.key_password.is_some());
        let half = "ssl_client_cert_file = /c\n";
        assert!(errors(half).join("\n").contains("the certificate needs its private key"));
    }
}
