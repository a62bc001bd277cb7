//! LMTP in the simulation: clients that send messages, and backends that store them or do not.
//!
//! What is checked at the end: a recipient was told 250 only when a backend stored the whole message for him, and no
//! backend stored anything else than whole messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::{Act, Mischief};
use super::kernel::Kernel;
use super::random::Random;
use super::stream::{Heard, Stream};

/// Number of a sender, of its message, of a recipient.
pub(super) type Letter = (usize, usize, usize);

/// One end of an LMTP connection.
#[derive(Debug)]
pub(super) struct Peer {
    random: Random,
    pub(super) stream: Option<usize>,
    pub(super) role: Role,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    turns: u64,
    due: u64,
    deaf_until: u64,
    pub(super) over: bool,
    mischief: Option<Mischief>,
}

#[derive(Debug)]
pub(super) enum Role {
    Sender(Sender),
    Mailbox(Mailbox),
}

/// A client with messages.
#[derive(Debug)]
pub(super) struct Sender {
    id: usize,
    messages: VecDeque<Message>,
    /// What each reply that is due is about.
    due: VecDeque<Due>,
    accepted: Vec<usize>,
    number: usize,
    /// Letters that were answered with 250.
    pub(super) told: Vec<Letter>,
    /// It said everything and got every reply.
    pub(super) finished: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) recipients: Vec<usize>,
    pub(super) content: Vec<u8>,
    chunks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Any,
    Rcpt(usize),
    Data,
    Final(usize),
    Bye,
}

/// A backend's side of one connection.
#[derive(Debug)]
pub(super) struct Mailbox {
    has_chunking: bool,
    faults: u64,
    recipients: Vec<usize>,
    content: Vec<u8>,
    in_data: bool,
    chunk: Option<(usize, bool)>,
    /// It said yes once more than it was asked. When that comes late, nobody can tell which question it answers, and whoever
    /// is told 250 may have been told so of something else.
    lies: bool,
    /// Everybody it was ever asked about.
    named: BTreeSet<usize>,
    /// What it stored, for whom.
    pub(super) stored: Vec<(usize, Vec<u8>)>,
}

impl Peer {
    pub(super) fn sender(id: usize, mut random: Random, faults: u64) -> Self {
        let count = random.between(1, 3);
        let mut message = || {
            let recipients = (0..random.between(1, 6))
                .map(|_| usize::try_from(random.below(USERS as u64)).unwrap());
            let recipients = recipients.collect();
            let size = random.pick(&[0, 10, 3_000, 90_000]);
            Message { recipients, content: content(&mut random, size), chunks: random.percent(40) }
        };
        let messages = (0..count).map(|_| message()).collect();
        let sender = Sender {
            id,
            messages,
            due: VecDeque::from([Due::Any]),
            accepted: Vec::new(),
            number: 0,
            told: Vec::new(),
            finished: false,
        };
        Self::new(random, None, Role::Sender(sender), faults)
    }

    pub(super) fn mailbox(stream: usize, mut random: Random, faults: u64) -> Self {
        let mailbox = Mailbox {
            has_chunking: random.percent(50),
            faults: faults / 4,
            recipients: Vec::new(),
            content: Vec::new(),
            in_data: false,
            chunk: None,
            lies: false,
            named: BTreeSet::new(),
            stored: Vec::new(),
        };
        let mut peer = Self::new(random, Some(stream), Role::Mailbox(mailbox), faults);
        peer.outbox.extend(b"220 mailbox ready\r\n");
        peer
    }

    fn new(mut random: Random, stream: Option<usize>, role: Role, faults: u64) -> Self {
        Self {
            mischief: random.percent(faults).then(|| Mischief::of(&mut random)),
            random,
            stream,
            role,
            inbox: Vec::new(),
            outbox: Vec::new(),
            turns: 0,
            due: 0,
            deaf_until: 0,
            over: false,
        }
    }

    pub(super) fn is_due(&self, kernel: &Kernel) -> bool {
        let stirred = self.stream.is_some_and(|stream| kernel.streams[stream].stirred);
        !self.over && kernel.now >= self.deaf_until && (kernel.now >= self.due || stirred)
    }

    pub(super) fn next_due(&self, now: u64) -> Option<u64> {
        let due = if now < self.deaf_until { self.deaf_until } else { self.due };
        (!self.over && due < u64::MAX).then_some(due)
    }

    pub(super) fn wake(&mut self) {
        self.deaf_until = 0;
        self.due = self.due.min(1);
    }

