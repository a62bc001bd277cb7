//! LMTP backends that keep to RFC 5321 4.1.4, and more strictly than it asks: a transaction is open until RSET, LHLO or
//! a message that all of them have, and MAIL in it is 503. What a client is told of that, and of backends that have had
//! enough of a connection: nothing (W-LMTP-10).

use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::hale::{Hale, Setup};
use super::lmtp::Lmtp;
use super::ports::{BACKENDS, free_port};
use super::wait::{PATIENCE, wait_for};

/// What a backend does that another would not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Nothing; and it has SMTPUTF8.
    Well,
    /// Has not.
    Plain,
    /// Refuses DATA with this and keeps the transaction open.
    RefusesData(&'static str),
    /// The same behind the dot.
    RefusesMessage(&'static str),
    /// Refuses DATA, and answers RSET with this; with nothing where it is empty.
    RefusesReset(&'static str),
    /// Says this to a connection's second MAIL and closes; says nothing where it is empty.
    Tires(&'static str),
    /// Says so, and nothing is open.
    SaysNested,
}

/// What became of it.
#[derive(Debug, Default)]
struct Ledger {
    nested: AtomicUsize,
    saved: AtomicUsize,
    connects: AtomicUsize,
}

struct Strict {
    port: u16,
    ledger: Arc<Ledger>,
    /// Every MAIL that was taken.
    mails: Receiver<String>,
    stops: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Strict {
    fn start(manner: Manner) -> Self {
        let port = free_port();
        let listener = TcpListener::bind((BACKENDS[0], port)).unwrap();
        let (ledger, stops) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let (sender, mails) = channel();
        let (kept, is_over) = (Arc::clone(&ledger), Arc::clone(&stops));
        let serve = move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                let (stream, kept) = (stream.unwrap(), Arc::clone(&kept));
                let mut conversation = Conversation::new(stream, manner, kept);
                let sender = sender.clone();
                thread::spawn(move || conversation.hold(&sender));
            }
        };
        Self { port, ledger, mails, stops, listener: Some(thread::spawn(serve)) }
    }

    fn saved(&self) -> usize {
        self.ledger.saved.load(Ordering::Acquire)
    }

    fn connects(&self) -> usize {
        self.ledger.connects.load(Ordering::Acquire)
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Release);
        let _ = TcpStream::connect((BACKENDS[0], self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// One connection of a strict backend.
struct Conversation {
    stream: BufReader<TcpStream>,
    manner: Manner,
    ledger: Arc<Ledger>,
    is_open: bool,
    recipients: usize,
    mails: usize,
}

impl Conversation {
    fn new(stream: TcpStream, manner: Manner, ledger: Arc<Ledger>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = BufReader::new(stream);
        Self { stream, manner, ledger, is_open: false, recipients: 0, mails: 0 }
    }

    /// Until one side has had enough.
    fn hold(&mut self, mails: &Sender<String>) {
        self.ledger.connects.fetch_add(1, Ordering::AcqRel);
        self.say("220 strict");
        while let Some(line) = self.line() {
            let verb = line.split([' ', '\r']).next().unwrap_or_default();
            let taken = self.mails;
            if !self.answer(verb) {
                return;
            }
            if self.mails > taken {
                // A client that has what it wanted to know listens no more.
                let _ = mails.send(line.trim_end().to_owned());
            }
        }
    }

    fn answer(&mut self, verb: &str) -> bool {
        match (verb, self.manner) {
            ("LHLO", manner) => {
                (self.is_open, self.recipients) = (false, 0);
                self.say(match manner {
                    Manner::Well => "250-strict\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING",
                    _ => "250-strict\r\n250-8BITMIME\r\n250 PIPELINING",
                });
            }
            ("MAIL", _) if self.is_open => {
                self.ledger.nested.fetch_add(1, Ordering::AcqRel);
                self.say("503 5.5.1 Error: nested MAIL command");
            }
            ("MAIL", Manner::Tires(words)) if self.mails > 0 => {
                if !words.is_empty() {
                    self.say(words);
                }
                return false;
            }
            ("MAIL", Manner::SaysNested) if self.mails > 0 => {
                self.say("503 5.5.1 Error: nested MAIL command");
            }
            ("MAIL", _) => {
                self.mails += 1;
                self.is_open = true;
                self.say("250 2.1.0 OK");
            }
            ("RCPT", _) if self.is_open => {
                self.recipients += 1;
                self.say("250 2.1.5 OK");
            }
            ("DATA", Manner::RefusesData(words)) => self.say(words),
            ("DATA", Manner::RefusesReset(_)) => self.say("451 4.3.0 no space"),
            ("DATA", _) if self.recipients > 0 => self.store(),
            ("RSET", Manner::RefusesReset(words)) => {
                if !words.is_empty() {
                    self.say(words);
                }
            }
            ("RSET", _) => {
                (self.is_open, self.recipients) = (false, 0);
                self.say("250 2.0.0 OK");
            }
            ("QUIT", _) => {
                self.say("221 2.0.0 Bye");
                return false;
            }
            _ => self.say("503 5.5.1 Bad sequence of commands"),
        }
        true
    }

    fn store(&mut self) {
        self.say("354 go");
        while self.line().is_some_and(|line| line != ".\r\n") {}
        let refusal = match self.manner {
            Manner::RefusesMessage(words) => Some(words),
            _ => None,
        };
        for _ in 0..self.recipients {
            self.say(refusal.unwrap_or("250 2.0.0 Saved"));
        }
        if refusal.is_none() {
            self.ledger.saved.fetch_add(self.recipients, Ordering::AcqRel);
            (self.is_open, self.recipients) = (false, 0);
        }
    }

    fn say(&mut self, words: &str) {
        // A client that has left hears nothing, and the next line is none.
        let _ = self.stream.get_mut().write_all(format!("{words}\r\n").as_bytes());
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        Some(line)
    }
}

/// Hale in front of one strict backend for each manner, each with a user named by its number.
struct Scene {
    hale: Hale,
    port: u16,
    backends: Vec<Strict>,
}

impl Scene {
    fn start(manners: &[Manner], more: &str) -> Self {
        let backends: Vec<Strict> = manners.iter().map(|manner| Strict::start(*manner)).collect();
        let port = free_port();
        let mut setup = Setup::new(free_port());
        setup.configure(&format!(
            "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {port}\n  }}\n}}\n{more}"
        ));
        for (number, backend) in backends.iter().enumerate() {
            let place = format!("host={} port={}", BACKENDS[0], backend.port);
            setup.add_row(&format!("user-{number}:{{PLAIN}}secret::::::{place}"));
        }
        Self { hale: setup.start(), port, backends }
    }

    fn client(&self) -> Lmtp {
        let mut client = Lmtp::connect(self.port);
        client.command("LHLO mx.example", 250);
        client
    }

    /// No MAIL has met an open transaction.
    fn expect_none_nested(&self) {
        let nested = |backend: &Strict| backend.ledger.nested.load(Ordering::Acquire);
        let all: Vec<usize> = self.backends.iter().map(nested).collect();
        assert_eq!(all, vec![0; all.len()], "MAIL in an open transaction");
    }
}

/// A message for some users; the code of each, be it RCPT's, DATA's or the message's.
fn send(client: &mut Lmtp, users: &[usize]) -> Vec<u16> {
    client.command("MAIL FROM:<a@example.org>", 250);
    let mut codes = Vec::new();
    for user in users {
        client.send(format!("RCPT TO:<user-{user}>\r\n").as_bytes());
        codes.push(client.reply().0);
    }
    if codes.iter().all(|code| *code != 250) {
        return codes;
    }
    client.send(b"DATA\r\n");
    let (code, _) = client.reply();
    if code == 354 {
        client.send(b"Subject: x\r\n\r\nx\r\n.\r\n");
    }
    for accepted in codes.iter_mut().filter(|accepted| **accepted == 250) {
        *accepted = if code == 354 { client.reply().0 } else { code };
    }
    codes
}

#[test]
fn w_lmtp_what_a_backend_refused_is_ended_before_its_next_mail() {
    let manners = [
        Manner::Well,
        Manner::RefusesData("451 4.3.0 no space"),
        Manner::RefusesData("554 5.3.0 no"),
        Manner::RefusesMessage("452 4.2.2 full"),
        Manner::RefusesMessage("552 5.2.2 full"),
    ];
    let scene = Scene::start(&manners, "");
    let mut client = scene.client();
    for _ in 0..5 {
        assert_eq!(send(&mut client, &[0, 1, 2, 3, 4]), [250, 451, 554, 452, 552]);
        // Alone, so that DATA itself is refused; with the client's RSET behind it and without.
        assert_eq!(send(&mut client, &[1]), [451]);
        assert_eq!(send(&mut client, &[2, 1]), [451, 451]);
        client.command("RSET", 250);
        assert_eq!(send(&mut client, &[3]), [452]);
        client.command("MAIL FROM:<b@example.org>", 250);
        client.command("RCPT TO:<user-0>", 250);
        client.command("RCPT TO:<user-1>", 250);
        client.command("LHLO mx.example", 250);
    }
    client.command("QUIT", 221);
    assert_eq!(scene.backends[0].saved(), 5);
    scene.expect_none_nested();
    // Nothing but RSET was needed for that.
    let connects: Vec<usize> = scene.backends.iter().map(Strict::connects).collect();
    assert_eq!(connects, [1; 5]);
}

#[test]
fn w_lmtp_a_kept_connection_that_is_given_up_is_replaced() {
    let manners = [
        Manner::Tires("421 4.3.2 enough for one connection"),
        Manner::Tires(""),
        Manner::SaysNested,
        Manner::RefusesReset("502 5.5.1 no RSET here"),
        Manner::RefusesReset(""),
    ];
    let scene = Scene::start(&manners, "");
    let mut client = scene.client();
    for _ in 0..3 {
        assert_eq!(send(&mut client, &[0, 1, 2]), [250; 3]);
    }
    // Five seconds are waited for an answer to RSET.
    for _ in 0..2 {
        assert_eq!(send(&mut client, &[3, 4]), [451; 2]);
    }
    client.command("QUIT", 221);
    let connects: Vec<usize> = scene.backends.iter().map(Strict::connects).collect();
    assert_eq!(connects, [3, 3, 3, 2, 2]);
    scene.expect_none_nested();
    // Where RSET is refused before the next message comes, no client misses the connection.
    wait_for("a line for each connection that a client missed", PATIENCE, || {
        let said = scene.hale.said();
        let again = said.lines().filter(|line| line.contains("trying again")).count();
        let is_silence_told = said.contains("trying again: no reply to RSET in time");
        (again >= 7 && is_silence_told).then_some(())
    });
}

#[test]
fn lm_13_smtputf8_reaches_who_has_it_and_costs_nobody_else_anything() {
    let more = "lmtp_backend_capabilities = 8BITMIME SMTPUTF8\n";
    let scene = Scene::start(&[Manner::Well, Manner::Plain], more);
    let mut client = Lmtp::connect(scene.port);
    client.send(b"LHLO mx.example\r\n");
    let offered = client.lines().concat();
    assert!(offered.contains("250-SMTPUTF8\r\n") && offered.contains("250-8BITMIME\r\n"));
    client.command("MAIL FROM:<\u{f6}@example.org> SMTPUTF8 BODY=8BITMIME", 250);
    client.command("RCPT TO:<user-0>", 250);
    let refusal = client.command("RCPT TO:<user-1>", 550);
    assert!(refusal.starts_with("550 5.6.7 "), "{refusal}");
    assert_eq!(client.data(b"Subject: \xC3\xB6\r\n\r\n", 1), [250]);
    // Its connection is as good for other mail as before.
    assert_eq!(send(&mut client, &[1, 0]), [250, 250]);
    assert_eq!(scene.backends[1].connects(), 1);
    let mails: Vec<String> = scene.backends[0].mails.try_iter().collect();
    let wanted =
        ["MAIL FROM:<\u{f6}@example.org> BODY=8BITMIME SMTPUTF8", "MAIL FROM:<a@example.org>"];
    assert_eq!(mails, wanted);
    // Not offered, not taken.
    let scene = Scene::start(&[Manner::Well], "");
    let mut client = Lmtp::connect(scene.port);
    client.send(b"LHLO mx.example\r\n");
    assert!(!client.lines().concat().contains("SMTPUTF8"));
    client.command("MAIL FROM:<a@example.org> SMTPUTF8", 555);
}
