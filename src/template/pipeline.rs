//! What stands inside of `%{…}`: `user | username | lower`, `user | md5 % 256 | hex(2)`, `literal('text')`.
//!
//! Duty: Dovecot 2.4's grammar, and 2.3's `%{sha256;truncate=8:user}`. Not its duty: what filters do (`filter`), which
//! variables there are. Mistakes are found here, when the configuration is read, as far as they do not depend on a login.
//! Tests: with those of templates.

use super::condition::{Condition, Operator};
use super::filter::{Argument, Base64, Filter, Method, Order, Padding, Set, Side, Unit};

/// A variable (or none, where a function makes the text) and what is done to it.
pub(super) struct Pipeline {
    pub(super) name: Box<str>,
    pub(super) filters: Vec<Filter>,
}

/// The filters that are served, for messages.
const KNOWN: &str = "lower, upper, username, domain, default('text'), md5, sha1, sha256, sha384, sha512, hash('sha1'), \
                     base64, unbase64, hex, unhex, hexlify, unhexlify, reverse, truncate(N), substr(FROM, N), ldap_dn, \
                     if('eq', 'text', 'yes', 'no'), index('.', N), lfill(N), rfill(N), benumber, lenumber, \
                     concat('text') and + - * / %";

/// Rounds of a hash, and characters to be filled up to: more would hold up every login.
const ROUNDS_MAX: u32 = 10_000;
const WIDTH_MAX: u32 = 255;

/// Reads `text`.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn read(text: &str) -> Result<Pipeline, String> {
    let mut scan = Scan { rest: text.trim() };
    if scan.rest.is_empty() {
        return Err("`%{}` names no variable".to_owned());
    }
    let mut pipeline = Pipeline { name: "".into(), filters: Vec::new() };
    let name = scan.name();
    if scan.rest.trim_start().starts_with('(') {
        pipeline.filters.push(function(name, &mut scan, Input::None)?);
    } else {
        (pipeline.name, pipeline.filters) = variable(name, scan.rest)?;
    }
    pipeline.filters.extend(scan.calculations()?);
    while scan.takes('|') {
        let name = scan.name();
        pipeline.filters.push(function(name, &mut scan, Input::Value)?);
        pipeline.filters.extend(scan.calculations()?);
    }
    match scan.rest.trim() {
        "" => Ok(pipeline),
        rest => Err(format!("in `%{{{text}}}` a `|` was expected, found `{}`", short(rest))),
    }
}

/// Whether something stands in front of a filter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    None,
    Value,
}

/// Dovecot 2.3's long names become today's; the rest stays as it is.
pub(super) fn named(name: &str) -> (&str, Vec<Filter>) {
    match name {
        "username" => ("user", vec![Filter::Username]),
        "domain" => ("user", vec![Filter::Domain]),
        "service" => ("protocol", Vec::new()),
        "rip" => ("remote_ip", Vec::new()),
        "lip" => ("local_ip", Vec::new()),
        "rport" => ("remote_port", Vec::new()),
        "lport" => ("local_port", Vec::new()),
        "real_rip" => ("real_remote_ip", Vec::new()),
        "real_lip" => ("real_local_ip", Vec::new()),
        "real_rport" => ("real_remote_port", Vec::new()),
        "real_lport" => ("real_local_port", Vec::new()),
        "mech" => ("mechanism", Vec::new()),
        "orig_user" => ("original_user", Vec::new()),
        "auth_username" => ("auth_user", vec![Filter::Username]),
        "auth_domain" => ("auth_user", vec![Filter::Domain]),
        other => (other, Vec::new()),
    }
}

fn variable(name: &str, rest: &str) -> Result<(Box<str>, Vec<Filter>), String> {
    if name.is_empty() {
        return Err(format!("`%{{{}` does not begin with the name of a variable", short(rest)));
    }
    // `env:NAME` may have them in it, nothing else.
    let (kind, of) = name.split_once(':').unwrap_or((name, ""));
    let method = kind.split_once(';').map_or(kind, |(method, _)| method);
    if let Some((_, method)) = Method::ALL.iter().find(|(known, _)| *known == method) {
        return hashed(*method, kind, of);
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "_:-.".contains(*c))) {
        return Err(format!("the variable name `{name}` has a `{}` in it", bad.escape_debug()));
    }
    let (name, filters) = named(name);
    Ok((name.into(), filters))
}

