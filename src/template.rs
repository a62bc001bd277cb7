//! Texts with variables: `%{user | username | lower}`, parsed once when the configuration is read, expanded at use.
//!
//! Duty: syntax, filters, Dovecot 2.3's letters with their widths. Values are inserted, never expanded again, so a user
//! called `%{password}` stays just that (SA-11). Not its duty: which variables there are, and what they stand for.
//! Driver: `config` parses and puts in what is known at load, the code that needs the text expands it. Tests: below.
#![forbid(unsafe_code)]

mod condition;
mod filter;
mod letters;
mod pipeline;
mod syntax;
mod written;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use filter::{Argument, Data, Filter};
use letters::Modifiers;
use pipeline::Pipeline;

pub use syntax::Syntax;

/// A text with variables. May hold a password (`fields { password = … }`): `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

/// What a percent sign without a brace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// `%u` is `%{user}`, `%2.256Nu` what Dovecot 2.3 makes of it, `%%` one percent sign.
    Variables,
    /// Nothing: only `%{…}` is a variable, and `%%` is two percent signs. `%u` looks like one all the same and is a
    /// mistake.
    Text,
    /// It cannot be known: `%%` is one percent sign for Dovecot 2.3 and two for 2.4. In passwords that would make one
    /// of two words of it, so that is a mistake, too.
    Refused,
    /// As [`Self::Variables`], with `%w` for `%{password}`.
    Inquiry,
    /// As [`Self::Variables`], with the letters that Dovecot 2.3 has in `login_log_format_elements` besides.
    LoginLog,
    /// Those of `login_log_format`: `%$` is `%{message}`, `%s` is `%{elements}`.
    LoginLogFormat,
}

impl Letters {
    fn two_signs(self) -> Result<&'static str, String> {
        match self {
            Self::Variables | Self::Inquiry | Self::LoginLog | Self::LoginLogFormat => Ok("%"),
            Self::Text => Ok("%%"),
            Self::Refused => Err(TWO_SIGNS.to_owned()),
        }
    }
}

/// A text that cannot be made of these values: a filter has nothing to work on, such as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a filter cannot be applied to the value of its variable")]
pub struct Unexpandable;

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// Without a name where a function makes the text.
    Variable {
        name: Box<str>,
        filters: Box<[Filter]>,
    },
}

/// What a variable stands for when the configuration is read, or why it stands for nothing; `None`: it is known later.
pub type Known<'k, 'v> = &'k dyn Fn(&str) -> Option<Result<Cow<'v, str>, NoValue>>;

/// Why a variable stands for nothing, as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoValue {
    /// There is none. The filter `default` helps.
    Missing(String),
    /// There is one that must not be used, whatever follows.
    Bad(String),
}

