//! Referrals: a backend says where the user lives now (W-REF-1).
//!
//! Decides: what the four protocols' forms say. Does not: believe them; [`super::connect::Attempts`] checks loops and
//! the routing layer checks that the host is known (W-REF-1). Tests: below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::USER_BYTES_MAX;
use crate::names::Protocol;

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The user there, percent-decoded; none when the form names no user.
    pub user: Option<Box<str>>,
    /// The host.
    pub host: Host,
    /// The port; none: the port of this protocol's route (W-REF-3).
    pub port: Option<u16>,
}

/// A host as a referral names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An IP literal, IPv4-mapped ones as IPv4.
    Address(IpAddr),
    /// A name, of use only when the routing layer knows it.
    Name(Box<str>),
}

impl Referral {
    /// IMAP: the argument of the response code `REFERRAL`.
    ///
    /// ```text
    /// imapurl       = "imap://" [iuserinfo "@"] host [":" port] ["/" …] ; RFC 5092, RFC 2221 4.1
    /// iuserinfo     = enc-user [";AUTH=" ("*" / enc-auth-type)]
    /// ```
    #[must_use]
    pub fn from_imap(url: &[u8]) -> Option<Self> {
        url_of(url, "imap://")
    }

    /// POP3: the text behind `-ERR `, `[REFERRAL/user@host:port] …` (Dovecot).
    #[must_use]
    pub fn from_pop3(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        authority(bracketed(strip_prefix_any_case(text, "[REFERRAL/")?)?)
    }

    /// ManageSieve: the text behind `NO `, `(REFERRAL "sieve://user@host:port") …`; the URL's quotes may be missing, as
    /// in Dovecot's.
    ///
    /// ```text
    /// resp-code-referral = "REFERRAL" SP sieveurl-string  ; RFC 5804 1.3
    /// ```
    #[must_use]
    pub fn from_sieve(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let argument = strip_prefix_any_case(text, "(REFERRAL ")?;
        let url = match argument.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').filter(|(_, rest)| rest.starts_with(')'))?.0,
            None => argument.split_once(')')?.0,
        };
        url_of(url.as_bytes(), "sieve://")
    }

    /// Submission and LMTP: the text behind the reply code, `5.2.900 [<address> ]user@host:port Referral`. The user is
    /// written as it is and ends at the last `@`; what `<…>` encloses repeats the recipient.
    #[must_use]
    pub fn from_smtp(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.strip_prefix("5.2.900 ")?;
        let text = match text.strip_prefix('<') {
            Some(address) => address.split_once("> ")?.1,
            None => text,
        };
        Self::token(text.split(' ').next()?)
    }

    /// doveadm: the text behind `-REFERRAL `, `user@host:port`. The user is as it is written.
    #[must_use]
    pub fn from_doveadm(text: &[u8]) -> Option<Self> {
        Self::token(std::str::from_utf8(text).ok()?)
    }

    fn token(token: &str) -> Option<Self> {
        match token.rsplit_once('@') {
            Some((user, place)) => {
                Some(Self { user: Some(user_name(user)?.into()), ..authority(place)? })
            }
            None if token.is_empty() => None,
            None => authority(token),
        }
    }
}

/// A referral as we write it, in the form in which the protocol's refusals travel (W-REF-5): code and words, and in
/// Submission the whole reply. `host` is a name or an address.
#[must_use]
pub fn written(protocol: Protocol, user: &str, host: &str, port: Option<u16>) -> Box<[u8]> {
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let place = format!("{host}{port}");
    // There it is written as it is, and where it cannot be, the receiver knows whom it asked about.
    let plain = if user.contains([' ', '<']) { String::new() } else { format!("{user}@") };
    let user = percent_encoded(user);
    let text = match protocol {
        Protocol::Imap => format!("[REFERRAL imap://{user};AUTH=*@{place}/] Log in there."),
        Protocol::Pop3 => format!("[REFERRAL/{user}@{place}] Log in there."),
        Protocol::Sieve => format!("(REFERRAL \"sieve://{user}@{place}\") Log in there."),
        Protocol::Submission | Protocol::Lmtp => format!("550 5.2.900 {plain}{place} Referral"),
    };
    text.into_bytes().into()
}

