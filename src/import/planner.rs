//! HAProxy's sections, and Dovecot's director, to the plan. Tests: `tests/pure/import.rs`.

use super::dovecot::{Dovecot, Listener as Theirs};
use super::haproxy::{Bind, HaProxy, Line, Section, Server, Socket};
use super::listening::{self, SMTP, Tls, addresses, based, first_in, servers};
use super::plan::{CERTIFICATES, Certificate, Listener, Plan, Towards, Way};
use super::{Backend, LeftOut, Weight};
use crate::config::Source;
use crate::config::raw::Entry;
use crate::names::Protocol;

/// Makes the plan.
pub(super) fn of(
    balancers: &[HaProxy],
    dovecot: &Dovecot,
    source: &mut impl Source,
    left: &mut LeftOut,
) -> Plan {
    let mut planner = Planner {
        plan: Plan { is_balanced: !balancers.is_empty(), ..Plan::default() },
        theirs: dovecot.listeners(),
        is_proxy: dovecot.is_proxy(),
        led_to: Vec::new(),
        has_certificate: dovecot.sets(CERTIFICATES),
        is_starttls_told: dovecot.sets(CERTIFICATES),
    };
    for balancer in balancers {
        for section in &balancer.sections {
            planner.section(balancer, section, source, left);
        }
        planner.globals(balancer, left);
    }
    for (entry, host) in dovecot.directed() {
        planner.directed(entry, &host, left);
    }
    let taken: Vec<u16> = planner.plan.listeners.iter().map(|it| it.port).collect();
    let mut plan = planner.plan;
    if plan.is_balanced {
        plan.replaced = listening::replaced(dovecot, &planner.led_to, &taken);
    }
    let stay = dovecot.listeners().into_iter().filter(|it| !plan.replaced.contains(it));
    plan.takes_header = plan.listeners.iter().any(|it| it.takes_header)
        || stay.into_iter().any(|it| it.takes_header);
    plan
}

struct Planner {
    plan: Plan,
    theirs: Vec<Theirs>,
    is_proxy: bool,
    /// Ports of servers.
    led_to: Vec<u16>,
    /// Dovecot's file has a certificate.
    has_certificate: bool,
    is_starttls_told: bool,
}

impl Planner {
    fn section(
        &mut self,
        balancer: &HaProxy,
        section: &Section,
        source: &mut impl Source,
        left: &mut LeftOut,
    ) {
        let mut protocols = Vec::new();
        for bind in &section.binds {
            for socket in &bind.sockets {
                if let Some(protocol) = self.socket(balancer, section, bind, *socket, left) {
                    self.certificate(balancer, bind, protocol, source, left);
                    protocols.push(protocol);
                }
            }
        }
        let lines = section.expected.iter();
        let networks =
            lines.flat_map(|(line, networks)| networks.iter().map(|it| (it.clone(), line.clone())));
        self.plan.trusted.extend(networks);
        protocols.dedup();
        self.idle(section, &protocols, left);
        if let Some((line, from)) = &section.from {
            self.from(line, from, left);
        }
    }

    fn socket(
        &mut self,
        balancer: &HaProxy,
        section: &Section,
        bind: &Bind,
        socket: Socket,
        left: &mut LeftOut,
    ) -> Option<Protocol> {
        let shown = format!("{} of {}", bind.line.shown(), section.head.shown());
        let servers = servers(balancer, section, socket);
        if servers.is_empty() {
            let why = "no server stands behind it";
            left.add(Weight::Missing, &bind.line.place, shown, why);
            return None;
        }
        let Some(protocol) = listening::protocol(section, socket, &servers, &self.theirs) else {
            let why = match socket.port {
                SMTP => {
                    "Hale takes no mail from other servers: leave port 25 to HAProxy or the mail servers themselves"
                }
                _ => "it is no mail protocol that Hale speaks: leave it to HAProxy",
            };
            left.add(Weight::Missing, &bind.line.place, shown, why);
            return None;
        };
        self.led_to.extend(servers.iter().map(|it| listening::port_of(it, socket)));
        let tls = listening::tls(bind, socket, &servers, &self.theirs);
        let listener = Listener {
            protocol,
            section: section.name.clone(),
            addresses: addresses(socket),
            port: socket.port,
            tls,
            takes_header: bind.takes_header,
            asks: bind.asks,
            connections_max: match bind.connections_max {
                Some(most) => Some((bind.line.clone(), most)),
                None => section.connections_max.clone(),
            },
            rate: section.rate.clone(),
            line: bind.line.clone(),
        };
        self.listen(listener, left);
        if self.is_proxy {
            let why = "Hale takes the place of these proxies, too";
            for server in servers {
                left.add(Weight::Needless, &server.line.place, server.line.shown(), why);
            }
        } else {
            self.backends(protocol, socket, tls, &servers, left);
        }
        Some(protocol)
    }

