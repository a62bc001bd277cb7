//! A backend's replies: what each is an answer to, and what follows from it.
//!
//! Replies are due in the order of our commands. One that is not due is a fault of the backend, however friendly: a 250
//! before the end of a message is none (LM-04).

use super::feed::Feed;
use super::link::{Due, Introduction, Link, News, Stage};
use crate::auth::verdict::{BackendTls, Certificate};
use crate::backend::Login;
use crate::backend::xclient::{self, Smtp};
use crate::event::cleaned;
use crate::fault::Failure;
use crate::limits::{LMTP_RECIPIENT_TIMEOUT, LOGGED_LINE_BYTES_MAX, TLS_HANDSHAKE_TIMEOUT};
use crate::tick::Tick;
use crate::wire::smtp::keywords::Keywords;
use crate::wire::smtp::reply::{Class, Next, Reply};

impl Link {
    /// The connection stands; `header` comes before anything else, in clear (W-PPO-1, W-PPO-3).
    pub(super) fn connected(&mut self, now: Tick, header: &[u8], news: &mut Vec<News>) {
        if !self.stage_is_connecting() {
            return;
        }
        self.commands.extend_from_slice(header);
        let opened_by = now.after(LMTP_RECIPIENT_TIMEOUT);
        match self.tls {
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
        match self.tls {
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
                    return news.push(failed(Failure::Protocol, &line));
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
            let failure = if is_bye { Failure::Remote } else { Failure::Protocol };
            return Err(failed(failure, &words));
        };
        let class = reply.class();
        match (due, class) {
            (Due::Greeting, Class::Done) => self.say_hello(),
            (Due::Greeting, _) => return Err(failed(Failure::Remote, &words)),
            (Due::Hello, Class::Done) => {
                self.keywords = Keywords::of(&reply);
                match self.tls {
                    BackendTls::Starttls(_) if !self.is_secured => self.ask_for_tls()?,
                    _ => self.introduce(now, news),
                }
            }
            (Due::Starttls, Class::Done) if reply.code == 220 => self.go_ahead(now, news)?,
            // Another time it may (RFC 3207 4).
            (Due::Starttls, Class::NotNow) => return Err(failed(Failure::Remote, &words)),
            (Due::Starttls, Class::No) => return Err(failed(Failure::RemoteConfig, &words)),
            (Due::Introduced(0), Class::Done) => self.say_hello(),
            (Due::Introduced(_) | Due::Forgotten, Class::Done) => {}
            (Due::Hello | Due::Introduced(_), _) => {
                return Err(failed(Failure::RemoteConfig, &words));
            }
            (Due::Mail, Class::Done) => {}
            (Due::Mail, Class::NotNow | Class::No) => self.mail_refusal = Some(reply),
            (Due::Rcpt(number), Class::Done | Class::NotNow | Class::No) => {
                self.recipient(number, reply, news);
            }
            (Due::Data, Class::GoOn) => {
                self.feed = Some(Feed::data());
                self.stage = Stage::Content;
                self.deadline = None;
                news.push(News::Data(Ok(())));
            }
            (Due::Data, Class::NotNow | Class::No) => {
                self.idle(now);
                news.push(News::Data(Err(reply)));
            }
            (Due::Chunk, Class::Done) => {}
            (Due::Final(number), Class::Done | Class::NotNow | Class::No) => {
                news.push(News::Final(number, reply));
                if self.due.is_empty() {
                    self.idle(now);
                }
            }
            // A refused chunk leaves a message that nobody wants to end (RFC 3030 2).
            (Due::Chunk, Class::NotNow | Class::No) => {
                news.push(News::Data(Err(reply)));
                return Err(failed(Failure::Remote, &words));
            }
            (Due::Forgotten, _) if class != Class::GoOn => {}
            _ => return Err(failed(Failure::Protocol, &words)),
        }
        self.send_envelope(news);
        self.time_envelope(now);
        Ok(())
    }

    fn recipient(&mut self, number: usize, reply: Reply, news: &mut Vec<News>) {
        let reply = self.mail_refusal.clone().unwrap_or(reply);
        if reply.class() == Class::Done {
            self.accepted.push(number);
        }
        news.push(News::Rcpt(number, reply));
    }

    /// Replies are waited for as long as some come.
    fn time_envelope(&mut self, now: Tick) {
        if self.stage == Stage::Envelope {
            let is_waited_for = !self.due.is_empty() || !self.waiting.is_empty();
            self.deadline = is_waited_for.then(|| now.after(LMTP_RECIPIENT_TIMEOUT));
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

    /// The go-ahead for TLS has to be the last thing that came in clear (W-BTLS-2); the shell looks into the socket, too.
    fn go_ahead(&mut self, now: Tick, news: &mut Vec<News>) -> Result<(), News> {
        let BackendTls::Starttls(certificate) = self.tls else { return Ok(()) };
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
        if self.sender.is_some() {
            self.stage = Stage::Envelope;
            self.send_envelope(news);
        } else {
            self.idle(now);
        }
    }
}

fn failed(failure: Failure, words: &[u8]) -> News {
    News::Failed(failure, cleaned(words, LOGGED_LINE_BYTES_MAX))
}