/// ```text
/// unreserved    = ALPHA / DIGIT / "-" / "." / "_" / "~"   ; RFC 3986 2.3
/// ```
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn url_of(url: &[u8], scheme: &str) -> Option<Referral> {
    let rest = strip_prefix_any_case(std::str::from_utf8(url).ok()?, scheme)?;
    // Paths and queries say nothing about logging in.
    authority(rest.split(['/', '?', '#']).next()?)
}

/// ```text
/// authority     = [ userinfo "@" ] host [ ":" port ]      ; RFC 3986 3.2
/// ```
///
/// Quirk: the user may hold a bare `@`, so it ends at the last one.
fn authority(text: &str) -> Option<Referral> {
    let (user, place) = match text.rsplit_once('@') {
        Some((userinfo, place)) => (Some(user_of(userinfo)?), place),
        None => (None, text),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(literal) => {
            let (address, rest) = literal.split_once(']')?;
            (Host::Address(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?).to_canonical()), rest)
        }
        None => {
            let end = place.find(':').unwrap_or(place.len());
            let (name, rest) = place.split_at_checked(end)?;
            (named_host(name)?, rest)
        }
    };
    Some(Referral { user, host, port: port_of(port)? })
}

/// ```text
/// port          = *DIGIT                                  ; RFC 3986 3.2.3
/// ```
#[expect(clippy::option_option, reason = "outside: no match; inside: the default port")]
fn port_of(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None => text.is_empty().then_some(None),
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|&port: &u16| port != 0).map(Some)
        }
        Some(_) => None,
    }
}

/// An IPv4 address or a DNS name.
fn named_host(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = (1..=255).contains(&text.len()) && text.bytes().all(legal);
    // All digits and dots is an address gone wrong, not a name.
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_name && has_letter).then(|| Host::Name(text.to_ascii_lowercase().into()))
}

/// The user without IMAP's `;AUTH=…`, decoded, fit to be sent to a backend.
fn user_of(userinfo: &str) -> Option<Box<str>> {
    let encoded = userinfo.split(';').next()?;
    let user = String::from_utf8(percent_decoded(encoded.as_bytes())?).ok()?;
    user_name(&user).map(Into::into)
}

/// Fit to be sent to a backend.
fn user_name(user: &str) -> Option<&str> {
    let legal =
        (1..=USER_BYTES_MAX).contains(&user.len()) && !user.bytes().any(|b| b.is_ascii_control());
    legal.then_some(user)
}

/// ```text
/// pct-encoded   = "%" HEXDIG HEXDIG                       ; RFC 3986 2.1
/// ```
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(*bytes.next()?).to_digit(16)?;
        let low = char::from(*bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
    }
    Some(decoded)
}

