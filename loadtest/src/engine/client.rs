//! One client of the swarm: connects, logs in, then lives by the plan of its group.

use std::os::fd::OwnedFd;
use std::time::Instant;

use memchr::memchr;
use rustix::event::epoll::EventFlags;

use super::backend::HANG_UP;
use super::channel::Channel;
use super::group::{Failure, Group, Plan};
use super::login::Phase;
use super::payload::{Outgoing, Payload, Transfer};
use super::protocol::Verdict;
use super::scram;
use super::tls::TlsMode;
use super::trickle::Trickle;
use super::{Exchange, Step};
use crate::sockets::{self, Received};

/// One client connection.
#[derive(Debug)]
pub(crate) struct ClientSession {
    channel: Channel,
    /// Which group's plan it follows.
    group: usize,
    /// Which user of the group it is.
    number: u64,
    stage: Stage,
    /// The start of a line whose end has not come.
    residue: Vec<u8>,
    /// When the connection was started.
    opened: Instant,
    /// When the command that runs now was sent.
    asked: Instant,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Login(Phase),
    /// Logged in, waits for its turn of a paced load.
    Idle,
    /// Waits for the end of its command's reply.
    Reply,
    /// Waits until the next part of a message may be sent.
    Envelope(Envelope),
    Downloading {
        remaining: u64,
    },
    Uploading {
        outgoing: Outgoing,
        /// What is said behind the last byte.
        closing: &'static [u8],
    },
    /// Silent for good.
    Parked,
    /// Never logs in, and says one byte when its turn comes.
    Trickling(Trickle),
    /// Asked for a download and reads nothing.
    Stalled,
    LoggingOut,
}

/// What a client that hands over a message has said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Envelope {
    Sender,
    Recipient,
    Data,
}

impl ClientSession {
    pub(super) fn new(socket: OwnedFd, group: usize, number: u64, now: Instant) -> Self {
        Self {
            channel: Channel::new(socket),
            group,
            number,
            stage: Stage::Connecting,
            residue: Vec::new(),
            opened: now,
            asked: now,
        }
    }

    /// Goes on after an event, or after a turn that ended early.
    pub(super) fn advance(
        &mut self,
        events: EventFlags,
        group: &mut Group,
        exchange: &mut Exchange,
    ) -> Step {
        if self.stage == Stage::Connecting {
            if self.connected(group).is_none() {
                return Step::Close;
            }
            if self.is_trickling() {
                return Step::Idle;
            }
        }
        if self.channel.flush() == Transfer::Broken {
            return Step::Close;
        }
        loop {
            let transfer = match &mut self.stage {
                Stage::Downloading { remaining } if !self.channel.is_secure() => {
                    let before = *remaining;
                    let transfer = self.channel.sink(&mut exchange.payload, remaining);
                    group.stats.bytes += before - *remaining;
                    transfer
                }
                Stage::Uploading { outgoing, .. } => {
                    let before = outgoing.remaining;
                    let transfer = self.channel.source(&mut exchange.payload, outgoing);
                    group.stats.bytes += before - outgoing.remaining;
                    transfer
                }
                Stage::Stalled => return Step::Wait,
                _ => match self.read_lines(events, group, exchange) {
                    Reading::Done => return Step::Wait,
                    Reading::Again => return Step::Again,
                    Reading::Idle => return Step::Idle,
                    Reading::Closed => return Step::Close,
                    Reading::Bulk => continue,
                },
            };
            match transfer {
                Transfer::Done => {}
                Transfer::Blocked => return Step::Wait,
                Transfer::More => return Step::Again,
                Transfer::Broken => return Step::Close,
            }
            let stage = std::mem::replace(&mut self.stage, Stage::Reply);
            if let Stage::Uploading { closing, .. } = stage {
                // What is done has nothing to read before the backend's answer raises an edge.
                return self.channel.send(closing).map_or(Step::Close, |()| Step::Wait);
            }
        }
    }

    /// Sends the next command, or byte, of a paced load.
    pub(super) fn ask(&mut self, group: &Group, now: Instant) -> Option<()> {
        if let Stage::Trickling(trickle) = self.stage {
            let (byte, next) = trickle.next();
            self.stage = Stage::Trickling(next);
            return self.channel.send(&[byte]);
        }
        self.channel.send(group.credentials.protocol.ping())?;
        self.stage = Stage::Reply;
        // A paced load counts from when the command was due, or a slow proxy would hide its own queue.
        self.asked = group.due().unwrap_or(now);
        Some(())
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        self.channel.socket()
    }

    pub(super) fn group(&self) -> usize {
        self.group
    }

