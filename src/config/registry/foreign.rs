//! Names of Dovecot's that are not Hale's: what is ignored, what is refused, and which fields a passdb may return.
//!
//! Duty: the one decision for each name that Dovecot knows and Hale does not serve ([`table`]), and whether a value asks for
//! anything at all. What protects (TLS, who may log in and how, limits) is never ignored: where Hale can't obey it, it is
//! refused, unless its value is Dovecot's default.
//! Driver: `sort`, `document`. Tests: below, over every name of Dovecot's documentation; `tests/appliance/e2e/doveconf`
//! over what Debian's prints.

mod judge;
mod table;

pub(crate) use judge::Judge;
use table::{BLOCKS, FAMILIES, NAMES, SERVICE_NAMES};

use std::collections::BTreeMap;

use super::{Scope, settings};
use crate::config::diagnostic::nearest;
use crate::config::value;

/// What to do with a name that is Dovecot's and not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Means nothing to a proxy, or Hale does it without being told: one warning.
    Ignored(&'static str),
    /// Ignoring it would weaken what the operator asked for: an error with the remedy.
    Refused(&'static str),
    /// The same, unless it has one of these values, which ask for nothing.
    Unless(&'static [&'static str], &'static str),
    /// Whether it asks for more than Hale does anyway depends on its words.
    Judged(Judge),
}

/// What a name with its value comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is asked for.
    Nothing,
    /// Ignored, and why that does no harm.
    Ignored(&'static str),
    /// An error, and why.
    Refused(String),
}

impl Foreign {
    /// What comes of giving it this value.
    #[must_use]
    pub fn with(self, text: &str) -> Outcome {
        match self {
            Self::Ignored(_) if text.trim().is_empty() => Outcome::Nothing,
            Self::Ignored(why) => Outcome::Ignored(why),
            Self::Refused(why) => Outcome::Refused(why.to_owned()),
            Self::Unless(harmless, why) => {
                match harmless.iter().any(|value| is_same(value, text.trim())) {
                    true => Outcome::Nothing,
                    false => Outcome::Refused(why.to_owned()),
                }
            }
            Self::Judged(judge) => match judge.judge(text.trim()) {
                Ok(()) => Outcome::Nothing,
                Err(why) => Outcome::Refused(why),
            },
        }
    }

    /// What the documentation says of it.
    #[must_use]
    pub fn told(self) -> String {
        match self {
            Self::Ignored(why) => format!("ignored: {why}"),
            Self::Refused(why) => format!("refused: {why}"),
            Self::Unless(harmless, why) => {
                let values: Vec<String> = harmless
                    .iter()
                    .map(|it| if it.is_empty() { "empty".to_owned() } else { format!("`{it}`") })
                    .collect();
                format!("{} may stand; anything else is refused: {why}", values.join(", "))
            }
            Self::Judged(judge) => format!("by its value: {}", judge.told()),
        }
    }

    /// Whether ignoring it is no matter of safety, whatever its value.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        matches!(self, Self::Ignored(_))
    }
}

/// Whether a value is the harmless one, however it is spelt: `no` is `false`, and `2 secs` is `2s`.
pub(super) fn is_same(harmless: &str, text: &str) -> bool {
    let spelt = |word: &str| word.replace([' ', '\t'], "").to_ascii_lowercase();
    match (value::boolean(harmless), value::boolean(text)) {
        (Some(one), Some(other)) => one == other,
        _ => spelt(harmless) == spelt(text),
    }
}

/// What Dovecot would do with `name`; `None` when Dovecot does not know it either.
#[must_use]
pub fn foreign(scope: Scope, name: &str) -> Option<Foreign> {
    let in_service = matches!(scope, Scope::Service | Scope::Listener);
    let short = scope.short(name);
    if in_service && SERVICE_NAMES.contains(&short) {
        return Some(Foreign::Ignored("Hale is one process with one user, set in its unit file"));
    }
    let is_it = |known: &str| known == short || known == name;
    let own = NAMES.iter().find(|(at, known, _)| is_it(known) && at.is_none_or(|it| it == scope));
    if let Some((_, _, answer)) = own {
        return Some(*answer);
    }
    // Sure slips go to "did you mean"; `mail_max_userip_conections` is not a storage setting.
    let ours = settings().filter(|setting| setting.fits(scope)).map(|setting| setting.name);
    let is_slip = !is_dovecots(name) && nearest(name, ours).is_some();
    if is_slip {
        return None;
    }
    let is_of = |start: &str| name.starts_with(start) || short.starts_with(start);
    FAMILIES.iter().find(|(start, _)| is_of(start)).map(|(_, answer)| *answer)
}

