//! SASL mechanisms as machines over decoded messages: one engine for all protocols (W-SASL-8).
//!
//! Decides: which exchange may begin, what a message means, and what makes credentials usable at all (W-SASL-7). Does
//! not: frame, count, or verify; each protocol's dialogue frames, `auth` verifies. Tests: below.

use memchr::{memchr, memchr3};

use crate::limits::{
    PASSWORD_BYTES_MAX, SASL_EXCHANGE_BYTES_MAX, SASL_LINE_BYTES_MAX, USER_BYTES_MAX,
};
use crate::secret::Secret;

use crate::wire::base64;

use super::Credentials;
use super::capability::{Permission, Rules};

/// How a login was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616; also the protocols' own login commands, which Dovecot's logs call that, too.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
    /// RFC 4422, appendix A: the name in the client's certificate.
    External,
}

impl Mechanism {
    /// Every mechanism, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Login, Self::External];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::External => "EXTERNAL",
        }
    }

    /// Whether a listener on the way can log in afterwards.
    #[must_use]
    pub const fn exposes_password(self) -> bool {
        match self {
            Self::Plain | Self::Login => true,
            Self::External => false,
        }
    }

    /// Finds a mechanism by name, in any case.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().as_bytes().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Plain => 0x01,
            Self::Login => 0x02,
            Self::External => 0x04,
        }
    }
}

/// ```text
/// sasl-mech     = 1*20mech-char                           ; RFC 4422 3.1
/// mech-char     = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE
/// ```
///
/// Lower case is taken too (W-SASL-3).
#[must_use]
pub fn is_mechanism_name(name: &[u8]) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=20).contains(&name.len()) && name.iter().all(legal)
}

/// A set of mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms(u8);

impl Mechanisms {
    /// No mechanism.
    pub const NONE: Self = Self(0);
    /// Those that need nothing but a password.
    pub const PASSWORDS: Self = Self::NONE.with(Mechanism::Plain).with(Mechanism::Login);

    /// The set without one.
    #[must_use]
    pub const fn without(self, mechanism: Mechanism) -> Self {
        Self(self.0 & !mechanism.bit())
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, mechanism: Mechanism) -> Self {
        Self(self.0 | mechanism.bit())
    }

    /// Whether the set has this one.
    #[must_use]
    pub const fn has(self, mechanism: Mechanism) -> bool {
        self.0 & mechanism.bit() != 0
    }
}

/// Where an exchange stands: which message it waits for.
#[derive(Debug)]
pub enum Exchange {
    /// PLAIN's only message.
    Plain,
    /// LOGIN's user name.
    LoginUser,
    /// LOGIN's password.
    LoginPassword {
        /// The name that came before.
        user: Box<[u8]>,
    },
    /// EXTERNAL's only message.
    External,
}

/// What an exchange wants after a message.
#[derive(Debug)]
pub enum Outcome {
    /// Send this challenge (before base64) and wait for the next message.
    Challenge(&'static [u8], Exchange),
    /// Ask for a verdict.
    Complete(Credentials),
    /// The message can't be a login: answer like wrong credentials.
    Hopeless(Unusable),
}

/// What cannot be a user's credentials, for the log: to the client it is one ordinary failure, `Failure::Credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The user it was meant to be, byte for byte.
    pub name: Box<[u8]>,
    /// What is wrong.
    pub why: &'static str,
}

impl Exchange {
    /// Starts an exchange without an initial response.
    #[must_use]
    pub const fn start(mechanism: Mechanism) -> Outcome {
        match mechanism {
            Mechanism::Plain => Outcome::Challenge(b"", Self::Plain),
            Mechanism::Login => Outcome::Challenge(LOGIN_USER_PROMPT, Self::LoginUser),
            Mechanism::External => Outcome::Challenge(b"", Self::External),
        }
    }