    pub(super) fn act(&mut self, kernel: &mut Kernel) {
        self.due = u64::MAX;
        let Some(stream) = self.stream else {
            self.stream = kernel.dial(LISTENER, ([192, 0, 2, 7], 4711).into());
            self.over = self.stream.is_none();
            self.due = kernel.now;
            return;
        };
        self.turns += 1;
        let most = self.random.length(40_000);
        match kernel.streams[stream].peer_recv(most) {
            Heard::Nothing => {}
            Heard::Bytes(bytes) => {
                self.inbox.extend(bytes);
                if kernel.streams[stream].stirred {
                    self.due = kernel.now;
                }
            }
            Heard::Reset => self.over = true,
            Heard::End => {
                kernel.peer(stream, Stream::peer_close);
                self.over = true;
            }
        }
        if self.over || self.misbehaves(kernel, stream) {
            return;
        }
        match &mut self.role {
            Role::Sender(sender) => sender.hear(&mut self.inbox, &mut self.outbox),
            Role::Mailbox(mailbox) => {
                mailbox.hear(&mut self.inbox, &mut self.outbox, &mut self.random);
            }
        }
        self.speak(kernel, stream);
    }

    fn speak(&mut self, kernel: &mut Kernel, stream: usize) {
        if self.outbox.is_empty() {
            return;
        }
        let most = self.random.length(self.outbox.len());
        let sent = kernel.peer(stream, |stream| stream.peer_send(&self.outbox[..most]));
        if sent > 0 {
            drop(self.outbox.drain(..sent));
            self.due = kernel.now + self.random.pick(&[0, 0, 0, 1, 3, 40]);
        }
    }

    fn misbehaves(&mut self, kernel: &mut Kernel, stream: usize) -> bool {
        let Some(mischief) = self.mischief.filter(|mischief| self.turns > mischief.after) else {
            return false;
        };
        self.mischief = None;
        match mischief.act {
            Act::Reset => {
                let drops = self.random.percent(50);
                kernel.peer(stream, |stream| stream.peer_reset(drops));
                self.over = true;
            }
            Act::Close => {
                kernel.peer(stream, Stream::peer_close);
                self.over = true;
            }
            // Half of what was to be said stays unsaid.
            Act::HalfClose => {
                self.outbox.clear();
                kernel.peer(stream, |stream| stream.peer_fin = true);
            }
            Act::Sleep(long) => self.deaf_until = kernel.now + long,
        }
        true
    }
}

impl Sender {
    fn hear(&mut self, inbox: &mut Vec<u8>, outbox: &mut Vec<u8>) {
        while let Some(line) = take_line(inbox) {
            if line.get(3) == Some(&b'-') {
                continue;
            }
            let done = line.starts_with(b"2");
            // A goodbye answers nothing.
            let Some(due) = self.due.pop_front().filter(|_| !line.starts_with(b"421")) else {
                self.due.clear();
                return;
            };
            match due {
                Due::Any => {}
                Due::Rcpt(recipient) if done => self.accepted.push(recipient),
                Due::Rcpt(_) => {}
                Due::Data => self.data(line.starts_with(b"354"), outbox),
                Due::Final(recipient) if done => {
                    self.told.push((self.id, self.number, recipient));
                }
                Due::Final(_) => {}
                Due::Bye => self.finished = true,
            }
            if self.due.is_empty() && !self.finished {
                self.go_on(outbox);
            }
        }
    }

    /// Everything asked is answered: the message behind its envelope, or the next one.
    fn go_on(&mut self, outbox: &mut Vec<u8>) {
        if !self.accepted.is_empty()
            && let Some(message) = self.messages.front().filter(|message| message.chunks)
        {
            let content = message.content.clone();
            let (head, tail) = content.split_at(content.len() / 3);
            outbox.extend(format!("BDAT {}\r\n", head.len()).bytes());
            outbox.extend(head);
            outbox.extend(format!("BDAT {} LAST\r\n", tail.len()).bytes());
            outbox.extend(tail);
            self.due.push_back(Due::Any);
            return self.expect_finals();
        }
        if !self.accepted.is_empty() && !self.messages.is_empty() {
            outbox.extend(b"DATA\r\n");
            self.due.push_back(Due::Data);
            return;
        }
        if self.number > 0 {
            self.messages.pop_front();
        }
        self.envelope(outbox);
    }

    fn data(&mut self, agreed: bool, outbox: &mut Vec<u8>) {
        if !agreed {
            self.accepted.clear();
            return;
        }
        let Some(message) = self.messages.front() else { return };
        outbox.extend(stuffed(&message.content));
        self.expect_finals();
    }

    fn expect_finals(&mut self) {
        for recipient in std::mem::take(&mut self.accepted) {
            self.due.push_back(Due::Final(recipient));
        }
    }

    fn envelope(&mut self, outbox: &mut Vec<u8>) {
        let Some(message) = self.messages.front_mut() else {
            outbox.extend(b"QUIT\r\n");
            return self.due.push_back(Due::Bye);
        };
        self.number += 1;
        let name = format!("Id: {}-{}\r\n", self.id, self.number);
        message.content.splice(0..0, name.bytes());
        outbox.extend(b"LHLO sender\r\nMAIL FROM:<a@b>\r\n");
        self.due.extend([Due::Any, Due::Any]);
        for recipient in &message.recipients {
            outbox.extend(format!("RCPT TO:<u{recipient}>\r\n").bytes());
            self.due.push_back(Due::Rcpt(*recipient));
        }
    }
}