    fn listen(&mut self, listener: Listener, left: &mut LeftOut) {
        if listener.tls == Tls::None
            && listener.protocol != Protocol::Lmtp
            && !self.is_starttls_told
        {
            self.is_starttls_told = true;
            let why = "STARTTLS of clients went through to the servers, and ends in Hale now: name their certificate by \
                       `ssl_server_cert_file` and `ssl_server_key_file`, unless one stands above, and say `proxy_ssl = starttls` towards backends that have it";
            left.add(Weight::Missing, &listener.line.place, listener.line.shown(), why);
        }
        let is_like = |it: &&mut Listener| {
            it.protocol == listener.protocol
                && it.port == listener.port
                && it.section == listener.section
                && (it.tls, it.takes_header, it.asks)
                    == (listener.tls, listener.takes_header, listener.asks)
        };
        match self.plan.listeners.iter_mut().find(is_like) {
            Some(known) => {
                let new = listener.addresses.into_iter().filter(|it| !known.addresses.contains(it));
                let new: Vec<String> = new.collect();
                known.addresses.extend(new);
            }
            None => self.plan.listeners.push(listener),
        }
    }

    /// HAProxy's certificate for a protocol, one file for all.
    fn certificate(
        &mut self,
        balancer: &HaProxy,
        bind: &Bind,
        protocol: Protocol,
        source: &mut impl Source,
        left: &mut LeftOut,
    ) {
        let Some(named) = &bind.certificate else { return };
        let file = based(named, balancer.global.certificates_base.as_deref());
        let file = first_in(file, bind, source, left);
        let authorities = bind.authorities.as_ref();
        let authorities =
            authorities.map(|it| based(it, balancer.global.authorities_base.as_deref()));
        let mut known = self.plan.certificates.iter().filter(|it| it.protocol == protocol);
        match known.next() {
            None => self.plan.certificates.push(Certificate {
                protocol,
                file,
                authorities,
                has_crl: bind.has_crl,
                line: bind.line.clone(),
            }),
            Some(other) if other.file != file => {
                let why = format!(
                    "listeners of one protocol have one certificate, {}: further ones are `local_name NAME {{ … }}` blocks",
                    other.file
                );
                left.add(Weight::Missing, &bind.line.place, format!("crt {file}"), why);
            }
            Some(_) => {}
        }
    }

    fn backends(
        &mut self,
        protocol: Protocol,
        socket: Socket,
        tls: Tls,
        servers: &[&Server],
        left: &mut LeftOut,
    ) {
        let heaviest = servers.iter().filter_map(|it| it.options.weight).max().unwrap_or(1).max(1);
        for server in servers {
            let options = &server.options;
            self.way(
                Way {
                    protocol,
                    port: listening::port_of(server, socket),
                    tls: self.towards(protocol, server, tls, left),
                    is_unverified: options.is_tls && options.is_unverified,
                    authorities: options.authorities.clone().filter(|it| !it.starts_with('@')),
                    header: options.header,
                    line: server.line.clone(),
                },
                left,
            );
            let weight = options.weight.unwrap_or(1).min(heaviest);
            let load_factor = weight.saturating_mul(100).div_ceil(heaviest);
            let (is_spare, is_out) = (options.is_spare, options.is_out);
            self.backend(&server.host, &server.name, load_factor, is_spare, is_out);
            if let Some(from) = &options.from {
                self.from(&server.line, from, left);
            }
            if options.connections_max.is_some() {
                let why = "see `backend_connections_max`, which counts a backend's connections of all protocols";
                left.add(Weight::Different, &server.line.place, "maxconn of a server", why);
            }
        }
        // Once is enough.
        let is_told = left.0.iter().any(|it| it.what == CHECKS);
        if let Some(server) = servers.iter().find(|it| it.options.is_checked && !is_told) {
            let why = "Hale probes by logging in: set `cluster_backend_test_username` and `cluster_backend_test_password`, and make \
                       that user on every backend";
            left.add(Weight::Different, &server.line.place, CHECKS, why);
        }
    }

