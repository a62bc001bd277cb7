//! A backend's replies: what each is an answer to, and what follows from it.
//!
//! Replies are due in the order of our commands. One that is not due is a fault of the backend, however friendly: a 250
//! before the end of a message is none (LM-04).

use super::envelope::Outcome;
use super::feed::Feed;
use super::link::{Age, Due, Introduction, Link, MailFrom, News, Stage};
use crate::auth::verdict::{BackendTls, Certificate};
use crate::backend::xclient::{self, Smtp};
use crate::backend::{Login, last_words};
use crate::event::cleaned;
use crate::fault::Failure;
use crate::limits::{LMTP_RECIPIENT_TIMEOUT, LOGGED_LINE_BYTES_MAX, TLS_HANDSHAKE_TIMEOUT};
use crate::tick::Tick;
use crate::wire::smtp::keywords::Keywords;
use crate::wire::smtp::reply::{Class, Next, Reply};

impl Link {
    /// The connection stands; `header` comes before anything else, in clear (W-PPO-1, W-PPO-3).
    pub(super) fn connected(&mut self, now: Tick, header: &[u8], news: &mut Vec<News>) {
        if !self.is_connecting() {
            return;
        }
        self.commands.extend_from_slice(header);
        let opened_by = now.after(LMTP_RECIPIENT_TIMEOUT);
        match self.purpose.tls {
            BackendTls::Implicit(certificate) => self.secure(now, opened_by, certificate, news),
            BackendTls::Off | BackendTls::Starttls(_) => self.open(opened_by),
        }
    }

    fn open(&mut self, opened_by: Tick) {
        self.stage = Stage::Opening;
        self.due.push_back(Due::Greeting);
        self.deadline = Some(opened_by);
    }

    fn secure(
        &mut self,
        now: Tick,
        opened_by: Tick,
        certificate: Certificate,
        news: &mut Vec<News>,
    ) {
        self.stage = Stage::Securing(opened_by);
        self.deadline = Some(opened_by.min(now.after(TLS_HANDSHAKE_TIMEOUT)));
        news.push(News::Secure(certificate));
    }

    /// TLS stands. Everything that the backend said before is void (W-BTLS-4).
    pub(super) fn secured(&mut self, now: Tick) {
        let Stage::Securing(opened_by) = self.stage else { return };
        self.is_secured = true;
        self.moved_at = now;
        self.keywords = Keywords::default();
        match self.purpose.tls {
            BackendTls::Starttls(_) => {
                self.stage = Stage::Opening;
                self.deadline = Some(opened_by);
                self.say_hello();
            }
            BackendTls::Off | BackendTls::Implicit(_) => self.open(opened_by),
        }
    }

    pub(super) fn read(&mut self, now: Tick, bytes: &[u8], news: &mut Vec<News>) {
        let taken = self.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
        loop {
            match self.replies.next(&mut self.inbox) {
                Next::More => return,
                Next::Broken(line) => {
                    return news.push(failed_for(last_words::UNEXPECTED, Failure::Protocol, &line));
                }
                Next::Reply(reply) => {
                    self.moved_at = now;
                    if let Err(failure) = self.reply(now, reply, news) {
                        return news.push(failure);
                    }
                }
            }
        }
    }

