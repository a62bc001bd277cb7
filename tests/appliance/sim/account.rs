//! Who the simulated users are, and what happens in their sessions: both ends of a session follow the same account.

use std::net::SocketAddr;

use hale::proxy_header::encode::{Endpoints, Outgoing, v2};
use hale::wire::base64;

use super::random::Random;
use super::weather::Weather;

/// A user, with one connection.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: usize,
    /// Where the connection comes from and goes to.
    pub(super) from: SocketAddr,
    pub(super) listener: usize,
    pub(super) connects_at: u64,
    /// What is sent before anything else.
    pub(super) header: Vec<u8>,
    /// Commands, up to the login that is meant to succeed.
    pub(super) script: Vec<Command>,
    /// Commands are sent without waiting for replies.
    pub(super) pipelines: bool,
    /// How often, in percent, something is sent before the next command is added.
    pub(super) pauses: u64,
    /// Bytes of the session are sent behind the last login without waiting for its reply.
    pub(super) eager: bool,
    /// Sends its end right behind the last command.
    pub(super) is_hasty: bool,
    /// Bytes of the session, each way.
    pub(super) uploads: u64,
    pub(super) downloads: u64,
    /// Bytes of the session are sent in large pieces: what makes a direction hot.
    pub(super) bulky: bool,
    pub(super) ending: Ending,
    pub(super) mischief: Option<Mischief>,
}

/// How a session ends when nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client sends FIN behind its bytes, the backend answers with FIN behind its own.
    ClientHalfCloses,
    BackendHalfCloses,
    /// Both send FIN as soon as they have nothing more to send.
    BothHalfClose,
    /// The client closes when it has everything.
    ClientCloses,
    ClientResets,
    BackendResets,
    /// Neither: a timeout does, or a drain.
    Nobody,
}

/// What a peer does out of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mischief {
    /// After so many turns of the peer.
    pub(super) after: u64,
    pub(super) act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Reset,
    Close,
    HalfClose,
    /// Reads and sends nothing for so many milliseconds.
    Sleep(u64),
}

/// A command of a client.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) tag: String,
    pub(super) bytes: Vec<u8>,
    /// Sent behind the server's `+`.
    pub(super) continuation: Vec<u8>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    WrongLogin,
    /// Is answered with BAD.
    GarbledLogin,
    RightLogin,
}

impl Account {
    /// An account whose client logs in at once, exchanges nothing and stays.
    pub(super) fn quiet(id: usize) -> Self {
        Self {
            id,
            from: SocketAddr::from(([198, 51, 100, 7], 10_000 + u16::try_from(id).unwrap())),
            listener: 0,
            connects_at: 0,
            header: Vec::new(),
            script: vec![Command::login(id, 0, true)],
            pipelines: false,
            pauses: 100,
            eager: false,
            is_hasty: false,
            uploads: 0,
            downloads: 0,
            bulky: false,
            ending: Ending::Nobody,
            mischief: None,
        }
    }

    pub(super) fn of(id: usize, random: &mut Random, weather: &Weather) -> Self {
        let mut account = Self::quiet(id);
        account.connects_at = 1_000 + random.pick(&[0, 10, 500, 5_000]) + random.below(100);
        account.pipelines = random.percent(50);
        account.is_hasty = random.percent(20);
        account.bulky = random.percent(40);
        account.pauses = random.pick(&[100, 20, 0]);
        account.eager = random.percent(40);
        let small = [0, 1, 300, 5_000];
        let large = [0, 16_384, 40_000, 150_000];
        let sizes = if random.percent(30) { large } else { small };
        account.uploads = random.pick(&sizes) + random.below(100);
        account.downloads = random.pick(&sizes) + random.below(100);
        account.ending = random.pick(&[
            Ending::ClientHalfCloses,
            Ending::BackendHalfCloses,
            Ending::BothHalfClose,
            Ending::ClientCloses,
            Ending::ClientResets,
            Ending::BackendResets,
            Ending::Nobody,
        ]);
        account.mischief = random.percent(weather.client_faults).then(|| Mischief::of(random));
        account.write_script(random);
        if random.percent(25) {
            account.listener = 1;
            account.from.set_ip([192, 0, 2, 77].into());
            account.write_header(random);
        }
        account
    }