/// `%{sha256;rounds=2,salt=x,truncate=8,format=base64:user}` of Dovecot 2.3.
fn hashed(method: Method, kind: &str, of: &str) -> Result<(Box<str>, Vec<Filter>), String> {
    let (mut rounds, mut salt, mut bits, mut format) = (1, "", None, "hex");
    let (_, options) = kind.split_once(';').unwrap_or((kind, ""));
    for option in options.split(',').filter(|option| !option.is_empty()) {
        if !salt.is_empty() {
            return Err(
                "Dovecot 2.3 does not see what stands behind `salt=…`; write that last".to_owned()
            );
        }
        match option.split_once('=').unwrap_or((option, "")) {
            ("rounds", number) => rounds = bounded(number, 1, ROUNDS_MAX)?,
            ("salt", text) => salt = text,
            ("truncate", number) => bits = Some(bounded(number, 1, 4096)?),
            ("format", word @ ("hex" | "base64")) => format = word,
            _ => return Err(format!("`{}` is no option of a hash", short(option))),
        }
    }
    if of.is_empty() || of.contains(':') {
        return Err(format!("`%{{{kind}:…}}` needs the name of a variable behind the colon"));
    }
    let (name, mut filters) = named(of);
    filters.push(Filter::Hash { method, rounds, salt: Argument::Text(salt.into()) });
    filters.extend(bits.map(|length| Filter::Truncate { length, unit: Unit::Bits }));
    filters.push(match format {
        "base64" => Filter::Base64(Base64 { padding: Padding::Written, set: Set::Standard }),
        _ => Filter::Hexlify { width: 0 },
    });
    Ok((name.into(), filters))
}

fn bounded(text: &str, min: u32, max: u32) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("found `{}`, expected a number from {min} to {max}", short(text))),
    }
}

fn short(text: &str) -> String {
    text.chars().take(20).collect::<String>().escape_debug().to_string()
}

fn function(name: &str, scan: &mut Scan<'_>, input: Input) -> Result<Filter, String> {
    let mut given = Given { name, positional: Vec::new(), named: Vec::new() };
    scan.arguments(&mut given)?;
    let filter = simple(name).map_or_else(|| with_arguments(name, &mut given, input), Ok)?;
    let makes_text = matches!(
        filter,
        Filter::Literal(_) | Filter::Concat(_) | Filter::If(_) | Filter::Default(_)
    );
    if input == Input::None && !makes_text {
        return Err(format!("`{name}` needs a variable in front of it: `%{{user | {name}}}`"));
    }
    given.all_used()?;
    Ok(filter)
}

/// Filters that take nothing.
fn simple(name: &str) -> Option<Filter> {
    Some(match name {
        "lower" => Filter::Lower,
        "upper" => Filter::Upper,
        "username" => Filter::Username,
        "domain" => Filter::Domain,
        "unhex" => Filter::Unhex,
        "unhexlify" => Filter::Unhexlify,
        "reverse" => Filter::Reverse,
        "ldap_dn" => Filter::LdapDn,
        "benumber" => Filter::Number(Order::Big),
        "lenumber" => Filter::Number(Order::Little),
        _ => return None,
    })
}

