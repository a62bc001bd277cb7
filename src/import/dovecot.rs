//! Dovecot's files: what they tell the rest of the import, and their settings by today's names.
//!
//! Decides which of their listeners a load balancer stood in front of, so that Hale's take their place. Does not judge settings: Hale's own
//! reader does (`refine`). Tests: `tests/pure/import.rs`.

use std::path::Path;

use super::page::{Content, Item, Origin, Page};
use super::plan::Plan;
use super::{LeftOut, Weight};
use crate::config::raw::{ARGS_FILE, Entry, Item as Read, Value};
use crate::config::registry::{self, INVERTED, Kind, Scope};
use crate::config::render::{label_text, quote};
use crate::config::{self, Diagnostic, Source, known_listeners};
use crate::names::Protocol;

/// The settings of all files, in order.
#[derive(Debug, Default)]
pub(super) struct Dovecot {
    entries: Vec<Entry>,
    mistakes: Vec<Diagnostic>,
}

/// A listener of a login service or LMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) protocol: Protocol,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    pub(super) takes_header: bool,
    /// It is not there by default only.
    pub(super) is_written: bool,
}

impl Dovecot {
    /// # Errors
    /// Nothing in it can be read.
    pub(super) fn read(source: &mut impl Source, path: &Path) -> Result<Self, Vec<String>> {
        let (entries, mistakes) = config::entries(source, path);
        if entries.is_empty() && !mistakes.is_empty() {
            return Err(mistakes.iter().map(ToString::to_string).collect());
        }
        Ok(Self { entries, mistakes })
    }

    pub(super) fn joined(files: Vec<Self>) -> Self {
        let mut all = Self::default();
        for mut file in files {
            all.entries.append(&mut file.entries);
            all.mistakes.append(&mut file.mistakes);
        }
        all
    }

