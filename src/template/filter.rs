//! What may stand behind the bars of a variable: Dovecot 2.4's filters, and 2.3's modifiers and widths as one more.
//!
//! Duty: what each does to a value. Not its duty: reading them (`pipeline`, `letters`). A filter that cannot do its
//! work fails the whole text: half of a name would be another user's. Tests: below.

use base64::Engine as _;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Unexpandable;
use super::condition::Condition;
use super::letters::Modifiers;

/// A value on its way through the filters. Hashes make bytes; at the end bytes are written as hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) bytes: Vec<u8>,
    pub(super) is_binary: bool,
}

impl Data {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), is_binary: false }
    }

    fn binary(bytes: Vec<u8>) -> Self {
        Self { bytes, is_binary: true }
    }

    fn as_str(&self) -> Result<&str, Unexpandable> {
        str::from_utf8(&self.bytes).map_err(|_| Unexpandable)
    }

    /// The text to be inserted.
    pub(super) fn finished(self) -> Result<String, Unexpandable> {
        if self.is_binary {
            return Ok(hexadecimal(&self.bytes));
        }
        String::from_utf8(self.bytes).map_err(|_| Unexpandable)
    }
}

/// What stands between the parentheses of a filter.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// `'text'`, or a number.
    Text(Box<str>),
    /// The name of a variable.
    Variable(Box<str>),
}

/// What variables stand for, by name.
pub(super) type Lookup<'l, 'v> = &'l dyn Fn(&str) -> Option<std::borrow::Cow<'v, str>>;

