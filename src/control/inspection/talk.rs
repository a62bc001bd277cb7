//! The few lines of each protocol up to its STARTTLS, as values.
//!
//! Decides what is said after which line, and when TLS may begin. Driver: `inspection`. Tests: below.

use crate::names::Protocol;

/// What to do after a line of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Hear another.
    More,
    /// Say this, then hear another.
    Say(String),
    /// TLS may begin, or what was wanted has been heard.
    Done,
    /// It will never come to that; the line says so.
    Never(&'static str),
}

/// A dialogue.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    protocol: Protocol,
    stage: Stage,
    /// What comes behind the greeting; none: nothing.
    then: Option<Then>,
    /// STARTTLS was among what the backend said that it can do.
    offered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Hello,
    Starttls,
}

#[derive(Clone, Debug)]
struct Then {
    own_name: String,
}

impl Talk {
    /// Until the backend has greeted.
    pub(super) fn greeting(protocol: Protocol) -> Self {
        Self { protocol, stage: Stage::Greeting, then: None, offered: false }
    }

    /// Until it has agreed to TLS. `own_name`: what we call ourselves where a name is asked for.
    pub(super) fn until_tls(protocol: Protocol, own_name: &str) -> Self {
        let then = Some(Then { own_name: own_name.to_owned() });
        Self { then, ..Self::greeting(protocol) }
    }

    /// Takes a line without its end.
    pub(super) fn hear(&mut self, line: &[u8]) -> Answer {
        let status = match self.protocol {
            Protocol::Imap => imap(self.stage, line),
            Protocol::Pop3 => word(line, b"+OK", b"-ERR"),
            Protocol::Sieve => sieve(line),
            Protocol::Lmtp | Protocol::Submission => smtp(line, self.stage),
        };
        let line = line.to_ascii_uppercase();
        self.offered |= line.windows(8).any(|part| part == b"STARTTLS");
        match (status, self.stage) {
            (Status::Part, _) => Answer::More,
            (Status::No, Stage::Greeting) => Answer::Never("it does not greet"),
            (Status::No, _) => Answer::Never("it refuses STARTTLS"),
            (Status::Yes, Stage::Greeting) => self.greeted(),
            (Status::Yes, Stage::Hello) if !self.offered => Answer::Never(
                "it does not offer STARTTLS; is this the right port, and has it a certificate?",
            ),
            (Status::Yes, Stage::Hello) => self.say(Stage::Starttls, "STARTTLS\r\n".to_owned()),
            (Status::Yes, Stage::Starttls) => Answer::Done,
        }
    }

    fn greeted(&mut self) -> Answer {
        let Some(Then { own_name }) = self.then.take() else { return Answer::Done };
        match self.protocol {
            Protocol::Imap => self.say(Stage::Starttls, "S STARTTLS\r\n".to_owned()),
            Protocol::Pop3 => self.say(Stage::Starttls, "STLS\r\n".to_owned()),
            Protocol::Sieve if !self.offered => {
                Answer::Never("it does not offer STARTTLS; has it a certificate?")
            }
            Protocol::Sieve => self.say(Stage::Starttls, "STARTTLS\r\n".to_owned()),
            Protocol::Lmtp => self.say(Stage::Hello, format!("LHLO {own_name}\r\n")),
            Protocol::Submission => self.say(Stage::Hello, format!("EHLO {own_name}\r\n")),
        }
    }

    fn say(&mut self, stage: Stage, words: String) -> Answer {
        self.stage = stage;
        Answer::Say(words)
    }
}

/// What a line is, in any of the protocols.
#[derive(Clone, Copy)]
enum Status {
    Yes,
    No,
    /// Others follow, and the last decides.
    Part,
}

fn word(line: &[u8], yes: &[u8], no: &[u8]) -> Status {
    let begins =
        |word: &[u8]| line.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    match (begins(yes), begins(no)) {
        (true, _) => Status::Yes,
        (_, true) => Status::No,
        _ => Status::Part,
    }
}

fn imap(stage: Stage, line: &[u8]) -> Status {
    if stage != Stage::Greeting {
        return match word(line, b"S OK", b"S ") {
            // Another untagged line is let pass, as in a login.
            Status::Part if line.starts_with(b"* ") => Status::Part,
            Status::Part => Status::No,
            status => status,
        };
    }
    match word(line, b"* OK", b"") {
        Status::Yes => Status::Yes,
        _ => Status::No,
    }
}

