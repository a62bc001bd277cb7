//! Hale in front of a guest, and what a client does there in each protocol.

use std::fs;
use std::net::SocketAddr;

use hale::names::Protocol;
use hale::wire::base64;

use super::super::certificate::Pem;
use super::super::hale::{Hale, Setup};
use super::super::imap::Imap;
use super::super::lmtp::Lmtp;
use super::super::mail::{assert_same_bytes, message};
use super::super::ports::{FRONT, free_port};
use super::super::tools::{CURL, PYTHON, run};
use super::super::transfer::{append, curl_round_trip, imaplib_round_trip};
use super::super::wait::{PATIENCE, wait_for};

/// Who Hale knows: a name and a password for each.
pub(super) type Users<'a> = &'a [(&'a str, &'a [u8])];

/// A running Hale that serves these protocols.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) hale: Hale,
    ports: Vec<(Protocol, u16)>,
}

/// What stands between Hale and the guest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way<'a> {
    Clear,
    /// By STARTTLS, with this certificate at the other end.
    Starttls(&'a Pem),
    /// The same from the first byte on.
    Implicit(&'a Pem),
}

impl Front {
    /// In front of a guest that serves these protocols on these ports of both backend addresses.
    pub(super) fn start(guest: &[(Protocol, u16)], users: Users<'_>, way: Way<'_>) -> Self {
        Self::prepared(guest, users, way, |_| {})
    }

    /// The same with whatever else Hale is to have.
    pub(super) fn prepared(
        guest: &[(Protocol, u16)],
        users: Users<'_>,
        way: Way<'_>,
        prepare: impl FnOnce(&mut Setup),
    ) -> Self {
        let mut setup = Setup::new(free_port());
        for (user, password) in users {
            setup.add_users(&[user], password);
        }
        let names: Vec<&str> = guest.iter().map(|(protocol, _)| protocol.name()).collect();
        // The harness asks the port of IMAP whether Hale is ready.
        setup.configure(&format!("protocols = imap {}\nhostname = hale.test", names.join(" ")));
        let mut ports = Vec::new();
        for (protocol, backend) in guest {
            let port = if *protocol == Protocol::Imap { setup.port } else { free_port() };
            setup.configure(&service(*protocol, port, *backend, way));
            ports.push((*protocol, port));
        }
        if let Way::Starttls(pem) | Way::Implicit(pem) = way {
            let authority = setup.path().join("authority.pem");
            fs::write(&authority, &pem.certificate).unwrap();
            setup.configure(&format!("ssl_client_ca_file = {}", authority.display()));
        }
        prepare(&mut setup);
        Self { hale: setup.start(), ports }
    }

    pub(super) fn address(&self, protocol: Protocol) -> SocketAddr {
        let port = self.ports.iter().find(|(served, _)| *served == protocol).unwrap().1;
        (FRONT, port).into()
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.hale.setup().path().join("hale.log")).unwrap_or_default()
    }

    /// The line of Hale's log in which all of these words stand, once it is there.
    pub(super) fn line(&self, words: &[&str]) -> String {
        wait_for(&format!("a line with {words:?}"), PATIENCE, || {
            let log = self.log();
            let mut lines = log.lines().filter(|line| words.iter().all(|word| line.contains(word)));
            lines.next().map(str::to_owned)
        })
    }

    /// Logs in as each user by SASL PLAIN, whatever the password.
    pub(super) fn everybody_logs_in(&self, protocol: Protocol, users: Users<'_>) {
        let mut refused = Vec::new();
        for (user, password) in users {
            let (_, answer) = log_in(protocol, self.address(protocol), user, password);
            refused.extend(answer.err().map(|answer| format!("{user}: {answer}")));
        }
        assert!(refused.is_empty(), "{protocol:?}: {refused:#?}");
    }

    /// The backend has another password for this user than Hale: the client hears that its password is wrong, and the
    /// log that the backend said so.
    pub(super) fn the_backend_refuses(&self, protocol: Protocol, user: &str, password: &[u8]) {
        let refusal = match protocol {
            Protocol::Imap => "t NO [AUTHENTICATIONFAILED]",
            Protocol::Pop3 => "-ERR [AUTH]",
            Protocol::Sieve => "NO \"Authentication failed",
            Protocol::Submission => "535 5.7.8",
            Protocol::Lmtp => unreachable!("LMTP has no login"),
        };
        let (_, answer) = log_in(protocol, self.address(protocol), user, password);
        let answer = answer.unwrap_err();
        assert!(answer.starts_with(refusal), "{protocol:?}: {answer}");
        let (name, user) = (format!(" {}: ", protocol.service_name()), format!("user=<{user}>"));
        let line = self.line(&[&name, "code=invalid_credentials", "backend=", &user]);
        assert!(line.contains(": backend refused the password: "), "{line}");
    }

    pub(super) fn every_line_says_why(&self) {
        every_line_says_why(&self.log());
    }

    /// Large mail in and out by three clients.
    pub(super) fn mail_by_imap(&self, user: &str, password: &[u8]) {
        let address = self.address(Protocol::Imap);
        let mails = sent_by_imap();
        let (mut client, answer) = log_in(Protocol::Imap, address, user, password);
        assert!(answer.is_ok(), "{answer:?}");
        append(&mut client, &mails[0]);
        client.command("s", "SELECT INBOX");
        assert_same_bytes(&client.fetch("f", 1), &mails[0], "by a plain client");
        client.command("o", "LOGOUT");
        let password = str::from_utf8(password).unwrap();
        imaplib_round_trip(address, user, password, &mails[1]);
        curl_round_trip(address, user, password, &mails[2], 3);
    }

    /// The messages of `mail_by_imap` by POP3, in whatever order.
    pub(super) fn mail_by_pop3(&self, user: &str, password: &[u8]) {
        const SCRIPT: &str = r#"
import poplib, sys
host, port, user, password, path = sys.argv[1:]
client = poplib.POP3(host, int(port), timeout=60)
client.user(user)
client.pass_(password)
assert client.stat()[0] == 3, client.stat()
for number in 1, 2, 3:
    open(f'{path}/{number}', 'wb').write(b'\r\n'.join(client.retr(number)[1]) + b'\r\n')
client.quit()
"#;
        let address = self.address(Protocol::Pop3);
        let mut mails = sent_by_imap();
        mails.sort();
        let folder = tempfile::tempdir().unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let password = str::from_utf8(password).unwrap();
        let mut command = PYTHON.command();
        command.args(["-c", SCRIPT, &host, &port, user, password]).arg(folder.path());
        run(&mut command);
        let mut got = ["1", "2", "3"].map(|number| fs::read(folder.path().join(number)).unwrap());
        got.sort();
        for (got, mail) in got.iter().zip(&mails) {
            assert_same_bytes(got, mail, "by poplib");
        }
        let mut got = ["1", "2", "3"].map(|number| {
            let mut command = CURL.command();
            command.args(["--silent", "--show-error", "--max-time", "60", "--user"]);
            command.args([format!("{user}:{password}"), format!("pop3://{address}/{number}")]);
            run(&mut command)
        });
        got.sort();
        for (got, mail) in got.iter().zip(&mails) {
            assert_same_bytes(got, mail, "by curl");
        }
    }

    /// A script stored, listed and read again.
    pub(super) fn script_by_sieve(&self, user: &str, password: &[u8]) {
        let address = self.address(Protocol::Sieve);
        let (mut client, answer) = log_in(Protocol::Sieve, address, user, password);
        assert!(answer.is_ok(), "{answer:?}");
        let script = "require \"fileinto\";\r\nif header :contains \"Subject\" \"x\" { fileinto \"INBOX\"; }\r\n";
        client.send(format!("PUTSCRIPT \"one\" {{{}+}}\r\n{script}\r\n", script.len()).as_bytes());
        expect(&mut client, "OK");
        client.send(b"SETACTIVE \"one\"\r\n");
        expect(&mut client, "OK");
        client.send(b"LISTSCRIPTS\r\n");
        expect(&mut client, "\"one\" ACTIVE");
        expect(&mut client, "OK");
        client.send(b"GETSCRIPT \"one\"\r\n");
        let line = client.line();
        client.expect(line.starts_with(format!("{{{}", script.len()).as_bytes()), "the literal");
        assert_same_bytes(&client.bytes(script.len()), script.as_bytes(), "the script");
        client.line();
        expect(&mut client, "OK");
        client.send(b"LOGOUT\r\n");
        expect(&mut client, "OK");
    }

    /// A message sent by smtplib.
    pub(super) fn mail_by_submission(
        &self,
        user: &str,
        password: &[u8],
        recipient: &str,
        mail: &[u8],
    ) {
        const SCRIPT: &str = r#"
import smtplib, sys
host, port, user, password, recipient, path = sys.argv[1:]
client = smtplib.SMTP(host, int(port), timeout=60)
client.login(user, password)
client.sendmail('sender@example.org', [recipient], open(path, 'rb').read())
client.quit()
"#;
        let address = self.address(Protocol::Submission);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), mail).unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let password = str::from_utf8(password).unwrap();
        let mut command = PYTHON.command();
        command.args(["-c", SCRIPT, &host, &port, user, password, recipient]).arg(file.path());
        run(&mut command);
    }

    /// The first message of a mailbox, behind whatever the backend put in front of it, is this one.
    pub(super) fn expect_mail(&self, user: &str, password: &[u8], mail: &[u8]) {
        let address = self.address(Protocol::Imap);
        let (mut client, answer) = log_in(Protocol::Imap, address, user, password);
        assert!(answer.is_ok(), "{answer:?}");
        client.command("s", "SELECT INBOX");
        let kept = client.fetch("f", 1);
        // Not every server keeps the last line end.
        let (kept, mail) = (kept.trim_ascii_end(), mail.trim_ascii_end());
        assert_same_bytes(&kept[kept.len().saturating_sub(mail.len())..], mail, user);
    }

    /// A message for all of them in one transaction; each one's code.
    pub(super) fn deliver(&self, mail: &[u8], recipients: &[(&str, u16)]) -> Vec<u16> {
        let mut client = Lmtp::connect(self.address(Protocol::Lmtp).port());
        client.command("LHLO mx.example", 250);
        client.command("MAIL FROM:<sender@example.org>", 250);
        for (recipient, code) in recipients {
            client.command(&format!("RCPT TO:<{recipient}>"), *code);
        }
        let taken = recipients.iter().filter(|(_, code)| *code == 250).count();
        let codes = if taken == 0 { Vec::new() } else { client.data(mail, taken) };
        client.command("QUIT", 221);
        codes
    }
}

