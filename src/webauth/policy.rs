//! Auth policy: Dovecot's protocol by which a service is asked whether a login may go on, and told how it ended.
//!
//! Decides what is told, what an answer means, and how little of a password is in it. Does not: say when a login asks
//! (`worker::login`), wait, or know what happens when the service is dead.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use crate::limits;
use crate::secret::Secret;
use crate::template::Template;
use crate::webauth::request::{Content, Request, Response};
use crate::wire::url::Url;

/// How a policy server is asked.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// `auth_policy_server_url`; `command=` goes behind it.
    pub url: Url,
    /// `auth_policy_server_api_header`.
    pub header: Option<(Box<str>, Secret)>,
    /// `auth_policy_hash_mech`.
    pub hash: Hash,
    /// `auth_policy_hash_nonce`.
    pub nonce: Secret,
    /// `auth_policy_hash_truncate`: bits; 0: all of them.
    pub bits: u32,
    /// `auth_policy_request_attributes`: names, with a slash for each object that they stand in, and values.
    pub attributes: Vec<(Box<str>, Template)>,
}

/// `auth_policy_hash_mech`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the function of that name")]
pub enum Hash {
    Md5,
    Sha1,
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

/// What the server is asked or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Whether the login may go on.
    Allow,
    /// How it has ended.
    Report {
        /// The user is in.
        is_good: bool,
        /// The policy server itself refused it.
        is_by_policy: bool,
    },
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The login goes on, and is answered after this time: nothing, or a tarpit.
    Go(Duration),
    /// It is refused; the user is shown this text, unless it is empty.
    Refuse(Box<str>),
}

/// A login, as its variables say.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<Cow<'v, str>>;

impl Hash {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return Md5::digest(bytes).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

impl Policy {
    /// What a password is told as: enough to see one guess tried on many users, too little to find it.
    #[must_use]
    pub fn hashed(&self, login: &str, password: &Secret) -> String {
        let parts = [self.nonce.expose(), login.as_bytes(), b"\0", password.expose()];
        let text = Secret::new(parts.concat());
        hexadecimal(&shortened(&self.hash.of(text.expose()), self.bits))
    }

    /// The question or report. `is_secured`: the client came by TLS.
    ///
    /// `None`: a template has nothing to work on in this login.
    #[must_use]
    pub fn ask(
        &self,
        command: Command,
        is_secured: bool,
        variables: Variables<'_>,
    ) -> Option<Request> {
        let mut told = Map::new();
        for (name, template) in &self.attributes {
            let value = template.expand(&|name| variables(name)).ok()?;
            put(&mut told, name, Value::String(value));
        }
        told.insert("tls".to_owned(), is_secured.into());
        let word = match command {
            Command::Allow => "allow",
            Command::Report { is_good, is_by_policy } => {
                told.insert("success".to_owned(), is_good.into());
                told.insert("policy_reject".to_owned(), is_by_policy.into());
                "report"
            }
        };
        let mut target = self.url.target.to_string();
        target.push_str(if target.contains('?') { "&" } else { "?" });
        target.push_str("command=");
        target.push_str(word);
        let body = Secret::new(Value::Object(told).to_string().into_bytes());
        let request = Request::post(self.url.with_target(&target), Content::Json, body);
        Some(match &self.header {
            Some((name, value)) => request.with(name, value.clone()),
            None => request,
        })
    }
}

/// What an answer means; `status` counts at the top only.
///
/// # Errors
/// It means nothing: a sentence for the log.
pub fn read(answer: &Response) -> Result<Ruling, &'static str> {
    if !(200..300).contains(&answer.status) {
        return Err("its status is no success");
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&answer.body) else {
        return Err("its answer is no JSON object");
    };
    let status = members.get("status").and_then(Value::as_i64);
    match status.ok_or("its answer has no whole number `status` at the top")? {
        ..0 => {
            let text = members.get("msg").and_then(Value::as_str).unwrap_or_default();
            let shown = text.chars().filter(|character| !character.is_control());
            Ok(Ruling::Refuse(shown.take(limits::POLICY_MESSAGE_BYTES_MAX / 4).collect()))
        }
        seconds => {
            let delay = Duration::from_secs(seconds.unsigned_abs());
            Ok(Ruling::Go(delay.min(limits::POLICY_DELAY_MAX)))
        }
    }
}

/// Stores under a name with slashes: `a/b` is `b` in the object `a`.
fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('/') {
        None => {
            object.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let place = object.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(members) = place {
                put(members, inner, value);
            }
        }
    }
}

