//! `server` and `default-server`: addresses and options. Tests: below.

use super::{Line, keywords};
use crate::import::{LeftOut, Weight};

/// A `server` line, with what `default-server` gave it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) line: Line,
    pub(crate) name: String,
    /// A host name or an address.
    pub(crate) host: String,
    /// None: that of the client's connection.
    pub(crate) port: Option<u16>,
    pub(crate) options: Options,
}

/// What options of a server say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) is_tls: bool,
    /// `verify none`.
    pub(crate) is_unverified: bool,
    pub(crate) authorities: Option<String>,
    pub(crate) header: Option<Header>,
    pub(crate) weight: Option<u32>,
    pub(crate) is_spare: bool,
    pub(crate) is_out: bool,
    pub(crate) connections_max: Option<u64>,
    pub(crate) is_checked: bool,
    /// The address to connect from.
    pub(crate) from: Option<String>,
}

/// A PROXY header for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Header {
    V1,
    V2,
}

const FLAGS: &[&str] = &[
    "no-check",
    "check-ssl",
    "check-send-proxy",
    "no-check-ssl",
    "no-check-send-proxy",
    "no-ssl",
    "no-backup",
    "no-send-proxy",
    "no-send-proxy-v2",
    "stick",
    "non-stick",
    "enabled",
    "tfo",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "force-tlsv12",
    "no-ssl-reuse",
    "ssl-reuse",
    "no-tls-tickets",
    "tls-tickets",
    "no-verifyhost",
    "agent-check",
    "no-agent-check",
    "check-via-socks4",
    "force-tlsv13",
    "none",
];
const VALUED: &[&str] = &[
    "inter",
    "fastinter",
    "downinter",
    "rise",
    "fall",
    "port",
    "addr",
    "id",
    "cookie",
    "slowstart",
    "track",
    "observe",
    "error-limit",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "resolvers",
    "resolve-prefer",
    "resolve-net",
    "resolve-opts",
    "init-addr",
    "check-sni",
    "check-alpn",
    "check-proto",
    "alpn",
    "npn",
    "proto",
    "minconn",
    "maxqueue",
    "agent-port",
    "agent-addr",
    "agent-inter",
    "agent-send",
    "pool-max-conn",
    "pool-purge-delay",
    "pool-low-conn",
    "tcp-ut",
    "ws",
    "log-bufsize",
    "max-reuse",
    "guid",
    "shard",
    "ssl-min-ver",
    "ssl-max-ver",
    "ciphers",
    "ciphersuites",
    "curves",
    "proxy-v2-options",
    "usesrc",
    "interface",
    "sni",
    "verifyhost",
];
const DECIDED: &[(&str, bool, &str)] = &[
    (
        "crt",
        true,
        "Hale's own certificate for backends is `ssl_client_cert_file` with `ssl_client_key_file`: take the file apart",
    ),
    ("crl-file", true, "revoked certificates of backends are not looked up"),
    ("redir", true, "mail protocols have no such redirection"),
    ("namespace", true, "start Hale in that network namespace"),
    ("socks4", true, "Hale connects to backends itself"),
    ("disabled", false, ""),
];

impl Server {
    /// `server NAME ADDRESS[:PORT] …`; none: it has no address.
    pub(super) fn read(line: &Line, inherited: &Options, left: &mut LeftOut) -> Option<Self> {
        let (host, port) = address(line.word(2))?;
        let options = inherited.clone().with(line, 3, left);
        Some(Self { line: line.clone(), name: line.word(1).to_owned(), host, port, options })
    }
}

