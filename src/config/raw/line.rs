//! One logical line to statements.
//!
//! Duty: names, braces, quotes, comments. A line holds one statement in Dovecot's own files; here a block may also be
//! opened, filled and closed on one line (`inet_listener imaps { port = 993  ssl = yes }`), where a value ends at the
//! next `name =` or `name {` or at the closing brace.
//! Driver: `tree`. Tests: below.

/// A piece of a line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Set { name: String, value: Text },
    Open { name: String, label: Option<String> },
    Close,
    Include { pattern: String, optional: bool },
}

/// A value as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Text {
    Plain(String),
    /// Between quotes.
    Quoted(String),
    /// `<path`: the file's content is meant.
    FromFile(String),
    /// Nothing, and the remark that stands in place of a secret.
    Hidden,
}

/// Splits a logical line into statements.
///
/// # Errors
/// A sentence for the operator; statements before the mistake are lost, the line as a whole is wrong.
pub(super) fn statements(line: &str) -> Result<Vec<Statement>, String> {
    let code = uncommented(line);
    let hides = Hides::said(line.get(code.len()..).unwrap_or_default());
    let mut scan = Scan { rest: code.trim(), opened: 0, hides };
    let mut found = Vec::new();
    while !scan.rest.is_empty() {
        found.push(scan.statement()?);
        scan.rest = scan.rest.trim_start();
    }
    Ok(found)
}

struct Scan<'a> {
    rest: &'a str,
    /// Blocks opened on this very line: inside them a line may hold several settings.
    opened: usize,
    /// What the remark at the end of the line says that is missing.
    hides: Hides,
}

/// What a remark stands in place of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hides {
    Nothing,
    All,
    Parts,
}

/// What `doveconf -n` of 2.3 writes in place of a password among words: `args = host=a password=#hidden_use-P_to_show#`.
const HIDDEN_PART: &str = "#hidden_use-P_to_show#";

impl Hides {
    /// `doveconf -n` writes such remarks in place of secrets, and so does `hale config`.
    fn said(comment: &str) -> Self {
        let words = comment.trim_start_matches('#').trim();
        match words.split_once(',').map_or(words, |(first, _)| first) {
            "hidden" => Self::All,
            "passwords hidden" => Self::Parts,
            _ => Self::Nothing,
        }
    }
}

impl<'a> Scan<'a> {
    fn statement(&mut self) -> Result<Statement, String> {
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            self.opened = self.opened.saturating_sub(1);
            return Ok(Statement::Close);
        }
        if let Some(include) = self.include() {
            return include;
        }
        let name_end = self.rest.find(|c: char| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(name_end);
        let after = rest.trim_start();
        if name.is_empty() {
            return Err(format!(
                "expected `name = value`, `name {{` or `}}`, found {}",
                shown(rest)
            ));
        }
        if let Some(value) = after.strip_prefix('=') {
            self.rest = value.trim_start();
            let value = self.value()?;
            return Ok(Statement::Set { name: name.to_owned(), value });
        }
        self.open(name.to_owned(), after, rest.len() > after.len())
    }

    fn include(&mut self) -> Option<Result<Statement, String>> {
        let after = self.rest.strip_prefix("!include")?;
        let (after, optional) = match after.strip_prefix("_try") {
            Some(after) => (after, true),
            None => (after, false),
        };
        self.rest = "";
        let pattern = unquoted(after.trim()).to_owned();
        if !after.starts_with([' ', '\t']) || pattern.is_empty() {
            return Some(Err("expected `!include FILE` or `!include_try FILE`".to_owned()));
        }
        Some(Ok(Statement::Include { pattern, optional }))
    }

    fn open(&mut self, name: String, after: &'a str, spaced: bool) -> Result<Statement, String> {
        let Some((label, rest)) = split_label(after) else {
            let remedy = if after.is_empty() { "" } else { " (a `=` is missing?)" };
            return Err(format!("expected `{name} = value` or `{name} {{`{remedy}"));
        };
        if !label.is_empty() && !spaced {
            return Err(format!(
                "expected `{name} = value` or `{name} {{`, found {}",
                shown(after)
            ));
        }
        self.rest = rest;
        self.opened += 1;
        let label = (!label.is_empty()).then_some(label);
        Ok(Statement::Open { name, label })
    }

