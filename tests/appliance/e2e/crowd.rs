//! A crowd that never logs in, or never reads: others are served as before, and nothing of it stays (RS, P6; BE-12).

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::{descriptors, resident_bytes};
use super::script::ScriptedBackends;
use super::wait::{PATIENCE, now, poll, timed};

const SILENT: usize = 3000;
const SLOW: usize = 2000;
const STALLED: usize = 200;
const LIVE: usize = 20;
/// Rounds of one byte each from everybody who is slow, a second apart.
const ROUNDS: usize = 6;

/// What Hale may still hold when they have left.
const RESIDENT_BYTES_MAX: u64 = 8 << 20;
/// Not a measurement, only a line between "works" and "hangs" on a machine with two busy cores.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// What the slow ones have said before they become slow: inside a command, a literal, a SASL exchange.
const BEGINNINGS: [&[u8]; 3] = [b"a LOGIN ", b"a LOGIN {500+}\r\n", b"a AUTHENTICATE PLAIN\r\n"];

#[test]
fn rs_03_five_thousand_who_never_log_in_and_two_hundred_who_never_read() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    let hale = setup.start();
    let mut live: Vec<Live> = (0..LIVE).map(|_| Live::start(&hale, &backends)).collect();
    let before = Held::by(&hale);

    let silent: Vec<TcpStream> = (0..SILENT).map(|_| connect(hale.address())).collect();
    let mut slow: Vec<TcpStream> = (0..SLOW)
        .map(|number| {
            let mut stream = connect(hale.address());
            stream.write_all(BEGINNINGS[number % BEGINNINGS.len()]).unwrap();
            stream
        })
        .collect();
    let stalled: Vec<Live> = (0..STALLED)
        .map(|_| {
            let session = Live::start(&hale, &backends);
            pour(session.backend.stream());
            session
        })
        .collect();

    let mut logins = Vec::new();
    for _ in 0..ROUNDS {
        let round = now();
        for stream in &mut slow {
            stream.write_all(b"x").unwrap();
        }
        while round.elapsed() < Duration::from_secs(1) {
            let (time, _) = timed(|| hale.session("crowded", b"secret"));
            backends.next_session();
            logins.push(time);
            for session in &mut live {
                session.exchange();
            }
        }
    }
    let among = Held::by(&hale);
    logins.sort_unstable();
    let p99 = logins[(logins.len() * 99).div_ceil(100) - 1];
    println!("{} logins, p99 {p99:?}; held before {before:?}, now {among:?}", logins.len());
    assert!(p99 < ANSWER_MAX, "99 of 100 logins took up to {p99:?}");
    assert!(silent.iter().chain(&slow).all(is_open), "somebody was sent away");

    drop((silent, slow, stalled));
    let gone = poll(PATIENCE, || Held::by(&hale).is_near(&before).then_some(()));
    let after = Held::by(&hale);
    println!("held after {after:?}");
    assert!(gone.is_some(), "before {before:?}, among {among:?}, after {after:?}");
    for session in &mut live {
        session.exchange();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

/// Nobody ended the connection: its greeting is there, no end behind it.
fn is_open(stream: &TcpStream) -> bool {
    let mut received = [0; 4096];
    stream.set_nonblocking(true).unwrap();
    loop {
        match std::io::Read::read(&mut &*stream, &mut received) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Fills everything on the way to a client that does not read.
fn pour(mut backend: &TcpStream) {
    static PIECE: [u8; 65_536] = [b'.'; 65_536];
    backend.set_nonblocking(true).unwrap();
    // What is on its way makes room for more. Twice full in a row is full for long enough.
    let mut full = 0;
    while full < 2 {
        match backend.write(&PIECE) {
            Ok(_) => full = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => full += 1,
            Err(error) => panic!("a stalled session was ended: {error}"),
        }
    }
}

/// A session, both ends.
pub(crate) struct Live {
    pub(crate) client: Imap,
    pub(crate) backend: Imap,
}

impl Live {
    pub(crate) fn start(hale: &Hale, backends: &ScriptedBackends) -> Self {
        let client = hale.session("crowded", b"secret");
        Self { client, backend: backends.next_session() }
    }

    /// A line each way.
    pub(crate) fn exchange(&mut self) {
        self.client.send(b"n NOOP\r\n");
        let heard = self.backend.line();
        self.backend.expect(heard == b"n NOOP", "the command");
        self.backend.send(b"n OK done\r\n");
        self.client.expect_tagged_ok("n");
    }
}

/// What Hale holds.
#[derive(Debug)]
struct Held {
    resident: u64,
    descriptors: usize,
}

impl Held {
    fn by(hale: &Hale) -> Self {
        let process = hale.process_id();
        Self { resident: resident_bytes(process), descriptors: descriptors(process) }
    }

    fn is_near(&self, before: &Self) -> bool {
        // A pipe or two may stay in the pool.
        self.resident <= before.resident + RESIDENT_BYTES_MAX
            && self.descriptors <= before.descriptors + 8
    }
}
