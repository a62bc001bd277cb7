//! `bind`: addresses and options. Tests: below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Line, keywords};
use crate::import::{LeftOut, Weight};

/// A `bind` line.
#[derive(Clone, Debug)]
pub(crate) struct Bind {
    pub(crate) line: Line,
    /// Where it listens; addresses that Hale cannot have were told.
    pub(crate) sockets: Vec<Socket>,
    /// TLS ends here.
    pub(crate) is_tls: bool,
    /// The certificate with its key, as it is named: a file or a folder.
    pub(crate) certificate: Option<String>,
    /// Certificates of clients.
    pub(crate) asks: Asks,
    /// Authorities for them.
    pub(crate) authorities: Option<String>,
    /// There is a list of revoked ones.
    pub(crate) has_crl: bool,
    pub(crate) takes_header: bool,
    pub(crate) connections_max: Option<u64>,
    pub(crate) ciphers: Option<String>,
    pub(crate) suites: Option<String>,
    pub(crate) oldest: Option<String>,
}

/// Whether clients are asked for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asks {
    #[default]
    No,
    Optional,
    Required,
}

/// An address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// All of IPv6 is all of IPv4, too (`v4v6`).
    pub(crate) is_dual: bool,
}

/// Options without a value that change nothing here, and those with one.
const FLAGS: &[&str] = &[
    "defer-accept",
    "tfo",
    "transparent",
    "v6only",
    "strict-sni",
    "prefer-client-ciphers",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "allow-0rtt",
    "generate-certificates",
    "quic-force-retry",
];
const VALUED: &[&str] = &[
    "name",
    "id",
    "backlog",
    "nice",
    "process",
    "thread",
    "mss",
    "tcp-ut",
    "alpn",
    "npn",
    "interface",
    "ecdhe",
    "level",
    "user",
    "group",
    "uid",
    "gid",
    "mode",
    "severity-output",
    "proto",
    "shards",
    "guid-prefix",
    "idle-ping",
    "cc",
];
/// Options that protect or admit, and have no counterpart.
const DECIDED: &[(&str, bool, &str)] = &[
    (
        "crt-list",
        true,
        "certificates by names are `local_name NAME { … }` blocks with Hale: write one for each",
    ),
    (
        "crl-file",
        true,
        "lists of revoked certificates stand in `ssl_server_ca_file`: append the file to it",
    ),
    ("ssl-max-ver", true, "Hale has no newest version of TLS: it speaks 1.3"),
    ("no-tlsv12", false, "write `ssl_min_protocol = TLSv1.3`"),
    ("no-tlsv13", false, "Hale always speaks TLS 1.3"),
    ("force-tlsv12", false, "Hale always speaks TLS 1.3"),
    ("force-tlsv13", false, "write `ssl_min_protocol = TLSv1.3`"),
    ("no-tls-tickets", false, "Hale's tickets cannot be turned off; their keys live a day at most"),
    ("curves", true, "write `ssl_server_curve_list`"),
    ("accept-netscaler-cip", true, "Hale reads PROXY headers only"),
    ("namespace", true, "start Hale in that network namespace"),
    ("ca-ignore-err", true, "Hale takes no certificate that is in error"),
    ("crt-ignore-err", true, "Hale takes no certificate that is in error"),
    ("ca-sign-file", true, "Hale makes no certificates"),
    ("ssl-f-use", true, "certificates by names are `local_name NAME { … }` blocks with Hale"),
];

impl Bind {
    pub(super) fn read(line: &Line, left: &mut LeftOut) -> Self {
        let mut bind = Self {
            line: line.clone(),
            sockets: Vec::new(),
            is_tls: false,
            certificate: None,
            asks: Asks::No,
            authorities: None,
            has_crl: false,
            takes_header: false,
            connections_max: None,
            ciphers: None,
            suites: None,
            oldest: None,
        };
        let mut is_dual = false;
        let mut words = line.words.iter().skip(2).map(String::as_str);
        while let Some(word) = words.next() {
            if word == "v4v6" {
                is_dual = true;
                continue;
            }
            bind.option(word, &mut words, left);
        }
        for text in line.word(1).split(',') {
            match sockets(text, is_dual) {
                Ok(sockets) => bind.sockets.extend(sockets),
                Err(why) => left.add(Weight::Missing, &line.place, format!("bind {text}"), why),
            }
        }
        bind
    }

