//! Templates as they are written, for `hale config` and messages. What is printed parses to the same.

use std::fmt;

use super::condition::{Condition, Operator};
use super::filter::{Argument, Base64, Filter, Method, Order, Padding, Set, Side, Unit};
use super::{Part, Template};

/// The text in Dovecot 2.4's form, as far as that has one; percent signs doubled as in 2.3.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(plain) => f.write_str(&plain.replace('%', "%%"))?,
                Part::Variable { name, filters } => variable(f, name, filters)?,
            }
        }
        Ok(())
    }
}

fn variable(f: &mut fmt::Formatter<'_>, name: &str, filters: &[Filter]) -> fmt::Result {
    f.write_str("%")?;
    // Widths stand in front, and come last.
    let filters = match filters.split_last() {
        Some((Filter::Modified(modifiers), others)) => {
            write!(f, "{modifiers}")?;
            others
        }
        _ => filters,
    };
    write!(f, "{{{name}")?;
    for (position, filter) in filters.iter().enumerate() {
        let bar = if position == 0 && name.is_empty() { "" } else { " | " };
        match filter {
            Filter::Calculate { operator, right } => write!(f, " {operator} {right}")?,
            other => write!(f, "{bar}{other}")?,
        }
    }
    f.write_str("}")
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Text(text) if is_number(text) => f.write_str(text),
            Self::Text(text) => {
                f.write_str("'")?;
                for c in text.chars() {
                    match c {
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        '\'' | '\\' => write!(f, "\\{c}")?,
                        c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("'")
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn text(text: &str) -> Argument {
    Argument::Text(text.into())
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lower => f.write_str("lower"),
            Self::Upper => f.write_str("upper"),
            Self::Username => f.write_str("username"),
            Self::Domain => f.write_str("domain"),
            Self::Unhex => f.write_str("unhex"),
            Self::Unhexlify => f.write_str("unhexlify"),
            Self::Reverse => f.write_str("reverse"),
            Self::LdapDn => f.write_str("ldap_dn"),
            Self::Default(argument) => write!(f, "default({argument})"),
            Self::Literal(argument) => write!(f, "literal({argument})"),
            Self::Concat(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                write!(f, "concat({})", all.join(", "))
            }
            Self::Hash { method, rounds, salt } => {
                let named = Method::ALL.iter().find(|(_, known)| known == method);
                let name = named.map_or("", |(name, _)| *name);
                write!(f, "{name}(rounds={rounds}, salt={salt})")
            }
            Self::Base64(kind) => write!(f, "base64({kind})"),
            Self::Unbase64(kind) => write!(f, "unbase64({kind})"),
            Self::Hex { width } => write!(f, "hex({width})"),
            Self::Hexlify { width } => write!(f, "hexlify({width})"),
            Self::Truncate { length, unit: Unit::Bytes } => write!(f, "truncate({length})"),
            Self::Truncate { length, unit: Unit::Bits } => write!(f, "truncate(bits={length})"),
            Self::Substr { offset, length: None } => write!(f, "substr({offset})"),
            Self::Substr { offset, length: Some(length) } => {
                write!(f, "substr({offset}, {length})")
            }
            Self::If(condition) => condition.fmt(f),
            Self::Number(Order::Big) => f.write_str("benumber"),
            Self::Number(Order::Little) => f.write_str("lenumber"),
            Self::Index { separator, position } => {
                write!(f, "index({}, {position})", text(separator))
            }
            Self::Fill { side, amount, filler } => {
                let name = if *side == Side::Left { "lfill" } else { "rfill" };
                write!(f, "{name}({amount}, {})", text(filler))
            }
            Self::Calculate { operator, right } => write!(f, "{operator} {right}"),
            Self::Modified(modifiers) => modifiers.fmt(f),
        }
    }
}

impl fmt::Display for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pad = u8::from(self.padding == Padding::Written);
        write!(f, "pad={pad}, url={}", u8::from(self.set == Set::Url))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("if(")?;
        if let Some(left) = &self.left {
            write!(f, "{left}, ")?;
        }
        let named = Operator::ALL.iter().find(|(_, known)| *known == self.operator);
        let operator = named.map_or("", |(name, _)| *name);
        let Self { right, then, otherwise, .. } = self;
        write!(f, "'{operator}', {right}, {then}, {otherwise})")
    }
}
