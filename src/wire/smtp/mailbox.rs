//! Addresses and source routes: the grammar of RFC 5321 4.1.2 between the angle brackets.
//!
//! Decides: where an address ends, what its user is called, what stands for a sender that is none. Does not: know what
//! is around it. Driver: [`super::path`], where the tests are.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::path::Rules;
use crate::limits::{SMTP_DOMAIN_BYTES_MAX, SMTP_LOCAL_PART_BYTES_MAX};
use crate::wire::cursor::Cursor;

/// One address, as it stood between the angle brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// Everything between `<` and `>` but a source route.
    pub text: &'a str,
    local: &'a str,
    /// What is behind the `@`; empty: nothing is.
    pub domain: &'a str,
}

impl Mailbox<'_> {
    /// The local part without quotes: two spellings of one mailbox are one user.
    #[must_use]
    pub fn local(&self) -> Cow<'_, str> {
        let Some(quoted) = self.local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        else {
            return Cow::Borrowed(self.local);
        };
        let mut plain = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            let escaped = if character == '\\' { characters.next() } else { None };
            plain.push(escaped.unwrap_or(character));
        }
        Cow::Owned(plain)
    }

    /// The user whose mailbox it is: without what is behind the first of `delimiters` in the local part, if anything
    /// stands before it.
    #[must_use]
    pub fn user(&self, delimiters: &str) -> String {
        let local = self.local();
        let (name, _) = split_detail(&local, delimiters);
        if self.domain.is_empty() { name.to_owned() } else { format!("{name}@{}", self.domain) }
    }

    /// The address of the same mailbox's owner under another name, with this one's detail.
    #[must_use]
    pub fn renamed(&self, user: &str, delimiters: &str) -> String {
        let own = self.local();
        let (_, detail) = split_detail(&own, delimiters);
        let (local, domain) = user.rsplit_once('@').unwrap_or((user, ""));
        let local = format!("{local}{detail}");
        let is_plain = !local.is_empty()
            && local.bytes().all(|byte| is_atext(byte) || byte == b'.' || byte >= 0x80);
        let mut address = String::new();
        if is_plain {
            address.push_str(&local);
        } else {
            address.push('"');
            for character in local.chars() {
                if matches!(character, '"' | '\\') {
                    address.push('\\');
                }
                address.push(character);
            }
            address.push('"');
        }
        if !domain.is_empty() {
            address.push('@');
            address.push_str(domain);
        }
        address
    }
}

/// Name, and detail with its delimiter.
fn split_detail<'a>(local: &'a str, delimiters: &str) -> (&'a str, &'a str) {
    let at = local.find(|character| delimiters.contains(character)).filter(|&at| at > 0);
    at.and_then(|at| local.split_at_checked(at)).unwrap_or((local, ""))
}

/// ```text
/// A-d-l         = At-domain *( "," At-domain )            ; RFC 5321 4.1.2
/// At-domain     = "@" Domain
/// ```
pub(super) fn route(cursor: &mut Cursor<'_>, rules: Rules) -> Option<()> {
    if cursor.peek() != Some(b'@') {
        return Some(());
    }
    loop {
        cursor.byte(b'@')?;
        domain(cursor, rules)?;
        match cursor.take(1)? {
            b"," => {}
            b":" => return Some(()),
            _ => return None,
        }
    }
}

/// What stands for a sender although it is no address: anything with an `@` in it that can't be taken for something
/// else.
pub(super) fn broken<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<Mailbox<'a>> {
    let legal = |byte: u8| {
        (byte.is_ascii_graphic() && !b"<>\"\\".contains(&byte)) || rules.utf8 && byte >= 0x80
    };
    let text = std::str::from_utf8(cursor.take_while(legal)).ok()?;
    let (local, domain) = text.rsplit_once('@')?;
    let is_short =
        local.len() <= SMTP_LOCAL_PART_BYTES_MAX && domain.len() <= SMTP_DOMAIN_BYTES_MAX;
    let legal = is_short && !local.is_empty() && !domain.is_empty() && !local.starts_with('@');
    legal.then_some(Mailbox { text, local, domain })
}

