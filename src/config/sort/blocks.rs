//! Blocks: which there are, where they may stand, what is inside.
//!
//! Driver: the sorter. Tests: below.

use super::filter::{Named, OTHERS, is_filter};
use super::section::FoundField;
use super::{Section, Sorter, lost, not_a_setting, shown};
use crate::config::diagnostic::nearest;
use crate::config::raw::{ARGS_FILE, Entry, Item, Value as Raw};
use crate::config::registry::{self, ArgsFile, Foreign, Kind, Outcome, Scope};
use crate::config::value;
use crate::names::Protocol;

/// Protocols of Dovecot's that Hale does not speak.
const FOREIGN_PROTOCOLS: &[&str] = &[
    "auth",
    "imap-hibernate",
    "imap-urlauth",
    "indexer",
    "indexer-worker",
    "lda",
    "quota-status",
    "stats",
];

/// Services of Dovecot's that a proxy configuration may mention.
const FOREIGN_SERVICES: &[&str] = &[
    "aggregator",
    "anvil",
    "auth",
    "auth-worker",
    "cluster",
    "config",
    "decode2text",
    "dict",
    "dict-async",
    "dict-expire",
    "director",
    "dns-client",
    "dns_client",
    "health-check",
    "imap",
    "imap-hibernate",
    "imap-urlauth",
    "imap-urlauth-login",
    "imap-urlauth-worker",
    "indexer",
    "indexer-worker",
    "ipc",
    "log",
    "managesieve",
    "metacache",
    "metacache-worker",
    "old-stats",
    "pop3",
    "quota-status",
    "replicator",
    "script-login",
    "ssl-params",
    "submission",
    "tcpwrap",
    "tika",
];

