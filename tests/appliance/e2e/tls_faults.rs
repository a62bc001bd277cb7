//! Backends with TLS that go in the middle of a handshake, or of what they say behind it (BE-01, W-FAIL-1, W-FAIL-4).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::certificate::Pem;
use super::faulty::{Turns, address_of, fault_at};
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, now};

/// The first attempt and three more, a second apart; more time is only for a machine that is busy.
const ATTEMPTS: usize = 4;
const PAUSES: Duration = Duration::from_secs(3);
const RETRIED_MAX: Duration = Duration::from_secs(15);

#[test]
fn be_01_a_backend_that_goes_at_any_byte_of_its_handshake() {
    let pem = Pem::new(&["backend.test"]);
    let mut setup = Setup::new(free_port());
    let names: Vec<&str> = SPEECHES.iter().map(|speech| speech.protocol).collect();
    setup.configure(&format!("protocols = {}", names.join(" ")));
    let mut stages = Vec::new();
    for speech in &SPEECHES {
        let backends = Backends::start(speech.turns, &pem, cuts(speech.turns));
        let port = if speech.protocol == "imap" { setup.port } else { free_port() };
        setup.configure(&speech.configuration(port, backends.port));
        stages.push((speech, backends, SocketAddr::from((FRONT, port))));
    }
    let users = stages.iter().map(|(_, backends, _)| backends.cuts()).max().unwrap();
    for cut in 0..users {
        let place = address_of(cut);
        setup.add_row(&format!("cut-{cut}:{{PLAIN}}secret::::::host={place} ssl=any-cert"));
    }
    let _hale = setup.start();

    let mut waiting: Vec<(&Speech, &Backends, usize, Imap, Instant)> = Vec::new();
    for (speech, backends, address) in &stages {
        for cut in 1..backends.cuts() {
            let mut client = Imap::open(TcpStream::connect(address).unwrap());
            client.call(&format!("{} {:?}", speech.protocol, backends.script.cuts[cut]));
            speech.greeted(&mut client);
            speech.send_login(&mut client, &format!("cut-{cut}"));
            waiting.push((speech, backends, cut, client, now()));
        }
    }
    for (speech, backends, cut, client, since) in &mut waiting {
        speech.expect_unavailable(client);
        let took = since.elapsed();
        client.expect((PAUSES..RETRIED_MAX).contains(&took), &format!("not {took:?}"));
        let attempts = backends.script.connects[*cut].load(Ordering::Relaxed);
        client.expect(attempts == ATTEMPTS, &format!("{ATTEMPTS} attempts, not {attempts}"));
    }
    // Each of these connections is good for another login, and nothing of the failed one is left.
    for (speech, _, _, client, _) in &mut waiting {
        speech.send_login(client, "cut-0");
        speech.expect_logged_in(client);
    }
}

/// Where a backend goes.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Nowhere,
    /// Behind so many bytes of the handshake.
    Handshake(usize),
    /// In the middle of the record with what is said in this turn.
    Turn(usize),
}

/// The first one is none. A flight with a certificate has 700 bytes at least.
fn cuts(turns: Turns) -> Vec<Cut> {
    let handshake = (0..600).step_by(7).map(Cut::Handshake);
    let later = (0..turns.len()).map(Cut::Turn);
    std::iter::once(Cut::Nowhere).chain(handshake).chain(later).collect()
}

/// One port of one protocol, on all addresses: each has a cut of its own.
struct Backends {
    port: u16,
    script: Arc<Script>,
    accepting: Option<JoinHandle<()>>,
}

struct Script {
    turns: Turns,
    cuts: Vec<Cut>,
    connects: Vec<AtomicUsize>,
    config: Arc<ServerConfig>,
    over: AtomicBool,
}

impl Backends {
    fn start(turns: Turns, pem: &Pem, cuts: Vec<Cut>) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(pem.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).unwrap();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
        rustix::net::listen(&listener, 4096).unwrap();
        let script = Arc::new(Script {
            turns,
            connects: cuts.iter().map(|_| AtomicUsize::new(0)).collect(),
            cuts,
            config: Arc::new(config),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&script);
        let accepting = Some(thread::spawn(move || accept(&listener, &shared)));
        Self { port, script, accepting }
    }

    fn cuts(&self) -> usize {
        self.script.cuts.len()
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        self.script.over.store(true, Ordering::Relaxed);
        // The connection that makes the thread look.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, script: &Arc<Script>) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        if script.over.load(Ordering::Relaxed) {
            return;
        }
        let Some(cut) = fault_at(stream.local_addr().unwrap()) else { continue };
        script.connects[cut].fetch_add(1, Ordering::Relaxed);
        let script = Arc::clone(script);
        thread::spawn(move || {
            let mut peer = Peer::of(&script, stream, cut);
            // Nothing when Hale went first, or when we went.
            let _ = peer.serve(&script);
            if cut % 2 == 1 {
                let _ = set_socket_linger(&peer.stream, Some(Duration::ZERO));
            }
        });
    }
}

/// Hale, as a backend sees it. Everything is `None` once one of them has gone.
struct Peer {
    tls: ServerConnection,
    stream: TcpStream,
    cut: Cut,
    said: usize,
    ahead: Vec<u8>,
}

impl Peer {
    fn of(script: &Script, stream: TcpStream, cut: usize) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let tls = ServerConnection::new(Arc::clone(&script.config)).unwrap();
        Self { tls, stream, cut: script.cuts[cut], said: 0, ahead: Vec::new() }
    }

    fn serve(&mut self, script: &Script) -> Option<()> {
        while self.tls.is_handshaking() {
            self.hear()?;
        }
        for (turn, (command, text)) in script.turns.iter().enumerate() {
            while !command.is_empty() && !self.line()?.starts_with(command.as_bytes()) {}
            self.tls.writer().write_all(text.as_bytes()).ok()?;
            let half = matches!(self.cut, Cut::Turn(at) if at == turn);
            self.say(half.then_some(2))?;
        }
        loop {
            let line = self.line()?;
            self.tls.writer().write_all(&line).ok()?;
            self.say(None)?;
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                return Some(self.ahead.drain(..=end).collect());
            }
            self.hear()?;
        }
    }

    fn hear(&mut self) -> Option<()> {
        if self.tls.read_tls(&mut self.stream).ok()? == 0 {
            return None;
        }
        self.tls.process_new_packets().ok()?;
        let mut piece = [0; 4096];
        loop {
            match self.tls.reader().read(&mut piece) {
                Ok(0) => return None,
                Ok(count) => self.ahead.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return None,
            }
        }
        self.say(None)
    }

    /// Sends what TLS has to send, or only a part of it, which is the last.
    fn say(&mut self, part: Option<usize>) -> Option<()> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        let most = match (self.cut, part) {
            (Cut::Handshake(behind), _) => behind.saturating_sub(self.said),
            (_, Some(part)) => bytes.len() / part,
            _ => bytes.len(),
        };
        self.said += bytes.len();
        let last = most < bytes.len() || (bytes.is_empty() && part.is_some());
        self.stream.write_all(&bytes[..most.min(bytes.len())]).ok()?;
        (!last).then_some(())
    }
}
