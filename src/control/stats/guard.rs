//! Who may see the status page, and whether an order comes from a page of ours.
//!
//! A viewer shows the user `doveadm` and `doveadm_password` (HTTP Basic), or is named by a trusted reverse proxy. An order has to show
//! besides that it comes from a page that this Hale made for the same viewer: a browser shows a password by itself to every
//! page that makes it ask (CSRF). Nothing is kept in cookies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};

use crate::config::Config;
use crate::event::escaped;
use crate::limits;
use crate::network::Networks;
use crate::secret::Secret;
use crate::wire::base64;

/// What of the configuration the page goes by.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// `doveadm_password`; none: no viewer comes in by it.
    password: Option<Secret>,
    /// `stats_trusted_networks`.
    trusted: Networks,
    /// `stats_user_header`.
    user_header: Option<HeaderName>,
    /// `auth_failure_delay`: a wrong password is refused after this.
    pub(super) failure_delay: Duration,
    /// `stats_admin`.
    pub(super) gives_orders: bool,
}

impl PageSettings {
    /// Of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let stats = &config.stats;
        let user_header = stats.user_header.as_ref();
        Self {
            password: config.doveadm.password.clone(),
            trusted: stats.trusted.clone(),
            user_header: user_header.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            failure_delay: config.auth.failure_delay,
            gives_orders: stats.admin,
        }
    }

    /// Whether there is a way in.
    pub(super) fn has_page(&self) -> bool {
        self.password.is_some() || self.user_header.is_some()
    }

    /// Whom a request is from.
    pub(super) fn claim(&self, headers: &HeaderMap, peer: IpAddr) -> Claim {
        if let Some(name) = self.named(headers, peer) {
            return Claim::Good(Viewer::Named(name));
        }
        let Some(given) = headers.get(AUTHORIZATION) else { return Claim::None };
        match &self.password {
            Some(own) if is_password(own, given.as_bytes()) => Claim::Good(Viewer::Password),
            _ => Claim::Wrong,
        }
    }

    /// Whom a trusted proxy names.
    fn named(&self, headers: &HeaderMap, peer: IpAddr) -> Option<Box<str>> {
        let header = self.user_header.as_ref().filter(|_| self.trusted.contains(peer))?;
        let mut named = headers.get_all(header).iter();
        // Two of them: the proxy has let through what a browser sent.
        let (Some(name), None) = (named.next(), named.next()) else { return None };
        let name = name.as_bytes().trim_ascii();
        (!name.is_empty()).then(|| escaped(name, limits::USER_BYTES_MAX))
    }
}

/// What a request is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It says nothing.
    None,
    /// It shows a password that is none.
    Wrong,
    /// It may see the page.
    Good(Viewer),
}

/// Who looks at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Viewer {
    /// Whom a trusted proxy named.
    Named(Box<str>),
    /// Who knows the password.
    Password,
}

impl fmt::Display for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Password => f.write_str("doveadm"),
        }
    }
}

fn is_password(own: &Secret, header: &[u8]) -> bool {
    let Some(at) = header.iter().position(|byte| *byte == b' ') else { return false };
    let (Some(scheme), Some(rest)) = (header.get(..at), header.get(at + 1..)) else { return false };
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return false;
    }
    let given = base64::decode(rest.trim_ascii());
    let given = given.as_ref().and_then(|given| given.expose().strip_prefix(b"doveadm:"));
    given.is_some_and(|given| own.is_same_as(&Secret::from(given)))
}

/// Whether a browser sent an order from one of our own pages, as far as it says so: browsers do not let pages write these fields.
pub(super) fn is_from_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site.as_bytes() == b"same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else { return false };
    origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

/// What our pages prove themselves by: one secret for each viewer, as long as the process lives.
#[derive(Debug, Default)]
pub(super) struct Tokens(RefCell<VecDeque<(Viewer, String)>>);

impl Tokens {
    /// The viewer's.
    pub(super) fn of(&self, viewer: &Viewer) -> String {
        let mut known = self.0.borrow_mut();
        if let Some((_, token)) = known.iter().find(|(it, _)| it == viewer) {
            return token.clone();
        }
        if known.len() >= VIEWERS_KNOWN_MAX {
            known.pop_front();
        }
        let mut bytes = [0_u8; 32];
        if getrandom::fill(&mut bytes).is_err() {
            // A token that could be guessed is none: nothing fits an empty one.
            return String::new();
        }
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        known.push_back((viewer.clone(), token.clone()));
        token
    }