impl Options {
    /// The same with those of a line, from its word `first` on.
    pub(super) fn with(mut self, line: &Line, first: usize, left: &mut LeftOut) -> Self {
        let mut words = line.words.iter().skip(first).map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default().to_owned();
            match word {
                "ssl" => self.is_tls = true,
                "verify" => self.is_unverified = value() == "none",
                "ca-file" => self.authorities = Some(value()),
                "send-proxy" => self.header = Some(Header::V1),
                "send-proxy-v2" | "send-proxy-v2-ssl" | "send-proxy-v2-ssl-cn" => {
                    self.header = Some(Header::V2);
                }
                "weight" => self.weight = value().parse().ok(),
                "backup" => self.is_spare = true,
                "disabled" => self.is_out = true,
                "maxconn" => self.connections_max = value().parse().ok(),
                "check" => self.is_checked = true,
                "source" => self.from = Some(value()),
                _ if FLAGS.contains(&word) => {}
                _ if VALUED.contains(&word) => drop(value()),
                _ => {
                    let known = DECIDED.iter().find(|(name, ..)| *name == word);
                    let why = known.map_or(keywords::UNKNOWN, |(.., why)| why);
                    let has_value = known.is_some_and(|(_, has_value, _)| *has_value);
                    let what =
                        if has_value { format!("{word} {}", value()) } else { word.to_owned() };
                    left.add(Weight::Missing, &line.place, format!("server option {what}"), why);
                }
            }
        }
        self
    }
}

/// ```text
/// address = [ "ipv4@" / "ipv6@" ] ( host / "[" ipv6 "]" ) [ ":" port ]
/// ```
pub(super) fn address(text: &str) -> Option<(String, Option<u16>)> {
    if text.is_empty()
        || text.starts_with('/')
        || text.starts_with("unix@")
        || text.starts_with("abns@")
    {
        return None;
    }
    let plain = text.split_once('@').map_or(text, |(_, rest)| rest);
    if let Some((address, rest)) = plain.strip_prefix('[').and_then(|it| it.split_once(']')) {
        return Some((address.to_owned(), rest.strip_prefix(':').and_then(|it| it.parse().ok())));
    }
    match plain.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            Some((host.to_owned(), port.parse().ok()))
        }
        _ => Some((plain.to_owned(), None)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::Place;

    #[test]
    fn addresses() {
        let of = |text| address(text).unwrap();
        assert_eq!(of("10.0.0.1:143"), ("10.0.0.1".to_owned(), Some(143)));
        assert_eq!(of("be1.example.org"), ("be1.example.org".to_owned(), None));
        assert_eq!(of("[2001:db8::1]:993"), ("2001:db8::1".to_owned(), Some(993)));
        assert_eq!(of("ipv4@be1:24"), ("be1".to_owned(), Some(24)));
        assert_eq!(address("unix@/run/x"), None);
        assert_eq!(address(""), None);
    }

    #[test]
    fn options_add_up() {
        let line = |text: &str| {
            let place = Place::new(&Arc::from(Path::new("h.cfg")), 1);
            Line { place, words: text.split_whitespace().map(str::to_owned).collect() }
        };
        let mut left = LeftOut::default();
        let inherited = Options::default().with(
            &line("default-server inter 3s fall 2 check send-proxy-v2"),
            1,
            &mut left,
        );
        let text = "server be1 10.0.0.1:993 ssl verify none weight 50 backup maxconn 900 ca-file /e/ca.pem source 10.9.9.9";
        let server = Server::read(&line(text), &inherited, &mut left).unwrap();
        let Options { is_tls, is_unverified, header, weight, is_spare, is_checked, .. } =
            server.options;
        assert!(is_tls && is_unverified && is_spare && is_checked);
        assert_eq!((header, weight), (Some(Header::V2), Some(50)));
        assert!(left.0.is_empty(), "{:?}", left.0);
        Server::read(&line("server be1 10.0.0.1:993 strange crt /e/c.pem"), &inherited, &mut left)
            .unwrap();
        let told: Vec<String> = left.0.iter().map(ToString::to_string).collect();
        assert!(
            told[0].contains("strange") && told[1].contains("ssl_client_cert_file"),
            "{told:?}"
        );
    }
}