    /// Starts an exchange with one. LOGIN takes it as the user name, as Dovecot does, though it speaks second; an empty
    /// one is none, because clients that send an initial response with every mechanism have none to send here.
    #[must_use]
    pub fn start_with(mechanism: Mechanism, message: &Secret) -> Outcome {
        match mechanism {
            Mechanism::Plain => Self::Plain.respond(message),
            Mechanism::Login if message.is_empty() => Self::start(mechanism),
            Mechanism::Login => Self::LoginUser.respond(message),
            Mechanism::External => Self::External.respond(message),
        }
    }

    /// Takes the message it waited for.
    #[must_use]
    pub fn respond(self, message: &Secret) -> Outcome {
        match self {
            Self::Plain => plain(message.expose()).unwrap_or_else(|| {
                let why = "the response is not one of PLAIN: authorization identity, NUL, user name, NUL, password";
                Outcome::Hopeless(Unusable { name: Box::default(), why })
            }),
            Self::LoginUser => {
                let user = message.expose().into();
                Outcome::Challenge(LOGIN_PASSWORD_PROMPT, Self::LoginPassword { user })
            }
            Self::LoginPassword { user } => {
                usable(&user, b"", message.clone(), Mechanism::Login).into()
            }
            Self::External => external(message.expose()).into(),
        }
    }
}

/// ```text
/// message       = [authzid] UTF8NUL authcid UTF8NUL passwd ; RFC 4616 2
/// ```
fn plain(message: &[u8]) -> Option<Outcome> {
    let (authzid, rest) = message.split_at_checked(memchr(0, message)?)?;
    let rest = rest.strip_prefix(&[0])?;
    let (authcid, rest) = rest.split_at_checked(memchr(0, rest)?)?;
    let password = rest.strip_prefix(&[0])?;
    Some(usable(authcid, authzid, Secret::from(password), Mechanism::Plain).into())
}

/// ```text
/// message       = [authzid]               ; RFC 4422 appendix A.1: empty: the user that the certificate names
/// ```
fn external(message: &[u8]) -> Result<Credentials, Unusable> {
    let authorize_as = match message {
        b"" => None,
        other => Some(name(other)?),
    };
    Ok(Credentials {
        user: Box::default(),
        authorize_as,
        password: Secret::default(),
        mechanism: Mechanism::External,
    })
}

/// What a client's wish for a mechanism comes to.
#[derive(Debug)]
pub enum Beginning {
    /// The exchange has begun.
    Outcome(Outcome),
    /// Not before the connection is private; nothing is invited (W-SASL-4).
    NeedsPrivacy,
    /// There is no such mechanism.
    Unknown,
    /// The operator turned it off.
    Off,
    /// The initial response is not base64.
    BadBase64,
}

/// Begins an exchange, with the initial response in base64 when there is one: the same in every protocol, once each has
/// found the words (W-SASL-8). How "empty" is spelled is the protocol's.
///
/// Quirk: white space in the initial response does not matter. A response on a line of its own gets no such grace
/// (W-SASL-1).
#[must_use]
pub fn begin(rules: &Rules, mechanism: &[u8], initial_response: Option<&[u8]>) -> Beginning {
    let Some(mechanism) = Mechanism::named(mechanism) else {
        return Beginning::Unknown;
    };
    match rules.permission(mechanism) {
        Permission::Unsupported => return Beginning::Off,
        Permission::NeedsPrivacy => return Beginning::NeedsPrivacy,
        Permission::Granted => {}
    }
    match initial_response {
        None => Beginning::Outcome(Exchange::start(mechanism)),
        Some(text) => match base64::decode_initial(text) {
            Some(message) => Beginning::Outcome(Exchange::start_with(mechanism, &message)),
            None => Beginning::BadBase64,
        },
    }
}

/// What a response comes to.
#[derive(Debug)]
pub enum Reaction {
    /// The exchange goes on, or is over.
    Outcome(Outcome),
    /// The client gave up.
    Cancelled,
    /// Neither base64 nor `*`.
    BadBase64,
}

/// Takes the response that an exchange waited for, in base64.
#[must_use]
pub fn react(exchange: Exchange, response: &[u8]) -> Reaction {
    match base64::decode(response) {
        Some(message) => Reaction::Outcome(exchange.respond(&message)),
        None if response == b"*" => Reaction::Cancelled,
        None => Reaction::BadBase64,
    }
}

