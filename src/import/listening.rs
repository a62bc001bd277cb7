//! Which protocol a port of HAProxy's carries, where it leads, and whether its clients begin with TLS. Tests: `tests/pure/import.rs`.

use super::dovecot::{Dovecot, Listener};
use super::haproxy::{Bind, HaProxy, Section, Server, Socket};
use super::{LeftOut, Weight};
use crate::config::Source;
use crate::names::Protocol;

/// Ports of mail, and whether TLS begins at once there.
const PORTS: &[(u16, Protocol, bool)] = &[
    (143, Protocol::Imap, false),
    (993, Protocol::Imap, true),
    (110, Protocol::Pop3, false),
    (995, Protocol::Pop3, true),
    (24, Protocol::Lmtp, false),
    (4190, Protocol::Sieve, false),
    (2000, Protocol::Sieve, false),
    (587, Protocol::Submission, false),
    (465, Protocol::Submission, true),
];

/// What is in the name of a section.
const WORDS: &[(&str, Protocol)] = &[
    ("imap", Protocol::Imap),
    ("pop", Protocol::Pop3),
    ("lmtp", Protocol::Lmtp),
    ("sieve", Protocol::Sieve),
    ("submission", Protocol::Submission),
    ("smtps", Protocol::Submission),
];

/// Where mail servers hand mail to each other.
pub(super) const SMTP: u16 = 25;

/// The port of a server that a client of this socket is led to.
pub(super) fn port_of(server: &Server, socket: Socket) -> u16 {
    server.port.unwrap_or(socket.port)
}

/// The protocol of a socket; none: it is no mail that Hale knows.
pub(super) fn protocol(
    section: &Section,
    socket: Socket,
    servers: &[&Server],
    listeners: &[Listener],
) -> Option<Protocol> {
    let behind = servers.first().map(|server| port_of(server, socket));
    let of_dovecot = || listeners.iter().find(|it| Some(it.port) == behind).map(|it| it.protocol);
    let of_port = |port: u16| PORTS.iter().find(|it| it.0 == port).map(|it| it.1);
    let of_name = || {
        let name = section.name.to_ascii_lowercase();
        WORDS.iter().find(|(word, _)| name.contains(word)).map(|(_, protocol)| *protocol)
    };
    if socket.port == SMTP {
        return None;
    }
    of_dovecot()
        .or_else(|| of_port(socket.port))
        .or_else(|| behind.and_then(of_port))
        .or_else(of_name)
}

/// Where TLS with clients was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Clients begin in clear.
    None,
    /// It ended in HAProxy.
    Ended,
    /// It went through HAProxy, to the server.
    Passed,
}

/// Where the TLS of a socket's clients was.
pub(super) fn tls(bind: &Bind, socket: Socket, servers: &[&Server], dovecot: &[Listener]) -> Tls {
    if bind.is_tls {
        return Tls::Ended;
    }
    let Some(server) = servers.first() else { return Tls::None };
    // HAProxy begins it itself.
    if server.options.is_tls {
        return Tls::None;
    }
    let behind = port_of(server, socket);
    let of_port = |port: u16| PORTS.iter().find(|it| it.0 == port).map(|it| it.2);
    let of_dovecot = dovecot.iter().find(|it| it.port == behind).map(|it| it.is_tls);
    let is_passed = of_dovecot.or_else(|| of_port(behind)).or_else(|| of_port(socket.port));
    if is_passed == Some(true) { Tls::Passed } else { Tls::None }
}

/// Listeners of Dovecot's whose place Hale takes: HAProxy led to them, or listens on their port now. Those that were there by default
/// only, and that HAProxy did not lead to, had no clients.
pub(super) fn replaced(dovecot: &Dovecot, led_to: &[u16], taken: &[u16]) -> Vec<Listener> {
    let mut listeners = dovecot.listeners();
    listeners.retain(|it| !it.is_written || led_to.contains(&it.port) || taken.contains(&it.port));
    listeners
}

/// The servers that a client of a socket may be led to.
pub(super) fn servers<'a>(
    balancer: &'a HaProxy,
    section: &'a Section,
    socket: Socket,
) -> Vec<&'a Server> {
    let route = section.routes.iter().find(|route| route.port == socket.port);
    let name = route.map(|it| &it.backend).or(section.default.as_ref());
    match name.and_then(|name| {
        balancer.sections.iter().find(|it| it.name == *name && it.binds.is_empty())
    }) {
        Some(backend) => backend.servers.iter().collect(),
        None => section.servers.iter().collect(),
    }
}

/// As `listen` has them.
pub(super) fn addresses(socket: Socket) -> Vec<String> {
    let all = ["*".to_owned(), "::".to_owned()];
    match (socket.address.is_unspecified(), socket.address.is_ipv4(), socket.is_dual) {
        (true, false, true) => all.to_vec(),
        (true, true, _) => all[..1].to_vec(),
        (true, false, false) => all[1..].to_vec(),
        (false, ..) => vec![socket.address.to_string()],
    }
}

/// A file's name below HAProxy's folder for such.
pub(super) fn based(file: &str, base: Option<&str>) -> String {
    match base {
        Some(base) if !file.starts_with('/') => format!("{}/{file}", base.trim_end_matches('/')),
        _ => file.to_owned(),
    }
}

/// Of a folder the file that HAProxy shows to clients that ask for no name: the first by the alphabet.
pub(super) fn first_in(
    path: String,
    bind: &Bind,
    source: &mut impl Source,
    left: &mut LeftOut,
) -> String {
    let folder = path.trim_end_matches('/');
    let mut names = source.list(std::path::Path::new(folder)).unwrap_or_default();
    names.retain(|name| {
        ![".key", ".ocsp", ".issuer", ".sctl"].iter().any(|end| name.ends_with(end))
    });
    names.sort();
    let Some((first, others)) = names.split_first() else { return path };
    if !others.is_empty() {
        let why = "certificates by names are `local_name NAME { … }` blocks with Hale: write one for each";
        left.add(Weight::Missing, &bind.line.place, others.join(", "), why);
    }
    format!("{folder}/{first}")
}
