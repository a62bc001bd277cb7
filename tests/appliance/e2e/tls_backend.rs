//! TLS towards backends: real Dovecots that prove themselves or don't, and scripted ones that lie.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use tempfile::TempDir;

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::mail::{assert_same_bytes, message};
use super::ports::{BACKENDS, free_port};
use super::transfer::append;
use super::wait::PATIENCE;

/// Dovecots that speak TLS on both of their ports.
pub(super) struct Secure {
    pub(super) pair: Pair,
    pub(super) pem: Pem,
    imaps: u16,
    _files: TempDir,
}

impl Secure {
    pub(super) fn new(names: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        // Dovecot runs as nobody.
        std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let pem = Pem::new(names);
        pem.write(files.path());
        let (directory, imaps) = (files.path().display(), free_port());
        let pair = Pair::start_with(&format!(
            "ssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\n\
             service imap-login {{\n  inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n"
        ));
        Self { pair, pem, imaps, _files: files }
    }

    /// Where they take STARTTLS, and where they begin with TLS.
    pub(super) fn ports(&self) -> (u16, u16) {
        (self.pair.port, self.imaps)
    }

    /// A Hale in front of them that trusts `pem`.
    fn hale(&self, user: &str, pem: &Pem, mode: &str, more: &str) -> Hale {
        let mut setup = Setup::with_users(&self.pair, &[user], b"secret");
        setup.secure(&Pem::new(&["mail.test"]));
        let authority = setup.path().join("authority.pem");
        std::fs::write(&authority, &pem.certificate).unwrap();
        let port = if mode == "yes" { self.imaps } else { self.pair.port };
        setup.configure(&format!(
            "ssl_client_ca_file = {}\nprotocol imap {{\n  proxy_ssl = {mode}\n  proxy_port = {port}\n}}\n{more}",
            authority.display()
        ));
        setup.start()
    }

    fn logins(&self, user: &str) -> Vec<String> {
        self.pair.backends.iter().flat_map(|backend| backend.logins(user)).collect()
    }
}

#[test]
fn w_btls_1_starttls_and_implicit_tls_with_a_verified_backend() {
    let secure = Secure::new(&["be1.test", "be2.test"]);
    for mode in ["starttls", "yes"] {
        let user = format!("btls-{mode}");
        let hale = secure.hale(&user, &secure.pem, mode, "");
        let mail = message(2_000_003, 90);
        // In clear on one side, then with TLS on both.
        let mut client = hale.session(&user, b"secret");
        append(&mut client, &mail);
        let trust = std::fs::read_to_string(hale.setup().path().join("cert.pem")).unwrap();
        let trust = Pem { certificate: trust, key: String::new() };
        let config = bridge::client_config(&trust);
        let mut client = bridge::connect(hale.tls_address(), "mail.test", &config);
        client.greeting();
        client.login(&user, b"secret");
        client.command("s", "SELECT INBOX");
        assert_same_bytes(&client.fetch("f", 1), &mail, mode);
        secure.pair.home_after(&user, 2);
        let logins = secure.logins(&user);
        assert!(logins.iter().all(|line| line.contains(", TLS")), "{mode}: {logins:?}");
    }
}

#[test]
fn tl_09_a_backend_that_cannot_prove_itself_gets_no_password_and_no_second_attempt() {
    let secure = Secure::new(&["somebody.else.test"]);
    let stranger = Pem::new(&["be1.test", "be2.test"]);
    for (trusted, what) in [(&secure.pem, "another name"), (&stranger, "issuer is not trusted")] {
        let hale = secure.hale("btls-liar", trusted, "starttls", "log_debug = yes");
        let mut client = Imap::connect(hale.address());
        client.send(&login_line("l", "btls-liar", b"secret"));
        let refusal = String::from_utf8(client.reply("l").concat()).unwrap();
        assert!(refusal.contains("l NO [SERVERBUG]"), "{refusal}");
        super::wait::wait_for("the log's word", PATIENCE, || {
            hale.said().contains(what).then_some(())
        });
        assert_eq!(hale.said().matches("proxy_dest_remote_config").count(), 2, "{}", hale.said());
    }
    assert!(secure.logins("btls-liar").is_empty());
    // An operator who says that any certificate will do gets it, by the database or for all.
    for (user, more) in [
        ("btls-any", "passdb users {\n  fields {\n    starttls = any-cert\n  }\n}"),
        ("btls-all", "ssl_client_require_valid_cert = no"),
    ] {
        let hale = secure.hale(user, &stranger, "starttls", more);
        hale.session(user, b"secret");
        secure.pair.home_of(user);
        assert!(secure.logins(user)[0].contains(", TLS"));
    }
}

