//! What differs between two configurations, for the operator who reloads.
//!
//! Duty: names of settings and blocks, and when the change of each takes effect. Non-duty: values, which may be secrets. Driver: the
//! control core's reload. Tests: below.

use super::registry::{self, Effect, Scope, Setting};
use super::sort::{Section, Settings};

/// A setting, or a block, that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As it is written, with the blocks around it: `protocol imap: proxy_port`.
    pub name: String,
    /// When the change takes effect.
    pub effect: Effect,
}

/// Everything that differs, in the order of the registry; blocks behind it.
#[must_use]
pub fn changes(from: &Settings, to: &Settings) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&from.root, &to.root, "", &mut found);
    found
}

fn compare(from: &Section, to: &Section, around: &str, found: &mut Vec<Change>) {
    let is_changed = |setting: &&Setting| match from.scope {
        // What is not written means the default.
        Scope::Global => from.value(setting.name) != to.value(setting.name),
        _ => {
            let values = [from, to].map(|section| section.found(setting.name).map(|it| &it.value));
            values[0] != values[1]
        }
    };
    for setting in registry::settings().filter(|it| it.fits(from.scope)).filter(is_changed) {
        found.push(Change { name: format!("{around}{}", setting.name), effect: setting.effect() });
    }
    let fields = |section: &Section| -> Vec<(String, String)> {
        section.fields.iter().map(|field| (field.name.clone(), field.text.clone())).collect()
    };
    if fields(from) != fields(to) {
        found.push(Change { name: format!("{around}fields"), effect: Effect::Reload });
    }
    for (place, child) in from.children.iter().enumerate() {
        let name = described(child);
        match twin(child, from, place, to) {
            Some(other) => compare(child, other, &format!("{around}{name}: "), found),
            None => found.push(block(child, format!("{around}{name} (taken out)"))),
        }
    }
    for (place, child) in to.children.iter().enumerate() {
        if twin(child, to, place, from).is_none() {
            found.push(block(child, format!("{around}{} (new)", described(child))));
        }
    }
}

/// The block of the same kind and name; of several, the one at the same place among them.
fn twin<'a>(
    child: &Section,
    own: &Section,
    place: usize,
    other: &'a Section,
) -> Option<&'a Section> {
    let is_same = |it: &&Section| it.scope == child.scope && it.label == child.label;
    let before = own.children.iter().take(place).filter(is_same).count();
    other.children.iter().filter(is_same).nth(before)
}

fn block(section: &Section, name: String) -> Change {
    let effect = match section.scope {
        Scope::Dict => Effect::Restart,
        _ => Effect::Reload,
    };
    Change { name, effect }
}

fn described(section: &Section) -> String {
    let kind = section.scope.word();
    match &section.label {
        Some(label) => format!("{kind} {label}"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load_text;

    fn between(from: &str, to: &str) -> Vec<String> {
        let (from, to) = (load_text(from), load_text(to));
        let told = |change: Change| format!("{} ({})", change.name, change.effect.told());
        changes(&from.settings, &to.settings).into_iter().map(told).collect()
    }

    #[test]
    fn changes_are_told_by_name_and_block() {
        let from = "login_greeting = a\nprotocol imap {\n proxy_port = 143\n}\npassdb u {\n driver = static\n password = x\n}\n\
                    service imap-login {\n inet_listener imap {\n port = 143\n }\n}\n";
        assert_eq!(between(from, from), [""; 0]);
        assert_eq!(between(from, &from.replace("= a", "= b")), ["login_greeting (reload)"]);
        assert_eq!(
            between(from, &from.replace("port = 143\n }", "port = 1143\n }")),
            ["service imap-login: inet_listener imap: port (reload)"]
        );
        assert_eq!(
            between(from, &from.replace("proxy_port = 143", "proxy_port = 144")),
            ["protocol imap: proxy_port (reload)"]
        );
        assert_eq!(
            between(
                from,
                &from.replace("passdb u {\n", "passdb u {\n fields {\n nologin = y\n }\n")
            ),
            ["passdb u: fields (reload)"]
        );
        assert_eq!(
            between(from, &from.replace("passdb u ", "passdb v ")),
            ["passdb u (taken out) (reload)", "passdb v (new) (reload)"]
        );
        assert_eq!(between(from, &format!("{from}state_dir = /x\n")), ["state_dir (restart)"]);
        assert_eq!(
            between("login_greeting = Hale ready.\n", "").len(),
            usize::from(load_text("").config.unwrap().login_greeting != "Hale ready."),
            "the default, written or not, is the same"
        );
    }
}
