//! The client's commands, one at a time but for RCPT (W-LMTP-10).

use super::envelope::Sender;
use super::machine::{Lmtp, Skip};
use super::output::{GO_AHEAD, Outbox};
use super::reply::{Answer, ours};
use super::transaction::{Recipient, Stage, Transaction};
use super::{parameters, reply, xclient};
use crate::front::{Arrival, ClientTls, PIPELINED};
use crate::limits::{
    LMTP_BAD_COMMANDS_MAX, LMTP_LINE_BYTES_MAX, LMTP_MESSAGE_BYTES_MAX, LMTP_RECIPIENTS_MAX,
};
use crate::tick::Tick;
use crate::wire::smtp::command::{self, Command, IsLast, Verb};
use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::line::Found;
use crate::wire::smtp::path::{Argument, Flaw, Rules, Whose};
use crate::wire::smtp::reply::write_line;

impl Lmtp {
    /// Reads the next command, if it is its turn; whether it was.
    pub(super) fn read_command(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        if self.front.inbox.is_empty() || !self.may_read(outbox) {
            return false;
        }
        let begins_with = |verb: &[u8]| {
            let start = self.front.inbox.bytes().get(..verb.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(verb))
        };
        let is_rcpt = begins_with(b"RCPT ");
        // Replies come in the order of the commands.
        if !is_rcpt && !self.has_told_recipients() {
            return false;
        }
        let inbox = &mut self.front.inbox;
        let (answer, whole) = match self.lines.next(inbox, |_| LMTP_LINE_BYTES_MAX) {
            // Only what was read past is progress.
            Found::More => return self.lines.is_at_start() && inbox.is_empty(),
            Found::TooLong => (Answer::Bad("500 5.5.2 Line too long"), 0),
            Found::BareLf => (Answer::Bad("500 5.5.2 Lines end in CRLF"), 0),
            Found::Line { whole, flawed: true, .. } => {
                (Answer::Bad("500 5.5.2 Bare CR or NUL in a command"), whole)
            }
            Found::Line { text, whole, .. } => {
                let line: Box<[u8]> = inbox.bytes().get(..text).unwrap_or_default().into();
                inbox.consume(whole);
                self.heard_at = now;
                let answer = self.run(now, &line, outbox);
                self.say(answer, is_rcpt, outbox);
                return true;
            }
        };
        inbox.consume(whole);
        self.heard_at = now;
        self.say(answer, is_rcpt, outbox);
        true
    }

    /// Whether a command may be read now.
    fn may_read(&self, outbox: &Outbox) -> bool {
        let is_between = match self.delivery.transaction.as_ref().map(|open| &open.stage) {
            None | Some(Stage::Envelope(None) | Stage::Chunks) => true,
            Some(_) => false,
        };
        is_between && self.skip.is_none() && self.client.has_room(outbox)
    }

    /// Whether every RCPT was answered.
    fn has_told_recipients(&self) -> bool {
        self.delivery.transaction.as_ref().is_none_or(|transaction| transaction.is_told())
    }

    fn say(&mut self, answer: Answer, is_rcpt: bool, outbox: &mut Outbox) {
        if self.is_over() {
            return;
        }
        let (words, is_bad) = match answer {
            Answer::Nothing => return,
            Answer::Say(words) => (words, false),
            Answer::Bad(words) => (words, true),
        };
        self.bad_commands = self.bad_commands.saturating_add(u8::from(is_bad));
        if is_bad && self.bad_commands >= LMTP_BAD_COMMANDS_MAX {
            let words = "421 4.7.0 Too many invalid commands";
            return self.close_with(words, "too many invalid commands", outbox);
        }
        // A refused recipient waits for the replies to those before it.
        if let Some(transaction) = self.delivery.transaction.as_mut().filter(|transaction| {
            is_rcpt && !transaction.is_told() && matches!(transaction.stage, Stage::Envelope(_))
        }) {
            let mut recipient = Recipient::new("");
            recipient.refuse(ours(words));
            transaction.recipients.push(recipient);
            return;
        }
        write_line(words, &mut outbox.to_client);
    }

