//! Replies: read from a server, with a bound on everything, and written to a client (RFC 5321 4.2, RFC 2034).
//!
//! Decides: where a reply ends, whether it is one, its code and enhanced code; the form of ours. Does not: know what a
//! code means to whom. Driver: the dialogues with backends read, those with clients write. Tests: below.

use crate::limits::{BACKEND_LINE_BYTES_MAX, BACKEND_LINES_MAX, SMTP_REPLY_BYTES_MAX};
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan};
use crate::wire::resp_text::write_sanitised;

/// A complete reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 559.
    pub code: u16,
    /// The lines behind code and separator, joined by LF, which none of them holds.
    pub text: Box<[u8]>,
}

/// What kind of answer a reply is; its first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 2yz: done.
    Done,
    /// 3yz: go on.
    GoOn,
    /// 4yz: not now.
    NotNow,
    /// 5yz: no.
    No,
}

/// A reader of replies; remembers the lines of an incomplete one.
#[derive(Debug, Default)]
pub struct Replies {
    lines: Lines,
    /// Set by the first line of a reply.
    code: Option<u16>,
    text: Vec<u8>,
    line_count: u16,
    bytes: usize,
}

/// What [`Replies::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// No complete reply yet.
    More,
    /// One.
    Reply(Reply),
    /// No reply: not a line of one, another code than the line before, or no end in sight (W-SUB-B7). The line, at most
    /// `BACKEND_LINE_BYTES_MAX` bytes of it; nothing more can be understood.
    Broken(Box<[u8]>),
}

impl Replies {
    /// Reads the next reply and consumes its lines, one by one as they come.
    ///
    /// ```text
    /// Reply-line    = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF ; RFC 5321 4.2
    /// Reply-code    = %x32-35 %x30-35 %x30-39
    /// ```
    ///
    /// Quirk: a bare LF ends a line, too. Limits: 128 lines, 4096 bytes each, 16 KiB in all.
    pub fn next(&mut self, inbox: &mut Inbox) -> Next {
        loop {
            let (text, whole) = match self.lines.next(inbox.bytes(), BACKEND_LINE_BYTES_MAX) {
                Scan::More => return Next::More,
                Scan::TooLong => {
                    let shown = inbox.bytes().get(..BACKEND_LINE_BYTES_MAX);
                    return Next::Broken(shown.unwrap_or_default().into());
                }
                Scan::Line { text, whole } => (text, whole),
            };
            let line = inbox.bytes().get(..text).unwrap_or_default();
            let taken = self.take(line);
            let broken = if taken.is_none() { Some(line.into()) } else { None };
            inbox.consume(whole);
            match (taken, broken) {
                (Some(IsComplete::Yes), _) => return Next::Reply(self.finish()),
                (Some(IsComplete::No), _) => {}
                (None, line) => return Next::Broken(line.unwrap_or_default()),
            }
        }
    }

    /// Whether no part of a reply has been read.
    #[must_use]
    pub const fn is_at_start(&self) -> bool {
        self.code.is_none()
    }

    fn take(&mut self, line: &[u8]) -> Option<IsComplete> {
        let (code, is_complete, text) = reply_line(line)?;
        self.line_count = self.line_count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(line.len());
        let is_bounded = self.line_count <= BACKEND_LINES_MAX && self.bytes <= SMTP_REPLY_BYTES_MAX;
        if self.code.is_some_and(|first| first != code) || !is_bounded {
            return None;
        }
        if self.code.is_some() {
            self.text.push(b'\n');
        }
        self.code = Some(code);
        self.text.extend_from_slice(text);
        Some(is_complete)
    }

    fn finish(&mut self) -> Reply {
        let whole = std::mem::take(self);
        Reply { code: whole.code.unwrap_or_default(), text: whole.text.into() }
    }
}

impl Reply {
    /// A reply out of the form that [`Self::coded_text`] gives it; none: `text` does not begin with a code.
    #[must_use]
    pub fn coded(text: &[u8]) -> Option<Self> {
        match reply_line(text)? {
            (code, IsComplete::Yes, text) => Some(Self { code, text: text.into() }),
            (_, IsComplete::No, _) => None,
        }
    }

