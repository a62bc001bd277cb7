//! Blocks: which there are, where they may stand, what is inside.
//!
//! Driver: the sorter. Tests: below.

use super::section::FoundField;
use super::{Section, Sorter, not_a_setting, shown};
use crate::config::diagnostic::nearest;
use crate::config::raw::{Entry, Item, Value as Raw};
use crate::config::registry::{self, Foreign, Kind, PASSDB_FIELDS, Scope};
use crate::config::value;
use crate::names::Protocol;

/// Services of Hale's.
const SERVICES: &[&str] = &[
    "imap-login",
    "pop3-login",
    "lmtp",
    "managesieve-login",
    "submission-login",
    "doveadm",
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
    "tika",
];

/// How a block of this name is written; `None` when there is no such block.
pub(super) fn written(name: &str) -> Option<&'static str> {
    Some(match name {
        "service" => "service NAME { … }",
        "inet_listener" => "inet_listener NAME { … }",
        "protocol" => "protocol NAME { … }",
        "passdb" => "passdb NAME { … }",
        "fields" | "passdb_fields" => "fields { NAME = VALUE }",
        "local_name" => "local_name NAME { … }",
        "dict_server" => "dict_server { dict cluster-localdb { … } }",
        "group" => "group @NAME VARIANT { … }",
        _ => return None,
    })
}

impl Sorter<'_> {
    pub(super) fn block(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        match (section.scope, entry.name.as_str()) {
            (Scope::Global, "service") => self.service(section, entry, label, inside),
            (Scope::Global, "protocol") => self.protocol(section, entry, label, inside),
            (Scope::Global | Scope::Protocol, "passdb") => {
                let passdb = section.child(Scope::Passdb, label, &entry.place);
                self.entries(passdb, inside);
            }
            (Scope::Global, "local_name") => {
                self.named(section, Scope::LocalName, entry, label, inside);
            }
            (Scope::Global, "dict_server") => self.dict_server(section, inside),
            (Scope::Global, "group") => self.group_definition(entry, label),
            // In Dovecot 2.3 a listener needs no name.
            (Scope::Service, "inet_listener") => {
                let listener = section.child(Scope::Listener, label, &entry.place);
                self.entries(listener, inside);
            }
            (Scope::Passdb, "fields" | "passdb_fields") => self.fields(section, inside),
            (scope, name) => match registry::find(scope, name) {
                Some((setting, _)) if setting.kind == Kind::Words && label.is_none() => {
                    self.word_block(section, entry, inside);
                }
                Some((setting, _)) => {
                    let text = format!("found a block, expected `{} = value`", setting.name);
                    self.findings.error(&entry.place, name, text);
                }
                None => self.unknown_block(scope, entry),
            },
        }
    }

    fn unknown_block(&mut self, scope: Scope, entry: &Entry) {
        let name = entry.name.as_str();
        let text = match (registry::foreign(scope, name), written(name)) {
            (_, Some(block)) => format!("the block cannot stand here; it is written `{block}`"),
            (Some(Foreign::Ignored(why)), None) => {
                return self.findings.warn(&entry.place, name, format!("ignored: {why}"));
            }
            (Some(Foreign::Refused(why)), None) => format!("not supported: {why}"),
            (None, None) => {
                let known =
                    ["service", "protocol", "passdb", "local_name", "inet_listener", "fields"];
                match nearest(name, known) {
                    Some(near) => format!("there is no such block; did you mean `{near}`?"),
                    None => not_a_setting(scope, name).replace("such setting", "such block"),
                }
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
        if SERVICES.contains(&name) {
            return self.named(section, Scope::Service, entry, label, inside);
        }
        if FOREIGN_SERVICES.contains(&name) {
            let text = "ignored: Hale is one process and has no such service";
            return self.findings.warn(&entry.place, &format!("service {name}"), text);
        }
        let hint = nearest(name, SERVICES.iter().copied())
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let text = format!("found {}, expected {}{hint}", shown(name), value::one_of(SERVICES));
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
            other => other,
        };
        if names.contains(&name) || name == "doveadm" {
            return self.named(section, Scope::Protocol, entry, Some(name), inside);
        }
        if matches!(name, "lda" | "auth" | "indexer-worker" | "imap-urlauth" | "quota-status") {
            let text = "ignored: Hale does not speak it";
            return self.findings.warn(&entry.place, &format!("protocol {name}"), text);
        }
        let hint = nearest(name, names)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let text =
            format!("found {}, expected {} or `doveadm`{hint}", shown(name), value::one_of(&names));
        self.findings.error(&entry.place, "protocol", text);
    }

    fn dict_server(&mut self, section: &mut Section, inside: &[Entry]) {
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
            match self.written.resolve(Scope::Passdb, raw) {
                Ok(raw) => self.field(section, entry, &raw),
                Err(fault) => self.findings.error(&entry.place, &entry.name, fault),
            }
        }
    }

    fn field(&mut self, section: &mut Section, entry: &Entry, raw: &Raw) {
        let name = entry.name.as_str();
        let families = ["forward_", "user_", "userdb_", "event_"];
        let is_known =
            PASSDB_FIELDS.contains(&name) || families.iter().any(|start| name.starts_with(start));
        if !is_known {
            let text = match nearest(name, PASSDB_FIELDS.iter().copied()) {
                Some(near) => format!("Hale knows no such passdb field; did you mean `{near}`?"),
                None => "Hale does not use this passdb field".to_owned(),
            };
            self.findings.warn(&entry.place, name, text);
        }
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
    fn word_block(&mut self, section: &mut Section, entry: &Entry, inside: &[Entry]) {
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
        self.value(section, entry, &Raw::plain(&words.join(" ")));
    }
}