    fn run(&mut self, now: Tick, line: &[u8], outbox: &mut Outbox) -> Answer {
        let Command { verb, argument } = command::parse(line);
        match verb {
            Verb::Lhlo => self.hello(now, argument, outbox),
            Verb::Noop => Answer::Say("250 2.0.0 OK"),
            Verb::Vrfy => Answer::Say("252 2.3.3 Try RCPT instead"),
            Verb::Help => Answer::Say("214 2.0.0 RFC 2033, RFC 5321, RFC 3030"),
            Verb::Bdat => self.chunk(now, argument, outbox),
            Verb::Rset | Verb::Quit | Verb::Data if !argument.is_empty() => {
                Answer::Bad("501 5.5.4 No arguments allowed")
            }
            Verb::Rset => {
                self.delivery.reset(now, outbox);
                Answer::Say("250 2.0.0 OK")
            }
            Verb::Quit => {
                write_line("221 2.0.0 Bye", &mut outbox.to_client);
                self.close(outbox);
                Answer::Nothing
            }
            Verb::Starttls => self.starttls(now, argument, outbox),
            Verb::Xclient => self.xclient(argument, outbox),
            Verb::Mail => self.mail(now, argument, outbox),
            Verb::Rcpt => self.rcpt(now, argument, outbox),
            Verb::Data => self.data(now, outbox),
            Verb::Ehlo | Verb::Helo => Answer::Bad("500 5.5.1 This is LMTP: say LHLO"),
            Verb::Auth | Verb::Expn | Verb::Burl => Answer::Bad("502 5.5.1 Unsupported command"),
            Verb::Unknown => Answer::Bad("500 5.5.1 Unknown command"),
        }
    }

    fn hello(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        let Some(name) = command::helo_name(argument) else {
            return Answer::Bad("501 5.5.4 Invalid name");
        };
        self.delivery.reset(now, outbox);
        if self.hello.say(name) {
            // Backends were told another name.
            self.delivery.links.drop_all(outbox);
        }
        let facts = &self.front.facts;
        reply::keywords(&self.settings, facts, self.front.tls(), &mut outbox.to_client);
        Answer::Nothing
    }

    /// W-STLS-1, W-STLS-5, W-STLS-6, W-STLS-8.
    fn starttls(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        let tls = self.front.tls();
        match () {
            () if !argument.is_empty() => Answer::Bad("501 5.5.4 No arguments allowed"),
            () if self.delivery.transaction.is_some() => {
                Answer::Say("503 5.5.1 Not in a transaction")
            }
            () if tls != ClientTls::Clear => Answer::Bad("503 5.5.1 TLS is already active"),
            () if !reply::offers_starttls(&self.settings, tls) => {
                Answer::Bad("502 5.5.1 TLS support isn't enabled")
            }
            () if !self.front.inbox.is_empty() => {
                self.close_with(reply::INJECTED, PIPELINED, outbox);
                Answer::Nothing
            }
            () => {
                // What was agreed with backends was about a client in clear.
                self.delivery.links.drop_all(outbox);
                outbox.to_client.extend_from_slice(GO_AHEAD);
                let arrival = Arrival::starttls(&mut self.front, now);
                self.secure_client(arrival, &[], outbox);
                Answer::Nothing
            }
        }
    }

    /// W-LMTP-15. What was agreed with backends was about another client.
    fn xclient(&mut self, argument: &[u8], outbox: &mut Outbox) -> Answer {
        if self.delivery.transaction.is_some() {
            return Answer::Say("503 5.5.0 Not in a transaction");
        }
        if !self.front.facts.trusted {
            return Answer::Say("550 5.7.14 You are not from trusted IP");
        }
        let Some(told) = xclient::xclient(argument, &mut self.front.facts) else {
            return Answer::Bad("501 5.5.4 Invalid XCLIENT attribute");
        };
        self.hello.take_over(told);
        self.delivery.links.drop_all(outbox);
        reply::greeting(&self.settings, &mut outbox.to_client);
        Answer::Nothing
    }

    // === The envelope ===

    fn mail(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        if !self.hello.is_said {
            return Answer::Say("503 5.5.1 Say LHLO first");
        }
        // A message whose chunks are refused has ended, whether or not its sender says RSET (RFC 3030 2).
        if self.delivery.transaction.as_ref().is_some_and(|transaction| {
            transaction.is_lost() && matches!(transaction.stage, Stage::Chunks)
        }) {
            self.delivery.reset(now, outbox);
        }
        if self.delivery.transaction.is_some() {
            return Answer::Say("503 5.5.1 Nested MAIL");
        }
        let rules = Rules {
            utf8: self.settings.offers(Extension::SmtpUtf8),
            whose: Whose::Sender,
            ..self.rules()
        };
        let parsed = match Argument::parse(argument, "FROM:", rules) {
            Ok(parsed) => parsed,
            Err(Flaw::Address) => return Answer::Bad("501 5.1.7 Invalid sender"),
            Err(Flaw::NotAscii) => return Answer::Say(reply::NOT_ASCII),
            Err(Flaw::Parameters) => return Answer::Bad("501 5.5.4 Invalid parameters"),
        };
        let terms = match parameters::of_mail(&parsed.parameters, &self.settings) {
            Ok(terms) => terms,
            Err(answer) => return answer,
        };
        let path = parsed.mailbox.map_or("", |mailbox| mailbox.text);
        let sender = Sender { path: path.into(), terms };
        if !path.is_ascii() && !sender.is_utf8() {
            return Answer::Say(reply::NOT_ASCII);
        }
        self.delivery.transaction = Some(Box::new(Transaction::new(sender, now)));
        Answer::Say("250 2.1.0 OK")
    }

