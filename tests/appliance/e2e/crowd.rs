//! A crowd that never logs in, or never reads: others are served as before, and nothing of it stays (R-CROWD-1, BE-12).

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::certificate::Pem;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::{descriptors, resident_bytes};
use super::ports::{FRONT, free_port};
use super::script::ScriptedBackends;
use super::speech::{POP3, SIEVE, SUBMISSION};
use super::wait::{PATIENCE, now, poll, timed};

const SILENT: usize = 3000;
const SLOW: usize = 2000;
const STALLED: usize = 200;
const LIVE: usize = 20;
/// Rounds of one byte each from every client that is slow, a second apart.
const ROUNDS: usize = 6;

/// What Hale may still hold when they have left.
const RESIDENT_BYTES_MAX: u64 = 8 << 20;
/// Not a measurement, only a line between "works" and "hangs" on a machine with two busy cores.
const ANSWER_MAX: Duration = Duration::from_secs(3);

#[test]
fn rs_03_five_thousand_who_never_log_in_and_two_hundred_who_never_read() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    let doors = Doors::open(&mut setup);
    let hale = setup.start();
    let ways = doors.ways(&hale);
    let mut live: Vec<Live> = (0..LIVE).map(|_| Live::start(&hale, &backends)).collect();
    let before = Held::by(&hale);

    let silent: Vec<TcpStream> = (0..SILENT).map(|_| connect(hale.address())).collect();
    let mut slow: Vec<Slow<'_>> =
        (0..SLOW).map(|number| Slow::begin(&ways[number % ways.len()])).collect();
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
        for slow in &mut slow {
            slow.say_one_byte();
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
    assert!(silent.iter().all(is_open), "a silent client was sent away");
    for slow in slow.iter().filter(|slow| !slow.way.is_handshake()) {
        assert!(is_open(&slow.stream), "a client was sent away: {:?}", slow.way);
    }

    drop((silent, slow, stalled));
    let gone = poll(PATIENCE, || Held::by(&hale).is_near(&before).then_some(()));
    let after = Held::by(&hale);
    println!("held after {after:?}");
    assert!(gone.is_some(), "before {before:?}, among {among:?}, after {after:?}");
    for session in &mut live {
        session.exchange();
    }
}

/// Half a PROXY header from each: all are ended in time, and a client that comes with a whole one is served.
#[test]
fn px_21_thousands_of_half_headers_keep_nobody_out() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    let hale = setup.start();
    let before = Held::by(&hale);
    let halves: [&[u8]; 3] = [b"PROXY TCP4 192.0.2.1", b"\r\n\r\n\0\r\nQU", b"P"];
    let crowd: Vec<TcpStream> = (0..SILENT)
        .map(|number| {
            let mut stream = connect(hale.haproxy_address());
            stream.write_all(halves[number % halves.len()]).unwrap();
            stream
        })
        .collect();
    let (took, mut client) = timed(|| {
        let mut client = Imap::open(connect(hale.haproxy_address()));
        client.send(b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 143\r\n");
        client.greeting();
        client.login("crowded", b"secret");
        client
    });
    assert!(took < ANSWER_MAX, "a login took {took:?}");
    let mut session = backends.next_session();
    let over = poll(PATIENCE, || crowd.iter().all(|stream| !is_open(stream)).then_some(()));
    assert!(over.is_some(), "half a header, and the connection stays");
    session.send(b"* OK still there\r\n");
    assert_eq!(client.line(), b"* OK still there");
    drop((crowd, client, session));
    let gone = poll(PATIENCE, || Held::by(&hale).is_near(&before).then_some(()));
    assert!(gone.is_some(), "before {before:?}, after {:?}", Held::by(&hale));
}

/// Ports of the other protocols.
struct Doors {
    pop3: SocketAddr,
    sieve: SocketAddr,
    submission: SocketAddr,
    lmtp: SocketAddr,
}

