//! Body of the fuzz target `smtp_lexis`, replayed on stable by `tests/pure/corpus.rs`: replies, keywords, commands and paths.

use std::collections::BTreeSet;

use hale::limits::{BACKEND_INPUT_BYTES_MAX, SMTP_REPLY_BYTES_MAX};
use hale::wire::inbox::Inbox;
use hale::wire::smtp::command::{bdat, helo_name, is_helo, parse, without_white_end};
use hale::wire::smtp::keywords::Keywords;
use hale::wire::smtp::line::{Found, Lines};
use hale::wire::smtp::path::{Argument, Brackets, Rules, Whose};
use hale::wire::smtp::reply::{Next, Replies, Reply, enhanced};

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
        if !(300..400).contains(&reply.code) {
            assert_one_code(reply);
        }
        let keywords = Keywords::of(reply);
        assert!(keywords.iter().all(|line| !line.contains(&b'\n')));
    }
    for line in &lines {
        let argument = parse(line).argument;
        assert_eq!(parse(without_white_end(line)), parse(line));
        let _ = bdat(argument);
        assert!(helo_name(argument).is_none() || is_helo(argument));
        for (utf8, bare_local) in [(false, false), (true, true)] {
            let strict = Rules { utf8, bare_local, ..Rules::default() };
            let lenient = Rules { whose: Whose::Sender, brackets: Brackets::Optional, ..strict };
            for (keyword, rules) in [("FROM:", strict), ("TO:", strict), ("FROM:", lenient)] {
                path(argument, keyword, rules);
            }
        }
    }
}

/// Whatever is taken for a path travels on between brackets and is the same there.
fn path(argument: &[u8], keyword: &str, rules: Rules) {
    let Ok(parsed) = Argument::parse(argument, keyword, rules) else { return };
    let Some(mailbox) = parsed.mailbox else { return };
    let is_harmful = |byte: u8| byte.is_ascii_control();
    assert!(!mailbox.text.bytes().any(is_harmful), "{}", mailbox.text);
    assert!(!mailbox.user("+").is_empty());
    let again = format!("{keyword}<{}>", mailbox.text);
    let again = Argument::parse(again.as_bytes(), keyword, rules).map(|again| again.mailbox);
    assert_eq!(again, Ok(Some(mailbox)));
}

/// RFC 2034 4: one code, in every line.
fn assert_one_code(reply: &Reply) {
    let default = format!("{}.0.0", reply.code / 100);
    let mut written = Vec::new();
    reply.write(&default, &mut written);
    let codes: BTreeSet<Option<&[u8]>> = written
        .split(|&byte| byte == b'\n')
        .filter_map(|line| Some(line.strip_suffix(b"\r")?.get(4..).unwrap_or_default()))
        .map(|text| enhanced(reply.code, text))
        .collect();
    let own = reply.enhanced().unwrap_or(default.as_bytes());
    assert!(codes == [Some(own)].into(), "{}", written.escape_ascii());
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