impl From<NoValue> for String {
    fn from(reason: NoValue) -> Self {
        match reason {
            NoValue::Missing(text) | NoValue::Bad(text) => text,
        }
    }
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
                    let inside = after.get(1..end).unwrap_or_default();
                    let part = part(pipeline::read(inside)?, None);
                    (Some(part), after.get(end + 1..).unwrap_or_default())
                }
                // Both generations read `%%{` so.
                Some('%') if after.starts_with("%{") => {
                    plain.push_str("%{");
                    (None, after.get(2..).unwrap_or_default())
                }
                // Of three in a row two may belong to a brace.
                Some('%') if letters == Letters::Text && after.starts_with("%%") => {
                    plain.push('%');
                    (None, after)
                }
                Some('%') => {
                    plain.push_str(letters.two_signs()?);
                    (None, after.get(1..).unwrap_or_default())
                }
                _ => match lettered(after, letters)? {
                    None => {
                        plain.push('%');
                        (None, after)
                    }
                    Some((part, used)) => {
                        if matches!(letters, Letters::Text | Letters::Refused) {
                            return Err(LETTER.to_owned());
                        }
                        (Some(part?), after.get(used..).unwrap_or_default())
                    }
                },
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

    /// Puts in what is known already: `known` says what a variable stands for, `None` for one that is known later. What
    /// fails is the first variable that `known` has no value for, unless `default` follows it.
    ///
    /// # Errors
    /// What `known` said, or that a filter cannot do its work.
    pub fn resolve(&mut self, known: Known<'_, '_>) -> Result<(), String> {
        for part in &mut self.0 {
            let Part::Variable { name, filters } = part else { continue };
            for argument in filters.iter_mut().flat_map(Filter::arguments_mut) {
                if let Argument::Variable(name) = argument
                    && let Some(value) = known(name)
                {
                    *argument = Argument::Text(value?.into());
                }
            }
            let Some(value) = known(name) else { continue };
            let value = match (value, filters.first()) {
                (Err(NoValue::Missing(_)), Some(Filter::Default(_))) => Cow::Borrowed(""),
                (value, _) => value?,
            };
            // What is left asks for variables of a login.
            let late = |argument: &&Argument| matches!(argument, Argument::Variable(_));
            if filters.iter().flat_map(Filter::arguments).any(|argument| late(&argument)) {
                let literal = Filter::Literal(Argument::Text(value.into()));
                *filters = std::iter::once(literal).chain(filters.to_vec()).collect();
                *name = "".into();
            } else {
                let text =
                    filtered(value, filters, &|_| None).map_err(|fault| fault.to_string())?;
                *part = Part::Text(text.into());
            }
        }
        Ok(())
    }

    /// The names of the variables, in order, as they will be asked for.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(Part::variables)
    }

    /// The text with every variable replaced by what `lookup` says; what it does not know is empty.
    ///
    /// # Errors
    /// A filter cannot do its work on these values.
    pub fn expand<'v>(
        &self,
        lookup: &dyn Fn(&str) -> Option<Cow<'v, str>>,
    ) -> Result<String, Unexpandable> {
        let mut text = String::new();
        self.expand_onto(&mut text, lookup)?;
        Ok(text)
    }

    /// Appends the same to `text`.
    ///
    /// # Errors
    /// A filter cannot do its work on these values; what stood before it is appended all the same.
    pub fn expand_onto<'v>(
        &self,
        text: &mut String,
        lookup: &dyn Fn(&str) -> Option<Cow<'v, str>>,
    ) -> Result<(), Unexpandable> {
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable { name, filters } => {
                    let value = if name.is_empty() { None } else { lookup(name) };
                    let value = value.unwrap_or_default();
                    match filters.is_empty() {
                        true => text.push_str(&value),
                        false => text.push_str(&filtered(value, filters, lookup)?),
                    }
                }
            }
        }
        Ok(())
    }

    /// The text with what every variable stands for written so that in `syntax` it is a value and nothing else.
    ///
    /// # Errors
    /// A filter cannot do its work on these values, or one of them can't be written there.
    pub fn expand_in<'v>(
        &self,
        syntax: Syntax,
        lookup: &dyn Fn(&str) -> Option<Cow<'v, str>>,
    ) -> Result<String, Unexpandable> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable { name, filters } => {
                    let value = if name.is_empty() { None } else { lookup(name) };
                    let (filters, ending) = syntax.split(filters);
                    let value = filtered(value.unwrap_or_default(), &filters, lookup)?;
                    syntax.write(&value, ending, &mut text)?;
                }
            }
        }
        Ok(text)
    }

    /// The name of the variable that is all of it, unfiltered.
    #[must_use]
    pub fn only_variable(&self) -> Option<&str> {
        match &*self.0 {
            [Part::Variable { name, filters }] if filters.is_empty() => Some(name),
            _ => None,
        }
    }

    /// Its plain texts and its variables, in order, for those who put the values in themselves.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.0.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text),
            Part::Variable { .. } => Piece::Variable(Self(Box::new([part.clone()]))),
        })
    }

    /// One template behind the other.
    #[must_use]
    pub fn join(parts: impl IntoIterator<Item = Self>) -> Self {
        Self(parts.into_iter().flat_map(|part| part.0.into_vec()).collect())
    }

    /// Whether nothing will ever come out of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(text) if text.is_empty()))
    }
}

/// A part of a template.
#[derive(Debug)]
pub enum Piece<'t> {
    /// Stands for itself.
    Text(&'t str),
    /// A variable with its filters.
    Variable(Template),
}

