//! POP3 as the fake backend speaks it (RFC 1939, CAPA of RFC 2449, AUTH of RFC 5034).

use super::{Activity, Command, VERB_BYTES_MAX, pad_to};

pub(super) fn answer(command: Command<'_>, reply: &mut Vec<u8>) -> Activity {
    let mut room = [0; VERB_BYTES_MAX];
    let (verb, arguments) = command.split(&mut room);
    let text: &[u8] = match verb {
        b"NOOP" => {
            let from = reply.len();
            reply.extend_from_slice(b"+OK\r\n");
            pad_to(reply, from, if arguments.is_empty() { 0 } else { command.length });
            return Activity::Commands;
        }
        b"USER" | b"XCLIENT" => b"+OK\r\n",
        b"PASS" => LOGGED_IN,
        // With an initial response there is a second word.
        b"AUTH" if arguments.contains(&b' ') => LOGGED_IN,
        b"AUTH" => {
            reply.extend_from_slice(b"+ \r\n");
            return Activity::Line { closing: LOGGED_IN.to_vec() };
        }
        b"CAPA" => {
            b"+OK\r\nCAPA\r\nPIPELINING\r\nRESP-CODES\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
        }
        b"STAT" => b"+OK 0 0\r\n",
        b"STLS" if command.starttls => {
            reply.extend_from_slice(b"+OK begin TLS\r\n");
            return Activity::Secure;
        }
        b"QUIT" => {
            reply.extend_from_slice(b"+OK bye\r\n");
            return Activity::Leaving;
        }
        _ => match Command::bulk(verb, arguments, b"+OK completed\r\n") {
            Some(activity) => return activity,
            None => b"-ERR unknown command\r\n",
        },
    };
    reply.extend_from_slice(text);
    Activity::Commands
}

const LOGGED_IN: &[u8] = b"+OK Logged in\r\n";
