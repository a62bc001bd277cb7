//! A whole site: all five protocols in clear, behind a PROXY header and by TLS, in front of Dovecots that serve all five
//! and of a relay that takes what users send.

use std::net::SocketAddr;
use std::path::PathBuf;

use hale::names::Protocol;

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::smtp_relay::SmtpRelay;
use super::transfer::append;

/// The name that the certificate has and that clients ask for; it resolves without a name server.
pub(crate) const NAME: &str = "localhost";
pub(crate) const PASSWORD: &str = "secret";

/// How a client comes to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// By STARTTLS or STLS on the plain port.
    Starttls,
    /// From the first byte on, on a port of its own.
    Implicit,
}

pub(crate) const DOORS: [Door; 2] = [Door::Starttls, Door::Implicit];

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) hale: Hale,
    pub(crate) pair: Pair,
    pub(crate) relay: SmtpRelay,
    pub(crate) pem: Pem,
    /// Where the backends serve Submission.
    pub(crate) submission_port: u16,
    ports: [Ports; Protocol::ALL.len()],
}

/// Where Hale serves one protocol.
#[derive(Clone, Copy, Debug)]
struct Ports {
    clear: u16,
    /// A PROXY header comes first.
    haproxy: u16,
    /// TLS comes first.
    tls: u16,
}

impl Site {
    /// With these users, whose password is [`PASSWORD`], and more lines of Hale's configuration.
    pub(crate) fn start(users: &[&str], configuration: &str) -> Self {
        Self::start_behind(users, configuration, "")
    }

    /// The same, with more lines of the backends' configuration.
    pub(crate) fn start_behind(users: &[&str], configuration: &str, theirs: &str) -> Self {
        let relay = SmtpRelay::start();
        let backend_ports = [(); 2].map(|()| free_port());
        let pair = Pair::start_with(&(backend_configuration(&relay, backend_ports) + theirs));
        let mut setup = Setup::with_users(&pair, users, PASSWORD.as_bytes());
        let pem = Pem::new(&[NAME, "mail.test"]);
        pem.write(setup.path());
        let directory = setup.path().display().to_string();
        setup.configure(&format!(
            "protocols = imap pop3 lmtp sieve submission\nhostname = hale.test\nssl = yes\n\
             ssl_server_cert_file = {directory}/cert.pem\nssl_server_key_file = {directory}/key.pem"
        ));
        let mut ports =
            [(); 5].map(|()| Ports { clear: free_port(), haproxy: free_port(), tls: free_port() });
        // Those of IMAP are known by more than this file.
        ports[0].clear = setup.port;
        ports[0].haproxy = setup.haproxy_port;
        let [submission, lmtp] = backend_ports;
        let their_ports = [pair.port, pair.pop3_port, lmtp, pair.sieve_port, submission];
        for ((protocol, ports), backend) in Protocol::ALL.iter().zip(&ports).zip(their_ports) {
            setup.configure(&service(*protocol, *ports, backend));
        }
        setup.configure(configuration);
        Self { hale: setup.start(), pair, relay, pem, submission_port: submission, ports }
    }

    pub(crate) fn clear(&self, protocol: Protocol) -> SocketAddr {
        (FRONT, self.ports_of(protocol).clear).into()
    }

    pub(crate) fn haproxy(&self, protocol: Protocol) -> SocketAddr {
        (FRONT, self.ports_of(protocol).haproxy).into()
    }

    pub(crate) fn tls(&self, protocol: Protocol) -> SocketAddr {
        (FRONT, self.ports_of(protocol).tls).into()
    }

    /// Where a client comes in by this door.
    pub(crate) fn port(&self, protocol: Protocol, door: Door) -> u16 {
        match door {
            Door::Starttls => self.ports_of(protocol).clear,
            Door::Implicit => self.ports_of(protocol).tls,
        }
    }

    /// The file with what clients have to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.hale.setup().path().join("cert.pem")
    }

    /// Puts messages into a user's mailbox, through Hale, by TLS.
    pub(crate) fn fill(&self, user: &str, mails: &[Vec<u8>]) {
        let mut client = self.imap(user);
        for mail in mails {
            append(&mut client, mail);
        }
        client.command("o", "LOGOUT");
    }

    /// A session by TLS.
    pub(crate) fn imap(&self, user: &str) -> Imap {
        let config = bridge::client_config(&self.pem);
        let mut client = bridge::connect(self.tls(Protocol::Imap), NAME, &config);
        client.greeting();
        client.login(user, PASSWORD.as_bytes());
        client
    }

    fn ports_of(&self, protocol: Protocol) -> Ports {
        let at = Protocol::ALL.iter().position(|other| *other == protocol).unwrap();
        self.ports[at]
    }
}

/// What Dovecot serves besides what it always does.
pub(crate) fn backend_configuration(relay: &SmtpRelay, [submission, lmtp]: [u16; 2]) -> String {
    format!(
        "protocols = imap pop3 sieve submission lmtp\nhostname = backend.test\n\
         submission_relay_host = {}\nsubmission_relay_port = {}\n\
         service submission-login {{\n  chroot =\n  inet_listener submission {{\n    port = {submission}\n  }}\n  \
           inet_listener submissions {{\n    port = 0\n  }}\n}}\n\
         service lmtp {{\n  user =\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n\
         protocol lmtp {{\n  postmaster_address = postmaster@example.org\n}}\n",
        relay.address().ip(),
        relay.address().port(),
    )
}

/// The listeners of one protocol, none of them one of Dovecot's default, and the backends' port.
fn service(protocol: Protocol, ports: Ports, backend: u16) -> String {
    let Ports { clear, haproxy, tls } = ports;
    let unused: &[&str] = match protocol {
        Protocol::Imap => &["imap", "imap_haproxy", "imaps"],
        Protocol::Pop3 => &["pop3", "pop3s"],
        Protocol::Lmtp => &[],
        Protocol::Sieve => &["sieve"],
        Protocol::Submission => &["submission", "submissions"],
    };
    let mut listeners: String = unused
        .iter()
        .map(|name| format!("  inet_listener {name} {{\n    port = 0\n  }}\n"))
        .collect();
    let mut add = |name: &str, port: u16, more: &str| {
        listeners += &format!("  inet_listener {name} {{\n    port = {port}\n    {more}\n  }}\n");
    };
    add("in_clear", clear, "");
    add("behind_header", haproxy, "haproxy = yes");
    add("by_tls", tls, "ssl = yes");
    let (service, name) = (protocol.service_name(), protocol.name());
    format!(
        "service {service} {{\n{listeners}}}\nprotocol {name} {{\n  proxy_port = {backend}\n}}\n"
    )
}
