//! SASL mechanisms as machines over decoded messages: one engine for all protocols (W-SASL-8).
//!
//! Decides: which exchange may begin, what a message means, and what makes credentials usable at all (W-SASL-7). Does
//! not: frame, count, or verify; each protocol's dialogue frames, `auth` verifies. Tests: `sasl/tests.rs`.

#[cfg(test)]
mod tests;

use std::time::Duration;

use memchr::{memchr, memchr3};

use crate::auth::bearer::{self, TokenHints};
use crate::auth::scram::ClientFirst;
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, PASSWORD_BYTES_MAX, SASL_ANSWER_TIMEOUT, SASL_EXCHANGE_BYTES_MAX,
    SASL_LINE_BYTES_MAX, USER_BYTES_MAX,
};
use crate::secret::Secret;

use crate::wire::base64;

use super::Credentials;
use super::capability::{Permission, Rules};

pub use crate::names::mechanism::{Mechanism, Mechanisms};

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
    /// A token's only message.
    Token(Box<AwaitedToken>),
    /// SCRAM's first message.
    Scram(Mechanism),
    /// The next message of an exchange that a passdb or the backend leads: it is not read here.
    Led,
    /// The client was told what is wrong with its token; whatever it says to that, the refusal follows.
    Refused(Box<Refused>),
}

// Part of each connection before login.
const _: () = assert!(size_of::<Exchange>() <= 24);

/// A token that is to come.
#[derive(Debug)]
pub struct AwaitedToken {
    /// In which form.
    mechanism: Mechanism,
    /// What the client is told if it is a bad one.
    error: Box<[u8]>,
}

/// A refusal that the client still has to ask for (RFC 7628 3.2.3).
#[derive(Debug)]
pub struct Refused {
    /// The class of the refusal.
    pub failure: Failure,
    /// Words that take the place of ours.
    pub text: Option<Box<[u8]>>,
}

/// How a refusal is told.
#[derive(Debug)]
pub enum Ending {
    /// By the reply to the command.
    Reply,
    /// By this challenge first, if the token is to blame.
    Challenge(Box<[u8]>),
}

impl Ending {
    /// The challenge that goes before a refusal for this reason. What is wrong with us or the user is no fault of the token's.
    #[must_use]
    pub fn challenge(&mut self, failure: Failure) -> Option<Box<[u8]>> {
        match std::mem::replace(self, Self::Reply) {
            Self::Challenge(error) if failure == Failure::Credentials => Some(error),
            Self::Challenge(_) | Self::Reply => None,
        }
    }
}

/// What an exchange wants after a message.
#[derive(Debug)]
pub enum Outcome {
    /// Send this challenge (before base64) and wait for the next message.
    Challenge(&'static [u8], Exchange),
    /// Ask for a verdict.
    Complete(Credentials, Ending),
    /// The client's answer to a challenge of those who lead the exchange.
    Answer(Secret),
    /// Refuse: the client has heard why.
    Refuse(Box<Refused>),
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
    pub fn start(mechanism: Mechanism, hints: &TokenHints) -> Outcome {
        let exchange = Self::first(mechanism, hints);
        let prompt = match mechanism {
            Mechanism::Login => LOGIN_USER_PROMPT,
            Mechanism::Plain
            | Mechanism::External
            | Mechanism::Xoauth2
            | Mechanism::OauthBearer
            | Mechanism::ScramSha1
            | Mechanism::ScramSha256 => b"",
        };
        Outcome::Challenge(prompt, exchange)
    }

    /// Starts an exchange with one. LOGIN takes it as the user name, as Dovecot does, though it speaks second; an empty
    /// one is none, because clients that send an initial response with every mechanism have none to send here.
    #[must_use]
    pub fn start_with(mechanism: Mechanism, hints: &TokenHints, message: &Secret) -> Outcome {
        match mechanism {
            Mechanism::Login if message.is_empty() => Self::start(mechanism, hints),
            _ => Self::first(mechanism, hints).respond(message),
        }
    }

    fn first(mechanism: Mechanism, hints: &TokenHints) -> Self {
        match mechanism {
            Mechanism::Plain => Self::Plain,
            Mechanism::Login => Self::LoginUser,
            Mechanism::External => Self::External,
            Mechanism::Xoauth2 | Mechanism::OauthBearer => {
                let error = bearer::error(mechanism, hints);
                Self::Token(Box::new(AwaitedToken { mechanism, error }))
            }
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => Self::Scram(mechanism),
        }
    }

    /// Takes the message it waited for.
    #[must_use]
    pub fn respond(self, message: &Secret) -> Outcome {
        match self {
            Self::Plain => plain(message.expose()).unwrap_or_else(|| {
                hopeless("the response is not one of PLAIN: authorization identity, NUL, user name, NUL, password")
            }),
            Self::LoginUser => {
                let user = message.expose().into();
                Outcome::Challenge(LOGIN_PASSWORD_PROMPT, Self::LoginPassword { user })
            }
            Self::LoginPassword { user } => {
                usable(&user, b"", message.clone(), Mechanism::Login).into()
            }
            Self::External => external(message.expose()).into(),
            Self::Token(awaited) => token(*awaited, message.expose()),
            Self::Scram(mechanism) => scram(mechanism, message).into(),
            Self::Led => Outcome::Answer(message.clone()),
            Self::Refused(refused) => Outcome::Refuse(refused),
        }
    }

    /// How long the client may take for its message.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        match self {
            Self::Refused(_) | Self::Led => SASL_ANSWER_TIMEOUT,
            Self::Plain
            | Self::LoginUser
            | Self::LoginPassword { .. }
            | Self::External
            | Self::Token(_)
            | Self::Scram(_) => COMMAND_TIMEOUT,
        }
    }
}