impl Argument {
    pub(super) fn value(&self, lookup: Lookup<'_, '_>) -> String {
        match self {
            Self::Text(text) => (**text).to_owned(),
            Self::Variable(name) => lookup(name).unwrap_or_default().into_owned(),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Lower,
    Upper,
    Username,
    Domain,
    Default(Argument),
    Literal(Argument),
    Concat(Box<[Argument]>),
    Hash {
        method: Method,
        rounds: u32,
        salt: Argument,
    },
    Base64(Base64),
    Unbase64(Base64),
    Hex {
        width: i64,
    },
    Unhex,
    Hexlify {
        width: u32,
    },
    Unhexlify,
    Reverse,
    Truncate {
        length: u32,
        unit: Unit,
    },
    Substr {
        offset: i64,
        length: Option<i64>,
    },
    LdapDn,
    If(Box<Condition>),
    Number(Order),
    Index {
        separator: Box<str>,
        position: i64,
    },
    Fill {
        side: Side,
        amount: u32,
        filler: Box<str>,
    },
    Calculate {
        operator: char,
        right: Argument,
    },
    /// Dovecot 2.3's `%2.256Nu`.
    Modified(Modifiers),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Bits,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Base64 {
    pub(super) padding: Padding,
    pub(super) set: Set,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Written,
    LeftOut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Standard,
    Url,
}

impl Method {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("md5", Self::Md5),
        ("sha1", Self::Sha1),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
    ];

    pub(super) fn digest(self, salt: &[u8], bytes: &[u8]) -> Vec<u8> {
        fn of<D: md5::Digest>(salt: &[u8], bytes: &[u8]) -> Vec<u8> {
            D::new().chain_update(salt).chain_update(bytes).finalize().to_vec()
        }
        match self {
            Self::Md5 => of::<md5::Md5>(salt, bytes),
            Self::Sha1 => of::<sha1::Sha1>(salt, bytes),
            Self::Sha256 => of::<sha2::Sha256>(salt, bytes),
            Self::Sha384 => of::<sha2::Sha384>(salt, bytes),
            Self::Sha512 => of::<sha2::Sha512>(salt, bytes),
        }
    }
}

impl Base64 {
    fn engine(self) -> GeneralPurpose {
        let alphabet: &Alphabet = match self.set {
            Set::Standard => &alphabet::STANDARD,
            Set::Url => &alphabet::URL_SAFE,
        };
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(self.padding == Padding::Written)
            .with_decode_padding_mode(match self.padding {
                Padding::Written => DecodePaddingMode::RequireCanonical,
                Padding::LeftOut => DecodePaddingMode::RequireNone,
            });
        GeneralPurpose::new(alphabet, config)
    }
}

impl Filter {
    /// The names of the variables that the filter asks for besides its input.
    pub(super) fn arguments(&self) -> Vec<&Argument> {
        match self {
            Self::Default(argument) | Self::Literal(argument) => vec![argument],
            Self::Hash { salt, .. } => vec![salt],
            Self::Calculate { right, .. } => vec![right],
            Self::Concat(all) => all.iter().collect(),
            Self::If(condition) => condition.arguments(),
            _ => Vec::new(),
        }
    }

    /// The same, to be replaced.
    pub(super) fn arguments_mut(&mut self) -> Vec<&mut Argument> {
        match self {
            Self::Default(argument) | Self::Literal(argument) => vec![argument],
            Self::Hash { salt, .. } => vec![salt],
            Self::Calculate { right, .. } => vec![right],
            Self::Concat(all) => all.iter_mut().collect(),
            Self::If(condition) => condition.arguments_mut(),
            _ => Vec::new(),
        }
    }

    pub(super) fn apply(&self, data: Data, lookup: Lookup<'_, '_>) -> Result<Data, Unexpandable> {
        Ok(match self {
            // Case is changed in ASCII only, as Dovecot does: user names must not change with Unicode's tables.
            Self::Lower => Data { bytes: data.bytes.to_ascii_lowercase(), ..data },
            Self::Upper => Data { bytes: data.bytes.to_ascii_uppercase(), ..data },
            Self::Username => {
                let text = data.as_str()?;
                Data::text(text.split_once('@').map_or(text, |(name, _)| name))
            }
            Self::Domain => Data::text(data.as_str()?.split_once('@').map_or("", |(_, d)| d)),
            Self::Default(other) if data.bytes.is_empty() => Data::text(other.value(lookup)),
            Self::Default(_) => data,
            Self::Literal(text) => Data::text(text.value(lookup)),
            Self::Concat(all) => {
                let mut bytes = data.bytes;
                all.iter().for_each(|one| bytes.extend(one.value(lookup).into_bytes()));
                Data { bytes, is_binary: data.is_binary }
            }
            Self::Hash { method, rounds, salt } => {
                let salt = salt.value(lookup);
                let round = |bytes: Vec<u8>, _| method.digest(salt.as_bytes(), &bytes);
                Data::binary((0..*rounds).fold(data.bytes, round))
            }
            Self::Base64(kind) => Data::text(kind.engine().encode(&data.bytes)),
            Self::Unbase64(kind) => {
                Data::binary(kind.engine().decode(&data.bytes).map_err(|_| Unexpandable)?)
            }
            Self::Hexlify { width } => Data::text(fitted(&hexadecimal(&data.bytes), *width)),
            Self::Unhexlify => Data::binary(from_hexadecimal(data.as_str()?)?),
            Self::Reverse => Data { bytes: data.bytes.into_iter().rev().collect(), ..data },
            Self::Truncate { length, unit } => truncated(data, *length, *unit),
            Self::Substr { offset, length } => substring(data, *offset, *length)?,
            Self::LdapDn => Data::text(data.as_str()?.replace('.', ",dc=")),
            Self::If(condition) => condition.decide(&data, lookup)?,
            Self::Index { separator, position } => {
                Data::text(indexed(data.as_str()?, separator, *position)?)
            }
            Self::Fill { side, amount, filler } => filled(data, *side, *amount, filler),
            Self::Modified(modifiers) => modifiers.apply(data),
            Self::Hex { .. } | Self::Unhex | Self::Number(_) | Self::Calculate { .. } => {
                self.reckon(&data, lookup)?
            }
        })
    }

    /// The filters that read or make a number.
    fn reckon(&self, data: &Data, lookup: Lookup<'_, '_>) -> Result<Data, Unexpandable> {
        Ok(match self {
            Self::Hex { width } => {
                let number: u64 = data.as_str()?.parse().map_err(|_| Unexpandable)?;
                Data::text(hex_of_width(number, *width))
            }
            Self::Unhex => {
                let number = u64::from_str_radix(data.as_str()?, 16).map_err(|_| Unexpandable)?;
                Data::text(number.to_string())
            }
            Self::Number(order) => Data::text(number_of(&data.bytes, *order)?.to_string()),
            Self::Calculate { operator, right } => {
                let right: i64 = right.value(lookup).parse().map_err(|_| Unexpandable)?;
                Data::text(calculated(data, *operator, right)?)
            }
            _ => return Err(Unexpandable),
        })
    }
}

/// Lower case, as Dovecot writes bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS.get(usize::from(value)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0F)]).collect()
}

fn from_hexadecimal(text: &str) -> Result<Vec<u8>, Unexpandable> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or(Unexpandable)
}

/// Zeros in front, or cut from the end, until there are `width` characters; 0: as it is.
fn fitted(digits: &str, width: u32) -> String {
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    if width == 0 {
        return digits.to_owned();
    }
    let cut = digits.get(..width).unwrap_or(digits);
    format!("{cut:0>width$}")
}