    fn option<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a str>,
        left: &mut LeftOut,
    ) {
        let mut value = || rest.next().unwrap_or_default().to_owned();
        match word {
            "ssl" => self.is_tls = true,
            "accept-proxy" => self.takes_header = true,
            // HAProxy shows the first unless a client asks for another.
            "crt" => {
                let file = value();
                match &self.certificate {
                    None => self.certificate = Some(file),
                    Some(_) => {
                        let why = "further certificates are `local_name NAME { … }` blocks with Hale, or `ssl_server_alt_cert_file`";
                        left.add(Weight::Missing, &self.line.place, format!("crt {file}"), why);
                    }
                }
            }
            "ca-file" => self.authorities = Some(value()),
            "verify" => {
                self.asks = match &*value() {
                    "required" => Asks::Required,
                    "optional" => Asks::Optional,
                    _ => Asks::No,
                }
            }
            "ciphers" => self.ciphers = Some(value()),
            "ciphersuites" => self.suites = Some(value()),
            "ssl-min-ver" => self.oldest = Some(value()),
            "maxconn" => self.connections_max = value().parse().ok(),
            _ if FLAGS.contains(&word) => {}
            _ if VALUED.contains(&word) => drop(value()),
            _ => {
                self.has_crl |= word == "crl-file";
                let known = DECIDED.iter().find(|(name, ..)| *name == word);
                let why = known.map_or(keywords::UNKNOWN, |(.., why)| why);
                let has_value = known.is_some_and(|(_, has_value, _)| *has_value);
                let what = if has_value { format!("{word} {}", value()) } else { word.to_owned() };
                left.add(Weight::Missing, &self.line.place, format!("bind option {what}"), why);
            }
        }
    }
}

/// Ports of a range that are all opened.
const PORTS_MAX: u16 = 16;

/// ```text
/// socket = [ "ipv4@" / "ipv6@" ] address ":" port [ "-" port ]
/// ```
fn sockets(text: &str, is_dual: bool) -> Result<Vec<Socket>, &'static str> {
    if text.starts_with('/')
        || ["unix@", "abns@", "fd@", "sockpair@", "quic"].iter().any(|it| text.starts_with(it))
    {
        return Err("Hale listens on TCP only");
    }
    let family = text.split_once('@').map(|(family, _)| family);
    let plain = text.split_once('@').map_or(text, |(_, rest)| rest);
    let Some((host, ports)) = plain.rsplit_once(':') else {
        return Err("no port is written here");
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = match (host, family) {
        ("", Some("ipv6")) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ("" | "*", _) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => host.parse().map_err(|_| "Hale listens on addresses, not on names")?,
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if first > 0 && last >= first && last - first < PORTS_MAX => {
            Ok((first..=last).map(|port| Socket { address, port, is_dual }).collect())
        }
        (Ok(first), Ok(last)) if last > first => {
            Err("so many ports are no mail: write a listener for each")
        }
        _ => Err("this is no port"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::Place;

    fn read(text: &str) -> (Bind, Vec<String>) {
        let place = Place::new(&Arc::from(Path::new("h.cfg")), 1);
        let words = text.split_whitespace().map(str::to_owned).collect();
        let mut left = LeftOut::default();
        let bind = Bind::read(&Line { place, words }, &mut left);
        (bind, left.0.iter().map(ToString::to_string).collect())
    }

    fn shown(text: &str) -> String {
        let (bind, left) = read(text);
        assert!(left.is_empty(), "{left:?}");
        let socket = |it: &Socket| {
            format!("{} {}{}", it.address, it.port, if it.is_dual { " dual" } else { "" })
        };
        bind.sockets.iter().map(socket).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn addresses_in_all_spellings() {
        for (text, expected) in [
            ("bind *:143", "0.0.0.0 143"),
            ("bind :143", "0.0.0.0 143"),
            ("bind 192.0.2.1:143,192.0.2.2:143", "192.0.2.1 143, 192.0.2.2 143"),
            ("bind :::993 v4v6", ":: 993 dual"),
            ("bind [::]:993 v4v6", ":: 993 dual"),
            ("bind [2001:db8::1]:993", "2001:db8::1 993"),
            ("bind ipv6@:993", ":: 993"),
            ("bind ipv4@192.0.2.1:993 name x", "192.0.2.1 993"),
            ("bind :4190-4191", "0.0.0.0 4190, 0.0.0.0 4191"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        for odd in
            ["/run/x.sock", "unix@/run/x", "*", "mail.example.org:143", ":x", ":0", ":1-60000"]
        {
            let (bind, left) = read(&format!("bind {odd}"));
            assert!(bind.sockets.is_empty() && left.len() == 1, "{odd}: {left:?}");
        }
    }

    #[test]
    fn options_that_count_and_those_that_are_told() {
        let (bind, left) = read(
            "bind *:993 ssl crt /e/a.pem ca-file /e/ca.pem verify optional ssl-min-ver TLSv1.2 alpn imap accept-proxy maxconn 500 \
             no-sslv3",
        );
        assert!(left.is_empty(), "{left:?}");
        assert!(bind.is_tls && bind.takes_header && bind.asks == Asks::Optional);
        assert_eq!(
            (bind.certificate.as_deref(), bind.authorities.as_deref()),
            (Some("/e/a.pem"), Some("/e/ca.pem"))
        );
        assert_eq!((bind.oldest.as_deref(), bind.connections_max), (Some("TLSv1.2"), Some(500)));
        let (bind, left) = read("bind *:993 ssl crt a crt b crl-file c strange");
        assert!(bind.has_crl && left.len() == 3, "{left:?}");
        assert!(
            left[0].contains("crt b")
                && left[1].contains("crl-file c")
                && left[2].contains("strange")
        );
    }
}
