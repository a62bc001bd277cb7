//! SASL mechanisms: which a setting lists, and which of them can be offered.

use crate::config::diagnostic::Findings;
use crate::config::model::{Auth, Passdb, PassdbDriver};
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
            (false, false) => format!(
                "`{name}` will not be offered: no passdb has secrets for it; where the backends do, write `passdb {{ driver = \
                 static  mechanisms = {name}  fields {{ nopassword = yes }} }}`"
            ),
            (true, _) if Mechanisms::EXCHANGES.has(*mechanism) && !serving.any(has_way_in) => {
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

/// SASL mechanisms of Dovecot's that Hale does not have.
const FOREIGN_MECHANISMS: &[&str] = &[
    "anonymous",
    "apop",
    "cram-md5",
    "digest-md5",
    "gs2-krb5",
    "gssapi",
    "gss-spnego",
    "ntlm",
    "otp",
    "rpa",
    "scram-sha-1",
    "scram-sha-1-plus",
    "scram-sha-256",
    "scram-sha-256-plus",
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
}
