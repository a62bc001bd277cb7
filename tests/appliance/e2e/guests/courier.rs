//! Courier: IMAP and POP3.

use std::thread;

use hale::names::Protocol;

use super::super::certificate::Pem;
use super::super::hale::hashed;
use super::super::ports::{BACKENDS, free_port};
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Users, Way, log_in};
use super::root::Root;
use super::{ODD, known_to_hale, people};

/// A running Courier on both backend addresses.
struct Courier {
    root: Root,
    /// IMAP and POP3, then both from the first byte by TLS.
    ports: [u16; 4],
}

/// What begins a login of each, and what follows one. `couriertls` does TLS for both.
const SERVICES: [(&str, &str, &str); 4] = [
    ("imapd", "IMAP_STARTTLS=YES", "/usr/lib/courier/courier/imaplogin /usr/bin/imapd"),
    (
        "pop3d",
        "POP3_STARTTLS=YES",
        "/usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d",
    ),
    (
        "imapd",
        "IMAP_TLS=1",
        "/usr/bin/couriertls -server -tcpd -user=courier /usr/lib/courier/courier/imaplogin /usr/bin/imapd",
    ),
    (
        "pop3d",
        "POP3_TLS=1",
        "/usr/bin/couriertls -server -tcpd -user=courier /usr/lib/courier/courier/courierpop3login \
         /usr/lib/courier/courier/courierpop3d",
    ),
];

impl Courier {
    fn start(users: Users<'_>, pem: &Pem, per_address: usize) -> Self {
        let mut root = Root::new("courier-", &[("courier", 901), ("vmail", 902)]);
        let ports = SERVICES.map(|_| free_port());
        // Key and certificate in one file.
        root.write("own/both.pem", format!("{}{}", pem.key, pem.certificate));
        root.lend("own", "courier:courier");
        root.run(&["/bin/chmod", "600", "/own/both.pem"], b"");
        let mut rows = Vec::new();
        for (user, password) in users {
            // Courier hands the hash behind the braces to crypt.
            let hash = hashed(password);
            let hash = hash.strip_prefix(b"{SHA512-CRYPT}").unwrap();
            rows.extend(format!("{user}\tuid=902|gid=902|home=/mail/{user}|systempw=").bytes());
            rows.extend([hash, b"\n"].concat());
            for folder in ["cur", "new", "tmp"] {
                root.run(&["/bin/mkdir", "-p", &format!("/mail/{user}/Maildir/{folder}")], b"");
            }
        }
        root.lend("mail", "vmail:vmail");
        root.write("etc/courier/userdb", rows);
        // It must not be read by others.
        root.run(&["/bin/chmod", "700", "/etc/courier/userdb"], b"");
        root.run(&["/usr/sbin/makeuserdb"], b"");
        root.lend("run/courier/authdaemon", "courier:courier");
        root.write("etc/courier/authdaemonrc", PASSWORDS);
        root.start(&[
            "/usr/bin/env",
            "authdaemonvar=/run/courier/authdaemon",
            "/usr/lib/courier/courier-authlib/authdaemond",
        ]);
        for ((settings, own, programs), port) in SERVICES.iter().zip(ports) {
            let [first, second] = BACKENDS.map(|address| format!("{address}.{port}"));
            root.start(&[
                "/bin/sh",
                "-c",
                &format!(
                    "set -a; . /etc/courier/{settings}-ssl; . /etc/courier/{settings}; {own}; TLS_CERTFILE=/own/both.pem; \
                     TLS_CACHEFILE=; TLS_DHPARAMS=; TLS_TRUSTCERTS=; \
                     exec /usr/sbin/couriertcpd -maxprocs=40 -maxperip={per_address} -nodnslookup -noidentlookup {first},{second} \
                     {programs} Maildir"
                ),
            ]);
        }
        let courier = Self { root, ports };
        for port in ports {
            wait_for("Courier", PATIENCE, || {
                std::net::TcpStream::connect((BACKENDS[1], port)).ok()
            });
        }
        wait_for("Courier's passwords", PATIENCE, || {
            courier.root.path("run/courier/authdaemon/socket").exists().then_some(())
        });
        courier
    }
}

/// Its own password file is all it asks.
const PASSWORDS: &str = "authmodulelist=\"authuserdb\"
authmodulelistorig=\"authuserdb\"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=\"\"
LOGGEROPTS=\"\"
";