/// A positive width pads and cuts on the left, a negative one on the right.
fn hex_of_width(number: u64, width: i64) -> String {
    let digits = format!("{number:x}");
    let wanted = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    match width {
        0 => digits,
        1.. => {
            let padded = format!("{digits:0>wanted$}");
            padded.get(padded.len().saturating_sub(wanted)..).unwrap_or_default().to_owned()
        }
        _ => {
            let padded = format!("{digits:0<wanted$}");
            padded.get(..wanted).unwrap_or(&padded).to_owned()
        }
    }
}

/// Cuts to so many bytes; or to the first so many bits, moved to the end of their bytes.
fn truncated(data: Data, length: u32, unit: Unit) -> Data {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = data.bytes;
    let bits = bytes.len().saturating_mul(8);
    match unit {
        Unit::Bytes => bytes.truncate(length),
        Unit::Bits if length >= bits => {}
        Unit::Bits => {
            bytes.truncate(length.div_ceil(8));
            let shift = (8 - length % 8) % 8;
            if shift > 0 {
                let mut carry = 0;
                for byte in &mut bytes {
                    let low = *byte << (8 - shift);
                    *byte = (*byte >> shift) | carry;
                    carry = low;
                }
            }
        }
    }
    Data { bytes, is_binary: data.is_binary }
}

/// Dovecot 2.4: a negative offset counts from the end, a negative length leaves that many; what is out of bounds fails.
fn substring(data: Data, offset: i64, length: Option<i64>) -> Result<Data, Unexpandable> {
    let all = i64::try_from(data.bytes.len()).map_err(|_| Unexpandable)?;
    let start = if offset < 0 { all.saturating_add(offset) } else { offset };
    let end = match length {
        None => all,
        Some(length) if length < 0 => all.saturating_add(length),
        Some(length) => start.saturating_add(length),
    };
    let start = usize::try_from(start).map_err(|_| Unexpandable)?;
    let end = usize::try_from(end).map_err(|_| Unexpandable)?;
    let bytes = data.bytes.get(start..end).ok_or(Unexpandable)?.to_vec();
    Ok(Data { bytes, is_binary: data.is_binary })
}

fn indexed(text: &str, separator: &str, position: i64) -> Result<String, Unexpandable> {
    let words: Vec<&str> = text.split(separator).collect();
    let count = i64::try_from(words.len()).map_err(|_| Unexpandable)?;
    let position = if position < 0 { count.saturating_add(position) } else { position };
    let position = usize::try_from(position).map_err(|_| Unexpandable)?;
    words.get(position).map(|word| (*word).to_owned()).ok_or(Unexpandable)
}

fn filled(data: Data, side: Side, amount: u32, filler: &str) -> Data {
    let amount = usize::try_from(amount).unwrap_or(0);
    let mut bytes = data.bytes;
    while bytes.len() < amount && !filler.is_empty() {
        match side {
            Side::Right => bytes.extend(filler.as_bytes()),
            Side::Left => bytes = [filler.as_bytes(), &bytes].concat(),
        }
    }
    Data { bytes, is_binary: data.is_binary }
}

fn number_of(bytes: &[u8], order: Order) -> Result<u64, Unexpandable> {
    if !matches!(bytes.len(), 1 | 2 | 4 | 8) {
        return Err(Unexpandable);
    }
    let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    Ok(match order {
        Order::Big => bytes.iter().fold(0, add),
        Order::Little => bytes.iter().rev().fold(0, add),
    })
}

/// Of bytes only a remainder can be taken: that of their last eight as one number.
fn calculated(data: &Data, operator: char, right: i64) -> Result<String, Unexpandable> {
    if data.is_binary && operator == '%' {
        let tail = data.bytes.len().saturating_sub(8);
        let last = data.bytes.get(tail..).unwrap_or_default();
        let number = last.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let modulus = u64::try_from(right).map_err(|_| Unexpandable)?;
        return number.checked_rem(modulus).map(|rest| rest.to_string()).ok_or(Unexpandable);
    }
    let left: i64 = data.as_str()?.parse().map_err(|_| Unexpandable)?;
    let result = match operator {
        '+' => left.checked_add(right),
        '-' => left.checked_sub(right),
        '*' => left.checked_mul(right),
        '/' => left.checked_div(right),
        '%' => left.checked_rem(right),
        _ => None,
    };
    result.map(|number| number.to_string()).ok_or(Unexpandable)
}
