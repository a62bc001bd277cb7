//! Courier: IMAP and POP3.

use hale::names::Protocol;

use super::super::certificate::Pem;
use super::super::hale::hashed;
use super::super::ports::{BACKENDS, free_port};
use super::super::wait::{PATIENCE, wait_for};
use super::ODD;
use super::front::{Front, Users, Way};
use super::root::Root;

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
    fn start(users: Users<'_>, pem: &Pem) -> Self {
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
                     exec /usr/sbin/couriertcpd -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup {first},{second} \
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
    let mut users: Vec<(&str, &[u8])> =
        vec![("eva", b"two words"), ("tim", b"two words"), ("changed", b"at the backend")];
    users.extend(ODD);
    users
}

fn users_of_hale() -> Vec<(&'static str, &'static [u8])> {
    let mut users = users();
    users[2].1 = b"at the proxy";
    users
}

fn but_the_tab() -> Vec<(&'static str, &'static [u8])> {
    ODD.iter().copied().filter(|(user, _)| *user != "odd-tab").collect()
}

#[test]
fn courier_serves_mailboxes_in_clear() {
    let courier = Courier::start(&users(), &Pem::new(&["be1.test", "be2.test"]));
    let [imap, pop3, ..] = courier.ports;
    let guest = [(Protocol::Imap, imap), (Protocol::Pop3, pop3)];
    let front = Front::start(&guest, &users_of_hale(), Way::Clear);
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        front.everybody_logs_in(protocol, &but_the_tab());
        front.the_backend_refuses(protocol, "changed", b"at the proxy");
    }
    front.mail_by_imap("eva", b"two words");
    front.mail_by_pop3("eva", b"two words");
    front.every_line_says_why();
}

#[test]
fn courier_serves_mailboxes_by_tls() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    let courier = Courier::start(&users(), &pem);
    let [imap, pop3, imaps, pop3s] = courier.ports;
    let ways =
        [(Way::Starttls(&pem), imap, pop3, "eva"), (Way::Implicit(&pem), imaps, pop3s, "tim")];
    for (way, imap, pop3, user) in ways {
        let guest = [(Protocol::Imap, imap), (Protocol::Pop3, pop3)];
        let front = Front::start(&guest, &users_of_hale(), way);
        for protocol in [Protocol::Imap, Protocol::Pop3] {
            front.everybody_logs_in(protocol, &but_the_tab());
        }
        front.mail_by_imap(user, b"two words");
        front.mail_by_pop3(user, b"two words");
        front.every_line_says_why();
    }
    let started = courier.root.output().lines().filter(|line| line.ends_with("tls=1")).count();
    assert!(started > 40, "{started} sessions by TLS");
}