    fn reply(&mut self, now: Tick, reply: Reply, news: &mut Vec<News>) -> Result<(), News> {
        let words = reply.joined();
        // 421: the backend is going away, whatever the reply was due for (RFC 5321 4.2.1).
        let is_bye = reply.code == 421;
        let Some(due) = self.due.pop_front().filter(|_| !is_bye) else {
            if is_bye {
                return Err(failed(Failure::Remote, &words));
            }
            return Err(failed_for(last_words::ANSWER_TO_NOTHING, Failure::Protocol, &words));
        };
        let class = reply.class();
        match (due, class) {
            (Due::Greeting, Class::Done) => self.say_hello(),
            (Due::Greeting, _) => return Err(failed(Failure::Remote, &words)),
            (Due::Hello, Class::Done) => {
                self.keywords = Keywords::of(&reply);
                match self.purpose.tls {
                    BackendTls::Starttls(_) if !self.is_secured => self.ask_for_tls()?,
                    _ => self.introduce(now, news),
                }
            }
            (Due::Starttls, Class::Done) if reply.code == 220 => self.go_ahead(now, news)?,
            // Another time it may (RFC 3207 4).
            (Due::Starttls, Class::NotNow) => {
                return Err(failed_for(last_words::STARTTLS_REFUSED, Failure::Remote, &words));
            }
            (Due::Starttls, Class::No) => {
                return Err(failed_for(
                    last_words::STARTTLS_REFUSED,
                    Failure::RemoteConfig,
                    &words,
                ));
            }
            (Due::Introduced(0), Class::Done) => self.say_hello(),
            (Due::Introduced(_), Class::Done) => {}
            (Due::Hello, _) => {
                return Err(failed_for("it refused LHLO", Failure::RemoteConfig, &words));
            }
            (Due::Introduced(_), _) => {
                return Err(failed_for("it refused XCLIENT", Failure::RemoteConfig, &words));
            }
            (Due::Closed, Class::Done) => self.closed(now),
            // What is open there is not known, so that nothing can be begun.
            (Due::Closed, _) => return Err(failed(Failure::Remote, &words)),
            (Due::Mail | Due::Data | Due::Chunk, Class::No)
                if self.is_about_command(due, &reply) =>
            {
                return Err(failed(Failure::Protocol, &words));
            }
            // It may be the connection that the backend has enough of; a new one tells (`is_replaceable`).
            (Due::Mail, Class::NotNow) if self.age == Age::Kept => {
                return Err(failed(Failure::Remote, &words));
            }
            (Due::Mail, Class::Done) => self.stage = Stage::Envelope(MailFrom::Agreed),
            (Due::Mail, Class::NotNow | Class::No) => {
                self.stage = Stage::Envelope(MailFrom::Refused(Box::new(reply)));
            }
            (Due::Rcpt(number), Class::Done | Class::NotNow | Class::No) => {
                self.recipient(number, reply, news);
            }
            (Due::Data, Class::GoOn) => {
                self.stage = Stage::Content(Feed::data());
                self.deadline = None;
                news.push(News::Data(Ok(())));
            }
            // The transaction is as open as before (RFC 5321 4.1.4).
            (Due::Data, Class::NotNow | Class::No) => {
                self.close_transaction(now);
                news.push(News::Data(Err(reply)));
            }
            (Due::Chunk, Class::Done) => {}
            (Due::Final(number), Class::Done | Class::NotNow | Class::No) => {
                news.push(News::Final(number, self.about_mail(due, reply)));
                self.ended(now, class);
            }
            // A refused chunk leaves a message that no recipient wants to end (RFC 3030 2).
            (Due::Chunk, Class::NotNow | Class::No) => {
                news.push(News::Data(Err(reply)));
                return Err(failed(Failure::Remote, &words));
            }
            (Due::Forgotten, _) if class != Class::GoOn => {}
            _ => return Err(failed_for(last_words::UNEXPECTED, Failure::Protocol, &words)),
        }
        self.send_envelope(news);
        self.time_envelope(now);
        Ok(())
    }

    fn recipient(&mut self, number: usize, reply: Reply, news: &mut Vec<News>) {
        let reply = match &self.stage {
            Stage::Envelope(MailFrom::Refused(refusal)) => Reply::clone(refusal),
            _ => self.about_mail(Due::Rcpt(number), reply),
        };
        if let Some(envelope) = self.envelope.as_mut().filter(|_| reply.class() == Class::Done) {
            envelope.accepted.push(number);
        }
        news.push(News::Rcpt(number, reply));
    }

    /// RSET was answered: nothing is open there, and what waited for that begins.
    fn closed(&mut self, now: Tick) {
        if self.envelope.is_some() {
            self.stage = Stage::Envelope(MailFrom::Unsent);
        } else {
            self.idle(now);
        }
    }

    /// A recipient's reply to the message is here; behind the last one the transaction is over. It should be, too,
    /// where the message was refused (RFC 5321 4.1.1.4), and not every backend thinks so.
    fn ended(&mut self, now: Tick, class: Class) {
        let Some(envelope) = &mut self.envelope else { return };
        if class != Class::Done {
            envelope.outcome = Outcome::Mixed;
        }
        match envelope.outcome {
            _ if !self.due.is_empty() => {}
            Outcome::Good => self.idle(now),
            Outcome::Mixed => self.close_transaction(now),
        }
    }

    /// Replies are waited for as long as some come.
    fn time_envelope(&mut self, now: Tick) {
        if self.is_in_envelope() {
            self.deadline = self.owes_reply().then(|| now.after(LMTP_RECIPIENT_TIMEOUT));
        }
    }

    /// W-BTLS-3: without it nothing more is said, least of all in clear.
    fn ask_for_tls(&mut self) -> Result<(), News> {
        if !self.keywords.has(b"STARTTLS") {
            return Err(failed(Failure::RemoteConfig, b"the backend does not offer STARTTLS"));
        }
        self.commands.extend(b"STARTTLS\r\n");
        self.due.push_back(Due::Starttls);
        Ok(())
    }

