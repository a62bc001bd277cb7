//! A client that says a case's lines, and what is left of the replies when free text is taken away.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use hale::wire::base64;

use super::cases::Case;

/// Which protocol a case is spoken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Speaks {
    Imap,
    Pop3,
    Sieve,
    Submission,
    Lmtp,
}

impl Speaks {
    pub(super) const ALL: [Self; 5] =
        [Self::Imap, Self::Pop3, Self::Sieve, Self::Submission, Self::Lmtp];
}

/// No server is that slow here; a reply that does not come is part of what is compared.
const SILENCE: Duration = Duration::from_secs(10);

/// Everything that the server said, greeting first, one line after the other.
pub(super) fn conversation(case: &Case, server: SocketAddr) -> Vec<String> {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut speaker =
        Speaker { speaks: case.speaks, input: BufReader::new(stream), heard: Vec::new() };
    speaker.hear(1);
    for (said, replies) in case.steps.iter() {
        // A client that was sent away can't be heard.
        let _ = speaker.input.get_mut().write_all(&spelled(said));
        speaker.hear(*replies);
    }
    let _ = speaker.input.get_mut().shutdown(Shutdown::Write);
    speaker.hear(usize::MAX);
    // Once is enough for what EHLO and LHLO list.
    if matches!(case.speaks, Speaks::Submission | Speaks::Lmtp) && case.steps.len() > 1 {
        speaker.heard.retain(|line| !line.starts_with("| "));
    }
    sorted_lists(speaker.heard)
}

struct Speaker {
    speaks: Speaks,
    input: BufReader<TcpStream>,
    heard: Vec<String>,
}

impl Speaker {
    /// Reads so many replies, or to the end.
    fn hear(&mut self, replies: usize) {
        let mut left = replies;
        while left > 0 {
            let mut line = Vec::new();
            match self.input.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Err(error) if matches!(error.kind(), std::io::ErrorKind::ConnectionReset) => return,
                Err(_) => return self.heard.push("(silence)".to_owned()),
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if self.ends_reply(&line) {
                left -= 1;
            }
            self.heard.extend(stripped(self.speaks, &line));
        }
    }

    fn ends_reply(&self, line: &str) -> bool {
        let begins = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
        match self.speaks {
            Speaks::Imap => {
                !begins(&["* "]) || begins(&["* BYE", "* BAD"]) || self.heard.is_empty()
            }
            Speaks::Pop3 => begins(&["+", "-ERR"]) || line == ".",
            Speaks::Sieve => begins(&["OK", "NO", "BYE"]) || is_challenge(line),
            Speaks::Submission | Speaks::Lmtp => line.as_bytes().get(3) != Some(&b'-'),
        }
    }
}

/// ManageSieve's challenges: those of PLAIN and LOGIN, and long words of base64, which no capability is.
fn is_challenge(line: &str) -> bool {
    let word = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or_default();
    if word.len() > 30 && base64::decode(word.as_bytes()).is_some() {
        return true;
    }
    ["\"\"", "\"VXNlcm5hbWU6\"", "\"UGFzc3dvcmQ6\"", "{0}"].contains(&line)
}

/// What is sent: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` are escapes, and between `@` stand the words that cases are
/// shorter without. `@x900@` are so many letters.
pub(super) fn spelled(said: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = said.split('@');
    bytes.extend(unescaped(rest.next().unwrap_or_default()));
    // An `@` that begins no word is itself.
    while let Some(word) = rest.next() {
        match meant_by(word) {
            Some(text) => {
                bytes.extend(text.into_bytes());
                bytes.extend(unescaped(rest.next().unwrap_or_default()));
            }
            None => bytes.extend(unescaped(&format!("@{word}"))),
        }
    }
    bytes
}

fn meant_by(word: &str) -> Option<String> {
    let encoded = |text: &str| {
        let mut out = Vec::new();
        base64::encode(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    let plain = encoded("\0oracle\0secret");
    let pairs = |count: usize, value: usize| {
        let value = "v".repeat(value);
        let pairs: Vec<String> = (0..count).map(|at| format!("\"key{at}\" \"{value}\"")).collect();
        pairs.join(" ")
    };
    Some(match word {
        "PLAINLEN" => plain.len().to_string(),
        "PLAIN" => plain,
        "WRONG" => encoded("\0oracle\0wrong"),
        "USER" => encoded("oracle"),
        "PASS" => encoded("secret"),
        "ID30" => pairs(30, 1024),
        "ID31" => pairs(31, 1),
        letters => "x".repeat(letters.strip_prefix('x')?.parse().ok()?),
    })
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = text.bytes();
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'\\' => match letters.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'x' => {
                    let digits = [letters.next().unwrap(), letters.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                itself => itself,
            },
            plain => plain,
        });
    }
    bytes
}

