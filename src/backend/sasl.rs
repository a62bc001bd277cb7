//! Our side of a SASL exchange with a backend, beyond passwords that are shown: a token, the client's own messages carried to and
//! fro (W-CRED-1, W-CRED-7), SCRAM of our own, our certificate.
//!
//! Decides: by which mechanism, and what answers a challenge. Does not: frame; each protocol does. Tests: below, and with each
//! protocol.

use crate::auth::bearer;
use crate::auth::scram::{Derivation, Derived};
use crate::auth::verdict::BackendMech;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;
use crate::wire::base64;

use super::scram::{self, Conversation, Reply};
use super::{Login, Proof};

/// An exchange whose first message is on its way.
#[derive(Debug)]
pub(super) enum Exchange {
    /// A token was shown; a challenge tells that it is a bad one.
    Token(Mechanism),
    /// The client answers.
    Led,
    /// We do.
    Scram(Box<Conversation>),
}

/// What answers a challenge.
#[derive(Debug)]
pub(super) enum Reaction {
    /// This message.
    Say(Secret),
    /// What the client has to say to it.
    AskClient(Box<[u8]>),
    /// What is to be computed first.
    Derive(Derivation),
    /// Not another message: why, for the log.
    Distrust(&'static str),
}

/// The mechanisms that carry what the login has, best first; none: they are no matter of this file.
pub(super) fn wanted(login: &Login) -> &'static [Mechanism] {
    match login.proof {
        Proof::Password => &[],
        Proof::Token => match login.mech {
            BackendMech::Sasl(Mechanism::OauthBearer) => &[Mechanism::OauthBearer],
            BackendMech::Sasl(Mechanism::Xoauth2) => &[Mechanism::Xoauth2],
            _ => &[Mechanism::OauthBearer, Mechanism::Xoauth2],
        },
        Proof::Led(Mechanism::ScramSha1) | Proof::Scram(Mechanism::ScramSha1) => {
            &[Mechanism::ScramSha1]
        }
        Proof::Led(_) | Proof::Scram(_) => &[Mechanism::ScramSha256],
        Proof::Certificate => &[Mechanism::External],
    }
}

/// Why a backend that offers none of them will not do.
pub(super) fn lack(login: &Login) -> &'static str {
    match login.proof {
        Proof::Password => "it offers no SASL mechanism that will do",
        Proof::Token => match login.mech {
            BackendMech::Sasl(Mechanism::OauthBearer | Mechanism::Xoauth2) => {
                "it does not offer the mechanism that proxy_mech demands; TLS may be needed"
            }
            _ => {
                "it offers neither OAUTHBEARER nor XOAUTH2, which a login by token demands; TLS may be needed"
            }
        },
        Proof::Scram(_) => "it does not offer the SCRAM mechanism that proxy_mech demands",
        Proof::Certificate => {
            "it does not offer EXTERNAL, which proxy_mech demands: it has to ask for certificates \
             (ssl_verify_client_cert), and Hale has to have one (ssl_client_cert_file)"
        }
        Proof::Led(_) => {
            "it does not offer the mechanism that the client has chosen, and leads no exchange; TLS may be needed"
        }
    }
}

/// Why a backend may not lead a client's exchange that it offers to bind to its TLS, which is not the client's: `y` says that
/// no such offer was seen (RFC 5802 6).
pub(super) const BINDING_OFFERED: &str = "the client would take its offer of SCRAM-…-PLUS, hidden by us, for an attack: let the \
                                           backend offer no channel binding";

/// Whether the client says that it has seen no offer of channel binding.
pub(super) fn says_not_offered(login: &Login) -> bool {
    matches!(login.proof, Proof::Led(_)) && login.password.expose().starts_with(b"y,")
}

/// The first message by one of the wanted mechanisms.
pub(super) fn first_message(login: &Login, mechanism: Mechanism) -> Secret {
    match login.proof {
        Proof::Token => bearer::written(mechanism, &login.user, &login.password),
        Proof::Led(_) | Proof::Password => login.password.clone(),
        Proof::Scram(_) => scram::first_message(login, mechanism),
        // Whom the certificate acts for.
        Proof::Certificate => Secret::from(&*login.user),
    }
}

impl Exchange {
    /// What may follow a first message by this mechanism; none: nothing does.
    pub(super) fn begun(login: &Login, mechanism: Mechanism) -> Option<Self> {
        match login.proof {
            Proof::Token => Some(Self::Token(mechanism)),
            Proof::Led(_) => Some(Self::Led),
            Proof::Scram(_) => Conversation::new(login).map(|it| Self::Scram(Box::new(it))),
            Proof::Certificate | Proof::Password => None,
        }
    }

    /// The backend has sent a challenge. What is left of the exchange behind it: one about a token has no second.
    pub(super) fn challenged(self, challenge: &Secret) -> (Reaction, Option<Self>) {
        match self {
            // RFC 7628 3.2.3; XOAUTH2 wants an empty line.
            Self::Token(Mechanism::OauthBearer) => {
                (Reaction::Say(Secret::from(&b"\x01"[..])), None)
            }
            Self::Token(_) => (Reaction::Say(Secret::default()), None),
            Self::Led => (Reaction::AskClient(challenge.expose().into()), Some(Self::Led)),
            Self::Scram(conversation) => {
                let (reply, conversation) = conversation.challenged(challenge.expose());
                let reaction = match reply {
                    Reply::Derive(derivation) => Reaction::Derive(derivation),
                    Reply::Trust => Reaction::Say(Secret::default()),
                    Reply::Distrust(why) => Reaction::Distrust(why),
                };
                (reaction, conversation.map(|it| Self::Scram(Box::new(it))))
            }
        }
    }

    /// The answer to a challenge that had to be computed.
    pub(super) fn derived(&mut self, derived: &Derived) -> Option<Secret> {
        match self {
            Self::Scram(conversation) => conversation.derived(derived),
            Self::Token(_) | Self::Led => None,
        }
    }

    /// The backend's last message has come together with its success.
    pub(super) fn concluded(&mut self, message: &Secret) {
        match self {
            Self::Scram(conversation) => conversation.concluded(message.expose()),
            Self::Token(_) | Self::Led => {}
        }
    }

    /// Why the backend's success is none; none: it is one. A host that takes every proof for a good one does not know the password.
    pub(super) fn distrusts(exchange: Option<&Self>) -> Option<&'static str> {
        match exchange {
            Some(Self::Scram(conversation)) if !conversation.is_trusted() => Some(scram::UNPROVEN),
            Some(_) | None => None,
        }
    }
}

/// A message in base64 on a line of its own.
pub(super) fn write_line(message: &Secret, to_backend: &mut Vec<u8>) {
    // The caller wipes what it has sent; a buffer that grew would leave a copy behind.
    to_backend.reserve(message.len().saturating_mul(2).saturating_add(8));
    base64::encode(message.expose(), to_backend);
    to_backend.extend(b"\r\n");
}

/// A message in base64.
pub(super) fn response(message: &Secret) -> Secret {
    let mut response = Vec::with_capacity(message.len().saturating_mul(2).saturating_add(8));
    base64::encode(message.expose(), &mut response);
    Secret::new(response)
}

/// An initial response that every server takes, as far as lines go.
pub(super) const INITIAL_RESPONSE_BYTES_MAX: usize = 2048;
