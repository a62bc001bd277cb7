//! XOAUTH2 and OAUTHBEARER: bearer tokens in a client's only message, and the challenge that tells of a bad one.
//!
//! Decides: which message is one, taken as freely as Dovecot takes it. Does not: look into a token; a passdb or the backend
//! does. Tests: below, transcripts `authenticate_xoauth2*` and `authenticate_oauthbearer*`.

use std::fmt::Write as _;

use super::saslname;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

/// A token, and for whom the client says that it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Bearer<'a> {
    /// Empty: the token has to name the user.
    pub user: Box<[u8]>,
    /// Empty: the client asks where tokens are to be had (RFC 7628 4.3).
    pub token: &'a [u8],
}

/// What a client with a bad token is told: where and for what it gets a better one. Empty texts are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenHints {
    /// `scope`.
    pub scope: Box<str>,
    /// `openid-configuration`.
    pub openid_configuration: Box<str>,
}

/// ```text
/// initClientRequest = *("user=" user kvsep / "auth=Bearer" SP token kvsep / key "=" value kvsep) kvsep ; Google
/// ```
///
/// The order does not matter, nor how many separators end it. None: it is not one of these, or says a thing twice.
#[must_use]
pub fn xoauth2(message: &[u8]) -> Option<Bearer<'_>> {
    let Pairs { user, token } = pairs(message)?;
    Some(Bearer { user: user.filter(|user| !user.is_empty())?.into(), token: token? })
}

/// ```text
/// client-resp   = (gs2-header kvsep *kvpair kvsep) / kvsep  ; RFC 7628 3.1
/// gs2-header    = gs2-cb-flag "," ["a=" saslname] ","       ; RFC 5801 4
/// ```
#[must_use]
pub fn oauthbearer(message: &[u8]) -> Option<Bearer<'_>> {
    let rest = message.strip_prefix(b"n,").or_else(|| message.strip_prefix(b"y,"))?;
    let comma = rest.iter().position(|&byte| byte == b',')?;
    let (name, rest) = rest.split_at_checked(comma)?;
    let user = match name {
        b"" => Box::default(),
        _ => saslname::read(name.strip_prefix(b"a=")?)?,
    };
    let rest = rest.strip_prefix(b",")?.strip_prefix(b"\x01")?;
    Some(Bearer { user, token: pairs(rest)?.token? })
}

struct Pairs<'a> {
    user: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
}

/// ```text
/// kvpair        = key "=" value kvsep                        ; RFC 7628 3.1; kvsep is %x01
/// ```
fn pairs(text: &[u8]) -> Option<Pairs<'_>> {
    let mut found = Pairs { user: None, token: None };
    for pair in text.split(|&byte| byte == SEPARATOR).filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (key, value) = pair.split_at_checked(equals)?;
        let value = value.strip_prefix(b"=")?;
        let place = match key {
            b"user" => (&mut found.user, value),
            b"auth" => (&mut found.token, bearer(value)?),
            // Host, port and whatever else is the client's own affair.
            _ => continue,
        };
        // Which of two would be meant (SA-07)?
        if place.0.replace(place.1).is_some() {
            return None;
        }
    }
    Some(found)
}

/// What stands behind `Bearer `, in any case; nothing at all is a question for hints.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    if value.is_empty() {
        return Some(value);
    }
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then_some(token)
}

/// The challenge that tells of a bad token, before base64.
///
/// Quirk: XOAUTH2 has a number where OAUTHBEARER has a word.
#[must_use]
pub fn error(mechanism: Mechanism, hints: &TokenHints) -> Box<[u8]> {
    let mut text = String::from(match mechanism {
        Mechanism::Xoauth2 => r#"{"status":"401","schemes":"bearer""#,
        _ => r#"{"status":"invalid_token""#,
    });
    for (name, value) in
        [("scope", &hints.scope), ("openid-configuration", &hints.openid_configuration)]
    {
        if !value.is_empty() {
            text.push_str(",\"");
            text.push_str(name);
            text.push_str("\":\"");
            push_escaped(&mut text, value);
            text.push('"');
        }
    }
    text.push('}');
    text.into_bytes().into_boxed_slice()
}

/// A JSON string's inside (RFC 8259 7).
fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            // Writing to a text cannot fail.
            _ if character < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
}

/// The only message of a token's mechanism, for a backend.
#[must_use]
pub fn written(mechanism: Mechanism, user: &str, token: &Secret) -> Secret {
    let escaped = saslname::written(user);
    let (before, name, between) = match mechanism {
        Mechanism::Xoauth2 => ("user=", user, "\x01auth=Bearer "),
        _ => ("n,a=", &*escaped, ",\x01auth=Bearer "),
    };
    let parts =
        [before.as_bytes(), name.as_bytes(), between.as_bytes(), token.expose(), b"\x01\x01"];
    let mut message = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| message.extend_from_slice(part));
    Secret::new(message)
}

