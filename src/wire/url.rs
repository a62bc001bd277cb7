//! Addresses of services that are asked by HTTP (RFC 3986, as far as operators write them).
//!
//! Decides: what is one. Prints neither its user, its password nor its query, which may be secrets. Driver: `config` when a
//! setting is read, `webauth` and `control` when a provider names an address. Tests: below.

use std::fmt;

use crate::limits::{HOST_NAME_BYTES_MAX, URL_BYTES_MAX};
use crate::secret::Secret;
use crate::wire::host_name;

/// An address: scheme, host, port, and what stands behind them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// `https`.
    pub is_secure: bool,
    /// A name or an address; without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// Path and query, with the slash in front: what is asked of the server.
    pub target: Box<str>,
    /// `user:password@`, decoded.
    pub credentials: Option<(Secret, Secret)>,
}

/// Why a text is no address of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlFault;

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL such as `https://idp.example/path`, of visible characters only")
    }
}

impl Url {
    /// Reads one. A fragment is cut off: no server ever sees it.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        if text.len() > URL_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlFault);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlFault)?;
        let is_secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlFault),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or(UrlFault)?;
        let (credentials, place) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((credentials, place)) => (Some(pair(credentials)?), place),
        };
        let (host, port) = place_of(place)?;
        let port = match port {
            None if is_secure => 443,
            None => 80,
            Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or(UrlFault)?,
        };
        let target = match target.starts_with('/') {
            true => target.into(),
            false => format!("/{target}").into(),
        };
        Ok(Self { is_secure, host: host.into(), port, target, credentials })
    }

    /// Whether both are answered by one server, so that what may be told to one may be told to the other.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.is_secure == other.is_secure
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port == other.port
    }

    /// The value of `Host` (RFC 9110 7.2).
    #[must_use]
    pub fn host_field(&self) -> String {
        let usual = if self.is_secure { 443 } else { 80 };
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.to_string(),
        };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The same server, and another target.
    #[must_use]
    pub fn with_target(&self, target: &str) -> Self {
        Self { target: target.into(), ..self.clone() }
    }
}

/// For logs: where it is, without what may be secret.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.host_field())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// Undoes `%XX`; `+` stays.
///
/// None: a `%` without two digits behind it.
#[must_use]
pub fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return Some(out),
            [b'%', high, low, after @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(*high)? * 16 + digit(*low)?;
                out.push(u8::try_from(value).ok()?);
                rest = after;
            }
            [b'%', ..] => return None,
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
}

/// The names and values of a form or query (`application/x-www-form-urlencoded`).
///
/// None: a `%` without two digits behind it, or bytes that are no UTF-8.
#[must_use]
pub fn form_decoded(text: &[u8]) -> Option<Vec<(String, String)>> {
    let word = |text: &[u8]| {
        let spaced: Vec<u8> =
            text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        String::from_utf8(percent_decoded(&spaced)?).ok()
    };
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    let pair = |part: &[u8]| {
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let (name, value) = part.split_at_checked(at)?;
        Some((word(name)?, word(value.get(1..).unwrap_or_default())?))
    };
    parts.map(pair).collect()
}

/// Appends `bytes` so that they are one value of a form or query (RFC 3986 2.3: all but unreserved characters as `%XX`).
pub fn percent_encode(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            percent(byte, out);
        }
    }
}

/// Appends one octet as `%XX`.
pub fn percent(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
}

fn pair(text: &str) -> Result<(Secret, Secret), UrlFault> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| percent_decoded(text.as_bytes()).map(Secret::new).ok_or(UrlFault);
    Ok((decoded(user)?, decoded(password)?))
}

/// Host and port of `host[:port]`, where the host may be an address in brackets.
fn place_of(place: &str) -> Result<(&str, Option<&str>), UrlFault> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(UrlFault)?;
        let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
        return match port.strip_prefix(':') {
            _ if !is_address => Err(UrlFault),
            None if port.is_empty() => Ok((host, None)),
            None => Err(UrlFault),
            Some(digits) => Ok((host, Some(digits))),
        };
    }
    let (host, port) = match place.split_once(':') {
        None => (place, None),
        Some((host, port)) => (host, Some(port)),
    };
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    let is_host = host.len() <= HOST_NAME_BYTES_MAX
        && (is_address || host_name::read(host.as_bytes()).is_some());
    if is_host { Ok((host, port)) } else { Err(UrlFault) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(bool, String, u16, String)> {
        let url = Url::parse(text).ok()?;
        Some((url.is_secure, url.host.into(), url.port, url.target.into()))
    }

    #[test]
    fn schemes_hosts_ports_and_targets() {
        let of = |secure, host: &str, port, target: &str| {
            Some((secure, host.to_owned(), port, target.to_owned()))
        };
        assert_eq!(parts("http://idp.example"), of(false, "idp.example", 80, "/"));
        assert_eq!(parts("HTTPS://idp.example/a/b?c=d"), of(true, "idp.example", 443, "/a/b?c=d"));
        assert_eq!(parts("https://127.0.0.1:8443?token="), of(true, "127.0.0.1", 8443, "/?token="));
        assert_eq!(parts("http://[::1]:81/#x"), of(false, "::1", 81, "/"));
        assert_eq!(Url::parse("http://[::1]:81/").unwrap().host_field(), "[::1]:81");
        for bad in [
            "",
            "idp.example",
            "ftp://idp.example/",
            "http://",
            "http:///x",
            "http://a b/",
            "http://a\r\nb/",
            "http://a:0/",
            "http://a:65536/",
            "http://a:x/",
            "http://[::1/",
            "http://[x]/",
            "http://[::1]x/",
            "http://ä/",
            "http://-a/",
            "http://%41:b%4@h/",
        ] {
            assert_eq!(parts(bad), None, "{bad:?}");
        }
        assert_eq!(parts(&format!("http://a/{}", "x".repeat(URL_BYTES_MAX))), None);
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let url =
            Url::parse("https://hale:s%20e%26c%25ret@idp.example/introspect?key=hush").unwrap();
        let (user, password) = url.credentials.as_ref().unwrap();
        assert_eq!((user.expose(), password.expose()), (&b"hale"[..], &b"s e&c%ret"[..]));
        assert_eq!(url.to_string(), "https://idp.example/introspect");
        assert_eq!(format!("{url:?}"), "Url(https://idp.example/introspect)");
        assert!(url.is_same_place(&Url::parse("https://IDP.example:443/").unwrap()));
        assert!(!url.is_same_place(&Url::parse("http://idp.example:443/").unwrap()));
    }

    #[test]
    fn encoding_and_decoding_are_each_others_opposite() {
        let all: Vec<u8> = (0..=255).collect();
        let mut encoded = Vec::new();
        percent_encode(&all, &mut encoded);
        assert!(encoded.iter().all(u8::is_ascii_graphic) && !encoded.contains(&b'+'));
        assert_eq!(percent_decoded(&encoded).as_deref(), Some(&all[..]));
        let form = form_decoded(b"a=1+2%26&&b&c==").unwrap();
        let pairs: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("a", "1 2&"), ("b", ""), ("c", "=")]);
        for bad in [&b"a=%"[..], b"%ff=1", b"a=%4"] {
            assert_eq!(form_decoded(bad), None);
        }
        assert_eq!(percent_decoded(b"a+b%2b%2B").as_deref(), Some(&b"a+b++"[..]));
        for odd in [&b"%"[..], b"%4", b"%4g", b"a%"] {
            assert_eq!(percent_decoded(odd), None);
        }
    }
}
