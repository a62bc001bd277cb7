//! How Hale shows itself to backends: with a PROXY header, from an address of the pool.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::dovecot::{Pair, login_line};
use super::hale::Setup;
use super::imap::{self, Imap};
use super::ports::{BACKENDS, free_port};

/// Dovecot's listener drops whoever does not begin with a header.
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
    std::thread::scope(|scope| {
        let (sender, peers) = std::sync::mpsc::channel();
        for backend in &backends {
            let sender = sender.clone();
            let backend = backend.try_clone().unwrap();
            // Ends with the process at the latest: a listener that nobody connects to waits for ever.
            std::thread::spawn(move || {
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
            let (_stream, peer) = peers.recv_timeout(super::wait::PATIENCE).unwrap();
            seen.insert(peer);
        }
    });
    assert_eq!(seen, pool.map(IpAddr::V4).into_iter().collect(), "where connects came from");
}
