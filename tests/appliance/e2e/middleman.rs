//! Stands between Hale and a server, and has the server's answers come late, twice, as something else, or not at all.
//!
//! So that a real server does wrong what it would never do by itself. Nothing here knows a protocol.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use super::ports::{FRONT, free_port};
use super::wait::{PATIENCE, wait_for};
use super::web_service::Shared;

/// How answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    Well,
    /// When this ends, and no earlier.
    Late,
    /// As bytes that are none of its protocol.
    Nonsense,
    Twice,
}

#[derive(Debug)]
pub(crate) struct Middleman {
    pub(crate) port: u16,
    inside: Arc<Inside>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inside {
    server: SocketAddr,
    carries: AtomicU8,
    is_away: AtomicBool,
    streams: Shared<Vec<TcpStream>>,
}

impl Middleman {
    /// In front of a server on this port.
    pub(crate) fn before(port: u16) -> Self {
        let inside = Inside {
            server: (FRONT, port).into(),
            carries: AtomicU8::new(0),
            is_away: AtomicBool::new(true),
            streams: Shared::default(),
        };
        let mut middleman = Self { port: free_port(), inside: Arc::new(inside), accepting: None };
        middleman.come_back();
        middleman
    }

    pub(crate) fn carry(&self, how: Carries) {
        let number = HOW.iter().position(|known| *known == how).unwrap();
        self.inside.carries.store(u8::try_from(number).unwrap(), Ordering::SeqCst);
    }

    /// Closes all connections, as servers do with those that are idle.
    pub(crate) fn hang_up(&self) {
        for stream in self.inside.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Nothing listens any more.
    pub(crate) fn go_away(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            self.inside.is_away.store(true, Ordering::SeqCst);
            // The connection that makes the thread look.
            let _ = TcpStream::connect((FRONT, self.port));
            accepting.join().unwrap();
        }
        self.hang_up();
    }

    pub(crate) fn come_back(&mut self) {
        self.inside.is_away.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind((FRONT, self.port)).unwrap();
        let inside = Arc::clone(&self.inside);
        self.accepting = Some(thread::spawn(move || accept(&listener, &inside)));
    }
}

impl Drop for Middleman {
    fn drop(&mut self) {
        self.carry(Carries::Well);
        self.go_away();
    }
}

impl Inside {
    fn carries(&self) -> Carries {
        HOW[usize::from(self.carries.load(Ordering::SeqCst))]
    }
}

fn accept(listener: &TcpListener, inside: &Arc<Inside>) {
    for near in listener.incoming() {
        if inside.is_away.load(Ordering::SeqCst) {
            return;
        }
        // A server that is gone: Hale notices by what becomes of its connection.
        let (Ok(near), Ok(far)) = (near, TcpStream::connect(inside.server)) else { continue };
        let [ours, theirs] = [&near, &far].map(|stream| stream.try_clone().unwrap());
        inside
            .streams
            .lock()
            .unwrap()
            .extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
        thread::spawn(move || carry(ours, theirs, <[u8]>::to_vec));
        let inside = Arc::clone(inside);
        thread::spawn(move || carry(far, near, |bytes| answered(&inside, bytes)));
    }
}

/// Until one side ends; the other hears what is made of each piece.
fn carry(mut from: TcpStream, mut to: TcpStream, made: impl Fn(&[u8]) -> Vec<u8>) {
    let mut some = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut some) {
        if to.write_all(&made(&some[..count])).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // The other direction's thread may have done it.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// What comes of a server's bytes.
fn answered(inside: &Inside, bytes: &[u8]) -> Vec<u8> {
    match inside.carries() {
        Carries::Well => bytes.to_vec(),
        Carries::Nonsense => NONSENSE.to_vec(),
        Carries::Twice => bytes.repeat(2),
        Carries::Late => {
            let is_over = || (inside.carries() != Carries::Late).then_some(());
            wait_for("answers may come", 4 * PATIENCE, is_over);
            bytes.to_vec()
        }
    }
}

const HOW: [Carries; 4] = [Carries::Well, Carries::Late, Carries::Nonsense, Carries::Twice];
const NONSENSE: &[u8] = b"\0\xFF 37 is no answer of any protocol\r\n";
