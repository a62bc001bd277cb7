//! Large messages through the relay, with the clients people use, compared byte for byte.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::mail::{LARGE, assert_same_bytes, message};
use super::tools::{CURL, MBSYNC, PYTHON, run};

#[test]
fn w_rel_3_ten_megabytes_by_imaplib() {
    let hale = Setup::with_users(Pair::shared(), &["large-imaplib"], b"secret").start();
    imaplib_round_trip(hale.address(), "large-imaplib", "secret", &message(LARGE, 2));
}

#[test]
fn w_rel_3_ten_megabytes_by_curl() {
    let hale = Setup::with_users(Pair::shared(), &["large-curl"], b"secret").start();
    curl_round_trip(hale.address(), "large-curl", "secret", &message(LARGE, 3), 1);
}

#[test]
fn w_rel_3_ten_megabytes_by_mbsync() {
    let hale = Setup::with_users(Pair::shared(), &["large-mbsync"], b"secret").start();
    let mails = [message(LARGE, 4), message(700, 5)];
    let mut client = hale.session("large-mbsync", b"secret");
    for mail in &mails {
        append(&mut client, mail);
    }
    mbsync_pull(hale.address(), "large-mbsync", b"secret", &mails);
}

/// Odd sizes around the capacities of pages, pipes and buffers, in one session.
#[test]
fn be_15_odd_sizes_around_pipe_and_buffer_capacity() {
    let hale = Setup::with_users(Pair::shared(), &["odd-sizes"], b"secret").start();
    let mut client = hale.session("odd-sizes", b"secret");
    let edges = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
    let sizes: Vec<usize> = edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]).collect();
    let mails: Vec<_> = sizes.iter().zip(10..).map(|(size, seed)| message(*size, seed)).collect();
    for mail in &mails {
        append(&mut client, mail);
    }
    client.command("s", "SELECT INBOX");
    for (at, mail) in mails.iter().enumerate() {
        let got = client.fetch("f", at + 1);
        assert_same_bytes(&got, mail, &format!("message of {} bytes", mail.len()));
    }
}

/// Twenty sessions at once: no byte of one in another, and every direction changes between small and large.
#[test]
fn w_rel_4_and_be_16_many_sessions_switch_between_small_and_large() {
    let names: Vec<String> = (0..20).map(|number| format!("switch-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let hale = Setup::with_users(Pair::shared(), &users, b"secret").start();
    std::thread::scope(|scope| {
        for (user, seed) in users.iter().zip(100..) {
            let hale = &hale;
            scope.spawn(move || {
                let mail = message(1_000_001, seed);
                let mut client = hale.session(user, b"secret");
                append(&mut client, &mail);
                client.command("s", "SELECT INBOX");
                for _ in 0..3 {
                    client.command("n", "NOOP");
                    assert_same_bytes(&client.fetch("f", 1), &mail, user);
                }
            });
        }
    });
}

// ---------------------------------------------------------------------------------------------------------------------

/// Stores one message in INBOX with a synchronising literal.
pub(crate) fn append(client: &mut Imap, mail: &[u8]) {
    client.send(format!("a APPEND INBOX {{{}}}\r\n", mail.len()).as_bytes());
    let line = client.line();
    client.expect(line.starts_with(b"+"), "a continuation");
    client.send(mail);
    client.send(b"\r\n");
    client.expect_tagged_ok("a");
}

/// Python's imaplib stores a message, reads it back and compares.
pub(crate) fn imaplib_round_trip(address: SocketAddr, user: &str, password: &str, mail: &[u8]) {
    const SCRIPT: &str = r#"
import imaplib, sys
host, port, user, password, path = sys.argv[1:]
sent = open(path, 'rb').read()
client = imaplib.IMAP4(host, int(port), timeout=60)
client.login(user, password)
assert client.append('INBOX', None, None, sent)[0] == 'OK'
count = int(client.select('INBOX')[1][0])
answer = client.fetch(str(count), '(BODY.PEEK[])')[1]
got = answer[0][1]
assert got == sent, f'{len(got)} bytes came back for {len(sent)}, or others'
client.noop()
client.logout()
"#;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mail");
    fs::write(&path, mail).unwrap();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = PYTHON.command();
    command.args(["-c", SCRIPT, &host, &port, user, password]).arg(path);
    run(&mut command);
}

/// curl stores a message and reads it back by its sequence number.
pub(crate) fn curl_round_trip(
    address: SocketAddr,
    user: &str,
    password: &str,
    mail: &[u8],
    sequence: usize,
) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mail");
    fs::write(&path, mail).unwrap();
    let credentials = format!("{user}:{password}");
    let mut upload = curl(&credentials);
    upload.arg("--upload-file").arg(path).arg(format!("imap://{address}/INBOX"));
    run(&mut upload);
    let mut download = curl(&credentials);
    download.arg(format!("imap://{address}/INBOX;MAILINDEX={sequence}"));
    assert_same_bytes(&run(&mut download), mail, "curl");
}

fn curl(credentials: &str) -> std::process::Command {
    let mut command = CURL.command();
    command.args(["--silent", "--show-error", "--max-time", "60", "--user", credentials]);
    command
}

/// mbsync copies INBOX into a Maildir; all messages must be there, in any order.
pub(crate) fn mbsync_pull(address: SocketAddr, user: &str, password: &[u8], mails: &[Vec<u8>]) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().to_str().unwrap();
    fs::write(directory.path().join("password"), password).unwrap();
    let settings = include_str!("mbsyncrc")
        .replace("@HOME@", home)
        .replace("@HOST@", &address.ip().to_string())
        .replace("@PORT@", &address.port().to_string())
        .replace("@USER@", user);
    fs::write(directory.path().join("mbsyncrc"), settings).unwrap();
    let mut command = MBSYNC.command();
    run(command.arg("--config").arg(directory.path().join("mbsyncrc")).args(["--all"]));
    let mut got = messages_in(&directory.path().join("maildir"));
    let mut wanted: Vec<Vec<u8>> = mails.iter().map(|mail| in_a_file(mail)).collect();
    got.sort();
    wanted.sort();
    assert_eq!(got.len(), wanted.len(), "number of messages");
    for (got, wanted) in got.iter().zip(&wanted) {
        assert_same_bytes(got, wanted, "mbsync");
    }
}

fn messages_in(maildir: &Path) -> Vec<Vec<u8>> {
    let folders = ["new", "cur"].map(|folder| fs::read_dir(maildir.join(folder)).unwrap());
    folders
        .into_iter()
        .flatten()
        .map(|entry| in_a_file(&fs::read(entry.unwrap().path()).unwrap()))
        .collect()
}

/// A message as mbsync keeps it: Unix line ends, without the line it adds to recognise its own copies.
fn in_a_file(mail: &[u8]) -> Vec<u8> {
    let lines = mail.split_inclusive(|byte| *byte == b'\n');
    let own = lines.filter(|line| !line.starts_with(b"X-TUID: "));
    own.flat_map(|line| {
        line.strip_suffix(b"\r\n").map_or_else(|| line.to_vec(), |line| [line, b"\n"].concat())
    })
    .collect()
}