/// Turns raw fields into credentials, or says that no passdb need be asked: names that are empty, over-long, not UTF-8
/// or hold control characters, passwords that are empty, over-long or hold CR, LF or NUL (W-SASL-7).
///
/// # Errors
/// Which of these it is.
pub fn usable(
    user: &[u8],
    authorize_as: &[u8],
    password: Secret,
    mechanism: Mechanism,
) -> Result<Credentials, Unusable> {
    let text = user;
    let user = name(text)?;
    let authorize_as = match authorize_as {
        b"" => None,
        other => Some(name(other)?).filter(|other| *other != user),
    };
    let why = match password.len() {
        0 => Some("password is empty"),
        1..=PASSWORD_BYTES_MAX => {
            memchr3(b'\r', b'\n', 0, password.expose()).map(|_| "password holds CR, LF or NUL")
        }
        _ => Some("password is too long"),
    };
    if let Some(why) = why {
        return Err(Unusable { name: text.into(), why });
    }
    Ok(Credentials { user, authorize_as, password, mechanism })
}

fn name(bytes: &[u8]) -> Result<Box<str>, Unusable> {
    let why = match std::str::from_utf8(bytes) {
        Ok("") => "user name is empty",
        Ok(text) if text.len() > USER_BYTES_MAX => "user name is too long",
        Ok(text) if text.bytes().any(|byte| byte.is_ascii_control()) => {
            "user name has a control character"
        }
        Ok(text) => return Ok(text.into()),
        Err(_) => "user name is not UTF-8",
    };
    Err(Unusable { name: bytes.into(), why })
}

impl From<Result<Credentials, Unusable>> for Outcome {
    fn from(outcome: Result<Credentials, Unusable>) -> Self {
        match outcome {
            Ok(credentials) => Self::Complete(credentials),
            Err(unusable) => Self::Hopeless(unusable),
        }
    }
}

// Clients compare these literally.
const LOGIN_USER_PROMPT: &[u8] = b"Username:";
const LOGIN_PASSWORD_PROMPT: &[u8] = b"Password:";

