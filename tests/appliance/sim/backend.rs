//! A simulated backend's side of one connection: lets right credentials in and nothing else, then speaks the session.

use super::account::{Account, Act, Ending, Mischief, id_of, password};
use super::kernel::Kernel;
use super::random::{Random, Way, pattern};
use super::stream::{Heard, Stream};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Backend {
    random: Random,
    pub(super) stream: usize,
    temper: Temper,
    mischief: Option<Mischief>,
    line: Vec<u8>,
    outbox: Vec<u8>,
    /// Whose session this is, once the login was let in.
    pub(super) user: Option<Account>,
    /// Pattern bytes received, and put into the outbox.
    pub(super) heard: u64,
    produced: u64,
    pub(super) fin: bool,
    core_ended: bool,
    pub(super) broke_off: bool,
    pub(super) over: bool,
    turns: u64,
    due: u64,
    deaf_until: u64,
}

/// How a backend answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    Good,
    /// Tells its capabilities only when asked.
    Terse,
    /// Sends untagged lines before its replies.
    Chatty,
    /// Never says anything.
    Mute,
    /// Says goodbye at once.
    Bye,
    /// Says something else.
    Garbage,
    /// Lets no user in: for good, for now, by mistake.
    Refuses(&'static str),
}

impl Backend {
    pub(super) fn new(stream: usize, mut random: Random, faults: u64) -> Self {
        let temper = if random.percent(faults) {
            random.pick(&[
                Temper::Mute,
                Temper::Bye,
                Temper::Garbage,
                Temper::Refuses("NO [AUTHENTICATIONFAILED] Not you."),
                Temper::Refuses("NO [UNAVAILABLE] Not now."),
                Temper::Refuses("BAD What?"),
            ])
        } else {
            random.pick(&[Temper::Good, Temper::Terse, Temper::Chatty])
        };
        Self {
            temper,
            mischief: random.percent(faults).then(|| Mischief::of(&mut random)),
            random,
            stream,
            line: Vec::new(),
            outbox: Vec::new(),
            user: None,
            heard: 0,
            produced: 0,
            fin: false,
            core_ended: false,
            broke_off: false,
            over: false,
            turns: 0,
            due: 0,
            deaf_until: 0,
        }
    }

    /// Bytes of the session that left the backend.
    pub(super) fn sent(&self) -> u64 {
        self.produced.saturating_sub(self.outbox.len() as u64)
    }

    /// Everything up to the login's reply is on its way.
    pub(super) fn is_relayed(&self) -> bool {
        self.user.is_some() && self.outbox.len() as u64 <= self.produced
    }

    pub(super) fn is_due(&self, kernel: &Kernel) -> bool {
        let stirred = kernel.streams[self.stream].stirred;
        !self.over && kernel.now >= self.deaf_until && (kernel.now >= self.due || stirred)
    }

    pub(super) fn next_due(&self, now: u64) -> Option<u64> {
        let due = if now < self.deaf_until { self.deaf_until } else { self.due };
        (!self.over && due < u64::MAX).then_some(due)
    }

    /// Resets the connection after so many turns.
    pub(super) fn break_after(&mut self, after: u64) {
        self.mischief = Some(Mischief { after, act: Act::Reset });
    }

    /// Falls asleep for good.
    pub(super) fn sleep(&mut self) {
        self.deaf_until = u64::MAX;
    }

    pub(super) fn wake(&mut self) {
        self.deaf_until = 0;
        self.due = self.due.min(1);
    }

    pub(super) fn act(&mut self, kernel: &mut Kernel, accounts: &[Account]) {
        self.due = u64::MAX;
        if self.turns == 0 {
            self.greet();
        }
        self.turns += 1;
        self.hear(kernel, accounts);
        if !self.over && !self.misbehaves(kernel) {
            self.speak(kernel);
        }
    }

    fn greet(&mut self) {
        let greeting: &[u8] = match self.temper {
            Temper::Mute => b"",
            Temper::Bye => b"* BYE Too many of you.\r\n",
            Temper::Garbage => b"\x00\xff220 smtp\r\n",
            Temper::Terse => b"* OK Ready.\r\n",
            Temper::Good | Temper::Chatty | Temper::Refuses(_) => {
                b"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] Ready.\r\n"
            }
        };
        self.outbox.extend(greeting);
    }

    // === Ears ===