/// One by each client. GreenMail's POP3 cuts off what looks like a space to Java at the end, so none does.
fn sent_by_imap() -> [Vec<u8>; 3] {
    [901, 902, 903].map(|seed| [&message(260_000, seed)[..], b"The end.\r\n"].concat())
}

/// No line of Hale's log leaves the operator without a reason.
pub(super) fn every_line_says_why(log: &str) {
    // What a reason stands behind. A backend's own words may end in a colon.
    const PROMISES: [&str; 6] =
        ["failed:", "again:", "giving up:", "refused:", "password:", "login:"];
    for line in log.lines() {
        let told = line.split("code=").next().unwrap().trim_end();
        assert!(!PROMISES.iter().any(|promise| told.ends_with(promise)), "no reason: {line}");
    }
}

/// A client that has read the greeting and tried to log in: the last line of the answer, by whether it was a good one.
pub(super) fn log_in(
    protocol: Protocol,
    address: SocketAddr,
    user: &str,
    password: &[u8],
) -> (Imap, Result<String, String>) {
    let mut client = Imap::open(std::net::TcpStream::connect(address).unwrap());
    client.call(&format!("{protocol:?} {user}"));
    let sasl = sasl_plain(user, password);
    let (greeting, command, good, end): (_, _, _, &[&str]) = match protocol {
        Protocol::Imap => ("* OK", format!("t AUTHENTICATE PLAIN {sasl}"), "t OK", &["t "]),
        Protocol::Pop3 => ("+OK", format!("AUTH PLAIN {sasl}"), "+OK", &["+OK", "-ERR"]),
        Protocol::Sieve => {
            ("OK", format!("AUTHENTICATE \"PLAIN\" \"{sasl}\""), "OK", &["OK", "NO", "BYE"])
        }
        Protocol::Submission => ("220 ", format!("AUTH PLAIN {sasl}"), "235", &["2", "4", "5"]),
        Protocol::Lmtp => unreachable!("LMTP has no login"),
    };
    until(&mut client, &[greeting]);
    if protocol == Protocol::Submission {
        client.send(b"EHLO client.test\r\n");
        until(&mut client, &["250 "]);
    }
    client.send(format!("{command}\r\n").as_bytes());
    let answer = until(&mut client, end);
    let answer = if answer.starts_with(good) { Ok(answer) } else { Err(answer) };
    (client, answer)
}