fn with_arguments(name: &str, given: &mut Given<'_>, input: Input) -> Result<Filter, String> {
    Ok(match name {
        "default" => Filter::Default(given.optional().unwrap_or_else(Argument::empty)),
        "literal" => Filter::Literal(given.needed("a text")?),
        "concat" => Filter::Concat(std::mem::take(&mut given.positional).into()),
        "hash" => {
            let method = given.text("the name of a hash")?;
            hash(&method, given)?
        }
        "md5" | "sha1" | "sha256" | "sha384" | "sha512" => hash(name, given)?,
        "base64" => Filter::Base64(base64(given)?),
        "unbase64" => Filter::Unbase64(base64(given)?),
        "hex" => {
            let width = given.optional_number(-i64::from(WIDTH_MAX), i64::from(WIDTH_MAX))?;
            Filter::Hex { width: width.unwrap_or(0) }
        }
        "hexlify" => Filter::Hexlify { width: given.optional_small(WIDTH_MAX)?.unwrap_or(0) },
        "truncate" => match given.optional_small(u32::MAX)? {
            Some(length) => Filter::Truncate { length, unit: Unit::Bytes },
            None => {
                let bits = given.named("bits").ok_or("`truncate` needs a length, or bits=N")?;
                Filter::Truncate { length: bounded(&bits, 0, u32::MAX)?, unit: Unit::Bits }
            }
        },
        "substr" => {
            let (most, least) = (i64::from(i32::MAX), i64::from(i32::MIN));
            let offset = given.optional_number(least, most)?.ok_or("`substr` needs an offset")?;
            Filter::Substr { offset, length: given.optional_number(least, most)? }
        }
        "index" => {
            let separator = given.text("a separator")?;
            if separator.is_empty() {
                return Err("`index` needs a separator that is not empty".to_owned());
            }
            let position = given.optional_number(-1000, 1000)?.ok_or("`index` needs a position")?;
            Filter::Index { separator, position }
        }
        "lfill" | "rfill" => {
            let amount = given.optional_small(WIDTH_MAX)?;
            let amount = amount.ok_or_else(|| format!("`{name}` needs a length"))?;
            let filler = given.optional().map_or_else(|| Ok("0".into()), Argument::into_text)?;
            let side = if name == "lfill" { Side::Left } else { Side::Right };
            Filter::Fill { side, amount, filler }
        }
        "if" => Filter::If(Box::new(condition(given, input)?)),
        _ => return Err(format!("the filter `{}` is not known; there are {KNOWN}", short(name))),
    })
}

fn hash(name: &str, given: &mut Given<'_>) -> Result<Filter, String> {
    let Some((_, method)) = Method::ALL.into_iter().find(|(known, _)| *known == name) else {
        let known = Method::ALL.map(|(name, _)| name).join(", ");
        return Err(format!("the hash `{}` is not known; there are {known}", short(name)));
    };
    let rounds = given.named("rounds").map_or(Ok(1), |number| bounded(&number, 1, ROUNDS_MAX))?;
    let salt = given.named_argument("salt").unwrap_or_else(Argument::empty);
    Ok(Filter::Hash { method, rounds, salt })
}

fn base64(given: &mut Given<'_>) -> Result<Base64, String> {
    let mut flag = |name| match given.named(name).as_deref() {
        None => Ok(None),
        Some("0") => Ok(Some(false)),
        Some("1") => Ok(Some(true)),
        Some(_) => Err(format!("`{name}` is 0 or 1")),
    };
    let padding = if flag("pad")? == Some(false) { Padding::LeftOut } else { Padding::Written };
    let set = if flag("url")? == Some(true) { Set::Url } else { Set::Standard };
    Ok(Base64 { padding, set })
}

fn condition(given: &mut Given<'_>, input: Input) -> Result<Condition, String> {
    let expected =
        "`if` takes an operator, what is compared, and two texts: if('eq', 'ann', 'yes', 'no')";
    let left = match input {
        Input::None => Some(given.needed(expected)?),
        Input::Value => None,
    };
    let word = given.text(expected)?;
    let Some((_, operator)) = Operator::ALL.into_iter().find(|(known, _)| **known == *word) else {
        let known = Operator::ALL.map(|(name, _)| name).join(" ");
        return Err(format!("the operator `{}` is not known; there are {known}", short(&word)));
    };
    let (right, then) = (given.needed(expected)?, given.needed(expected)?);
    Ok(Condition { left, operator, right, then, otherwise: given.needed(expected)? })
}

impl Argument {
    fn empty() -> Self {
        Self::Text("".into())
    }

    fn into_text(self) -> Result<Box<str>, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Variable(name) => {
                Err(format!("`{name}` stands where a text between quotes was expected"))
            }
        }
    }
}

/// The arguments of one filter that were not taken yet.
struct Given<'n> {
    name: &'n str,
    positional: Vec<Argument>,
    named: Vec<(String, Argument)>,
}

