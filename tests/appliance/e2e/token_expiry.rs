//! Tokens that end while their sessions last (`login_token_expiry`).

use std::net::TcpStream;

use hale::names::Protocol;
use hale::wire::base64;
use tempfile::TempDir;

use super::bridge;
use super::imap::Imap;
use super::sasl::{PROTOCOLS, token_until, write_key};
use super::site::{NAME, PASSWORD, Site};
use super::wait::{PATIENCE, poll, wait_for};

/// So many seconds the tokens live.
const LIFE_S: u64 = 3;
/// Who logs in by password.
const OTHER: &str = "token-other";

fn site(folder: &TempDir, user: &str, more: &str) -> Site {
    write_key(folder.path());
    let configuration = format!(
        "auth_mechanisms = plain login xoauth2\nauth_failure_delay = 0\n{more}\n\
         passdb tokens {{\n driver = oauth2\n mechanisms = xoauth2\n oauth2_introspection_mode = local\n \
         oauth2_key_set = {}/keys\n oauth2_pass_attrs = pass={PASSWORD}\n}}\n",
        folder.path().display()
    );
    let site = Site::start(&[OTHER], &configuration);
    site.pair.add_user(user, PASSWORD.as_bytes());
    site
}

fn now_s() -> u64 {
    u64::try_from(hale::control::unix_millis()).unwrap() / 1000
}

/// A session whose token ends in a moment. On a slow machine the first one may have ended before it was judged.
fn session(user: &str, connect: impl Fn() -> Imap, protocol: Protocol) -> Imap {
    let session = poll(PATIENCE, || {
        let token = token_until(user, now_s() + LIFE_S);
        let mut response = Vec::new();
        base64::encode(
            format!("user={user}\x01auth=Bearer {token}\x01\x01").as_bytes(),
            &mut response,
        );
        let response = String::from_utf8(response).unwrap();
        let mut client = connect();
        let (greeting, command) = match protocol {
            Protocol::Imap => ("* OK", format!("a AUTHENTICATE XOAUTH2 {response}")),
            Protocol::Pop3 => ("+OK", format!("AUTH XOAUTH2 {response}")),
            Protocol::Sieve => ("OK", format!("AUTHENTICATE \"XOAUTH2\" \"{response}\"")),
            Protocol::Submission | Protocol::Lmtp => ("220 ", format!("AUTH XOAUTH2 {response}")),
        };
        until(&mut client, |line| line.starts_with(greeting));
        if protocol == Protocol::Submission {
            client.send(b"EHLO client.test\r\n");
            until(&mut client, |line| line.starts_with("250 "));
        }
        client.send(format!("{command}\r\n").as_bytes());
        // A challenge is a refusal, too.
        let line = until(&mut client, |line| !line.starts_with("* "));
        let is_in = ["a OK", "+OK", "OK", "235"].iter().any(|word| line.starts_with(word));
        is_in.then_some(client)
    });
    session.unwrap_or_else(|| panic!("no login of {user} by a token"))
}

fn until(client: &mut Imap, is_it: impl Fn(&str) -> bool) -> String {
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        if is_it(&line) {
            return line;
        }
    }
}

fn connect(site: &Site, protocol: Protocol) -> Imap {
    Imap::open(TcpStream::connect(site.clear(protocol)).unwrap())
}

/// What a client hears when nothing more is to be heard.
fn last_words(client: &mut Imap) -> String {
    String::from_utf8_lossy(&client.rest()).into_owned()
}

#[test]
fn a_session_is_told_goodbye_when_its_token_ends_if_the_operator_wants_that() {
    let (folder, user) = (tempfile::tempdir().unwrap(), "token-ending");
    let site = site(&folder, user, "login_token_expiry = end");
    // By password: no token, no end.
    let mut other = connect(&site, Protocol::Imap);
    other.greeting();
    other.login(OTHER, PASSWORD.as_bytes());
    let sessions = PROTOCOLS.map(|protocol| session(user, || connect(&site, protocol), protocol));
    let config = bridge::client_config(&site.pem);
    let sealed = || bridge::connect(site.tls(Protocol::Imap), NAME, &config);
    let mut sealed = session(user, sealed, Protocol::Imap);
    let byes = [
        "* BYE Token expired.",
        "-ERR Token expired.",
        "BYE \"Token expired.\"",
        "421 4.7.0 Token expired.",
    ];
    for (mut client, bye) in sessions.into_iter().zip(byes) {
        let heard = last_words(&mut client);
        assert!(heard.ends_with(&format!("{bye}\r\n")), "{heard}\n{}", site.hale.said());
    }
    let heard = last_words(&mut sealed);
    assert!(heard.ends_with("* BYE Token expired.\r\n"), "by TLS: {heard}");
    wait_for("the lines about their ends", PATIENCE, || {
        let said = site.hale.said();
        (said.matches("session ended by=token-expiry").count() == 5).then_some(())
    });
    other.command("n", "NOOP");
}

#[test]
fn a_session_goes_on_beyond_its_token_otherwise_and_the_log_says_so_once() {
    let (folder, user) = (tempfile::tempdir().unwrap(), "token-kept");
    let site = site(&folder, user, "");
    let mut client = session(user, || connect(&site, Protocol::Imap), Protocol::Imap);
    let words =
        "the token of this login has expired, and the session goes on (login_token_expiry = keep)";
    wait_for("the line about it", PATIENCE, || site.hale.said().contains(words).then_some(()));
    client.command("n", "NOOP");
    client.command("o", "LOGOUT");
    wait_for("the session's end", PATIENCE, || {
        site.hale.said().contains("session ended by=").then_some(())
    });
    assert_eq!(site.hale.said().matches(words).count(), 1, "{}", site.hale.said());
}
