//! Body of the fuzz target `smtp_lexis`, replayed on stable by `tests/pure/corpus.rs`: replies, keywords, commands and paths.

use hale::limits::{BACKEND_INPUT_BYTES_MAX, SMTP_REPLY_BYTES_MAX};
use hale::wire::inbox::Inbox;
use hale::wire::smtp::command::{bdat, helo_name, is_helo, parse, without_white_end};
use hale::wire::smtp::keywords::Keywords;
use hale::wire::smtp::line::{Found, Lines};
use hale::wire::smtp::path::{Argument, Rules};
use hale::wire::smtp::reply::{Next, Replies, Reply};

/// Any bytes: no panic, the same replies and lines however they are cut, and a reply that travels on is read as the same.
pub(crate) fn run(stream: &[u8]) {
    let (replies, lines) = (replies(stream, stream.len().max(1)), lines(stream, stream.len()));
    for size in [1, 2, 5, 100] {
        assert_eq!(self::replies(stream, size), replies, "in pieces of {size}");
        assert_eq!(self::lines(stream, size), lines, "in pieces of {size}");
    }
    for reply in replies.iter().flatten() {
        let mut written = Vec::new();
        reply.write("", &mut written);
        let again = self::replies(&written, written.len());
        assert!(matches!(&again[..], [Some(again)] if again.code == reply.code));
        assert_eq!(Reply::coded(&reply.coded_text()).map(|it| it.code), Some(reply.code));
        let keywords = Keywords::of(reply);
        assert!(keywords.iter().all(|line| !line.contains(&b'\n')));
    }
    for line in &lines {
        let argument = parse(line).argument;
        assert_eq!(parse(without_white_end(line)), parse(line));
        let _ = bdat(argument);
        assert!(helo_name(argument).is_none() || is_helo(argument));
        for (utf8, bare_local) in [(false, false), (true, true)] {
            for keyword in ["FROM:", "TO:"] {
                let rules = Rules { utf8, bare_local };
                let Ok(parsed) = Argument::parse(argument, keyword, rules) else { continue };
                let Some(mailbox) = parsed.mailbox else { continue };
                let is_harmful = |byte: u8| byte.is_ascii_control();
                assert!(!mailbox.text.bytes().any(is_harmful), "{}", mailbox.text);
                assert!(!mailbox.user(Some('+')).is_empty());
            }
        }
    }
}

/// None stands for what is no reply, and is the last.
fn replies(stream: &[u8], size: usize) -> Vec<Option<Reply>> {
    let (mut inbox, mut reader) = (Inbox::new(BACKEND_INPUT_BYTES_MAX), Replies::default());
    let mut found = Vec::new();
    for mut piece in stream.chunks(size.max(1)) {
        while !piece.is_empty() {
            let taken = inbox.append(piece);
            assert!(taken > 0, "nothing is complete and there is no room");
            (_, piece) = piece.split_at(taken);
            loop {
                match reader.next(&mut inbox) {
                    Next::More => break,
                    Next::Reply(reply) => {
                        assert!(reply.text.len() <= SMTP_REPLY_BYTES_MAX);
                        found.push(Some(reply));
                    }
                    Next::Broken(_) => {
                        found.push(None);
                        return found;
                    }
                }
            }
        }
    }
    found
}

/// Complete lines of at most 64 bytes; refused ones are empty.
fn lines(stream: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (mut inbox, mut reader, mut found) = (Inbox::new(256), Lines::default(), Vec::new());
    for mut piece in stream.chunks(size.max(1)) {
        while !piece.is_empty() {
            let taken = inbox.append(piece);
            assert!(taken > 0, "nothing is complete and there is no room");
            (_, piece) = piece.split_at(taken);
            loop {
                match reader.next(&mut inbox, |_| 64) {
                    Found::More => break,
                    Found::Line { text, whole, flawed } => {
                        let line = inbox.bytes()[..text].to_vec();
                        assert!(flawed || !line.iter().any(|byte| matches!(byte, b'\n' | 0)));
                        found.push(if flawed { Vec::new() } else { line });
                        inbox.consume(whole);
                    }
                    Found::TooLong | Found::BareLf => found.push(Vec::new()),
                }
            }
        }
    }
    found
}