    /// Whether it is the viewer's.
    pub(super) fn is_of(&self, viewer: &Viewer, given: &str) -> bool {
        let known = self.0.borrow();
        let own = known.iter().find(|(it, _)| it == viewer);
        own.is_some_and(|(_, own)| Secret::from(&**own).is_same_as(&Secret::from(given)))
    }
}

/// Viewers whom a proxy names. The token of one who is forgotten is made anew, and an order from an old page is refused.
const VIEWERS_KNOWN_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn settings() -> PageSettings {
        PageSettings {
            password: Some(Secret::from("hush")),
            trusted: Networks::parse("192.0.2.0/24").unwrap(),
            user_header: Some(HeaderName::from_static("x-remote-user")),
            failure_delay: Duration::ZERO,
            gives_orders: true,
        }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut all = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            all.append(name, value);
        }
        all
    }

    #[test]
    fn the_password_opens_the_page_and_nothing_like_it_does() {
        let claim = |text: &str| {
            let fields = headers(&[("authorization", text)]);
            settings().claim(&fields, IpAddr::from([127, 0, 0, 1]))
        };
        // doveadm:hush, doveadm:hus, doveadm:hush2, admin:hush.
        for good in ["Basic ZG92ZWFkbTpodXNo", "basic  ZG92ZWFkbTpodXNo"] {
            assert_eq!(claim(good), Claim::Good(Viewer::Password), "{good}");
        }
        for wrong in [
            "Basic ZG92ZWFkbTpodXM=",
            "Basic ZG92ZWFkbTpodXNoMg==",
            "Basic YWRtaW46aHVzaA==",
            "Bearer ZG92ZWFkbTpodXNo",
            "Basic %%%",
            "Basic",
            "",
        ] {
            assert_eq!(claim(wrong), Claim::Wrong, "{wrong}");
        }
        assert_eq!(settings().claim(&HeaderMap::new(), IpAddr::from([127, 0, 0, 1])), Claim::None);
    }

    #[test]
    fn a_name_counts_only_from_a_trusted_proxy_and_only_once() {
        let (proxy, stranger) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([198, 51, 100, 1]));
        let named = headers(&[("x-remote-user", " alice> ")]);
        let alice = Claim::Good(Viewer::Named("alice\\x3e".into()));
        assert_eq!(settings().claim(&named, proxy), alice);
        assert_eq!(settings().claim(&named, stranger), Claim::None);
        let twice = headers(&[("x-remote-user", "alice"), ("x-remote-user", "root")]);
        assert_eq!(settings().claim(&twice, proxy), Claim::None);
        assert_eq!(settings().claim(&headers(&[("x-remote-user", "")]), proxy), Claim::None);
        let without = PageSettings { user_header: None, ..settings() };
        assert_eq!(without.claim(&named, proxy), Claim::None);
    }

    #[test]
    fn an_order_comes_from_a_page_of_ours() {
        let from = |fields: &[(&'static str, &str)]| is_from_own_page(&headers(fields));
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "http://lb1:9900"), ("host", "lb1:9900")]));
        for fields in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://lb1"), ("host", "lb1")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://lb1:9901"), ("host", "lb1:9900")],
            &[("origin", "null"), ("host", "null")],
            &[("host", "lb1")],
            &[],
        ] {
            assert!(!from(fields), "{fields:?}");
        }
    }

    #[test]
    fn a_token_is_a_viewers_own() {
        let tokens = Tokens::default();
        let alice = Viewer::Named("alice".into());
        assert!(!tokens.is_of(&alice, ""), "there is none yet");
        let token = tokens.of(&alice);
        assert!(tokens.is_of(&alice, &token) && tokens.of(&alice) == token);
        assert!(!tokens.is_of(&Viewer::Password, &token) && !tokens.is_of(&alice, &token[1..]));
        assert_ne!(tokens.of(&Viewer::Password), token);
        for number in 0..VIEWERS_KNOWN_MAX {
            tokens.of(&Viewer::Named(number.to_string().into()));
        }
        assert!(!tokens.is_of(&alice, &token) && tokens.0.borrow().len() == VIEWERS_KNOWN_MAX);
    }
}