fn hopeless(why: &'static str) -> Outcome {
    Outcome::Hopeless(Unusable { name: Box::default(), why })
}

/// A token and whose it is. Whether it is one at all is for those to say who can read it.
fn token(awaited: AwaitedToken, message: &[u8]) -> Outcome {
    let AwaitedToken { mechanism, error } = awaited;
    let found = match mechanism {
        Mechanism::Xoauth2 => bearer::xoauth2(message),
        _ => bearer::oauthbearer(message),
    };
    let Some(found) = found else {
        return hopeless(NO_TOKEN_MESSAGE);
    };
    let user = match &*found.user {
        b"" => Box::default(),
        other => match name(other) {
            Ok(user) => user,
            Err(unusable) => return Outcome::Hopeless(unusable),
        },
    };
    let password = Secret::from(found.token);
    let credentials = Credentials { user, authorize_as: None, password, mechanism };
    Outcome::Complete(credentials, Ending::Challenge(error))
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

/// Of the first message only the names are read; it is judged by those who have the user's secret.
fn scram(mechanism: Mechanism, message: &Secret) -> Result<Credentials, Unusable> {
    let first = ClientFirst::parse(message.expose())
        .ok_or_else(|| Unusable { name: Box::default(), why: NO_SCRAM_MESSAGE })?;
    let user = name(&first.user)?;
    let authorize_as = first.authorize_as.as_deref().map(name).transpose()?;
    let authorize_as = authorize_as.filter(|other| *other != user);
    Ok(Credentials { user, authorize_as, password: message.clone(), mechanism })
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
        // Off is what the operator took away; the others are there when they are listed.
        Permission::Unsupported if DEFAULT.has(mechanism) => return Beginning::Off,
        Permission::Unsupported => return Beginning::Unknown,
        Permission::NeedsPrivacy => return Beginning::NeedsPrivacy,
        Permission::Granted => {}
    }
    match initial_response {
        None => Beginning::Outcome(Exchange::start(mechanism, &rules.token_hints)),
        Some(text) => match base64::decode_initial(text) {
            Some(message) => {
                Beginning::Outcome(Exchange::start_with(mechanism, &rules.token_hints, &message))
            }
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
            Ok(credentials) => Self::Complete(credentials, Ending::Reply),
            Err(unusable) => Self::Hopeless(unusable),
        }
    }
}

/// What clients may expect of every listener.
const DEFAULT: Mechanisms = Mechanisms::PASSWORDS.with(Mechanism::External);

// Clients compare these literally.
const LOGIN_USER_PROMPT: &[u8] = b"Username:";
const LOGIN_PASSWORD_PROMPT: &[u8] = b"Password:";

const NO_SCRAM_MESSAGE: &str = "the response is not SCRAM's first message";
const NO_TOKEN_MESSAGE: &str = "the response is not one of XOAUTH2 or OAUTHBEARER: a user name where one is needed, and one bearer token";

// No mechanism that is read here takes more than two messages, so the limit of a line bounds the whole exchange (W-SASL-2).
const _: () = assert!(2 * SASL_LINE_BYTES_MAX <= SASL_EXCHANGE_BYTES_MAX);
