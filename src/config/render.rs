//! Settings to text, for `hale config`. What it prints loads again with the same meaning, unless secrets were hidden: then
//! it is refused, as `doveconf -n`'s is, since no password is not the same as an empty one.
//!
//! Duty: layout, quoting, hiding secrets. Driver: the command. Tests: below.

use std::fmt::Write as _;

use super::check::{known_listeners, masked};
use super::model::Field;
use super::registry::{self, Kind, Scope, Setting};
use super::sort::{Found, Section, Settings};
use super::value;
use crate::names::Protocol;

/// Which settings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// All.
    All,
    /// Those that differ from their default (`-n`).
    Changed,
}

/// Whether passwords are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// They are not.
    Hidden,
    /// They are (`-P`).
    Shown,
}

/// The effective settings in Dovecot's syntax.
#[must_use]
pub fn render(settings: &Settings, show: Show, secrets: Secrets) -> String {
    let mut page = Page { text: String::new(), depth: 0, show, secrets };
    page.values(&settings.root);
    for protocol in Protocol::ALL {
        page.service(&settings.root, protocol);
    }
    for child in &settings.root.children {
        let is_written = Protocol::ALL.iter().any(|p| p.service_name() == child.name());
        if child.scope != Scope::Service || !is_written {
            page.block(child);
        }
    }
    page.text
}

/// In place of a secret; Dovecot's words.
const HIDDEN: &str = "# hidden, use -P to show it";
/// Behind a value with a secret among other things.
const PARTLY_HIDDEN: &str = "# passwords hidden, use -P to show them";

struct Page {
    text: String,
    depth: usize,
    show: Show,
    secrets: Secrets,
}

impl Page {
    fn block(&mut self, section: &Section) {
        match section.scope {
            Scope::Global => return,
            Scope::Dict => return self.dict(section),
            _ => {}
        }
        self.open(section.scope.word(), section.label.as_deref());
        self.values(section);
        self.fields(section);
        for child in &section.children {
            self.block(child);
        }
        self.close();
    }

    fn dict(&mut self, section: &Section) {
        self.open("dict_server", None);
        self.open("dict", section.label.as_deref());
        self.values(section);
        self.close();
        self.close();
    }

    /// A login service with Dovecot's default listeners, which are there without being written.
    fn service(&mut self, root: &Section, protocol: Protocol) {
        let written = root.labelled(Scope::Service, protocol.service_name());
        let is_written = |name: &str| {
            written.is_some_and(|section| section.labelled(Scope::Listener, name).is_some())
        };
        let defaults: Vec<_> = match self.show {
            Show::All => {
                known_listeners(protocol).iter().filter(|known| !is_written(known.name)).collect()
            }
            Show::Changed => Vec::new(),
        };
        if written.is_none() && defaults.is_empty() {
            return;
        }
        self.open("service", Some(protocol.service_name()));
        for known in defaults {
            self.open("inet_listener", Some(known.name));
            self.line(&format!("port = {}", known.port));
            if known.ssl {
                self.line("ssl = yes");
            }
            self.close();
        }
        for child in written.iter().flat_map(|section| &section.children) {
            self.block(child);
        }
        self.close();
    }

    fn values(&mut self, section: &Section) {
        for setting in registry::settings().filter(|setting| setting.fits(section.scope)) {
            match section.found(setting.name) {
                Some(found) if self.show == Show::All || is_changed(setting, section, found) => {
                    self.written(setting, found);
                }
                // In blocks silence means the default, and sometimes (the driver) more than that.
                None if setting.is_said => {}
                None if self.show == Show::All && section.scope == Scope::Global => {
                    self.line(&format!("{} = {}", setting.name, quoted(setting.default)));
                }
                Some(_) | None => {}
            }
        }
    }