    fn write_script(&mut self, random: &mut Random) {
        self.script.clear();
        let mut number = 0;
        let chatter = if random.percent(10) { 400 } else { 4 };
        for _ in 0..random.below(chatter) {
            number += 1;
            self.script.push(Command::chatter(number, random));
        }
        for _ in 0..random.below(3) {
            number += 1;
            let right = random.percent(30);
            self.script.push(Command::drawn_login(self.id, number, right, random));
        }
        if random.percent(90) {
            let right = random.percent(85);
            self.script.push(Command::drawn_login(self.id, number + 1, right, random));
        }
    }

    fn write_header(&mut self, random: &mut Random) {
        let endpoints = Endpoints { source: self.from, destination: self.from };
        let outgoing = Outgoing {
            endpoints: random.percent(80).then_some(endpoints),
            unique_id: random.percent(30).then_some(&b"unique"[..]),
            checksum: random.percent(50),
            ..Outgoing::default()
        };
        self.header = v2(&outgoing).bytes;
        match random.below(10) {
            0 => {
                // What follows a part of a header is taken for the rest of it.
                self.header.truncate(random.length(self.header.len()));
                self.script.clear();
            }
            1 => self.header = b"a1 LOGIN u p\r\n".to_vec(),
            2 => self.from.set_ip([203, 0, 113, 9].into()),
            _ => {}
        }
    }
}

impl Mischief {
    pub(super) fn of(random: &mut Random) -> Self {
        let act = match random.below(6) {
            0 => Act::Reset,
            1 => Act::Close,
            2 => Act::HalfClose,
            _ => Act::Sleep(random.pick(&[5, 500, 8_000, 60_000, 400_000, 90_000_000])),
        };
        Self { after: random.below(30), act }
    }
}

impl Command {
    fn new(number: u64, words: &str, kind: Kind) -> Self {
        let tag = format!("t{number}");
        let bytes = format!("{tag} {words}\r\n").into_bytes();
        Self { tag, bytes, continuation: Vec::new(), kind }
    }

    pub(super) fn plain(number: u64, words: &str) -> Self {
        Self::new(number, words, Kind::Plain)
    }

    fn chatter(number: u64, random: &mut Random) -> Self {
        Self::plain(number, random.pick(&["NOOP", "CAPABILITY", "ID NIL", "noop"]))
    }

    pub(super) fn login(id: usize, number: u64, right: bool) -> Self {
        let (kind, extra) = if right { (Kind::RightLogin, "") } else { (Kind::WrongLogin, "x") };
        Self::new(number, &format!("LOGIN u{id} {}{extra}", password(id)), kind)
    }

    /// Base64 that is none.
    pub(super) fn garbled_login(number: u64) -> Self {
        Self::new(number, "AUTHENTICATE PLAIN A%%=", Kind::GarbledLogin)
    }

    fn drawn_login(id: usize, number: u64, right: bool, random: &mut Random) -> Self {
        let mut login = Self::login(id, number, right);
        let extra = if right { "" } else { "x" };
        let password = format!("{}{extra}", password(id));
        let mut response = Vec::new();
        base64::encode(format!("\0u{id}\0{password}").as_bytes(), &mut response);
        let (tag, response) = (login.tag.clone(), String::from_utf8(response).unwrap());
        match random.below(4) {
            0 => {
                login.bytes = format!("{tag} AUTHENTICATE PLAIN {response}\r\n").into_bytes();
            }
            1 => {
                login.bytes = format!("{tag} AUTHENTICATE PLAIN\r\n").into_bytes();
                login.continuation = format!("{response}\r\n").into_bytes();
            }
            2 => {
                let length = password.len();
                login.bytes =
                    format!("{tag} LOGIN u{id} {{{length}+}}\r\n{password}\r\n").into_bytes();
            }
            _ => {}
        }
        login
    }
}

pub(super) fn password(id: usize) -> String {
    format!("secret{id}")
}

/// The user's number, from a name as the core writes it.
pub(super) fn id_of(user: &str) -> Option<usize> {
    user.strip_prefix('u')?.parse().ok()
}
