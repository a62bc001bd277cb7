//! `$name`, `$SET:name` and `$ENV:NAME` in values.
//!
//! Duty: the value so far of what is named, as Dovecot 2.3 finds it: in this block, then in those around it, then the
//! default. Words begin at white space. Not its duty: the environment's values; `$ENV:NAME` becomes `%{env:NAME}`.
//! Driver: the sorter, for every value. Tests: below.

use std::collections::BTreeMap;

use crate::config::diagnostic::nearest;
use crate::config::environment::leading_name;
use crate::config::raw::{Entry, Value as Raw};
use crate::config::registry::{self, Scope};

/// A text that grows by naming itself ends here.
const REFERENCED_BYTES_MAX: usize = 1 << 16;

/// Everything that was written so far, by block and name.
#[derive(Default)]
pub(super) struct Written {
    /// The blocks around the current line, outermost first.
    path: Vec<String>,
    values: BTreeMap<(Vec<String>, String), Raw>,
}

impl Written {
    /// A block begins. Those without a label are never the same.
    pub(super) fn enter(&mut self, entry: &Entry, label: Option<&str>) {
        let block = match label {
            Some(label) => format!("{} {label}", entry.name),
            None => format!("{} at {}", entry.name, entry.place),
        };
        self.path.push(block);
    }

    /// It ends.
    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    pub(super) fn remember(&mut self, scope: Scope, name: &str, raw: Raw) {
        self.values.insert((self.path.clone(), canonical(scope, name).to_owned()), raw);
    }

    /// The value with everything that it refers to put in.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(super) fn resolve(&self, scope: Scope, raw: &Raw) -> Result<Raw, String> {
        if raw.file.is_some() || !raw.text.contains('$') {
            return Ok(raw.clone());
        }
        if raw.is_quoted {
            return match keyword(&raw.text) {
                Some(word) => Err(format!(
                    "`{word}` between quotes is not expanded; write it without them, or `%{{env:NAME}}`"
                )),
                None => Ok(raw.clone()),
            };
        }
        if let Some(found) = self.whole(scope, &raw.text)? {
            return Ok(found);
        }
        let mut text = String::with_capacity(raw.text.len());
        for word in raw.text.split_inclusive([' ', '\t']) {
            let bare = word.trim_end_matches([' ', '\t']);
            text.push_str(&self.word(scope, bare)?);
            text.push_str(&word[bare.len()..]);
            if text.len() > REFERENCED_BYTES_MAX {
                return Err(format!("the text becomes longer than {REFERENCED_BYTES_MAX} bytes"));
            }
        }
        Ok(Raw { text: text.trim().to_owned(), ..raw.clone() })
    }

    /// `name = $other` alone takes the other as it is, also where that came from a file.
    fn whole(&self, scope: Scope, text: &str) -> Result<Option<Raw>, String> {
        match setting_name(text) {
            Some(name) => self.lookup(scope, name).map(Some),
            None => Ok(None),
        }
    }

    fn word(&self, scope: Scope, word: &str) -> Result<String, String> {
        if let Some(rest) = word.strip_prefix("$ENV:") {
            let name = leading_name(rest);
            return match rest.len() == name.len() && !name.is_empty() {
                true => Ok(format!("%{{env:{name}}}")),
                false => Err(format!(
                    "the name behind `$ENV:` ends at a space; write `%{{env:{name}}}` in front of other text"
                )),
            };
        }
        if let Some(name) = setting_name(word) {
            let found = self.lookup(scope, name)?;
            return match found.file {
                None => Ok(found.text),
                Some(_) => Err(format!("`${name}` was taken from a file and can only stand alone")),
            };
        }
        if let Some(keyword) = keyword(word) {
            return Err(format!(
                "`{keyword}` is a variable at the start of a word only; write `%{{env:NAME}}` inside of one"
            ));
        }
        if let Some(name) = shell_name(word) {
            return Err(format!(
                "`${{{name}}}` is a shell's variable and would stay as it is; write `%{{env:{name}}}`"
            ));
        }
        Ok(word.to_owned())
    }

    fn lookup(&self, scope: Scope, name: &str) -> Result<Raw, String> {
        for depth in (0..=self.path.len()).rev() {
            let scope = if depth == self.path.len() { scope } else { Scope::Global };
            let key = (self.path[..depth].to_vec(), canonical(scope, name).to_owned());
            if let Some(found) = self.values.get(&key) {
                return Ok(found.clone());
            }
        }
        let setting = registry::find(scope, name).or_else(|| registry::find(Scope::Global, name));
        match setting {
            // Nothing is served that is not written down.
            Some((setting, _)) if setting.name == "protocols" => Ok(Raw::plain("")),
            Some((setting, _)) => Ok(Raw::plain(setting.default)),
            None => {
                let known = registry::settings().map(|setting| setting.name);
                let hint = nearest(name, known)
                    .map_or_else(String::new, |near| format!(" (did you mean `${near}`?)"));
                Err(format!(
                    "`${name}`: nothing is written for it before this line{hint}; a text that begins with a dollar sign \
                     stands between quotes"
                ))
            }
        }
    }
}

/// The one name of a setting that may have several.
fn canonical(scope: Scope, name: &str) -> &str {
    registry::find(scope, name).map_or(name, |(setting, _)| setting.name)
}

