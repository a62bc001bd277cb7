//! Cyrus: IMAP, POP3, ManageSieve, LMTP.

use std::fmt::Write as _;

use hale::names::Protocol;

use super::super::certificate::Pem;
use super::super::imap::Imap;
use super::super::mail::message;
use super::super::ports::{BACKENDS, free_port};
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Users, Way, log_in};
use super::root::Root;
use super::{ODD, known_to_hale, people};

/// A running Cyrus on both backend addresses.
pub(super) struct Cyrus {
    root: Root,
    /// In the order of [`SERVICES`].
    ports: [u16; 7],
}

/// What it runs: those that begin with TLS come behind the others, and an lmtpd as Debian has it comes last.
const SERVICES: [(&str, &str); 7] = [
    ("imap", "imapd"),
    ("pop3", "pop3d"),
    ("sieve", "timsieved"),
    // Without -a it wants its clients to log in, which LMTP's do not.
    ("lmtp", "lmtpd -a"),
    ("imaps", "imapd -s"),
    ("pop3s", "pop3d -s"),
    ("lmtpauth", "lmtpd"),
];

const MAIL: [Protocol; 4] = [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Lmtp];

impl Cyrus {
    pub(super) fn start(users: Users<'_>, pem: &Pem) -> Self {
        let mut root = Root::new("cyrus-", &[("cyrus", 900), ("mail", 8)]);
        let ports = SERVICES.map(|_| free_port());
        let mut services = String::new();
        for ((name, command), port) in SERVICES.iter().zip(ports) {
            for (at, address) in BACKENDS.iter().enumerate() {
                writeln!(
                    services,
                    "  {name}{at} cmd=\"{command} -C /own/imapd.conf\" listen=\"{address}:{port}\" proto=tcp prefork=0"
                )
                .unwrap();
            }
        }
        root.write(
            "own/cyrus.conf",
            format!("START {{\n  recover cmd=\"ctl_cyrusdb -r -C /own/imapd.conf\"\n}}\nSERVICES {{\n{services}}}\nEVENTS {{\n}}\n"),
        );
        root.write("own/imapd.conf", SETTINGS);
        pem.write(&root.path("own"));
        for (user, password) in users.iter().chain([&ADMINISTRATOR]) {
            let words = [
                "/usr/sbin/saslpasswd2",
                "-c",
                "-p",
                "-u",
                "cyrus.test",
                "-f",
                "/own/sasldb2",
                user,
            ];
            root.run(&words, password);
        }
        for folder in ["db", "proc", "socket", "log", "msg", "lock"] {
            root.lend(&format!("own/conf/{folder}"), "cyrus:mail");
        }
        // Two that deliver at the same time would both make it, and the second one gives up.
        root.lend("own/spool/stage.", "cyrus:mail");
        root.lend("own", "cyrus:mail");
        root.start(&[
            "/usr/lib/cyrus/bin/master",
            "-D",
            "-C",
            "/own/imapd.conf",
            "-M",
            "/own/cyrus.conf",
            "-p",
            "/own/pid",
        ]);
        let cyrus = Self { root, ports };
        cyrus.make_mailboxes(users);
        cyrus
    }

    /// Only an administrator makes them; mail for a user without one is refused.
    fn make_mailboxes(&self, users: Users<'_>) {
        let address = (BACKENDS[0], self.ports[0]).into();
        let mut client = wait_for("Cyrus", PATIENCE, || Imap::try_connect(address));
        client.login(ADMINISTRATOR.0, ADMINISTRATOR.1);
        for (user, _) in users {
            client.command("c", &format!("CREATE user/{user}"));
        }
    }

    /// Protocols and ports, for Hale in front of it.
    pub(super) fn guest(&self) -> Vec<(Protocol, u16)> {
        MAIL.into_iter().zip(self.ports).collect()
    }
}

const ADMINISTRATOR: (&str, &[u8]) = ("cyrus", b"administrator");

/// Debian's, without waiting for who has just been there or guessed wrong.
const SETTINGS: &str = "configdirectory: /own/conf
partition-default: /own/spool
defaultpartition: default
servername: cyrus.test
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /own/sasldb2
sasl_mech_list: PLAIN LOGIN
unixhierarchysep: yes
sievedir: /own/sieve
popminpoll: 0
failedloginpause: 0
duplicatesuppression: no
tls_server_cert: /own/cert.pem
tls_server_key: /own/key.pem
";

/// Two ordinary people, one whose password has changed at the backend only, and those with odd passwords.
fn users() -> Vec<(&'static str, &'static [u8])> {
    people(&[("tim", b"secret"), ("eva", b"two words")])
}

/// The same as Hale knows them, and a user for whom Cyrus has no mailbox.
fn users_of_hale() -> Vec<(&'static str, &'static [u8])> {
    let mut users = known_to_hale(users());
    users.push(("nowhere", b"secret"));
    users
}

