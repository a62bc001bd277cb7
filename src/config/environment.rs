//! What is known when the configuration is read: environment variables, and texts with them put in.
//!
//! Duty: `%{env:NAME}`, Dovecot's `import_environment { NAME = VALUE }`, and that no text of a variable is ever taken for its
//! value. Not its duty: reading the environment, which the shell does through [`Source`]; `$name`, which `sort` does.
//! Driver: `raw` collects, `sort` and `check` ask. Tests: below and in `tests/placeholders.rs`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::raw::{Entry, Item, Source};
use crate::template::{Letters, NoValue, Template};

/// The environment variables that the configuration mentions.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, Option<Vec<u8>>>);

/// Whether a text is a password. Then it must not be empty, and messages never show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privacy {
    Open,
    Secret,
}

impl Environment {
    /// Asks for the variables that `text` mentions.
    pub(crate) fn collect(&mut self, text: &str, source: &mut impl Source) {
        for start in ["env:", "ENV:"] {
            for (position, _) in text.match_indices(start) {
                let name = leading_name(&text[position + start.len()..]);
                if !name.is_empty() && !self.0.contains_key(name) {
                    self.0.insert(name.to_owned(), source.environment(name));
                }
            }
        }
    }

    /// Dovecot's own definitions: `import_environment { NAME = VALUE }`, or words `NAME=VALUE`.
    pub(crate) fn define(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.name == "import_environment") {
            match &entry.item {
                Item::Block { entries, .. } => {
                    for inside in entries {
                        if let Item::Value(value) = &inside.item {
                            self.define_one(&inside.name, &value.text);
                        }
                    }
                }
                Item::Value(words) => {
                    for word in words.text.split_whitespace() {
                        if let Some((name, value)) = word.split_once('=') {
                            self.define_one(name, value);
                        }
                    }
                }
            }
        }
    }

    /// A definition that has no value defines nothing; where the variable is used the operator is told.
    fn define_one(&mut self, name: &str, text: &str) {
        let long = match text.strip_prefix("$ENV:") {
            Some(other) => format!("%{{env:{other}}}"),
            None => text.to_owned(),
        };
        if let Ok(value) = self.plain(&long, Privacy::Open) {
            self.0.insert(name.to_owned(), Some(value.into_bytes()));
        }
    }

    fn value(&self, name: &str, privacy: Privacy) -> Result<&str, NoValue> {
        let Some(Some(bytes)) = self.0.get(name) else {
            return Err(NoValue::Missing(format!(
                "the environment variable `{name}` is not set; set it for every command of hale, under systemd with \
                 `Environment=` or `EnvironmentFile=`"
            )));
        };
        let bad = |what| Err(NoValue::Bad(format!("the environment variable `{name}` {what}")));
        let Ok(text) = str::from_utf8(bytes) else {
            return bad("is not text in UTF-8");
        };
        if text.contains(|c: char| c.is_control() && c != '\t') {
            return bad("has a line end or another control character in it");
        }
        if privacy == Privacy::Secret && text.is_empty() {
            return Err(NoValue::Missing(format!(
                "the environment variable `{name}` is empty, expected a password"
            )));
        }
        if privacy == Privacy::Secret && is_placeholder(text) {
            return bad(
                "holds the name of a variable, expected a password; values are not expanded again",
            );
        }
        Ok(text)
    }

    /// Puts into a template what is known at load.
    pub(crate) fn resolve(&self, template: &mut Template, privacy: Privacy) -> Result<(), String> {
        template.resolve(&|name| {
            let name = name.strip_prefix("env:")?;
            Some(self.value(name, privacy).map(Cow::Borrowed))
        })
    }

    /// The value of a text in which nothing but the environment is known.
    ///
    /// # Errors
    /// A sentence for the operator; it does not show the text.
    pub(crate) fn plain(&self, text: &str, privacy: Privacy) -> Result<String, String> {
        let mut template = Template::parse(text, Letters::Text)?;
        self.resolve(&mut template, privacy)?;
        if let Some(name) = template.variables().next() {
            return Err(format!(
                "`%{{{name}}}` is not known here, only `%{{env:NAME}}` is; write `%%{{` for a plain `%{{`"
            ));
        }
        template.expand(&|_| None).map_err(|fault| fault.to_string())
    }
}

/// The content of a file, its last line end taken off, counts as it is. That it is the name of a variable was not meant.
pub(crate) fn file_content(text: &str) -> Result<&str, String> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if is_placeholder(text) {
        return Err("the file holds the name of a variable; the content of files is not expanded"
            .to_owned());
    }
    Ok(text)
}

/// Whether a whole text is nothing but a variable.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let is_braced = |start| text.starts_with(start) && text.ends_with('}');
    is_braced("%{") || is_braced("${") || text.starts_with("$ENV:") || text.starts_with("$SET:")
}

/// The variable in a text in which nothing is expanded: a file to include, the name of a block.
pub(crate) fn unexpanded(text: &str) -> Option<&'static str> {
    ["%{", "${", "$ENV:", "$SET:"].into_iter().find(|start| text.contains(start))
}

/// The name of an environment variable at the start of a text.
pub(crate) fn leading_name(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &[u8])]) -> Environment {
        let pair = |(name, value): &(&str, &[u8])| ((*name).to_owned(), Some(value.to_vec()));
        Environment(variables.iter().map(pair).collect())
    }

    #[test]
    fn case_05_a_variable_is_its_value_and_never_expanded_again() {
        let known = with(&[("A", b"x%{env:B}%u%%$B"), ("B", b"y"), ("E", b"")]);
        let plain = |text| known.plain(text, Privacy::Open);
        assert_eq!(plain("<%{env:A}>"), Ok("<x%{env:B}%u%%$B>".into()));
        assert_eq!(plain("%{env:B | upper}%%{env:A}%%%"), Ok("Y%{env:A}%%%".into()));
        assert_eq!(plain("%{env:C | default('d')}%{env:E}%{literal('e')}"), Ok("de".into()));
        assert_eq!(plain("%{env:C | default(env:B)}"), Ok("y".into()));
    }

    #[test]
    fn case_05_what_has_no_value_is_a_mistake_that_names_it() {
        let known = with(&[("LF", b"a\nb"), ("BAD", b"\xFF"), ("E", b""), ("P", b"%{env:P}")]);
        for (text, privacy, expected) in [
            ("%{env:NONE}", Privacy::Open, "variable `NONE` is not set"),
            ("%{env:NONE | upper}", Privacy::Open, "variable `NONE` is not set"),
            ("%{env:LF}", Privacy::Open, "`LF` has a line end"),
            ("%{env:BAD}", Privacy::Secret, "`BAD` is not text"),
            ("%{env:E}", Privacy::Secret, "`E` is empty"),
            ("%{env:P}", Privacy::Secret, "`P` holds the name of a variable"),
            ("%{user}", Privacy::Open, "`%{user}` is not known here"),
            ("%{env:E | hex}", Privacy::Open, "cannot be applied"),
            ("a%ub", Privacy::Secret, "a percent sign with a letter"),
            ("%{env:E", Privacy::Open, "`%{` without `}`"),
        ] {
            let fault = known.plain(text, privacy).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
    }

    #[test]
    fn contents_of_files_are_taken_as_they_are_unless_they_are_a_variables_name() {
        assert_eq!(file_content("x%u%%{a}$B\r"), Ok("x%u%%{a}$B"));
        for text in ["%{env:A}", "$ENV:A", "${A}", " %{file:/x} "] {
            assert!(file_content(text).is_err(), "{text}");
        }
    }
}
