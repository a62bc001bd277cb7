//! A host on the way that adds words in clear where TLS begins (W-STLS-1, W-BTLS-2): on both sides of Hale, in all
//! protocols, with the segments cut at every byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use hale::names::Protocol;
use rustls::ClientConfig;

use super::bridge;
use super::faulty::{Fault, FaultyBackends, Turns, address_of};
use super::hale::Setup;
use super::imap::Imap;
use super::kernel::wait_until_taken;
use super::ports::{FRONT, free_port};
use super::site::{NAME, Site};
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, wait_for};

/// TLS in one protocol, from both sides of Hale.
struct Upgrade {
    protocol: Protocol,
    /// What a client says for it.
    command: &'static str,
    go_ahead: &'static str,
    /// What is said to a client that sends more than that.
    goodbye: &'static str,
    /// A backend's part until it is asked for TLS, and behind which command.
    turns: Turns,
    /// Its go-ahead, and behind it what it would say later, up to the reply to a login.
    injected: &'static str,
}

const UPGRADES: [Upgrade; 4] = [
    Upgrade {
        protocol: Protocol::Imap,
        command: "t STARTTLS\r\n",
        go_ahead: "t OK Begin TLS negotiation now.\r\n",
        goodbye: "* BYE Commands behind STARTTLS.\r\n",
        turns: &[
            ("", "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] injected\r\n"),
            ("S STARTTLS", ""),
        ],
        injected: "S OK\r\nC OK\r\nL OK [CAPABILITY IMAP4rev1] injected\r\n",
    },
    Upgrade {
        protocol: Protocol::Pop3,
        command: "STLS\r\n",
        go_ahead: "+OK Begin TLS negotiation now.\r\n",
        goodbye: "-ERR Commands behind STARTTLS.\r\n",
        turns: &[("", "+OK injected\r\n"), ("STLS", "")],
        injected: "+OK\r\n+OK\r\n+OK injected\r\n",
    },
    Upgrade {
        protocol: Protocol::Sieve,
        command: "STARTTLS\r\n",
        go_ahead: "OK \"Begin TLS negotiation now.\"\r\n",
        goodbye: "BYE \"Commands behind STARTTLS.\"\r\n",
        turns: &[
            ("", "\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK \"injected\"\r\n"),
            ("STARTTLS", ""),
        ],
        injected: "OK\r\n\"SASL\" \"PLAIN\"\r\nOK\r\nOK \"injected\"\r\n",
    },
    Upgrade {
        protocol: Protocol::Submission,
        command: "STARTTLS\r\n",
        go_ahead: "220 2.0.0 Begin TLS negotiation now.\r\n",
        goodbye: "554 5.5.0 Commands behind STARTTLS.\r\n",
        turns: &[
            ("", "220 injected\r\n"),
            ("EHLO", "250-injected\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"),
            ("STARTTLS", ""),
        ],
        injected: "220 go\r\n250 AUTH PLAIN\r\n235 2.7.0 injected\r\n",
    },
];

impl Upgrade {
    fn speech(&self) -> &'static Speech {
        SPEECHES.iter().find(|speech| speech.protocol == self.protocol.name()).unwrap()
    }

    /// Where a backend's go-ahead ends.
    fn go_ahead_bytes(&self) -> usize {
        self.injected.find('\n').unwrap() + 1
    }

    /// Whether one read of ours ends with the backend's go-ahead: it is cut there, or padded so (the fault behind all
    /// cuts).
    fn comes_alone(&self, cut: usize) -> bool {
        cut == self.go_ahead_bytes() || cut > self.injected.len()
    }

    /// Lines of so many bytes in all that change nothing. At most one of them is a bad command.
    fn padding(&self, length: usize) -> String {
        let line = |start: &str, length: usize| {
            format!("{start}{}\r\n", "x".repeat(length - start.len() - 2))
        };
        match self.protocol {
            // Shorter lines, and short answers.
            Protocol::Pop3 => line("", length % 6 + 6) + &"NOOP\r\n".repeat(length / 6 - 1),
            Protocol::Submission => {
                line("NOOP ", length % 256 + 256) + &line("NOOP ", 256).repeat(length / 256 - 1)
            }
            _ => line("p ", length),
        }
    }

    /// A client that has read the greeting, and said hello where that is due.
    fn greeted(&self, address: SocketAddr) -> TcpStream {
        let mut client = Imap::open(TcpStream::connect(address).unwrap());
        self.speech().greeted(&mut client);
        client.stream().try_clone().unwrap()
    }
}

// === The client's side ===

/// How the second piece follows the first.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// When the first was read and, if it was a whole command, answered.
    Later,
    /// At once, so that both may be read together or not.
    AtOnce,
}

