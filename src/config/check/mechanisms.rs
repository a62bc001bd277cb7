//! SASL mechanisms: which a setting lists, and which of them can be offered.

use crate::config::diagnostic::Findings;
use crate::config::model::{Auth, Passdb, PassdbDriver, Ssl};
use crate::config::sort::{Section, shown};
use crate::names::Protocol;
use crate::names::mechanism::{Mechanism, Mechanisms};

/// `auth_mechanisms`.
pub(super) fn offered(root: &Section, findings: &mut Findings) -> Vec<Mechanism> {
    const NAME: &str = "auth_mechanisms";
    let mut offered = listed(root, NAME, findings);
    if offered.is_empty() {
        let text = format!("no mechanism is left, expected {}", known_mechanisms("or"));
        findings.error(root.place_of(NAME), NAME, text);
        offered.push(Mechanism::Plain);
    }
    offered
}

/// A mechanism that no passdb can serve is not offered, and the operator is told what is missing.
pub(super) fn judge(auth: &Auth, root: &Section, findings: &mut Findings) {
    const NAME: &str = "auth_mechanisms";
    let is_served = |it: &Mechanism| Protocol::ALL.into_iter().any(|at| auth.offered(at).has(*it));
    let has_way_in = |passdb: &Passdb| {
        let mut fields = passdb.fields.iter().chain(&passdb.default_fields);
        fields.any(|it| matches!(&*it.name, "pass" | "proxy_noauth" | "nopassword"))
            || !matches!(passdb.driver, PassdbDriver::Static { .. })
    };
    let own = Mechanisms::BOUND.and(Mechanisms::DIGESTS);
    for mechanism in auth.mechanisms.iter().filter(|it| **it != Mechanism::External) {
        let name = mechanism.name().to_ascii_lowercase();
        let mut serving = auth
            .passdbs
            .iter()
            .filter(|passdb| Protocol::ALL.into_iter().any(|at| passdb.serves(*mechanism, at)));
        let text = match (is_served(mechanism), Mechanisms::TOKENS.has(*mechanism)) {
            (false, true) => format!(
                "`{name}` will not be offered: no passdb can judge a token; where the backends do, write `passdb {{ driver = \
                 static  mechanisms = {name}  fields {{ nopassword = yes }} }}`"
            ),
            (false, false) if *mechanism == Mechanism::Anonymous => format!(
                "`{name}` will not be offered: no passdb can say where its user is; one of `static` or `passwd-file` can"
            ),
            (false, false) if own.has(*mechanism) => format!(
                "`{name}` will not be offered: no passdb has passwords for it; it needs them as they are, or of the scheme of its name"
            ),
            (false, false) => format!(
                "`{name}` will not be offered: no passdb has secrets for it; where the backends do, write `passdb {{ driver = \
                 static  mechanisms = {name}  fields {{ nopassword = yes }} }}`"
            ),
            (true, _) if Mechanisms::PROOFS.has(*mechanism) && !serving.any(has_way_in) => {
                format!(
                    "logins by `{name}` will fail: no passdb that serves them has a field `pass`, which backends are sent in place of \
                 the client's password; write `fields {{ pass = …  master = … }}`"
                )
            }
            (true, _) => continue,
        };
        findings.warn(root.place_of(NAME), NAME, text);
    }
}

/// `auth_anonymous_username`.
pub(super) fn anonymous_username(root: &Section, findings: &mut Findings) -> String {
    const NAME: &str = "auth_anonymous_username";
    let name = root.text(NAME);
    if name.is_empty() {
        findings.error(root.place_of(NAME), NAME, "found nothing, expected the name of a user");
    }
    name
}

/// Without TLS there is nothing that an exchange could be bound to.
pub(super) fn judge_bound(auth: &Auth, ssl: &Ssl, root: &Section, findings: &mut Findings) {
    const NAME: &str = "auth_mechanisms";
    let has_certificate = ssl.has_any_certificate();
    let bound = auth.mechanisms.iter().filter(|it| Mechanisms::BOUND.has(**it));
    for mechanism in bound.filter(|_| !has_certificate) {
        let text = format!(
            "`{}` will not be offered: there is no certificate, and without TLS nothing that a login could be bound to; write \
             `ssl_server_cert_file` and `ssl_server_key_file`",
            mechanism.name().to_ascii_lowercase()
        );
        findings.warn(root.place_of(NAME), NAME, text);
    }
}

/// SASL mechanisms of Dovecot's that Hale does not have.
const FOREIGN_MECHANISMS: &[&str] = &[
    "gs2-krb5",
    "gssapi",
    "gss-spnego",
    "ntlm",
    "otp",
    "rpa",
    "skey",
    "winbind-ntlm",
    "winbind-spnego",
];

/// Hale's, as a text names them.
fn known_mechanisms(joint: &str) -> String {
    let names = Mechanism::ALL.map(|known| format!("`{}`", known.name().to_ascii_lowercase()));
    let [others @ .., last] = &names;
    format!("{} {joint} {last}", others.join(", "))
}