/// Backends that say `greeting`, and `answer` to STARTTLS. What they heard after that comes back.
fn liars(greeting: &'static [u8], answer: &'static [u8]) -> (u16, Receiver<Vec<u8>>) {
    let port = free_port();
    let (sender, heard) = channel();
    for address in BACKENDS {
        let listener = TcpListener::bind((address, port)).unwrap();
        let sender = sender.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(greeting).unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = Vec::new();
                let _ = reader.read_until(b'\n', &mut line);
                if line.starts_with(b"S STARTTLS") {
                    stream.write_all(answer).unwrap();
                }
                let _ = reader.read_to_end(&mut line);
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    (port, heard)
}

#[test]
fn tl_07_and_tl_08_whatever_a_backend_answers_to_starttls_no_password_follows_in_clear() {
    let hello: &[u8] = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n";
    let cases: [(&[u8], &[u8]); 7] = [
        (hello, b"S OK go\r\n* OK [ALERT] injected\r\n"),
        (hello, b"S OK go\r\nL OK [CAPABILITY IMAP4rev1] injected\r\n"),
        (hello, b"S NO not now\r\n"),
        (hello, b"S BAD what\r\n"),
        (hello, b"S OK go\r\n\x15\x03\x03\x00\x02\x02\x28"),
        (b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", b""),
        (b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", b""),
    ];
    for (greeting, answer) in cases {
        let (port, heard) = liars(greeting, answer);
        let mut setup = Setup::new(port);
        setup.add_users(&["btls-lied"], b"hunter2hunter2");
        setup.configure(
            "login_proxy_max_reconnects = 0\nprotocol imap {\n  proxy_ssl = starttls\n}\nssl_client_require_valid_cert = no",
        );
        let hale = setup.start();
        let mut client = Imap::connect(hale.address());
        client.send(&login_line("l", "btls-lied", b"hunter2hunter2"));
        let refusal = String::from_utf8(client.reply("l").concat()).unwrap();
        let shown = answer.escape_ascii();
        assert!(
            refusal.starts_with("l NO [") && !refusal.contains("injected"),
            "{shown}: {refusal}"
        );
        let heard = heard.recv_timeout(PATIENCE).unwrap();
        let heard = String::from_utf8_lossy(&heard);
        for secret in ["hunter2", "btls-lied", "x-originating", "LOGIN", "AUTH"] {
            assert!(!heard.contains(secret), "{shown}: {heard}");
        }
        // The client may go on.
        client.command("n", "NOOP");
    }
}

/// How it is set up is no accident: there is no second attempt, and the operator reads why.
#[test]
fn w_btls_3_a_backend_without_tls_where_it_should_begin_is_not_tried_again() {
    let (port, heard) = liars(b"* OK I speak first, and in clear\r\n", b"");
    let mut setup = Setup::new(port);
    setup.add_users(&["btls-none"], b"secret");
    setup.configure("protocol imap {\n  proxy_ssl = yes\n}\nssl_client_require_valid_cert = no");
    let hale = setup.start();
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l", "btls-none", b"secret"));
    let refusal = String::from_utf8(client.reply("l").concat()).unwrap();
    assert!(refusal.starts_with("l NO [SERVERBUG]"), "{refusal}");
    super::wait::wait_for("the log's word", PATIENCE, || {
        let said = hale.said();
        let word = "this is not TLS, or it is damaged code=proxy_dest_remote_config";
        said.contains(word).then_some(())
    });
    heard.recv_timeout(PATIENCE).unwrap();
    assert!(heard.try_recv().is_err(), "it was tried again");
}

#[test]
fn w_btls_7_sessions_with_backends_are_resumed() {
    let secure = Secure::new(&["be1.test", "be2.test"]);
    let mut hale = secure.hale("btls-again", &secure.pem, "starttls", "data_cores = 0");
    for _ in 0..5 {
        hale.session("btls-again", b"secret").command("o", "LOGOUT");
    }
    hale.signal(rustix::process::Signal::TERM);
    assert!(hale.wait(PATIENCE).success());
    let totals = hale.said();
    let resumed = totals.split("tls_resumed=").nth(1).and_then(|rest| rest.split(' ').next());
    assert_eq!(resumed, Some("4"), "{totals}");
}

/// A backend that speaks TLS and is gone as soon as the handshake is done; behind the client's last words, or before
/// them.
fn resetting(pem: &Pem, resets: Resets) -> (u16, Receiver<()>) {
    let chain = CertificateDer::pem_slice_iter(pem.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let (config, port) = (Arc::new(config.unwrap()), free_port());
    let (sender, came) = channel();
    for address in BACKENDS {
        let listener = TcpListener::bind((address, port)).unwrap();
        let (sender, config) = (sender.clone(), Arc::clone(&config));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                while tls.is_handshaking() {
                    if tls.wants_write() {
                        tls.write_tls(&mut stream).unwrap();
                        if resets == Resets::BeforeTheLastWords {
                            break;
                        }
                    } else if !matches!(tls.read_tls(&mut stream), Ok(1..))
                        || tls.process_new_packets().is_err()
                    {
                        break;
                    }
                }
                // With nothing to linger for, closing is a reset.
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                drop(stream);
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
    }
    (port, came)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resets {
    BeforeTheLastWords,
    BehindTheLastWords,
}

#[test]
fn be_19_a_tls_backend_that_resets_at_the_end_of_the_handshake_is_one_refusal() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    for resets in [Resets::BeforeTheLastWords, Resets::BehindTheLastWords] {
        let (port, came) = resetting(&pem, resets);
        let mut setup = Setup::new(port);
        setup.add_users(&["btls-reset"], b"secret");
        let authority = setup.path().join("authority.pem");
        std::fs::write(&authority, &pem.certificate).unwrap();
        setup.configure(&format!(
            "login_proxy_max_reconnects = 2\nprotocol imap {{\n  proxy_ssl = yes\n}}\n\
             ssl_client_ca_file = {}\nlog_debug = yes",
            authority.display()
        ));
        let hale = setup.start();
        let mut client = Imap::connect(hale.address());
        client.send(&login_line("l", "btls-reset", b"secret"));
        let refusal = String::from_utf8(client.reply("l").concat()).unwrap();
        assert!(refusal.starts_with("l NO [UNAVAILABLE]"), "{resets:?}: {refusal}");
        // The first attempt and two more, like any other backend that breaks (W-FAIL-1).
        for _ in 0..3 {
            came.recv_timeout(PATIENCE).unwrap();
        }
        assert!(came.try_recv().is_err(), "{resets:?}: one attempt too many");
        // The connection is as good as before.
        client.command("n", "NOOP");
        assert!(!client.try_login("btls-reset", b"wrong"));
    }
}
