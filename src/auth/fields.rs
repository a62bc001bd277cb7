//! Passdb extra fields: from the names and values of a database to a [`Grant`].
//!
//! Names are Dovecot's. Checks each value and refuses what would be unsafe or senseless at a backend; a bad value is
//! the operator's fault and fails the login internally, naming the field but never the value. Fields that are a
//! backend's (`userdb_*`, `user_*`, `event_*`) or unknown are skipped. Driven by `auth::chain`; tests are in
//! `fields/tests.rs`.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::user;
use crate::auth::verdict::{BackendMech, BackendTls, Certificate, Grant};
use crate::limits::{FORWARD_KEY_BYTES_MAX, FORWARD_VALUE_BYTES_MAX};
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::network::Networks;
use crate::secret::Secret;
use crate::tick::Tick;

/// The extra fields of a user, understood. Secrets in it print as such.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// `user`: another name for the user.
    pub user: Option<Box<str>>,
    /// `password`: the stored password.
    pub password: Option<Secret>,
    /// `nopassword`: any password will do; only the backend decides (W-CRED-3).
    pub nopassword: bool,
    /// `noauthenticate`: these fields are for a later passdb's success.
    pub noauthenticate: bool,
    /// `nologin`: the right password is refused, too.
    pub nologin: bool,
    /// `reason`: why, for the user to read.
    pub reason: Option<Box<str>>,
    /// `nodelay`: a refusal is told at once.
    pub nodelay: bool,
    /// `delay_until`: not before this time of the world.
    pub delay_until: Option<DelayUntil>,
    /// `allow_nets`: from these networks only.
    pub allow_nets: Option<AllowNets>,
    /// Everything that goes into the grant.
    pub grant: GrantFields,
}

/// The fields that become the [`Grant`].
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see the fields of the same names in Grant")]
pub struct GrantFields {
    pub destuser: Option<Box<str>>,
    pub pass: Option<Secret>,
    pub master: Option<Box<str>>,
    pub host: Option<Box<str>>,
    pub hostip: Option<IpAddr>,
    pub port: Option<u16>,
    pub timeout: Option<Duration>,
    pub backend_connections_max: Option<u32>,
    pub mech: BackendMech,
    pub nopipelining: bool,
    pub not_trusted: bool,
    pub noauth: bool,
    pub tls: Option<BackendTls>,
    pub cluster_tag: Option<Box<str>>,
    pub forward: Vec<(Box<str>, Box<str>)>,
    pub valid_until: Option<Tick>,
}

/// `delay_until=<unix time>[+<seconds>]`: holds logins back while their user is moved by hand (C-MOVE-2). The
/// worker knows what time it is and draws the random part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayUntil {
    /// Seconds since 1970.
    pub unix_s: u64,
    /// At most this much longer, by chance.
    pub random_s_max: u32,
}

impl DelayUntil {
    /// When that is in our own time. `unix_ms`: what time it is in the world `now`. `seed`: for the random part.
    #[must_use]
    pub fn at(self, now: Tick, unix_ms: u64, seed: u64) -> Tick {
        let random = seed % (u64::from(self.random_s_max) * 1000 + 1);
        let due = self.unix_s.saturating_mul(1000).saturating_add(random);
        now.after(Duration::from_millis(due.saturating_sub(unix_ms)))
    }
}

/// `allow_nets`: networks, and the word `local` for clients without an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowNets {
    networks: Networks,
    local: bool,
}

impl AllowNets {
    /// Whether a client there may log in.
    #[must_use]
    pub fn allows(&self, remote: IpAddr) -> bool {
        (self.local && remote.is_unspecified()) || self.networks.contains(remote)
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut local, mut networks) = (false, String::new());
        for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
            if word == "local" {
                local = true;
            } else {
                networks.push_str(word);
                networks.push(' ');
            }
        }
        Some(Self { networks: Networks::parse(&networks).ok()?, local })
    }
}

