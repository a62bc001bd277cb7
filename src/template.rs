//! Texts with variables: `%{user | username | lower}`, parsed once when the configuration is read, expanded at use.
//!
//! Duty: syntax, filters, Dovecot 2.3's one-letter forms. Values are inserted, never expanded again, so a user called
//! `%{password}` stays just that (SA-11). Not its duty: which variables there are, and what they stand for.
//! Driver: `config` parses, whoever needs the text expands. Tests: below.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;

/// A text with variables. May hold a password (`fields { password = … }`): `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

/// Whether `%u` and its kin are variables (Dovecot 2.3) or plain text (2.4, and always in passwords).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// `%u` is `%{user}`, `%Lu` is `%{user | lower}`.
    Variables,
    /// Only `%{…}` and `%%` are special.
    Text,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable { name: Box<str>, filters: Box<[Filter]> },
}

#[derive(Clone, PartialEq, Eq)]
enum Filter {
    Lower,
    Upper,
    Username,
    Domain,
    Default(Box<str>),
}

impl Template {
    /// Understands `text`.
    ///
    /// # Errors
    /// A sentence for the operator that says what is wrong with it.
    pub fn parse(text: &str, letters: Letters) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            plain.push_str(before);
            let (part, remainder) = match after.chars().next() {
                Some('{') => {
                    let end = closing_brace(after).ok_or("`%{` without `}`")?;
                    (Some(long(&after[1..end])?), &after[end + 1..])
                }
                Some('%') => {
                    plain.push('%');
                    (None, &after[1..])
                }
                Some(letter) if letters == Letters::Variables && letter.is_ascii_alphabetic() => {
                    let (part, used) = short(after)?;
                    (Some(part), &after[used..])
                }
                _ => {
                    plain.push('%');
                    (None, after)
                }
            };
            if let Some(part) = part {
                push_text(&mut parts, &mut plain);
                parts.push(part);
            }
            rest = remainder;
        }
        plain.push_str(rest);
        push_text(&mut parts, &mut plain);
        Ok(Self(parts.into_boxed_slice()))
    }

    /// A text in which nothing is a variable.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(Box::new([Part::Text(text.into())]))
    }

    /// `%{user}`.
    #[must_use]
    pub fn user() -> Self {
        Self(Box::new([Part::Variable { name: "user".into(), filters: Box::new([]) }]))
    }

    /// `%{user | lower}`, Dovecot's `auth_username_format`.
    #[must_use]
    pub fn lower_user() -> Self {
        let filters = Box::new([Filter::Lower]);
        Self(Box::new([Part::Variable { name: "user".into(), filters }]))
    }

    /// The names of the variables, in order, as they will be asked for.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// The text with every variable replaced by what `lookup` says; what it does not know is empty.
    #[must_use]
    pub fn expand<'v>(&self, lookup: &dyn Fn(&str) -> Option<Cow<'v, str>>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable { name, filters } => {
                    let value = lookup(name).unwrap_or_default();
                    text.push_str(&filtered(value, filters));
                }
            }
        }
        text
    }

    /// Whether nothing will ever come out of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}

/// The text in Dovecot 2.4's form.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(plain) => f.write_str(&plain.replace('%', "%%"))?,
                Part::Variable { name, filters } => {
                    write!(f, "%{{{name}")?;
                    for filter in filters {
                        write!(f, " | {filter}")?;
                    }
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lower => f.write_str("lower"),
            Self::Upper => f.write_str("upper"),
            Self::Username => f.write_str("username"),
            Self::Domain => f.write_str("domain"),
            Self::Default(text) if text.contains('\'') => write!(f, "default(\"{text}\")"),
            Self::Default(text) => write!(f, "default('{text}')"),
        }
    }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into_boxed_str()));
    }
}

/// The position of the brace that ends a variable; quotes protect braces.
fn closing_brace(text: &str) -> Option<usize> {
    let mut quote = None;
    for (position, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c == '}' => return Some(position),
            None => {}
        }
    }
    None
}

/// `user | username | lower`, what stands inside of `%{…}`.
fn long(text: &str) -> Result<Part, String> {
    let mut words = pipe_separated(text).into_iter();
    let (name, mut filters) = named(words.next().unwrap_or_default());
    if name.is_empty() {
        return Err("`%{}` names no variable".to_owned());
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "_:-.".contains(*c))) {
        return Err(format!("the variable name `{name}` has a `{}` in it", bad.escape_debug()));
    }
    for word in words {
        filters.push(filter(word)?);
    }
    Ok(Part::Variable { name: name.into(), filters: filters.into_boxed_slice() })
}

fn pipe_separated(text: &str) -> Vec<&str> {
    let mut quote = None;
    let is_separator = |c: char| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        c == '|' && quote.is_none()
    };
    text.split(is_separator).map(str::trim).collect()
}

fn filter(word: &str) -> Result<Filter, String> {
    Ok(match word {
        "lower" => Filter::Lower,
        "upper" => Filter::Upper,
        "username" => Filter::Username,
        "domain" => Filter::Domain,
        "default" => Filter::Default("".into()),
        _ => {
            let known = "lower, upper, username, domain and default('text')";
            let fault = || format!("the filter `{word}` is not known; there are {known}");
            Filter::Default(default_argument(word).ok_or_else(fault)?.into())
        }
    })
}

