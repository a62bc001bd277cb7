//! Hale's verdicts, by logins: a connection for each, with a PROXY header that says where it comes from.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hale::wire::base64;

use super::cases::Case;
use super::stage::Stage;
use super::{Asked, Verdict};
use crate::e2e::wait::{PATIENCE, wait_for};

/// Logins at the same time.
const AT_ONCE: usize = 8;

pub(super) fn verdicts(stage: &Stage, cases: &[Case]) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let log_in = || {
        let mut verdicts = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { return verdicts };
            verdicts.push((at, verdict(stage, at + 1, case)));
        }
    };
    let mut all = thread::scope(|scope| {
        let clients = [(); AT_ONCE].map(|()| scope.spawn(log_in));
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    all.sort_by_key(|(at, _)| *at);
    with_users(stage, cases, all.into_iter().map(|(_, verdict)| verdict).collect())
}

/// Which user each accepted login was for, as the backends have it, who are told the client's port.
fn with_users(stage: &Stage, cases: &[Case], verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let user_of = |number: usize| {
        let case = &cases[number - 1];
        let port = format!("rport={},", port_of(number));
        wait_for(&format!("the login of {} in a backend's log", case.name), PATIENCE, || {
            let log = stage.logins_behind_hale();
            let line =
                log.lines().find(|line| line.contains("Login: user=<") && line.contains(&port))?;
            let (_, rest) = line.split_once("Login: user=<")?;
            rest.split_once(">, rport=").map(|(user, _)| user.to_owned())
        })
    };
    (1..)
        .zip(verdicts)
        .map(|(number, verdict)| match verdict {
            Verdict::In(_) => Verdict::In(user_of(number)),
            other => other,
        })
        .collect()
}

/// Each login comes from a port of its own.
fn port_of(number: usize) -> usize {
    20_000 + number
}

fn verdict(stage: &Stage, number: usize, case: &Case) -> Verdict {
    let mut stream = TcpStream::connect(stage.hale(case.asked)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut encoded = Vec::new();
    base64::encode(&case.plain(), &mut encoded);
    let response = String::from_utf8(encoded).unwrap();
    let from = case.from(number);
    let to = if from.contains(':') { "TCP6 {} ::1" } else { "TCP4 {} 127.0.0.1" };
    let command = match case.asked {
        Asked::Imap => format!("a AUTHENTICATE PLAIN {response}\r\n"),
        Asked::Pop3 => format!("AUTH PLAIN {response}\r\n"),
        Asked::Sieve => {
            format!("AUTHENTICATE \"PLAIN\" {{{}+}}\r\n{response}\r\n", response.len())
        }
    };
    let said = format!("PROXY {} {} 143\r\n", to.replace("{}", &from), port_of(number));
    stream.write_all(said.as_bytes()).unwrap();
    let mut input = BufReader::new(stream);
    let greeting = |line: &str| match case.asked {
        Asked::Imap => line.starts_with("* OK"),
        Asked::Pop3 => line.starts_with("+OK"),
        Asked::Sieve => line.starts_with("OK"),
    };
    until(&mut input, case, greeting);
    input.get_mut().write_all(command.as_bytes()).unwrap();
    let reply = until(&mut input, case, |line| match case.asked {
        Asked::Imap => line.starts_with("a "),
        Asked::Pop3 => line.starts_with("+OK") || line.starts_with("-ERR"),
        Asked::Sieve => line.starts_with("OK") || line.starts_with("NO") || line.starts_with("BYE"),
    });
    // A client that goes at once would let a slow backend's greeting find nobody.
    let _ = input.get_mut().shutdown(std::net::Shutdown::Write);
    let _ = input.read_to_end(&mut Vec::new());
    of(case.asked, &reply)
}

fn until(input: &mut BufReader<TcpStream>, case: &Case, ends: impl Fn(&str) -> bool) -> String {
    loop {
        let mut line = Vec::new();
        let read = input.read_until(b'\n', &mut line);
        assert!(read.is_ok_and(|bytes| bytes > 0), "{}: Hale hangs up or says nothing", case.name);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if ends(&line) {
            return line;
        }
    }
}

fn of(asked: Asked, reply: &str) -> Verdict {
    let is_in = match asked {
        Asked::Imap => reply.starts_with("a OK"),
        Asked::Pop3 => reply.starts_with("+OK"),
        Asked::Sieve => reply.starts_with("OK"),
    };
    if is_in {
        // The name is the backends' to say.
        Verdict::In(String::new())
    } else if reply.contains("temporarily unavailable") {
        Verdict::Later
    } else if reply.contains("Authentication failed.") {
        Verdict::Refused
    } else {
        Verdict::Barred
    }
}