/// ```text
/// Mailbox       = Local-part "@" ( Domain / address-literal ) ; RFC 5321 4.1.2
/// ```
pub(super) fn mailbox<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<Mailbox<'a>> {
    let all = cursor.rest();
    let local = local_part(cursor, rules)?;
    let domain = match cursor.peek() {
        Some(b'@') => {
            cursor.byte(b'@')?;
            domain(cursor, rules)?
        }
        _ if rules.bare_local => "",
        _ => return None,
    };
    let length = all.len().checked_sub(cursor.rest().len())?;
    let text = std::str::from_utf8(all.get(..length)?).ok()?;
    Some(Mailbox { text, local, domain })
}

/// ```text
/// Local-part    = Dot-string / Quoted-string              ; RFC 5321 4.1.2
/// Quoted-string = DQUOTE *QcontentSMTP DQUOTE
/// quoted-pairSMTP = %d92 %d32-126
/// qtextSMTP     = %d32-33 / %d35-91 / %d93-126            ; RFC 6531 3.3 adds UTF8-non-ascii
/// ```
///
/// Quirk: an empty quoted string names no user (LM-01, CVE-2020-10967).
fn local_part<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<&'a str> {
    let all = cursor.rest();
    if cursor.peek() == Some(b'"') {
        cursor.byte(b'"')?;
        loop {
            cursor.take_while(|byte| is_qtext(byte) || rules.utf8 && byte >= 0x80);
            match cursor.peek()? {
                b'"' => break,
                b'\\' => {
                    let &[_, escaped] = cursor.take(2)? else { return None };
                    (0x20..=0x7E).contains(&escaped).then_some(())?;
                }
                _ => return None,
            }
        }
        cursor.byte(b'"')?;
    } else {
        cursor.take_while(|byte| is_atext(byte) || byte == b'.' || rules.utf8 && byte >= 0x80);
    }
    let length = all.len().checked_sub(cursor.rest().len())?;
    let local = std::str::from_utf8(all.get(..length)?).ok()?;
    let is_nobody = local.is_empty() || local == "\"\"";
    (!is_nobody && length <= SMTP_LOCAL_PART_BYTES_MAX).then_some(local)
}

/// ```text
/// Domain        = sub-domain *("." sub-domain)            ; RFC 5321 4.1.2
/// address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
/// IPv6-address-literal = "IPv6:" IPv6-addr
/// General-address-literal = Standardized-tag ":" 1*dcontent
/// ```
///
/// Quirk: underscores, which hosts have in spite of the grammar.
fn domain<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<&'a str> {
    let all = cursor.rest();
    if cursor.peek() == Some(b'[') {
        cursor.byte(b'[')?;
        let inside =
            cursor.take_while(|byte| byte.is_ascii_graphic() && !b"[]\\<>".contains(&byte));
        cursor.byte(b']')?;
        is_literal(std::str::from_utf8(inside).ok()?).then_some(())?;
    } else {
        let legal = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_' | b'.')
                || rules.utf8 && byte >= 0x80
        };
        let name = cursor.take_while(legal);
        name.split(|&byte| byte == b'.').all(|label| !label.is_empty()).then_some(())?;
    }
    let length = all.len().checked_sub(cursor.rest().len())?;
    let domain = std::str::from_utf8(all.get(..length)?).ok()?;
    (length <= SMTP_DOMAIN_BYTES_MAX).then_some(domain)
}

fn is_literal(text: &str) -> bool {
    match text.split_once(':') {
        None => text.parse::<Ipv4Addr>().is_ok(),
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6") => {
            address.parse::<Ipv6Addr>().is_ok()
        }
        Some((tag, content)) => {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !tag.is_empty() && tag.bytes().all(legal) && !tag.ends_with('-') && !content.is_empty()
        }
    }
}

/// ```text
/// atext         = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "/" / "=" / "?" / "^" / "_" /
///                 "`" / "{" / "|" / "}" / "~"              ; RFC 5322 3.2.3
/// ```
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_qtext(byte: u8) -> bool {
    (0x20..=0x7E).contains(&byte) && byte != b'"' && byte != b'\\'
}
