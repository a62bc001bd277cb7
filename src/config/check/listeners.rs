//! Sockets: Dovecot's defaults, what the operator changed, and clashes.
//!
//! Driver: `check`. Tests: below.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::admission::door::DoorRules;
use crate::config::diagnostic::{Findings, Place};
use crate::config::model::{AdminListener, AdminService, Listener, RequestClientCert};
use crate::config::registry::Scope;
use crate::config::sort::Section;
use crate::names::Protocol;

use super::holder;
use super::tls::request_client_cert;

/// A listener that is there without being written, as in Dovecot.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) ssl: bool,
}

const IMAP: &[Known] =
    &[Known { name: "imap", port: 143, ssl: false }, Known { name: "imaps", port: 993, ssl: true }];
const POP3: &[Known] =
    &[Known { name: "pop3", port: 110, ssl: false }, Known { name: "pop3s", port: 995, ssl: true }];
const SIEVE: &[Known] = &[Known { name: "sieve", port: 4190, ssl: false }];
const SUBMISSION: &[Known] = &[
    Known { name: "submission", port: 587, ssl: false },
    Known { name: "submissions", port: 465, ssl: true },
];

/// The listeners that are there without being written. LMTP has none: it takes mail from every client that can connect, so
/// the operator has to decide where.
pub(crate) fn known_listeners(protocol: Protocol) -> &'static [Known] {
    match protocol {
        Protocol::Imap => IMAP,
        Protocol::Pop3 => POP3,
        Protocol::Lmtp => &[],
        Protocol::Sieve => SIEVE,
        Protocol::Submission => SUBMISSION,
    }
}

pub(super) fn all(
    root: &Section,
    served: &[Protocol],
    findings: &mut Findings,
) -> (Vec<Listener>, Vec<AdminListener>) {
    if root.addresses("listen").is_empty() {
        let text = "found nothing, expected addresses such as `*, ::`";
        findings.error(root.place_of("listen"), "listen", text);
    }
    let mut finder = Finder { root, findings, found: Vec::new() };
    for protocol in served {
        finder.service(Service::Mail(*protocol));
    }
    finder.service(Service::Admin(AdminService::Doveadm));
    finder.service(Service::Admin(AdminService::Stats));
    finder.report_clashes();
    let (mut mail, mut admin) = (Vec::new(), Vec::new());
    for Open { service, name, endpoint, haproxy, ssl, request_client_cert, door, number, place } in
        finder.found
    {
        match service {
            Service::Mail(protocol) => {
                let (address, port) = (endpoint.ip(), endpoint.port());
                mail.push(Listener {
                    protocol,
                    name,
                    address,
                    port,
                    haproxy,
                    ssl,
                    request_client_cert,
                    door,
                    number,
                    place,
                });
            }
            Service::Admin(service) => {
                admin.push(AdminListener { service, name, endpoint, ssl, place });
            }
        }
    }
    (mail, admin)
}

struct Finder<'a> {
    root: &'a Section,
    findings: &'a mut Findings,
    found: Vec<Open>,
}

#[derive(Clone, Copy)]
enum Service {
    Mail(Protocol),
    Admin(AdminService),
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Mail(protocol) => protocol.name(),
            Self::Admin(AdminService::Doveadm) => "doveadm",
            Self::Admin(AdminService::Stats) => "stats",
        }
    }
}

/// Why operators' listeners know no bounds of their own.
const BOUNDED: &str = "the number of its clients is bounded by itself";

/// How a listener's block is written.
fn block(name: &str) -> String {
    format!("inet_listener {name}").trim_end().to_owned()
}

/// A socket to open.
struct Open {
    service: Service,
    name: String,
    endpoint: SocketAddr,
    haproxy: bool,
    ssl: bool,
    request_client_cert: RequestClientCert,
    door: DoorRules,
    number: u16,
    place: Option<Place>,
}

