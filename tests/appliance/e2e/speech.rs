//! What is said before and at a login, for tests that check the same thing in every protocol: one row each.

use hale::wire::base64;

use super::faulty::Turns;
use super::imap::Imap;

/// A protocol, from both sides of Hale.
#[derive(Debug)]
pub(crate) struct Speech {
    /// Its name in the configuration.
    pub(crate) protocol: &'static str,
    /// `service X-login`.
    pub(crate) service: &'static str,
    /// Listeners of the service; ours is the first.
    listeners: &'static [&'static str],
    /// A backend's part of a login.
    pub(crate) turns: Turns,
    /// How the last line of the greeting begins.
    greeting: &'static str,
    /// A backend that has no time for us, instead of its greeting.
    pub(crate) busy: &'static str,
    /// A line that may come before the end of most turns.
    pub(crate) chatter: &'static str,
    /// What a client has to say before it may log in, and how the last line of the answer begins.
    hello: Option<(&'static str, &'static str)>,
    login: fn(&str) -> String,
    success: &'static str,
    /// What Hale says to a client for which there is no place.
    pub(crate) busy_here: &'static str,
    /// The rows of W-FAIL-7 for wrong credentials, for too many sessions, and for connect, remote and protocol.
    pub(crate) refused: &'static str,
    pub(crate) limit: &'static str,
    unavailable: &'static str,
    /// The row for what the operator has to mend.
    pub(crate) misconfigured: &'static str,
    /// A command that changes nothing, how the first line of its answer begins, and how the last one.
    harmless: (&'static str, &'static str, &'static str),
}

pub(crate) const SPEECHES: [Speech; 4] = [IMAP, POP3, SIEVE, SUBMISSION];

pub(crate) const IMAP: Speech = Speech {
    protocol: "imap",
    service: "imap",
    listeners: &["imap", "imap_haproxy", "imaps"],
    turns: &[
        ("", "* OK scripted\r\n"),
        ("C ", "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID\r\nC OK done\r\n"),
        ("I ", "* ID NIL\r\nI OK done\r\n"),
        ("L ", "* OK [ALERT] Hello.\r\nL OK [CAPABILITY IMAP4rev1] in\r\n"),
    ],
    greeting: "* OK",
    busy: "* BYE Too busy.\r\n",
    chatter: "* OK still here\r\n",
    hello: None,
    login: |user| format!("l LOGIN {user} secret\r\n"),
    success: "l OK",
    busy_here: "* BYE",
    refused: "l NO [AUTHENTICATIONFAILED]",
    limit: "l NO [LIMIT]",
    unavailable: "l NO [UNAVAILABLE]",
    misconfigured: "l NO [SERVERBUG]",
    harmless: ("n NOOP\r\n", "n OK", "n OK"),
};

pub(crate) const POP3: Speech = Speech {
    protocol: "pop3",
    service: "pop3",
    listeners: &["pop3", "pop3s"],
    turns: &[
        ("", "+OK [XCLIENT] scripted\r\n"),
        ("XCLIENT", "+OK Updated\r\n"),
        ("USER", "+OK\r\n"),
        ("PASS", "+OK Logged in.\r\n"),
    ],
    greeting: "+OK",
    busy: "-ERR [SYS/TEMP] Too busy.\r\n",
    chatter: "+OK still here\r\n",
    hello: None,
    login: |user| format!("AUTH PLAIN {}\r\n", sasl_plain(user)),
    success: "+OK",
    busy_here: "-ERR [SYS/TEMP]",
    refused: "-ERR [AUTH]",
    limit: "-ERR [IN-USE]",
    unavailable: "-ERR [SYS/TEMP]",
    misconfigured: "-ERR [SYS/PERM]",
    harmless: ("CAPA\r\n", "+OK", "."),
};

pub(crate) const SIEVE: Speech = Speech {
    protocol: "sieve",
    service: "managesieve",
    listeners: &["sieve"],
    turns: &[
        (
            "",
            "\"IMPLEMENTATION\" \"scripted\"\r\n\"SASL\" \"PLAIN\"\r\n\"XCLIENT\"\r\nOK \"ready\"\r\n",
        ),
        ("XCLIENT", "OK \"Updated.\"\r\n"),
        ("AUTHENTICATE", "OK \"Logged in.\"\r\n"),
    ],
    greeting: "OK",
    busy: "NO \"Too busy.\"\r\n",
    chatter: "\"X\" \"still here\"\r\n",
    hello: None,
    login: |user| format!("AUTHENTICATE \"PLAIN\" \"{}\"\r\n", sasl_plain(user)),
    success: "OK",
    busy_here: "BYE (TRYLATER)",
    refused: "NO \"Authentication failed",
    limit: "NO (LIMIT/CONNECTIONS)",
    unavailable: "NO (TRYLATER)",
    misconfigured: "NO (TRYLATER/NORETRY)",
    harmless: ("NOOP\r\n", "OK", "OK"),
};