    fn value(&mut self) -> Result<Text, String> {
        if let Some(quote @ ('"' | '\'')) = self.rest.chars().next()
            && let Some((text, rest)) = quoted(self.rest, quote)
        {
            let rest_of_line = rest.trim_start();
            if rest_of_line.is_empty() || self.opened > 0 {
                self.rest = rest_of_line;
                let is_hidden = text.contains(HIDDEN_PART);
                return Ok(if is_hidden { Text::Hidden } else { Text::Quoted(text) });
            }
            return Err(format!(
                "nothing may follow the closing quote, found {}; put the whole value between one pair of quotes, or none",
                shown(rest)
            ));
        }
        if self.rest.starts_with('"') {
            return Err("the closing quote is missing".to_owned());
        }
        let end = if self.opened > 0 { inline_end(self.rest) } else { self.rest.len() };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let text = text.trim_end();
        Ok(match text.strip_prefix('<') {
            None if self.rest.is_empty() && self.hides == Hides::All && text.is_empty() => {
                Text::Hidden
            }
            None if self.rest.is_empty() && self.hides == Hides::Parts => Text::Hidden,
            None if text.contains(HIDDEN_PART) => Text::Hidden,
            Some(path) if !path.trim().is_empty() => Text::FromFile(path.trim().to_owned()),
            _ => Text::Plain(text.to_owned()),
        })
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | ':' | '/' | '!' | '*' | '%')
}

/// The label and what follows the opening brace; `None` when there is no brace.
fn split_label(text: &str) -> Option<(String, &str)> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (label, rest) = quoted(text, quote)?;
        return Some((label, rest.trim_start().strip_prefix('{')?));
    }
    let (label, rest) = text.split_once('{')?;
    let words: Vec<&str> = label.split_whitespace().collect();
    Some((words.join(" "), rest))
}

/// Where an unquoted value ends inside a block on one line: at the closing brace or in front of the next `name =`.
fn inline_end(text: &str) -> usize {
    let mut inside_variable = false;
    let mut gap = None;
    let mut characters = text.char_indices().peekable();
    while let Some((position, c)) = characters.next() {
        match c {
            '%' if characters.peek().is_some_and(|(_, next)| *next == '{') => {
                inside_variable = true;
            }
            '}' if inside_variable => inside_variable = false,
            '}' => return position,
            ' ' | '\t' if !inside_variable => gap = gap.or(Some(position)),
            _ => {
                if let Some(start) = gap.take()
                    && starts_setting(&text[position..])
                {
                    return start;
                }
            }
        }
    }
    text.len()
}

/// Whether `name =` (with space in front of the equals sign, unlike `key=value` words), `name {` or `name label {`
/// stands here.
fn starts_setting(text: &str) -> bool {
    let Some(rest) = after_word(text) else {
        return false;
    };
    rest.starts_with(['=', '{']) || after_word(rest).is_some_and(|rest| rest.starts_with('{'))
}

/// What follows a name and the white space behind it; `None` when there is no such thing.
fn after_word(text: &str) -> Option<&str> {
    let name_end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let rest = &text[name_end..];
    (name_end > 0 && rest.starts_with([' ', '\t'])).then(|| rest.trim_start())
}

/// The unescaped text between quotes and what follows; `None` when the closing quote is missing.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((position, c)) = characters.next() {
        if c == quote {
            return Some((plain, &text[position + c.len_utf8()..]));
        }
        if c == '\\' {
            match characters.next() {
                Some((_, escaped @ ('\\' | '"' | '\''))) => plain.push(escaped),
                Some((_, other)) => plain.extend(['\\', other]),
                None => return None,
            }
        } else {
            plain.push(c);
        }
    }
    None
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// The line without its comment: `#` at the start or after white space, unless inside a quoted string.
pub(super) fn uncommented(line: &str) -> &str {
    comment(line).map_or(line, |(start, _)| &line[..start])
}

/// Whether a line that may go on with the next one is a comment at its end. Behind a quote that is still open it is none yet.
pub(super) fn ends_in_comment(line: &str) -> bool {
    comment(line).is_some_and(|(_, is_quote_open)| !is_quote_open)
}

/// Where the comment of a line starts, and whether a quote in front of it is never closed.
fn comment(line: &str) -> Option<(usize, bool)> {
    let mut previous = ' ';
    let mut position = 0;
    let mut is_quote_open = false;
    while let Some(c) = line[position..].chars().next() {
        let starts_word = previous.is_whitespace() || matches!(previous, '=' | '(' | '{');
        if c == '#' && previous.is_whitespace() {
            return Some((position, is_quote_open));
        }
        // An apostrophe inside a word quotes nothing, nor does a quote that is never closed.
        let is_quote = matches!(c, '"' | '\'') && starts_word;
        match is_quote.then(|| quoted(&line[position..], c)) {
            Some(Some((_, rest))) => position = line.len() - rest.len(),
            closed => {
                is_quote_open |= closed.is_some();
                position += c.len_utf8();
            }
        }
        previous = c;
    }
    None
}

