//! An operator's query as a statement with parameters: no value is ever part of its text (DB-01).
//!
//! Duty: variables to parameters. One between quotes is a parameter together with all that is between them, as Dovecot's own templates
//! have it: `'%{user}@example.org'` is one value. Driver: the engines of the driver `sql` (`control::userdbs`). Tests: below, and the
//! fuzz target `sql_query`.

use super::variables::{PASSWORD, Values};
use crate::secret::Secret;
use crate::template::{Piece, Template, Unexpandable};

/// A statement, and what its parameters are made of, in their order.
#[derive(Debug)]
pub struct Query {
    /// The statement, the same for all users.
    pub text: String,
    parameters: Vec<Template>,
    template: Template,
}

/// How an engine writes parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `$1`, `$2` or `?1`, `?2`.
    Numbered(char),
    /// `?` for each.
    Plain,
}

impl Style {
    /// What a parameter begins with.
    fn mark(self) -> char {
        match self {
            Self::Numbered(mark) => mark,
            Self::Plain => '?',
        }
    }
}

/// Between which quotes the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// A value.
    Single,
    /// A name; in MySQL a value, too.
    Other(char),
}

impl Query {
    /// Understands a query.
    ///
    /// # Errors
    /// A variable stands where no parameter can be, as a sentence.
    pub fn parse(template: &Template, style: Style) -> Result<Self, String> {
        let mut reader = Reader {
            text: String::new(),
            parameters: Vec::new(),
            style,
            within: Within::Nothing,
            value: Vec::new(),
            plain: String::new(),
            has_backslash: false,
            follows_parameter: false,
        };
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => reader.plain(text)?,
                Piece::Variable(variable) => reader.variable(variable)?,
            }
        }
        if reader.within != Within::Nothing {
            return Err("sql_query: a quote is opened and never closed".to_owned());
        }
        let Reader { text, parameters, .. } = reader;
        let text = text.trim().trim_end_matches(';').trim_end().to_owned();
        Ok(Self { text, parameters, template: template.clone() })
    }

    /// What the query was made from.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Whether the client's password is one of its parameters: then no message of the server's is shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.template.variables().any(|name| name == PASSWORD)
    }

    /// The parameters' values.
    ///
    /// # Errors
    /// A filter cannot do its work on them.
    pub fn values(
        &self,
        values: &Values<'_>,
        password: Option<&Secret>,
    ) -> Result<Vec<String>, Unexpandable> {
        let password = password.map(|it| String::from_utf8_lossy(it.expose()).into_owned());
        let of = |name: &str| match name {
            PASSWORD => password.as_deref().map(Into::into),
            name => values.get(name),
        };
        self.parameters.iter().map(|template| template.expand(&of)).collect()
    }
}

struct Reader {
    text: String,
    parameters: Vec<Template>,
    style: Style,
    within: Within,
    /// What stands between the quotes so far.
    value: Vec<Template>,
    /// The end of that, or all of it.
    plain: String,
    /// There is a backslash in it.
    has_backslash: bool,
    /// The statement so far ends with a parameter.
    follows_parameter: bool,
}

