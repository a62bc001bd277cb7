//! Passwords that proxies like to break, through every way a client can send them.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::mail::message;
use super::tools::{CURL, PYTHON, run};
use super::transfer::{append, mbsync_pull};

/// Each with a user of its own. Colons are left out: the password files of both programs end a field there.
pub(crate) const PASSWORDS: &[(&str, &[u8])] = &[
    ("password-space", b"two words"),
    ("password-spaces", b" before and after "),
    ("password-quote", b"a\"quote\""),
    ("password-backslash", b"back\\slash"),
    ("password-ends", b"ends with \\"),
    ("password-braces", b"{5}"),
    ("password-percent", b"%u%{user}*()"),
    ("password-utf8", "gr\u{fc}n \u{1f511}".as_bytes()),
    ("password-latin1", b"gr\xfcn \xff\xfe"),
    ("password-all", b"a \"b\" \\c\\ \xc3\xa9 {3+} 'd' $e `f`"),
];

#[test]
fn im_07_passwords_by_every_form_of_login() {
    behind_hale(login_forms);
}

#[test]
fn im_07_passwords_by_imaplib() {
    behind_hale(imaplib);
}

#[test]
fn im_07_passwords_by_curl() {
    behind_hale(curl);
}

#[test]
fn im_07_passwords_by_mbsync() {
    behind_hale(mbsync);
}

/// Runs `check` for each password, behind one Hale.
fn behind_hale(check: Check) {
    let pair = Pair::shared();
    add_all_users(pair);
    let mut setup = Setup::new(pair.port);
    for (user, password) in PASSWORDS {
        setup.add_users(&[user], password);
    }
    let hale = setup.start();
    for (user, password) in PASSWORDS {
        check(hale.address(), user, password);
    }
}

/// Runs every check against Dovecot itself: what fails here is not Hale's fault.
pub(crate) fn without_hale(pair: &Pair) {
    add_all_users(pair);
    for check in [login_forms, imaplib, curl, mbsync] {
        for (user, password) in PASSWORDS {
            check(pair.backends[0].address(), user, password);
        }
    }
}

pub(crate) fn add_all_users(pair: &Pair) {
    for (user, password) in PASSWORDS {
        pair.add_user(user, password);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

type Check = fn(SocketAddr, &str, &[u8]);

fn login_forms(address: SocketAddr, user: &str, password: &[u8]) {
    let mut quoted = Imap::connect(address);
    quoted.login(user, password);
    let mut wrong = Imap::connect(address);
    let accepted = wrong.try_login(user, &[password, b"x"].concat());
    wrong.expect(!accepted, "a refusal of a wrong password");

    let mut literal = Imap::connect(address);
    literal.send(format!("l LOGIN {{{}}}\r\n", user.len()).as_bytes());
    expect_continuation(&mut literal);
    literal.send(format!("{user} {{{}}}\r\n", password.len()).as_bytes());
    expect_continuation(&mut literal);
    literal.send(&[password, b"\r\n"].concat());
    literal.expect_tagged_ok("l");

    let mut pipelined = Imap::connect(address);
    let mut flight = format!("l LOGIN {user} {{{}+}}\r\n", password.len()).into_bytes();
    flight.extend([password, b"\r\nn NOOP\r\n"].concat());
    pipelined.send(&flight);
    pipelined.expect_tagged_ok("l");
    pipelined.expect_tagged_ok("n");
}

fn imaplib(address: SocketAddr, user: &str, password: &[u8]) {
    const SCRIPT: &str = r#"
import imaplib, os, sys
host, port, user, password = os.fsencode(sys.argv[1]).decode(), int(sys.argv[2]), sys.argv[3], os.fsencode(sys.argv[4])
client = imaplib.IMAP4(host, port, timeout=60)
client.authenticate('PLAIN', lambda _: b'\0' + user.encode() + b'\0' + password)
client.noop()
client.logout()
if password.isascii():
    client = imaplib.IMAP4(host, port, timeout=60)
    client.login(user, password.decode())
    client.logout()
client = imaplib.IMAP4(host, port, timeout=60)
answers = [user.encode(), password]
client.authenticate('LOGIN', lambda _: answers.pop(0))
client.logout()
client = imaplib.IMAP4(host, port, timeout=60)
try:
    client.authenticate('PLAIN', lambda _: b'\0' + user.encode() + b'\0wrong')
except imaplib.IMAP4.error as error:
    assert 'AUTHENTICATIONFAILED' in str(error), error
else:
    raise SystemExit('a wrong password was accepted')
"#;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = PYTHON.command();
    command.args(["-c", SCRIPT, &host, &port, user]).arg(OsStr::from_bytes(password));
    run(&mut command);
}

fn curl(address: SocketAddr, user: &str, password: &[u8]) {
    for mechanism in ["PLAIN", "LOGIN"] {
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60", "--user"]);
        command.arg(OsStr::from_bytes(&[user.as_bytes(), b":", password].concat()));
        command.args(["--login-options", &format!("AUTH={mechanism}")]);
        command.arg(format!("imap://{address}/"));
        let folders = run(&mut command);
        assert!(folders.starts_with(b"* LIST"), "{}", folders.escape_ascii());
    }
}

fn mbsync(address: SocketAddr, user: &str, password: &[u8]) {
    let mail = message(500, 30);
    let mut client = Imap::connect(address);
    client.login(user, password);
    append(&mut client, &mail);
    mbsync_pull(address, user, password, &[mail]);
    client.command("s", "SELECT INBOX");
    client.command("d", "STORE 1:* +FLAGS.SILENT \\Deleted");
    client.command("e", "EXPUNGE");
}

fn expect_continuation(client: &mut Imap) {
    let line = client.line();
    client.expect(line.starts_with(b"+ "), "a continuation");
}
