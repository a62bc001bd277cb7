//! Whatever a backend does wrong while a message is handed to it: each command of the client gets one reply, the recipient a
//! 451 and never a 250, and the connection delivers the next message (W-LMTP-1, W-FAIL-4; BE-01, LM-04).
//!
//! LMTP repeats nothing: the client has a queue and comes back by itself. So a backend that refuses or goes is told at
//! once, and no time but the backend's own passes.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::faulty::{Ending, Fault, FaultyBackends, FullListener, Turns, address_of};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::wait::{PATIENCE, now, wait_for};

const TURNS: Turns = &[
    ("", "220 scripted LMTP\r\n"),
    ("LHLO", "250-scripted\r\n250-PIPELINING\r\n250 XCLIENT ADDR PORT TTL\r\n"),
    ("XCLIENT", "220 scripted LMTP\r\n"),
    ("LHLO", "250-scripted\r\n250 PIPELINING\r\n"),
    ("MAIL", "250 2.1.0 OK\r\n"),
    ("RCPT", "250 2.1.5 OK\r\n"),
    ("DATA", "354 Go on.\r\n"),
    (".", "250 2.0.0 Saved.\r\n"),
];
/// Turns up to the word on the recipient, and on DATA.
const ENVELOPE_TURNS: usize = 6;
const DATA_TURN: usize = 6;
/// A backend that goes is told within four seconds; more is only for a machine that is busy.
const GONE_MAX: Duration = Duration::from_secs(15);
/// Half a minute for a recipient (`LMTP_RECIPIENT_TIMEOUT`), and what a busy machine adds.
const SILENT_MAX: Duration = Duration::from_secs(45);

#[test]
fn lm_04_a_backend_that_goes_at_any_byte() {
    let all: usize = TURNS.iter().map(|(_, text)| text.len()).sum();
    let faults = (0..all).flat_map(|behind| {
        [Ending::Close, Ending::Reset].map(|ending| Fault::Cut { behind, ending })
    });
    Scene::start(faults.collect()).expect_one_reply_each(GONE_MAX);
}

#[test]
fn lm_04_a_backend_that_refuses_or_talks_nonsense_or_never_stops() {
    let mut faults = vec![Fault::Refuses];
    for turn in 0..TURNS.len() {
        faults.extend(NONSENSE.map(|text| Fault::Says { turn, text }));
        faults.push(Fault::Endless { turn, text: b"x" });
        faults.push(Fault::Endless { turn, text: b"250-still here\r\n" });
    }
    let scene = Scene::start(faults);
    scene.expect_one_reply_each(GONE_MAX);
    assert_eq!(scene.backends.exhausted(), 0, "backends that were listened to for 64 MiB");
}

/// Up to DATA: what is silent behind the message has two minutes, and a transcript of its own (`stuck_backend.txt`).
#[test]
fn lm_04_a_backend_that_is_silent_or_slow() {
    let mut faults = vec![Fault::Drops];
    for turn in 0..=DATA_TURN {
        faults.extend([Fault::Says { turn, text: b"" }, Fault::Slow { turn }]);
    }
    Scene::start(faults).expect_one_reply_each(SILENT_MAX);
}

const NONSENSE: [&[u8]; 6] = [
    b"\r\n",
    b"\0\r\n",
    b"\x80\xFF\xFE \x00\x01\xC3\x28\r\n",
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    b"421 4.3.2 Too busy.\r\n",
    b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
];

/// Hale in front of backends with faults of the test's choice; the first of them has none.
struct Scene {
    hale: Hale,
    port: u16,
    faults: Vec<Fault>,
    backends: FaultyBackends,
    /// See [`Fault::Drops`].
    _full: FullListener,
}

/// A client whose message goes wrong.
struct Client {
    fault: usize,
    line: Imap,
    since: Instant,
}

impl Scene {
    fn start(faults: Vec<Fault>) -> Self {
        let faults = [vec![Fault::None], faults].concat();
        let backends = FaultyBackends::start(TURNS, faults.clone());
        let full = FullListener::start();
        let port = free_port();
        let mut setup = Setup::new(free_port());
        setup.configure(&format!(
            "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {port}\n  }}\n}}\n\
             protocol lmtp {{\n  proxy_port = {}\n}}",
            backends.port
        ));
        for (fault, kind) in faults.iter().enumerate() {
            let place = match kind {
                Fault::Refuses => format!("host={FRONT} port={}", free_port()),
                Fault::Drops => format!("host={FRONT} port={}", full.port),
                _ => format!("host={}", address_of(fault)),
            };
            setup.add_row(&format!("fault-{fault}:{{PLAIN}}secret::::::{place}"));
        }
        Self { hale: setup.start(), port, faults, backends, _full: full }
    }