/// A field whose value makes no sense. Prints what was expected, never what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {}: expected {}", .0.name(), .0.expected())]
pub struct FieldError(pub Field);

const _: () = assert!(size_of::<FieldError>() <= 16);

/// The fields that Hale understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of that name")]
pub enum Field {
    AllowNets,
    AllowRealNets,
    BackendConnectionsMax,
    ClusterTag,
    DelayUntil,
    Destuser,
    Forward,
    Host,
    Hostip,
    Master,
    Noauthenticate,
    Nodelay,
    Nologin,
    Nopassword,
    Pass,
    Password,
    Port,
    Proxy,
    ProxyMaybe,
    ProxyMech,
    ProxyNoauth,
    ProxyNopipelining,
    ProxyNotTrusted,
    ProxyRedirectReauth,
    ProxyTimeout,
    Reason,
    Ssl,
    Starttls,
    User,
}

impl Field {
    const ALL: [Self; 29] = [
        Self::AllowNets,
        Self::AllowRealNets,
        Self::BackendConnectionsMax,
        Self::ClusterTag,
        Self::DelayUntil,
        Self::Destuser,
        Self::Forward,
        Self::Host,
        Self::Hostip,
        Self::Master,
        Self::Noauthenticate,
        Self::Nodelay,
        Self::Nologin,
        Self::Nopassword,
        Self::Pass,
        Self::Password,
        Self::Port,
        Self::Proxy,
        Self::ProxyMaybe,
        Self::ProxyMech,
        Self::ProxyNoauth,
        Self::ProxyNopipelining,
        Self::ProxyNotTrusted,
        Self::ProxyRedirectReauth,
        Self::ProxyTimeout,
        Self::Reason,
        Self::Ssl,
        Self::Starttls,
        Self::User,
    ];

    /// Dovecot's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowNets => "allow_nets",
            Self::AllowRealNets => "allow_real_nets",
            Self::BackendConnectionsMax => "backend_connections_max",
            Self::ClusterTag => "cluster_tag",
            Self::DelayUntil => "delay_until",
            Self::Destuser => "destuser",
            Self::Forward => "forward_*",
            Self::Host => "host",
            Self::Hostip => "hostip",
            Self::Master => "master",
            Self::Noauthenticate => "noauthenticate",
            Self::Nodelay => "nodelay",
            Self::Nologin => "nologin",
            Self::Nopassword => "nopassword",
            Self::Pass => "pass",
            Self::Password => "password",
            Self::Port => "port",
            Self::Proxy => "proxy",
            Self::ProxyMaybe => "proxy_maybe",
            Self::ProxyMech => "proxy_mech",
            Self::ProxyNoauth => "proxy_noauth",
            Self::ProxyNopipelining => "proxy_nopipelining",
            Self::ProxyNotTrusted => "proxy_not_trusted",
            Self::ProxyRedirectReauth => "proxy_redirect_reauth",
            Self::ProxyTimeout => "proxy_timeout",
            Self::Reason => "reason",
            Self::Ssl => "ssl",
            Self::Starttls => "starttls",
            Self::User => "user",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::AllowNets => "networks separated by commas, or `local`",
            Self::AllowRealNets => {
                "`allow_nets` in its place: no client is judged by the address of the connection itself"
            }
            Self::BackendConnectionsMax => "a number of connections, 0 for any number",
            Self::ClusterTag => {
                "the name or the id of a tag, as `hale cluster tag list` shows them"
            }
            Self::DelayUntil => "a Unix time, and perhaps `+` and seconds",
            Self::Destuser | Self::Master | Self::User => {
                "a user name of at most 255 bytes without control characters"
            }
            Self::Forward => {
                "a key of 1 to 20 letters, digits, `_` or `-` and a value of at most 1024 bytes without control characters"
            }
            Self::Host => "a host name or an address",
            Self::Hostip => "an IP address",
            Self::Pass | Self::Password | Self::Reason => "a text without control characters",
            Self::Port => "a port from 1 to 65535",
            Self::ProxyMech => {
                "PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256, EXTERNAL, XOAUTH2 or OAUTHBEARER"
            }
            Self::ProxyTimeout => "a time such as `30` or `30 secs`",
            Self::Ssl | Self::Starttls => "yes, no or any-cert",
            Self::Noauthenticate
            | Self::Nodelay
            | Self::Nologin
            | Self::Nopassword
            | Self::Proxy
            | Self::ProxyMaybe
            | Self::ProxyNoauth
            | Self::ProxyNopipelining
            | Self::ProxyNotTrusted
            | Self::ProxyRedirectReauth => "yes or no",
        }
    }
}

