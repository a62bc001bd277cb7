//! TLS in the other protocols: the same engine, each with its own command and its own way to go on.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::ClientConfig;

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::tools::{CURL, run};

const NAME: &str = "mail.test";

/// A client of any line protocol, behind its command for TLS.
fn starttls(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    greeting: &[u8],
    command: &[u8],
    answer: &[u8],
) -> Imap {
    let mut clear = Imap::open(std::net::TcpStream::connect(address).unwrap());
    until(&mut clear, greeting);
    clear.send(command);
    until(&mut clear, answer);
    bridge::wrap(clear.stream().try_clone().unwrap(), NAME, config)
}

/// Lines up to and with the one that begins so.
fn until(client: &mut Imap, start: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![client.line()];
    while !lines.last().unwrap().starts_with(start) {
        lines.push(client.line());
    }
    lines
}

fn has(lines: &[Vec<u8>], word: &str) -> bool {
    lines.iter().any(|line| String::from_utf8_lossy(line).contains(word))
}

#[test]
fn w_stls_3_pop3_and_sieve_with_tls_on_both_sides() {
    let files = tempfile::tempdir().unwrap();
    // Dovecot runs as nobody.
    std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let backend = Pem::new(&["be1.test", "be2.test"]);
    backend.write(files.path());
    let directory = files.path().display();
    let pair = Pair::start_with(&format!(
        "ssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\n"
    ));
    let front = Pem::new(&[NAME]);
    let mut setup = Setup::with_users(&pair, &["tls-others"], b"secret");
    let (pop3s, submission) = (free_port(), free_port());
    setup.secure(&front);
    let addresses = setup.serve_pop3_and_sieve(&pair);
    setup.configure(&format!(
        "protocols = imap pop3 sieve submission\nssl = required\nlogin_trusted_networks =\nssl_client_ca_file = {directory}/cert.pem\n\
         service pop3-login {{\n  inet_listener pop3s {{\n    port = {pop3s}\n    ssl = yes\n  }}\n}}\n\
         service submission-login {{\n  inet_listener submission {{\n    port = {submission}\n  }}\n\
           inet_listener submissions {{\n    port = 0\n  }}\n}}\n\
         protocol pop3 {{\n  proxy_ssl = starttls\n}}\nprotocol sieve {{\n  proxy_ssl = starttls\n}}"
    ));
    let hale = setup.start();
    let config = bridge::client_config(&front);

    let mut pop3 = starttls(addresses.pop3, &config, b"+OK", b"STLS\r\n", b"+OK");
    pop3.send(b"CAPA\r\n");
    assert!(!has(&until(&mut pop3, b"."), "STLS"));
    pop3.send(b"USER tls-others\r\nPASS secret\r\n");
    until(&mut pop3, b"+OK");
    until(&mut pop3, b"+OK");
    pop3.send(b"STAT\r\n");
    until(&mut pop3, b"+OK 0");

    let mut curl = CURL.command();
    curl.args(["--silent", "--show-error", "--user", "tls-others:secret", "--max-time", "60"]);
    curl.args(["--resolve", &format!("{NAME}:{pop3s}:127.0.0.1"), "--cacert"]);
    curl.arg(hale.setup().path().join("cert.pem")).arg(format!("pop3s://{NAME}:{pop3s}/"));
    run(&mut curl);

    // The list comes again, unasked, and other than before.
    let mut sieve = starttls(addresses.sieve, &config, b"OK", b"STARTTLS\r\n", b"OK");
    let list = until(&mut sieve, b"OK");
    assert!(has(&list, "PLAIN") && !has(&list, "STARTTLS"), "{list:?}");
    sieve.send(b"AUTHENTICATE \"PLAIN\" \"AHRscy1vdGhlcnMAc2VjcmV0\"\r\n");
    until(&mut sieve, b"OK");
    sieve.send(b"LISTSCRIPTS\r\n");
    until(&mut sieve, b"OK");

    let address = SocketAddr::from((FRONT, submission));
    let mut smtp = starttls(address, &config, b"220", b"EHLO me\r\nSTARTTLS\r\n", b"220");
    // Everything is forgotten, EHLO too.
    smtp.send(b"MAIL FROM:<a@b>\r\n");
    until(&mut smtp, b"5");
    smtp.send(b"EHLO me\r\n");
    let list = until(&mut smtp, b"250 ");
    assert!(has(&list, "AUTH") && !has(&list, "STARTTLS"), "{list:?}");
    let logs: String = pair.backends.iter().map(super::dovecot::Dovecot::log).collect();
    for line in logs.lines().filter(|line| line.contains("Login: user=<tls-others>")) {
        assert!(line.contains(", TLS"), "{line}");
    }
}