    fn hear(&mut self, kernel: &mut Kernel, accounts: &[Account]) {
        let most = self.random.length(20_000);
        match kernel.streams[self.stream].peer_recv(most) {
            Heard::Nothing => {}
            Heard::Bytes(bytes) => {
                self.take(&bytes, accounts);
                if kernel.streams[self.stream].stirred {
                    self.due = kernel.now;
                }
            }
            Heard::Reset => {
                self.over = true;
                self.broke_off |= !self.core_ended;
            }
            Heard::End => {
                self.core_ended = true;
                if self.fin || self.user.is_none() {
                    kernel.peer(self.stream, Stream::peer_close);
                    self.over = true;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8], accounts: &[Account]) {
        let mut bytes = bytes;
        while self.user.is_none() {
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend(bytes);
                return;
            };
            self.line.extend(&bytes[..=end]);
            bytes = &bytes[end + 1..];
            let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
            self.take_line(&line, accounts);
        }
        let Some(account) = &self.user else { return };
        let (id, at) = (account.id, self.heard);
        assert!(
            bytes == pattern(id, Way::Up, at, bytes.len()),
            "the backend of {id} got bytes that are not this client's, behind {at}"
        );
        self.heard += bytes.len() as u64;
    }

    fn take_line(&mut self, line: &str, accounts: &[Account]) {
        if self.temper == Temper::Chatty {
            self.outbox.extend(b"* OK [ALERT] Mind the gap.\r\n");
        }
        if line.starts_with("C CAPABILITY") {
            self.outbox.extend(b"* CAPABILITY IMAP4rev1 ID\r\nC OK Done.\r\n");
        } else if line.starts_with("I ID (") {
            self.outbox.extend(b"* ID NIL\r\nI OK Done.\r\n");
        } else {
            self.log_in(line, accounts);
        }
    }

    fn log_in(&mut self, line: &str, accounts: &[Account]) {
        let words: Vec<&str> = line.split('"').collect();
        let ["L LOGIN ", user, " ", given, "\r\n"] = words[..] else {
            panic!("not a login: {line:?}")
        };
        let id = id_of(user).expect("a user of this simulation");
        assert_eq!(given, password(id), "a wrong password reached a backend");
        if let Temper::Refuses(reply) = self.temper {
            self.outbox.extend(format!("L {reply}\r\n").as_bytes());
            return;
        }
        self.outbox.extend(b"L OK [CAPABILITY IMAP4rev1 IDLE] Logged in.\r\n");
        self.user = Some(accounts[id].clone());
    }

    // === Mouth ===

    fn speak(&mut self, kernel: &mut Kernel) {
        // In the same segment as the reply, or apart from it.
        if self.outbox.is_empty() || self.random.percent(50) {
            self.find_words();
        }
        if self.outbox.is_empty() {
            return self.finish(kernel);
        }
        let all = self.outbox.len();
        let bulky = self.user.as_ref().is_some_and(|user| user.bulky);
        let most = if bulky { all } else { self.random.length(all) };
        let words = &self.outbox[..most];
        let sent = kernel.peer(self.stream, |stream| stream.peer_send(words));
        if sent > 0 {
            drop(self.outbox.drain(..sent));
            self.due = kernel.now + self.random.pick(&[0, 0, 0, 1, 3, 40]);
        }
        if self.outbox.is_empty() && self.random.percent(40) {
            // Last bytes and end in one segment (K-RING-3).
            self.find_words();
            if self.outbox.is_empty() {
                self.finish(kernel);
            }
        }
    }

    fn find_words(&mut self) {
        let Some(account) = self.user.as_ref().filter(|_| !self.fin) else { return };
        let left = account.downloads - self.produced;
        if left > 0 {
            let most = usize::try_from(left).unwrap().min(30_000);
            let length = if account.bulky { most } else { self.random.length(most) };
            self.outbox.extend(pattern(account.id, Way::Down, self.produced, length));
            self.produced += length as u64;
        }
    }

    fn finish(&mut self, kernel: &mut Kernel) {
        let Some(account) = &self.user else {
            if matches!(self.temper, Temper::Bye | Temper::Garbage) {
                kernel.peer(self.stream, Stream::peer_close);
                self.over = true;
            }
            return;
        };
        match account.ending {
            _ if self.fin => {}
            _ if self.core_ended => {
                kernel.peer(self.stream, Stream::peer_close);
                self.fin = true;
                self.over = true;
            }
            Ending::BackendHalfCloses | Ending::BothHalfClose => {
                kernel.peer(self.stream, |stream| stream.peer_fin = true);
                self.fin = true;
            }
            Ending::BackendResets => self.reset(kernel),
            Ending::ClientHalfCloses
            | Ending::ClientCloses
            | Ending::ClientResets
            | Ending::Nobody => {}
        }
    }

    fn reset(&mut self, kernel: &mut Kernel) {
        let drops = self.random.percent(50);
        kernel.peer(self.stream, |stream| stream.peer_reset(drops));
        self.broke_off = true;
        self.over = true;
    }

    fn misbehaves(&mut self, kernel: &mut Kernel) -> bool {
        let Some(mischief) = self.mischief.filter(|mischief| self.turns > mischief.after) else {
            return false;
        };
        self.mischief = None;
        match mischief.act {
            Act::Reset => self.reset(kernel),
            Act::Close => {
                kernel.peer(self.stream, Stream::peer_close);
                self.broke_off = true;
                self.over = true;
            }
            Act::HalfClose if !self.fin => {
                self.produced = self.sent();
                self.outbox.clear();
                kernel.peer(self.stream, |stream| stream.peer_fin = true);
                self.fin = true;
            }
            Act::HalfClose => {}
            Act::Sleep(long) => self.deaf_until = kernel.now + long,
        }
        true
    }
}
