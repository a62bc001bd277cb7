//! Every setting: name, type, default, documentation. The one place to add one.
//!
//! Duty: the list and looking things up in it; `docs/CONFIG.md` and the man page are made from it, defaults are read
//! from it. Not its duty: what relations settings have to each other (`check`).
//! Driver: `sort`, `check`, `render`, `document`. Tests: below; defaults against `limits.rs` in `check`.

use crate::names::Protocol;

mod blocks;
mod bounds;
mod cassandra;
mod confinement;
mod effect;
mod evidence;
mod fields;
mod foreign;
mod general;
mod moves;
mod policy;
mod stats;
mod served;
mod userdbs;

pub(super) use served::services_told;
pub use served::{SERVICES, Served, service as served_service};

pub use effect::Effect;
pub use fields::{HARMLESS_FIELDS, PASSDB_FIELDS, UNSERVED_FIELDS, unserved_field};
pub use foreign::{Foreign, Outcome, dovecots, foreign, foreign_block};
pub(in crate::config) use stats::FACILITIES;
pub use userdbs::{ArgsFile, args_file, args_file_names};

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it may stand.
    pub scope: Scope,
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its default as it would be written.
    pub default: &'static str,
    /// What it does; Markdown.
    pub doc: &'static str,
    /// Whose name it is.
    pub origin: Origin,
    /// Older names that are accepted, with a warning.
    pub older: &'static [&'static str],
    /// Other names that mean the same and are as good.
    pub also: &'static [&'static str],
    /// May also stand in `protocol NAME { … }` and then holds for that protocol only.
    pub per_protocol: bool,
    /// May also stand in `passdb NAME { … }` and then holds for that database only.
    pub per_passdb: bool,
    /// Nothing written is not the same as the default written.
    pub is_said: bool,
    /// The protocols that it means anything for; empty: all.
    pub only: &'static [Protocol],
    /// Whether this version does what it says.
    pub served: Served,
}

/// Blocks, and what is outside of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Outside of all blocks.
    Global,
    /// `service NAME { … }`
    Service,
    /// `inet_listener NAME { … }` in a service.
    Listener,
    /// `protocol NAME { … }`
    Protocol,
    /// `passdb NAME { … }`
    Passdb,
    /// `local_name NAME { … }`
    LocalName,
    /// `pgsql NAME { … }`
    Pgsql,
    /// `mysql NAME { … }`
    Mysql,
    /// `dict NAME { … }` in `dict_server { … }`.
    Dict,
}