fn sieve(line: &[u8]) -> Status {
    match (word(line, b"OK", b"NO"), word(line, b"OK", b"BYE")) {
        (Status::Part, Status::Part) => Status::Part,
        (Status::Yes, _) => Status::Yes,
        _ => Status::No,
    }
}

/// ```text
/// reply = *(code "-" text CRLF) code [SP text] CRLF        ; RFC 5321 4.2
/// ```
fn smtp(line: &[u8], stage: Stage) -> Status {
    let wanted: &[u8] = match stage {
        Stage::Greeting | Stage::Starttls => b"220",
        Stage::Hello => b"250",
    };
    match (line.starts_with(wanted), line.get(3)) {
        (true, Some(b'-')) => Status::Part,
        (true, _) => Status::Yes,
        (false, Some(b'-')) if line.first().is_some_and(u8::is_ascii_digit) => Status::Part,
        (false, _) => Status::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to a backend that says these lines, and how it ends.
    fn said(protocol: Protocol, lines: &[&str]) -> (Vec<String>, Answer) {
        let mut talk = Talk::until_tls(protocol, "hale.example");
        let mut said = Vec::new();
        for line in lines {
            match talk.hear(line.as_bytes()) {
                Answer::More => {}
                Answer::Say(words) => said.push(words),
                end => return (said, end),
            }
        }
        (said, Answer::More)
    }

    #[test]
    fn w_btls_1_each_protocol_comes_to_its_tls() {
        let cases: [(Protocol, &[&str], &[&str]); 5] = [
            (Protocol::Imap, &["* OK hi", "* OK [ALERT] x", "S OK go"], &["S STARTTLS\r\n"]),
            (Protocol::Pop3, &["+OK hi", "+OK go"], &["STLS\r\n"]),
            (Protocol::Sieve, &["\"STARTTLS\"", "\"SASL\" \"\"", "OK", "OK go"], &["STARTTLS\r\n"]),
            (
                Protocol::Lmtp,
                &["220-a", "220 b", "250-h", "250-starttls", "250 OK", "220 2.0.0 go"],
                &["LHLO hale.example\r\n", "STARTTLS\r\n"],
            ),
            (
                Protocol::Submission,
                &["220 h", "250-h", "250 STARTTLS", "220 go"],
                &["EHLO hale.example\r\n", "STARTTLS\r\n"],
            ),
        ];
        for (protocol, lines, expected) in cases {
            let (said, end) = said(protocol, lines);
            assert_eq!(
                (said.iter().map(String::as_str).collect::<Vec<_>>(), end),
                (expected.to_vec(), Answer::Done),
                "{protocol}"
            );
        }
    }

    #[test]
    fn w_btls_3_a_backend_without_tls_is_told_apart() {
        let cases: [(Protocol, &[&str], &str); 10] = [
            (Protocol::Imap, &["* BYE no"], "greet"),
            (Protocol::Imap, &["* PREAUTH hi"], "greet"),
            (Protocol::Imap, &["* OK hi", "S BAD what"], "refuses"),
            (Protocol::Imap, &["* OK hi", "X OK what"], "refuses"),
            (Protocol::Pop3, &["-ERR no"], "greet"),
            (Protocol::Pop3, &["+OK hi", "-ERR what"], "refuses"),
            (Protocol::Sieve, &["\"SASL\" \"PLAIN\"", "OK"], "offer"),
            (Protocol::Sieve, &["BYE full"], "greet"),
            (Protocol::Lmtp, &["220 h", "250-h", "250 SIZE"], "offer"),
            (Protocol::Submission, &["220 h", "250 STARTTLS", "454 4.7.0 not now"], "refuses"),
        ];
        for (protocol, lines, word) in cases {
            let (_, end) = said(protocol, lines);
            assert!(matches!(end, Answer::Never(why) if why.contains(word)), "{lines:?}: {end:?}");
        }
        let mut plain = Talk::greeting(Protocol::Imap);
        assert_eq!(plain.hear(b"* OK hi"), Answer::Done);
    }
}