    fn written(&mut self, setting: &Setting, found: &Found) {
        let name = setting.name;
        let is_hidden = self.secrets == Secrets::Hidden;
        if is_hidden && setting.kind == Kind::Secret && !found.text.is_empty() {
            return self.line(&format!("{name} = {HIDDEN}"));
        }
        // Dovecot 2.3's static passdbs carry passwords among their arguments.
        let may_carry_fields = matches!(name, "args" | "default_fields" | "override_fields");
        if is_hidden && may_carry_fields && found.text.split_whitespace().any(is_secret_pair) {
            let kept: Vec<&str> =
                found.text.split_whitespace().filter(|word| !is_secret_pair(word)).collect();
            return self.line(&format!("{name} = {} {PARTLY_HIDDEN}", quoted(&kept.join(" "))));
        }
        let text = match setting.kind {
            Kind::GeoDb if is_hidden && masked(&found.text) != found.text => {
                format!("{} {PARTLY_HIDDEN}", quoted(&masked(&found.text)))
            }
            _ => match &found.file {
                // More than one line cannot be written between quotes, and only in files `%` and `$` are themselves.
                Some(file) if found.text.contains(['\n', '%', '$']) => {
                    format!("<{}", file.display())
                }
                _ => quoted(&found.text),
            },
        };
        self.line(&format!("{name} = {text}"));
    }

    fn fields(&mut self, section: &Section) {
        if section.fields.is_empty() {
            return;
        }
        self.open(if section.scope == Scope::Pgsql { "parameters" } else { "fields" }, None);
        for field in &section.fields {
            let is_hidden = self.secrets == Secrets::Hidden && Field::is_secret(&field.name);
            if is_hidden && !field.text.is_empty() {
                self.line(&format!("{} = {HIDDEN}", field.name));
                continue;
            }
            let text = match &field.file {
                Some(file) if field.text.contains(['\n', '%', '$']) => {
                    format!("<{}", file.display())
                }
                _ => quoted(&field.text),
            };
            self.line(&format!("{} = {text}", field.name));
        }
        self.close();
    }

    fn open(&mut self, word: &str, label: Option<&str>) {
        match label {
            Some(label) => self.line(&format!("{word} {} {{", label_text(label))),
            None => self.line(&format!("{word} {{")),
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn line(&mut self, text: &str) {
        let indent = self.depth * 2;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{:indent$}{}", "", text.trim_end());
    }
}

fn is_secret_pair(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| Field::is_secret(name))
}

/// In a block that overrides, every written value counts.
fn is_changed(setting: &Setting, section: &Section, found: &Found) -> bool {
    let default = value::parse(setting.kind, setting.default);
    setting.is_said || section.scope != Scope::Global || default.as_ref() != Ok(&found.value)
}

pub(crate) fn label_text(label: &str) -> String {
    let is_plain = label.chars().all(|c| c.is_alphanumeric() || "-_.:/@!*".contains(c));
    if is_plain && !label.is_empty() { label.to_owned() } else { quote(label) }
}

/// The text as it must be written to be read as the same.
fn quoted(text: &str) -> String {
    let is_plain = !text.starts_with(['"', '\'', '<', ' ', '\t', '#'])
        && !text.ends_with([' ', '\t', '\\'])
        && text.trim() == text
        && !text.contains(['#', '$']);
    if is_plain { text.to_owned() } else { quote(text) }
}

pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::diagnostic::Place;
    use crate::config::load;
    use crate::config::tests::{Files, load_text, loaded};
    use proptest::prelude::*;
    use std::path::Path;
    use std::sync::Arc;

    const TEXT: &str = "cluster_local_site = DC1\nssl = yes\nlisten = *\ndoveadm_password = hush1\n\
        doveadm_port = 2300\ncluster_geodb = cassandra:hosts=a;keyspace=k;user=u;password=hush2\n\
        service imap-login {\n inet_listener imap { port = 1143  haproxy = no }\n}\n\
        service doveadm { inet_listener tcp { port = 2300 } }\n\
        protocol pop3 { proxy_port = 1110 }\n\
        passdb test {\n driver = static\n password = hush3\n fields {\n  proxy = y\n  pass = hush4\n }\n}\n\
        passdb old { driver = static  args = proxy=y password=hush5 }\n\
        local_name \"a.example b.example\" {\n ssl_server_cert_file = /c\n ssl_server_key_file = /k\n}\n";