/// The text in `default('text')`; without quotes it must not have any inside.
fn default_argument(word: &str) -> Option<&str> {
    let argument =
        word.strip_prefix("default")?.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    for quote in ['\'', '"'] {
        if let Some(inner) = argument.strip_prefix(quote) {
            return inner.strip_suffix(quote).filter(|inner| !inner.contains(quote));
        }
    }
    (!argument.contains(['\'', '"'])).then_some(argument)
}

/// Dovecot 2.3's long names become today's; the rest stays as it is.
fn named(name: &str) -> (&str, Vec<Filter>) {
    match name {
        "username" => ("user", vec![Filter::Username]),
        "domain" => ("user", vec![Filter::Domain]),
        "service" => ("protocol", Vec::new()),
        "rip" => ("remote_ip", Vec::new()),
        "lip" => ("local_ip", Vec::new()),
        "orig_user" => ("original_user", Vec::new()),
        other => (other, Vec::new()),
    }
}

/// `Lu` and its kin at the start of `text`: the variable and how many bytes it took.
fn short(text: &str) -> Result<(Part, usize), String> {
    let mut filters = Vec::new();
    let mut used = 0;
    for letter in text.bytes() {
        used += 1;
        let name = match letter {
            b'L' => {
                filters.push(Filter::Lower);
                continue;
            }
            b'U' => {
                filters.push(Filter::Upper);
                continue;
            }
            b'u' => "user",
            b'n' => "username",
            b'd' => "domain",
            b's' => "service",
            b'r' => "rip",
            b'l' => "lip",
            _ => break,
        };
        let (name, mut all) = named(name);
        all.append(&mut filters);
        return Ok((Part::Variable { name: name.into(), filters: all.into() }, used));
    }
    let word: String = text.chars().take(used).collect();
    Err(format!("`%{word}` is not known; write `%{{user}}`, `%%` for a plain percent sign"))
}

/// Case is changed in ASCII only, as Dovecot does: user names must not change with Unicode's tables.
fn filtered(value: Cow<'_, str>, filters: &[Filter]) -> String {
    let mut text = value.into_owned();
    for filter in filters {
        match filter {
            Filter::Lower => text.make_ascii_lowercase(),
            Filter::Upper => text.make_ascii_uppercase(),
            Filter::Username => text.truncate(text.find('@').unwrap_or(text.len())),
            Filter::Domain => {
                text = text.split_once('@').map_or("", |(_, domain)| domain).to_owned();
            }
            Filter::Default(other) if text.is_empty() => text = (**other).to_owned(),
            Filter::Default(_) => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expand(text: &str) -> String {
        let lookup = |name: &str| match name {
            "user" => Some(Cow::from("Ann@Example.ORG")),
            "passdb:site" => Some("%{user}".into()),
            _ => None,
        };
        Template::parse(text, Letters::Variables).unwrap().expand(&lookup)
    }

    #[test]
    fn filters_apply_from_left_to_right() {
        assert_eq!(expand("%{user | lower}"), "ann@example.org");
        assert_eq!(expand("%{user|username|upper}-%{ user | domain }"), "ANN-Example.ORG");
        assert_eq!(expand("%{hostname | default('a | b}')}!"), "a | b}!");
        assert_eq!(expand("%{username}/%{domain | lower}"), "Ann/example.org");
        assert_eq!(expand("%Lu %n %d 100%% 5% %"), "ann@example.org Ann Example.ORG 100% 5% %");
    }

    #[test]
    fn sa_11_values_are_never_expanded_again() {
        assert_eq!(expand("x%{passdb:site}y"), "x%{user}y");
    }

    #[test]
    fn letters_are_text_where_passwords_are() {
        let template = Template::parse("ab%unicorn%{user}", Letters::Text).unwrap();
        assert_eq!(template.expand(&|_| Some("X".into())), "ab%unicornX");
    }

    #[test]
    fn ready_made_templates_are_what_they_are_called() {
        let parse = |text| Template::parse(text, Letters::Text).unwrap();
        assert_eq!(parse("%{user | lower}"), Template::lower_user());
        assert_eq!(parse("%{user}"), Template::user());
        assert_eq!(parse("100%% %%{user}"), Template::literal("100% %{user}"));
    }

    #[test]
    fn debug_shows_nothing_because_fields_may_hold_passwords() {
        let template = Template::parse("hunter2 %{user}", Letters::Text).unwrap();
        assert_eq!(format!("{template:?}"), "Template(…)");
    }

    #[test]
    fn displays_in_a_form_that_parses_to_the_same() {
        for text in ["%Lu", "a%%b%{user | username}", "%{x:y | default('z')}", "plain"] {
            let template = Template::parse(text, Letters::Variables).unwrap();
            assert_eq!(
                Template::parse(&template.to_string(), Letters::Variables).unwrap(),
                template
            );
        }
    }

    #[test]
    fn op_01_mistakes_say_what_is_known() {
        for (text, expected) in [
            ("%{user", "without"),
            ("%{}", "no variable"),
            ("%{user | rot13}", "there are lower"),
            ("%X", "not known"),
            ("%{us er}", "name `us er`"),
        ] {
            let fault = Template::parse(text, Letters::Variables).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn any_template_is_refused_or_displays_as_itself(
            text in r#"([ -~ä]|%[{a-zA-Z]|user|\| ?default\('x'\)|\}){0,20}"#
        ) {
            for letters in [Letters::Variables, Letters::Text] {
                if let Ok(template) = Template::parse(&text, letters) {
                    prop_assert_eq!(Template::parse(&template.to_string(), letters), Ok(template));
                }
            }
        }
    }
}
