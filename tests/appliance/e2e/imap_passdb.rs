//! Another IMAP server says whose password is good: a real Dovecot, by each way to TLS, for logins that the same Dovecot serves then.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::certificate::Pem;
use super::dovecot::{Dovecot, Pair};
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::ports::{FRONT, free_port};

/// The name in its certificate.
const NAME: &str = "localhost";

#[test]
fn another_imap_server_decides() {
    let files = tempfile::tempdir().unwrap();
    // Dovecot runs as nobody.
    std::fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
    let pem = Pem::new(&[NAME]);
    pem.write(files.path());
    let directory = files.path().display();
    let [port, imaps] = [(); 2].map(|()| free_port());
    let decider = Dovecot::alone(
        FRONT,
        [port, free_port(), free_port(), free_port()],
        &format!(
            "ssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\n\
             service imap-login {{\n  inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n"
        ),
    );
    let pair = Pair::shared();
    pair.add_users(&["imap-ann"], b"secret");
    decider.add_users(&["imap-ann"], b"secret");
    let ways = [
        format!("passdb {{\n driver = imap\n args = host=127.0.0.1 port={port}\n}}\n"),
        format!("passdb {{\n driver = imap\n args = host={NAME} port={port} ssl=starttls\n}}\n"),
        format!(
            "passdb imap {{\n imapc_host = {NAME}\n imapc_port = {imaps}\n imapc_ssl = imaps\n}}\n"
        ),
    ];
    for way in &ways {
        let hale = start(pair, &format!("ssl_client_ca_file = {directory}/cert.pem\n{way}"));
        assert!(log_in(&hale, "imap-ann", "secret").starts_with("l1 OK"), "{way}\n{}", hale.said());
        for (user, password) in [("imap-ann", "wrong"), ("nobody", "secret")] {
            let said = log_in(&hale, user, password);
            assert!(said.starts_with("l1 NO [AUTHENTICATIONFAILED]"), "{way} {user}: {said}");
        }
    }
}

fn start(pair: &Pair, more: &str) -> Hale {
    let mut setup = Setup::new(pair.port);
    setup.configure(&format!("auth_failure_delay = 0\nauth_cache_size = 1M\n{more}"));
    setup.start()
}

fn log_in(hale: &Hale, user: &str, password: &str) -> String {
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l1", user, password.as_bytes()));
    let reply = client.reply("l1");
    String::from_utf8_lossy(reply.last().unwrap()).into_owned()
}