impl Reader {
    fn plain(&mut self, text: &str) -> Result<(), String> {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match (self.within, character) {
                (Within::Nothing, '\'') => self.within = Within::Single,
                (Within::Nothing, '"' | '`') => {
                    self.follows_parameter = false;
                    self.within = Within::Other(character);
                    self.text.push(character);
                }
                (Within::Nothing, '?') if self.style.mark() == '?' => {
                    return Err(
                        "sql_query: `?` stands for a parameter; write a variable".to_owned()
                    );
                }
                (Within::Nothing, '$')
                    if self.style.mark() == '$'
                        && !self.is_in_word()
                        && characters.peek().is_some_and(char::is_ascii_digit) =>
                {
                    return Err(
                        "sql_query: `$1` stands for a parameter; write a variable".to_owned()
                    );
                }
                (Within::Nothing, _) if is_word(character) && self.follows_parameter => {
                    return Err(beside_a_word());
                }
                (Within::Nothing, _) => {
                    self.follows_parameter = false;
                    self.text.push(character);
                }
                // Twice is one of them.
                (Within::Single, '\'') if characters.peek() == Some(&'\'') => {
                    characters.next();
                    self.plain.push('\'');
                }
                (Within::Single, '\\') if self.style == Style::Plain => {
                    // MySQL's; which letters mean what depends on the server's mode.
                    self.has_backslash = true;
                    self.plain.push('\\');
                }
                (Within::Single, '\'') => self.close()?,
                (Within::Single, _) => self.plain.push(character),
                (Within::Other(quote), _) => {
                    if character == quote {
                        self.within = Within::Nothing;
                    }
                    self.text.push(character);
                }
            }
        }
        Ok(())
    }

    fn variable(&mut self, variable: Template) -> Result<(), String> {
        match self.within {
            Within::Nothing => self.parameter(variable),
            Within::Single => {
                let before = std::mem::take(&mut self.plain);
                self.value.extend([Template::literal(&before), variable]);
                Ok(())
            }
            Within::Other(quote) => Err(format!(
                "sql_query: a variable stands between {quote}, where only names of tables and columns can be; write it between \
                 single quotes"
            )),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.within = Within::Nothing;
        let plain = std::mem::take(&mut self.plain);
        let mut value = std::mem::take(&mut self.value);
        if std::mem::take(&mut self.has_backslash) && !value.is_empty() {
            let text =
                "sql_query: a quote with a variable in it has a backslash in it; leave it out";
            return Err(text.to_owned());
        }
        if value.is_empty() {
            self.follows_parameter = false;
            self.text.push('\'');
            self.text.push_str(&plain.replace('\'', "''"));
            self.text.push('\'');
            return Ok(());
        }
        value.push(Template::literal(&plain));
        self.parameter(Template::join(value))
    }

    fn parameter(&mut self, template: Template) -> Result<(), String> {
        if self.is_in_word() {
            return Err(beside_a_word());
        }
        self.parameters.push(template);
        self.text.push(self.style.mark());
        match self.style {
            Style::Numbered(_) => self.text.push_str(&self.parameters.len().to_string()),
            Style::Plain => {}
        }
        self.follows_parameter = true;
        Ok(())
    }

    /// Whether what comes next goes on with a name or a number.
    fn is_in_word(&self) -> bool {
        self.follows_parameter || self.text.ends_with(is_word)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// `E'…'` and its kin, and numbers and names that a parameter's own number would become a part of.
fn beside_a_word() -> String {
    "sql_query: a variable, or a quote with one in it, has a letter or digit right beside it, such as E or N; leave it out".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Protocol;
    use crate::template::Letters;

    fn query(text: &str, style: Style) -> Result<Query, String> {
        Query::parse(&Template::parse(text, Letters::Inquiry).unwrap(), style)
    }

    fn values<'a>(user: &'a str) -> Values<'a> {
        Values {
            user,
            original_user: user,
            master_user: "",
            protocol: Protocol::Imap,
            remote: "192.0.2.7".parse().unwrap(),
            local: "192.0.2.1".parse().unwrap(),
        }
    }

    #[test]
    fn db_01_variables_become_parameters_whatever_is_in_them() {
        let text = "SELECT u AS user, p AS password, 'it''s' AS reason FROM t WHERE u = '%n' AND d = '%d' AND a <> %{user}; ";
        let query = query(text, Style::Numbered('$')).unwrap();
        assert_eq!(
            query.text,
            "SELECT u AS user, p AS password, 'it''s' AS reason FROM t WHERE u = $1 AND d = $2 AND a <> $3"
        );
        let evil = "x' OR '1'='1@\\\"; --";
        let found = query.values(&values(evil), None).unwrap();
        assert_eq!(found, ["x' OR '1'='1", "\\\"; --", evil]);
    }

    #[test]
    fn all_between_the_quotes_is_one_value() {
        let question =
            query("SELECT 1 WHERE a = 'x-%{user}@it''s' OR b LIKE '%%'", Style::Numbered('?'));
        let question = question.unwrap();
        assert_eq!(question.text, "SELECT 1 WHERE a = ?1 OR b LIKE '%'");
        assert_eq!(question.values(&values("bob"), None).unwrap(), ["x-bob@it's"]);
        let secret = query("SELECT 1 WHERE p = crypt('%w', p)", Style::Numbered('$')).unwrap();
        assert!(secret.is_secret());
        let password = Secret::from("hush");
        assert_eq!(secret.values(&values("bob"), Some(&password)).unwrap(), ["hush"]);
    }

    #[test]
    fn what_cannot_be_a_parameter_is_found_when_the_query_is_read() {
        for (text, expected) in [
            ("SELECT \"%u\" FROM t", "single quotes"),
            ("SELECT `%u` FROM t", "single quotes"),
            ("SELECT 1 WHERE a = E'%u'", "right beside it"),
            ("SELECT 1 WHERE a = %{user}1", "right beside it"),
            ("SELECT 1 WHERE a = %{user}'%{user}'", "right beside it"),
            ("SELECT a%{user} FROM t", "right beside it"),
            ("SELECT 1 WHERE a = '%u", "never closed"),
            ("SELECT 1 WHERE a = ?", "write a variable"),
        ] {
            let fault = query(text, Style::Numbered('?')).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
        let fault =
            query("SELECT 1 WHERE a = $1 AND b = %{user}", Style::Numbered('$')).unwrap_err();
        assert!(fault.contains("write a variable"), "{fault}");
        assert!(query("SELECT a$1 FROM t", Style::Numbered('$')).is_ok(), "a name");
        assert!(
            query("SELECT a ? 'b' FROM t", Style::Numbered('$')).is_ok(),
            "an operator of PostgreSQL's"
        );
    }
}