impl Given<'_> {
    fn optional(&mut self) -> Option<Argument> {
        (!self.positional.is_empty()).then(|| self.positional.remove(0))
    }

    fn needed(&mut self, what: &str) -> Result<Argument, String> {
        self.optional().ok_or_else(|| format!("`{}` needs more: {what}", self.name))
    }

    fn text(&mut self, what: &str) -> Result<Box<str>, String> {
        self.needed(what)?.into_text()
    }

    fn optional_number(&mut self, min: i64, max: i64) -> Result<Option<i64>, String> {
        let Some(argument) = self.optional() else { return Ok(None) };
        let text = argument.into_text()?;
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(format!("found `{}`, expected a number from {min} to {max}", short(&text))),
        }
    }

    fn optional_small(&mut self, max: u32) -> Result<Option<u32>, String> {
        let number = self.optional_number(0, i64::from(max))?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    fn named_argument(&mut self, name: &str) -> Option<Argument> {
        let position = self.named.iter().position(|(known, _)| known == name)?;
        Some(self.named.remove(position).1)
    }

    fn named(&mut self, name: &str) -> Option<String> {
        self.named_argument(name).map(|argument| match argument {
            Argument::Text(text) => text.into(),
            Argument::Variable(name) => name.into(),
        })
    }

    fn all_used(self) -> Result<(), String> {
        if !self.positional.is_empty() {
            return Err(format!("`{}` does not take so many arguments", self.name));
        }
        match self.named.first() {
            Some((key, _)) => Err(format!("`{}` has no argument `{}`", self.name, short(key))),
            None => Ok(()),
        }
    }
}

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn takes(&mut self, wanted: char) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        // Options of Dovecot 2.3's hashes stand in front of the colon.
        let is_option = |c: char| "=,".contains(c) && text.contains(';') && text.contains(':');
        let is_part =
            |c: char| c.is_alphanumeric() || "_/;:.-".contains(c) || is_option(c) || !c.is_ascii();
        let starts = text.starts_with(|c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii());
        let end = if starts { text.find(|c| !is_part(c)).unwrap_or(text.len()) } else { 0 };
        let (name, rest) = text.split_at(end);
        self.rest = rest;
        name
    }

    /// `% 256` behind a variable or filter.
    fn calculations(&mut self) -> Result<Vec<Filter>, String> {
        let mut found = Vec::new();
        while let Some(operator) = self.rest.trim_start().chars().next()
            && "+-*/%".contains(operator)
        {
            found.push(self.calculation(operator)?);
        }
        Ok(found)
    }

    fn calculation(&mut self, operator: char) -> Result<Filter, String> {
        let text = self.rest.trim_start();
        self.rest = text.get(1..).unwrap_or_default();
        let right = self.argument()?;
        if let Argument::Text(text) = &right
            && text.parse::<i64>().is_err()
        {
            return Err(format!("found `{}` behind `{operator}`, expected a number", short(text)));
        }
        Ok(Filter::Calculate { operator, right })
    }

    fn arguments(&mut self, given: &mut Given<'_>) -> Result<(), String> {
        if !self.takes('(') || self.takes(')') {
            return Ok(());
        }
        loop {
            let before = self.rest;
            let name = self.name();
            if !name.is_empty() && self.takes('=') {
                given.named.push((name.to_ascii_lowercase(), self.argument()?));
            } else {
                self.rest = before;
                given.positional.push(self.argument()?);
            }
            if self.takes(')') {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(format!("the arguments of `{}` are not closed", given.name));
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, String> {
        let text = self.rest.trim_start();
        if let Some(quote @ ('\'' | '"')) = text.chars().next() {
            let (plain, rest) = quoted(text, quote).ok_or("a closing quote is missing")?;
            self.rest = rest;
            return Ok(Argument::Text(plain.into()));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if end > 0 {
            let (number, rest) = text.split_at(text.len() - digits.len() + end);
            self.rest = rest;
            return Ok(Argument::Text(number.into()));
        }
        match self.name() {
            "" => Err(format!("found `{}`, expected a text between quotes", short(text))),
            name => {
                let (name, filters) = named(name);
                if filters.is_empty() {
                    Ok(Argument::Variable(name.into()))
                } else {
                    Err("inside of parentheses only whole variables may stand".to_owned())
                }
            }
        }
    }
}

/// The text between quotes, with Dovecot's escapes, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((position, c)) = characters.next() {
        if c == quote {
            return Some((plain, text.get(position + c.len_utf8()..)?));
        }
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match characters.next()?.1 {
            't' => plain.push('\t'),
            'r' => plain.push('\r'),
            'n' => plain.push('\n'),
            'x' => {
                let digits = [characters.next()?.1, characters.next()?.1];
                let value = u8::from_str_radix(&String::from_iter(digits), 16).ok()?;
                plain.push(char::from(Some(value).filter(u8::is_ascii)?));
            }
            other => plain.push(other),
        }
    }
    None
}