// No mechanism here takes more than two messages, so the limit of a line bounds the whole exchange (W-SASL-2).
const _: () = assert!(2 * SASL_LINE_BYTES_MAX <= SASL_EXCHANGE_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(message: &[u8]) -> Result<Credentials, Unusable> {
        match Exchange::start_with(Mechanism::Plain, &Secret::from(message)) {
            Outcome::Complete(credentials) => Ok(credentials),
            Outcome::Hopeless(unusable) => Err(unusable),
            Outcome::Challenge(..) => panic!("no second message in PLAIN"),
        }
    }

    #[test]
    fn plain_known_answers() {
        let simple = plain_of(b"\0tim\0tanstaaftanstaaf").unwrap();
        assert_eq!((&*simple.user, simple.authorize_as), ("tim", None));
        assert_eq!(simple.password, Secret::from("tanstaaftanstaaf"));
        let master = plain_of(b"user\0master\0p w").unwrap();
        assert_eq!((&*master.user, master.authorize_as.as_deref()), ("master", Some("user")));
        assert_eq!(plain_of(b"test\0test\x001234").unwrap().authorize_as, None);
        assert!(plain_of("\0\u{fc}ser\0p\u{e4}ss".as_bytes()).is_ok());
    }

    #[test]
    fn w_sasl_7_what_no_backend_may_see_is_an_ordinary_failure() {
        let long = [b"\0u\0".as_slice(), &[b'x'; PASSWORD_BYTES_MAX + 1]].concat();
        let longest = [b"\0u\0".as_slice(), &[b'x'; PASSWORD_BYTES_MAX]].concat();
        assert!(plain_of(&longest).is_ok());
        let bad: [&[u8]; 14] = [
            b"",
            b"user",
            b"\0user",
            b"a\0b\0c\0d",
            b"\0\0pass",
            b"only\0\0pass",
            b"\0user\0",
            b"\0u\nx\0p",
            b"\0u\tx\0p",
            b"\0u\0p\r\nDELE 1",
            b"\0u\xff\0p",
            b"a\nb\0u\0p",
            b"\0u\x7f\0p",
            &long,
        ];
        for message in bad {
            assert!(plain_of(message).is_err(), "{}", message.escape_ascii());
        }
        let name = [b"\0".as_slice(), &[b'u'; USER_BYTES_MAX + 1], b"\0p"].concat();
        assert!(plain_of(&name).is_err() && plain_of(&[b"\0", &name[2..]].concat()).is_ok());
    }

    #[test]
    fn w_fail_6_an_unusable_name_keeps_its_bytes_and_has_a_reason() {
        let said = |message: &[u8]| plain_of(message).map(|_| ()).unwrap_err();
        for (message, name, why) in [
            (&b"\0t\xedm\0p"[..], &b"t\xedm"[..], "user name is not UTF-8"),
            (b"\0t\tm\0p", b"t\tm", "user name has a control character"),
            (b"a\x1b\0tim\0p", b"a\x1b", "user name has a control character"),
            (b"\0\0p", b"", "user name is empty"),
            (b"\0tim\0", b"tim", "password is empty"),
            (b"\0tim\0p\0", b"tim", "password holds CR, LF or NUL"),
            (
                &[b"\0tim\0".as_slice(), &[b'p'; PASSWORD_BYTES_MAX + 1]].concat(),
                b"tim",
                "password is too long",
            ),
        ] {
            assert_eq!(said(message), Unusable { name: name.into(), why });
        }
        let long = [b'u'; USER_BYTES_MAX + 1];
        assert_eq!(said(&[b"\0", &long[..], b"\0p"].concat()).why, "user name is too long");
        assert!(said(b"tim").why.starts_with("the response is not one of PLAIN"));
    }

    #[test]
    fn login_asks_twice_and_takes_the_name_as_initial_response() {
        let Outcome::Challenge(b"Username:", waiting) = Exchange::start(Mechanism::Login) else {
            panic!()
        };
        let Outcome::Challenge(b"Password:", waiting) = waiting.respond(&Secret::from("tim"))
        else {
            panic!()
        };
        let Outcome::Complete(credentials) = waiting.respond(&Secret::from("p w")) else {
            panic!()
        };
        assert_eq!((&*credentials.user, credentials.mechanism), ("tim", Mechanism::Login));
        let Outcome::Challenge(b"Password:", waiting) =
            Exchange::start_with(Mechanism::Login, &Secret::from("tim"))
        else {
            panic!()
        };
        assert!(matches!(waiting.respond(&Secret::from("")), Outcome::Hopeless(_)));
    }

    #[test]
    fn sa_06_external_has_one_message_and_no_password() {
        let Outcome::Challenge(b"", waiting) = Exchange::start(Mechanism::External) else {
            panic!()
        };
        let Outcome::Complete(own) = waiting.respond(&Secret::default()) else { panic!() };
        let Outcome::Complete(other) =
            Exchange::start_with(Mechanism::External, &Secret::from("t\u{fc}m"))
        else {
            panic!()
        };
        assert_eq!((&*own.user, own.authorize_as, own.password.len()), ("", None, 0));
        assert_eq!(other.authorize_as.as_deref(), Some("t\u{fc}m"));
        let long = vec![b'a'; USER_BYTES_MAX + 1];
        for message in [&b"a\0"[..], b"\0", b"a\r\nDELE 1", b"\xFF", b"\x7F", &long] {
            let outcome = Exchange::start_with(Mechanism::External, &Secret::from(message));
            assert!(matches!(outcome, Outcome::Hopeless(_)));
        }
    }

    #[test]
    fn w_sasl_3_names() {
        assert_eq!(Mechanism::named(b"plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::named(b"PLAINX"), None);
        assert!(is_mechanism_name(b"SCRAM-SHA-256") && is_mechanism_name(b"x_1"));
        assert!(
            !is_mechanism_name(b"")
                && !is_mechanism_name(&[b'A'; 21])
                && !is_mechanism_name(b"A B")
        );
    }
}
