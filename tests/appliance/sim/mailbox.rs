//! An LMTP backend: what it answers, and what it stores. It is told nothing that it must not be told.

use std::collections::BTreeSet;

use super::mail::take_line;
use super::random::Random;
use super::sealed::{MailTls, Security};

/// A backend's side of one connection.
#[derive(Debug)]
pub(super) struct Mailbox {
    keywords: &'static str,
    pub(super) security: Security,
    faults: u64,
    /// A transaction is open: begun by MAIL, ended by RSET, LHLO, or a message that all recipients have. Nothing else
    /// ends it.
    is_open: bool,
    /// How often MAIL came into an open transaction; never, unless this backend lies.
    pub(super) nested: u32,
    /// How often a transaction that no client wants any more was ended.
    pub(super) resets: u32,
    /// It takes one message for each connection; this is what it does at the second.
    tires: Option<Tired>,
    messages: u32,
    /// It closes the connection once everything is said.
    pub(super) hangs_up: bool,
    recipients: Vec<usize>,
    content: Vec<u8>,
    in_data: bool,
    chunk: Option<(usize, bool)>,
    /// It said yes once more than it was asked. When that comes late, there is no telling which question it answers,
    /// and a proxy that is told 250 may have been told so of something else.
    pub(super) lies: bool,
    /// Every recipient it was ever asked about.
    pub(super) named: BTreeSet<usize>,
    /// What it stored, for whom.
    pub(super) stored: Vec<(usize, Vec<u8>)>,
}

/// What a backend that has had enough of a connection does.
#[derive(Clone, Copy, Debug)]
enum Tired {
    SaysGoodbye,
    Closes,
    /// Says that a transaction is open, and there is none.
    SaysNested,
}

impl Mailbox {
    pub(super) fn new(random: &mut Random, faults: u64, tls: &MailTls) -> Self {
        Self {
            keywords: random.pick(&[
                "250-mailbox\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
                "250-mailbox\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
                "250-mailbox\r\n250 PIPELINING\r\n",
                "250 mailbox\r\n",
            ]),
            security: Security::at_first(tls.mailboxes),
            faults: faults / 4,
            is_open: false,
            nested: 0,
            resets: 0,
            tires: random.pick(&[
                None,
                None,
                None,
                Some(Tired::SaysGoodbye),
                Some(Tired::Closes),
                Some(Tired::SaysNested),
            ]),
            messages: 0,
            hangs_up: false,
            recipients: Vec::new(),
            content: Vec::new(),
            in_data: false,
            chunk: None,
            lies: false,
            named: BTreeSet::new(),
            stored: Vec::new(),
        }
    }

    pub(super) fn hear(&mut self, inbox: &mut Vec<u8>, outbox: &mut Vec<u8>, random: &mut Random) {
        while !self.hangs_up {
            if let Some((left, is_last)) = self.chunk {
                if inbox.len() < left {
                    return;
                }
                self.content.extend(inbox.drain(..left));
                self.chunk = None;
                if is_last {
                    self.store(outbox, random);
                } else if random.percent(self.faults) {
                    outbox.extend(b"452 4.3.1 full\r\n");
                } else {
                    outbox.extend(b"250 chunk\r\n");
                }
                continue;
            }
            let Some(mut line) = take_line(inbox) else { return };
            if self.in_data {
                if line == b".\r\n" {
                    self.in_data = false;
                    self.store(outbox, random);
                    continue;
                }
                let dots = usize::from(line.starts_with(b"."));
                self.content.extend(line.drain(dots..));
                continue;
            }
            self.command(&String::from_utf8(line).unwrap(), outbox, random);
        }
    }

