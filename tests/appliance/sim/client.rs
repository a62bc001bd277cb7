//! A simulated client: says its commands, counts the replies, and compares every byte of its session.

use std::collections::VecDeque;

use super::account::{Account, Act, Command, Ending, Kind};
use super::kernel::Kernel;
use super::random::{Random, Way, pattern};
use super::stream::{Heard, Stream};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) account: Account,
    random: Random,
    pub(super) stream: Option<usize>,
    script: VecDeque<Command>,
    /// Commands without a reply.
    awaiting: VecDeque<Command>,
    outbox: Vec<u8>,
    line: Vec<u8>,
    greeted: bool,
    pub(super) logged_in: bool,
    /// Pattern bytes put into the outbox, and received.
    uploaded: u64,
    pub(super) heard: u64,
    uploading: bool,
    pub(super) fin: bool,
    core_ended: bool,
    /// Broke off: nothing is known of bytes under way.
    pub(super) broke_off: bool,
    pub(super) over: bool,
    /// Got a reply to the command that was to log it in.
    pub(super) refusals: u32,
    turns: u64,
    due: u64,
    deaf_until: u64,
    calm_since: u64,
}

impl Client {
    pub(super) fn new(account: Account, random: Random) -> Self {
        Self {
            script: account.script.clone().into(),
            outbox: account.header.clone(),
            due: account.connects_at,
            account,
            random,
            stream: None,
            awaiting: VecDeque::new(),
            line: Vec::new(),
            greeted: false,
            logged_in: false,
            uploaded: 0,
            heard: 0,
            uploading: false,
            fin: false,
            core_ended: false,
            broke_off: false,
            over: false,
            refusals: 0,
            turns: 0,
            deaf_until: 0,
            calm_since: 0,
        }
    }

    /// Bytes of the session that left the client.
    pub(super) fn sent(&self) -> u64 {
        self.uploaded.saturating_sub(self.outbox.len() as u64)
    }

    /// A command was sent whole and has no reply yet.
    pub(super) fn has_asked(&self) -> bool {
        !self.awaiting.is_empty() && self.outbox.is_empty()
    }

    pub(super) fn is_due(&self, kernel: &Kernel) -> bool {
        let stirred = self.stream.is_some_and(|stream| kernel.streams[stream].stirred);
        !self.over && kernel.now >= self.deaf_until && (kernel.now >= self.due || stirred)
    }

    pub(super) fn next_due(&self, now: u64) -> Option<u64> {
        // Asleep: what stirs meanwhile is found out when it wakes up.
        let due = if self.is_asleep(now) { self.deaf_until } else { self.due };
        (!self.over && due < u64::MAX).then_some(due)
    }

    fn is_asleep(&self, now: u64) -> bool {
        now < self.deaf_until
    }

    /// Wakes a client up, at the end of a simulation.
    pub(super) fn wake(&mut self) {
        self.deaf_until = 0;
        self.due = self.due.min(1);
    }

    pub(super) fn act(&mut self, kernel: &mut Kernel) {
        self.due = u64::MAX;
        let Some(stream) = self.stream else {
            self.stream = kernel.dial(self.account.listener, self.account.from);
            self.over = self.stream.is_none();
            self.due = kernel.now;
            self.calm_since = kernel.now;
            return;
        };
        self.turns += 1;
        self.hear(kernel, stream);
        if self.over || self.misbehaves(kernel, stream) {
            return;
        }
        self.speak(kernel, stream);
    }

    // === Ears ===