impl Fields {
    /// Takes in one field; a later one of the same name counts. `value` is `None` for a bare name, which means yes.
    ///
    /// # Errors
    /// The value makes no sense for the field.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), FieldError> {
        let text = value.unwrap_or_default();
        if let Some(key) = name.strip_prefix("forward_") {
            return self.grant.forward(key, text).ok_or(FieldError(Field::Forward));
        }
        let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) else {
            return Ok(());
        };
        let flag = || match value {
            None => Some(true),
            Some(word) => boolean(word),
        };
        self.take(field, text, flag).ok_or(FieldError(field))
    }

    /// Whether [`Self::set`] does anything with a field of this name.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        name.starts_with("forward_") || Field::ALL.into_iter().any(|field| field.name() == name)
    }

    /// `None` when the value is none of this field's. Each field's values are described in [`Field::expected`].
    fn take(&mut self, field: Field, text: &str, flag: impl Fn() -> Option<bool>) -> Option<()> {
        let grant = &mut self.grant;
        match field {
            Field::AllowNets => self.allow_nets = Some(AllowNets::parse(text)?),
            // Who is not asked for must not come in.
            Field::AllowRealNets => return None,
            Field::BackendConnectionsMax => {
                grant.backend_connections_max = Some(text.parse().ok()?);
            }
            Field::ClusterTag => {
                grant.cluster_tag = Some(printable(text).filter(|tag| !tag.is_empty())?.into());
            }
            Field::DelayUntil => self.delay_until = Some(delay_until(text)?),
            Field::Destuser => grant.destuser = Some(user_name(text)?),
            Field::Forward => {}
            Field::Host => grant.host = Some(host(text)?),
            Field::Hostip => grant.hostip = Some(text.parse().ok()?),
            Field::Master => grant.master = Some(user_name(text)?),
            Field::Noauthenticate => self.noauthenticate = flag()?,
            Field::Nodelay => self.nodelay = flag()?,
            Field::Nologin => self.nologin = flag()?,
            Field::Nopassword => self.nopassword = flag()?,
            Field::Pass => grant.pass = Some(Secret::from(printable(text)?)),
            Field::Password => self.password = Some(Secret::from(printable(text)?)),
            Field::Port => grant.port = Some(text.parse().ok().filter(|port| *port != 0)?),
            // Everything is proxied here, and referrals are always followed after a fresh login.
            Field::Proxy | Field::ProxyMaybe | Field::ProxyRedirectReauth => {
                flag()?;
            }
            Field::ProxyMech => grant.mech = mech(text)?,
            Field::ProxyNoauth => grant.noauth = flag()?,
            Field::ProxyNopipelining => grant.nopipelining = flag()?,
            Field::ProxyNotTrusted => grant.not_trusted = flag()?,
            Field::ProxyTimeout => grant.timeout = Some(timeout(text)?),
            Field::Reason => self.reason = Some(printable(text)?.into()),
            Field::Ssl => {
                grant.tls = Some(certificate(text)?.map_or(BackendTls::Off, BackendTls::Implicit));
            }
            Field::Starttls => {
                grant.tls = Some(certificate(text)?.map_or(BackendTls::Off, BackendTls::Starttls));
            }
            Field::User => self.user = Some(user_name(text)?),
        }
        Some(())
    }
}

