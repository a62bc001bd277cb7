//! SASL mechanisms: which a setting lists, and which of them can be offered.

use crate::config::diagnostic::Findings;
use crate::config::sort::{Section, shown};
use crate::names::mechanism::Mechanism;

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