impl Doors {
    fn open(setup: &mut Setup) -> Self {
        setup.secure(&Pem::new(&["mail.test"]));
        setup.configure("protocols = imap pop3 sieve submission lmtp");
        let nobody = free_port();
        let [pop3, sieve, submission] = [&POP3, &SIEVE, &SUBMISSION].map(|speech| {
            let port = free_port();
            setup.configure(&speech.configuration(port, nobody));
            (FRONT, port).into()
        });
        let lmtp = free_port();
        setup.configure(&format!(
            "service lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}"
        ));
        Self { pop3, sieve, submission, lmtp: (FRONT, lmtp).into() }
    }

    /// Everything a client may be slow in: a command, a literal, a SASL exchange, an envelope, a TLS hello.
    fn ways(&self, hale: &Hale) -> Vec<Way> {
        let imap = hale.address();
        let words: [(SocketAddr, &[u8]); 10] = [
            (imap, b"a LOGIN "),
            (imap, b"a LOGIN {500+}\r\n"),
            (imap, b"a AUTHENTICATE PLAIN\r\n"),
            (self.pop3, b"USER "),
            (self.pop3, b"AUTH PLAIN\r\n"),
            (self.sieve, b"AUTHENTICATE \"PLAIN\" {500+}\r\n"),
            (self.sieve, b"AUTHENTICATE \"PLAIN\"\r\n"),
            (self.submission, b"EHLO "),
            (self.submission, b"EHLO client.test\r\nAUTH PLAIN\r\n"),
            (self.lmtp, b"LHLO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<"),
        ];
        let by_starttls: [(SocketAddr, &[&str], &str); 4] = [
            (imap, &["t STARTTLS\r\n"], "t OK"),
            (self.pop3, &["STLS\r\n"], "+OK Begin"),
            (self.sieve, &["STARTTLS\r\n"], "OK \"Begin"),
            (self.submission, &["EHLO client.test\r\n", "STARTTLS\r\n"], "220 2.0.0"),
        ];
        let words = words.map(|(address, words)| Way::Words(address, words));
        let by_starttls =
            by_starttls.map(|(address, commands, go)| Way::Starttls(address, commands, go));
        let at_once = [Way::Hello(hale.tls_address())];
        words.into_iter().chain(by_starttls).chain(at_once).collect()
    }
}

/// A way to be slow.
#[derive(Debug)]
enum Way {
    Words(SocketAddr, &'static [u8]),
    Hello(SocketAddr),
    /// The commands up to STARTTLS, and how the go-ahead begins.
    Starttls(SocketAddr, &'static [&'static str], &'static str),
}

impl Way {
    /// A handshake has ten seconds: who is so slow is sent away, and comes back.
    fn is_handshake(&self) -> bool {
        !matches!(self, Self::Words(..))
    }
}

/// One who is slow.
struct Slow<'a> {
    way: &'a Way,
    stream: TcpStream,
    said: usize,
}

impl<'a> Slow<'a> {
    fn begin(way: &'a Way) -> Self {
        let stream = match way {
            Way::Words(address, words) => {
                let mut stream = connect(*address);
                stream.write_all(words).unwrap();
                stream
            }
            Way::Hello(address) => connect(*address),
            Way::Starttls(address, commands, go) => {
                let mut client = Imap::open(connect(*address));
                for command in *commands {
                    client.send(command.as_bytes());
                }
                while !client.line().starts_with(go.as_bytes()) {}
                client.stream().try_clone().unwrap()
            }
        };
        Self { way, stream, said: 0 }
    }

    fn say_one_byte(&mut self) {
        // A record of 512 bytes that begins a ClientHello.
        const HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
        let byte = match self.way {
            Way::Words(..) => b'x',
            _ => HELLO.get(self.said).copied().unwrap_or(0),
        };
        self.said += 1;
        let said = self.stream.write_all(&[byte]);
        if self.way.is_handshake() && (said.is_err() || !is_open(&self.stream)) {
            *self = Self::begin(self.way);
        } else {
            said.unwrap();
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

/// Hale did not end the connection: its greeting is there, no end behind it.
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