#[test]
fn cyrus_serves_mailboxes_in_clear() {
    let cyrus = Cyrus::start(&users(), &Pem::new(&["be1.test", "be2.test"]));
    let front = Front::start(&cyrus.guest(), &users_of_hale(), Way::Clear);
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Sieve] {
        front.everybody_logs_in(protocol, ODD);
        front.the_backend_refuses(protocol, "changed", b"at the proxy");
    }
    front.mail_by_imap("eva", b"two words");
    front.mail_by_pop3("eva", b"two words");
    front.script_by_sieve("eva", b"two words");
    // It says in one breath what it can and that no client may log in; both are of after the login.
    let (_, answer) = log_in(Protocol::Imap, front.address(Protocol::Imap), "tim", b"secret");
    let answer = answer.unwrap();
    assert!(answer.contains(" IDLE") && !answer.contains("LOGINDISABLED"), "{answer}");
    front.every_line_says_why();
}

/// Cyrus offers UNAUTHENTICATE, behind which another user may log in: at Hale, not behind its back.
#[test]
fn cyrus_lets_no_second_user_in_behind_hale() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    let cyrus = Cyrus::start(&users(), &pem);
    for way in [Way::Clear, Way::Starttls(&pem)] {
        let front = Front::start(&cyrus.guest()[2..3], &users_of_hale(), way);
        let (mut client, answer) =
            log_in(Protocol::Sieve, front.address(Protocol::Sieve), "tim", b"secret");
        assert!(answer.is_ok(), "{answer:?}");
        client.send(b"CAPABILITY\r\n");
        let mut line = client.line();
        while !line.starts_with(b"OK") {
            client.expect(!line.windows(14).any(|part| part == b"UNAUTHENTICATE"), "not that");
            line = client.line();
        }
        client.send(b"UNAUTHENTICATE\r\nAUTHENTICATE \"PLAIN\" \"AGV2YQB0d28gd29yZHM=\"\r\n");
        // Eva's name and password came along.
        let rest = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(!rest.contains("OK"), "{rest}");
    }
    let log = cyrus.root.log();
    assert!(log.contains(" tim PLAIN User logged in") && !log.contains(" eva "), "{log}");
}

#[test]
fn cyrus_takes_mail_for_several_and_refuses_whom_it_does_not_know() {
    let cyrus = Cyrus::start(&users(), &Pem::new(&["be1.test", "be2.test"]));
    let front = Front::start(&cyrus.guest(), &users_of_hale(), Way::Clear);
    let mail = message(260_000, 911);
    let recipients = [("tim", 250), ("nowhere", 550), ("eva", 250), ("odd-quote", 250)];
    assert_eq!(front.deliver(&mail, &recipients), [250; 3]);
    for user in ["tim", "eva", "odd-quote"] {
        let password = users().iter().find(|(name, _)| *name == user).unwrap().1;
        front.expect_mail(user, password, &mail);
        front.line(&["lmtp: delivered", &format!("to=<{user}>")]);
    }
    front.every_line_says_why();
}

/// An lmtpd without -a says 430 to MAIL, a code that no RFC has: mail waits until an operator has looked at the log.
#[test]
fn cyrus_that_wants_lmtp_clients_to_log_in_is_quoted_and_bounces_nothing() {
    let cyrus = Cyrus::start(&users()[..2], &Pem::new(&["be1.test", "be2.test"]));
    let guest = [(Protocol::Lmtp, cyrus.ports[6])];
    let front = Front::start(&guest, &users_of_hale(), Way::Clear);
    assert_eq!(front.deliver(b"Subject: x\r\n\r\n", &[("tim", 430), ("eva", 430)]), [0; 0]);
    front.line(&["lmtp: not delivered", "to=<tim>", "Authentication required"]);
    front.every_line_says_why();
}

#[test]
fn cyrus_serves_mailboxes_by_tls() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    let cyrus = Cyrus::start(&users(), &pem);
    // An lmtpd that takes mail from every client offers no STARTTLS.
    let front = Front::start(&cyrus.guest()[..3], &users_of_hale(), Way::Starttls(&pem));
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Sieve] {
        front.everybody_logs_in(protocol, ODD);
        front.the_backend_refuses(protocol, "changed", b"at the proxy");
    }
    front.mail_by_imap("eva", b"two words");
    front.mail_by_pop3("eva", b"two words");
    front.script_by_sieve("eva", b"two words");
    front.every_line_says_why();
    let guest = [(Protocol::Imap, cyrus.ports[4]), (Protocol::Pop3, cyrus.ports[5])];
    let front = Front::start(&guest, &users_of_hale(), Way::Implicit(&pem));
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        front.everybody_logs_in(protocol, &[("tim", b"secret")]);
    }
    let log = cyrus.root.log();
    for login in [
        "odd-all plaintext+TLS User logged in",
        "odd-all PLAIN+TLS User logged in",
        "tim plaintext+TLS",
    ] {
        assert!(log.contains(login), "{login}: {log}");
    }
}