/// Up to the `]` that closes the code, which is not the one that closes an IPv6 literal.
fn bracketed(text: &str) -> Option<&str> {
    let literal_end = text.find("@[").and_then(|at| text.get(at..)?.find(']')?.checked_add(at));
    let from = literal_end.map_or(0, |at| at.saturating_add(1));
    let end = text.get(from..)?.find(']')?.checked_add(from)?;
    text.get(..end)
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(user: &str, host: &str, port: Option<u16>) -> Option<Referral> {
        let user = Some(user).filter(|user| !user.is_empty()).map(Into::into);
        let host = host.parse().map_or_else(|_| Host::Name(host.into()), Host::Address);
        Some(Referral { user, host, port })
    }

    #[test]
    fn w_ref_3_imap_urls() {
        let of = |url: &str| Referral::from_imap(url.as_bytes());
        assert_eq!(of("imap://tim;AUTH=*@192.0.2.7:1143/"), to("tim", "192.0.2.7", Some(1143)));
        assert_eq!(
            of("IMAP://tim%40example.com;AUTH=PLAIN@h2/"),
            to("tim@example.com", "h2", None)
        );
        assert_eq!(of("imap://tim@[2001:db8::1]:143/"), to("tim", "2001:db8::1", Some(143)));
        assert_eq!(of("imap://tim@[::ffff:192.0.2.7]"), to("tim", "192.0.2.7", None));
        assert_eq!(of("imap://Mail.Example:143"), to("", "mail.example", Some(143)));
        assert_eq!(of("imap://a@b@h:1/INBOX?x"), to("a@b", "h", Some(1)));
        let bad = [
            "",
            "imap://",
            "http://h/",
            "imap://u@",
            "imap://u@h:0",
            "imap://u@h:65536",
            "imap://u@h:x",
            "imap://u@[::1",
            "imap://u@[1.2.3.4]",
            "imap://u%4@h",
            "imap://u%zz@h",
            "imap://u%0d%0aDELE@h",
            "imap://%ff@h",
            "imap://@h",
            "imap://u@1.2.3",
            "imap://u@a b",
            "imap://u@[::1]x",
        ];
        for url in bad {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn w_ref_5_what_we_write_is_what_we_read() {
        for (host, port) in
            [("192.0.2.7", Some(1143)), ("2001:db8::1", None), ("h2.example", Some(1))]
        {
            for user in ["tim", "t\u{ed}m@example.com", "a]b\"c d@e%40"] {
                let of = |protocol| written(protocol, user, host, port);
                let imap = of(Protocol::Imap);
                let url = crate::wire::resp_text::parse(&imap).argument;
                assert_eq!(
                    Referral::from_imap(url),
                    to(user, host, port),
                    "{}",
                    imap.escape_ascii()
                );
                assert_eq!(Referral::from_pop3(&of(Protocol::Pop3)), to(user, host, port));
                assert_eq!(Referral::from_sieve(&of(Protocol::Sieve)), to(user, host, port));
                let reply = of(Protocol::Submission);
                let told = if user.contains(' ') { "" } else { user };
                assert_eq!(Referral::from_smtp(reply.get(4..).unwrap()), to(told, host, port));
            }
        }
    }

    #[test]
    fn every_other_protocols_form() {
        let pop3 = |text: &str| Referral::from_pop3(text.as_bytes());
        assert_eq!(
            pop3("[REFERRAL/tim@192.0.2.7:110] Referral"),
            to("tim", "192.0.2.7", Some(110))
        );
        assert_eq!(pop3("[REFERRAL/t%40x@[::1]] Referral"), to("t@x", "::1", None));
        assert_eq!(pop3("[REFERRAL/tim@[::1]:1] Referral"), to("tim", "::1", Some(1)));
        assert_eq!(pop3("[IN-USE] no"), None);
        let sieve = |text: &str| Referral::from_sieve(text.as_bytes());
        assert_eq!(sieve("(REFERRAL \"sieve://tim@h:4190\") \"Go\""), to("tim", "h", Some(4190)));
        assert_eq!(sieve("(REFERRAL sieve://tim@[::1]) \"Go\""), to("tim", "::1", None));
        assert_eq!(sieve("(TRYLATER) \"x\""), None);
        let smtp = |text: &str| Referral::from_smtp(text.as_bytes());
        assert_eq!(smtp("5.2.900 tim@h2:587 Referral"), to("tim", "h2", Some(587)));
        assert_eq!(smtp("5.2.900 <a@b> a@b@10.0.0.1:24 Referral"), to("a@b", "10.0.0.1", Some(24)));
        assert_eq!(smtp("5.2.900 a%40;b@h Referral"), to("a%40;b", "h", None), "as it is written");
        assert_eq!(smtp("5.1.1 <a@b> unknown"), None);
        assert_eq!(smtp("5.2.900 "), None);
        let doveadm = |text: &str| Referral::from_doveadm(text.as_bytes());
        assert_eq!(doveadm("a@b@10.0.0.1:2300"), to("a@b", "10.0.0.1", Some(2300)));
        assert_eq!(doveadm("tim@[::1]"), to("tim", "::1", None));
        assert_eq!(doveadm(""), None);
    }
}
