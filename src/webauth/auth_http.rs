//! nginx's `auth_http` protocol, the side that asks, so that a site's service keeps working behind Hale.
//!
//! Decides what stands in the head of a question and what an answer means. Differences to nginx: DEL and octets above are
//! encoded, too, because nothing else may stand in a field; a refusal's own words are logged and not shown; a code that begins
//! with 4 is a temporary failure in every protocol; a refusal without `Auth-Wait` closes no connection.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::facts::Approach;
use crate::names::Protocol;
use crate::names::mechanism::ChallengeMechanism;
use crate::secret::Secret;
use crate::webauth::request::{Request, Response};
use crate::wire::certificate::Certificate;
use crate::wire::url::{Url, percent};
use crate::wire::{base64, distinguished_name};

/// A login that the service is asked about.
#[derive(Debug)]
pub struct Login<'a> {
    /// Its user, as the passdb's format makes it.
    pub user: &'a str,
    /// What the client has shown.
    pub evidence: Evidence<'a>,
    /// What the client speaks.
    pub protocol: Protocol,
    /// The client.
    pub client: IpAddr,
    /// How it came.
    pub approach: &'a Approach,
    /// Whether it is told the whole certificate of the client (`auth_http_pass_client_cert`).
    pub is_certificate_passed: bool,
}

/// What a client has shown of who it is.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// Nothing: whether the user is there, and where.
    None,
    /// The password.
    Password(&'a Secret),
    /// A certificate in place of a password.
    Certificate,
    /// An answer to this challenge.
    Answer {
        /// By which mechanism.
        mechanism: ChallengeMechanism,
        /// What the client was sent.
        challenge: &'a Secret,
        /// Its answer, in hexadecimal.
        answer: &'a Secret,
    },
}

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The login is good.
    Good(Good),
    /// It is not. The text is for the log.
    Refused(Box<str>),
    /// The same, and the client hears of it so many seconds later (`Auth-Wait`).
    RefusedLater(u32),
    /// It cannot be told now. The text is for the log.
    Unavailable(Box<str>),
    /// This is no answer of such a service.
    Odd(&'static str),
}

/// What comes with a good login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Good {
    /// `Auth-User`: who the user really is.
    pub user: Option<Box<str>>,
    /// `Auth-Server`.
    pub host: Option<Box<str>>,
    /// `Auth-Port`.
    pub port: Option<u16>,
    /// `Auth-Pass`: the password for the backend. Compared by tests only.
    pub password: Option<Password>,
}

/// A password that is compared in tests and printed nowhere.
#[derive(Clone)]
pub struct Password(pub Secret);

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same_as(&other.0)
    }
}

impl Eq for Password {}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The question. `extra`: fields of the operator's, such as a key that only Hale knows (`http_auth_header`).
#[must_use]
pub fn ask(url: &Url, login: &Login<'_>, extra: &[(Box<str>, Secret)]) -> Request {
    let escaped = |bytes: &[u8]| Secret::new(escape(bytes));
    let (method, password) = match login.evidence {
        Evidence::None => ("none", None),
        Evidence::Password(password) => ("plain", Some(password)),
        Evidence::Certificate => ("external", None),
        Evidence::Answer { mechanism, answer, .. } => (mechanism_name(mechanism), Some(answer)),
    };
    let protocol = match login.protocol {
        // nginx's word.
        Protocol::Submission => "smtp",
        other => other.name(),
    };
    let mut request = Request::get(url.clone())
        .with("auth-method", Secret::from(method))
        .with("auth-user", escaped(login.user.as_bytes()));
    if let Some(password) = password {
        request = request.with("auth-pass", escaped(password.expose()));
    }
    if let Evidence::Answer { challenge, .. } = login.evidence {
        request = request.with("auth-salt", escaped(challenge.expose()));
    }
    request = request
        .with("auth-protocol", Secret::from(protocol))
        .with(
            "auth-login-attempt",
            Secret::from(&*(u16::from(login.approach.failed_before) + 1).to_string()),
        )
        .with("client-ip", Secret::from(&*login.client.to_string()));
    if login.protocol == Protocol::Submission {
        // No name is looked up by address here; that is nginx's word for a client without one.
        request = request.with("client-host", Secret::from("[UNAVAILABLE]"));
    }
    request = secured(request, login);
    extra.iter().fold(request, |request, (name, value)| request.with(name, value.clone()))
}