/// The first bits of a hash, as a number of whole bytes with zeros in front.
fn shortened(hash: &[u8], bits: u32) -> Vec<u8> {
    let all = u32::try_from(hash.len() * 8).unwrap_or(u32::MAX);
    if bits == 0 || bits >= all {
        return hash.to_vec();
    }
    let bytes = usize::try_from(bits.div_ceil(8)).unwrap_or(hash.len());
    let spare = (8 - bits % 8) % 8;
    let mut carried = 0;
    let shifted = hash.iter().take(bytes).map(|byte| {
        let wide = u16::from_be_bytes([carried, *byte]) >> spare;
        carried = *byte;
        wide.to_le_bytes().first().copied().unwrap_or_default()
    });
    shifted.collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Letters;

    fn policy(attributes: &[(&str, &str)]) -> Policy {
        let parse = |text: &str| Template::parse(text, Letters::Variables).unwrap();
        let attributes = attributes.iter().map(|(name, text)| ((*name).into(), parse(text)));
        Policy {
            url: Url::parse("http://policy.example:4001/").unwrap(),
            header: Some(("authorization".into(), Secret::from("Basic x"))),
            nonce: Secret::from("nonce"),
            bits: 12,
            attributes: attributes.collect(),
            ..Policy::default()
        }
    }

    #[test]
    fn little_of_a_password_is_told() {
        let mut policy = policy(&[]);
        let password = Secret::from("secret");
        policy.bits = 0;
        let whole = policy.hashed("tim", &password);
        assert_eq!(whole.len(), 64);
        policy.bits = 12;
        let short = policy.hashed("tim", &password);
        assert_eq!(short, format!("0{}", &whole[..3]), "as Dovecot shifts it");
        policy.bits = 16;
        assert_eq!(policy.hashed("tim", &password), whole[..4]);
        policy.bits = 1;
        let bit = u8::from_str_radix(&whole[..2], 16).unwrap() >> 7;
        assert_eq!(policy.hashed("tim", &password), format!("{bit:02x}"));
        for (name, digits) in
            [("md5", 32), ("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)]
        {
            policy.hash = Hash::named(name).unwrap();
            policy.bits = 4096;
            assert_eq!(policy.hashed("tim", &password).len(), digits, "{name}");
        }
        assert_eq!(Hash::named("crc32"), None);
    }

    #[test]
    fn a_question_has_the_configured_attributes_and_a_report_how_it_ended() {
        let policy =
            policy(&[("login", "%{user}"), ("attrs/cos", "gold"), ("attrs/a/b", "%{protocol}")]);
        let variables = |name: &str| match name {
            "user" => Some(Cow::from("tim \"x\"")),
            "protocol" => Some(Cow::from("imap")),
            _ => None,
        };
        let request = policy.ask(Command::Allow, true, &variables).unwrap();
        assert_eq!(&*request.url.target, "/?command=allow");
        assert_eq!(&*request.fields[0].0, "authorization");
        let body = |request: &Request| String::from_utf8(request.body.expose().to_vec()).unwrap();
        let expected =
            r#"{"attrs":{"a":{"b":"imap"},"cos":"gold"},"login":"tim \"x\"","tls":true}"#;
        assert_eq!(body(&request), expected);
        let report = Command::Report { is_good: false, is_by_policy: true };
        let request = policy.ask(report, false, &variables).unwrap();
        assert_eq!(&*request.url.target, "/?command=report");
        let text = body(&request);
        assert!(
            text.contains(r#""success":false"#) && text.contains(r#""policy_reject":true"#),
            "{text}"
        );
    }

    fn ruling(body: &str) -> Result<Ruling, &'static str> {
        read(&Response { status: 200, body: body.into(), ..Response::default() })
    }

    #[test]
    fn sa_15_answers_of_a_policy_server() {
        let go = |seconds| Ok(Ruling::Go(Duration::from_secs(seconds)));
        assert_eq!(ruling(r#"{"status":0,"msg":"ok"}"#), go(0));
        assert_eq!(ruling(r#"{"status":7}"#), go(7));
        assert_eq!(ruling(r#"{"status":100000}"#), go(300));
        assert_eq!(
            ruling(r#"{"status":-1,"msg":"no\r\n* OK"}"#),
            Ok(Ruling::Refuse("no* OK".into()))
        );
        assert_eq!(ruling(r#"{"status":-1}"#), Ok(Ruling::Refuse("".into())));
        for odd in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"r":{"status":-1}}"#,
            r#"{"status":"-1"}"#,
            r#"{"status":1.5}"#,
        ] {
            assert!(ruling(odd).is_err(), "{odd}");
        }
        let failed =
            Response { status: 500, body: br#"{"status":0}"#.to_vec(), ..Response::default() };
        assert!(read(&failed).is_err());
    }
}