    /// Whether it has not finished its login.
    pub(super) fn is_before_login(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Login(_))
    }

    /// Whether the peer may close without that being a failure.
    pub(super) fn is_leaving(&self) -> bool {
        self.stage == Stage::LoggingOut
    }

    pub(super) fn is_trickling(&self) -> bool {
        matches!(self.stage, Stage::Trickling(_))
    }

    fn connected(&mut self, group: &mut Group) -> Option<()> {
        if !sockets::is_connected(self.channel.socket()) {
            return None;
        }
        if let Some(source) = group.credentials.proxy_source {
            let socket = self.channel.socket();
            let (own, peer) = (sockets::local_address(socket), sockets::peer_address(socket));
            let header = source.header(self.number, own.ok()?, peer.ok()?);
            self.channel.send(&header)?;
        }
        let trickle = Trickle::at_once(&group.credentials).filter(|_| group.plan == Plan::Trickle);
        if let Some(stage) = match group.plan {
            Plan::Silent => Some(Stage::Parked),
            _ => trickle.map(Stage::Trickling),
        } {
            self.stage = stage;
            group.settled();
            return Some(());
        }
        if let Some(tls) = &group.credentials.tls
            && tls.mode == TlsMode::Implicit
        {
            self.channel.secure(tls.connection().ok()?)?;
        }
        self.stage = Stage::Login(Phase::Greeting);
        Some(())
    }

    fn read_lines(
        &mut self,
        events: EventFlags,
        group: &mut Group,
        exchange: &mut Exchange,
    ) -> Reading {
        let waited = self.stage == Stage::Idle || self.is_trickling();
        for _ in 0..READS_PER_TURN {
            let size = match self.channel.receive(&mut exchange.scratch, &mut exchange.wire) {
                Received::Bytes(size) => size,
                Received::Empty => return Reading::Done,
                Received::Closed => {
                    if let Some(fault) = self.channel.fault() {
                        group.stats.fail(Failure::Protocol(fault));
                    }
                    return Reading::Closed;
                }
            };
            let (bytes, payload) = (&exchange.scratch[..size], &mut exchange.payload);
            let outcome = if self.residue.is_empty() {
                self.take(bytes, group, payload)
            } else {
                self.residue.extend_from_slice(bytes);
                let bytes = std::mem::take(&mut self.residue);
                self.take(&bytes, group, payload)
            };
            if let Err(failure) = outcome {
                group.stats.fail(failure);
                return Reading::Closed;
            }
            match self.stage {
                Stage::Uploading { .. } => return Reading::Bulk,
                Stage::Downloading { .. } if !self.channel.is_secure() => return Reading::Bulk,
                Stage::Stalled => return Reading::Done,
                Stage::Idle | Stage::Trickling(_) if !waited => return Reading::Idle,
                _ => {}
            }
            let may_have_more = self.channel.may_have_more(size, exchange.scratch.len());
            if !may_have_more && !events.intersects(HANG_UP) {
                return Reading::Done;
            }
        }
        Reading::Again
    }

    /// Takes the whole lines of `bytes`, and the part of a download that is among them, and keeps the rest.
    fn take(
        &mut self,
        bytes: &[u8],
        group: &mut Group,
        payload: &mut Payload,
    ) -> Result<(), Failure> {
        let mut from = 0;
        loop {
            if let Stage::Downloading { remaining } = &mut self.stage {
                let here =
                    (bytes.len() - from).min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= here as u64;
                group.stats.bytes += here as u64;
                from += here;
                if *remaining > 0 {
                    return Ok(());
                }
                self.stage = Stage::Reply;
            }
            let Some(length) = memchr(b'\n', &bytes[from..]) else {
                break;
            };
            let line = &bytes[from..=from + length];
            from += length + 1;
            self.take_line(line, group, payload)?;
        }
        if bytes.len() - from > LINE_BYTES_MAX {
            return Err(Failure::Protocol("an endless line".to_owned()));
        }
        self.residue.extend_from_slice(&bytes[from..]);
        Ok(())
    }

    fn take_line(
        &mut self,
        line: &[u8],
        group: &mut Group,
        payload: &mut Payload,
    ) -> Result<(), Failure> {
        let protocol = group.credentials.protocol;
        if let (Stage::Login(Phase::Login), [b'+', b' ', challenge @ ..]) = (self.stage, line) {
            let answer = scram::answer(&group.credentials, self.number, challenge);
            return self.say(&answer.ok_or_else(|| Failure::refused(line))?);
        }
        let verdict = match self.stage {
            Stage::Login(Phase::Greeting) => protocol.judge_greeting(line),
            Stage::LoggingOut => Verdict::More,
            _ => protocol.judge(line),
        };
        match (verdict, self.stage) {
            (Verdict::Bad, _) => Err(Failure::refused(line)),
            (Verdict::Good, Stage::Login(phase)) => self.proceed(phase, group),
            (Verdict::Good, Stage::Reply) => self.answered(group),
            (Verdict::Good, Stage::Envelope(said)) => self.hand_over(said, group, payload),
            _ => Ok(()),
        }
    }

    /// A phase of the login is over.
    fn proceed(&mut self, phase: Phase, group: &mut Group) -> Result<(), Failure> {
        if phase == Phase::Greeting {
            group.stats.greetings += 1;
        }
        if group.plan == Plan::Trickle
            && let Some((words, trickle)) = Trickle::behind(phase, &group.credentials, self.number)
        {
            self.stage = Stage::Trickling(trickle);
            group.settled();
            return self.say(words);
        }
        if phase == Phase::StartTls {
            self.begin_tls(group)?;
        }
        let Some(next) = phase.next(&group.credentials) else {
            self.asked = Instant::now();
            if let Some(resumed) = self.channel.is_resumed() {
                group.stats.shook_hands(resumed);
            }
            group.logged_in(self.asked - self.opened);
            return self.next_command(group);
        };
        self.stage = Stage::Login(next);
        self.say(&next.words(&group.credentials, self.number))
    }

    fn begin_tls(&mut self, group: &Group) -> Result<(), Failure> {
        let connection = group.credentials.tls.as_ref().and_then(|tls| tls.connection().ok());
        let secured = connection.and_then(|connection| self.channel.secure(connection));
        secured.ok_or_else(|| Failure::Protocol("TLS could not start".to_owned()))
    }

    fn answered(&mut self, group: &mut Group) -> Result<(), Failure> {
        let now = Instant::now();
        group.stats.replies += 1;
        group.stats.latency.record(now - self.asked);
        self.asked = now;
        match group.plan {
            Plan::Ping | Plan::Download { .. } | Plan::Upload { .. } | Plan::Deliver { .. } => {
                self.next_command(group)
            }
            Plan::Park => {
                self.stage = Stage::Parked;
                group.parked += 1;
                Ok(())
            }
            Plan::WholeSession => {
                self.stage = Stage::LoggingOut;
                self.say(group.credentials.protocol.logout())
            }
            Plan::Stall { .. } => Err(Failure::Protocol("a stalled download ended".to_owned())),
            Plan::Silent | Plan::Trickle => unreachable_login(),
        }
    }

    fn next_command(&mut self, group: &mut Group) -> Result<(), Failure> {
        let protocol = group.credentials.protocol;
        match group.plan {
            Plan::Ping if group.is_paced() => {
                self.stage = Stage::Idle;
                Ok(())
            }
            Plan::WholeSession if !protocol.is_relayed() => self.begin_message(),
            Plan::Deliver { .. } => self.begin_message(),
            Plan::Ping | Plan::Park | Plan::WholeSession => {
                self.stage = Stage::Reply;
                self.say(protocol.ping())
            }
            Plan::Download { bytes } => {
                self.stage = Stage::Downloading { remaining: bytes };
                self.say(&protocol.download(bytes))
            }
            Plan::Upload { bytes } => {
                self.stage = Stage::Uploading { outgoing: Payload::stream(bytes), closing: b"" };
                self.say(&protocol.upload(bytes))
            }
            Plan::Stall { bytes } => {
                self.stage = Stage::Stalled;
                group.parked += 1;
                self.say(&protocol.download(bytes))
            }
            Plan::Silent | Plan::Trickle => unreachable_login(),
        }
    }

    fn begin_message(&mut self) -> Result<(), Failure> {
        self.stage = Stage::Envelope(Envelope::Sender);
        self.say(b"MAIL FROM:<sender@load.test>\r\n")
    }

    /// What was said of a message is accepted: the next part.
    fn hand_over(
        &mut self,
        said: Envelope,
        group: &Group,
        payload: &mut Payload,
    ) -> Result<(), Failure> {
        match said {
            Envelope::Sender => {
                self.stage = Stage::Envelope(Envelope::Recipient);
                let user = group.credentials.user(self.number);
                self.say(format!("RCPT TO:<{user}>\r\n").as_bytes())
            }
            Envelope::Recipient => {
                self.stage = Stage::Envelope(Envelope::Data);
                self.say(b"DATA\r\n")
            }
            Envelope::Data => {
                let bytes = match group.plan {
                    Plan::Deliver { bytes } => bytes,
                    _ => SHORT_MESSAGE_BYTES,
                };
                self.stage =
                    Stage::Uploading { outgoing: payload.message(bytes), closing: b".\r\n" };
                Ok(())
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let failure = || Failure::Protocol("a command could not be sent".to_owned());
        self.channel.send(bytes).ok_or_else(failure)
    }
}

/// A client of a crowd that never logs in was told that it is.
fn unreachable_login() -> Result<(), Failure> {
    Err(Failure::Protocol("a login without credentials".to_owned()))
}

enum Reading {
    Done,
    Again,
    Idle,
    Closed,
    Bulk,
}

/// The message of a whole LMTP session.
const SHORT_MESSAGE_BYTES: u64 = 1 << 10;
/// One turn reads at most 1 MiB, so other sessions keep their pace.
const READS_PER_TURN: u32 = 16;
const LINE_BYTES_MAX: usize = 64 << 10;
