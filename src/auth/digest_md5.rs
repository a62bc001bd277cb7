//! DIGEST-MD5 (RFC 2831): the client's only message, and the digests in it.
//!
//! Decides: what a message says, which ones are none, whether its digest is right. Does not: know users, or protect what follows the
//! login (`qop=auth` is all that is offered). Driven by `preauth`, which reads the name, and `auth::challenge`, which judges. Tests:
//! below, with the example of the RFC.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use super::challenge::{Verdict, hex};
use crate::limits::DIGEST_RESPONSE_BYTES_MAX;

/// ```text
/// digest-response  = 1#( username | realm | nonce | cnonce | nonce-count | qop | digest-uri | response | maxbuf |
///                        charset | cipher | authzid | auth-param )   ; RFC 2831 2.1.2
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `username`.
    pub user: Box<[u8]>,
    /// `realm`; empty: none.
    pub realm: Box<[u8]>,
    /// `authzid`: the user to act for, when the client names one.
    pub authorize_as: Option<Box<[u8]>>,
    nonce: Box<[u8]>,
    client_nonce: Box<[u8]>,
    uri: Box<[u8]>,
    digest: Box<[u8]>,
}

/// What a server says first. Realms are the client's affair, as with Dovecot's default; unlike Dovecot's the last two stand without
/// quotation marks, as RFC 2831 2.1.1 has them and curl wants them.
#[must_use]
pub fn challenge(nonce: &str) -> String {
    format!(r#"realm="",nonce="{nonce}",qop="auth",charset=utf-8,algorithm=md5-sess"#)
}

impl Response {
    /// Reads one; none: it is none, says a thing twice, or wants what is not offered.
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<Self> {
        if message.len() > DIGEST_RESPONSE_BYTES_MAX {
            return None;
        }
        let mut found: [Option<Vec<u8>>; NAMES.len()] = Default::default();
        let mut rest = message;
        loop {
            rest = behind_commas(rest);
            if rest.is_empty() {
                break;
            }
            let pair = Pair::read(rest)?;
            rest = pair.behind;
            let name = pair.name;
            let at = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
            let Some(place) = at.and_then(|at| found.get_mut(at)) else { continue };
            if place.replace(pair.value).is_some() {
                return None;
            }
        }
        let [user, realm, authzid, nonce, client_nonce, uri, digest, count, protection] = found;
        let is_first = count.as_deref() == Some(FIRST);
        let is_offered = protection.is_none_or(|protection| protection == QOP);
        let boxed =
            |value: Option<Vec<u8>>| value.filter(|it| !it.is_empty()).map(Vec::into_boxed_slice);
        (is_first && is_offered).then_some(())?;
        Some(Self {
            user: boxed(user)?,
            realm: realm.unwrap_or_default().into(),
            authorize_as: boxed(authzid),
            nonce: boxed(nonce)?,
            client_nonce: boxed(client_nonce)?,
            uri: boxed(uri)?,
            digest: boxed(digest)?,
        })
    }

    /// Whom it names: a realm is the domain of a name that has none.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        match (&*self.realm, self.user.contains(&b'@')) {
            (b"", _) | (_, true) => self.user.to_vec(),
            (realm, false) => [&self.user, &b"@"[..], realm].concat(),
        }
    }

    /// Judges it by the digest of user, realm and password. `nonce`: the one that we have sent.
    pub(super) fn judge(&self, stored: &[u8], nonce: &[u8]) -> Verdict {
        let mut of = vec![stored, &self.nonce, &self.client_nonce];
        of.extend(self.authorize_as.as_deref());
        let session = hex(&md5(&of));
        let digest = |method: &[u8]| {
            let about = hex(&md5(&[method, &self.uri]));
            let parts =
                [session.as_bytes(), &self.nonce, FIRST, &self.client_nonce, QOP, about.as_bytes()];
            hex(&md5(&parts))
        };
        let is_ours = self.nonce.ct_eq(nonce);
        let is_right = digest(b"AUTHENTICATE").as_bytes().ct_eq(&self.digest.to_ascii_lowercase());
        if bool::from(is_ours & is_right) {
            Verdict::Proved(format!("rspauth={}", digest(b"")).into_bytes().into())
        } else {
            Verdict::Wrong
        }
    }
}

/// Of the parts, joined by colons.
fn md5(parts: &[&[u8]]) -> [u8; 16] {
    Md5::digest(parts.join(&b":"[..])).into()
}