impl<'a> Finder<'a> {
    fn service(&mut self, service: Service) {
        let (label, known) = match service {
            Service::Mail(protocol) => (protocol.service_name(), known_listeners(protocol)),
            Service::Admin(_) => (service.name(), &[][..]),
        };
        let root = self.root;
        let block = root.labelled(Scope::Service, label);
        for default in known {
            let written = block.and_then(|block| block.labelled(Scope::Listener, default.name));
            self.listener(service, default.name, Some(default), written);
        }
        for written in block.iter().flat_map(|block| block.of_scope(Scope::Listener)) {
            if matches!(service, Service::Admin(_)) {
                self.refuse_what_admins_lack(written);
            }
            if known.iter().all(|default| default.name != written.name()) {
                self.listener(service, written.name(), None, Some(written));
            }
        }
    }

    fn listener(
        &mut self,
        service: Service,
        name: &str,
        default: Option<&Known>,
        written: Option<&Section>,
    ) {
        let has = |setting| written.filter(|section| section.found(setting).is_some());
        let port = match (has("port"), default, written) {
            (Some(section), ..) => section.small("port"),
            (None, Some(default), _) => default.port,
            // It has to be written, but not its port.
            (None, None, Some(_))
                if matches!(service, Service::Mail(Protocol::Lmtp)) && name == "lmtp" =>
            {
                Protocol::Lmtp.default_port()
            }
            (None, None, Some(section)) => {
                let block = block(name);
                let text =
                    format!("`{block}` has no port and is not opened; write `port = NUMBER`");
                return self.findings.warn(&section.place, "port", text);
            }
            (None, None, None) => return,
        };
        if port == 0 {
            return;
        }
        let ssl = match has("ssl") {
            Some(section) => section.flag("ssl"),
            None => default.is_some_and(|default| default.ssl),
        };
        if ssl && self.is_ssl_off(service) {
            if let Some(section) = written {
                let block = block(name);
                let text = format!("`{block}` is not opened, because of `ssl = no` outside of it");
                self.findings.warn(section.place_of("ssl"), "ssl", text);
            }
            return;
        }
        let haproxy = written.is_some_and(|section| section.flag("haproxy"));
        if haproxy && self.root.networks("haproxy_trusted_networks").is_empty() {
            let place = written.map_or(&self.root.place, |section| section.place_of("haproxy"));
            let text = "every connection will be closed: `haproxy_trusted_networks` names no load balancer";
            self.findings.warn(place, "haproxy", text);
        }
        let request_client_cert = self.request_client_cert(service, written);
        let number = |setting| written.map_or(0, |section| section.small(setting));
        let door = DoorRules {
            at_once: number("connections_max"),
            each_second: number("connection_rate"),
        };
        // For logs and metrics.
        let name =
            if name.is_empty() { format!("{}-{port}", service.name()) } else { name.to_owned() };
        let number = self.found.last().map_or(0, |last| last.number.saturating_add(1));
        for address in self.addresses(service, written) {
            self.found.push(Open {
                service,
                name: name.clone(),
                endpoint: SocketAddr::new(address, port),
                haproxy,
                ssl,
                request_client_cert,
                door,
                number,
                place: written.map(|section| section.place_of("port").clone()),
            });
        }
    }

    /// Ignored, these would let in whom they keep out, or break every connection.
    fn refuse_what_admins_lack(&mut self, section: &Section) {
        let refused = [
            ("haproxy", section.flag("haproxy"), "its clients come without a PROXY header"),
            ("connections_max", section.small::<u32>("connections_max") > 0, BOUNDED),
            ("connection_rate", section.small::<u32>("connection_rate") > 0, BOUNDED),
        ];
        for (name, is_asked, why) in refused {
            if is_asked {
                let text = format!("can't be had here: {why}");
                self.findings.error(section.place_of(name), name, &text);
            }
        }
        let name = "ssl_server_request_client_cert";
        let asked = request_client_cert(section).or_else(|| request_client_cert(self.root));
        if section.flag("ssl") && asked == Some(RequestClientCert::Required) {
            let text = "no client is asked for a certificate here; write `ssl_server_request_client_cert = no` into the listener's \
                        block, and let a password do";
            self.findings.error(section.place_of(name), name, text);
        }
    }

