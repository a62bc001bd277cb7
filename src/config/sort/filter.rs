//! Blocks without a name of their own: Dovecot 2.4's named filters, which `doveconf -n` prints.
//!
//! One rule: the name of the block is the start of the names within, and what begins with it may also stand there in full.
//! `ssl_server { cert_file = F }` is `ssl_server_cert_file = F`, and so it is in every block where that may stand. What
//! belongs to both sides, such as `ssl_min_protocol`, holds in the block for its side (`ssl_server_min_protocol`). Anything
//! else would hold within the block alone in Dovecot; Hale can't have that, and says so.
//! Driver: the sorter. Tests: `src/config/tests/blocks.rs`.

use super::{Section, Sorter};
use crate::config::diagnostic::nearest;
use crate::config::raw::{Entry, Item};
use crate::config::registry::{self, INVERTED, Scope};

/// What a name within such blocks stands for.
pub(super) enum Named {
    /// The setting of this name.
    Is(String),
    /// Something that has nothing to do with the block.
    Outside,
    /// Nothing.
    Nothing,
}

/// Whether a block of this name and without one of its own makes sense in a block of `scope`.
pub(super) fn is_filter(scope: Scope, name: &str) -> bool {
    let start = format!("{name}_");
    scope.prefixes().contains(&start.as_str())
        || registry::names_within(scope, name).next().is_some()
}

impl Sorter<'_> {
    /// What `name` stands for in the blocks that are open here.
    pub(super) fn meaning(&self, scope: Scope, name: &str) -> Named {
        let Some(innermost) = self.filters.last() else {
            return Named::Is(name.to_owned());
        };
        let starts = (0..self.filters.len()).filter_map(|from| self.filters.get(from..));
        for start in starts {
            let full = format!("{}_{name}", start.join("_"));
            if registry::is_named(scope, &full) {
                return Named::Is(full);
            }
        }
        // `ssl_min_protocol` in `ssl_server { … }`.
        let family = innermost.split('_').next().unwrap_or_default();
        let of_both = name.strip_prefix(family).and_then(|rest| rest.strip_prefix('_'));
        let of_the_side = of_both.map(|rest| format!("{innermost}_{rest}"));
        if let Some(full) = of_the_side.filter(|full| registry::is_named(scope, full)) {
            return Named::Is(full);
        }
        match name.strip_prefix(innermost.as_str()) {
            Some(rest) if rest.starts_with('_') => Named::Is(name.to_owned()),
            _ if registry::is_named(scope, name) => Named::Outside,
            _ => Named::Nothing,
        }
    }

    /// A block whose name is the start of the names within.
    pub(super) fn filter(
        &mut self,
        section: &mut Section,
        entry: &Entry,
        label: Option<&str>,
        inside: &[Entry],
    ) {
        if label.is_some() {
            let text = format!("such a block has no name of its own, expected `{} {{`", entry.name);
            return self.findings.error(&entry.place, &entry.name, text);
        }
        self.filters.push(entry.name.clone());
        self.entries(section, inside);
        self.filters.pop();
    }

    /// The blocks that are open here, as the start of names.
    pub(super) fn start(&self) -> String {
        self.filters.join("_")
    }

    /// A name that has no meaning in the block around it.
    pub(super) fn misplaced(&mut self, scope: Scope, entry: &Entry, named: &Named) {
        let (around, name) = (self.start(), entry.name.as_str());
        let is_for_it = matches!(named, Named::Outside) && !is_about_clients(name);
        if !registry::serves_within(scope, &around) && is_for_it {
            let text =
                format!("ignored: it would hold for `{around}` only, which Hale has no use for");
            return self.findings.warn(&entry.place, name, text);
        }
        let text = match named {
            Named::Outside | Named::Is(_) => format!(
                "cannot be set for `{around} {{ … }}` alone; write it outside of the block, where it holds for all"
            ),
            Named::Nothing => {
                let near = nearest(name, registry::names_within(scope, &around));
                let hint =
                    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                format!("there is no such setting in `{around} {{ … }}`{hint}")
            }
        };
        self.findings.error(&entry.place, name, text);
    }

    /// What protects must not stand in a block that is not read. `around`: how the block is called.
    pub(super) fn unheard(&mut self, around: &str, inside: &[Entry]) {
        for entry in inside {
            let is_lost = match &entry.item {
                Item::Value(_) => protects(&entry.name),
                Item::Block { entries, .. } => {
                    // A listener has an `ssl` of its own.
                    let has_ssl = entry.name.ends_with("_listener");
                    for within in entries.iter().filter(|it| !has_ssl || it.name != "ssl") {
                        self.unheard(around, std::slice::from_ref(within));
                    }
                    entry.name == "ssl_server"
                }
            };
            if is_lost {
                let text =
                    format!("has no effect in `{around} {{ … }}`; write it outside of the block");
                self.findings.error(&entry.place, &entry.name, text);
            }
        }
    }
}

/// Whether a setting of ours is about who may come in, and how.
fn protects(name: &str) -> bool {
    let starts = ["ssl", "auth_allow", "auth_ssl", "haproxy_trusted", "login_trusted"];
    let is_ours = registry::find(Scope::Global, name).is_some();
    let is_guard = starts.iter().any(|start| name.starts_with(start));
    name == INVERTED.0 || (is_ours && is_guard && !name.starts_with("ssl_client"))
}

/// Whether a setting is about clients only, and not about TLS towards whomever the block around it is for.
fn is_about_clients(name: &str) -> bool {
    protects(name) && (name == "ssl" || name.starts_with("ssl_server") || !name.starts_with("ssl"))
}

/// Ignored blocks that may have TLS of their own, towards a server that Hale does not know.
pub(super) const OTHERS: &[&str] = &["userdb", "ldap", "dict", "fs"];