    #[test]
    fn only_changes_are_printed_and_secrets_never() {
        let shown = render(&load_text(TEXT).settings, Show::Changed, Secrets::Hidden);
        assert!(shown.starts_with("listen = *\n"), "{shown}");
        assert!(!shown.contains("ssl = yes"), "{shown}");
        assert!(shown.contains("doveadm_password = # hidden, use -P to show it\n"));
        assert!(shown.contains("    pass = # hidden, use -P to show it\n"));
        for show in [Show::All, Show::Changed] {
            assert!(!render(&load_text(TEXT).settings, show, Secrets::Hidden).contains("hush"));
        }
    }

    #[test]
    fn what_is_printed_loads_again_and_means_the_same() {
        let first = load_text(TEXT);
        let expected = meaning(&first.config.unwrap());
        for show in [Show::All, Show::Changed] {
            let printed = render(&first.settings, show, Secrets::Shown);
            let config = loaded(&printed);
            assert_eq!(meaning(&config), expected, "{printed}");
            assert_eq!(config.doveadm.password.unwrap().expose(), b"hush1");
            assert_eq!(render(&load_text(&printed).settings, show, Secrets::Shown), printed);
            let hidden = load_text(&render(&first.settings, show, Secrets::Hidden));
            assert!(
                hidden.errors.len() > 2
                    && hidden.errors.iter().all(|it| it.text.contains("doveconf -nP"))
            );
        }
    }

    /// The configuration without the lines it stood on.
    fn meaning(config: &Config) -> String {
        let mut config = config.clone();
        let place = Place::new(&Arc::from(Path::new("x")), 1);
        config.listeners.iter_mut().for_each(|listener| listener.place = None);
        config.admin_listeners.iter_mut().for_each(|listener| listener.place = None);
        config.auth.passdbs.iter_mut().for_each(|passdb| passdb.place = place.clone());
        for ssl in &mut config.ssl.towards_clients {
            let by_name = ssl.by_name.iter_mut().map(|(_, certificate)| certificate);
            by_name.chain(&mut ssl.server).for_each(|it| it.place = place.clone());
        }
        format!("{config:#?}")
    }

    /// What `meaning` does not show.
    fn secrets(config: &Config) -> Vec<String> {
        let password =
            config.doveadm.password.as_ref().map(|it| it.expose().escape_ascii().to_string());
        let fields = config.auth.passdbs.iter().flat_map(|passdb| &passdb.fields);
        let fields = fields.map(|field| field.value.to_string());
        [config.login_greeting.clone(), password.unwrap_or_default()]
            .into_iter()
            .chain(fields)
            .collect()
    }

    proptest! {
        #[test]
        fn any_text_survives_being_printed(text in "[ -$&-~äß]{0,30}") {
            let greeting = format!("login_greeting = {}\n", quote(&text));
            let first = load_text(&greeting);
            let printed = render(&first.settings, Show::All, Secrets::Shown);
            prop_assert_eq!(loaded(&printed).login_greeting, text);
        }

        #[test]
        fn case_05_variables_are_refused_or_survive_being_printed(
            text in r#"([ -~]|%|%%|%\{(user|env:A|x)( \| (lower|default\('b'\)))?\}|%%\{|\$(ENV:A|ENV:B|SET:hostname|hostname|x)|'){0,8}"#,
            is_quoted: bool,
        ) {
            let value = if is_quoted { quote(&text) } else { text };
            let text = format!(
                "hostname = h\nlogin_greeting = {value}\ndoveadm_password = {value}\npassdb static {{\n fields {{\n  host = {value}\n  \
                 pass = {value}\n }}\n}}\n"
            );
            let mut files = Files::new(&[("/e/t.conf", &text)]);
            files.set("A", b"a%u $x");
            let first = load(&mut files, Path::new("/e/t.conf"));
            if let Some(config) = &first.config {
                let printed = render(&first.settings, Show::All, Secrets::Shown);
                files.insert("/e/t.conf", printed.as_bytes());
                let second = load(&mut files, Path::new("/e/t.conf"));
                prop_assert!(second.errors.is_empty(), "{}{:?}", printed, second.errors);
                prop_assert_eq!(secrets(&second.config.unwrap()), secrets(config), "{}", printed);
            }
        }
    }
}