impl Scope {
    /// All scopes, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Global,
        Self::Service,
        Self::Listener,
        Self::Protocol,
        Self::Passdb,
        Self::LocalName,
        Self::Pgsql,
        Self::Mysql,
        Self::Dict,
    ];

    /// How the block is written.
    #[must_use]
    pub fn written(self) -> &'static str {
        match self {
            Self::Global => "outside of all blocks",
            Self::Service => "service NAME { … }",
            Self::Listener => "service NAME { inet_listener NAME { … } }",
            Self::Protocol => "protocol NAME { … }",
            Self::Passdb => "passdb NAME { … }",
            Self::LocalName => "local_name NAME { … }",
            Self::Pgsql => "pgsql NAME { … }",
            Self::Mysql => "mysql NAME { … }",
            Self::Dict => "dict_server { dict cluster-localdb { … } }",
        }
    }

    /// What the block begins with; nothing outside of all blocks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "",
            Self::Service => "service",
            Self::Listener => "inet_listener",
            Self::Protocol => "protocol",
            Self::Passdb => "passdb",
            Self::LocalName => "local_name",
            Self::Pgsql => "pgsql",
            Self::Mysql => "mysql",
            Self::Dict => "dict",
        }
    }

    /// What Dovecot puts in front of the names in full: `passdb_driver` is `driver` in `passdb { … }`.
    #[must_use]
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Global | Self::Protocol | Self::LocalName => &[],
            Self::Service => &["service_"],
            Self::Listener => &["inet_listener_"],
            Self::Passdb => &["passdb_static_", "static_", "passdb_"],
            Self::Pgsql => &["pgsql_"],
            Self::Mysql => &["mysql_"],
            Self::Dict => &["dict_"],
        }
    }

    /// The name without what Dovecot may put in front of it.
    #[must_use]
    pub fn short(self, name: &str) -> &str {
        self.prefixes().iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
    }
}

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A number.
    Number {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// `auto` or a number.
    AutoNumber {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// `auto` or a time.
    AutoTime,
    /// A TCP port.
    Port,
    /// Bytes.
    Size {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A time with its unit.
    Time,
    /// Any text.
    Text,
    /// At most one character.
    Character,
    /// A text that is never printed.
    Secret,
    /// A file or folder.
    Path,
    /// Words separated by white space or commas.
    Words,
    /// Addresses and prefixes.
    Networks,
    /// Addresses.
    Addresses,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// `auto` or a list of CPUs.
    Cores,
    /// `auto` or a CPU.
    Core,
    /// Text with the variables of a login.
    LoginTemplate,
    /// The same with the client's password: what a password database elsewhere is asked.
    Inquiry,
    /// `login_log_format`.
    LoginLogFormat,
    /// `login_log_format_elements`: texts with variables, between spaces.
    LoginLogElements,
    /// Words, each of them a text with the variables of a login.
    FieldTexts,
    /// `pass_attrs` of LDAP: attributes, fields and texts, separated by commas.
    AttributeFields,
    /// Text with the variables of a health probe.
    ProbeTemplate,
    /// Where the GeoDB is.
    GeoDb,
    /// Where the LocalDB is.
    LocalDb,
}

/// Whose name a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Dovecot's.
    Dovecot,
    /// Palomar's (Dovecot Pro).
    Palomar,
    /// Our own.
    Hale,
}

impl Setting {
    const fn new(
        scope: Scope,
        name: &'static str,
        kind: Kind,
        default: &'static str,
        origin: Origin,
        doc: &'static str,
    ) -> Self {
        Self {
            scope,
            name,
            kind,
            default,
            doc,
            origin,
            older: &[],
            also: &[],
            per_protocol: false,
            per_passdb: false,
            is_said: false,
            only: &[],
            served: Served::Yes,
        }
    }

    const fn older(self, older: &'static [&'static str]) -> Self {
        Self { older, ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn said(self) -> Self {
        Self { is_said: true, ..self }
    }

    const fn per_protocol(self) -> Self {
        Self { per_protocol: true, ..self }
    }

    const fn per_passdb(self) -> Self {
        Self { per_passdb: true, ..self }
    }

    const fn only(self, only: &'static [Protocol]) -> Self {
        Self { only, ..self }
    }

    /// Whether it means anything for a protocol.
    #[must_use]
    pub fn concerns(&self, protocol: Protocol) -> bool {
        self.only.is_empty() || self.only.contains(&protocol)
    }

    /// Whether it may stand in a block of `scope`.
    #[must_use]
    pub fn fits(&self, scope: Scope) -> bool {
        self.scope == scope
            || (scope == Scope::Protocol && self.per_protocol)
            || (scope == Scope::Passdb && self.per_passdb)
    }
}

/// All settings.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    general::SETTINGS
        .iter()
        .chain(confinement::SETTINGS)
        .chain(moves::SETTINGS)
        .chain(evidence::SETTINGS)
        .chain(bounds::SETTINGS)
        .chain(cassandra::SETTINGS)
        .chain(policy::SETTINGS)
        .chain(stats::SETTINGS)
        .chain(blocks::SETTINGS)
        .chain(userdbs::settings())
}

/// The setting that `name`, in short or in full, is in a block of `scope`, and whether the name is an older one.
#[must_use]
pub fn find(scope: Scope, name: &str) -> Option<(&'static Setting, bool)> {
    let short = scope.short(name);
    let mut fitting = settings().filter(|setting| setting.fits(scope));
    fitting.find_map(|setting| {
        let is_called = |called: &str| called == short || called == name;
        if is_called(setting.name) || setting.also.iter().copied().any(is_called) {
            Some((setting, false))
        } else if setting.older.iter().copied().any(is_called) {
            Some((setting, true))
        } else {
            None
        }
    })
}

/// How a block of this name is written; `None` when Hale has no such block.
#[must_use]
pub fn block(name: &str) -> Option<&'static str> {
    Some(match name {
        "service" => "service NAME { … }",
        "inet_listener" => "inet_listener NAME { … }",
        "protocol" => "protocol NAME { … }",
        "passdb" => "passdb NAME { … }",
        "fields" | "passdb_fields" => "fields { NAME = VALUE }",
        "local_name" => "local_name NAME { … }",
        "pgsql" => "pgsql NAME { … }",
        "mysql" => "mysql NAME { … }",
        "parameters" | "pgsql_parameters" => "parameters { NAME = VALUE }",
        "dict_server" => "dict_server { dict cluster-localdb { … } }",
        "group" => "group @NAME VARIANT { … }",
        _ => return None,
    })
}