    /// Code, SP and the lines joined by LF, for the other side of the session.
    #[must_use]
    pub fn coded_text(&self) -> Box<[u8]> {
        [self.code.to_string().as_bytes(), b" ", &self.text].concat().into()
    }

    /// What kind of answer it is.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.code {
            ..300 => Class::Done,
            300..400 => Class::GoOn,
            400..500 => Class::NotNow,
            500.. => Class::No,
        }
    }

    /// The lines behind code and separator; at least one, which may be empty.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|&byte| byte == b'\n')
    }

    /// The first line behind code and separator.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        self.lines().next().unwrap_or_default()
    }

    /// The reply's enhanced code, as far as it is one of its class: in whichever line it stands, since many servers
    /// write it once. Where lines differ it is the last one's, which is what senders go by.
    #[must_use]
    pub fn enhanced(&self) -> Option<&[u8]> {
        self.lines().filter_map(|line| enhanced(self.code, line)).last()
    }

    /// The reply in one line, for a log: code, SP, lines joined by SP.
    #[must_use]
    pub fn joined(&self) -> Box<[u8]> {
        let mut line = self.coded_text();
        for byte in line.iter_mut().filter(|byte| **byte == b'\n') {
            *byte = b' ';
        }
        line
    }

    /// Appends the reply as it came, apart from bytes that could end a line. `enhanced_default`: every line has one and
    /// the same enhanced code (RFC 2034 4), which is the reply's own, and this one where it has none (W-SUB-B8,
    /// W-LMTP-4); empty: the reader was promised none.
    pub fn write(&self, enhanced_default: &str, out: &mut Vec<u8>) {
        let promised = Some(enhanced_default.as_bytes()).filter(|code| !code.is_empty());
        let code = promised.map(|default| self.enhanced().unwrap_or(default));
        let mut lines = self.lines().peekable();
        while let Some(line) = lines.next() {
            out.extend(self.code.to_string().as_bytes());
            let is_last = lines.peek().is_none();
            // A line that has the code keeps it; one that has another keeps that as text.
            let added = code.filter(|code| enhanced(self.code, line) != Some(*code));
            // `250` without anything behind it is a legal last line.
            if !(is_last && added.is_none() && line.is_empty()) {
                out.push(if is_last { b' ' } else { b'-' });
            }
            if let Some(added) = added {
                out.extend(added);
                if !line.is_empty() {
                    out.push(b' ');
                }
            }
            write_sanitised(line, out);
            out.extend(b"\r\n");
        }
    }
}

enum IsComplete {
    Yes,
    No,
}

/// Code, whether it is the last line, text.
fn reply_line(line: &[u8]) -> Option<(u16, IsComplete, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let &[b'2'..=b'5', b'0'..=b'5', b'0'..=b'9'] = digits else {
        return None;
    };
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match rest.split_first() {
        None => Some((code, IsComplete::Yes, rest)),
        Some((b' ', text)) => Some((code, IsComplete::Yes, text)),
        Some((b'-', text)) => Some((code, IsComplete::No, text)),
        Some(_) => None,
    }
}

/// The enhanced code that a line of a reply begins with.
///
/// ```text
/// status-code   = class "." subject "." detail            ; RFC 3463 2
/// class         = "2" / "4" / "5"
/// subject       = 1*3digit
/// detail        = 1*3digit
/// ```
///
/// Its class is the reply's (RFC 2034 4), and SP or the line's end follows.
#[must_use]
pub fn enhanced(code: u16, line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
    let word = line.get(..end)?;
    let mut parts = word.split(|&byte| byte == b'.');
    let class = match code / 100 {
        2 => b"2",
        4 => b"4",
        5 => b"5",
        _ => return None,
    };
    let is_number =
        |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let legal = parts.next() == Some(class)
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_none();
    legal.then_some(word)
}