    fn request_client_cert(
        &mut self,
        service: Service,
        written: Option<&Section>,
    ) -> RequestClientCert {
        const NAME: &str = "ssl_server_request_client_cert";
        let outside = self.outside(service, NAME);
        let own = written.and_then(|section| Some((section, request_client_cert(section)?)));
        let asked = own.or_else(|| Some((outside, request_client_cert(outside)?)));
        let Some((section, asked)) = asked else { return RequestClientCert::No };
        if !self.is_ssl_off(service) {
            return asked;
        }
        match asked {
            RequestClientCert::No => {}
            RequestClientCert::Yes => {
                let text = "no client is asked for a certificate, because of `ssl = no`";
                self.findings.warn(section.place_of(NAME), NAME, text);
            }
            // Ignored it would let in whom it keeps out.
            RequestClientCert::Required => {
                let text =
                    "found `required`, but no client can show a certificate, because of `ssl = no`";
                self.findings.error(section.place_of(NAME), NAME, text);
            }
        }
        RequestClientCert::No
    }

    fn is_ssl_off(&self, service: Service) -> bool {
        self.outside(service, "ssl").text("ssl") == "no"
    }

    /// Where a setting of the service's protocol stands: in the protocol's block or outside of all.
    fn outside(&self, service: Service, name: &str) -> &'a Section {
        match service {
            Service::Mail(protocol) => holder(self.root, protocol, name),
            Service::Admin(_) => self.root,
        }
    }

    fn addresses(&self, service: Service, written: Option<&Section>) -> Vec<IpAddr> {
        match (written.map(|section| section.addresses("listen")), service) {
            (Some(own), _) if !own.is_empty() => own,
            // A client that reaches it reads how busy the site is.
            (_, Service::Admin(AdminService::Stats)) => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            _ => self.root.addresses("listen"),
        }
    }

    fn report_clashes(&mut self) {
        for (position, later) in self.found.iter().enumerate() {
            let Some(earlier) =
                self.found[..position].iter().find(|other| other.endpoint == later.endpoint)
            else {
                continue;
            };
            // The written one is to blame; two defaults never clash.
            let (blamed, other) =
                if later.place.is_some() { (later, earlier) } else { (earlier, later) };
            let Some(place) = &blamed.place else { continue };
            let text = match &other.place {
                Some(other_place) => format!(
                    "{} is opened by `inet_listener {}` and by `inet_listener {}` at {other_place}",
                    later.endpoint, blamed.name, other.name
                ),
                None => format!(
                    "{} is opened by `inet_listener {}` and by the listener `{}`, which is there by default; \
                     `inet_listener {} {{ port = 0 }}` turns that off",
                    later.endpoint, blamed.name, other.name, other.name
                ),
            };
            self.findings.error(place, "port", text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded, warnings};

    fn shown(text: &str) -> Vec<String> {
        let listeners = loaded(text).listeners;
        let line = |l: &Listener| {
            let haproxy = if l.haproxy { " haproxy" } else { "" };
            let ssl = if l.ssl { " ssl" } else { "" };
            format!("{} {}{haproxy}{ssl}", l.name, l.endpoint())
        };
        listeners.iter().map(line).collect()
    }

    #[test]
    fn dovecots_default_listeners_are_there_and_lmtp_is_not() {
        assert_eq!(
            shown("listen = 127.0.0.1\n"),
            [
                "imap 127.0.0.1:143",
                "imaps 127.0.0.1:993 ssl",
                "pop3 127.0.0.1:110",
                "pop3s 127.0.0.1:995 ssl",
                "sieve 127.0.0.1:4190",
                "submission 127.0.0.1:587",
                "submissions 127.0.0.1:465 ssl",
            ]
        );
    }

    #[test]
    fn listeners_are_changed_added_and_turned_off() {
        let text = "protocols = imap lmtp\nhaproxy_trusted_networks = ::1\nlisten = ::\nservice imap-login {\n \
                    inet_listener imap { port = 0 }\n inet_listener imaps { listen = ::1 }\n inet_listener h { port = \
                    10143  haproxy = yes }\n}\nservice lmtp { inet_listener lmtp { port = 24 address = 10.0.0.1, ::1 } }";
        assert_eq!(
            shown(text),
            ["imaps [::1]:993 ssl", "h [::]:10143 haproxy", "lmtp 10.0.0.1:24", "lmtp [::1]:24"]
        );
    }

    #[test]
    fn an_lmtp_listener_has_to_be_written_but_not_its_port() {
        let text = "protocols = lmtp\nlisten = ::1\nservice lmtp {\n inet_listener lmtp {\n }\n inet_listener x {\n }\n}\n";
        assert_eq!(shown(text), ["lmtp [::1]:24"]);
    }

    #[test]
    fn case_07_listeners_need_no_name() {
        let text = "protocols = lmtp\nlisten = ::1\nservice lmtp {\n inet_listener {\n  port = 10024\n }\n inet_listener {\n  \
                    port = 10025\n  address = 127.0.0.1\n }\n}\n";
        assert_eq!(shown(text), ["lmtp-10024 [::1]:10024", "lmtp-10025 127.0.0.1:10025"]);
        let nothing = "protocols = lmtp\nservice lmtp { inet_listener { } }\n";
        assert!(warnings(nothing).iter().any(|line| line.contains("`inet_listener` has no port")));
        let clash =
            "protocols = imap\nlisten = ::1\nservice imap-login { inet_listener { port = 143 } }\n";
        assert!(
            errors(clash)[0]
                .contains("opened by `inet_listener imap-143` and by the listener `imap`")
        );
    }

    #[test]
    fn addresses_of_a_listener_count_together_and_listeners_of_a_port_do_not() {
        let text = "protocols = imap\nservice imap-login {\n inet_listener imap {\n  port = 0\n }\n inet_listener imaps {\n  port = 0\n }\n \
                    inet_listener a {\n  port = 144\n  address = ::1, 127.0.0.1\n }\n inet_listener b {\n  port = 144\n  address = 127.0.0.2\n }\n}\n";
        let numbers: Vec<u16> = loaded(text).listeners.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [0, 0, 1]);
    }

    #[test]
    fn ssl_no_closes_tls_listeners_and_says_so_when_they_were_asked_for() {
        let text = "ssl = no\nlisten = ::\nprotocols = imap\nservice imap-login {\n inet_listener x { port = 1  ssl = yes }\n}\n";
        assert_eq!(shown(text), ["imap [::]:143"]);
        assert!(warnings(text).iter().any(|line| line.contains("t.conf:5: setting ssl")));
    }

    #[test]
    fn op_01_what_a_listener_for_operators_lacks_is_refused() {
        let of = |line: &str| {
            errors(&format!(
                "service doveadm {{\n inet_listener a {{\n  port = 2300\n  {line}\n }}\n}}\n"
            ))
        };
        for (line, reason) in [
            ("haproxy = yes", "PROXY header"),
            ("connections_max = 3", "bounded"),
            ("connection_rate = 3", "bounded"),
            ("ssl = yes\n  ssl_server_request_client_cert = required", "no client is asked"),
        ] {
            let found = of(line);
            assert!(found.len() == 1 && found[0].contains(reason), "{line}: {found:?}");
        }
        let good = "ssl = yes\n  ssl_server_request_client_cert = yes\n  haproxy = no";
        assert_eq!(
            loaded(&format!(
                "service doveadm {{\n inet_listener a {{\n  port = 2300\n  {good}\n }}\n}}\n"
            ))
            .admin_listeners
            .len(),
            2
        );
    }

    #[test]
    fn op_01_a_port_used_twice_names_both_lines() {
        let found = errors(
            "protocols = imap\nlisten = ::\nservice imap-login {\n inet_listener a { port = 1143 }\n inet_listener b { \
             port = 1143 }\n inet_listener c { port = 143 }\n}\n",
        );
        assert!(found[0].contains("t.conf:5") && found[0].contains("t.conf:4"), "{}", found[0]);
        assert!(
            found[1].contains("t.conf:6") && found[1].contains("inet_listener imap { port = 0 }")
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn w_pp_2_haproxy_listeners_without_trusted_networks_are_pointed_out() {
        let found = warnings("service imap-login {\n inet_listener imap { haproxy = yes }\n}\n");
        assert!(found.iter().any(|line| line.contains("haproxy_trusted_networks")), "{found:?}");
    }
}