/// Dovecot 2.3's `auth_allow_cleartext`, which asked the question the other way round.
pub const INVERTED: (&str, &str) = ("disable_plaintext_auth", "auth_allow_cleartext");

/// Whether the name means something of its own, in a block of `scope` or outside of all; families do not count.
#[must_use]
pub fn is_named(scope: Scope, name: &str) -> bool {
    find(scope, name).is_some() || find(Scope::Global, name).is_some() || foreign::has(scope, name)
}

/// Dovecot's rule for blocks without a name of their own: the block's name is the start of the names within. What may
/// stand within such a block, without that start.
pub fn names_within(scope: Scope, block: &str) -> impl Iterator<Item = &'static str> {
    let ours = settings().filter(move |it| it.fits(scope) || it.scope == Scope::Global);
    let ours = ours.flat_map(|it| [it.name].into_iter().chain(it.also.iter().copied()));
    let all = ours.chain(foreign::names(scope));
    all.filter_map(move |name| name.strip_prefix(block)?.strip_prefix('_'))
}

/// Whether such a block holds anything that Hale acts on.
#[must_use]
pub fn serves_within(scope: Scope, block: &str) -> bool {
    let is_within = |name: &str| name.strip_prefix(block).is_some_and(|it| it.starts_with('_'));
    settings().any(|it| (it.fits(scope) || it.scope == Scope::Global) && is_within(it.name))
}

/// What becomes of a name of Dovecot's documentation, wherever it may stand.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    /// Hale acts on it, under this name.
    Served(&'static Setting),
    /// It is a block, written like this.
    Block(&'static str),
    /// It is a block, and the start of the names within.
    Start,
    /// Hale does not act on it.
    Foreign(Foreign),
}

/// The decision for a name in full; `None` when no version of Dovecot or Hale has it.
#[must_use]
pub fn decision(name: &str) -> Option<Decision> {
    let name = if name == INVERTED.0 { INVERTED.1 } else { name };
    let served = Scope::ALL.into_iter().find_map(|scope| find(scope, name));
    if let Some((setting, _)) = served {
        return Some(Decision::Served(setting));
    }
    if let Some(written) = block(name) {
        return Some(Decision::Block(written));
    }
    let scopes = Scope::ALL.into_iter().filter(|scope| {
        *scope == Scope::Global || scope.prefixes().iter().any(|start| name.starts_with(start))
    });
    let mut answers =
        scopes.filter_map(|scope| foreign(scope, name).or_else(|| foreign_block(scope, name)));
    let answer = answers.next().or_else(|| foreign::of_a_block(name)).map(Decision::Foreign);
    let is_start = || names_within(Scope::Global, name).next().is_some();
    answer.or_else(|| is_start().then_some(Decision::Start))
}

/// The setting called exactly `name` in a block of `scope`.
#[must_use]
pub fn exact(scope: Scope, name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name && setting.fits(scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value;
    use std::collections::HashSet;

    #[test]
    fn every_default_is_a_legal_value() {
        for setting in settings() {
            let parsed = value::parse(setting.kind, setting.default);
            assert!(parsed.is_ok(), "{}: {parsed:?}", setting.name);
        }
    }

    #[test]
    fn every_name_is_there_once_and_documented() {
        let mut names = HashSet::new();
        for setting in settings() {
            assert!(names.insert((setting.scope, setting.name)), "{}", setting.name);
            assert!(setting.doc.ends_with('.'), "{}: {}", setting.name, setting.doc);
            for other in setting.older.iter().chain(setting.also) {
                assert!(names.insert((setting.scope, other)), "{other}");
            }
        }
    }

    #[test]
    fn short_full_and_older_names_are_found() {
        assert_eq!(find(Scope::Passdb, "passdb_driver").unwrap().0.name, "driver");
        assert_eq!(find(Scope::Passdb, "passwd_file_path").unwrap().0.name, "passwd_file_path");
        assert_eq!(find(Scope::Listener, "inet_listener_port").unwrap().0.name, "port");
        assert_eq!(
            find(Scope::Global, "ssl_cert"),
            Some((exact(Scope::Global, "ssl_server_cert_file").unwrap(), true))
        );
        assert!(find(Scope::Protocol, "mail_max_userip_connections").is_some());
        assert!(find(Scope::Protocol, "listen").is_none());
    }
}