    /// The go-ahead for TLS has to be the last thing that came in clear (W-BTLS-2); the shell looks into the socket,
    /// too.
    fn go_ahead(&mut self, now: Tick, news: &mut Vec<News>) -> Result<(), News> {
        let BackendTls::Starttls(certificate) = self.purpose.tls else { return Ok(()) };
        if !self.inbox.is_empty() {
            return Err(failed(Failure::Protocol, b"bytes in clear where TLS begins"));
        }
        let opened_by = self.deadline.unwrap_or(now);
        self.secure(now, opened_by, certificate, news);
        Ok(())
    }

    fn say_hello(&mut self) {
        self.commands.extend(self.hello.as_bytes());
        self.due.push_back(Due::Hello);
    }

    /// Behind LHLO: XCLIENT where the backend takes it, then the transaction.
    fn introduce(&mut self, now: Tick, news: &mut Vec<News>) {
        if let (Some(introduction), Some(offered)) =
            (self.introduction.take(), self.keywords.parameters(b"XCLIENT"))
        {
            let Introduction { facts, hops, helo, timeout_s, ipv6_prefix } = *introduction;
            let smtp = Smtp {
                offered,
                helo: helo.as_deref(),
                proto: "LMTP",
                login: None,
                timeout_s,
                ipv6_prefix,
            };
            let lines = xclient::smtp_commands(&facts, &Login::default(), hops, &smtp).lines;
            for (number, line) in lines.iter().enumerate() {
                self.commands.extend_from_slice(line);
                let behind = lines.len().saturating_sub(number).saturating_sub(1);
                self.due.push_back(Due::Introduced(behind));
            }
            if !lines.is_empty() {
                return;
            }
        }
        if self.envelope.is_some() {
            self.stage = Stage::Envelope(MailFrom::Unsent);
            self.send_envelope(news);
        } else {
            self.idle(now);
        }
    }

    /// What a connection that ends now leaves unanswered, for a log; none: nothing is due.
    pub(super) fn owed(&self) -> Option<&'static str> {
        Some(match self.due.front()? {
            Due::Greeting => "its greeting",
            Due::Hello => "its answer to LHLO",
            Due::Starttls => "its answer to STARTTLS",
            Due::Introduced(_) => "its answer to XCLIENT",
            Due::Mail => "its answer to MAIL",
            Due::Rcpt(_) => "its answer to RCPT",
            Due::Data => "its answer to DATA",
            Due::Chunk => "its answer to BDAT",
            Due::Final(_) => "its answer to the message",
            Due::Forgotten | Due::Closed => "its answer to RSET",
        })
    }

    /// Whether a refusal is about our command and not about mail (RFC 5321 4.2.2: x0z is syntax). Most of all 503, bad
    /// sequence: backend and we disagree about what is open. Whether that is its doing or ours, no mail may bounce for
    /// it. DATA and BDAT are ours, whichever of them the client said; a sender's address may be what is wrong with
    /// MAIL's syntax. Behind the dot of DATA no command is left to be wrong: any refusal there, smtp-sink's 500 too, is
    /// one of the message.
    fn is_about_command(&self, due: Due, reply: &Reply) -> bool {
        match due {
            Due::Data | Due::Chunk => (500..=504).contains(&reply.code),
            // The last chunk is answered so.
            Due::Final(_) if matches!(self.stage, Stage::Content(feed) if feed.chunks() > 0) => {
                (500..=504).contains(&reply.code)
            }
            Due::Mail => matches!(reply.code, 502 | 503),
            Due::Rcpt(_) | Due::Final(_) => reply.code == 503,
            _ => false,
        }
    }

    /// The same where it is about one recipient: his mail is tried again.
    fn about_mail(&self, due: Due, reply: Reply) -> Reply {
        if !self.is_about_command(due, &reply) {
            return reply;
        }
        let text = [b"4.4.0 Backend and proxy disagree: ".as_slice(), &reply.joined()].concat();
        Reply { code: 451, text: text.into() }
    }
}

/// With what is wrong in front of its words, where they do not say so themselves.
fn failed_for(why: &str, failure: Failure, words: &[u8]) -> News {
    News::Failed(failure, last_words::with(why, words))
}

fn failed(failure: Failure, words: &[u8]) -> News {
    News::Failed(failure, cleaned(words, LOGGED_LINE_BYTES_MAX))
}