    /// All at the same time: each has its message refused, and the next one delivered.
    fn expect_one_reply_each(&self, most: Duration) {
        let clients: Vec<Client> = (1..self.faults.len()).map(|fault| self.begin(fault)).collect();
        let mut told_at_rcpt = 0;
        for Client { fault, mut line, mut since } in clients {
            told_at_rcpt += usize::from(refused_at_rcpt(&mut line, &mut since));
            let took = since.elapsed();
            line.expect(took < most, &format!("an answer before {took:?}"));
            line.send(b"RSET\r\n");
            expect_code(&mut line, "250");
            deliver(&mut line);
            let connects = self.backends.connects(fault);
            line.expect(connects <= 1, &format!("one attempt, not {connects}"));
        }
        let in_envelope = |fault: &&Fault| match **fault {
            Fault::Cut { behind, .. } => behind < envelope_bytes(),
            Fault::Says { turn, .. } | Fault::Endless { turn, .. } | Fault::Slow { turn } => {
                turn < ENVELOPE_TURNS
            }
            _ => true,
        };
        let expected = self.faults[1..].iter().filter(in_envelope).count();
        assert_eq!(told_at_rcpt, expected, "refusals at RCPT; the others came with the message");
        self.expect_words_in_the_log();
        wait_for("the end of all connections", PATIENCE, || {
            (self.backends.live() == 0).then_some(())
        });
    }

    fn begin(&self, fault: usize) -> Client {
        let mut line = Imap::open(TcpStream::connect((FRONT, self.port)).unwrap());
        line.stream().set_read_timeout(Some(SILENT_MAX)).unwrap();
        line.call(&format!("{:?}", self.faults[fault]));
        expect_code(&mut line, "220");
        line.send(b"LHLO mx.test\r\n");
        expect_code(&mut line, "250");
        line.send(format!("MAIL FROM:<>\r\nRCPT TO:<fault-{fault}>\r\n").as_bytes());
        Client { fault, line, since: now() }
    }

    /// Every failure has one line that says which backend, and what it did.
    fn expect_words_in_the_log(&self) {
        let all = self.faults.len() - 1;
        let count = || {
            let said = self.hale.said();
            let failures = said.lines().filter(|line| line.contains("lmtp: backend failed"));
            failures.filter(|line| line.contains(" backend=") && line.contains(" code=")).count()
        };
        wait_for("a line for each failure", PATIENCE, || (count() >= all).then_some(()));
        assert_eq!(count(), all, "lines about failed backends");
    }
}

/// Takes the client to where its message is refused; whether that was at RCPT. `since` is when it said what is refused.
fn refused_at_rcpt(line: &mut Imap, since: &mut Instant) -> bool {
    expect_code(line, "250");
    let rcpt = reply(line);
    if rcpt.starts_with("451 4.") {
        return true;
    }
    line.expect(rcpt.starts_with("250 "), "a word on the recipient");
    *since = now();
    line.send(b"DATA\r\n");
    let data = reply(line);
    if data.starts_with("354 ") {
        *since = now();
        line.send(b"Subject: lost\r\n\r\nlost\r\n.\r\n");
        expect_code(line, "451");
    } else {
        line.expect(data.starts_with("451 4."), "one refusal for the only recipient");
    }
    false
}

/// A message for the backend that has no fault, and the end.
fn deliver(line: &mut Imap) {
    line.send(b"MAIL FROM:<>\r\nRCPT TO:<fault-0>\r\nDATA\r\n");
    for code in ["250", "250", "354"] {
        expect_code(line, code);
    }
    line.send(b"Subject: found\r\n\r\nfound\r\n.\r\nQUIT\r\n");
    for code in ["250 2.0.0 Saved.", "221"] {
        expect_code(line, code);
    }
    let rest = line.rest();
    line.expect(rest.is_empty(), "nothing behind the goodbye");
}

/// The last line of the next reply.
fn reply(line: &mut Imap) -> String {
    loop {
        let text = String::from_utf8_lossy(&line.line()).into_owned();
        if text.as_bytes().get(3) != Some(&b'-') {
            return text;
        }
    }
}

fn expect_code(line: &mut Imap, code: &str) {
    let text = reply(line);
    line.expect(text.starts_with(code), code);
}

fn envelope_bytes() -> usize {
    TURNS[..ENVELOPE_TURNS].iter().map(|(_, text)| text.len()).sum()
}
