//! Mail for several recipients through Hale to real Dovecots, as an MTA would send it.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::resident_bytes;
use super::mail::{assert_same_bytes, message};
use super::ports::{FRONT, free_port};
use super::tools::{PYTHON, run};
use super::wait::{PATIENCE, wait_for};

/// Hale with an LMTP listener in front of two Dovecots that take LMTP.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) hale: Hale,
    pub(crate) port: u16,
    /// Where the Dovecots take LMTP themselves.
    pub(crate) backend_port: u16,
    pub(crate) users: Vec<String>,
}

impl Stage {
    fn new(count: usize) -> Self {
        Self::with(count, "", |_| {})
    }

    /// The same with more lines for the Dovecots, and with whatever else Hale is to have.
    pub(crate) fn with(count: usize, dovecot: &str, prepare: impl FnOnce(&mut Setup)) -> Self {
        let (backend_port, port) = (free_port(), free_port());
        // The static user database asks the passwords whether a user exists.
        let pair = Pair::start_with(&format!(
            "protocols = imap lmtp\nservice lmtp {{\n  user = \n  inet_listener lmtp {{\n    port = {backend_port}\n  }}\n}}\n\
             protocol lmtp {{\n  postmaster_address = postmaster@example.org\n}}\n{dovecot}"
        ));
        let users: Vec<String> = (0..count).map(|number| format!("mail-{number}")).collect();
        let names: Vec<&str> = users.iter().map(String::as_str).collect();
        let mut setup = Setup::with_users(&pair, &names, b"secret");
        setup.configure(&format!(
            "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {port}\n  }}\n}}\n\
             protocol lmtp {{\n  proxy_port = {backend_port}\n}}\n"
        ));
        prepare(&mut setup);
        let hale = setup.start();
        Self { pair, hale, port, backend_port, users }
    }

    fn client(&self) -> Lmtp {
        let mut client = Lmtp::connect(self.port);
        client.command("LHLO mx.example", 250);
        client
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.hale.setup().path().join("hale.log")).unwrap_or_default()
    }

    /// On which backend a user's mail ends, by the line of his delivery.
    pub(crate) fn home(&self, user: &str) -> usize {
        let wanted = format!("to=<{user}>");
        let line = wait_for(&format!("the delivery to {user}"), PATIENCE, || {
            let log = self.log();
            let mut lines = log.lines().filter(|line| line.contains(&wanted));
            lines.next().map(str::to_owned)
        });
        usize::from(line.contains("backend=be2.test"))
    }

    /// Sends 100 MB on a connection that has said LHLO and looks at Hale's memory meanwhile.
    pub(crate) fn assert_passes_large(&self, client: &mut Lmtp) {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        client.envelope(&names);
        assert_eq!(client.data(&message(10_000, 1), names.len()), vec![250; names.len()]);
        let mut part = message(1 << 20, 7);
        // No line of it begins with a dot, or it would have to be stuffed.
        for at in 2..part.len() {
            if part[at] == b'.' && part[..at].ends_with(b"\r\n") {
                part[at] = b'x';
            }
        }
        let resident = || resident_bytes(self.hale.process_id());
        let before = resident();
        let mut most = before;
        client.envelope(&names[..1]);
        client.command("DATA", 354);
        for _ in 0..100 {
            client.send(&part);
            most = most.max(resident());
        }
        client.send(b".\r\n");
        assert_eq!(client.reply().0, 250);
        let grown = most.max(resident()).saturating_sub(before);
        assert!(grown < 1 << 20, "{grown} bytes more than before");
        let log = wait_for("the second delivery", PATIENCE, || {
            Some(self.log()).filter(|log| log.contains(&format!("size={}", part.len() * 100)))
        });
        assert!(log.contains("lmtp: delivered to=<mail-0>"), "{log}");
    }

    /// Messages in a user's mailbox on a backend.
    pub(crate) fn mails(&self, backend: usize, user: &str) -> Vec<Vec<u8>> {
        let (mut client, count) = self.select(backend, user);
        (1..=count).map(|number| client.fetch("f", number)).collect()
    }

    /// How many they are.
    pub(crate) fn count(&self, backend: usize, user: &str) -> usize {
        self.select(backend, user).1
    }

    fn select(&self, backend: usize, user: &str) -> (Imap, usize) {
        let mut client = Imap::connect(self.pair.backends[backend].address());
        client.login(user, b"secret");
        let lines = client.command("s", "SELECT INBOX");
        let text = String::from_utf8_lossy(&lines.join(&b"\n"[..])).into_owned();
        let count = text.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS"));
        (client, count.unwrap().trim().parse().unwrap())
    }
}