/// Appends a reply of one line; `words` are code, enhanced code and text, and ours.
pub fn write_line(words: &str, out: &mut Vec<u8>) {
    out.extend(words.as_bytes());
    out.extend(b"\r\n");
}

/// Appends a reply of several lines, of which there is at least one; none of them is a peer's.
pub fn write_lines(code: u16, lines: &[&str], out: &mut Vec<u8>) {
    let last = lines.len().saturating_sub(1);
    for (number, line) in lines.iter().enumerate() {
        out.extend(code.to_string().as_bytes());
        out.push(if number == last { b' ' } else { b'-' });
        write_line(line, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from `bytes` in pieces of `size`, and what is left.
    fn read(bytes: &[u8], size: usize) -> Vec<String> {
        let (mut inbox, mut replies, mut read) =
            (Inbox::new(16_384), Replies::default(), Vec::new());
        for piece in bytes.chunks(size) {
            assert_eq!(inbox.append(piece), piece.len());
            loop {
                match replies.next(&mut inbox) {
                    Next::More => break,
                    Next::Reply(reply) => {
                        read.push(String::from_utf8(reply.joined().into()).unwrap());
                    }
                    Next::Broken(line) => {
                        read.push(format!("broken {}", line.escape_ascii()));
                        return read;
                    }
                }
            }
        }
        if !replies.is_at_start() {
            read.push("…".to_owned());
        }
        read
    }

    fn alike(text: &str) -> Vec<String> {
        let whole = read(text.as_bytes(), 16_384);
        for size in 1..7 {
            assert_eq!(read(text.as_bytes(), size), whole, "{text:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn w_sub_b7_replies_of_one_and_many_lines() {
        assert_eq!(alike("220 hi there\r\n"), ["220 hi there"]);
        assert_eq!(alike("235\r\n250 \r\n"), ["235 ", "250 "]);
        assert_eq!(
            alike("250-a\r\n250-\r\n250-b c\n250 d\r\n554 e\r\n25"),
            ["250 a  b c d", "554 e"]
        );
        assert_eq!(alike("250-a\r\n"), ["…"]);
    }

    #[test]
    fn w_sub_b7_what_is_no_reply() {
        for bad in [
            "hello", "2500 x", "250x", "25", "", "150 x", "650 x", "260 x", " 250 x", "250\tx",
            "+OK",
        ] {
            assert_eq!(
                alike(&format!("{bad}\r\n")),
                [format!("broken {}", bad.escape_default())],
                "{bad}"
            );
        }
        assert_eq!(alike("250-a\r\n251 b\r\n"), ["broken 251 b"]);
    }

    #[test]
    fn su_06_replies_are_bounded() {
        let lines = |count: usize, line: &str| format!("{}250 x\r\n", line.repeat(count));
        let count = usize::from(BACKEND_LINES_MAX);
        assert!(alike(&lines(count - 1, "250-x\r\n"))[0].starts_with("250 x x"));
        assert_eq!(alike(&lines(count, "250-x\r\n")), ["broken 250 x"]);
        assert!(alike(&format!("250 {}\r\n", "x".repeat(4092)))[0].starts_with("250 xx"));
        assert!(alike(&format!("250 {}\r\n", "x".repeat(4093)))[0].starts_with("broken 250 xx"));
        let long = format!("250-{}\r\n", "x".repeat(1020));
        assert!(read(lines(15, &long).as_bytes(), 1024)[0].starts_with("250 xx"));
        assert!(read(lines(17, &long).as_bytes(), 1024)[0].starts_with("broken 250"));
    }

    #[test]
    fn rfc_2034_enhanced_codes() {
        let of = |code, line: &'static str| enhanced(code, line.as_bytes());
        assert_eq!(of(550, "5.2.900 x"), Some(&b"5.2.900"[..]));
        assert_eq!(of(250, "2.0.0"), Some(&b"2.0.0"[..]));
        for (code, line) in [
            (250, ""),
            (250, "2.0"),
            (250, "4.0.0 x"),
            (250, "2.0.0.0 x"),
            (250, "2..0 x"),
            (250, "2.1234.0"),
            (354, "3.0.0 x"),
            (250, "2.0.0x"),
            (250, "OK 2.0.0"),
        ] {
            assert_eq!(of(code, line), None, "{line}");
        }
    }

    #[test]
    fn w_sub_b8_a_reply_travels_on_as_it_came() {
        let forwarded = |text: &str, default: &str| {
            let mut inbox = Inbox::new(4096);
            inbox.append(text.as_bytes());
            let Next::Reply(reply) = Replies::default().next(&mut inbox) else { panic!("{text}") };
            let mut out = Vec::new();
            reply.write(default, &mut out);
            String::from_utf8(out).unwrap()
        };
        for same in ["235 2.7.0 ok\r\n", "250-a\r\n250-\r\n250 b\r\n", "235\r\n"] {
            assert_eq!(forwarded(same, ""), same);
        }
        assert_eq!(forwarded("235 ok\r\n", "2.7.0"), "235 2.7.0 ok\r\n");
        assert_eq!(forwarded("235\r\n", "2.7.0"), "235 2.7.0\r\n");
        assert_eq!(
            forwarded("454-4.7.1 a\r\n454 b\r\n", "4.7.0"),
            "454-4.7.1 a\r\n454 4.7.1 b\r\n"
        );
        assert_eq!(forwarded("250 a\rQUIT\0\r\n", ""), "250 a QUIT \r\n");
        // No code was promised: none is added, and none is moved.
        assert_eq!(forwarded("454-4.7.1 a\r\n454 b\r\n", ""), "454-4.7.1 a\r\n454 b\r\n");
    }

    /// RFC 2034 4, `cross-lmtp-mixed-enhanced-codes`.
    #[test]
    fn rfc_2034_every_line_has_the_one_code_that_the_backend_gave() {
        let of = |text: &str| {
            let mut inbox = Inbox::new(4096);
            inbox.append(text.as_bytes());
            let Next::Reply(reply) = Replies::default().next(&mut inbox) else { panic!("{text}") };
            let mut out = Vec::new();
            reply.write("5.0.0", &mut out);
            String::from_utf8(out).unwrap()
        };
        for (said, told) in [
            (
                "550-Mailbox unknown.\r\n550-name or\r\n550 5.1.1 User unknown\r\n",
                "550-5.1.1 Mailbox unknown.\r\n550-5.1.1 name or\r\n550 5.1.1 User unknown\r\n",
            ),
            (
                "552-5.2.2 full\r\n552-since yesterday\r\n552 ask\r\n",
                "552-5.2.2 full\r\n552-5.2.2 since yesterday\r\n552 5.2.2 ask\r\n",
            ),
            ("550-a\r\n550-5.7.1\r\n550\r\n", "550-5.7.1 a\r\n550-5.7.1\r\n550 5.7.1\r\n"),
            ("550-a\r\n550 b\r\n", "550-5.0.0 a\r\n550 5.0.0 b\r\n"),
            ("550\r\n", "550 5.0.0\r\n"),
            // Of another class than the reply: no code, but a word.
            ("550-4.2.2 a\r\n550 5.1.1 b\r\n", "550-5.1.1 4.2.2 a\r\n550 5.1.1 b\r\n"),
            ("550 4.2.2 a\r\n", "550 5.0.0 4.2.2 a\r\n"),
            // Three codes, and neither a line nor a word of them lost.
            (
                "550-5.1.1 a\r\n550-5.2.2 b\r\n550 5.7.1 c\r\n",
                "550-5.7.1 5.1.1 a\r\n550-5.7.1 5.2.2 b\r\n550 5.7.1 c\r\n",
            ),
        ] {
            assert_eq!(of(said), told, "{said:?}");
        }
    }

    #[test]
    fn replies_of_ours() {
        let mut out = Vec::new();
        write_lines(250, &["mail.example", "PIPELINING", "8BITMIME"], &mut out);
        write_line("221 2.0.0 Bye", &mut out);
        assert_eq!(out, b"250-mail.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n221 2.0.0 Bye\r\n");
    }
}