/// nginx's word.
fn mechanism_name(mechanism: ChallengeMechanism) -> &'static str {
    match mechanism {
        ChallengeMechanism::CramMd5 => "cram-md5",
        ChallengeMechanism::Apop => "apop",
    }
}

/// What nginx says of TLS with the client; nothing where there is none.
fn secured(request: Request, login: &Login<'_>) -> Request {
    let approach = login.approach;
    if !approach.is_secured {
        return request;
    }
    let mut request = request.with("auth-ssl", Secret::from("on"));
    if let Some(security) = approach.security {
        request = request
            .with("auth-ssl-protocol", Secret::from(security.version()))
            .with("auth-ssl-cipher", Secret::from(security.cipher()));
    }
    let verified = if approach.is_certified { "SUCCESS" } else { "NONE" };
    request = request.with("auth-ssl-verify", Secret::from(verified));
    match &approach.certificate {
        Some(whole) => certified(request, whole, login.is_certificate_passed),
        None => request,
    }
}

/// Whose certificate it is; nothing of one that can't be read.
fn certified(request: Request, whole: &[u8], is_passed: bool) -> Request {
    let Some(certificate) = Certificate::read(whole) else { return request };
    let name = |name: &[u8]| escape(distinguished_name::text(name).unwrap_or_default().as_bytes());
    // OpenSSL writes a number without the byte that only says that it is positive.
    let serial = match certificate.serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    };
    let fingerprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, whole);
    let request = request
        .with("auth-ssl-subject", Secret::new(name(certificate.subject)))
        .with("auth-ssl-issuer", Secret::new(name(certificate.issuer)))
        .with("auth-ssl-serial", Secret::new(hex(serial, Letters::Capital)))
        .with("auth-ssl-fingerprint", Secret::new(hex(fingerprint.as_ref(), Letters::Small)));
    if is_passed {
        request.with("auth-ssl-cert", Secret::new(escape(&pem(whole))))
    } else {
        request
    }
}

#[derive(Clone, Copy)]
enum Letters {
    Small,
    Capital,
}

fn hex(bytes: &[u8], letters: Letters) -> Vec<u8> {
    let digits = match letters {
        Letters::Small => b"0123456789abcdef",
        Letters::Capital => b"0123456789ABCDEF",
    };
    let digit = |at: u8| digits.get(usize::from(at)).copied().unwrap_or(b'0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]).collect()
}

/// RFC 7468 2.
fn pem(certificate: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    base64::encode(certificate, &mut text);
    let mut lines = b"-----BEGIN CERTIFICATE-----\n".to_vec();
    for line in text.chunks(64) {
        lines.extend(line);
        lines.push(b'\n');
    }
    lines.extend(b"-----END CERTIFICATE-----\n");
    lines
}

/// What the answer means.
#[must_use]
pub fn read(answer: &Response) -> Said {
    let Some(status) = answer.field("auth-status") else {
        return Said::Odd(
            "it has no Auth-Status: look whether http_auth_url is the service's address",
        );
    };
    if status != b"OK" {
        let text = said(status);
        let code = answer.field("auth-error-code").unwrap_or_default();
        let is_temporary = code.starts_with(b"4") || status == b"WAIT";
        let wait = answer
            .field("auth-wait")
            .and_then(|text| str::from_utf8(text).ok()?.trim().parse().ok());
        return match wait.filter(|seconds| *seconds > 0) {
            _ if is_temporary => Said::Unavailable(text),
            Some(seconds) => Said::RefusedLater(seconds),
            None => Said::Refused(text),
        };
    }
    if !(200..300).contains(&answer.status) {
        return Said::Odd("it has `Auth-Status: OK`, and a status that is no success");
    }
    let Ok(user) = utf8(answer.field("auth-user")) else {
        return Said::Odd("its Auth-User is no UTF-8");
    };
    let Ok(host) = utf8(answer.field("auth-server")) else {
        return Said::Odd("its Auth-Server is no host");
    };
    let port = match utf8(answer.field("auth-port")).map(|text| text.map(|text| text.parse())) {
        Ok(None) => None,
        Ok(Some(Ok(port))) if port != 0 => Some(port),
        _ => return Said::Odd("its Auth-Port is no port"),
    };
    let password = answer.field("auth-pass").filter(|bytes| !bytes.is_empty());
    let password = password.map(|bytes| Password(Secret::from(bytes)));
    Said::Good(Good { user, host, port, password })
}

/// nginx's encoding of a value: what would end it, `%`, and here everything that is not visible ASCII.
fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 * bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(byte);
        } else {
            percent(byte, &mut out);
        }
    }
    out
}