/// A small LMTP client.
pub(crate) struct Lmtp(BufReader<TcpStream>);

impl Lmtp {
    pub(crate) fn connect(port: u16) -> Self {
        Self::greeted(TcpStream::connect((FRONT, port)).unwrap())
    }

    /// On an open connection that is greeted now.
    pub(crate) fn greeted(stream: TcpStream) -> Self {
        let mut client = Self::open(stream);
        assert_eq!(client.reply().0, 220);
        client
    }

    /// On an open connection in the middle of its dialogue.
    pub(crate) fn open(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Code and last line of the next reply.
    pub(crate) fn reply(&mut self) -> (u16, String) {
        let mut lines = self.lines();
        let last = lines.pop().unwrap();
        (last[..3].parse().unwrap(), last)
    }

    /// All lines of the next reply.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            assert!(line.len() > 3, "the connection ended where a reply was due");
            let is_last = line.as_bytes()[3] != b'-';
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Reads on; whether that was the end.
    pub(crate) fn reads_the_end(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    pub(crate) fn command(&mut self, words: &str, code: u16) -> String {
        self.send(format!("{words}\r\n").as_bytes());
        let (got, line) = self.reply();
        assert_eq!(got, code, "{words}: {line}");
        line
    }

    /// MAIL and RCPT for each, all of them accepted.
    pub(crate) fn envelope(&mut self, recipients: &[&str]) {
        self.command("MAIL FROM:<sender@example.org> BODY=8BITMIME", 250);
        for recipient in recipients {
            self.command(&format!("RCPT TO:<{recipient}>"), 250);
        }
    }

    /// The message behind DATA, and the code of each recipient.
    pub(crate) fn data(&mut self, mail: &[u8], recipients: usize) -> Vec<u16> {
        self.command("DATA", 354);
        let mut stuffed = Vec::with_capacity(mail.len() + 1000);
        for line in mail.split_inclusive(|&byte| byte == b'\n') {
            // Only what stands behind CRLF is a line.
            let begins = stuffed.is_empty() || stuffed.ends_with(b"\r\n");
            if begins && line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        self.send(&stuffed);
        self.send(b".\r\n");
        (0..recipients).map(|_| self.reply().0).collect()
    }
}

#[test]
fn lm_02_two_backends_one_down_one_250_one_451_one_delivery() {
    // Homes are drawn: that all live on one backend is one chance in half a million.
    let stage = Stage::new(20);
    let names: Vec<&str> = stage.users.iter().map(String::as_str).collect();
    let mut client = stage.client();
    client.envelope(&names);
    let first = message(50_000, 1);
    assert_eq!(client.data(&first, 20), [250; 20]);
    let homes: Vec<usize> = names.iter().map(|user| stage.home(user)).collect();
    let [near, far] = [0, 1].map(|home| {
        let at = homes.iter().position(|found| *found == home);
        names[at.expect("twenty users live on both backends")]
    });
    for (user, home) in names.iter().zip(&homes) {
        let mails = stage.mails(*home, user);
        assert_eq!(mails.len(), 1, "{user}");
        let at = mails[0].len() - first.len();
        assert_same_bytes(&mails[0][at..], &first, user);
        assert!(stage.mails(1 - home, user).is_empty(), "{user} lives on one backend only");
    }

    // The second message: one backend goes away between RCPT and DATA, or is gone before.
    stage.pair.backends[1].kill();
    client.command("MAIL FROM:<>", 250);
    client.send(format!("RCPT TO:<{far}>\r\nRCPT TO:<{near}>\r\n").as_bytes());
    assert_eq!([client.reply().0, client.reply().0], [451, 250]);
    assert_eq!(client.data(b"Subject: second\r\n\r\n..\r\n", 1), [250]);
    client.command("QUIT", 221);
    assert_eq!(stage.mails(0, near).len(), 2);
    let deliveries = || stage.log().lines().filter(|line| line.contains("lmtp: delivered")).count();
    wait_for("a line for each delivery", PATIENCE, || (deliveries() == 21).then_some(()));
}

#[test]
fn lm_05_a_hidden_end_stays_in_the_message() {
    let stage = Stage::new(1);
    let mail: &[u8] =
        b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@example.org>\nb\n.\r\nQUIT\r\nc\r.\rd\r\n.e\r\n";
    let mut client = stage.client();
    client.envelope(&["mail-0+detail"]);
    assert_eq!(client.data(mail, 1), [250]);
    // And by chunks, one of which ends in the middle of it.
    client.envelope(&["mail-0"]);
    let (head, tail) = mail.split_at(17);
    client.send(format!("BDAT {}\r\n", head.len()).as_bytes());
    client.send(head);
    assert_eq!(client.reply().0, 250);
    client.send(format!("BDAT {} LAST\r\n", tail.len()).as_bytes());
    client.send(tail);
    assert_eq!(client.reply().0, 250);
    let home = stage.home("mail-0");
    let mails = stage.mails(home, "mail-0");
    assert_eq!(mails.len(), 2);
    // Dovecot stores lines with CRLF, whatever they came with; so both have to be alike, and nothing may be missing.
    let bodies: Vec<Vec<u8>> = mails
        .iter()
        .map(|mail| {
            let text = String::from_utf8_lossy(mail).into_owned();
            let at = text.find("Subject: x").unwrap();
            text[at..].bytes().filter(|byte| *byte != b'\r').collect()
        })
        .collect();
    let wanted: Vec<u8> = mail.iter().copied().filter(|byte| *byte != b'\r').collect();
    for body in bodies {
        assert_same_bytes(&body, &wanted, "the message");
    }
}

#[test]
fn lm_06_a_hundred_megabytes_pass_and_leave_no_trace_in_memory() {
    let stage = Stage::new(4);
    let mut client = stage.client();
    stage.assert_passes_large(&mut client);
}

#[test]
fn lm_09_ten_thousand_recipients_are_a_thousand() {
    let stage = Stage::new(1);
    let mut client = stage.client();
    client.command("MAIL FROM:<>", 250);
    let before = resident_bytes(stage.hale.process_id());
    let mut codes = [0_usize; 2];
    for _ in 0..100 {
        client.send(&b"RCPT TO:<mail-0>\r\n".repeat(100));
        for _ in 0..100 {
            match client.reply() {
                (250, _) => codes[0] += 1,
                (452, _) => codes[1] += 1,
                (_, line) => panic!("{line}"),
            }
        }
    }
    assert_eq!(codes, [1000, 9000]);
    let grown = resident_bytes(stage.hale.process_id()).saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more than before");
    assert_eq!(client.data(b"Subject: x\r\n\r\n", 1000), [250; 1000]);
}

#[test]
fn w_lmtp_a_real_client_delivers_and_is_told_about_each_recipient() {
    let stage = Stage::new(3);
    const SCRIPT: &str = r#"
import smtplib, sys
lmtp = smtplib.LMTP("127.0.0.1", int(sys.argv[1]))
mail = "Subject: from smtplib\r\n\r\n.a dot\r\n"
refused = lmtp.sendmail("sender@example.org", ["mail-0", "mail-1", "nobody", "mail-2+box"], mail)
assert list(refused) == ["nobody"] and refused["nobody"][0] == 550, refused
lmtp.quit()
"#;
    run(PYTHON.command().args(["-c", SCRIPT, &stage.port.to_string()]));
    for user in ["mail-0", "mail-1"] {
        let mails = stage.mails(stage.home(user), user);
        assert!(mails.len() == 1 && mails[0].ends_with(b"\r\n\r\n.a dot\r\n"), "{user}");
    }
    let log = stage.log();
    assert!(
        log.contains(
            "lmtp: recipient refused: unknown user code=invalid_credentials user=<nobody>"
        ),
        "{log}"
    );
}