impl Mailbox {
    fn hear(&mut self, inbox: &mut Vec<u8>, outbox: &mut Vec<u8>, random: &mut Random) {
        loop {
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
        match words[0] {
            "LHLO" if self.has_chunking => {
                outbox.extend(b"250-mailbox\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
            }
            "LHLO" => outbox.extend(b"250-mailbox\r\n250 PIPELINING\r\n"),
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
            "MAIL" => {
                self.recipients.clear();
                self.content.clear();
                outbox.extend(b"250 2.1.0 ok\r\n");
            }
            "RCPT" => {
                let user = words[1].trim_start_matches("TO:<u").trim_end_matches('>');
                self.recipients.push(user.parse().unwrap());
                outbox.extend(b"250 2.1.5 ok\r\n");
            }
            "RSET" => outbox.extend(b"250 2.0.0 ok\r\n"),
            "DATA" => {
                self.in_data = true;
                outbox.extend(b"354 go\r\n");
            }
            other => panic!("a backend was told {other:?}"),
        }
    }

    fn store(&mut self, outbox: &mut Vec<u8>, random: &mut Random) {
        for recipient in std::mem::take(&mut self.recipients) {
            if random.percent(self.faults) {
                outbox.extend(b"452 4.2.2 full\r\n");
                continue;
            }
            self.stored.push((recipient, self.content.clone()));
            outbox.extend(b"250 2.0.0 saved\r\n");
        }
    }
}

/// Whoever was told 250 has the message, and only whole messages are stored.
pub(super) fn assert_delivered(peers: &[Peer], written: &BTreeMap<(usize, usize), Vec<u8>>) {
    let mut stored: BTreeMap<Letter, usize> = BTreeMap::new();
    for peer in peers {
        let Role::Mailbox(mailbox) = &peer.role else { continue };
        for (recipient, content) in &mailbox.stored {
            let head = content.split(|byte| *byte == b'\r').next().unwrap();
            let name = String::from_utf8_lossy(head).into_owned();
            let (id, number) = name.trim_start_matches("Id: ").split_once('-').unwrap();
            let (id, number) = (id.parse().unwrap(), number.parse().unwrap());
            assert!(content == &written[&(id, number)], "a stored message of {name} is another");
            *stored.entry((id, number, *recipient)).or_default() += 1;
        }
    }
    let liars = peers.iter().filter_map(|peer| match &peer.role {
        Role::Mailbox(mailbox) if mailbox.lies => Some(&mailbox.named),
        _ => None,
    });
    let doubtful: BTreeSet<usize> = liars.flatten().copied().collect();
    let mut told: BTreeMap<Letter, usize> = BTreeMap::new();
    for peer in peers {
        let Role::Sender(sender) = &peer.role else { continue };
        for letter in &sender.told {
            *told.entry(*letter).or_default() += 1;
        }
    }
    for (letter, count) in told.into_iter().filter(|(letter, _)| !doubtful.contains(&letter.2)) {
        let there = stored.get(&letter).copied().unwrap_or(0);
        assert!(
            there >= count,
            "{letter:?} was told 250 {count} times and is stored {there} times"
        );
    }
}

/// What each message is, once its sender has put its name on it.
pub(super) fn written(peers: &[Peer]) -> BTreeMap<(usize, usize), Vec<u8>> {
    let senders = peers.iter().filter_map(|peer| match &peer.role {
        Role::Sender(sender) => Some(sender),
        Role::Mailbox(_) => None,
    });
    let mut all = BTreeMap::new();
    for sender in senders {
        for (number, message) in sender.messages.iter().enumerate() {
            let name = format!("Id: {}-{}\r\n", sender.id, number + 1);
            let content = [name.as_bytes(), &message.content].concat();
            all.insert((sender.id, number + 1), content);
        }
    }
    all
}

fn take_line(inbox: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = inbox.windows(2).position(|two| two == b"\r\n")?;
    Some(inbox.drain(..end + 2).collect())
}

/// Lines of all lengths, many of them with dots at their beginning; lone CRs and NULs, no lone LF (a backend without
/// CHUNKING sees the dot behind one doubled).
fn content(random: &mut Random, size: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(size + 100);
    while content.len() < size {
        let line: &[u8] = random.pick(&[&b"."[..], b"..", b"", b".\r", b"\0", b"text", b".text"]);
        content.extend(line);
        content.resize(content.len() + random.length(700), b'x');
        content.extend(b"\r\n");
    }
    content
}

fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 100);
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            bytes.push(b'.');
        }
        bytes.extend(line);
    }
    bytes.extend(b".\r\n");
    bytes
}

/// Users that letters may go to.
pub(super) const USERS: usize = 6;
/// The number of the LMTP listener.
pub(super) const LISTENER: usize = 2;