const SEPARATOR: u8 = 0x01;
const BEARER: &[u8] = b"Bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(found: Option<Bearer<'_>>) -> Option<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        found.map(|found| (text(&found.user), text(found.token)))
    }

    fn pair(user: &str, token: &str) -> Option<(String, String)> {
        Some((user.into(), token.into()))
    }

    #[test]
    fn sa_07_xoauth2_is_taken_as_freely_as_dovecot_takes_it() {
        for text in [
            "user=tim\x01auth=Bearer t.o-k\x01\x01",
            "user=tim\x01auth=Bearer t.o-k\x01",
            "user=tim\x01auth=bearer t.o-k\x01\x01",
            "auth=BEARER t.o-k\x01user=tim\x01\x01",
            "host=x\x01port=143\x01user=tim\x01odd=1\x01auth=Bearer t.o-k\x01\x01",
        ] {
            assert_eq!(of(xoauth2(text.as_bytes())), pair("tim", "t.o-k"), "{text:?}");
        }
        assert_eq!(of(xoauth2(b"user=tim\x01auth=Bearer  t\x01\x01")), pair("tim", " t"));
        assert_eq!(of(xoauth2(b"user=tim\x01auth=Bearer \x01\x01")), pair("tim", ""));
        for text in [
            "",
            "\x01",
            "user=tim\x01\x01",
            "auth=Bearer t\x01\x01",
            "user=\x01auth=Bearer t\x01\x01",
            "user=tim\x01auth=Basic t\x01\x01",
            "user=tim\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            "user=tim\x01user=tom\x01auth=Bearer a\x01\x01",
            "user=tim\x01auth=Bearer a\x01junk\x01",
        ] {
            assert_eq!(of(xoauth2(text.as_bytes())), None, "{text:?}");
        }
    }

    #[test]
    fn sa_07_oauthbearer_with_and_without_a_name() {
        for (text, user) in [
            ("n,a=tim,\x01host=h\x01port=1\x01auth=Bearer t\x01\x01", "tim"),
            ("y,a=tim,\x01auth=bearer t\x01", "tim"),
            ("n,,\x01auth=Bearer t\x01\x01", ""),
            ("n,a=t=3Dm=2Cx,\x01auth=Bearer t\x01\x01", "t=m,x"),
        ] {
            assert_eq!(of(oauthbearer(text.as_bytes())), pair(user, "t"), "{text:?}");
        }
        assert_eq!(of(oauthbearer(b"n,a=tim,\x01auth=\x01\x01")), pair("tim", ""));
        for text in [
            "",
            "\x01",
            "n,a=tim\x01auth=Bearer t\x01\x01",
            "p=tls-exporter,a=tim,\x01auth=Bearer t\x01\x01",
            "n,a=t=m,\x01auth=Bearer t\x01\x01",
            "n,a=t=3dm,\x01auth=Bearer t\x01\x01",
            "n,a=,\x01auth=Bearer t\x01\x01",
            "n,b=tim,\x01auth=Bearer t\x01\x01",
            "n,a=tim,auth=Bearer t\x01\x01",
            "n,a=tim,\x01auth=Basic t\x01\x01",
            "n,a=tim,\x01auth=Bearer t\x01auth=Bearer t\x01\x01",
        ] {
            assert_eq!(of(oauthbearer(text.as_bytes())), None, "{text:?}");
        }
    }

    #[test]
    fn what_we_write_for_a_backend_is_what_we_read() {
        let token = Secret::from("t.o=k");
        for mechanism in [Mechanism::Xoauth2, Mechanism::OauthBearer] {
            let message = written(mechanism, "t,i=m", &token);
            let found = match mechanism {
                Mechanism::Xoauth2 => xoauth2(message.expose()),
                _ => oauthbearer(message.expose()),
            };
            assert_eq!(of(found), pair("t,i=m", "t.o=k"));
        }
    }

    #[test]
    fn a_bad_token_is_told_in_the_mechanisms_own_words() {
        let hints = TokenHints {
            scope: "mail \"x\\\n".into(),
            openid_configuration: "https://id.example/.well-known/openid-configuration".into(),
        };
        let told = |mechanism, hints: &TokenHints| {
            String::from_utf8(error(mechanism, hints).into_vec()).unwrap()
        };
        assert_eq!(
            told(Mechanism::Xoauth2, &hints),
            r#"{"status":"401","schemes":"bearer","scope":"mail \"x\\\u000a","openid-configuration":"https://id.example/.well-known/openid-configuration"}"#
        );
        assert_eq!(
            told(Mechanism::OauthBearer, &TokenHints::default()),
            r#"{"status":"invalid_token"}"#
        );
    }
}
