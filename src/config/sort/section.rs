//! What was written, by section, with the registry's defaults behind it.
//!
//! Duty: holding and finding values. Driver: `sort` fills, `check` and `render` read. Tests: in `tests.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::diagnostic::Place;
use crate::config::registry::{self, Scope};
use crate::config::value::{self, Value};
use crate::network::Networks;
use crate::secret::Secret;
use crate::template::Template;

/// The settings as written, names and kinds checked. Debug shows no values, they may be passwords.
pub struct Settings {
    pub(crate) root: Section,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// A block, or the outside of all blocks.
pub(crate) struct Section {
    pub(crate) scope: Scope,
    pub(crate) label: Option<String>,
    /// Where it was opened first.
    pub(crate) place: Place,
    pub(crate) values: BTreeMap<&'static str, Found>,
    /// Settings whose values could not be had, which was told.
    pub(crate) lost: Vec<&'static str>,
    /// `fields { … }` of a passdb, in order.
    pub(crate) fields: Vec<FoundField>,
    /// Files of their own that settings of the block were read from, and that may hold passwords.
    pub(crate) files: Vec<PathBuf>,
    /// Blocks inside, in order of first appearance.
    pub(crate) children: Vec<Self>,
}

/// A value as written and as understood.
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) value: Value,
    pub(crate) place: Place,
    /// The file the text was taken from.
    pub(crate) file: Option<PathBuf>,
    /// It was written under an older name.
    pub(crate) is_older: bool,
}

/// A line of `fields { … }`.
pub(crate) struct FoundField {
    pub(crate) name: String,
    pub(crate) text: String,
    /// The file the text was taken from.
    pub(crate) file: Option<PathBuf>,
    pub(crate) place: Place,
}

impl Section {
    pub(crate) fn new(scope: Scope, label: Option<String>, place: Place) -> Self {
        let (values, fields, children) = (BTreeMap::new(), Vec::new(), Vec::new());
        let (lost, files) = (Vec::new(), Vec::new());
        Self { scope, label, place, values, lost, fields, files, children }
    }

    /// The child with this scope and label, made if need be. Blocks without a label are never the same.
    pub(crate) fn child(&mut self, scope: Scope, label: Option<&str>, place: &Place) -> &mut Self {
        let is_same = |child: &Self| {
            label.is_some() && child.scope == scope && child.label.as_deref() == label
        };
        let position = self.children.iter().position(is_same).unwrap_or(self.children.len());
        if position == self.children.len() {
            self.children.push(Self::new(scope, label.map(str::to_owned), place.clone()));
        }
        &mut self.children[position]
    }

    pub(crate) fn of_scope(&self, scope: Scope) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.scope == scope)
    }

    pub(crate) fn labelled(&self, scope: Scope, label: &str) -> Option<&Self> {
        self.of_scope(scope).find(|child| child.label.as_deref() == Some(label))
    }

    /// The label, for messages.
    pub(crate) fn name(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }

    // === Values, written or default ===

    pub(crate) fn found(&self, name: &str) -> Option<&Found> {
        self.values.get(name)
    }

    /// Where `name` was written, or where its block begins.
    pub(crate) fn place_of(&self, name: &str) -> &Place {
        self.found(name).map_or(&self.place, |found| &found.place)
    }

    fn get(&self, name: &str) -> Option<Value> {
        if let Some(found) = self.found(name) {
            return Some(found.value.clone());
        }
        let setting = registry::exact(self.scope, name);
        debug_assert!(setting.is_some(), "{name} is not in the registry");
        value::parse(setting?.kind, setting?.default).ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Value::Number(number)) => number,
            _ => 0,
        }
    }

    /// A number whose bounds in the registry lie within `T`.
    pub(crate) fn small<T: TryFrom<u64> + Default>(&self, name: &str) -> T {
        T::try_from(self.number(name)).unwrap_or_default()
    }

    pub(crate) fn auto(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Auto(number)) => number,
            _ => None,
        }
    }

    pub(crate) fn time(&self, name: &str) -> Duration {
        match self.get(name) {
            Some(Value::Time(time)) => time,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn auto_time(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Value::AutoTime(time)) => time,
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.optional_text(name).map(|text| Secret::from(text.as_str()))
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        match self.get(name) {
            Some(Value::Path(path)) if !path.as_os_str().is_empty() => Some(path),
            _ => None,
        }
    }

    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Words(words)) => words,
            _ => Vec::new(),
        }
    }

    pub(crate) fn networks(&self, name: &str) -> Networks {
        match self.get(name) {
            Some(Value::Networks(networks)) => networks,
            _ => Networks::default(),
        }
    }

    pub(crate) fn addresses(&self, name: &str) -> Vec<IpAddr> {
        match self.get(name) {
            Some(Value::Addresses(addresses)) => addresses,
            _ => Vec::new(),
        }
    }

    pub(crate) fn template(&self, name: &str) -> Option<Template> {
        match self.get(name) {
            Some(Value::Template(template)) if !template.is_empty() => Some(template),
            _ => None,
        }
    }

    pub(crate) fn templates(&self, name: &str) -> Vec<Template> {
        match self.get(name) {
            Some(Value::Templates(templates)) => templates,
            _ => Vec::new(),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.get(name)
    }
}