/// The start of a text, for messages. Short, because the rest may be a password.
fn shown(text: &str) -> String {
    let word: String = text.trim().chars().take(12).collect();
    format!("`{}`", word.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Statement {
        Statement::Set { name: name.into(), value: Text::Plain(value.into()) }
    }

    fn set_quoted(name: &str, value: &str) -> Statement {
        Statement::Set { name: name.into(), value: Text::Quoted(value.into()) }
    }

    fn open(name: &str, label: Option<&str>) -> Statement {
        Statement::Open { name: name.into(), label: label.map(Into::into) }
    }

    #[test]
    fn values_keep_inner_space_and_lose_comments() {
        assert_eq!(statements("listen = *, ::   # both").unwrap(), [set("listen", "*, ::")]);
        assert_eq!(statements("password = # shared password").unwrap(), [set("password", "")]);
        assert_eq!(statements("a=b#c").unwrap(), [set("a", "b#c")]);
        assert_eq!(statements("# all comment").unwrap(), []);
        assert_eq!(statements("a = it's # so").unwrap(), [set("a", "it's")]);
    }

    #[test]
    fn quotes_protect_space_hash_and_escapes() {
        assert_eq!(
            statements(r#"a = " x # \"y\" \\ ""#).unwrap(),
            [set_quoted("a", r#" x # "y" \ "#)]
        );
        assert_eq!(statements("a = 'x # y' # z").unwrap(), [set_quoted("a", "x # y")]);
        let filter = r#"filter = event=pull and error="" and x="a # b""#;
        assert_eq!(
            statements(filter).unwrap(),
            [set("filter", r#"event=pull and error="" and x="a # b""#)]
        );
        assert!(statements(r#"a = "open"#).unwrap_err().contains("closing quote"));
        assert!(statements(r#"a = "x" y"#).unwrap_err().contains("closing quote"));
    }

    #[test]
    fn blocks_open_and_close_on_lines_of_their_own_or_on_one() {
        assert_eq!(statements("passdb {").unwrap(), [open("passdb", None)]);
        assert_eq!(
            statements("passdb test-accounts{").unwrap(),
            [open("passdb", Some("test-accounts"))]
        );
        assert_eq!(
            statements("inet_listener imaps        { port = 993  ssl = yes }").unwrap(),
            [
                open("inet_listener", Some("imaps")),
                set("port", "993"),
                set("ssl", "yes"),
                Statement::Close
            ]
        );
        assert_eq!(
            statements("a { b c { user = x-%{backend_host} } }").unwrap(),
            [
                open("a", None),
                open("b", Some("c")),
                set("user", "x-%{backend_host}"),
                Statement::Close,
                Statement::Close
            ]
        );
        assert_eq!(
            statements("p x { args = scheme=PLAIN /a b  driver = static }").unwrap()[1..3],
            [set("args", "scheme=PLAIN /a b"), set("driver", "static")]
        );
    }

    #[test]
    fn values_on_one_line_end_in_front_of_blocks() {
        assert_eq!(
            statements("p { path = /u %{a}  fields { x = y } inet_listener b { } }").unwrap(),
            [
                open("p", None),
                set("path", "/u %{a}"),
                open("fields", None),
                set("x", "y"),
                Statement::Close,
                open("inet_listener", Some("b")),
                Statement::Close,
                Statement::Close
            ]
        );
    }

    #[test]
    fn groups_includes_and_files() {
        assert_eq!(
            statements("@cluster_defaults = proxy").unwrap(),
            [set("@cluster_defaults", "proxy")]
        );
        assert_eq!(
            statements("!include_try conf.d/*.conf").unwrap(),
            [Statement::Include { pattern: "conf.d/*.conf".into(), optional: true }]
        );
        assert_eq!(
            statements("ssl_cert = </etc/ssl/a.pem").unwrap(),
            [Statement::Set {
                name: "ssl_cert".into(),
                value: Text::FromFile("/etc/ssl/a.pem".into())
            }]
        );
        assert!(statements("!include").is_err());
    }

    #[test]
    fn a_remark_in_place_of_a_secret_is_no_empty_value() {
        let hidden = |line: &str| match &statements(line).unwrap()[0] {
            Statement::Set { value, .. } => *value == Text::Hidden,
            _ => panic!("{line}"),
        };
        assert!(hidden("ssl_key = # hidden, use -P to show it"));
        assert!(hidden("  password = # hidden"));
        assert!(hidden("args = proxy=y # passwords hidden, use -P to show them"));
        for line in ["ssl_key = ", "ssl_key = # hiding places", "a = b # hidden, use -P to show it"]
        {
            assert!(!hidden(line), "{line}");
        }
    }

    #[test]
    fn op_01_prose_is_refused_with_the_expected_form() {
        assert!(statements("See Palomar GeoDB.").unwrap_err().contains("expected `See = value`"));
        assert!(statements("= 5").is_err());
    }
}
