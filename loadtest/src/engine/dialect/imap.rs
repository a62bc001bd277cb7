//! IMAP as the fake backend speaks it (RFC 9051, the part before and beside mailboxes).

use super::{Activity, Command, VERB_BYTES_MAX, pad_to};
use crate::engine::command::split_word;

pub(super) fn greet(reply: &mut Vec<u8>) {
    reply
        .extend_from_slice(b"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] ready\r\n");
}

pub(super) fn answer(command: Command<'_>, reply: &mut Vec<u8>) -> Activity {
    let (tag, rest) = split_word(command.whole);
    let mut room = [0; VERB_BYTES_MAX];
    let (verb, arguments) = Command { whole: rest, ..command }.split(&mut room);
    let text: &[u8] = match verb {
        b"NOOP" => {
            let from = reply.len();
            tagged(reply, tag, b"OK NOOP completed");
            pad_to(reply, from, if arguments.is_empty() { 0 } else { command.length });
            return Activity::Commands;
        }
        b"LOGIN" => LOGGED_IN,
        // With an initial response there is a second word.
        b"AUTHENTICATE" if arguments.contains(&b' ') => LOGGED_IN,
        b"AUTHENTICATE" => {
            reply.extend_from_slice(b"+ \r\n");
            return Activity::Line { closing: line(tag, LOGGED_IN) };
        }
        b"CAPABILITY" => {
            reply.extend_from_slice(b"* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN\r\n");
            b"OK CAPABILITY completed"
        }
        b"ID" => {
            reply.extend_from_slice(b"* ID NIL\r\n");
            b"OK ID completed"
        }
        b"STARTTLS" if command.starttls => {
            tagged(reply, tag, b"OK begin TLS");
            return Activity::Secure;
        }
        b"LOGOUT" => {
            reply.extend_from_slice(b"* BYE logging out\r\n");
            tagged(reply, tag, b"OK LOGOUT completed");
            return Activity::Leaving;
        }
        _ => match Command::bulk(verb, arguments, &line(tag, b"OK completed")) {
            Some(activity) => return activity,
            None => b"BAD unknown command",
        },
    };
    tagged(reply, tag, text);
    Activity::Commands
}

fn tagged(reply: &mut Vec<u8>, tag: &[u8], text: &[u8]) {
    reply.extend_from_slice(tag);
    reply.push(b' ');
    reply.extend_from_slice(text);
    reply.extend_from_slice(b"\r\n");
}

fn line(tag: &[u8], text: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    tagged(&mut line, tag, text);
    line
}

const LOGGED_IN: &[u8] = b"OK [CAPABILITY IMAP4rev1 LITERAL+ ID] Logged in";
