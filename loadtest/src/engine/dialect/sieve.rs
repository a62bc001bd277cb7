//! ManageSieve as the fake backend speaks it (RFC 5804).

use super::{Activity, Command, VERB_BYTES_MAX, pad_to};

/// The greeting is the reply to CAPABILITY (RFC 5804, 1.7).
pub(super) fn capabilities(reply: &mut Vec<u8>) {
    reply.extend_from_slice(
        b"\"IMPLEMENTATION\" \"load\"\r\n\"SASL\" \"PLAIN\"\r\n\"SIEVE\" \"fileinto\"\r\n\"VERSION\" \"1.0\"\r\n\
          OK \"ready\"\r\n",
    );
}

pub(super) fn answer(command: Command<'_>, reply: &mut Vec<u8>) -> Activity {
    let mut room = [0; VERB_BYTES_MAX];
    let (verb, arguments) = command.split(&mut room);
    let text: &[u8] = match verb {
        b"NOOP" => {
            let from = reply.len();
            reply.extend_from_slice(b"OK\r\n");
            pad_to(reply, from, if arguments.is_empty() { 0 } else { command.length });
            return Activity::Commands;
        }
        // With an initial response there is a second string, quoted or literal.
        b"AUTHENTICATE" if arguments.contains(&b' ') => LOGGED_IN,
        b"AUTHENTICATE" => {
            reply.extend_from_slice(b"\"\"\r\n");
            return Activity::Line { closing: LOGGED_IN.to_vec() };
        }
        b"CAPABILITY" => {
            capabilities(reply);
            return Activity::Commands;
        }
        b"XCLIENT" => b"OK\r\n",
        b"STARTTLS" if command.starttls => {
            reply.extend_from_slice(b"OK \"begin TLS\"\r\n");
            return Activity::Secure;
        }
        b"LOGOUT" => {
            reply.extend_from_slice(b"OK \"bye\"\r\n");
            return Activity::Leaving;
        }
        _ => match Command::bulk(verb, arguments, b"OK \"completed\"\r\n") {
            Some(activity) => return activity,
            None => b"NO \"unknown command\"\r\n",
        },
    };
    reply.extend_from_slice(text);
    Activity::Commands
}

const LOGGED_IN: &[u8] = b"OK \"Logged in\"\r\n";
