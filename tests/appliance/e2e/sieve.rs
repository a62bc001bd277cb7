//! ManageSieve through Hale: scripts stored, listed and read again.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use super::dovecot::{Pair, login_line};
use super::hale::Setup;
use super::imap::Imap;
use super::password::{PASSWORDS, add_all_users};
use super::tools::{PYTHON, run};

#[test]
fn w_sv_1_scripts_with_odd_passwords() {
    let pair = Pair::shared();
    add_all_users(pair);
    let mut setup = Setup::new(pair.port);
    for (user, password) in PASSWORDS {
        setup.add_users(&[user], password);
    }
    let sieve = setup.serve_pop3_and_sieve(pair).sieve;
    let _hale = setup.start();
    for (user, password) in PASSWORDS {
        managesieve(sieve, user, password);
    }
}

#[test]
fn w_fwd_1_the_backend_learns_the_clients_address() {
    let pair = Pair::shared();
    let mut setup = Setup::with_users(pair, &["sieve-told"], b"secret");
    let sieve = setup.serve_pop3_and_sieve(pair).sieve;
    let _hale = setup.start();
    let from = Ipv4Addr::new(127, 0, 0, 72);
    let mut client = Imap::open_from(from, sieve);
    while !client.line().starts_with(b"OK ") {}
    // NUL "sieve-told" NUL "secret"; what is pipelined behind it is the backend's.
    client.send(b"AUTHENTICATE \"PLAIN\" \"AHNpZXZlLXRvbGQAc2VjcmV0\"\r\nNOOP \"here\"\r\n");
    let line = client.line();
    client.expect(line.starts_with(b"OK"), "a login");
    let line = client.line();
    client.expect(line.starts_with(b"OK (TAG \"here\")"), "the backend's reply");
    let line = login_line(pair, "sieve-told");
    assert!(line.contains("managesieve-login") && line.contains(&format!("rip={from},")), "{line}");
}

/// The same against Dovecot itself: what fails here is not Hale's fault. The users are there already.
pub(crate) fn without_hale(pair: &Pair) {
    let address = SocketAddr::new(pair.backends[0].address().ip(), pair.sieve_port);
    for (user, password) in PASSWORDS {
        managesieve(address, user, password);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

/// A dialogue as ManageSieve clients lead it, with quoted strings and with literals.
fn managesieve(address: SocketAddr, user: &str, password: &[u8]) {
    const SCRIPT: &str = r#"
import base64, os, re, socket, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], os.fsencode(sys.argv[4])
class Client:
    def __init__(self):
        self.file = socket.create_connection((host, port), timeout=60).makefile('rwb')
        self.greeting = self.answer()
    def answer(self):
        lines = []
        while True:
            line = self.file.readline()
            assert line, lines
            literal = re.search(rb'\{(\d+)\}\r\n$', line)
            while literal:
                line += self.file.read(int(literal[1]))
                more = self.file.readline()
                line += more
                literal = re.search(rb'\{(\d+)\}\r\n$', more)
            lines.append(line)
            if line.startswith((b'OK', b'NO', b'BYE')):
                return lines
    def say(self, command, wanted=b'OK'):
        self.file.write(command + b'\r\n')
        self.file.flush()
        answer = self.answer()
        assert answer[-1].startswith(wanted), (command, answer)
        return answer
message = base64.b64encode(b'\0' + user.encode() + b'\0' + password)
client = Client()
assert any(line.startswith(b'"SIEVE" "fileinto ') for line in client.greeting), client.greeting
client.say(b'LISTSCRIPTS', b'NO')
wrong = base64.b64encode(b'\0' + user.encode() + b'\0wrong')
client.say(b'AUTHENTICATE "PLAIN" "' + wrong + b'"', b'NO')
client.say(b'AUTHENTICATE "PLAIN" {%d+}\r\n%s' % (len(message), message))
script = b'require "fileinto";\r\nif header :contains "Subject" "x" { fileinto "\xc3\xa9"; }\r\n' + b'# ' + b'y' * 70 + b'\r\n'
client.say(b'HAVESPACE "one" %d' % len(script))
client.say(b'PUTSCRIPT "one" {%d+}\r\n%s' % (len(script), script))
client.say(b'SETACTIVE "one"')
assert b'"one" ACTIVE\r\n' in client.say(b'LISTSCRIPTS')
assert client.say(b'GETSCRIPT "one"')[0] == b'{%d}\r\n%s\r\n' % (len(script), script)
client.say(b'PUTSCRIPT "bad" "frobnicate;"', b'NO')
client.say(b'LOGOUT')
client = Client()
client.file.write(b'AUTHENTICATE "PLAIN"\r\n')
client.file.flush()
assert client.file.readline() == b'""\r\n'
client.say(b'"' + message + b'"')
client.say(b'SETACTIVE ""')
client.say(b'DELETESCRIPT "one"')
assert client.say(b'LISTSCRIPTS')[:-1] == []
client.say(b'LOGOUT')
client = Client()
client.file.write(b'AUTHENTICATE "LOGIN"\r\n')
client.file.flush()
assert client.file.readline() == b'"VXNlcm5hbWU6"\r\n'
client.file.write(b'"' + base64.b64encode(user.encode()) + b'"\r\n')
client.file.flush()
assert client.file.readline() == b'"UGFzc3dvcmQ6"\r\n'
client.say(b'"' + base64.b64encode(password) + b'"')
client.say(b'LOGOUT')
"#;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = PYTHON.command();
    command.args(["-c", SCRIPT, &host, &port, user]).arg(OsStr::from_bytes(password));
    run(&mut command);
}
