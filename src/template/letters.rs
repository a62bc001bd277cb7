//! Dovecot 2.3's variables: `%u`, `%Ld`, `%1Mu`, `%2.256Nu`, `%-5u`, `%05{user}`.
//!
//! Duty: reading what stands between the percent sign and the variable, and doing it: `[-][0][offset.][-][0]width`,
//! then up to ten modifiers. Bytes are counted, as in Dovecot. Tests: below, and against Dovecot itself in the
//! end-to-end tests.

use std::fmt::{self, Write as _};

use super::filter::{Data, Filter, Method, hexadecimal};

/// Numbers and modifiers in front of a variable.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Modifiers {
    /// So many bytes are left out; negative: all but so many. For a hash: so many digits at least.
    pub(super) offset: i64,
    /// So many bytes at most; negative: all but so many; 0: all. For a hash: the remainder by it.
    pub(super) width: i64,
    /// The width fills up with zeros and cuts nothing.
    pub(super) padding: Padding,
    pub(super) letters: Box<[Modifier]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Zeros,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    Lower,
    Upper,
    Escape,
    Hex,
    Reverse,
    OldHash,
    Hash,
    Md5,
    LdapDn,
    Trim,
}

const MODIFIERS: [(u8, Modifier); 10] = [
    (b'L', Modifier::Lower),
    (b'U', Modifier::Upper),
    (b'E', Modifier::Escape),
    (b'X', Modifier::Hex),
    (b'R', Modifier::Reverse),
    (b'H', Modifier::OldHash),
    (b'N', Modifier::Hash),
    (b'M', Modifier::Md5),
    (b'D', Modifier::LdapDn),
    (b'T', Modifier::Trim),
];

/// Dovecot takes no more.
const MODIFIERS_MAX: usize = 10;
/// The largest offset and modulus: Dovecot's `int`.
const NUMBER_MAX: i64 = 0x7FFF_FFFF;
/// No more zeros than that are filled in: no name is longer.
const ZEROS_MAX: i64 = 255;

impl Modifiers {
    /// What stands at the start of `text`, which follows a percent sign, and how many bytes it took.
    ///
    /// # Errors
    /// A number is too large.
    pub(super) fn read(text: &str) -> Result<(Self, usize), String> {
        let mut scan = Scan { bytes: text.as_bytes(), used: 0 };
        let is_from_end = scan.takes(b'-');
        let mut has_zero = scan.takes(b'0');
        // A sign in front of a number without an offset does nothing in Dovecot 2.3.
        let (mut offset, mut width) = (0, scan.number()?);
        if scan.takes(b'.') {
            offset = if is_from_end { -width } else { width };
            has_zero = scan.takes(b'0');
            let is_cut_from_end = scan.takes(b'-');
            width = scan.number()?;
            width = if is_cut_from_end { -width } else { width };
        }
        let letters: Box<[Modifier]> =
            std::iter::from_fn(|| scan.modifier()).take(MODIFIERS_MAX).collect();
        let padding = if has_zero { Padding::Zeros } else { Padding::None };
        let found = Self { offset, width, padding, letters };
        let digits = if found.hashes() { offset } else { 0 };
        if (padding == Padding::Zeros && width > ZEROS_MAX) || digits > ZEROS_MAX {
            return Err(format!("more than {ZEROS_MAX} zeros are asked for"));
        }
        Ok((found, scan.used))
    }

    /// The same as filters; those that 2.4 has, too, are its own.
    pub(super) fn into_filters(self) -> Vec<Filter> {
        let is_plain = self.offset == 0 && self.width == 0;
        let case = |modifier: &Modifier| match modifier {
            Modifier::Lower => Some(Filter::Lower),
            Modifier::Upper => Some(Filter::Upper),
            _ => None,
        };
        if is_plain && let Some(filters) = self.letters.iter().map(case).collect() {
            return filters;
        }
        vec![Filter::Modified(self)]
    }

    /// The same without the `D` at its end, if that is the last that is done.
    pub(super) fn without_ldap_dn(&self) -> Option<Self> {
        let (Modifier::LdapDn, letters) = self.letters.split_last()? else { return None };
        let is_plain = self.offset == 0 && self.width == 0;
        is_plain.then(|| Self { letters: letters.into(), ..self.clone() })
    }

    fn hashes(&self) -> bool {
        self.letters.iter().any(|one| matches!(one, Modifier::Hash | Modifier::OldHash))
    }

    pub(super) fn apply(&self, data: Data) -> Data {
        let (mut offset, mut width) = (self.offset, self.width);
        let mut bytes = data.bytes;
        for modifier in &self.letters {
            let hash = match modifier {
                Modifier::Hash => Some(new_hash(&bytes)),
                Modifier::OldHash => Some(u64::from(old_hash(&bytes))),
                _ => None,
            };
            // A hash uses up the numbers that would cut it otherwise.
            bytes = match hash {
                Some(hash) => remainder(hash, &mut offset, &mut width),
                None => modified(*modifier, bytes),
            };
        }
        Data { bytes: cut(bytes, offset, width, self.padding), is_binary: false }
    }
}