/// What Dovecot would do with a block of this name; `None` when Dovecot does not know it either.
#[must_use]
pub fn foreign_block(scope: Scope, name: &str) -> Option<Foreign> {
    let known = BLOCKS.iter().find(|(known, _)| *known == name).map(|(_, answer)| *answer);
    // A list or map in a block of its own, such as `imapc_features { … }`.
    known.or_else(|| foreign(scope, name).filter(|answer| answer.is_harmless()))
}

/// Settings that have an answer of their own in a block of this scope.
pub(super) fn names(scope: Scope) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter(move |(at, ..)| at.is_none_or(|it| it == scope)).map(|(_, name, _)| *name)
}

/// Whether the setting has an answer of its own in a block of this scope.
pub(super) fn has(scope: Scope, name: &str) -> bool {
    names(scope).any(|known| known == name || known == scope.short(name))
}

/// Settings of blocks that are ignored with whatever is in them, by their names in full: `unix_listener_mode`.
pub(super) fn of_a_block(name: &str) -> Option<Foreign> {
    let is_within = |block: &str| name.strip_prefix(block).is_some_and(|it| it.starts_with('_'));
    BLOCKS.iter().find(|(block, _)| is_within(block)).map(|(_, answer)| *answer)
}

/// What `doveconf -a` of 2.3 prints, and what the documentation of 2.4 has; settings of blocks by their names in full.
const OLD: &str = include_str!("foreign/names_2_3.txt");
const NEW: &str = include_str!("foreign/names_2_4.txt");

fn listed(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

/// Every name of Dovecot's, in order, and which versions have it.
pub fn dovecots() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut versions: BTreeMap<&str, &str> = listed(OLD).map(|name| (name, "2.3")).collect();
    for name in listed(NEW) {
        let version = if versions.contains_key(name) { "2.3, 2.4" } else { "2.4" };
        versions.insert(name, version);
    }
    versions.into_iter()
}

fn is_dovecots(name: &str) -> bool {
    listed(OLD).chain(listed(NEW)).any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::registry::{decision, find};

    fn known() -> impl Iterator<Item = &'static str> {
        dovecots().map(|(name, _)| name)
    }

    #[test]
    fn every_name_of_dovecots_is_decided() {
        let undecided: Vec<&str> = known().filter(|name| decision(name).is_none()).collect();
        assert_eq!(undecided, [""; 0]);
        assert!(known().count() > 900);
    }

    #[test]
    fn no_name_is_decided_twice() {
        for (place, name, _) in NAMES {
            let scopes = place.map_or(vec![Scope::Global], |scope| vec![scope]);
            for scope in scopes {
                assert!(find(scope, name).is_none(), "{name} is served and in the table");
            }
            let same = NAMES.iter().filter(|(at, known, _)| at == place && known == name);
            assert_eq!(same.count(), 1, "{name}");
        }
    }

    /// The kind of 2026: `ssl_*` and `auth_*` were ignored as families, whatever they asked for.
    #[test]
    fn what_protects_is_in_no_family() {
        for (start, answer) in FAMILIES {
            assert!(answer.is_harmless(), "{start}");
            for protects in ["ssl", "auth_", "login_", "haproxy_", "doveadm_", "local", "remote"] {
                assert!(!start.starts_with(protects), "{start}");
            }
        }
        for name in ["ssl_certificate", "ssl_server_cert", "auth_require_tls", "login_networks"] {
            assert_eq!(foreign(Scope::Global, name), None, "{name}");
        }
    }

    #[test]
    fn what_protects_is_refused_unless_its_value_asks_for_nothing() {
        let of = |name: &str, text: &str| foreign(Scope::Global, name).unwrap().with(text);
        for (name, harmless, asks) in [
            ("login_access_sockets", "", "tcpwrap"),
            ("ssl_client_ca_dir", "/etc/ssl/certs", "/etc/our-authorities"),
            ("auth_username_translation", "", "#@"),
            ("doveadm_allowed_commands", "", "who"),
            ("ssl_protocols", "!SSLv2 !SSLv3 !TLSv1 !TLSv1.1", "!TLSv1.2"),
            ("ssl_options", "no_compression", "no_ticket"),
        ] {
            assert_eq!(of(name, harmless), Outcome::Nothing, "{name} = {harmless}");
            assert!(matches!(of(name, asks), Outcome::Refused(_)), "{name} = {asks}");
        }
    }
}