/// What stands behind blanks and commas.
fn behind_commas(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_between(byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// A pair, unquoted, and what stands behind it.
struct Pair<'a> {
    name: &'a [u8],
    value: Vec<u8>,
    behind: &'a [u8],
}

impl<'a> Pair<'a> {
    /// ```text
    /// #rule            = *( *LWS "," ) element *( *LWS "," *LWS element ) ; RFC 2831 7.1
    /// element          = token *LWS "=" *LWS ( token | quoted-string )
    /// ```
    fn read(text: &'a [u8]) -> Option<Self> {
        let equals = text.iter().position(|&byte| byte == b'=')?;
        let (name, rest) = text.split_at_checked(equals)?;
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let name = name.trim_ascii_end();
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(rest) => quoted(rest)?,
            None => {
                let end = rest.iter().position(is_between).unwrap_or(rest.len());
                let (value, rest) = rest.split_at_checked(end)?;
                (value.to_vec(), rest)
            }
        };
        let behind = rest.trim_ascii_start();
        let is_end = behind.is_empty() || behind.starts_with(b",");
        (is_end && !name.is_empty()).then_some(Self { name, value, behind })
    }
}

/// To the closing quotation mark, and what stands behind it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, text.get(at.checked_add(1)?..)?)),
            b'\\' => value.push(*bytes.next()?.1),
            _ => value.push(byte),
        }
    }
    None
}

fn is_between(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',')
}

const NAMES: [&str; 9] =
    ["username", "realm", "authzid", "nonce", "cnonce", "digest-uri", "response", "nc", "qop"];
/// No session is taken up again by an earlier nonce (RFC 2831 2.2).
const FIRST: &[u8] = b"00000001";
const QOP: &[u8] = b"auth";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2831 4.
    const EXAMPLE: &str = r#"charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth"#;

    fn of(message: &str) -> Option<Response> {
        Response::parse(message.as_bytes())
    }

    fn stored() -> [u8; 16] {
        md5(&[b"chris", b"elwood.innosoft.com", b"secret"])
    }

    #[test]
    fn sa_05_the_example_of_the_rfc() {
        let response = of(EXAMPLE).unwrap();
        assert_eq!(response.name(), b"chris@elwood.innosoft.com");
        let proved = Verdict::Proved(Box::from(&b"rspauth=ea40f60335c427b5527b84dbabcdfffd"[..]));
        assert_eq!(response.judge(&stored(), b"OA6MG9tEQGm2hh"), proved);
        assert_eq!(
            response.judge(&stored(), b"OA6MG9tEQGm2hi"),
            Verdict::Wrong,
            "an old challenge"
        );
        assert_eq!(response.judge(&[0; 16], b"OA6MG9tEQGm2hh"), Verdict::Wrong);
        let other = of(&EXAMPLE.replace("imap/", "pop/")).unwrap();
        assert_eq!(other.judge(&stored(), b"OA6MG9tEQGm2hh"), Verdict::Wrong);
    }

    #[test]
    fn lists_are_read_with_their_quotation_marks_and_blanks() {
        let text = EXAMPLE
            .replace(r#"username="chris""#, r#" ,, USERNAME = "ch\"r\\is,=" "#)
            .replace("realm=\"elwood.innosoft.com\"", "authzid=tim");
        let response = of(&text).unwrap();
        assert_eq!(&*response.user, br#"ch"r\is,="#);
        assert_eq!(response.authorize_as.as_deref(), Some(&b"tim"[..]));
        assert_eq!((&*response.realm, response.name()), (&b""[..], response.user.to_vec()));
    }

    #[test]
    fn what_is_no_response() {
        for (from, to) in [
            ("nc=00000001", "nc=00000002"),
            ("nc=00000001,", ""),
            ("qop=auth", "qop=auth-int"),
            ("qop=auth", "qop=auth,qop=auth"),
            ("username=\"chris\"", "username=\"\""),
            ("username=\"chris\"", "username=\"chris"),
            ("username=\"chris\",", ""),
            ("nonce=\"OA6MG9tEQGm2hh\",", ""),
            ("digest-uri=", "uri="),
            ("charset=utf-8", "=utf-8"),
            ("charset=utf-8", "charset"),
            ("realm=\"elwood.innosoft.com\"", "realm=\"a\" b"),
        ] {
            assert!(EXAMPLE.contains(from));
            assert_eq!(of(&EXAMPLE.replace(from, to)), None, "{to}");
        }
        assert_eq!(of(""), None);
        assert_eq!(of(&format!("{EXAMPLE},x=\"{}\"", "y".repeat(4096))), None);
    }
}