/// Reads up to a line that begins with one of these.
fn until(client: &mut Imap, starts: &[&str]) -> String {
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        if starts.iter().any(|start| line.starts_with(start)) {
            return line;
        }
    }
}

fn expect(client: &mut Imap, start: &str) {
    let line = client.line();
    client.expect(line.starts_with(start.as_bytes()), start);
}

fn sasl_plain(user: &str, password: &[u8]) -> String {
    let message = [b"\0", user.as_bytes(), b"\0", password].concat();
    let mut text = Vec::new();
    base64::encode(&message, &mut text);
    String::from_utf8(text).unwrap()
}

/// The listener of one protocol, none of them one of Dovecot's default, and how Hale comes to the guest.
fn service(protocol: Protocol, port: u16, backend: u16, way: Way<'_>) -> String {
    let (service, name) = (protocol.service_name(), protocol.name());
    let unused: &[&str] = match protocol {
        // The harness has named it.
        Protocol::Imap | Protocol::Lmtp => &[],
        Protocol::Pop3 => &["pop3", "pop3s"],
        Protocol::Sieve => &["sieve"],
        Protocol::Submission => &["submission", "submissions"],
    };
    let mut listeners = String::new();
    for name in unused {
        listeners += &format!("  inet_listener {name} {{\n    port = 0\n  }}\n");
    }
    if protocol != Protocol::Imap {
        listeners += &format!("  inet_listener in_clear {{\n    port = {port}\n  }}\n");
    }
    let tls = match way {
        Way::Clear => "no",
        Way::Starttls(_) => "starttls",
        Way::Implicit(_) => "yes",
    };
    format!(
        "service {service} {{\n{listeners}}}\nprotocol {name} {{\n  proxy_port = {backend}\n  proxy_ssl = {tls}\n}}\n"
    )
}
