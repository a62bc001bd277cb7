//! Submission and LMTP as the fake backends speak them (RFC 6409, RFC 2033).

use super::{Activity, Command, MessageEnd, VERB_BYTES_MAX, pad_to};
use crate::engine::protocol::Protocol;

pub(super) fn answer(
    protocol: Protocol,
    recipients: &mut usize,
    command: Command<'_>,
    reply: &mut Vec<u8>,
) -> Activity {
    let mut room = [0; VERB_BYTES_MAX];
    let (verb, arguments) = command.split(&mut room);
    let text: &[u8] = match verb {
        b"NOOP" => {
            let from = reply.len();
            reply.extend_from_slice(DONE);
            pad_to(reply, from, if arguments.is_empty() { 0 } else { command.length });
            return Activity::Commands;
        }
        b"HELO" => b"250 load.test\r\n",
        b"EHLO" => {
            b"250-load.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"
        }
        b"LHLO" => {
            b"250-load.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
        }
        // With an initial response there is a second word.
        b"AUTH" if arguments.contains(&b' ') => LOGGED_IN,
        b"AUTH" => {
            reply.extend_from_slice(b"334 \r\n");
            return Activity::Line { closing: LOGGED_IN.to_vec() };
        }
        b"XCLIENT" => b"220 load.test ready\r\n",
        b"MAIL" | b"RSET" => {
            *recipients = 0;
            b"250 2.1.0 OK\r\n"
        }
        b"RCPT" => {
            *recipients += 1;
            b"250 2.1.5 OK\r\n"
        }
        b"DATA" => {
            reply.extend_from_slice(b"354 go on\r\n");
            // RFC 2033, 4.2: one reply for each recipient that was accepted.
            let replies = if protocol == Protocol::Lmtp { *recipients } else { 1 };
            return Activity::Message { end: MessageEnd::new(), closing: DONE.repeat(replies) };
        }
        b"STARTTLS" if command.starttls => {
            reply.extend_from_slice(b"220 2.0.0 begin TLS\r\n");
            return Activity::Secure;
        }
        b"QUIT" => {
            reply.extend_from_slice(b"221 2.0.0 bye\r\n");
            return Activity::Leaving;
        }
        _ => match Command::bulk(verb, arguments, DONE) {
            Some(activity) => return activity,
            None => b"500 5.5.1 unknown command\r\n",
        },
    };
    reply.extend_from_slice(text);
    Activity::Commands
}

const DONE: &[u8] = b"250 2.0.0 OK\r\n";
const LOGGED_IN: &[u8] = b"235 2.7.0 Logged in\r\n";
