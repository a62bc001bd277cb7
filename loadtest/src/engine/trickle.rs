//! Slow clients that never log in: what they say before they become slow, and then one byte at a time.
//!
//! Pure. Driver: the client of the swarm. Tests: below.

use super::group::Credentials;
use super::login::Phase;
use super::protocol::Protocol;
use super::tls::TlsMode;

/// What a slow client is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trickle {
    /// A command, a literal, a SASL exchange.
    Words,
    /// A TLS hello, of which so many bytes are said.
    Hello { said: usize },
}

impl Trickle {
    /// Where a client that speaks first begins; `None`: it waits for the greeting.
    pub(super) fn at_once(credentials: &Credentials) -> Option<Self> {
        (mode(credentials) == Some(TlsMode::Implicit)).then_some(Self::Hello { said: 0 })
    }

    /// Whether a client becomes slow now that a phase of its login is over, and behind which words.
    pub(super) fn behind(
        phase: Phase,
        credentials: &Credentials,
        number: u64,
    ) -> Option<(&'static [u8], Self)> {
        let words = beginnings(credentials.protocol);
        let by_starttls = mode(credentials) == Some(TlsMode::Starttls);
        // Where TLS is demanded a login in clear does not get as far as its literal.
        let manners = if by_starttls { 2 } else { words.len() };
        let manner = usize::try_from(number).unwrap_or(0) % manners;
        match phase {
            Phase::StartTls => Some((b"", Self::Hello { said: 0 })),
            Phase::Greeting if !(by_starttls && manner == 1) => {
                words.get(manner).map(|words| (*words, Self::Words))
            }
            _ => None,
        }
    }

    /// The next byte, and where that leads.
    pub(super) fn next(self) -> (u8, Self) {
        match self {
            Self::Words => (b'x', self),
            // What stands behind the head is zeros: it is not read before it is complete.
            Self::Hello { said } => {
                (HELLO_HEAD.get(said).copied().unwrap_or(0), Self::Hello { said: said + 1 })
            }
        }
    }
}

fn mode(credentials: &Credentials) -> Option<TlsMode> {
    credentials.tls.as_ref().map(|tls| tls.mode)
}

/// The first one is a command line, for every protocol.
fn beginnings(protocol: Protocol) -> &'static [&'static [u8]] {
    match protocol {
        Protocol::Imap => &[b"a LOGIN ", b"a LOGIN {500+}\r\n", b"a AUTHENTICATE PLAIN\r\n"],
        Protocol::Pop3 => &[b"USER ", b"AUTH PLAIN\r\n"],
        Protocol::Sieve => &[
            b"AUTHENTICATE \"PLAIN\" \"",
            b"AUTHENTICATE \"PLAIN\" {500+}\r\n",
            b"AUTHENTICATE \"PLAIN\"\r\n",
        ],
        Protocol::Submission => &[b"EHLO ", b"EHLO load.test\r\nAUTH PLAIN\r\n"],
        Protocol::Lmtp => &[b"LHLO ", b"LHLO load.test\r\nMAIL FROM:<>\r\nRCPT TO:<"],
    }
}

/// A handshake record of 512 bytes, and in it a ClientHello of TLS 1.2 and above (RFC 8446, 4.1.2 and 5.1).
const HELLO_HEAD: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(protocol: Protocol) -> Credentials {
        Credentials { protocol, ..Credentials::default() }
    }

    #[test]
    fn clients_of_a_protocol_are_slow_in_different_ways() {
        let imap = credentials(Protocol::Imap);
        let ways: Vec<_> =
            (0..3).filter_map(|number| Trickle::behind(Phase::Greeting, &imap, number)).collect();
        let words: Vec<&[u8]> = ways.iter().map(|(words, _)| *words).collect();
        assert_eq!(words, beginnings(Protocol::Imap));
        assert!(ways.iter().all(|(_, trickle)| *trickle == Trickle::Words));
        assert_eq!(Trickle::at_once(&imap), None);
    }

    #[test]
    fn a_hello_begins_as_one() {
        let mut trickle = Trickle::Hello { said: 0 };
        let mut said = Vec::new();
        for _ in 0..13 {
            let (byte, next) = trickle.next();
            said.push(byte);
            trickle = next;
        }
        assert_eq!(said, [HELLO_HEAD, &[0, 0]].concat());
    }
}
