//! POP3 through Hale with the clients people use.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use super::dovecot::{Pair, login_line};
use super::hale::Setup;
use super::imap::Imap;
use super::mail::{LARGE, assert_same_bytes, message};
use super::password::{PASSWORDS, add_all_users};
use super::tools::{CURL, FETCHMAIL, PYTHON, run};
use super::transfer::append;

#[test]
fn po_02_passwords_by_poplib_and_curl() {
    let pair = Pair::shared();
    add_all_users(pair);
    let mut setup = Setup::new(pair.port);
    for (user, password) in PASSWORDS {
        setup.add_users(&[user], password);
    }
    let pop3 = setup.serve_pop3_and_sieve(pair).pop3;
    let _hale = setup.start();
    for (user, password) in PASSWORDS {
        poplib(pop3, user, password);
        curl_logs_in(pop3, user, password);
    }
}

#[test]
fn po_09_mail_by_poplib_curl_and_fetchmail_and_what_is_pipelined() {
    let pair = Pair::shared();
    let mut setup = Setup::with_users(pair, &["pop3-mail"], b"two words #1");
    let pop3 = setup.serve_pop3_and_sieve(pair).pop3;
    let hale = setup.start();
    let mails = [message(700, 71), message(LARGE, 72)];
    let mut imap = hale.session("pop3-mail", b"two words #1");
    for mail in &mails {
        append(&mut imap, mail);
    }
    for (number, mail) in mails.iter().enumerate() {
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60", "--user"]);
        command.args(["pop3-mail:two words #1", &format!("pop3://{pop3}/{}", number + 1)]);
        assert_same_bytes(&run(&mut command), mail, "by curl");
    }
    let mut client = Imap::open_from(FROM, pop3);
    client.send(b"USER pop3-mail\r\nPASS two words #1\r\nSTAT\r\nQUIT\r\n");
    let said = String::from_utf8(client.rest()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 5 && lines[3].starts_with("+OK 2 "), "{said}");
    let line = login_line(pair, "pop3-mail");
    let log: Vec<String> =
        pair.backends.iter().flat_map(|backend| backend.logins("pop3-mail")).collect();
    let told = format!("rip={FROM},");
    assert!(log.iter().any(|line| line.contains("pop3-login") && line.contains(&told)), "{line}");
    fetchmail(hale.setup().path(), pop3, "pop3-mail", "two words #1", &mails);
}

#[test]
fn w_fail_4_a_wrong_password_is_refused_and_the_next_try_is_not() {
    let pair = Pair::shared();
    let mut setup = Setup::with_users(pair, &["pop3-again"], b"secret");
    let pop3 = setup.serve_pop3_and_sieve(pair).pop3;
    let _hale = setup.start();
    let mut client = Imap::open_from(FROM, pop3);
    client.send(b"USER pop3-again\r\nPASS wrong\r\nUSER pop3-again\r\nPASS secret\r\n");
    for expected in ["+OK ", "+OK ", "-ERR [AUTH] ", "+OK ", "+OK "] {
        let line = client.line();
        client.expect(line.starts_with(expected.as_bytes()), expected);
    }
}

/// The same against Dovecot itself: what fails here is not Hale's fault. The users are there already.
pub(crate) fn without_hale(pair: &Pair) {
    let address = SocketAddr::new(pair.backends[0].address().ip(), pair.pop3_port);
    for (user, password) in PASSWORDS {
        poplib(address, user, password);
        curl_logs_in(address, user, password);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

/// Where one of our clients comes from, so that the backend's log can tell it from Hale.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 71);

fn poplib(address: SocketAddr, user: &str, password: &[u8]) {
    const SCRIPT: &str = r#"
import base64, os, poplib, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], os.fsencode(sys.argv[4])
def connect():
    return poplib.POP3(host, port, timeout=60)
def say(client, line):
    client._putline(line)
    return client._getresp()
client = connect()
assert 'USER' in client.capa() and 'PLAIN' in client.capa()['SASL'], client.capa()
client.user(user)
try:
    say(client, b'PASS ' + password + b'x')
except poplib.error_proto as error:
    assert b'[AUTH]' in error.args[0], error
else:
    raise SystemExit('a wrong password was accepted')
client.user(user)
say(client, b'PASS ' + password)
client.stat()
client.quit()
message = base64.b64encode(b'\0' + user.encode() + b'\0' + password)
client = connect()
say(client, b'AUTH PLAIN ' + message)
client.quit()
client = connect()
client._putline(b'AUTH PLAIN')
assert client.file.readline() == b'+ \r\n'
say(client, message)
client.quit()
client = connect()
client._putline(b'AUTH LOGIN')
assert client.file.readline() == b'+ VXNlcm5hbWU6\r\n'
client._putline(base64.b64encode(user.encode()))
assert client.file.readline() == b'+ UGFzc3dvcmQ6\r\n'
say(client, base64.b64encode(password))
client.quit()
"#;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = PYTHON.command();
    command.args(["-c", SCRIPT, &host, &port, user]).arg(OsStr::from_bytes(password));
    run(&mut command);
}

fn curl_logs_in(address: SocketAddr, user: &str, password: &[u8]) {
    for mechanism in ["AUTH=PLAIN", "AUTH=LOGIN"] {
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60", "--user"]);
        command.arg(OsStr::from_bytes(&[user.as_bytes(), b":", password].concat()));
        command.args(["--login-options", mechanism]);
        command.arg(format!("pop3://{address}/"));
        run(&mut command);
    }
}

/// Fetches everything and looks for a piece of the last mail. It takes the mails away, so it comes last.
fn fetchmail(
    folder: &std::path::Path,
    address: SocketAddr,
    user: &str,
    password: &str,
    mails: &[Vec<u8>],
) {
    let folder = folder.join("fetchmail");
    fs::create_dir(&folder).unwrap();
    let (rc, delivered) = (folder.join("rc"), folder.join("mails"));
    // The delivery agent gets what a local user would: LF at line ends.
    let text = format!(
        "poll {} protocol POP3 port {} auth password\n  user \"{user}\" password \"{password}\"\n  sslproto \"\"\n  \
         no rewrite no mimedecode fetchall mda \"cat >>{}\"\n",
        address.ip(),
        address.port(),
        delivered.display()
    );
    fs::write(&rc, text).unwrap();
    fs::set_permissions(&rc, Permissions::from_mode(0o600)).unwrap();
    let mut command = FETCHMAIL.command();
    command.arg("-f").arg(&rc).args(["--nodetach", "--silent", "--pidfile"]);
    command.arg(folder.join("pid")).arg("--idfile").arg(folder.join("ids"));
    command.env("HOME", &folder).env("FETCHMAILHOME", &folder);
    run(&mut command);
    let got = fs::read(&delivered).unwrap();
    let last: Vec<u8> =
        mails.last().unwrap().iter().copied().filter(|&byte| byte != b'\r').collect();
    let piece = &last[last.len() / 2..][..1000];
    assert!(got.windows(piece.len()).any(|part| part == piece), "the mail is not there");
}