impl Sorter<'_> {
    pub(super) fn block(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        if !self.filters.is_empty() {
            return self.within(section, entry, label, inside);
        }
        match (section.scope, entry.name.as_str()) {
            (Scope::Global, "service") => self.service(section, entry, label, inside),
            (Scope::Global, "protocol") => self.protocol(section, entry, label, inside),
            (Scope::Global | Scope::Protocol, "passdb") => {
                let passdb = section.child(Scope::Passdb, label, &entry.place);
                self.entries(passdb, inside);
            }
            (Scope::Global | Scope::Protocol, "local_name") => {
                self.named(section, Scope::LocalName, entry, label, inside);
            }
            (Scope::Global, "dict_server") => self.dict_server(section, inside),
            (Scope::Global, "group") => self.group_definition(entry, label),
            // In Dovecot 2.3 a listener needs no name.
            (Scope::Service, "inet_listener") => {
                let listener = section.child(Scope::Listener, label, &entry.place);
                self.entries(listener, inside);
            }
            (Scope::Global | Scope::Passdb, "pgsql") => {
                self.named(section, Scope::Pgsql, entry, label, inside);
            }
            (Scope::Global | Scope::Passdb, "mysql") => {
                self.named(section, Scope::Mysql, entry, label, inside);
            }
            (Scope::Passdb, "fields" | "passdb_fields") => self.fields(section, inside),
            (Scope::Pgsql, "parameters" | "pgsql_parameters") => self.fields(section, inside),
            (Scope::Passdb, ARGS_FILE) => self.args_file(section, label, inside),
            (_, name) => self.other(section, entry, name, label, inside),
        }
    }

    /// A block inside of one whose name is the start of the names within.
    fn within(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        let start = format!("{}_{}", self.start(), entry.name);
        if label.is_none() && is_filter(section.scope, &start) {
            return self.filter(section, entry, label, inside);
        }
        match self.meaning(section.scope, &entry.name) {
            Named::Is(name) => self.other(section, entry, &name, label, inside),
            Named::Outside | Named::Nothing => {
                self.misplaced(section.scope, entry, &Named::Outside);
            }
        }
    }

    /// A list in a block of its own, the start of names, or nothing that Hale knows.
    fn other(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        name: &str,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        let scope = section.scope;
        let is_list = |kind| matches!(kind, Kind::Words | Kind::Networks | Kind::Addresses);
        match registry::find(scope, name) {
            Some((setting, _)) if is_list(setting.kind) && label.is_none() => {
                let words = self.words(entry, inside);
                self.setting(section, entry, name, &Raw { text: words, ..Raw::default() });
            }
            Some((setting, _)) if setting.kind == Kind::FieldTexts && label.is_none() => {
                let pairs = self.pairs(inside);
                self.setting(section, entry, name, &Raw { text: pairs, ..Raw::default() });
            }
            // `ssl { … }` could be the start of names, but it is a setting first.
            Some((setting, _)) => {
                let text = format!("found a block, expected `{} = value`", setting.name);
                self.findings.error(&entry.place, name, text);
            }
            None if registry::block(name).is_some() => self.unknown_block(scope, entry),
            None if self.filters.is_empty() && registry::serves_within(scope, name) => {
                self.filter(section, entry, label, inside);
            }
            None => match registry::foreign_block(scope, name) {
                Some(Foreign::Ignored(why)) => {
                    let is_other = OTHERS.contains(&name);
                    let is_its_own = |it: &Entry| {
                        let is_block = matches!(it.item, Item::Block { .. });
                        it.name != "ssl_server" && (is_block || it.name.starts_with("ssl"))
                    };
                    for within in inside.iter().filter(|it| !is_other || !is_its_own(it)) {
                        self.unheard(name, std::slice::from_ref(within));
                    }
                    self.findings.warn(&entry.place, name, format!("ignored: {why}"));
                }
                Some(answer) => {
                    if let Outcome::Refused(why) = answer.with("") {
                        let text = format!("not supported: {why}");
                        self.findings.error(&entry.place, name, text);
                    }
                }
                None if registry::foreign(scope, name).is_some() => {
                    let words = self.words(entry, inside);
                    self.setting(section, entry, name, &Raw { text: words, ..Raw::default() });
                }
                None if self.filters.is_empty() && is_filter(scope, name) => {
                    self.filter(section, entry, label, inside);
                }
                None => self.unknown_block(scope, entry),
            },
        }
    }

    fn unknown_block(&mut self, scope: Scope, entry: &Entry) {
        let name = entry.name.as_str();
        let text = if let Some(block) = registry::block(name) {
            format!("the block cannot stand here; it is written `{block}`")
        } else {
            let known = [
                "service",
                "protocol",
                "passdb",
                "local_name",
                "inet_listener",
                "fields",
                "ssl_server",
                "ssl_client",
                "auth_policy",
            ];
            match nearest(name, known) {
                Some(near) => format!("there is no such block; did you mean `{near}`?"),
                None => not_a_setting(scope, name).replace("such setting", "such block"),
            }
        };
        self.findings.error(&entry.place, name, text);
    }

    /// A block that must have a name.
    fn named(
        &mut self,
        section: &mut Section,
        scope: Scope,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        if label.is_none() {
            let text = format!("a name is missing, expected `{} NAME {{`", entry.name);
            self.findings.error(&entry.place, &entry.name, text);
            return;
        }
        let child = section.child(scope, label, &entry.place);
        self.entries(child, inside);
    }

    fn service(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        let name = label.unwrap_or_default();
        if registry::served_service(name).is_some() {
            return self.named(section, Scope::Service, entry, label, inside);
        }
        if FOREIGN_SERVICES.contains(&name) {
            self.unheard(&format!("service {name}"), inside);
            let text = "ignored: Hale is one process and has no such service";
            return self.findings.warn(&entry.place, &format!("service {name}"), text);
        }
        let near = nearest(name, registry::SERVICES.map(|(name, _)| name));
        // A block that names a program is a service of the operator's own.
        if near.is_none() && inside.iter().any(|entry| entry.name == "executable") {
            self.unheard(&format!("service {name}"), inside);
            let text = "ignored: Hale starts no programs";
            return self.findings.warn(&entry.place, &format!("service {name}"), text);
        }
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let text = format!("found {}, expected {}{hint}", shown(name), registry::services_told());
        self.findings.error(&entry.place, "service", text);
    }

    fn protocol(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        let names = Protocol::ALL.map(Protocol::name);
        let name = match label.unwrap_or_default() {
            "managesieve" => "sieve",
            "!managesieve" => "!sieve",
            other => other,
        };
        if names.contains(&name) || name == "doveadm" {
            return self.named(section, Scope::Protocol, entry, Some(name), inside);
        }
        if let Some(other) = name.strip_prefix('!')
            && (names.contains(&other) || other == "doveadm" || FOREIGN_PROTOCOLS.contains(&other))
        {
            return self.all_protocols_but(section, entry, other, inside);
        }
        if FOREIGN_PROTOCOLS.contains(&name) {
            self.unheard(&format!("protocol {name}"), inside);
            let text = "ignored: Hale does not speak it";
            return self.findings.warn(&entry.place, &format!("protocol {name}"), text);
        }
        let hint = nearest(name, names)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let text =
            format!("found {}, expected {} or `doveadm`{hint}", shown(name), value::one_of(&names));
        self.findings.error(&entry.place, "protocol", text);
    }

    /// `protocol !NAME { … }`: for every other one. Where Hale does not speak it, that is all that it speaks.
    fn all_protocols_but(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        name: &str,
        inside: &[Entry],
    ) {
        let without_logins: Vec<Entry> = inside.iter().filter_map(as_without_logins).collect();
        for protocol in Protocol::ALL.into_iter().filter(|protocol| protocol.name() != name) {
            let inside = if protocol == Protocol::Lmtp { &without_logins[..] } else { inside };
            self.named(section, Scope::Protocol, entry, Some(protocol.name()), inside);
        }
    }

    fn dict_server(&mut self, section: &mut Section, inside: &[Entry]) {
        self.unheard("dict_server", inside);
        for entry in inside {
            match &entry.item {
                Item::Block { label: Some(label), entries }
                    if entry.name == "dict" && label == "cluster-localdb" =>
                {
                    let dict = section.child(Scope::Dict, Some(label), &entry.place);
                    self.entries(dict, entries);
                }
                Item::Block { label, .. } => {
                    let name = format!("{} {}", entry.name, label.as_deref().unwrap_or_default());
                    let text = "ignored: Hale needs no dictionary but cluster-localdb";
                    self.findings.warn(&entry.place, name.trim(), text);
                }
                Item::Value(_) => {
                    self.findings.warn(
                        &entry.place,
                        &entry.name,
                        "ignored: Hale has no dict server",
                    );
                }
            }
        }
    }

    /// Groups were collected before; here only their form is judged.
    fn group_definition(&mut self, entry: &Entry, label: Option<&str>) {
        let is_good = label.is_some_and(|label| label.starts_with('@') && label.contains(' '));
        if !is_good {
            self.findings.error(&entry.place, "group", "expected `group @NAME VARIANT { … }`");
        }
    }

    fn fields(&mut self, section: &mut Section, inside: &[Entry]) {
        for entry in inside {
            let Item::Value(raw) = &entry.item else {
                self.findings.error(
                    &entry.place,
                    &entry.name,
                    "found a block, expected `NAME = VALUE`",
                );
                continue;
            };
            if let Some(text) = lost(raw) {
                self.findings.error(&entry.place, &entry.name, text);
                continue;
            }
            match self.written.resolve(Scope::Passdb, raw) {
                Ok(raw) => Self::field(section, entry, &raw),
                Err(fault) => self.findings.error(&entry.place, &entry.name, fault),
            }
        }
    }

    /// Lines of the file that a passdb of Dovecot 2.3 names in `args`, as settings of the passdb.
    fn args_file(&mut self, section: &mut Section, driver: Option<&str>, inside: &[Entry]) {
        let driver = driver.unwrap_or_default();
        for entry in inside {
            let file = entry.place.file().to_path_buf();
            if !section.files.contains(&file) {
                section.files.push(file);
            }
            let Item::Value(raw) = &entry.item else {
                let text = "found a block, expected `name = value`";
                self.findings.error(&entry.place, &entry.name, text);
                continue;
            };
            match registry::args_file(driver, &entry.name).flatten() {
                Some(ArgsFile::Is(name)) => self.setting(section, entry, name, raw),
                Some(ArgsFile::Ignored(why)) => {
                    self.findings.warn(&entry.place, &entry.name, format!("ignored: {why}"));
                }
                Some(ArgsFile::Refused(why)) => {
                    self.findings.error(&entry.place, &entry.name, format!("not supported: {why}"));
                }
                None => {
                    let near = nearest(&entry.name, registry::args_file_names(driver));
                    let hint =
                        near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                    let text =
                        format!("there is no such line in a file of the driver {driver}{hint}");
                    self.findings.error(&entry.place, &entry.name, text);
                }
            }
        }
    }

    fn field(section: &mut Section, entry: &Entry, raw: &Raw) {
        let name = entry.name.as_str();
        section.fields.retain(|field| field.name != name);
        let text = raw.text.strip_suffix('\n').filter(|_| raw.file.is_some()).unwrap_or(&raw.text);
        section.fields.push(FoundField {
            name: name.to_owned(),
            text: text.to_owned(),
            file: raw.file.clone(),
            place: entry.place.clone(),
        });
    }

    /// Dovecot 2.4's second form of a list of words: `protocols { imap = yes  pop3 = no }`.
    /// `name = value` lines as the one line that Dovecot 2.3 has for them.
    fn pairs(&mut self, inside: &[Entry]) -> String {
        let mut pairs = Vec::new();
        for within in inside {
            match &within.item {
                Item::Value(raw) if !raw.text.contains(char::is_whitespace) => {
                    pairs.push(format!("{}={}", within.name, raw.text));
                }
                Item::Value(_) => {
                    let text =
                        "the value has a space in it, which no value in such a list can have";
                    self.findings.error(&within.place, &within.name, text);
                }
                Item::Block { .. } => {
                    let text = "found a block, expected `name = value`";
                    self.findings.error(&within.place, &within.name, text);
                }
            }
        }
        pairs.join(" ")
    }

    fn words(&mut self, entry: &Entry, inside: &[Entry]) -> String {
        let mut words = Vec::new();
        for word in inside {
            match &word.item {
                Item::Value(raw) if value::boolean(&raw.text) == Some(true) => {
                    words.push(word.name.as_str());
                }
                Item::Value(raw) if value::boolean(&raw.text) == Some(false) => {}
                Item::Value(_) | Item::Block { .. } => {
                    let text = format!("expected `{} = yes` or `{} = no`", word.name, word.name);
                    self.findings.error(&word.place, &entry.name, text);
                }
            }
        }
        words.join(" ")
    }
}

/// What is said of all protocols, as far as LMTP can have it: as outside of all blocks, where there are no logins TLS is
/// offered, and no certificate demanded.
fn as_without_logins(entry: &Entry) -> Option<Entry> {
    let mut entry = entry.clone();
    match (&mut entry.item, entry.name.as_str()) {
        (_, "auth_ssl_require_client_cert") => return None,
        (Item::Value(raw), "ssl") if raw.text == "required" => "yes".clone_into(&mut raw.text),
        _ => {}
    }
    Some(entry)
}