impl Part {
    fn variables(&self) -> Vec<&str> {
        let Self::Variable { name, filters } = self else { return Vec::new() };
        let named = Some(&**name).filter(|name| !name.is_empty());
        let arguments = filters.iter().flat_map(Filter::arguments).filter_map(|one| match one {
            Argument::Variable(name) => Some(&**name),
            Argument::Text(_) => None,
        });
        named.into_iter().chain(arguments).collect()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}

/// Neither shows the text: it may be a password.
const LETTER: &str = "a percent sign with a letter behind it may be a variable of Dovecot 2.3 or a part of the text; write \
                      `%{…}` for a variable, and a text with a percent sign into a file: `NAME = <FILE`";
const TWO_SIGNS: &str = "`%%` is one percent sign for Dovecot 2.3 and two for 2.4; write a text with a percent sign into a \
                         file: `NAME = <FILE`";

fn part(pipeline: Pipeline, modifiers: Option<Modifiers>) -> Part {
    let Pipeline { name, mut filters } = pipeline;
    filters.extend(modifiers.into_iter().flat_map(Modifiers::into_filters));
    Part::Variable { name, filters: filters.into() }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into_boxed_str()));
    }
}

/// The position of the brace that ends a variable; quotes protect braces.
pub(crate) fn closing_brace(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((position, c)) = characters.next() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) if c == '\\' => {
                characters.next();
            }
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c == '}' => return Some(position),
            None => {}
        }
    }
    None
}

/// `2.256Nu` and its kin at the start of `text`, how many bytes it took, and what is wrong with it. `None`: a percent
/// sign with something behind it that is no variable.
#[expect(clippy::type_complexity, reason = "what it is and how long it is are found together")]
fn lettered(text: &str, letters: Letters) -> Result<Option<(Result<Part, String>, usize)>, String> {
    let (modifiers, used) = Modifiers::read(text)?;
    let rest = text.get(used..).unwrap_or_default();
    let Some(letter) = rest.chars().next() else { return Ok(None) };
    if letter == '{' {
        let end = closing_brace(rest).ok_or("`%{` without `}`")?;
        let inside = rest.get(1..end).unwrap_or_default();
        let found = pipeline::read(inside).map(|pipeline| part(pipeline, Some(modifiers)));
        return Ok(Some((found, used + end + 1)));
    }
    let name = match (letter, letters) {
        ('$', Letters::LoginLogFormat) => "message",
        ('s', Letters::LoginLogFormat) => "elements",
        ('a', Letters::LoginLog) => "local_port",
        ('b', Letters::LoginLog) => "remote_port",
        ('c', Letters::LoginLog) => "secured",
        ('e', Letters::LoginLog) => "mail_pid",
        ('k', Letters::LoginLog) => "ssl_security",
        ('m', Letters::LoginLog) => "mechanism",
        ('p', Letters::LoginLog) => "pid",
        ('u', _) => "user",
        ('w', Letters::Inquiry) => "password",
        ('n', _) => "username",
        ('d', _) => "domain",
        ('s', _) => "service",
        ('r', _) => "rip",
        ('l', _) => "lip",
        ('a'..='z', _) => {
            let word = text.get(..=used).unwrap_or_default();
            let fault =
                format!("`%{word}` is not known; write `%{{user}}`, `%%` for a plain percent sign");
            return Ok(Some((Err(fault), used + 1)));
        }
        // `100%` in front of a capital or a digit means itself; Dovecot has no such variable.
        _ => return Ok(None),
    };
    let (name, filters) = pipeline::named(name);
    let pipeline = Pipeline { name: name.into(), filters };
    Ok(Some((Ok(part(pipeline, Some(modifiers))), used + 1)))
}

fn filtered(
    value: Cow<'_, str>,
    filters: &[Filter],
    lookup: filter::Lookup<'_, '_>,
) -> Result<String, Unexpandable> {
    if filters.is_empty() {
        return Ok(value.into_owned());
    }
    let start = Data::text(value);
    filters.iter().try_fold(start, |data, filter| filter.apply(data, lookup))?.finished()
}
