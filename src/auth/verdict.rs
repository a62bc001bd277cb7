//! What the password databases answer. Field names are Dovecot's passdb extra fields.

use std::net::IpAddr;
use std::time::Duration;

use crate::fault::Failure;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;
use crate::tick::Tick;

/// The answer to a [`super::ask::Question`].
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Log this user in at a backend.
    Accept(Box<Grant>),
    /// Do not. `reason` is a text meant for the user (passdb field `reason`).
    Refuse {
        /// The class of the refusal; it decides the reply.
        failure: Failure,
        /// Text for the user, when the database gives one.
        reason: Option<Box<str>>,
    },
    /// The user logs in at another host and not here (`nologin` and `host`). Proxies of ours are told where (W-REF-5);
    /// to other clients it is [`Failure::Disabled`].
    Elsewhere(Box<Elsewhere>),
}

/// Where a user logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The name there.
    pub user: Box<str>,
    /// Name or address.
    pub host: Box<str>,
    /// Its port; none: the protocol's.
    pub port: Option<u16>,
    /// Text for the user, when the database gives one.
    pub reason: Option<Box<str>>,
}

/// An accepted login and how to present it to the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Normalised user name: the key for routing, logs, limits.
    pub user: Box<str>,
    /// The password was verified here; otherwise (`nopassword`) only the backend's answer counts (W-CRED-3).
    pub verified: bool,
    /// Another user name at the backend (`destuser`).
    pub destuser: Option<Box<str>>,
    /// The password for the backend (`pass`); none: replay the client's.
    pub pass: Option<Secret>,
    /// Log in at the backend as this master user on behalf of the user (`master`), with `pass`.
    pub master: Option<Box<str>>,
    /// A destination that overrides routing (`host`, `hostip`).
    pub host: Option<Box<str>>,
    /// Address of `host`, so that it needs no resolution.
    pub hostip: Option<IpAddr>,
    /// Port at the backend (`port`).
    pub port: Option<u16>,
    /// Deadline of the whole backend login (`proxy_timeout`).
    pub timeout: Option<Duration>,
    /// How many connections the backend may have for this login to be one more (`backend_connections_max`); none: as configured.
    pub backend_connections_max: Option<u32>,
    /// Mechanism towards the backend (`proxy_mech`).
    pub mech: BackendMech,
    /// Wait for each reply before the next command (`proxy_nopipelining`).
    pub nopipelining: bool,
    /// Do not send forwarding facts (`proxy_not_trusted`).
    pub not_trusted: bool,
    /// Log in by trust alone, without credentials (`proxy_noauth`): XCLIENT LOGIN of Submission.
    pub noauth: bool,
    /// TLS towards the backend (`ssl`, `starttls`); none: as the protocol or the backend is configured.
    pub tls: Option<BackendTls>,
    /// Tag that the user's sites must have (`cluster_tag`).
    pub cluster_tag: Option<Box<str>>,
    /// `forward_*` fields, without the prefix.
    pub forward: Vec<(Box<str>, Box<str>)>,
    /// When the client's token ends, where that is known.
    pub valid_until: Option<Tick>,
    /// Unforeseeable, for SCRAM with the backend; empty for every other mechanism. The shell draws it.
    pub nonce: Box<str>,
}

impl Grant {
    /// An accepted login about which the database says nothing else.
    #[must_use]
    pub fn new(user: &str, verified: bool) -> Self {
        Self {
            user: user.into(),
            verified,
            destuser: None,
            pass: None,
            master: None,
            host: None,
            hostip: None,
            port: None,
            timeout: None,
            backend_connections_max: None,
            mech: BackendMech::default(),
            nopipelining: false,
            not_trusted: false,
            noauth: false,
            tls: None,
            cluster_tag: None,
            forward: Vec::new(),
            valid_until: None,
            nonce: Box::default(),
        }
    }
}

/// How to log in at the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendMech {
    /// The protocol's own login command; SASL where only that can carry the password, where the backend offers nothing
    /// else, and PLAIN for a master user.
    #[default]
    Auto,
    /// The protocol's own login command, whatever the backend offers, unless a master user demands SASL PLAIN.
    Login,
    /// SASL PLAIN.
    Plain,
    /// A mechanism that shows no password: SCRAM, EXTERNAL by Hale's own certificate, or a token.
    Sasl(Mechanism),
}

/// TLS towards the backend, as a passdb asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendTls {
    /// `ssl=no`, `starttls=no`: in clear, whatever the configuration says.
    Off,
    /// `starttls`: after the protocol's command.
    Starttls(Certificate),
    /// `ssl`: from the first byte.
    Implicit(Certificate),
}

/// Which certificates of the backend will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// `yes`: as the configuration demands.
    Configured,
    /// `any-cert`.
    Any,
}
