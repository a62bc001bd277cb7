//! Submission through Hale to Dovecot's submission service, and from there to a mail server of the test.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use super::dovecot::{self, Pair};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::mail::{assert_same_bytes, message};
use super::ports::{FRONT, free_port};
use super::smtp_relay::SmtpRelay;
use super::tools::{CURL, PYTHON, SWAKS, run};

/// Hale in front of two Dovecots that hand mail to a relay.
struct Mailing {
    hale: Hale,
    address: SocketAddr,
    pair: Pair,
    relay: SmtpRelay,
}

impl Mailing {
    fn start(users: &[(&str, &[u8])], configuration: &str) -> Self {
        let relay = SmtpRelay::start();
        let (port, backend_port) = (free_port(), free_port());
        let pair = Pair::start_with(&format!(
            "protocols = imap submission\nhostname = backend.test\n\
             submission_relay_host = {}\nsubmission_relay_port = {}\n\
             service submission-login {{\n chroot =\n inet_listener submission {{\n port = {backend_port}\n }}\n\
             inet_listener submissions {{\n port = 0\n }}\n}}\n",
            relay.address().ip(),
            relay.address().port(),
        ));
        let mut setup = Setup::new(pair.port);
        for (user, password) in users {
            pair.add_user(user, password);
            setup.add_users(&[user], password);
        }
        // Of equal settings the last one counts.
        setup.configure(&format!(
            "protocols = imap submission\nhostname = hale.test\n\
             service submission-login {{\n inet_listener submission {{\n port = {port}\n }}\n\
             inet_listener submissions {{\n port = 0\n }}\n}}\n\
             protocol submission {{\n proxy_port = {backend_port}\n}}\n{configuration}"
        ));
        Self { hale: setup.start(), address: (FRONT, port).into(), pair, relay }
    }

    /// A connection that has read banner and keywords.
    fn client(&self) -> Imap {
        let mut client = Imap::open_from(CLIENT, self.address);
        expect(&mut client, "220 hale.test ESMTP Hale ready.");
        client.send(b"EHLO client.test\r\n");
        for line in ["250-hale.test", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-PIPELINING"] {
            expect(&mut client, line);
        }
        expect(&mut client, "250-AUTH PLAIN LOGIN");
        // The tests' clients are trusted peers, as is every client on this host.
        expect(&mut client, "250 XCLIENT ");
        client
    }

    /// The login in a backend's log.
    fn login_line(&self, user: &str) -> String {
        dovecot::login_line(&self.pair, user)
    }

    /// The next message at the relay, which Dovecot has put a header in front of.
    fn arrives(&self, sent: &[u8]) -> String {
        let mail = self.relay.next_mail();
        assert_eq!(mail.envelope.len(), 2, "{:?}", mail.envelope);
        assert!(mail.envelope[0].starts_with("MAIL FROM:<a@example.org>"), "{:?}", mail.envelope);
        assert!(mail.envelope[1].starts_with("RCPT TO:<b@example.org>"), "{:?}", mail.envelope);
        let (header, text) = mail.text.split_at(mail.text.len().saturating_sub(sent.len()));
        assert_same_bytes(text, sent, "at the relay");
        String::from_utf8(header.to_vec()).unwrap()
    }
}

/// No other client comes from here.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

fn expect(client: &mut Imap, start: &str) {
    let line = String::from_utf8(client.line()).unwrap();
    assert!(line.starts_with(start), "expected `{start}`, got `{line}`");
}

// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn w_sub_b4_mail_arrives_and_the_backend_knows_the_client() {
    let mailing = Mailing::start(&[("sender", b"secret")], "");
    let mut client = mailing.client();
    // NUL "sender" NUL "secret"; what stands behind it is the backend's.
    client.send(b"AUTH PLAIN AHNlbmRlcgBzZWNyZXQ=\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n");
    expect(&mut client, "235 2.7.0 ");
    expect(&mut client, "250 2.1.0");
    expect(&mut client, "250 2.1.5");
    let mail = message(100_000, 41);
    client.send(b"DATA\r\n");
    expect(&mut client, "354 ");
    client.send(&stuffed(&mail));
    expect(&mut client, "250 2.0.0");
    client.send(b"QUIT\r\n");
    expect(&mut client, "221 2.0.0");
    let header = mailing.arrives(&mail);
    // W-SUB-B3, W-SUB-B11: the client's address travelled on; Dovecot takes the name from the EHLO behind XCLIENT.
    assert!(header.starts_with("Received: from hale.test ([127.0.0.66])"), "{header}");
    let line = mailing.login_line("sender");
    assert!(line.contains(&format!("rip={CLIENT},")), "{line}");
}