    pub(super) fn is_given(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether one of these is set outside of blocks, or in a block that is the start of its name.
    pub(super) fn sets(&self, names: &[&str]) -> bool {
        self.entries.iter().any(|entry| match &entry.item {
            Read::Value(_) => names.contains(&&*entry.name),
            Read::Block { label: None, entries } => entries.iter().any(|inside| {
                let full = format!("{}_{}", entry.name, inside.name);
                names.contains(&&*full) || names.contains(&&*inside.name)
            }),
            Read::Block { .. } => false,
        })
    }

    /// The last value of a setting outside of blocks.
    pub(super) fn value(&self, name: &str) -> Option<(&Entry, &str)> {
        self.entries.iter().rev().find_map(|entry| match &entry.item {
            Read::Value(value) if entry.name == name => Some((entry, &*value.text)),
            _ => None,
        })
    }

    /// Whether it sends users on rather than serving them itself.
    pub(super) fn is_proxy(&self) -> bool {
        let is_on =
            |name| self.value(name).is_some_and(|(_, text)| config::boolean(text) == Some(true));
        self.sets(&["@cluster_defaults", "director_servers", "director_mail_servers"])
            || is_on("lmtp_proxy")
            || blocks(&self.entries, "passdb").any(sends_on)
            || blocks(&self.entries, "protocol")
                .any(|entries| blocks(entries, "passdb").any(sends_on))
    }

    /// The listeners that it opens. Its defaults count unless something is written under their names.
    pub(super) fn listeners(&self) -> Vec<Listener> {
        if !self.is_given() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for protocol in Protocol::ALL.into_iter().filter(|it| self.serves(*it)) {
            let written: Vec<(String, &[Entry])> = self.written(protocol);
            for known in known_listeners(protocol) {
                if written.iter().all(|(name, _)| name != known.name) {
                    found.push(Listener {
                        protocol,
                        name: known.name.to_owned(),
                        port: known.port,
                        is_tls: known.ssl,
                        takes_header: false,
                        is_written: false,
                    });
                }
            }
            for (name, entries) in written {
                let known = known_listeners(protocol).iter().find(|it| it.name == name);
                let text = |name: &str| last(entries, &[name, &format!("inet_listener_{name}")]);
                let is_on = |name: &str| text(name).and_then(config::boolean);
                let port = text("port").and_then(|it| it.trim().parse().ok());
                found.push(Listener {
                    protocol,
                    port: port.or_else(|| known.map(|it| it.port)).unwrap_or(0),
                    is_tls: is_on("ssl").or_else(|| known.map(|it| it.ssl)).unwrap_or(false),
                    takes_header: is_on("haproxy").unwrap_or(false),
                    is_written: true,
                    name,
                });
            }
        }
        found.retain(|listener| listener.port != 0);
        found
    }

    /// `protocols`, as far as Hale speaks them; all, where nothing is said.
    pub(super) fn serves(&self, protocol: Protocol) -> bool {
        let is_it = |word: &str| match word {
            "managesieve" => protocol == Protocol::Sieve,
            other => other == protocol.name(),
        };
        // 2.4 prints `protocols { imap = yes }`.
        let mut listed = blocks(&self.entries, "protocols").peekable();
        if listed.peek().is_some() {
            return listed.flatten().any(|entry| is_it(&entry.name));
        }
        match self.value("protocols") {
            Some((_, text)) => text.split([' ', ',']).any(is_it),
            None => self.is_given(),
        }
    }

    /// Hosts that a director sent users to: names, addresses and ranges of addresses.
    pub(super) fn directed(&self) -> Vec<(&Entry, String)> {
        let Some((entry, text)) = self.value("director_mail_servers") else { return Vec::new() };
        text.split([' ', ','])
            .filter(|it| !it.is_empty())
            .map(|it| (entry, it.to_owned()))
            .collect()
    }

    fn written(&self, protocol: Protocol) -> Vec<(String, &[Entry])> {
        let services = self.entries.iter().filter_map(|entry| match &entry.item {
            Read::Block { label: Some(label), entries }
                if entry.name == "service" && label == protocol.service_name() =>
            {
                Some(entries)
            }
            _ => None,
        });
        let listeners = services.flatten().filter_map(|entry| match &entry.item {
            Read::Block { label, entries } if entry.name == "inet_listener" => {
                Some((label.clone().unwrap_or_default(), &entries[..]))
            }
            _ => None,
        });
        listeners.collect()
    }

    /// Everything that stays, on the page.
    pub(super) fn write(&self, page: &mut Page, plan: &Plan, left: &mut LeftOut) {
        for Diagnostic { place, setting, text } in &self.mistakes {
            let what = if setting.is_empty() { "the line" } else { setting };
            left.add(Weight::Missing, place, what, text.clone());
        }
        for entry in &self.entries {
            if let Some(why) = plan.takes_the_place_of(entry) {
                left.add(Weight::Needless, &entry.place, entry.name.clone(), why);
                continue;
            }
            let Some(item) = item(entry, Scope::Global, left) else { continue };
            match item.content {
                Content::Block(Some(label), inside) if entry.name == "service" => {
                    let kept: Vec<Item> = inside
                        .into_iter()
                        .filter(|it| !is_replaced(&label, it, plan, left))
                        .collect();
                    if !kept.is_empty() {
                        page.add("service", &label, kept, item.origin);
                    }
                }
                content => page.push(Item { content, ..item }),
            }
        }
    }
}

fn is_replaced(service: &str, item: &Item, plan: &Plan, left: &mut LeftOut) -> bool {
    let Some(protocol) = Protocol::ALL.into_iter().find(|it| it.service_name() == service) else {
        return false;
    };
    let (Content::Block(label, _), "inet_listener") = (&item.content, &*item.name) else {
        return false;
    };
    let name = label.clone().unwrap_or_default();
    let is_it =
        plan.replaced.iter().any(|it| it.protocol == protocol && label_text(&it.name) == name);
    if let (true, Origin::Line(place, _)) = (is_it, &item.origin) {
        let why = "HAProxy stood in front of it: Hale listens in HAProxy's place";
        left.add(Weight::Needless, place, format!("inet_listener {name}"), why);
    }
    is_it
}

/// An entry by today's name.
fn item(entry: &Entry, scope: Scope, left: &mut LeftOut) -> Option<Item> {
    let origin = Origin::Line(entry.place.clone(), String::new());
    match &entry.item {
        Read::Block { .. } if entry.name == ARGS_FILE => None,
        Read::Block { label, entries } => {
            let inside = within(scope, &entry.name);
            let items = entries.iter().filter_map(|it| item(it, inside, left)).collect();
            let label = label.as_deref().map(label_text);
            Some(Item { name: entry.name.clone(), content: Content::Block(label, items), origin })
        }
        Read::Value(value) => {
            if scope == Scope::Global
                && entry.name == INVERTED.0
                && let Some(is_on) = config::boolean(&value.text)
            {
                let text = if is_on { "no" } else { "yes" };
                return Some(Item::setting(INVERTED.1, text, origin));
            }
            let found = registry::find(scope, &entry.name);
            // Only under its older name it counts towards backends, too.
            let is_renamed = found.is_some_and(|(_, is_older)| is_older)
                && !["ssl_ca", "ssl_ca_file"].contains(&&*entry.name);
            let setting = found.map(|(setting, _)| setting);
            let is_path = setting.is_some_and(|it| it.kind == Kind::Path);
            let name = setting.filter(|_| is_renamed).map_or(&*entry.name, |setting| setting.name);
            let text = if value.hidden && is_path {
                let why = "it was hidden when the file was printed: put the path of the file here, or import what `doveconf -nP` prints";
                left.add(Weight::Missing, &entry.place, entry.name.clone(), why);
                format!("/etc/hale/{name}.pem")
            } else {
                written(entry, value, is_path && is_renamed)
            };
            Some(Item::setting(name, text, origin))
        }
    }
}

/// What scope the inside of a block has. Of blocks that hold nothing of Hale's it does not matter.
fn within(scope: Scope, name: &str) -> Scope {
    match name {
        "service" => Scope::Service,
        "inet_listener" => Scope::Listener,
        "protocol" => Scope::Protocol,
        "passdb" => Scope::Passdb,
        "local_name" => Scope::LocalName,
        "pgsql" => Scope::Pgsql,
        "mysql" => Scope::Mysql,
        "dict" | "dict_server" => Scope::Dict,
        _ => scope,
    }
}

/// A value as it has to be written to be read as the same in another file.
fn written(entry: &Entry, value: &Value, is_bare_path: bool) -> String {
    match &value.file {
        Some(file) if is_bare_path => file.display().to_string(),
        Some(file) => format!("<{}", file.display()),
        None if value.hidden => "# hidden, use -P to show it".to_owned(),
        None if value.is_quoted => quote(&value.text),
        None => {
            let is_path = Scope::ALL.into_iter().any(|scope| {
                registry::find(scope, &entry.name).is_some_and(|(it, _)| it.kind == Kind::Path)
            });
            let is_relative = !value.text.is_empty() && !value.text.starts_with(['/', '%', '$']);
            match is_path && is_relative && entry.name != "log_path" {
                true => entry.place.resolve(&value.text).display().to_string(),
                false => value.text.clone(),
            }
        }
    }
}

fn blocks<'a>(entries: &'a [Entry], name: &'a str) -> impl Iterator<Item = &'a [Entry]> {
    entries.iter().filter_map(move |entry| match &entry.item {
        Read::Block { entries, .. } if entry.name == name => Some(&entries[..]),
        _ => None,
    })
}

fn last<'a>(entries: &'a [Entry], names: &[&str]) -> Option<&'a str> {
    entries.iter().rev().find_map(|entry| match &entry.item {
        Read::Value(value) if names.contains(&&*entry.name) => Some(&*value.text),
        _ => None,
    })
}

/// Whether a passdb, or the file that it names, gives fields of a proxy.
fn sends_on(entries: &[Entry]) -> bool {
    const FIELDS: [&str; 4] = ["proxy", "proxy_maybe", "proxy_always", "host"];
    let says = |text: &str| {
        let words = text.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
        words.into_iter().any(|word| FIELDS[..3].contains(&word))
    };
    entries.iter().any(|entry| match &entry.item {
        Read::Value(value) => FIELDS.contains(&&*entry.name) || says(&value.text),
        Read::Block { entries, .. } => sends_on(entries),
    })
}