impl GrantFields {
    /// The grant for `user`.
    #[must_use]
    pub fn grant(self, user: Box<str>, verified: bool) -> Grant {
        Grant {
            user,
            verified,
            destuser: self.destuser,
            pass: self.pass,
            master: self.master,
            host: self.host,
            hostip: self.hostip,
            port: self.port,
            timeout: self.timeout,
            backend_connections_max: self.backend_connections_max,
            mech: self.mech,
            nopipelining: self.nopipelining,
            not_trusted: self.not_trusted,
            noauth: self.noauth,
            tls: self.tls,
            cluster_tag: self.cluster_tag,
            forward: self.forward,
            valid_until: self.valid_until,
            nonce: Box::default(),
        }
    }

    /// W-FWD-5: the limits are the receiver's; a field that it would refuse must not get so far.
    fn forward(&mut self, key: &str, value: &str) -> Option<()> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if key.is_empty() || key.len() > FORWARD_KEY_BYTES_MAX || !key.bytes().all(legal) {
            return None;
        }
        let value = Some(value)
            .filter(|value| value.len() <= FORWARD_VALUE_BYTES_MAX)
            .and_then(printable)?;
        self.forward.retain(|(known, _)| **known != *key);
        self.forward.push((key.into(), value.into()));
        Some(())
    }
}

fn boolean(word: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is(&["", "y", "yes", "1", "true"]) {
        Some(true)
    } else if is(&["n", "no", "0", "false"]) {
        Some(false)
    } else {
        None
    }
}

/// Control characters would end a line of a text protocol (W-SASL-7).
fn printable(text: &str) -> Option<&str> {
    (!text.chars().any(char::is_control)).then_some(text)
}

fn user_name(text: &str) -> Option<Box<str>> {
    user::from_bytes(text.as_bytes()).ok().map(Into::into)
}

fn host(text: &str) -> Option<Box<str>> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    (!text.is_empty() && text.len() <= HOST_BYTES_MAX && text.bytes().all(legal))
        .then(|| text.into())
}

fn mech(text: &str) -> Option<BackendMech> {
    let mechanism = Mechanism::named(text.as_bytes())?;
    match mechanism {
        Mechanism::Plain => Some(BackendMech::Plain),
        Mechanism::Login => Some(BackendMech::Login),
        _ => TOWARDS_BACKENDS.has(mechanism).then_some(BackendMech::Sasl(mechanism)),
    }
}

/// What Hale speaks with backends, as their client, besides PLAIN and LOGIN.
const TOWARDS_BACKENDS: Mechanisms = Mechanisms::TOKENS
    .with(Mechanism::External)
    .with(Mechanism::ScramSha1)
    .with(Mechanism::ScramSha256);

/// `None` inside: no TLS.
fn certificate(text: &str) -> Option<Option<Certificate>> {
    if text.eq_ignore_ascii_case("any-cert") {
        return Some(Some(Certificate::Any));
    }
    boolean(text).map(|on| on.then_some(Certificate::Configured))
}

/// Seconds, or a number and a unit as in settings.
fn timeout(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let milliseconds: u64 = match unit.trim() {
        "" | "s" | "sec" | "secs" | "seconds" => 1_000,
        "ms" | "msec" | "msecs" | "milliseconds" => 1,
        "m" | "min" | "mins" | "minutes" => 60_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).filter(|total| *total > 0).map(Duration::from_millis)
}

fn delay_until(text: &str) -> Option<DelayUntil> {
    let (unix_s, random_s_max) = text.split_once('+').unwrap_or((text, "0"));
    Some(DelayUntil { unix_s: unix_s.parse().ok()?, random_s_max: random_s_max.parse().ok()? })
}

/// Longest name in the domain name system (RFC 1035 2.3.4).
const HOST_BYTES_MAX: usize = 255;
