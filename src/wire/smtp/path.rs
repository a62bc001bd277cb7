//! Envelope addresses and the parameters behind them: the arguments of MAIL and RCPT (RFC 5321 4.1.2).
//!
//! Decides: what an address is, where it ends, what its user is called. Does not: know which parameters mean something,
//! or whether anybody is there. Driver: `lmtp`. Tests: below.
//!
//! Three deliberate differences to the grammar. Source routes (`<@a,@b:c@d>`) are refused: they lead nowhere today and
//! have been used to get past address checks (LM-01). Dots may stand anywhere in a local part, because senders with
//! `a..b@` exist and a refusal here would bounce their mail. An address without a domain is taken where the caller
//! says so, as LMTP servers do for local users.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::{SMTP_DOMAIN_BYTES_MAX, SMTP_LOCAL_PART_BYTES_MAX, SMTP_PARAMETERS_MAX};
use crate::wire::cursor::Cursor;

/// What addresses may look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The transaction has SMTPUTF8: anything but ASCII may stand in addresses (RFC 6531 3.3).
    pub utf8: bool,
    /// `<tim>` is an address.
    pub bare_local: bool,
}

/// One address, as it stood between the angle brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// Everything between `<` and `>`.
    pub text: &'a str,
    local: &'a str,
    /// What is behind the `@`; empty: nothing is.
    pub domain: &'a str,
}

/// The argument of MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// None: `<>`.
    pub mailbox: Option<Mailbox<'a>>,
    /// Name and value, as they stood, in order.
    pub parameters: Vec<Parameter<'a>>,
}

/// `esmtp-param`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The keyword, in any case.
    pub name: &'a str,
    /// What is behind `=`.
    pub value: Option<&'a str>,
}

/// What is wrong with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The address: 501 5.1.3 or 5.1.7.
    Address,
    /// What is behind it: 501 5.5.4.
    Parameters,
}

impl<'a> Argument<'a> {
    /// Reads what is behind `MAIL ` or `RCPT `; `keyword` is `FROM:` or `TO:`.
    ///
    /// ```text
    /// mail          = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF ; RFC 5321 4.1.1.2
    /// rcpt          = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF   ; RFC 5321 4.1.1.3
    /// Reverse-path  = Path / "<>"
    /// Path          = "<" Mailbox ">"
    /// ```
    ///
    /// Quirk: SP behind the colon, which many senders write.
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn parse(text: &'a [u8], keyword: &str, rules: Rules) -> Result<Self, Flaw> {
        let (word, rest) = text.split_at_checked(keyword.len()).ok_or(Flaw::Address)?;
        if !word.eq_ignore_ascii_case(keyword.as_bytes()) {
            return Err(Flaw::Address);
        }
        let mut cursor = Cursor::new(rest);
        cursor.take_while(|byte| byte == b' ');
        let mailbox = path(&mut cursor, rules).ok_or(Flaw::Address)?;
        let parameters = parameters(&mut cursor).ok_or(Flaw::Parameters)?;
        Ok(Self { mailbox, parameters })
    }
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

    /// The user whose mailbox it is: without what is behind the first `delimiter` of the local part, if anything
    /// stands before it.
    #[must_use]
    pub fn user(&self, delimiter: Option<char>) -> String {
        let local = self.local();
        let (name, _) = split_detail(&local, delimiter);
        if self.domain.is_empty() { name.to_owned() } else { format!("{name}@{}", self.domain) }
    }

    /// The address of the same mailbox's owner under another name, with this one's detail.
    #[must_use]
    pub fn renamed(&self, user: &str, delimiter: Option<char>) -> String {
        let own = self.local();
        let (_, detail) = split_detail(&own, delimiter);
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
fn split_detail(local: &str, delimiter: Option<char>) -> (&str, &str) {
    let at = delimiter.and_then(|delimiter| local.find(delimiter)).filter(|&at| at > 0);
    at.and_then(|at| local.split_at_checked(at)).unwrap_or((local, ""))
}

/// `Some(None)` is `<>`.
#[expect(clippy::option_option, reason = "outside: no match; inside: the null path")]
fn path<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<Option<Mailbox<'a>>> {
    cursor.byte(b'<')?;
    if cursor.peek() == Some(b'>') {
        cursor.byte(b'>')?;
        return Some(None);
    }
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
    cursor.byte(b'>')?;
    let text = std::str::from_utf8(all.get(..length)?).ok()?;
    Some(Some(Mailbox { text, local, domain }))
}

/// ```text
/// Local-part    = Dot-string / Quoted-string              ; RFC 5321 4.1.2
/// Quoted-string = DQUOTE *QcontentSMTP DQUOTE
/// quoted-pairSMTP = %d92 %d32-126
/// qtextSMTP     = %d32-33 / %d35-91 / %d93-126            ; RFC 6531 3.3 adds UTF8-non-ascii
/// ```
///
/// Quirk: an empty quoted string is nobody (LM-01, CVE-2020-10967).
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
/// Mail-parameters = esmtp-param *(SP esmtp-param)         ; RFC 5321 4.1.2
/// esmtp-param   = esmtp-keyword ["=" esmtp-value]
/// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
/// esmtp-value   = 1*(%d33-60 / %d62-126)
/// ```
fn parameters<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<Parameter<'a>>> {
    let mut found = Vec::new();
    loop {
        let space = cursor.take_while(|byte| byte == b' ');
        if cursor.end().is_some() {
            return Some(found);
        }
        if space.is_empty() || found.len() == SMTP_PARAMETERS_MAX {
            return None;
        }
        let name = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if name.is_empty() || name.starts_with(b"-") {
            return None;
        }
        let mut value = None;
        if cursor.peek() == Some(b'=') {
            cursor.byte(b'=')?;
            let text = cursor.take_while(|byte| byte.is_ascii_graphic() && byte != b'=');
            value = Some(std::str::from_utf8(text).ok().filter(|text| !text.is_empty())?);
        }
        found.push(Parameter { name: std::str::from_utf8(name).ok()?, value });
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Rules = Rules { utf8: false, bare_local: true };

    fn to(text: &str) -> Result<Argument<'_>, Flaw> {
        Argument::parse(text.as_bytes(), "TO:", LOCAL)
    }