    /// What went through HAProxy in TLS goes on in TLS.
    fn towards(
        &self,
        protocol: Protocol,
        server: &Server,
        tls: Tls,
        left: &mut LeftOut,
    ) -> Towards {
        if server.options.is_tls || tls == Tls::Passed {
            return Towards::AtOnce;
        }
        if tls == Tls::Ended || protocol == Protocol::Lmtp || !self.has_certificate {
            return Towards::None;
        }
        if left.0.iter().all(|it| it.what != STARTTLS) {
            let why = "it went through HAProxy; Hale says it to the servers itself (`proxy_ssl = starttls`), who have to show a certificate for \
                       their names, or one that `ssl_client_ca_file` has";
            left.add(Weight::Different, &server.line.place, STARTTLS, why);
        }
        Towards::StartTls
    }

    fn way(&mut self, way: Way, left: &mut LeftOut) {
        let known = self.plan.ways.iter().find(|it| it.protocol == way.protocol);
        let is_other = known.is_some_and(|it| (it.port, it.tls) != (way.port, way.tls));
        if is_other {
            let why = "Hale reaches all backends by one port for each protocol, by TLS if there is such a way: see `proxy_port` and `proxy_ssl`";
            left.add(Weight::Different, &way.line.place, way.line.shown(), why);
        }
        if known.is_none() || is_other {
            self.plan.ways.push(way);
        }
    }

    /// The same host under another name or for another protocol is the same backend.
    fn backend(&mut self, host: &str, name: &str, load_factor: u32, is_spare: bool, is_out: bool) {
        let is_it = |it: &Backend| it.host == host || it.address.as_deref() == Some(host);
        if self.plan.backends.iter().any(is_it) {
            return;
        }
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        let (host, address) = match is_address {
            true => (self.free_name(name), Some(host.to_owned())),
            false => (host.to_owned(), None),
        };
        self.plan.backends.push(Backend { host, address, load_factor, is_spare, is_out });
    }