/// `$name` or `$SET:name`, the whole word. Stored passwords (`$6$…`, `$argon2id$…`) are no names.
fn setting_name(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$').filter(|name| !name.starts_with("ENV:"))?;
    let (name, is_set) = match name.strip_prefix("SET:") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_hash = name.contains('$');
    (!name.contains([' ', '\t']) && (is_set || (starts && !is_hash))).then_some(name)
}

/// The variable that would stay as it is.
fn keyword(text: &str) -> Option<&'static str> {
    ["$ENV:", "$SET:"].into_iter().find(|word| text.contains(word))
}

/// The first `${NAME}`.
fn shell_name(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(position, start)| {
        let rest = &text[position + start.len()..];
        let name = leading_name(rest);
        (!name.is_empty() && rest[name.len()..].starts_with('}')).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{errors, loaded};
    use crate::names::Protocol;

    #[test]
    fn case_08_a_name_is_the_value_so_far() {
        let config = loaded(
            "protocols = imap\nprotocols = $protocols pop3\nprotocols = $protocols  lmtp\nlogin_greeting = a\n\
             login_greeting = $login_greeting $login_greeting b$login_greeting\nhostname = h\n\
             managesieve_notify_capability = $hostname $SET:hostname\nservice lmtp { inet_listener lmtp { port = 24 } }\n",
        );
        assert_eq!(config.protocols, [Protocol::Imap, Protocol::Pop3, Protocol::Lmtp]);
        assert_eq!(config.managesieve.notify, "h h");
    }

    #[test]
    fn case_08_words_begin_at_spaces_as_in_dovecot() {
        let greeting = |text: &str| loaded(text).login_greeting;
        assert_eq!(
            greeting("login_greeting = a\nlogin_greeting = $login_greeting x$login_greeting\n"),
            "a x$login_greeting"
        );
        assert_eq!(greeting("login_greeting = \"$login_greeting x\"\n"), "$login_greeting x");
        assert_eq!(greeting("login_greeting = $login_greeting x\n"), "Hale ready. x");
        assert_eq!(greeting("login_greeting = costs $5 $ $$\n"), "costs $5 $ $$");
    }

    #[test]
    fn case_08_blocks_see_what_is_around_them_and_only_protocols_has_no_default() {
        let config = loaded(
            "protocols = $protocols pop3\nlisten = ::1\nservice pop3-login {\n inet_listener pop3 {\n  listen = $listen 127.0.0.1\n  \
             port = 1110\n }\n inet_listener pop3s { port = 0 }\n}\nprotocol pop3 {\n mail_max_userip_connections = 7\n}\n\
             protocol pop3 {\n relay_idle_timeout = 5s\n proxy_port = $mail_max_userip_connections\n}\n",
        );
        assert_eq!(config.protocols, [Protocol::Pop3]);
        assert_eq!(config.listeners.len(), 2);
        assert_eq!(config.protocol(Protocol::Pop3).proxy_port, 7);
    }

    #[test]
    fn case_08_other_names_of_a_setting_and_ignored_settings_count() {
        let config = loaded(
            "mail_plugins = zlib\nlogin_greeting = $mail_plugins\nmail_plugins = $mail_plugins $nobody\n\
             ssl_server_cert_file = /c\nssl_key = $ssl_cert\n",
        );
        assert_eq!(config.login_greeting, "zlib");
        assert_eq!(
            config.ssl.of(Protocol::Imap).server.as_ref().unwrap().key_file,
            std::path::Path::new("/c")
        );
    }

    #[test]
    fn case_08_unknown_names_and_half_written_variables_are_mistakes() {
        for (text, expected) in [
            ("hostname = $hostnam\n", "did you mean `$hostname`?"),
            ("protocols = $protcols pop3\n", "`$protcols`: nothing is written for it"),
            ("foo = $foo\nhostname = $foo\n", "there is no such setting"),
            ("hostname = $SET:service/imap/x\n", "`$service/imap/x`: nothing is written"),
            ("hostname = a$ENV:X\n", "`$ENV:` is a variable at the start of a word only"),
            ("hostname = $ENV:X/y\n", "write `%{env:X}` in front of other text"),
            ("hostname = $ENV:\n", "the name behind `$ENV:`"),
            ("hostname = \"$ENV:X\"\n", "between quotes is not expanded"),
            ("hostname = a${X}b\n", "write `%{env:X}`"),
            ("login_greeting = $login_greeting, x\n", "`$login_greeting,`: nothing is written"),
            ("doveadm_password = $ecret\n", "stands between quotes"),
        ] {
            let found = errors(text);
            assert!(found.iter().any(|line| line.contains(expected)), "{text}: {found:?}");
        }
    }

    #[test]
    fn case_08_a_text_that_names_itself_twice_ends() {
        let text = format!(
            "login_greeting = ab\n{}",
            "login_greeting = $login_greeting $login_greeting\n".repeat(40)
        );
        assert!(errors(&text)[0].contains("longer than 65536 bytes"));
    }

    #[test]
    fn stored_passwords_are_no_names() {
        for hash in ["$6$salt$x", "$argon2id$v=19$m=1", "$2y$05$x"] {
            let text = format!("passdb static {{\n password = {hash}\n}}\n");
            assert!(loaded(&text).auth.passdbs.len() == 1, "{hash}");
        }
    }
}
