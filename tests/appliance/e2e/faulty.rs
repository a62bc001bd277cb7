//! Backends with every fault there is, all behind one port: the address that Hale connects to chooses the fault.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_queue::SegQueue;
use rustix::net::sockopt::set_socket_linger;

use super::kernel::wait_until_taken;
use super::ports::{FRONT, free_port};
use super::wait::{PATIENCE, wait_for};

/// A backend's part: what it says behind the command that begins so. The first is its greeting.
pub(crate) type Turns = &'static [(&'static str, &'static str)];

/// What a backend does wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing: it logs every user in and says back what it hears.
    None,
    /// Goes behind so many bytes of what it had to say.
    Cut { behind: usize, ending: Ending },
    /// The same, but only to the first who comes.
    CutOnce { behind: usize, ending: Ending },
    /// Nothing listens.
    Refuses,
    /// A backend listens that has no place for one more: the kernel answers nothing.
    Drops,
    /// Says something else than is its turn to say, and then nothing.
    Says { turn: usize, text: &'static [u8] },
    /// Says the same again and again.
    Endless { turn: usize, text: &'static [u8] },
    /// Does not ask what the other side made of a first piece, but lets it be read before the second comes, and keeps
    /// all that it hears afterwards.
    SaysInTwo { turn: usize, first: &'static [u8], second: &'static [u8] },
    /// Says what is its turn to say, one byte a second, and never comes to an end.
    Slow { turn: usize },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Close,
    Reset,
}

/// One port of one protocol.
#[derive(Debug)]
pub(crate) struct FaultyBackends {
    pub(crate) port: u16,
    script: Arc<Script>,
    /// Who came to a backend without a fault.
    came: Receiver<(usize, TcpStream)>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Script {
    turns: Turns,
    faults: Vec<Fault>,
    /// Connections so far, for each fault.
    connects: Vec<AtomicUsize>,
    /// Connections that stand.
    live: AtomicUsize,
    /// Backends that spoke without end and were listened to.
    exhausted: AtomicUsize,
    over: AtomicBool,
    /// See [`Fault::SaysInTwo`].
    heard: SegQueue<(usize, Vec<u8>)>,
}

/// Where the backend with this fault is.
pub(crate) fn address_of(fault: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(fault).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 80, high, low)
}

impl FaultyBackends {
    pub(crate) fn start(turns: Turns, faults: Vec<Fault>) -> Self {
        let port = free_port();
        // On all addresses: each fault has its own, and the kernel says which one was meant.
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
        // Thousands come at once; a connect that the queue has no room for would come again a second later.
        rustix::net::listen(&listener, 4096).unwrap();
        let script = Arc::new(Script {
            turns,
            connects: faults.iter().map(|_| AtomicUsize::new(0)).collect(),
            faults,
            live: AtomicUsize::new(0),
            exhausted: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            heard: SegQueue::new(),
        });
        let shared = Arc::clone(&script);
        let (sender, came) = channel();
        let accepting = Some(thread::spawn(move || accept(&listener, &shared, &sender)));
        Self { port, script, came, accepting }
    }

    pub(crate) fn connects(&self, fault: usize) -> usize {
        self.script.connects[fault].load(Ordering::Relaxed)
    }

    /// What the next backend heard behind [`Fault::SaysInTwo`], and its fault.
    pub(crate) fn heard(&self) -> (usize, Vec<u8>) {
        wait_for("what a backend heard", PATIENCE, || self.script.heard.pop())
    }

    pub(crate) fn live(&self) -> usize {
        self.script.live.load(Ordering::Relaxed)
    }

    /// Ends all connections to a backend without a fault at once, as a process that is killed does.
    pub(crate) fn go(&self, fault: usize) {
        for (_, stream) in self.came.try_iter().filter(|(of, _)| *of == fault) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many could say more than a proxy should have read.
    pub(crate) fn exhausted(&self) -> usize {
        self.script.exhausted.load(Ordering::Relaxed)
    }
}

impl Drop for FaultyBackends {
    fn drop(&mut self) {
        self.script.over.store(true, Ordering::Relaxed);
        // The connection that makes the thread look.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, script: &Arc<Script>, came: &Sender<(usize, TcpStream)>) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        if script.over.load(Ordering::Relaxed) {
            return;
        }
        let Some(fault) = fault_at(stream.local_addr().unwrap()) else { continue };
        let Some(connects) = script.connects.get(fault) else { continue };
        let earlier = connects.fetch_add(1, Ordering::Relaxed);
        // The others must be able to close theirs.
        if matches!(script.faults[fault], Fault::None) {
            let _ = came.send((fault, stream.try_clone().unwrap()));
        }
        let fault = match script.faults[fault] {
            Fault::CutOnce { behind, ending } if earlier == 0 => Fault::Cut { behind, ending },
            Fault::CutOnce { .. } => Fault::None,
            fault => fault,
        };
        script.live.fetch_add(1, Ordering::Relaxed);
        let script = Arc::clone(script);
        thread::spawn(move || {
            // Nothing when the other side went first.
            let _ = serve(&script, Peer::of(stream), fault);
            script.live.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// The reverse of [`address_of`].
pub(crate) fn fault_at(local: SocketAddr) -> Option<usize> {
    match local.ip() {
        IpAddr::V4(address) => match address.octets() {
            [127, 80, high, low] => Some(usize::from(u16::from_be_bytes([high, low]))),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}

fn serve(script: &Script, mut peer: Peer, fault: Fault) -> Option<()> {
    let mut said = 0;
    for (turn, (command, text)) in script.turns.iter().enumerate() {
        while !command.is_empty() && !peer.line()?.starts_with(command.as_bytes()) {}
        match fault {
            Fault::Cut { behind, ending } if said + text.len() > behind => {
                peer.say(&text.as_bytes()[..behind - said])?;
                return peer.end(ending);
            }
            Fault::Says { turn: at, text } if at == turn => {
                peer.say(text)?;
                return peer.await_end();
            }
            Fault::Endless { turn: at, text } if at == turn => {
                let piece = text.repeat(65_536 / text.len());
                for _ in 0..ENDLESS_BYTES_MAX / piece.len() {
                    peer.say(&piece)?;
                }
                script.exhausted.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Fault::SaysInTwo { turn: at, first, second } if at == turn => {
                peer.say(first)?;
                wait_until_taken(&peer.stream);
                // It may have gone already.
                let _ = peer.say(second);
                let number = fault_at(peer.stream.local_addr().ok()?)?;
                let heard = peer.rest();
                script.heard.push((number, heard));
                return None;
            }
            Fault::Slow { turn: at } if at == turn => return peer.say_slowly(text.trim_end()),
            _ => peer.say(text.as_bytes())?,
        }
        said += text.len();
    }
    loop {
        let line = peer.line()?;
        peer.say(&line)?;
    }
}

/// More than all buffers on the way to Hale hold.
const ENDLESS_BYTES_MAX: usize = 64 << 20;

/// Hale, as a backend sees it. Everything is `None` once it has gone.
struct Peer {
    stream: TcpStream,
    ahead: Vec<u8>,
}

impl Peer {
    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                return Some(self.ahead.drain(..=end).collect());
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece).ok()? {
                0 => return None,
                count => self.ahead.extend_from_slice(&piece[..count]),
            }
        }
    }

    fn say(&mut self, text: &[u8]) -> Option<()> {
        self.stream.write_all(text).ok()
    }

    /// The pause between two bytes is a read, which ends early when Hale goes.
    fn say_slowly(&mut self, text: &str) -> Option<()> {
        self.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        for byte in text.bytes().chain(std::iter::repeat(b'.')) {
            self.say(&[byte])?;
            match self.stream.read(&mut [0; 4096]) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn end(mut self, ending: Ending) -> Option<()> {
        match ending {
            // What was not read would turn the close into a reset.
            Ending::Close => {
                self.stream.shutdown(Shutdown::Write).ok()?;
                self.await_end()
            }
            Ending::Reset => {
                set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
                None
            }
        }
    }

    /// All that is still said, until the end.
    fn rest(mut self) -> Vec<u8> {
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut self.ahead);
        self.ahead
    }

    fn await_end(&mut self) -> Option<()> {
        while self.stream.read(&mut [0; 4096]).ok()? > 0 {}
        None
    }
}

/// A listener whose queue is full and stays so: connects to it are neither accepted nor refused.
#[derive(Debug)]
pub(crate) struct FullListener {
    pub(crate) port: u16,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl FullListener {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((FRONT, free_port())).unwrap();
        let address = listener.local_addr().unwrap();
        // The kernel counts from zero: a queue of none holds one.
        rustix::net::listen(&listener, 0).unwrap();
        let queued = vec![TcpStream::connect(address).unwrap()];
        Self { port: address.port(), _listener: listener, _queued: queued }
    }
}