/// Status and codes of a line; none: it says nothing that is compared.
fn stripped(speaks: Speaks, line: &str) -> Option<String> {
    match speaks {
        Speaks::Imap => Some(imap(line)),
        Speaks::Pop3 => Some(pop3(line)),
        Speaks::Sieve => sieve(line),
        Speaks::Submission | Speaks::Lmtp => smtp(line),
    }
}

fn imap(line: &str) -> String {
    if let Some(challenge) = line.strip_prefix("+") {
        let challenge = challenge.trim_start();
        let is_challenge = base64::decode(challenge.as_bytes()).is_some();
        return format!("+ {}", if is_challenge { challenge } else { "" }).trim_end().to_owned();
    }
    let mut words = line.splitn(3, ' ');
    let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let text = words.next().unwrap_or_default();
    match status {
        "CAPABILITY" => format!("{tag} CAPABILITY {}", sorted(text)),
        "ID" => format!("{tag} ID"),
        "ENABLED" => line.to_owned(),
        _ => format!("{tag} {status} {}", bracketed(text)).trim_end().to_owned(),
    }
}

/// The response code, its list in order.
fn bracketed(text: &str) -> String {
    let Some((code, _)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else {
        return String::new();
    };
    match code.strip_prefix("CAPABILITY ") {
        Some(list) => format!("[CAPABILITY {}]", sorted(list)),
        None => format!("[{code}]"),
    }
}

fn sorted(list: &str) -> String {
    let mut words: Vec<&str> = list.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

fn pop3(line: &str) -> String {
    let (status, text) = line.split_once(' ').unwrap_or((line, ""));
    match status {
        "+OK" | "-ERR" => format!("{status} {}", bracketed(text)).trim_end().to_owned(),
        "+" => line.trim_end().to_owned(),
        _ => format!("| {status} {}", sorted(text)).trim_end().to_owned(),
    }
}

fn sieve(line: &str) -> Option<String> {
    if is_challenge(line) {
        return Some(if line == "{0}" { "\"\"".to_owned() } else { line.to_owned() });
    }
    if let Some(capability) = line.strip_prefix('"') {
        let (name, value) = capability.split_once('"')?;
        let value = value.trim_matches([' ', '"']);
        let value = if name == "SASL" { sorted(value) } else { String::new() };
        return Some(format!("| {name} {value}").trim_end().to_owned());
    }
    let (status, text) = line.split_once(' ').unwrap_or((line, ""));
    let code = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    // What is behind the literal of an empty challenge is an empty line.
    let is_status = ["OK", "NO", "BYE"].contains(&status);
    let code = code.map_or_else(String::new, |(code, _)| format!("({code})"));
    is_status.then(|| format!("{status} {code}").trim_end().to_owned())
}

fn smtp(line: &str) -> Option<String> {
    let (code, text) = line.split_at_checked(4).unwrap_or((line, ""));
    let (code, is_last) = (code.get(..3)?, !code.ends_with('-'));
    let word = text.split(' ').next().unwrap_or_default();
    let is_enhanced = word.len() >= 5 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    Some(match code {
        "334" => line.trim_end().to_owned(),
        _ if is_enhanced => format!("{code} {word}"),
        // A keyword, or the host that stands before them.
        "250" if !is_last || word.bytes().all(|b| b.is_ascii_uppercase() || b"8-".contains(&b)) => {
            let value = if word == "AUTH" { sorted(text) } else { word.to_owned() };
            format!("| {value}")
        }
        _ => code.to_owned(),
    })
}

/// Lists are sets: their lines come in the order of the alphabet.
fn sorted_lists(mut heard: Vec<String>) -> Vec<String> {
    let is_of_a_list = |line: &String| line.starts_with("| ");
    for run in heard.chunk_by_mut(|one, other| is_of_a_list(one) && is_of_a_list(other)) {
        run.sort();
    }
    heard
}
