//! The five protocols: what is said after the login, and how one line of a reply is to be read.
//!
//! Decides nothing about when; [`super::login`] has the words before the login, [`super::dialect`] the backends' side.
//! Pure. Driver: the client of the swarm. Tests: below.

/// A mail protocol of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    #[default]
    Imap,
    Pop3,
    /// ManageSieve.
    Sieve,
    Submission,
    Lmtp,
}

/// What one line means to a client that waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// More lines follow, or the line is no reply at all.
    More,
    Good,
    Bad,
}

impl Protocol {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Sieve => "sieve",
            Self::Submission => "submission",
            Self::Lmtp => "lmtp",
        }
    }

    /// Where the fake backends listen: Dovecot's ports, moved out of the reserved ones.
    pub(crate) fn backend_port(self) -> u16 {
        match self {
            Self::Imap => 10_143,
            Self::Pop3 => 10_110,
            Self::Sieve => 14_190,
            Self::Submission => 10_587,
            Self::Lmtp => 10_024,
        }
    }

    /// Whether a session is led to one backend and then relayed byte by byte, so that commands of our own get through.
    /// A proxy for LMTP looks at every recipient and knows only what the standard knows.
    pub(crate) fn is_relayed(self) -> bool {
        self != Self::Lmtp
    }

    /// Whether messages are handed over with MAIL, RCPT and DATA.
    pub(crate) fn delivers(self) -> bool {
        matches!(self, Self::Submission | Self::Lmtp)
    }

    /// 64 bytes that do nothing; the backend answers with as many.
    pub(super) fn ping(self) -> &'static [u8; PING_BYTES] {
        match self {
            Self::Imap => b"p NOOP ppppppppppppppppppppppppppppppppppppppppppppppppppppppp\r\n",
            Self::Pop3 => b"NOOP ppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\r\n",
            Self::Sieve => b"NOOP \"ppppppppppppppppppppppppppppppppppppppppppppppppppppppp\"\r\n",
            Self::Submission | Self::Lmtp => {
                b"NOOP ppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\r\n"
            }
        }
    }

    pub(super) fn logout(self) -> &'static [u8] {
        match self {
            Self::Imap => b"p LOGOUT\r\n",
            Self::Sieve => b"LOGOUT\r\n",
            Self::Pop3 | Self::Submission | Self::Lmtp => b"QUIT\r\n",
        }
    }

    /// Asks the fake backend for a stream of bytes.
    pub(super) fn download(self, bytes: u64) -> Vec<u8> {
        format!("{}XDOWN {bytes}\r\n", self.tag()).into_bytes()
    }

    /// Announces a stream of bytes to the fake backend.
    pub(super) fn upload(self, bytes: u64) -> Vec<u8> {
        format!("{}XUP {bytes}\r\n", self.tag()).into_bytes()
    }

    /// Reads a line of the greeting.
    pub(super) fn judge_greeting(self, line: &[u8]) -> Verdict {
        match self {
            Self::Imap if line.starts_with(b"* OK") => Verdict::Good,
            Self::Imap => Verdict::Bad,
            _ => self.judge(line),
        }
    }

    /// Reads a line of a reply.
    pub(super) fn judge(self, line: &[u8]) -> Verdict {
        match self {
            Self::Imap => by_start(line, &[b"p OK"], &[b"p ", b"* BYE"]),
            Self::Pop3 => by_start(line, &[b"+OK"], &[b"-ERR"]),
            Self::Sieve => by_start(line, &[b"OK"], &[b"NO", b"BYE"]),
            Self::Submission | Self::Lmtp => by_code(line),
        }
    }

    /// What stands before each command.
    fn tag(self) -> &'static str {
        match self {
            Self::Imap => TAG,
            _ => "",
        }
    }
}

fn by_start(line: &[u8], good: &[&[u8]], bad: &[&[u8]]) -> Verdict {
    if good.iter().any(|start| line.starts_with(start)) {
        Verdict::Good
    } else if bad.iter().any(|start| line.starts_with(start)) {
        Verdict::Bad
    } else {
        Verdict::More
    }
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF` (RFC 5321, 4.2).
fn by_code(line: &[u8]) -> Verdict {
    let [first, second, third, rest @ ..] = line else {
        return Verdict::More;
    };
    let is_code = [first, second, third].into_iter().all(u8::is_ascii_digit);
    match (first, rest.first()) {
        _ if !is_code => Verdict::More,
        (_, Some(b'-')) => Verdict::More,
        (b'2' | b'3', _) => Verdict::Good,
        _ => Verdict::Bad,
    }
}

pub(super) const TAG: &str = "p ";
const PING_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_several_lines_end_with_their_last() {
        for line in ["250-load.test\r\n", "* OK still here\r\n", "\r\n", "25"] {
            assert_eq!(Protocol::Submission.judge(line.as_bytes()), Verdict::More, "{line}");
        }
        assert_eq!(Protocol::Lmtp.judge(b"354\r\n"), Verdict::Good);
        assert_eq!(Protocol::Lmtp.judge(b"450 4.2.0 later\r\n"), Verdict::Bad);
        assert_eq!(Protocol::Sieve.judge(b"\"SASL\" \"PLAIN\"\r\n"), Verdict::More);
        assert_eq!(Protocol::Sieve.judge_greeting(b"OK \"ready\"\r\n"), Verdict::Good);
        assert_eq!(Protocol::Sieve.judge(b"BYE (TRYLATER)\r\n"), Verdict::Bad);
        assert_eq!(Protocol::Pop3.judge(b"-ERR [AUTH] no\r\n"), Verdict::Bad);
        assert_eq!(Protocol::Imap.judge(b"* OK still here\r\n"), Verdict::More);
        assert_eq!(Protocol::Imap.judge_greeting(b"* BYE full\r\n"), Verdict::Bad);
    }
}
