//! SASL mechanisms as machines over decoded messages: one engine for all protocols (W-SASL-8).
//!
//! Decides: which exchange may begin, what a message means, and what makes credentials usable at all (W-SASL-7). Does
//! not: frame, count, or verify; each protocol's dialogue frames, `auth` verifies. Tests: `sasl/tests.rs`.

mod messages;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use crate::auth::{bearer, challenge, digest_md5};
use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, SASL_ANSWER_TIMEOUT, SASL_EXCHANGE_BYTES_MAX, SASL_LINE_BYTES_MAX,
};
use crate::secret::Secret;
use crate::wire::base64;

use super::capability::{Permission, Rules};
use super::{Credentials, Notes};

pub use crate::names::mechanism::{Mechanism, Mechanisms};
pub use messages::{Offer, Unusable, answer, usable};

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
    Scram(Mechanism, Offer),
    /// The answer to this challenge by CRAM-MD5.
    Cram(Box<[u8]>),
    /// That of DIGEST-MD5 to a challenge with this nonce.
    Digest(Box<[u8]>),
    /// ANONYMOUS' only message, of a client that is this user.
    Anonymous(Box<str>),
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
    Challenge(Cow<'static, [u8]>, Exchange),
    /// Ask for a verdict.
    Complete(Credentials, Ending),
    /// The client's answer to a challenge of those who lead the exchange.
    Answer(Secret),
    /// Refuse: the client has heard why.
    Refuse(Box<Refused>),
    /// The message can't be a login: answer like wrong credentials.
    Hopeless(Unusable),
}

/// Which exchange of which session it is: no challenge is made twice of it (SA-05, W-SASL-14).
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    facts: &'a ClientFacts,
    failed: u8,
}

impl<'a> Turn<'a> {
    /// The next exchange of a session. Each one that is begun counts as failed when it leads to no login.
    #[must_use]
    pub fn of(facts: &'a ClientFacts, notes: Notes) -> Self {
        Self { facts, failed: notes.failed_logins }
    }

    /// What no client can foresee.
    fn nonce(self, rules: &Rules) -> String {
        let Self { facts, failed } = self;
        let unique = format!("{} {} {failed}", facts.socket, facts.session_id);
        challenge::nonce(&rules.challenge_secret, &unique)
    }

    /// A challenge that is a message id (RFC 2195 2, RFC 1939 7). Our host is called what SMTP's greeting calls it anyway.
    #[must_use]
    pub fn timestamp(self, rules: &Rules) -> String {
        challenge::timestamp(&self.nonce(rules), &rules.host)
    }
}

impl Exchange {
    /// Starts an exchange without an initial response.
    #[must_use]
    pub fn start(mechanism: Mechanism, rules: &Rules, turn: Turn<'_>) -> Outcome {
        let prompt = |text: String| text.into_bytes();
        let (prompt, exchange) = match mechanism {
            Mechanism::Login => (Cow::Borrowed(LOGIN_USER_PROMPT), Self::LoginUser),
            Mechanism::CramMd5 => {
                let prompt = prompt(turn.timestamp(rules));
                (Cow::Owned(prompt.clone()), Self::Cram(prompt.into()))
            }
            Mechanism::DigestMd5 => {
                let nonce = turn.nonce(rules);
                let prompt = prompt(digest_md5::challenge(&nonce));
                (Cow::Owned(prompt), Self::Digest(nonce.into_bytes().into()))
            }
            _ => match Self::first(mechanism, rules) {
                Some(first) => (Cow::Borrowed(&b""[..]), first),
                None => return Outcome::Hopeless(Unusable::nameless(NO_SASL)),
            },
        };
        Outcome::Challenge(prompt, exchange)
    }