    fn hear(&mut self, kernel: &mut Kernel, stream: usize) {
        let most = self.random.length(20_000);
        match kernel.streams[stream].peer_recv(most) {
            Heard::Nothing => {}
            Heard::Bytes(bytes) => {
                self.calm_since = kernel.now;
                self.take(&bytes);
                if kernel.streams[stream].stirred {
                    self.due = kernel.now;
                }
            }
            Heard::Reset => {
                self.over = true;
                self.broke_off |= !self.core_ended;
            }
            Heard::End => {
                self.core_ended = true;
                if !self.logged_in || self.fin {
                    kernel.peer(stream, Stream::peer_close);
                    self.over = true;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !self.logged_in {
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend(bytes);
                return;
            };
            self.line.extend(&bytes[..=end]);
            bytes = &bytes[end + 1..];
            let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
            self.take_line(&line);
        }
        let (id, at) = (self.account.id, self.heard);
        assert!(
            bytes == pattern(id, Way::Down, at, bytes.len()),
            "client {id} got bytes that are not its own, behind {at}"
        );
        self.heard += bytes.len() as u64;
        let all = self.account.downloads;
        assert!(self.heard <= all, "client {id} got {} bytes of {all}", self.heard);
    }

    fn take_line(&mut self, line: &str) {
        let id = self.account.id;
        if !self.greeted {
            assert!(line.starts_with("* OK") || line.starts_with("* BYE"), "{id}: {line:?}");
            self.greeted = true;
            return;
        }
        if line.starts_with("* ") {
            return;
        }
        if line.starts_with("+ ") {
            let waiting = self.awaiting.front_mut().expect("a continuation for no command");
            assert!(!waiting.continuation.is_empty(), "{id}: {line:?} for {waiting:?}");
            self.outbox.append(&mut waiting.continuation);
            return;
        }
        let Some(command) = self.awaiting.pop_front() else {
            panic!("client {id} got a reply to nothing: {line:?}")
        };
        let status = line.strip_prefix(&command.tag).unwrap_or_else(|| {
            panic!("client {id} awaits the reply to {:?} and got {line:?}", command.tag)
        });
        let is_ok = status.starts_with(" OK");
        match command.kind {
            Kind::Plain => assert!(is_ok, "{id}: {line:?}"),
            Kind::WrongLogin => assert!(!is_ok, "client {id} logged in by a wrong password"),
            Kind::GarbledLogin => assert!(status.starts_with(" BAD"), "{id}: {line:?}"),
            Kind::RightLogin if is_ok => {
                self.logged_in = true;
                self.uploading = true;
                self.script.clear();
            }
            Kind::RightLogin => {}
        }
        if matches!(command.kind, Kind::WrongLogin | Kind::RightLogin) && !is_ok {
            assert!(status.starts_with(" NO"), "{id}: {line:?}");
            self.refusals += 1;
        }
    }

    // === Mouth ===

    fn speak(&mut self, kernel: &mut Kernel, stream: usize) {
        if self.uploading && self.account.eager && !self.logged_in && self.awaiting.is_empty() {
            // The login failed under the bytes that were sent behind it.
            return self.close(kernel, stream);
        }
        if self.outbox.is_empty() {
            self.find_words();
        }
        if self.outbox.is_empty() {
            return self.finish(kernel, stream);
        }
        let all = self.outbox.len();
        let most = if self.account.bulky { all } else { self.random.length(all) };
        let words = &self.outbox[..most];
        let sent = kernel.peer(stream, |stream| stream.peer_send(words));
        if sent > 0 {
            drop(self.outbox.drain(..sent));
            self.calm_since = kernel.now;
            self.due = kernel.now + self.random.pick(&[0, 0, 0, 1, 3, 40]);
        }
        if self.outbox.is_empty() && self.random.percent(40) {
            // Last bytes and end in one segment (K-RING-3).
            self.find_words();
            if self.outbox.is_empty() {
                self.finish(kernel, stream);
            }
        }
    }

    fn find_words(&mut self) {
        if !self.greeted && self.random.percent(90) {
            return;
        }
        while self.may_speak()
            && let Some(command) = self.script.pop_front()
        {
            self.outbox.extend(&command.bytes);
            let is_last = self.script.is_empty() && command.continuation.is_empty();
            self.uploading = self.account.eager && is_last && command.kind == Kind::RightLogin;
            self.awaiting.push_back(command);
            if self.random.percent(self.account.pauses) {
                break;
            }
        }
        let left = self.account.uploads - self.uploaded;
        if self.uploading && left > 0 && !self.fin {
            let most = usize::try_from(left).unwrap().min(30_000);
            let length = if self.account.bulky { most } else { self.random.length(most) };
            self.outbox.extend(pattern(self.account.id, Way::Up, self.uploaded, length));
            self.uploaded += length as u64;
        }
    }

    /// Whether the next command may be sent: no client talks on behind what may be the last command.
    fn may_speak(&self) -> bool {
        self.awaiting.back().is_none_or(|last| {
            let is_barrier = last.kind == Kind::RightLogin || !last.continuation.is_empty();
            self.account.pipelines && !is_barrier
        })
    }

    /// Nothing is left to say.
    fn finish(&mut self, kernel: &mut Kernel, stream: usize) {
        let account = &self.account;
        let has_all = self.heard == account.downloads;
        if !self.uploading {
            if self.greeted && self.awaiting.is_empty() && self.script.is_empty() {
                // Every login failed.
                self.close(kernel, stream);
            } else if !self.fin && self.script.is_empty() && self.account.is_hasty {
                // As `printf … | nc` does: the end right behind the last command (IM-15).
                self.account.uploads = 0;
                self.half_close(kernel, stream);
            }
            return;
        }
        match account.ending {
            _ if self.fin => {}
            _ if self.core_ended => {
                kernel.peer(stream, Stream::peer_close);
                self.fin = true;
                self.over = true;
            }
            Ending::ClientHalfCloses | Ending::BothHalfClose => self.half_close(kernel, stream),
            Ending::ClientCloses if self.logged_in && has_all => {
                kernel.peer(stream, Stream::peer_close);
                self.fin = true;
                self.over = true;
            }
            Ending::ClientResets if self.logged_in => self.reset(kernel, stream),
            Ending::ClientCloses
            | Ending::ClientResets
            | Ending::BackendHalfCloses
            | Ending::BackendResets
            | Ending::Nobody => {}
        }
    }

    pub(super) fn half_close(&mut self, kernel: &mut Kernel, stream: usize) {
        kernel.peer(stream, |stream| stream.peer_fin = true);
        self.fin = true;
    }

    fn close(&mut self, kernel: &mut Kernel, stream: usize) {
        kernel.peer(stream, Stream::peer_close);
        self.broke_off = true;
        self.over = true;
    }

    fn reset(&mut self, kernel: &mut Kernel, stream: usize) {
        let drops = self.random.percent(50);
        kernel.peer(stream, |stream| stream.peer_reset(drops));
        self.broke_off = true;
        self.over = true;
    }

    fn misbehaves(&mut self, kernel: &mut Kernel, stream: usize) -> bool {
        let Some(mischief) = self.account.mischief.filter(|_| self.turns > 0) else {
            return false;
        };
        if self.turns <= mischief.after {
            return false;
        }
        self.account.mischief = None;
        match mischief.act {
            Act::Reset => self.reset(kernel, stream),
            Act::Close => self.close(kernel, stream),
            // Half a command stays half a command.
            Act::HalfClose if !self.fin => {
                if self.uploading {
                    self.uploaded = self.sent();
                }
                self.outbox.clear();
                self.script.clear();
                self.account.uploads = self.uploaded;
                self.half_close(kernel, stream);
            }
            Act::HalfClose => {}
            Act::Sleep(long) => {
                self.deaf_until = kernel.now + long;
                self.calm_since = self.deaf_until;
            }
        }
        true
    }

    /// A client that waits for a reply gets one, or is closed, in the end; one that left before login is closed.
    pub(super) fn assert_not_forgotten(&self, now: u64, next: u64) {
        let listens = self.stream.is_some() && !self.over && !self.is_asleep(now);
        let left = self.fin && !self.logged_in;
        let waits = !self.greeted || !self.awaiting.is_empty() || left;
        let waits = waits && listens && self.outbox.is_empty();
        let long = next.saturating_sub(self.calm_since);
        assert!(
            !waits || long < PATIENCE_MS,
            "client {} waits for {:?} since {long} ms",
            self.account.id,
            self.awaiting.front().map(|command| String::from_utf8_lossy(&command.bytes))
        );
    }
}

/// More than the longest login: verdict, route, attempts, delay.
const PATIENCE_MS: u64 = 100_000;