#[test]
fn tl_01_and_tl_02_what_follows_starttls_in_clear_is_never_run() {
    let users: Vec<String> =
        UPGRADES.iter().map(|upgrade| format!("injected-{}", upgrade.protocol)).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, "log_debug = yes");
    let config = bridge::client_config(&site.pem);
    thread::scope(|scope| {
        for (upgrade, user) in UPGRADES.iter().zip(&users) {
            let (site, config) = (&site, &config);
            scope.spawn(move || inject_everywhere(site, upgrade, user, config));
        }
    });
    for user in &users {
        assert!(site.pair.backends.iter().all(|backend| backend.logins(user).is_empty()), "{user}");
        assert!(!site.hale.said().contains(user.as_str()), "{user} was asked about");
    }
    // In the same way, but without TLS in between, they get in: what was injected was worth it.
    for (upgrade, user) in UPGRADES.iter().zip(&users) {
        let mut stream = upgrade.greeted(site.clear(upgrade.protocol));
        stream.write_all(upgrade.speech().first_login(user).as_bytes()).unwrap();
        super::dovecot::login_line(&site.pair, user);
    }
}

#[test]
fn tl_03_a_client_hello_that_does_not_wait_for_the_go_ahead_gets_no_session() {
    let site = Site::start(&[], "log_debug = yes");
    let config = bridge::client_config(&site.pem);
    for upgrade in &UPGRADES {
        let stream = upgrade.greeted(site.clear(upgrade.protocol));
        let mut client = bridge::wrap_behind(upgrade.command.as_bytes(), stream, NAME, &config);
        assert!(client.try_line().is_none(), "{}: a session", upgrade.protocol);
        // A client that waits gets one.
        let stream =
            send_first(upgrade, site.clear(upgrade.protocol), upgrade.command, Pace::Later);
        let mut client = bridge::wrap(stream, NAME, &config);
        client.send(b"NOOP\r\n");
        client.line();
    }
    wait_for("the log's words", PATIENCE, || {
        (site.hale.said().matches("starttls_pipelined").count() == UPGRADES.len()).then_some(())
    });
}

/// One read ends behind the command, and what follows lies in the kernel already: the look at the socket before the
/// go-ahead finds it (W-STLS-1, W-STLS-2).
#[test]
fn tl_02_words_that_wait_in_the_kernel_are_found_before_the_go_ahead() {
    let users: Vec<String> = UPGRADES.iter().map(|it| format!("waiting-{}", it.protocol)).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, "log_debug = yes");
    for (upgrade, user) in UPGRADES.iter().zip(&users) {
        let mut stream = upgrade.greeted(site.clear(upgrade.protocol));
        let padding = upgrade.padding(READ_BYTES - upgrade.command.len());
        let text = format!("{padding}{}{}", upgrade.command, upgrade.speech().first_login(user));
        // One segment: loopback carries 64 KiB at once.
        stream.write_all(text.as_bytes()).unwrap();
        let told = send_second(stream, b"");
        let told = String::from_utf8_lossy(&told);
        assert!(!told.contains(upgrade.go_ahead), "{}: {told}", upgrade.protocol);
    }
    wait_for("the log's words", PATIENCE, || {
        (site.hale.said().matches("starttls_pipelined").count() == UPGRADES.len()).then_some(())
    });
}

#[test]
fn tl_02_words_that_wait_in_the_kernel_are_found_before_the_go_ahead_in_lmtp() {
    let site = Site::start(&[], "log_debug = yes");
    let mut client = Imap::open(TcpStream::connect(site.clear(Protocol::Lmtp)).unwrap());
    while !client.line().starts_with(b"220 ") {}
    client.send(b"LHLO client.test\r\n");
    while !client.line().starts_with(b"250 ") {}
    let command = "STARTTLS\r\n";
    let length = LMTP_READ_BYTES - command.len();
    let noop = |length: usize| format!("NOOP {}\r\n", "x".repeat(length - 7));
    let padding = noop(length % 1024) + &noop(1024).repeat(length / 1024);
    client.send(format!("{padding}{command}LHLO injected\r\n").as_bytes());
    let told = client.rest();
    let told = String::from_utf8_lossy(&told);
    assert!(told.starts_with("250 2.0.0") && !told.contains("220 2.0.0"), "{told}");
    wait_for("the log's word", PATIENCE, || {
        site.hale.said().contains("starttls_pipelined").then_some(())
    });
}

/// What Hale reads at once before login, and in LMTP.
const READ_BYTES: usize = 4096;
const LMTP_READ_BYTES: usize = 16_384;

