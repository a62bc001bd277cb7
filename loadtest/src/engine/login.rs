//! The way from the greeting to the end of the login: which commands come in which order, and their words.
//!
//! Does not read replies ([`super::protocol`]) and does no TLS. Pure. Driver: the client of the swarm. Tests: below.

use super::group::{Credentials, LoginCommand};
use super::protocol::{Protocol, TAG};
use super::scram;
use super::tls::TlsMode;

/// What a client waits for before it is logged in: each phase ends with one good reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    /// EHLO or LHLO.
    Hello,
    /// STARTTLS or STLS; TLS begins behind its reply.
    StartTls,
    /// ManageSieve greets again inside TLS (RFC 5804, 2.2).
    SecureGreeting,
    /// EHLO or LHLO again, because TLS made the first one void (RFC 3207, 4.2).
    SecureHello,
    /// POP3's USER.
    User,
    /// The command whose reply ends the login.
    Login,
}

impl Phase {
    /// What follows; `None`: the session is logged in.
    pub(super) fn next(self, credentials: &Credentials) -> Option<Self> {
        let mode = credentials.tls.as_ref().map(|tls| tls.mode);
        self.next_with(credentials, mode == Some(TlsMode::Starttls))
    }

    fn next_with(self, credentials: &Credentials, starttls: bool) -> Option<Self> {
        let protocol = credentials.protocol;
        match self {
            Self::Greeting if protocol.delivers() => Some(Self::Hello),
            Self::Greeting | Self::Hello if starttls => Some(Self::StartTls),
            Self::StartTls if protocol == Protocol::Sieve => Some(Self::SecureGreeting),
            Self::StartTls if protocol.delivers() => Some(Self::SecureHello),
            Self::User => Some(Self::Login),
            Self::Login => None,
            _ if protocol == Protocol::Lmtp => None,
            _ if protocol == Protocol::Pop3 && credentials.command == LoginCommand::Login => {
                Some(Self::User)
            }
            _ => Some(Self::Login),
        }
    }

    /// What the client says to get this phase's reply; empty where the server speaks unasked.
    pub(super) fn words(self, credentials: &Credentials, number: u64) -> Vec<u8> {
        let protocol = credentials.protocol;
        let words = match self {
            Self::Greeting | Self::SecureGreeting => return Vec::new(),
            Self::Hello | Self::SecureHello if protocol == Protocol::Lmtp => "LHLO load.test",
            Self::Hello | Self::SecureHello => "EHLO load.test",
            Self::StartTls if protocol == Protocol::Imap => "p STARTTLS",
            Self::StartTls if protocol == Protocol::Pop3 => "STLS",
            Self::StartTls => "STARTTLS",
            Self::User => return format!("USER {}\r\n", credentials.user(number)).into_bytes(),
            Self::Login => return login(credentials, number).into_bytes(),
        };
        format!("{words}\r\n").into_bytes()
    }
}

fn login(credentials: &Credentials, number: u64) -> String {
    let (user, password) = (credentials.user(number), &credentials.password);
    let plain = || base64(format!("\0{user}\0{password}").as_bytes());
    match (credentials.protocol, credentials.command) {
        (Protocol::Imap, LoginCommand::Login) => {
            format!("{TAG}LOGIN \"{user}\" \"{password}\"\r\n")
        }
        (Protocol::Imap, LoginCommand::ScramSha256) => {
            format!(
                "{TAG}AUTHENTICATE SCRAM-SHA-256 {}\r\n",
                base64(scram::first(&user).as_bytes())
            )
        }
        (Protocol::Imap, LoginCommand::Plain) => format!("{TAG}AUTHENTICATE PLAIN {}\r\n", plain()),
        (Protocol::Pop3, LoginCommand::Login) => format!("PASS {password}\r\n"),
        (Protocol::Sieve, _) => format!("AUTHENTICATE \"PLAIN\" \"{}\"\r\n", plain()),
        _ => format!("AUTH PLAIN {}\r\n", plain()),
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for index in 0..4 {
            let sextet = (bits >> (18 - 6 * index)) & 63;
            let letter = if index > chunk.len() { b'=' } else { BASE64[sextet as usize] };
            text.push(char::from(letter));
        }
    }
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue(protocol: Protocol, command: LoginCommand, starttls: bool) -> String {
        let credentials = Credentials {
            protocol,
            command,
            user_pattern: "a%d".to_owned(),
            password: "b".to_owned(),
            users: 10,
            ..Credentials::default()
        };
        let mut text = String::new();
        let mut phase = Some(Phase::Greeting);
        while let Some(now) = phase {
            text.push_str(&String::from_utf8(now.words(&credentials, 7)).unwrap());
            phase = now.next_with(&credentials, starttls);
        }
        text.replace("\r\n", "|")
    }

    #[test]
    fn every_protocol_has_its_words() {
        use LoginCommand::{Login, Plain};
        let plain = "AGE3AGI=";
        for (protocol, command, starttls, expected) in [
            (Protocol::Imap, Login, false, "p LOGIN \"a7\" \"b\"|".to_owned()),
            (Protocol::Imap, Plain, true, format!("p STARTTLS|p AUTHENTICATE PLAIN {plain}|")),
            (Protocol::Pop3, Login, true, "STLS|USER a7|PASS b|".to_owned()),
            (Protocol::Pop3, Plain, false, format!("AUTH PLAIN {plain}|")),
            (Protocol::Sieve, Login, true, format!("STARTTLS|AUTHENTICATE \"PLAIN\" \"{plain}\"|")),
            (
                Protocol::Submission,
                Plain,
                true,
                format!("EHLO load.test|STARTTLS|EHLO load.test|AUTH PLAIN {plain}|"),
            ),
            (Protocol::Lmtp, Login, false, "LHLO load.test|".to_owned()),
            (Protocol::Lmtp, Login, true, "LHLO load.test|STARTTLS|LHLO load.test|".to_owned()),
        ] {
            assert_eq!(dialogue(protocol, command, starttls), expected);
        }
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"\0a\0b"), "AGEAYg==");
        assert_eq!(base64(b"abc"), "YWJj");
        assert_eq!(base64(b"ab"), "YWI=");
    }
}
