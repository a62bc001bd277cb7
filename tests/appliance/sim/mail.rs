//! LMTP in the simulation: clients that send messages, and backends that store them or do not.
//!
//! What is checked at the end: a recipient was told 250 only when a backend stored the whole message for him, and no
//! backend stored anything else than whole messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::{Act, Mischief};
use super::kernel::Kernel;
use super::mailbox::Mailbox;
use super::random::Random;
use super::sealed::{Begins, Layer, MailTls, Security};
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
    tls: MailTls,
    layer: Option<Layer>,
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
    security: Security,
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
    /// The go-ahead for TLS.
    Starttls,
}

impl Peer {
    pub(super) fn sender(id: usize, mut random: Random, faults: u64, tls: &MailTls) -> Self {
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
            security: Security::at_first(tls.senders),
            told: Vec::new(),
            finished: false,
        };
        Self::new(random, None, Role::Sender(sender), faults, tls)
    }

    pub(super) fn mailbox(stream: usize, mut random: Random, faults: u64, tls: &MailTls) -> Self {
        let mailbox = Mailbox::new(&mut random, faults, tls);
        let mut peer = Self::new(random, Some(stream), Role::Mailbox(mailbox), faults, tls);
        if tls.mailboxes == Begins::AtOnce {
            peer.layer = Some(tls.server(Vec::new()));
        }
        peer.outbox.extend(b"220 mailbox ready\r\n");
        peer
    }

    fn new(
        mut random: Random,
        stream: Option<usize>,
        role: Role,
        faults: u64,
        tls: &MailTls,
    ) -> Self {
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
            tls: tls.clone(),
            layer: None,
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
            let is_at_once = self.tls.senders == Begins::AtOnce;
            let listener = if is_at_once { TLS_LISTENER } else { LISTENER };
            self.layer = is_at_once.then(|| self.tls.client(Vec::new()));
            self.stream = kernel.dial(listener, ([192, 0, 2, 7], 4711).into());
            self.over = self.stream.is_none();
            self.due = kernel.now;
            return;
        };
        self.turns += 1;
        let most = self.random.length(40_000);
        match kernel.streams[stream].peer_recv(most) {
            Heard::Nothing => {}
            Heard::Bytes(bytes) => {
                match &mut self.layer {
                    Some(layer) => layer.open(&bytes, &mut self.inbox),
                    None => self.inbox.extend(bytes),
                }
                if kernel.streams[stream].stirred {
                    self.due = kernel.now;
                }
            }
            Heard::Reset => self.over = true,
            Heard::End => {
                self.assert_goodbye();
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
        self.begin_tls();
        self.speak(kernel, stream);
        self.hang_up(kernel, stream);
    }

    /// What was agreed in clear begins behind the last byte in clear.
    fn begin_tls(&mut self) {
        let security = match &mut self.role {
            Role::Sender(sender) => &mut sender.security,
            Role::Mailbox(mailbox) => &mut mailbox.security,
        };
        if *security != Security::Agreed {
            return;
        }
        *security = Security::Enough;
        assert!(self.inbox.is_empty(), "in clear behind the agreement: {:?}", self.inbox);
        let clear = std::mem::take(&mut self.outbox);
        self.layer = Some(match &mut self.role {
            Role::Sender(sender) => {
                let layer = self.tls.client(clear);
                sender.go_on(&mut self.outbox);
                layer
            }
            Role::Mailbox(_) => self.tls.server(clear),
        });
    }

    /// A sender that has got all its replies by TLS also got the word that nothing was cut off.
    fn assert_goodbye(&self) {
        let Role::Sender(sender) = &self.role else { return };
        let is_cut = self.layer.as_ref().is_some_and(|layer| !layer.has_ended());
        assert!(!sender.finished || !is_cut, "an end without close_notify");
    }

    fn speak(&mut self, kernel: &mut Kernel, stream: usize) {
        let wire = match &mut self.layer {
            Some(layer) => {
                layer.seal(&mut self.outbox);
                &mut layer.wire
            }
            None => &mut self.outbox,
        };
        if wire.is_empty() {
            return;
        }
        let most = self.random.length(wire.len());
        let sent = kernel.peer(stream, |stream| stream.peer_send(&wire[..most]));
        if sent > 0 {
            drop(wire.drain(..sent));
            self.due = kernel.now + self.random.pick(&[0, 0, 0, 1, 3, 40]);
        }
    }

    /// A backend that has had enough goes, behind its last word.
    fn hang_up(&mut self, kernel: &mut Kernel, stream: usize) {
        let Role::Mailbox(mailbox) = &self.role else { return };
        let is_said = match &self.layer {
            Some(layer) => layer.wire.is_empty(),
            None => true,
        };
        if mailbox.hangs_up && self.outbox.is_empty() && is_said {
            kernel.peer(stream, Stream::peer_close);
            self.over = true;
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
    /// How many letters it has yet to send.
    pub(super) fn letters(&self) -> usize {
        self.messages.iter().map(|message| message.recipients.len()).sum()
    }

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
            // It says everything in its turn, and a backend that says otherwise disagrees with Hale.
            let said = String::from_utf8_lossy(&line);
            assert!(!said.starts_with("503"), "{due:?} was answered with {said}");
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
                Due::Starttls if done => self.security = Security::Agreed,
                Due::Starttls => {}
            }
            if self.due.is_empty() && !self.finished && self.security != Security::Agreed {
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
        if self.security == Security::Wanted {
            outbox.extend(b"LHLO sender\r\nSTARTTLS\r\n");
            return self.due.extend([Due::Any, Due::Starttls]);
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

/// A recipient told 250 has the message, and only whole messages are stored.
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
    for peer in peers {
        if let Role::Mailbox(mailbox) = &peer.role {
            let is_honest = mailbox.nested == 0 || mailbox.lies;
            assert!(is_honest, "MAIL into an open transaction: {mailbox:?}");
        }
    }
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

pub(super) fn take_line(inbox: &mut Vec<u8>) -> Option<Vec<u8>> {
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
/// The numbers of the LMTP listeners.
pub(super) const LISTENER: usize = 2;
const TLS_LISTENER: usize = 3;