    fn user(text: &str) -> Option<String> {
        Some(to(text).ok()?.mailbox?.user(Some('+')))
    }

    #[test]
    fn lm_01_what_is_no_address() {
        let long = format!("TO:<{}@example.org>", "a".repeat(300));
        let wide = format!("TO:<a@{}>", "x.".repeat(200));
        let bad = [
            "TO:<\"\"@example.org>",
            "TO:<@a:b@c>",
            "TO:<@a,@b:c@d>",
            "TO:<\"a@b>",
            "TO:<a\"b@c>",
            "TO:<\u{e9}@example.org>",
            "TO:<a@\u{e9}>",
            "TO:<a@b",
            "TO:a@b",
            "TO:<a@>",
            "TO:<@b>",
            "TO:<a@b..c>",
            "TO:<a@.b>",
            "TO:<a@[1.2.3]>",
            "TO:<a@[IPv6:::g]>",
            "TO:<a@[x:]>",
            "TO:<a b@c>",
            "TO:<a\tb@c>",
            "TO:<a\0b@c>",
            "TO:<\"a\tb\"@c>",
            "TO:<\"a\\",
            "FROM:<a@b>",
            "TO",
            "",
            "TO:<a@b\r>",
            &long,
            &wide,
        ];
        for text in bad {
            assert_eq!(to(text), Err(Flaw::Address), "{text:?}");
        }
        assert_eq!(Argument::parse(b"TO:<tim>", "TO:", Rules::default()), Err(Flaw::Address));
    }

    #[test]
    fn addresses_and_their_users() {
        for (text, wanted) in [
            ("TO:<tim@example.org>", "tim@example.org"),
            ("to: <Tim+box@Example.ORG>", "Tim@Example.ORG"),
            ("TO:<tim>", "tim"),
            ("TO:<+x@h>", "+x@h"),
            ("TO:<\"tim jo\"@h>", "tim jo@h"),
            ("TO:<\"t\\im\\\"+d\"@h>", "tim\"@h"),
            ("TO:<a..b.@h>", "a..b.@h"),
            ("TO:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("TO:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
            ("TO:<!#$%&'*-/=?^_`{|}~@h_1.x-y>", "!#$%&'*-/=?^_`{|}~@h_1.x-y"),
        ] {
            assert_eq!(user(text).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(to("TO:<>").unwrap().mailbox, None);
        let rules = Rules { utf8: true, bare_local: false };
        let text = "TO:<\u{e9}@\u{e9}.example>".as_bytes();
        assert_eq!(
            Argument::parse(text, "TO:", rules).unwrap().mailbox.unwrap().text,
            "\u{e9}@\u{e9}.example"
        );
        assert_eq!(Argument::parse(b"TO:<\xff@a>", "TO:", rules), Err(Flaw::Address));
    }

    #[test]
    fn w_lmtp_5_another_name_keeps_the_detail() {
        let renamed =
            |text: &str, user: &str| to(text).unwrap().mailbox.unwrap().renamed(user, Some('+'));
        assert_eq!(renamed("TO:<tim+x@a>", "u17@b"), "u17+x@b");
        assert_eq!(renamed("TO:<tim@a>", "u17"), "u17");
        assert_eq!(renamed("TO:<tim+a@b>", "two words@c"), "\"two words+a\"@c");
        assert_eq!(renamed("TO:<\"tim+a\\\"\"@b>", "u@c"), "\"u+a\\\"\"@c");
    }

    #[test]
    fn lm_12_parameters_are_words_and_nothing_else() {
        let of = |text: &'static str| to(text).map(|argument| argument.parameters.len());
        assert_eq!(of("TO:<a@b> NOTIFY=NEVER X  ORCPT=rfc822;a+2Bb@c "), Ok(3));
        assert_eq!(
            to("TO:<a@b> A=b").unwrap().parameters,
            [Parameter { name: "A", value: Some("b") }]
        );
        for bad in [
            "TO:<a@b>X",
            "TO:<a@b> A=",
            "TO:<a@b> A=b=c",
            "TO:<a@b> =b",
            "TO:<a@b> -a",
            "TO:<a@b> A=b\tc",
            "TO:<a@b>\tA",
            "TO:<a@b> A=\u{e9}",
            "TO:<a@b> \0",
            "TO:<a@b> A_B",
            "TO:<a@b> a b c d e f g h i j k l m n o p q",
        ] {
            assert_eq!(of(bad), Err(Flaw::Parameters), "{bad:?}");
        }
    }
}
