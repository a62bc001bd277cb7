//! How Hale shows itself to backends: with a PROXY header, from an address of the pool.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::channel;
use std::thread;

use super::certificate::Pem;
use super::dovecot::{Pair, login_line};
use super::hale::Setup;
use super::imap::{self, Imap};
use super::lmtp::{Lmtp, Stage};
use super::ports::{BACKENDS, FRONT, free_port};
use super::wait::PATIENCE;

/// Dovecot's listener drops a peer that does not begin with a header.
#[test]
fn w_ppo_1_a_backend_that_demands_a_proxy_header_learns_the_clients_address() {
    let pair = Pair::shared();
    for (version, last) in [("v1", 41), ("v2", 42)] {
        let user = format!("announced-{version}");
        pair.add_user(&user, b"secret");
        let mut setup = Setup::new(pair.haproxy_port);
        setup.add_users(&[&user], b"secret");
        setup.configure(&format!("protocol imap {{\n  proxy_send_header = {version}\n}}"));
        let hale = setup.start();
        let client_address = Ipv4Addr::new(127, 0, 0, last);
        let mut client = Imap::open_from(client_address, hale.address());
        client.greeting();
        client.login(&user, b"secret");
        client.command("n", "NOOP");
        let line = login_line(pair, &user);
        assert!(line.contains(&format!("rip={client_address},")), "{line}");
    }
}

#[test]
fn login_source_ips_are_used_in_turn() {
    let pool = [Ipv4Addr::new(127, 0, 9, 1), Ipv4Addr::new(127, 0, 9, 2)];
    let port = free_port();
    // Both stand where the user may be at home; only one is asked.
    let backends = BACKENDS.map(|address| TcpListener::bind((address, port)).unwrap());
    let mut setup = Setup::new(port);
    setup.add_users(&["sourced"], b"secret");
    setup.configure("login_source_ips = 127.0.9.1 127.0.9.2\nlogin_proxy_max_reconnects = 0");
    let hale = setup.start();
    let mut seen = BTreeSet::new();
    thread::scope(|scope| {
        let (sender, peers) = channel();
        for backend in &backends {
            let sender = sender.clone();
            let backend = backend.try_clone().unwrap();
            // Ends with the process at the latest: a listener that no peer connects to waits for ever.
            thread::spawn(move || {
                while let Ok((stream, peer)) = backend.accept() {
                    if sender.send((stream, peer.ip())).is_err() {
                        return;
                    }
                }
            });
        }
        for _ in 0..4 {
            let hale = &hale;
            scope.spawn(move || {
                let mut client = Imap::connect(hale.address());
                client.send(&imap::login_line("l", "sourced", b"secret"));
                // The backend closes without a word; the answer is a failure.
                client.reply("l");
            });
        }
        // Four logins, four connects.
        for _ in 0..4 {
            let (_stream, peer) = peers.recv_timeout(PATIENCE).unwrap();
            seen.insert(peer);
        }
    });
    assert_eq!(seen, pool.map(IpAddr::V4).into_iter().collect(), "where connects came from");
}

#[test]
fn w_ppo_3_lmtp_backends_that_demand_a_proxy_header_get_it_before_tls() {
    for (mode, implicit) in [("no", "no"), ("starttls", "no"), ("yes", "yes")] {
        for version in ["v1", "v2"] {
            let pem = Pem::new(&["be1.test", "be2.test"]);
            let files = tempfile::tempdir().unwrap();
            std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
            pem.write(files.path());
            let (directory, announced) = (files.path().display(), free_port());
            // Dovecot's listener drops a peer that does not begin with a header.
            let dovecot = format!(
                "ssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\nservice lmtp {{\n  \
                 inet_listener announced {{\n    port = {announced}\n    haproxy = yes\n    ssl = {implicit}\n  }}\n}}\n"
            );
            let stage = Stage::with(1, &dovecot, |setup| {
                setup.configure(&format!(
                    "ssl_client_ca_file = {directory}/cert.pem\nlogin_trusted_networks =\nprotocol lmtp {{\n  proxy_port = {announced}\n  \
                     proxy_send_header = {version}\n  proxy_ssl = {mode}\n}}"
                ));
                // Not by XCLIENT: what the backend knows of the client it has from the header.
                setup.configure("passdb users {\n  fields {\n    proxy_not_trusted = yes\n  }\n}");
            });
            let source = Ipv4Addr::new(127, 0, 0, 57);
            let stream = Imap::open_from(source, (FRONT, stage.port).into());
            let mut client = Lmtp::greeted(stream.stream().try_clone().unwrap());
            client.command("LHLO mx.example", 250);
            client.envelope(&["mail-0"]);
            assert_eq!(client.data(b"Subject: x\r\n\r\n", 1), [250]);
            let mails = stage.mails(stage.home("mail-0"), "mail-0");
            let mail = String::from_utf8_lossy(&mails[0]);
            assert!(mail.contains(&format!("([{source}])")), "{mode} {version}: {mail}");
            assert_eq!(mail.contains("using TLSv1.3"), mode != "no", "{mode} {version}: {mail}");
        }
    }
}

#[test]
fn login_source_ips_are_used_in_lmtp_too() {
    let port = free_port();
    let (sender, peers) = channel();
    for address in BACKENDS {
        let listener = TcpListener::bind((address, port)).unwrap();
        let sender = sender.clone();
        // Closes without a word; ends with the process at the latest.
        thread::spawn(move || {
            while let Ok((_, peer)) = listener.accept() {
                if sender.send(peer.ip().to_string()).is_err() {
                    return;
                }
            }
        });
    }
    let mut setup = Setup::new(port);
    setup.add_users(&["sourced"], b"secret");
    let lmtp = free_port();
    setup.configure(&format!(
        "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n\
         protocol lmtp {{\n  proxy_port = {port}\n}}\nlogin_source_ips = 127.0.9.1 127.0.9.2"
    ));
    let _hale = setup.start();
    let mut client = Lmtp::connect(lmtp);
    client.command("LHLO mx.example", 250);
    client.command("MAIL FROM:<a@b>", 250);
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        client.command("RCPT TO:<sourced>", 451);
        seen.insert(peers.recv_timeout(PATIENCE).unwrap());
    }
    assert_eq!(seen, ["127.0.9.1".to_owned(), "127.0.9.2".to_owned()].into());
}