/// Those that a setting lists. What Dovecot has and Hale has not is left out, with a warning.
pub(super) fn listed(
    section: &Section,
    name: &'static str,
    findings: &mut Findings,
) -> Vec<Mechanism> {
    let mut known = Vec::new();
    for word in section.words(name) {
        let Some(mechanism) = Mechanism::named(word.as_bytes()) else {
            let lower = word.to_ascii_lowercase();
            if FOREIGN_MECHANISMS.contains(&lower.as_str()) {
                let text = format!(
                    "`{lower}` is not offered by this version; {} are",
                    known_mechanisms("and")
                );
                findings.warn(section.place_of(name), name, text);
            } else {
                let text = format!("found {}, expected {}", shown(&word), known_mechanisms("or"));
                findings.error(section.place_of(name), name, text);
            }
            continue;
        };
        if !known.contains(&mechanism) {
            known.push(mechanism);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{loaded, warnings};

    fn of(mechanisms: &str, passdb: &str) -> (Mechanisms, String) {
        let text = format!("auth_mechanisms = plain {mechanisms}\npassdb x {{\n {passdb}\n}}\n");
        let config = loaded(&text);
        (config.auth.offered(Protocol::Imap), warnings(&text).join("\n"))
    }

    #[test]
    fn what_is_offered_is_what_a_passdb_can_serve() {
        let (xoauth2, scram) = (Mechanism::Xoauth2, Mechanism::ScramSha256);
        let led = "driver = static\n fields {\n nopassword = yes\n }";
        let (offered, told) = of("xoauth2 scram-sha-256", led);
        assert!(offered.has(xoauth2) && offered.has(scram) && !told.contains("offered"), "{told}");
        let (offered, told) =
            of("xoauth2 scram-sha-256", "driver = static\n fields {\n pass = x\n }");
        assert!(!offered.has(xoauth2) && !offered.has(scram) && offered.has(Mechanism::Plain));
        for name in ["xoauth2", "scram-sha-256"] {
            assert!(told.contains(&format!("`{name}` will not be offered")), "{told}");
        }
        let mut config = loaded(&format!("auth_mechanisms = xoauth2\npassdb x {{\n {led}\n}}\n"));
        for passdb in &mut config.auth.passdbs {
            passdb.protocols = vec![Protocol::Pop3];
        }
        assert!(config.auth.offered(Protocol::Pop3).has(xoauth2));
        assert!(!config.auth.offered(Protocol::Imap).has(xoauth2), "not in this protocol");
        let (offered, told) = of("scram-sha-256", "driver = static\n fields {\n password = x\n }");
        assert!(
            offered.has(scram) && told.contains("no passdb that serves them has a field `pass`"),
            "{told}"
        );
    }

    #[test]
    fn w_sasl_12_w_sasl_13_what_needs_passwords_tls_or_a_user_is_not_offered_without() {
        let own = "driver = static\n password = x\n fields {\n pass = y\n }";
        let all = "cram-md5 digest-md5 apop anonymous scram-sha-256-plus";
        let (offered, told) = of(all, own);
        assert!(offered.meets(Mechanisms::BOUND) && offered.has(Mechanism::Anonymous));
        assert!(offered.has(Mechanism::CramMd5) && !offered.has(Mechanism::Apop), "not in IMAP");
        let no_tls = "`scram-sha-256-plus` will not be offered: there is no certificate";
        assert!(
            told.contains(no_tls) && told.matches("will not be offered").count() == 1,
            "{told}"
        );
        let (offered, told) = of(all, "driver = static\n fields {\n nopassword = yes\n }");
        let digests = Mechanisms::DIGESTS.and(Mechanisms::BOUND);
        assert!(!offered.meets(digests) && offered.has(Mechanism::Anonymous));
        for name in ["cram-md5", "digest-md5", "apop", "scram-sha-256-plus"] {
            let words = format!("`{name}` will not be offered: no passdb has passwords for it");
            assert!(told.contains(&words), "{told}");
        }
        let query = |password| {
            format!(
                "driver = sql\n sql_driver = sqlite\n sqlite_path = /x\n sql_query = SELECT name AS user, password FROM users WHERE name = \
                 '%{{user}}'{password}"
            )
        };
        let (offered, told) = of("scram-sha-256 cram-md5", &query(" AND password = '%{password}'"));
        assert!(!offered.has(Mechanism::ScramSha256) && !offered.has(Mechanism::CramMd5), "{told}");
        assert!(offered.has(Mechanism::Plain) && told.contains("no passdb has passwords for it"));
        assert!(of("scram-sha-256", &query("")).0.has(Mechanism::ScramSha256));
        let rows = "driver = passwd-file\n passwd_file_path = /x\n mechanisms = xoauth2";
        assert!(of("xoauth2 oauthbearer", rows).0.has(Mechanism::Xoauth2));
        assert!(!of("xoauth2 oauthbearer", rows).0.has(Mechanism::OauthBearer));
    }
}