pub(crate) const SUBMISSION: Speech = Speech {
    protocol: "submission",
    service: "submission",
    listeners: &["submission", "submissions"],
    turns: &[
        ("", "220 scripted ESMTP\r\n"),
        ("EHLO", "250-scripted\r\n250-XCLIENT ADDR PORT\r\n250 AUTH PLAIN\r\n"),
        ("XCLIENT", "220 scripted ESMTP\r\n"),
        ("EHLO", "250-scripted\r\n250 AUTH PLAIN\r\n"),
        ("AUTH", "235 2.7.0 Logged in.\r\n"),
    ],
    greeting: "220 ",
    busy: "421 4.3.2 Too busy.\r\n",
    chatter: "250-still here\r\n",
    hello: Some(("EHLO client.test\r\n", "250 ")),
    login: |user| format!("AUTH PLAIN {}\r\n", sasl_plain(user)),
    success: "235 ",
    busy_here: "421 4.3.2",
    refused: "535 5.7.8",
    limit: "454 4.7.0",
    unavailable: "454 4.7.0 ",
    misconfigured: "454 4.7.0 ",
    harmless: ("NOOP\r\n", "250 ", "250 "),
};

impl Speech {
    /// Everything a backend says until a user is logged in.
    pub(crate) fn backend_bytes(&self) -> usize {
        self.turns.iter().map(|(_, text)| text.len()).sum()
    }

    /// A listener on one port, in front of backends on another.
    pub(crate) fn configuration(&self, port: u16, backend_port: u16) -> String {
        let listeners: String = self
            .listeners
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let port = if number == 0 { port } else { 0 };
                format!("  inet_listener {name} {{\n    port = {port}\n  }}\n")
            })
            .collect();
        let (service, protocol) = (self.service, self.protocol);
        format!(
            "service {service}-login {{\n{listeners}}}\nprotocol {protocol} {{\n  proxy_port = {backend_port}\n}}\n"
        )
    }

    // === A client ===

    /// Reads the greeting, and says hello where that has to be.
    pub(crate) fn greeted(&self, client: &mut Imap) {
        until(client, self.greeting);
        if let Some((hello, answer)) = self.hello {
            client.send(hello.as_bytes());
            until(client, answer);
        }
    }

    /// What a client says to log in when it has said nothing yet.
    pub(crate) fn first_login(&self, user: &str) -> String {
        format!("{}{}", self.hello.map_or("", |(hello, _)| hello), (self.login)(user))
    }

    pub(crate) fn send_login(&self, client: &mut Imap, user: &str) {
        client.send((self.login)(user).as_bytes());
    }

    /// The reply to a login is the one for a backend that is not there, and nothing stands behind it.
    pub(crate) fn expect_unavailable(&self, client: &mut Imap) {
        self.expect_failed(client, self.unavailable);
    }

    /// The reply to a login begins so, and nothing stands behind it.
    pub(crate) fn expect_failed(&self, client: &mut Imap, start: &str) {
        let line = reply(client);
        client.expect(line.starts_with(start), start);
        let (command, first, last) = self.harmless;
        client.send(command.as_bytes());
        let line = reply(client);
        client.expect(line.starts_with(first), first);
        if last != first {
            until(client, last);
        }
    }

    /// Whether the reply to a login says that it succeeded.
    pub(crate) fn has_succeeded(&self, client: &mut Imap) -> bool {
        reply(client).starts_with(self.success)
    }

    /// The reply to a login that succeeds.
    pub(crate) fn expect_success(&self, client: &mut Imap) {
        let line = reply(client);
        client.expect(line.starts_with(self.success), self.success);
    }

    /// The reply to a login at a backend that says back what it hears, and nothing else before what is said there.
    pub(crate) fn expect_logged_in(&self, client: &mut Imap) {
        self.expect_success(client);
        client.send(b"back, please\r\n");
        let line = client.line();
        client.expect(line == b"back, please", "what was sent");
    }
}

/// The next line that is a reply: IMAP's backends may have told something before.
fn reply(client: &mut Imap) -> String {
    loop {
        let line = client.line();
        if !line.starts_with(b"* ") {
            return String::from_utf8_lossy(&line).into_owned();
        }
    }
}

fn until(client: &mut Imap, start: &str) {
    while !client.line().starts_with(start.as_bytes()) {}
}

fn sasl_plain(user: &str) -> String {
    let mut text = Vec::new();
    base64::encode(format!("\0{user}\0secret").as_bytes(), &mut text);
    String::from_utf8(text).unwrap()
}