    /// Starts an exchange with one. LOGIN takes it as the user name, as Dovecot does, though it speaks second; an empty
    /// one is none, because clients that send an initial response with every mechanism have none to send here.
    #[must_use]
    pub fn start_with(
        mechanism: Mechanism,
        rules: &Rules,
        turn: Turn<'_>,
        message: &Secret,
    ) -> Outcome {
        match mechanism {
            Mechanism::Login if !message.is_empty() => Self::LoginUser.respond(message),
            Mechanism::Login | Mechanism::CramMd5 | Mechanism::DigestMd5 if message.is_empty() => {
                Self::start(mechanism, rules, turn)
            }
            _ => match Self::first(mechanism, rules) {
                Some(first) => first.respond(message),
                None => Outcome::Hopeless(Unusable::nameless(NOT_FIRST)),
            },
        }
    }

    /// What waits for the first message of a client that speaks first; none: we do, or nothing is said at all.
    fn first(mechanism: Mechanism, rules: &Rules) -> Option<Self> {
        Some(match mechanism {
            Mechanism::Plain => Self::Plain,
            Mechanism::External => Self::External,
            Mechanism::Anonymous => Self::Anonymous(rules.anonymous_username.clone()),
            Mechanism::Xoauth2 | Mechanism::OauthBearer => {
                let error = bearer::error(mechanism, &rules.token_hints);
                Self::Token(Box::new(AwaitedToken { mechanism, error }))
            }
            Mechanism::ScramSha1
            | Mechanism::ScramSha256
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256Plus => {
                let is_bound = rules.mechanisms.meets(Mechanisms::BOUND);
                Self::Scram(mechanism, if is_bound { Offer::Bound } else { Offer::Unbound })
            }
            Mechanism::Login | Mechanism::CramMd5 | Mechanism::DigestMd5 | Mechanism::Apop => {
                return None;
            }
        })
    }

    /// Takes the message it waited for.
    #[must_use]
    pub fn respond(self, message: &Secret) -> Outcome {
        match self {
            Self::Plain => messages::plain(message.expose()).into(),
            Self::LoginUser => {
                let user = message.expose().into();
                Outcome::Challenge(LOGIN_PASSWORD_PROMPT.into(), Self::LoginPassword { user })
            }
            Self::LoginPassword { user } => {
                usable(&user, b"", message.clone(), Mechanism::Login).into()
            }
            Self::External => messages::external(message.expose()).into(),
            Self::Token(awaited) => {
                let AwaitedToken { mechanism, error } = *awaited;
                match messages::token(mechanism, message.expose()) {
                    Ok(credentials) => Outcome::Complete(credentials, Ending::Challenge(error)),
                    Err(unusable) => Outcome::Hopeless(unusable),
                }
            }
            Self::Scram(mechanism, offer) => messages::scram(mechanism, offer, message).into(),
            Self::Cram(challenge) => messages::cram(&challenge, message.expose()).into(),
            Self::Digest(nonce) => messages::digest(&nonce, message).into(),
            Self::Anonymous(user) => messages::anonymous(&user).into(),
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
            | Self::Scram(..)
            | Self::Cram(_)
            | Self::Digest(_)
            | Self::Anonymous(_) => COMMAND_TIMEOUT,
        }
    }
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
pub fn begin(
    rules: &Rules,
    turn: Turn<'_>,
    mechanism: &[u8],
    initial_response: Option<&[u8]>,
) -> Beginning {
    let Some(mechanism) = Mechanism::named(mechanism).filter(|known| known.is_sasl()) else {
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
        None => Beginning::Outcome(Exchange::start(mechanism, rules, turn)),
        Some(text) => match base64::decode_initial(text) {
            Some(message) => {
                Beginning::Outcome(Exchange::start_with(mechanism, rules, turn, &message))
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

const NOT_FIRST: &str =
    "the mechanism begins with a challenge, and the client has not waited for it";
const NO_SASL: &str = "it is a command of POP3, and no SASL mechanism";

// No mechanism that is read here takes more than two messages, so the limit of a line bounds the whole exchange (W-SASL-2).
const _: () = assert!(2 * SASL_LINE_BYTES_MAX <= SASL_EXCHANGE_BYTES_MAX);
