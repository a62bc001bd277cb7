//! A Dovecot that decides, a Hale that decides, and Dovecots behind Hale that let in whoever comes.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::Asked;
use super::cases::Set;
use crate::e2e::dovecot::{Dovecot, Pair};
use crate::e2e::hale::{Hale, Setup};
use crate::e2e::ports::{FRONT, free_port};

/// Where the Dovecot that is asked listens.
const OTHER_FRONT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

pub(super) struct Stage {
    dovecot: Dovecot,
    hale: Hale,
    pair: Pair,
    ports: [u16; 3],
    _files: TempDir,
}

impl Stage {
    pub(super) fn start(set: &Set) -> Self {
        let files = tempfile::Builder::new().prefix("hale-verdicts-").tempdir().unwrap();
        // Dovecot runs as another user than the test.
        fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
        for (name, text) in &set.files {
            fs::write(files.path().join(name), text).unwrap();
        }
        let passdbs = set.configuration.replace("@FILES@", files.path().to_str().unwrap());
        let dovecot = Dovecot::alone(OTHER_FRONT, [(); 4].map(|()| free_port()), &passdbs);
        // Nothing but the verdict is Hale's: whoever it lets in is let in.
        let pair = Pair::start_with(
            "protocols = imap pop3 sieve\nauth_username_chars =\nauth_username_format =\n\
             login_log_format_elements = user=<%u> rport=%{rport} method=%m\n\
             passdb {\n driver = static\n args = nopassword=y\n master = yes\n}\n\
             passdb {\n driver = static\n args = nopassword=y\n}\n",
        );
        let (hale, ports) = start_hale(&pair, &passdbs);
        Self { dovecot, hale, pair, ports, _files: files }
    }

    pub(super) fn authentication(&self) -> PathBuf {
        self.dovecot.configuration().with_file_name("run/auth-client")
    }

    /// Where Hale waits for a PROXY header.
    pub(super) fn hale(&self, asked: Asked) -> SocketAddr {
        let [imap, pop3, sieve] = self.ports;
        let port = match asked {
            Asked::Imap => imap,
            Asked::Pop3 => pop3,
            Asked::Sieve => sieve,
        };
        (FRONT, port).into()
    }

    /// The users that the backends have seen come in.
    pub(super) fn logins_behind_hale(&self) -> String {
        self.pair.backends.iter().map(Dovecot::log).collect()
    }

    pub(super) fn log(&self) -> String {
        format!("{}\n{}", self.dovecot.log(), self.hale.said())
    }
}

fn start_hale(pair: &Pair, passdbs: &str) -> (Hale, [u16; 3]) {
    let mut setup = Setup::new(pair.port);
    let ports = [setup.haproxy_port, free_port(), free_port()];
    let [_, pop3, sieve] = ports;
    setup.configure(&format!(
        "protocols = imap pop3 sieve\nauth_failure_delay = 0\nlogin_trusted_networks =\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {pop3}\n haproxy = yes\n }}\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
         service managesieve-login {{\n inet_listener sieve {{\n port = {sieve}\n haproxy = yes\n }}\n}}\n\
         protocol pop3 {{\n proxy_port = {}\n}}\nprotocol sieve {{\n proxy_port = {}\n}}\n{passdbs}",
        pair.pop3_port, pair.sieve_port
    ));
    (setup.start(), ports)
}