    fn rules(&self) -> Rules {
        Rules { bare_local: true, brackets: self.settings.brackets, ..Rules::default() }
    }

    fn rcpt(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        let rules = self.rules();
        let Some(transaction) = &mut self.delivery.transaction else {
            return Answer::Say("503 5.5.1 Say MAIL first");
        };
        if !matches!(transaction.stage, Stage::Envelope(_)) {
            return Answer::Say("503 5.5.1 The message has begun");
        }
        if transaction.recipients.len() >= LMTP_RECIPIENTS_MAX {
            transaction.overflow = transaction.overflow.saturating_add(1);
            return Answer::Nothing;
        }
        let rules = Rules { utf8: transaction.sender.is_utf8(), ..rules };
        let parsed = match Argument::parse(argument, "TO:", rules) {
            Ok(parsed) => parsed,
            Err(Flaw::Address) => return Answer::Say("501 5.1.3 Invalid recipient"),
            Err(Flaw::NotAscii) => return Answer::Say(reply::NOT_ASCII),
            Err(Flaw::Parameters) => return Answer::Bad("501 5.5.4 Invalid parameters"),
        };
        let Some(mailbox) = parsed.mailbox else {
            return Answer::Say("501 5.1.3 Nobody is no recipient");
        };
        let is_trusted = self.front.facts.trusted;
        let told = match parameters::of_rcpt(&parsed.parameters, &self.settings, is_trusted) {
            Ok(told) => told,
            Err(answer) => return answer,
        };
        let (delivery, mut scene) = self.parts(now, outbox);
        delivery.look_up(&mailbox, told, &mut scene);
        Answer::Nothing
    }

    // === The message ===

    /// Whether some backend wants it; else what to say instead.
    fn refusal_of_content(&mut self, now: Tick, outbox: &mut Outbox) -> Option<Box<[u8]>> {
        let Some(transaction) = &self.delivery.transaction else {
            return Some(ours("503 5.5.1 Say MAIL first"));
        };
        if transaction.has_accepted() {
            return None;
        }
        // All were accepted and then lost: their one refusal. The transaction is over then.
        let refusal = transaction.refusal_of_lost();
        if refusal.is_some() {
            self.delivery.reset(now, outbox);
        }
        refusal.or_else(|| Some(ours(reply::NO_RECIPIENTS)))
    }

    fn data(&mut self, now: Tick, outbox: &mut Outbox) -> Answer {
        if self.delivery.transaction.as_ref().is_some_and(|transaction| transaction.by_chunks) {
            return Answer::Say("503 5.5.1 The message came by BDAT so far");
        }
        if let Some(refusal) = self.refusal_of_content(now, outbox) {
            outbox.to_client.extend_from_slice(&refusal);
            return Answer::Nothing;
        }
        self.delivery.ask_for_content(now, outbox);
        if let Some(transaction) = &mut self.delivery.transaction {
            transaction.stage = Stage::Asked;
        }
        Answer::Nothing
    }

    /// A chunk's bytes follow its command at once, so they are taken or read past whatever comes of them.
    fn chunk(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        let Some((size, last)) = command::bdat(argument) else {
            // Where it ends is unknown, and what follows would be read as commands.
            self.close_with("501 5.5.4 Invalid chunk size", "a chunk of no size", outbox);
            return Answer::Nothing;
        };
        let so_far =
            self.delivery.transaction.as_ref().map_or(0, |transaction| transaction.window.end());
        if so_far.saturating_add(size) > LMTP_MESSAGE_BYTES_MAX {
            self.close_with(reply::TOO_LARGE, "a chunk too large", outbox);
            return Answer::Nothing;
        }
        let is_last = last == IsLast::Yes;
        let is_first =
            self.delivery.transaction.as_ref().is_none_or(|transaction| !transaction.by_chunks);
        // A client that was told that a recipient is accepted waits for the reply behind the last chunk, whatever became of it.
        let is_lost =
            self.delivery.transaction.as_ref().is_some_and(|transaction| transaction.is_lost());
        if is_first && !is_lost {
            let had = self.delivery.transaction.is_some();
            if let Some(refusal) = self.refusal_of_content(now, outbox) {
                // RFC 2033 4.3: the last chunk has as many replies as there are recipients, which is none.
                let is_silent = is_last && had;
                if is_silent {
                    self.delivery.reset(now, outbox);
                }
                let reply = Some(refusal).filter(|_| !is_silent);
                self.skip = Some(Skip { left: size, reply });
                return Answer::Nothing;
            }
            self.delivery.ask_for_content(now, outbox);
        }
        if let Some(transaction) = &mut self.delivery.transaction {
            transaction.by_chunks = true;
            transaction.stage = Stage::Chunk { left: size, size, is_last };
        }
        Answer::Nothing
    }
}