fn inject_everywhere(site: &Site, upgrade: &Upgrade, user: &str, config: &Arc<ClientConfig>) {
    let address = site.clear(upgrade.protocol);
    let text = format!("{}{}", upgrade.command, upgrade.speech().first_login(user));
    for cut in 0..text.len() {
        let (first, second) = text.split_at(cut);
        for pace in [Pace::Later, Pace::AtOnce] {
            let stream = send_first(upgrade, address, first, pace);
            let told = send_second(stream, second.as_bytes());
            let about = format!("{} {pace:?} {first:?}", upgrade.protocol);
            let answered = told.strip_prefix(upgrade.go_ahead.as_bytes());
            match (pace, answered) {
                // An alert of TLS (RFC 8446 6), which found no ClientHello.
                (_, Some(alert)) if cut == upgrade.command.len() => {
                    assert!(matches!(alert, [] | [0x15, ..]), "{about}: {}", told.escape_ascii());
                }
                (Pace::Later, None) if cut == upgrade.command.len() => {
                    // The go-ahead was read before.
                    assert!(
                        matches!(told.as_slice(), [] | [0x15, ..]),
                        "{about}: {}",
                        told.escape_ascii()
                    );
                }
                // All of it was read, so nothing gets lost when it closes.
                (Pace::Later, _) if cut < upgrade.command.len() => {
                    assert_eq!(
                        told.escape_ascii().to_string(),
                        upgrade.goodbye.as_bytes().escape_ascii().to_string(),
                        "{about}"
                    );
                }
                // The words may have been lost in the reset that unread bytes cause, but nothing else was said.
                _ => assert!(
                    upgrade.goodbye.as_bytes().starts_with(&told),
                    "{about}: {}",
                    told.escape_ascii()
                ),
            }
        }
        // A client that goes on as if nothing had happened gets no session either, with the words in front of the
        // ClientHello.
        let stream = send_first(upgrade, address, first, Pace::Later);
        let mut client = bridge::wrap_behind(second.as_bytes(), stream, NAME, config);
        assert!(client.try_line().is_none(), "{} {first:?}: a session", upgrade.protocol);
    }
}

/// The first piece, and what is due before the second.
fn send_first(upgrade: &Upgrade, address: SocketAddr, first: &str, pace: Pace) -> TcpStream {
    let mut stream = upgrade.greeted(address);
    stream.write_all(first.as_bytes()).unwrap();
    if matches!(pace, Pace::Later) {
        wait_until_taken(&stream);
        if first == upgrade.command {
            let mut go_ahead = vec![0; upgrade.go_ahead.len()];
            stream.read_exact(&mut go_ahead).unwrap();
            assert_eq!(go_ahead, upgrade.go_ahead.as_bytes());
        }
    }
    stream
}

/// The second piece, and all that is said until the end.
fn send_second(mut stream: TcpStream, second: &[u8]) -> Vec<u8> {
    let mut told = Vec::new();
    // Closed in any case: as an injection, or because a command is no handshake. That may be a reset.
    let _ = stream.write_all(second);
    let _ = stream.read_to_end(&mut told);
    told
}

// === The backend's side ===

#[test]
fn tl_07_what_follows_a_backends_go_ahead_in_clear_is_never_believed() {
    let mut setup = Setup::new(free_port());
    setup.configure(
        "protocols = imap pop3 sieve submission\nlogin_proxy_max_reconnects = 0\nssl_client_require_valid_cert = no",
    );
    let mut stages = Vec::new();
    for upgrade in &UPGRADES {
        let text = upgrade.injected.as_bytes();
        let turn = upgrade.turns.len() - 1;
        let mut faults: Vec<Fault> = (0..=text.len())
            .map(|cut| text.split_at(cut))
            .map(|(first, second)| Fault::SaysInTwo { turn, first, second })
            .collect();
        if upgrade.protocol == Protocol::Imap {
            // One read ends behind the go-ahead, and what follows lies in the kernel already.
            let length = READ_BYTES - upgrade.go_ahead_bytes();
            let first = format!("* OK {}\r\n{}", "x".repeat(length - 7), upgrade.injected);
            faults.push(Fault::SaysInTwo { turn, first: first.leak().as_bytes(), second: b"" });
        }
        let count = faults.len();
        for cut in 0..count {
            let place = address_of(cut);
            setup.add_row(&format!("{}-{cut}:{{PLAIN}}secret::::::host={place}", upgrade.protocol));
        }
        let backends = FaultyBackends::start(upgrade.turns, faults);
        let port = if upgrade.protocol == Protocol::Imap { setup.port } else { free_port() };
        setup.configure(&upgrade.speech().configuration(port, backends.port));
        setup.configure(&format!("protocol {} {{\n  proxy_ssl = starttls\n}}", upgrade.protocol));
        stages.push((upgrade, backends, count, SocketAddr::from((FRONT, port))));
    }
    let _hale = setup.start();
    for (upgrade, backends, count, address) in &stages {
        let mut clients: Vec<Imap> = (0..*count)
            .map(|cut| {
                let mut client = Imap::open(TcpStream::connect(address).unwrap());
                client.call(&format!("{} {cut}", upgrade.protocol));
                upgrade.speech().greeted(&mut client);
                upgrade.speech().send_login(&mut client, &format!("{}-{cut}", upgrade.protocol));
                client
            })
            .collect();
        for (cut, client) in clients.iter_mut().enumerate() {
            // A go-ahead that came alone began TLS, and what came behind it is none (W-BTLS-3).
            if upgrade.comes_alone(cut) {
                upgrade.speech().expect_failed(client, upgrade.speech().misconfigured);
            } else {
                upgrade.speech().expect_unavailable(client);
            }
        }
        for _ in &clients {
            let (cut, heard) = backends.heard();
            // At most a ClientHello, if the go-ahead came alone (RFC 8446 5.1).
            let is_hello = upgrade.comes_alone(cut) && heard.starts_with(&[0x16, 0x03]);
            assert!(
                heard.is_empty() || is_hello,
                "{} {cut}: {}",
                upgrade.protocol,
                heard.escape_ascii()
            );
        }
    }
}