#[test]
fn w_sub_3_mail_behind_a_failing_login_is_refused() {
    let mailing = Mailing::start(&[("careful", b"secret")], "");
    let mut client = mailing.client();
    client.send(b"AUTH PLAIN AGNhcmVmdWwAd3Jvbmc=\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n");
    expect(&mut client, "535 5.7.8 Authentication failed.");
    expect(&mut client, "530 5.7.0");
    expect(&mut client, "221 2.0.0");
}

#[test]
fn w_fail_5_a_backend_that_refuses_answers_in_our_words() {
    let mailing = Mailing::start(&[("changed", b"here")], "");
    for backend in &mailing.pair.backends {
        backend.add_users(&["changed"], b"elsewhere");
    }
    let mut client = mailing.client();
    // NUL "changed" NUL "here".
    client.send(b"AUTH PLAIN AGNoYW5nZWQAaGVyZQ==\r\n");
    expect(&mut client, "535 5.7.8 Authentication failed.");
    drop(mailing.hale);
}

#[test]
fn su_02_odd_passwords_by_smtplib() {
    const SCRIPT: &str = r#"
import os, smtplib, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], os.fsencode(sys.argv[4])
message = sys.stdin.buffer.read()
client = smtplib.SMTP(host, port, timeout=60)
client.ehlo('client.test')
answers = [user.encode(), password]
if password.isascii():
    client.user, client.password = user, password.decode()
    client.auth('LOGIN', client.auth_login)
else:
    import base64
    token = base64.b64encode(b'\0' + user.encode() + b'\0' + password).decode()
    code, text = client.docmd('AUTH', 'PLAIN ' + token)
    assert code == 235, (code, text)
client.sendmail('a@example.org', ['b@example.org'], message)
client.quit()
"#;
    const USERS: &[(&str, &[u8])] = &[
        ("smtp-space", b" before and after "),
        ("smtp-odd", b"a\"quote\" back\\slash %u%{user} = + *"),
        ("smtp-latin1", b"gr\xfcn \xff\xfe"),
        ("smtp-utf8", "gr\u{fc}n \u{1f511}".as_bytes()),
        ("smtp-long", &[b'x'; 500]),
    ];
    let mailing = Mailing::start(USERS, "");
    for (number, (user, password)) in USERS.iter().enumerate() {
        let mail = message(5000, u64::try_from(number).unwrap());
        let (host, port) = (mailing.address.ip().to_string(), mailing.address.port().to_string());
        let mut command = PYTHON.command();
        command.args(["-c", SCRIPT, &host, &port, user]).arg(OsStr::from_bytes(password));
        run_with_input(command, &mail);
        mailing.arrives(&mail);
    }
}

#[test]
fn wire_10_1_mail_by_curl_with_both_mechanisms() {
    let mailing = Mailing::start(&[("curl-sender", b"se cret")], "");
    let folder = tempfile::tempdir().unwrap();
    for (number, mechanism) in ["PLAIN", "LOGIN"].into_iter().enumerate() {
        let mail = message(200_000, u64::try_from(number).unwrap());
        let file = folder.path().join("mail");
        std::fs::write(&file, &mail).unwrap();
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60"]);
        command.args(["--user", "curl-sender:se cret"]);
        command.args(["--login-options", &format!("AUTH={mechanism}")]);
        command.args(["--mail-from", "a@example.org", "--mail-rcpt", "b@example.org"]);
        command.arg("--upload-file").arg(&file);
        command.arg(format!("smtp://{}/client.test", mailing.address));
        run(&mut command);
        mailing.arrives(&mail);
    }
}

#[test]
fn w_fwd_1_mail_by_swaks_as_a_proxy_that_names_its_client() {
    let mailing = Mailing::start(&[("swaks-sender", b"secret")], "");
    let mut command = SWAKS.command();
    command.args(["--server", &mailing.address.ip().to_string(), "--port"]);
    command.arg(mailing.address.port().to_string());
    command.args(["--auth", "PLAIN", "--auth-user", "swaks-sender", "--auth-password", "secret"]);
    command.args(["--from", "a@example.org", "--to", "b@example.org", "--timeout", "60"]);
    command.args(["--ehlo", "proxy.test", "--data", "Subject: hi\n\nfrom swaks\n..\n"]);
    command.args(["--xclient-addr", "192.0.2.66", "--xclient-helo", "client.test"]);
    run(&mut command);
    let mail = mailing.relay.next_mail();
    assert!(String::from_utf8_lossy(&mail.text).contains("from swaks\r\n"), "{mail:?}");
    let line = mailing.login_line("swaks-sender");
    assert!(line.contains("rip=192.0.2.66,"), "{line}");
}

/// A message as DATA carries it.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + 100);
    for line in mail.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend(line);
    }
    stuffed.extend(b".\r\n");
    stuffed
}

/// Runs a command that reads its input to the end.
fn run_with_input(mut command: std::process::Command, input: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), input).unwrap();
    command.stdin(std::fs::File::open(file.path()).unwrap());
    run(&mut command);
}