/// As it is written behind the percent sign.
impl fmt::Display for Modifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = if self.padding == Padding::Zeros { "0" } else { "" };
        match (self.offset, self.width) {
            (0, 0) => f.write_str(zero)?,
            (0, 1..) => write!(f, "{zero}{}", self.width)?,
            (offset, 0) => write!(f, "{offset}.{zero}")?,
            (offset, width) => {
                let sign = if width < 0 { "-" } else { "" };
                write!(f, "{offset}.{zero}{sign}{}", width.unsigned_abs())?;
            }
        }
        for letter in &self.letters {
            let named = MODIFIERS.iter().find(|(_, modifier)| modifier == letter);
            named.map_or(Ok(()), |(byte, _)| f.write_char(char::from(*byte)))?;
        }
        Ok(())
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl Scan<'_> {
    fn takes(&mut self, wanted: u8) -> bool {
        let is_there = self.bytes.get(self.used) == Some(&wanted);
        self.used += usize::from(is_there);
        is_there
    }

    fn number(&mut self) -> Result<i64, String> {
        let mut number: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.used) {
            number = number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.used += 1;
        }
        if number > NUMBER_MAX {
            return Err(format!("a number in front of a variable is larger than {NUMBER_MAX}"));
        }
        Ok(number)
    }

    fn modifier(&mut self) -> Option<Modifier> {
        let byte = self.bytes.get(self.used)?;
        let (_, modifier) = MODIFIERS.iter().find(|(letter, _)| letter == byte)?;
        self.used += 1;
        Some(*modifier)
    }
}

fn modified(modifier: Modifier, bytes: Vec<u8>) -> Vec<u8> {
    match modifier {
        Modifier::Lower => bytes.to_ascii_lowercase(),
        Modifier::Upper => bytes.to_ascii_uppercase(),
        Modifier::Reverse => bytes.into_iter().rev().collect(),
        Modifier::Md5 => hexadecimal(&Method::Md5.digest(b"", &bytes)).into_bytes(),
        Modifier::Trim => {
            let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B;
            let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1);
            bytes.get(..end).unwrap_or_default().to_vec()
        }
        Modifier::Escape => {
            let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\'');
            let escape = |byte: u8| is_escaped(&byte).then_some(b'\\').into_iter().chain([byte]);
            bytes.into_iter().flat_map(escape).collect()
        }
        Modifier::Hex => {
            let number = str::from_utf8(&bytes).ok().and_then(|text| text.parse::<u64>().ok());
            format!("{:x}", number.unwrap_or(0)).into_bytes()
        }
        Modifier::LdapDn => {
            let piece = |byte: u8| if byte == b'.' { b",dc=".to_vec() } else { vec![byte] };
            bytes.into_iter().flat_map(piece).collect()
        }
        // They take numbers with them and are done by the caller.
        Modifier::Hash | Modifier::OldHash => bytes,
    }
}

/// The first eight bytes of the MD5.
fn new_hash(bytes: &[u8]) -> u64 {
    let digest = Method::Md5.digest(b"", bytes);
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// The hash of the PJW kind that Dovecot 1 had.
fn old_hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0_u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        match hash & 0xF000_0000 {
            0 => hash,
            high => (hash ^ (high >> 24)) ^ high,
        }
    })
}

fn remainder(hash: u64, offset: &mut i64, width: &mut i64) -> Vec<u8> {
    let modulus = u64::try_from(*width).ok().filter(|modulus| *modulus != 0);
    // Dovecot prints the lower 32 bits.
    let value = modulus.map_or(hash, |modulus| hash % modulus) & 0xFFFF_FFFF;
    let digits = usize::try_from(*offset).unwrap_or(0);
    (*offset, *width) = (0, 0);
    format!("{value:0>digits$x}").into_bytes()
}

fn cut(bytes: Vec<u8>, offset: i64, width: i64, padding: Padding) -> Vec<u8> {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let start = match offset {
        ..0 if length > -offset => length + offset,
        ..0 => 0,
        _ => offset.min(length),
    };
    let rest = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let left = length - start;
    let end = match (width, padding) {
        (0, _) => left,
        (1.., Padding::Zeros) => {
            let missing = usize::try_from(width - left).unwrap_or(0);
            return [vec![b'0'; missing].as_slice(), rest].concat();
        }
        // Less than nothing is everything, in Dovecot.
        (..0, Padding::None) if left + width >= 0 => left + width,
        (..0, _) => left,
        (_, Padding::None) => width.min(left),
    };
    usize::try_from(end).ok().and_then(|end| rest.get(..end)).unwrap_or_default().to_vec()
}