/// Two ordinary people, one whose password has changed at the backend only, and those with odd passwords.
fn users() -> Vec<(&'static str, &'static [u8])> {
    people(&[("eva", b"two words"), ("tim", b"two words")])
}

fn users_of_hale() -> Vec<(&'static str, &'static [u8])> {
    known_to_hale(users())
}

#[test]
fn courier_serves_mailboxes_in_clear() {
    let courier = Courier::start(&users(), &Pem::new(&["be1.test", "be2.test"]), 40);
    let [imap, pop3, ..] = courier.ports;
    let guest = [(Protocol::Imap, imap), (Protocol::Pop3, pop3)];
    let front = Front::start(&guest, &users_of_hale(), Way::Clear);
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        front.everybody_logs_in(protocol, ODD);
        front.the_backend_refuses(protocol, "changed", b"at the proxy");
    }
    front.mail_by_imap("eva", b"two words");
    front.mail_by_pop3("eva", b"two words");
    front.every_line_says_why();
}

#[test]
fn courier_serves_mailboxes_by_tls() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    let courier = Courier::start(&users(), &pem, 40);
    let [imap, pop3, imaps, pop3s] = courier.ports;
    let ways =
        [(Way::Starttls(&pem), imap, pop3, "eva"), (Way::Implicit(&pem), imaps, pop3s, "tim")];
    for (way, imap, pop3, user) in ways {
        let guest = [(Protocol::Imap, imap), (Protocol::Pop3, pop3)];
        let front = Front::start(&guest, &users_of_hale(), way);
        for protocol in [Protocol::Imap, Protocol::Pop3] {
            front.everybody_logs_in(protocol, ODD);
        }
        front.mail_by_imap(user, b"two words");
        front.mail_by_pop3(user, b"two words");
        front.every_line_says_why();
    }
    let started = courier.root.output().lines().filter(|line| line.ends_with("tls=1")).count();
    assert!(started > 40, "{started} sessions by TLS");
}

/// Debian's default is 4 for POP3, and behind a proxy all clients come from one address.
#[test]
fn courier_that_closes_without_a_word_is_named_in_the_log() {
    let courier = Courier::start(&users(), &Pem::new(&["be1.test", "be2.test"]), 2);
    let guest = [(Protocol::Imap, courier.ports[0]), (Protocol::Pop3, courier.ports[1])];
    let front = Front::start(&guest, &users_of_hale(), Way::Clear);
    let address = front.address(Protocol::Pop3);
    // Ten sessions that stay, for at most four of which there is room.
    let sessions: Vec<_> = thread::scope(|scope| {
        let log_in = |(user, password): &'static (&str, &[u8])| {
            scope.spawn(move || log_in(Protocol::Pop3, address, user, password))
        };
        let attempts: Vec<_> = ODD.iter().map(log_in).collect();
        attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
    });
    let answers = || sessions.iter().map(|(_, answer)| answer);
    assert!(answers().filter(|answer| answer.is_ok()).count() <= 4);
    for answer in answers().filter_map(|answer| answer.as_ref().err()) {
        assert!(answer.starts_with("-ERR [SYS/TEMP]"), "{answer}");
    }
    front.line(&[
        "pop3-login: backend failed",
        "closed the connection before its greeting",
        "backend=",
    ]);
    front.every_line_says_why();
}

/// A mailbox that is not its owner's: Courier says so in a BYE with an ALERT and leaves the login without an answer.
#[test]
fn courier_that_dies_of_a_mailbox_is_quoted_in_the_log() {
    let courier = Courier::start(&users(), &Pem::new(&["be1.test", "be2.test"]), 40);
    courier.root.lend("mail/eva", "root:root");
    let front = Front::start(&[(Protocol::Imap, courier.ports[0])], &users_of_hale(), Way::Clear);
    let (_, answer) = log_in(Protocol::Imap, front.address(Protocol::Imap), "eva", b"two words");
    let answer = answer.unwrap_err();
    assert!(answer.starts_with("t NO [UNAVAILABLE]"), "{answer}");
    front.line(&[
        "imap-login: backend failed",
        "not owned by the correct uid or gid",
        "user=<eva>",
    ]);
    front.every_line_says_why();
}