    /// A host name made of what a server is called.
    fn free_name(&self, name: &str) -> String {
        let legal = |it: char| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' };
        let name: String = name.to_ascii_lowercase().chars().map(legal).collect();
        let name = name.trim_matches(['-', '.']);
        let name = if name.is_empty() || name.parse::<std::net::IpAddr>().is_ok() {
            "backend"
        } else {
            name
        };
        let is_taken = |name: &str| self.plan.backends.iter().any(|it| it.host == name);
        let others = (2_u32..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(others);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// Hosts of Dovecot's director; a range of addresses is taken apart.
    fn directed(&mut self, entry: &Entry, text: &str, left: &mut LeftOut) {
        let Some((first, last)) = text.split_once('-') else {
            return self.backend(text, "backend-1", 100, false, false);
        };
        let parsed = (first.parse::<std::net::Ipv4Addr>(), last.parse::<std::net::Ipv4Addr>());
        let (Ok(first), Ok(last)) = parsed else {
            // A name with a hyphen.
            return self.backend(text, "backend-1", 100, false, false);
        };
        let range = u32::from(first)..=u32::from(last);
        if range.clone().count() > DIRECTED_MAX {
            let why = "too many backends for one range: add them by `hale cluster backend add`";
            return left.add(Weight::Missing, &entry.place, text, why);
        }
        for address in range {
            let address = std::net::Ipv4Addr::from(address).to_string();
            self.backend(&address, "backend-1", 100, false, false);
        }
    }

    /// How long a session may be silent. Less than IMAP needs breaks IDLE, and is not carried over.
    fn idle(&mut self, section: &Section, protocols: &[Protocol], left: &mut LeftOut) {
        if protocols.is_empty() {
            return;
        }
        let tunnel = section.idle.iter().find(|(line, _)| line.word(1) == "tunnel");
        let shortest = section.idle.iter().min_by_key(|(_, time)| *time);
        let Some((line, time)) = tunnel.or(shortest) else { return };
        if *time >= IDLE_MIN_MS {
            let logged_in = protocols.iter().filter(|it| **it != Protocol::Lmtp);
            self.plan.idle.extend(logged_in.map(|it| (*it, *time, line.clone())));
            return;
        }
        let why = "IMAP clients may be silent for 29 minutes: `relay_idle_timeout` stays at 31 minutes, and 11 for POP3 and Submission";
        for (line, _) in &section.idle {
            left.add(Weight::Different, &line.place, line.shown(), why);
        }
    }

    fn from(&mut self, line: &Line, from: &str, left: &mut LeftOut) {
        if from.parse::<std::net::IpAddr>().is_ok_and(|it| !it.is_unspecified()) {
            let known = self.plan.settings.iter_mut().find(|it| it.0 == "login_source_ips");
            match known {
                Some((_, text, _)) if text.split(' ').all(|it| it != from) => {
                    text.push(' ');
                    text.push_str(from);
                }
                Some(_) => {}
                None => {
                    self.plan.settings.push(("login_source_ips", from.to_owned(), line.clone()));
                }
            }
            return;
        }
        let why = "backends are told the client's address by ID and XCLIENT (their `login_trusted_networks`), or by `proxy_send_header`";
        left.add(Weight::Different, &line.place, "source", why);
    }

    fn globals(&mut self, balancer: &HaProxy, left: &mut LeftOut) {
        let global = &balancer.global;
        let texts = [
            ("ssl_server_cipher_list", &global.ciphers),
            ("ssl_server_cipher_suites", &global.suites),
            ("ssl_server_curve_list", &global.curves),
        ];
        let ends_tls = self.plan.listeners.iter().any(|it| it.tls == Tls::Ended);
        for (name, found) in texts {
            if let (Some((line, text)), true) = (found, ends_tls) {
                self.plan.settings.push((name, text.clone(), line.clone()));
            }
        }
        let of_binds = balancer.sections.iter().flat_map(|it| &it.binds);
        for bind in of_binds {
            for (name, text) in [
                ("ssl_server_cipher_list", &bind.ciphers),
                ("ssl_server_cipher_suites", &bind.suites),
            ] {
                if let Some(text) = text
                    && self.plan.settings.iter().all(|it| it.0 != name)
                {
                    self.plan.settings.push((name, text.clone(), bind.line.clone()));
                }
            }
        }
        let of_binds = balancer.sections.iter().flat_map(|it| &it.binds);
        let of_binds = of_binds.filter_map(|it| Some((it.line.clone(), it.oldest.clone()?)));
        let oldest: Vec<(Line, String)> = global.oldest.iter().cloned().chain(of_binds).collect();
        for (line, version) in oldest {
            match &*version {
                "TLSv1.3"
                    if ends_tls
                        && self
                            .plan
                            .settings
                            .iter()
                            .all(|it| it.0 != "ssl_server_min_protocol") =>
                {
                    self.plan.settings.push(("ssl_server_min_protocol", version, line));
                }
                "TLSv1.2" | "TLSv1.3" => {}
                older => {
                    let why = "Hale speaks TLS 1.2 and 1.3 only";
                    left.add(Weight::Different, &line.place, format!("ssl-min-ver {older}"), why);
                }
            }
        }
    }
}

/// Half a minute more than IMAP clients may be silent.
const IDLE_MIN_MS: u64 = 30 * 60 * 1000;
/// Hosts of one range.
const DIRECTED_MAX: usize = 256;
/// What is told of them.
const CHECKS: &str = "health checks";
const STARTTLS: &str = "STARTTLS";
