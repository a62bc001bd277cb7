//! What HAProxy did, in Hale's terms: listeners, the way to backends, and which backends there are. `planner` makes it.

use super::Backend;
use super::dovecot::Listener as Theirs;
use super::haproxy::{Asks, Header, Line};
use super::listening::Tls;
use crate::config::raw::Entry;
use crate::names::Protocol;

/// The plan.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// There is a haproxy.cfg.
    pub(super) is_balanced: bool,
    pub(super) listeners: Vec<Listener>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) ways: Vec<Way>,
    pub(super) backends: Vec<Backend>,
    /// Dovecot's listeners whose place Hale takes.
    pub(super) replaced: Vec<Theirs>,
    /// Settings that hold for all, with the lines that they are from.
    pub(super) settings: Vec<(&'static str, String, Line)>,
    /// The longest silence of a protocol's sessions, in milliseconds.
    pub(super) idle: Vec<(Protocol, u64, Line)>,
    /// Networks that send PROXY headers, as HAProxy names them.
    pub(super) trusted: Vec<(String, Line)>,
    /// Whether any listener takes a PROXY header, and the trusted networks of Dovecot's count.
    pub(super) takes_header: bool,
}

/// A listener in HAProxy's place.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) protocol: Protocol,
    pub(super) section: String,
    pub(super) addresses: Vec<String>,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) takes_header: bool,
    pub(super) asks: Asks,
    pub(super) connections_max: Option<(Line, u64)>,
    pub(super) rate: Option<(Line, u64)>,
    pub(super) line: Line,
}

/// The certificate of a protocol.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) protocol: Protocol,
    pub(super) file: String,
    pub(super) authorities: Option<String>,
    pub(super) has_crl: bool,
    pub(super) line: Line,
}

/// How backends are reached by a protocol.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    pub(super) tls: Towards,
    pub(super) is_unverified: bool,
    pub(super) authorities: Option<String>,
    pub(super) header: Option<Header>,
    pub(super) line: Line,
}

/// TLS towards backends, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Towards {
    None,
    StartTls,
    AtOnce,
}

/// Dovecot's names for a certificate.
pub(super) const CERTIFICATES: &[&str] =
    &["ssl_cert", "ssl_server_cert_file", "ssl_cert_file", "ssl_server_cert"];

impl Plan {
    /// Why a setting of Dovecot's is no more; none: it stays.
    pub(super) fn takes_the_place_of(&self, entry: &Entry) -> Option<&'static str> {
        if !self.is_balanced {
            return None;
        }
        match &*entry.name {
            "protocols" => Some("written anew, with HAProxy's"),
            "haproxy_trusted_networks" | "haproxy_timeout" if !self.takes_header => {
                Some("HAProxy sent the headers, and no balancer does when Hale stands in its place")
            }
            "haproxy_trusted_networks" if !self.trusted.is_empty() => {
                Some("written anew, as HAProxy has it")
            }
            _ => None,
        }
    }

    /// The way by which a protocol's backends are reached.
    pub(super) fn way(&self, protocol: Protocol) -> Option<&Way> {
        let ways = self.ways.iter().filter(|it| it.protocol == protocol);
        // By TLS, where there is such a way: nothing gets weaker. Of several the first.
        ways.rev().max_by_key(|it| it.tls)
    }
}