    fn command(&mut self, line: &str, outbox: &mut Vec<u8>, random: &mut Random) {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let fails = random.percent(self.faults);
        let user = words.get(1).and_then(|word| word.strip_prefix("TO:<u"));
        self.named.extend(user.map(|user| user.trim_end_matches('>').parse::<usize>().unwrap()));
        if words[0] == "MAIL" && !self.is_open {
            self.recipients.clear();
            self.content.clear();
        }
        if self.security == Security::Wanted {
            return self.command_in_clear(words[0], fails, outbox, random);
        }
        match words[0] {
            "LHLO" => {
                self.is_open = false;
                outbox.extend(self.keywords.bytes());
            }
            "BDAT" => self.chunk = Some((words[1].parse().unwrap(), words.len() == 3)),
            "QUIT" => outbox.extend(b"221 bye\r\n"),
            _ if fails => {
                let words = random.pick(&[
                    &b"451 4.3.0 no\r\n"[..],
                    b"550 5.0.0 never\r\n",
                    b"421 4.3.2 going\r\n",
                    b"nonsense\r\n",
                    b"250 2.0.0 what\r\n250 2.0.0 ever\r\n",
                ]);
                self.lies |= words.starts_with(b"250");
                outbox.extend(words);
            }
            "MAIL" if self.is_open => {
                self.nested += 1;
                outbox.extend(b"503 5.5.1 nested MAIL\r\n");
            }
            "MAIL" if self.messages > 0 && self.tires.is_some() => self.tire(outbox),
            "MAIL" => {
                self.messages += 1;
                self.is_open = true;
                outbox.extend(b"250 2.1.0 ok\r\n");
            }
            "RCPT" => {
                let user = words[1].trim_start_matches("TO:<u").trim_end_matches('>');
                self.recipients.push(user.parse().unwrap());
                outbox.extend(b"250 2.1.5 ok\r\n");
            }
            "RSET" => {
                self.resets += u32::from(self.is_open);
                self.is_open = false;
                outbox.extend(b"250 2.0.0 ok\r\n");
            }
            "DATA" => {
                self.in_data = true;
                outbox.extend(b"354 go\r\n");
            }
            other => panic!("a backend was told {other:?}"),
        }
    }

    fn tire(&mut self, outbox: &mut Vec<u8>) {
        match self.tires {
            Some(Tired::SaysGoodbye) => outbox.extend(b"421 4.3.2 enough\r\n"),
            Some(Tired::SaysNested) => outbox.extend(b"503 5.5.1 nested\r\n"),
            Some(Tired::Closes) | None => {}
        }
        self.hangs_up = !matches!(self.tires, Some(Tired::SaysNested));
    }

    /// Before TLS that has to be there: nothing else may be said.
    fn command_in_clear(
        &mut self,
        verb: &str,
        fails: bool,
        outbox: &mut Vec<u8>,
        random: &mut Random,
    ) {
        match verb {
            "STARTTLS" if !fails => {
                outbox.extend(b"220 2.0.0 go\r\n");
                self.security = Security::Agreed;
            }
            "STARTTLS" => outbox.extend(random.pick(&[
                &b"454 4.7.0 not now\r\n"[..],
                b"502 5.5.1 never\r\n",
                b"220 2.0.0 go\r\n250 injected\r\n",
            ])),
            "LHLO" if fails => outbox.extend(b"250 mailbox without TLS\r\n"),
            "LHLO" => outbox.extend(b"250-mailbox\r\n250-CHUNKING\r\n250 STARTTLS\r\n"),
            other => panic!("a backend was told {other:?} in clear"),
        }
    }

    /// A message that some recipient does not have leaves its transaction open here: RFC 5321 4.1.1.4 says otherwise,
    /// and not every backend has read it.
    fn store(&mut self, outbox: &mut Vec<u8>, random: &mut Random) {
        self.is_open = false;
        for recipient in std::mem::take(&mut self.recipients) {
            if random.percent(self.faults) {
                outbox.extend(b"452 4.2.2 full\r\n");
                self.is_open = true;
                continue;
            }
            self.stored.push((recipient, self.content.clone()));
            outbox.extend(b"250 2.0.0 saved\r\n");
        }
    }
}