fn utf8(field: Option<&[u8]>) -> Result<Option<Box<str>>, std::str::Utf8Error> {
    let text = field.map(str::from_utf8).transpose()?;
    Ok(text.filter(|text| !text.is_empty()).map(Into::into))
}

/// A service's words, for the log.
fn said(bytes: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|character| !character.is_control()).take(TEXT_CHARACTERS_MAX).collect()
}

/// A line of a log, not a page.
const TEXT_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(login: &Login<'_>) -> String {
        let url = Url::parse("http://auth.example/auth").unwrap();
        let extra = [("x-auth-key".into(), Secret::from("hush"))];
        let request = ask(&url, login, &extra);
        let line = |(name, value): &(Box<str>, Secret)| {
            format!("{name}: {}\n", str::from_utf8(value.expose()).unwrap())
        };
        request.fields.iter().map(line).collect()
    }

    #[test]
    fn a_question_has_what_nginx_says_in_its_encoding() {
        let password = Secret::from(&b"a b%c+&\t\x7f\xff\0"[..]);
        let login = Login {
            user: "tim ö",
            evidence: Evidence::Password(&password),
            protocol: Protocol::Submission,
            client: "192.0.2.7".parse().unwrap(),
            approach: &Approach::default(),
            is_certificate_passed: false,
        };
        let expected = "auth-method: plain\nauth-user: tim%20%C3%B6\nauth-pass: a%20b%25c+&%09%7F%FF%00\n\
                        auth-protocol: smtp\nauth-login-attempt: 1\nclient-ip: 192.0.2.7\n\
                        client-host: [UNAVAILABLE]\nx-auth-key: hush\n";
        assert_eq!(asked(&login), expected);
        let secured = Approach {
            failed_before: 2,
            is_secured: true,
            security: Some(crate::facts::Security::Tls13Aes256),
            is_certified: true,
            certificate: None,
        };
        let by_certificate = Login {
            evidence: Evidence::Certificate,
            protocol: Protocol::Imap,
            approach: &secured,
            ..login
        };
        let expected = "auth-method: external\nauth-user: tim%20%C3%B6\nauth-protocol: imap\n\
                        auth-login-attempt: 3\nclient-ip: 192.0.2.7\nauth-ssl: on\n\
                        auth-ssl-protocol: TLSv1.3\nauth-ssl-cipher: TLS_AES_256_GCM_SHA384\n\
                        auth-ssl-verify: SUCCESS\nx-auth-key: hush\n";
        assert_eq!(asked(&by_certificate), expected);
        let in_front = Approach { is_secured: true, ..Approach::default() };
        let text = asked(&Login { approach: &in_front, ..by_certificate });
        assert!(text.contains("auth-ssl: on\nauth-ssl-verify: NONE\n"), "{text}");
        let look_up = Login { evidence: Evidence::None, protocol: Protocol::Lmtp, ..login };
        let text = asked(&look_up);
        assert!(text.starts_with("auth-method: none\n") && !text.contains("auth-pass"), "{text}");
        assert!(text.contains("auth-protocol: lmtp\n"), "{text}");
    }

    const APPROACH: Approach = Approach {
        failed_before: 0,
        is_secured: false,
        security: None,
        is_certified: false,
        certificate: None,
    };

    #[test]
    fn sa_05_a_challenge_is_its_salt_and_the_answer_its_password() {
        let (challenge, answer) = (Secret::from("<1f@mx.example>"), Secret::from("b913a6"));
        let of = |mechanism| Login {
            user: "tim",
            evidence: Evidence::Answer { mechanism, challenge: &challenge, answer: &answer },
            protocol: Protocol::Pop3,
            client: "192.0.2.7".parse().unwrap(),
            approach: &APPROACH,
            is_certificate_passed: false,
        };
        for (mechanism, name) in
            [(ChallengeMechanism::Apop, "apop"), (ChallengeMechanism::CramMd5, "cram-md5")]
        {
            let expected = format!(
                "auth-method: {name}\nauth-user: tim\nauth-pass: b913a6\n\
                 auth-salt: <1f@mx.example>\nauth-protocol: pop3\n"
            );
            let text = asked(&of(mechanism));
            assert!(text.starts_with(&expected), "{text}");
        }
    }

    fn answer(status: u16, fields: &[(&str, &str)]) -> Said {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.as_bytes().into()));
        read(&Response { status, fields: fields.collect(), body: Vec::new() })
    }

    #[test]
    fn answers_are_read_as_nginx_reads_them() {
        let good = Good { host: Some("127.0.0.2".into()), port: Some(143), ..Good::default() };
        let here = [("auth-server", "127.0.0.2"), ("auth-port", "143")];
        let with = |more: &[(&'static str, &'static str)]| [&here, more].concat();
        assert_eq!(answer(200, &with(&[("auth-status", "OK")])), Said::Good(good.clone()));
        let named = with(&[("auth-status", "OK"), ("auth-user", "tim"), ("auth-pass", "other")]);
        let password = Some(Password(Secret::from("other")));
        assert_eq!(
            answer(200, &named),
            Said::Good(Good { user: Some("tim".into()), password, ..good })
        );
        assert_eq!(answer(200, &[("auth-status", "OK")]), Said::Good(Good::default()));
        // Whatever the status of the answer: nginx does not look at it.
        for status in [200, 401, 500] {
            let refused = answer(status, &[("auth-status", "Invalid login or password")]);
            assert_eq!(refused, Said::Refused("Invalid login or password".into()));
        }
        assert_eq!(answer(200, &with(&[("auth-status", "ok")])), Said::Refused("ok".into()));
        let later = [("auth-status", "Try again"), ("auth-error-code", "451 4.3.0")];
        assert_eq!(answer(200, &later), Said::Unavailable("Try again".into()));
        for (wait, expected) in [
            ("3", Said::RefusedLater(3)),
            ("0", Said::Refused("No".into())),
            ("soon", Said::Refused("No".into())),
            ("-1", Said::Refused("No".into())),
        ] {
            assert_eq!(answer(200, &[("auth-status", "No"), ("auth-wait", wait)]), expected);
        }
        let never = [("auth-status", "No"), ("auth-error-code", "535 5.7.8")];
        assert_eq!(answer(200, &never), Said::Refused("No".into()));
        for odd in [
            answer(200, &[]),
            answer(500, &[("auth-status", "OK")]),
            answer(200, &with(&[("auth-status", "OK"), ("auth-port", "143")])[1..]),
        ] {
            let is_port = matches!(&odd, Said::Good(good) if good.port == Some(143));
            assert!(is_port || matches!(odd, Said::Odd(_)), "{odd:?}");
        }
        for port in ["0", "x", "65536", "-1"] {
            let odd = answer(200, &[("auth-status", "OK"), ("auth-port", port)]);
            assert!(matches!(odd, Said::Odd(_)), "{port}");
        }
    }

    #[test]
    fn a_services_words_are_one_line_of_the_log() {
        let words = "x".repeat(500) + "\n";
        let Said::Refused(text) = answer(200, &[("auth-status", &words)]) else {
            panic!("refused")
        };
        assert_eq!(text.len(), TEXT_CHARACTERS_MAX);
    }
}
