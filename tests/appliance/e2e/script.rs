//! A backend that follows a script. Dovecot does what is right; this one does what the test wants, on purpose.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use super::imap::Imap;
use super::ports::{BACKENDS, free_port};
use super::wait::PATIENCE;

/// Two listeners, one for each backend address, that log every user in and hand the connection over.
#[derive(Debug)]
pub(crate) struct ScriptedBackends {
    pub(crate) port: u16,
    sessions: Receiver<Imap>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
}

impl ScriptedBackends {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let (sender, sessions) = channel();
        let listeners = BACKENDS.map(|address| {
            let listener = TcpListener::bind((address, port)).unwrap();
            let sender = sender.clone();
            let serve = move || {
                for stream in listener.incoming() {
                    let Some(session) = log_in(stream.unwrap()) else {
                        continue;
                    };
                    if sender.send(session).is_err() {
                        return;
                    }
                }
            };
            ((address, port).into(), thread::spawn(serve))
        });
        Self { port, sessions, listeners: listeners.into() }
    }

    /// The backend's end of the next session that logged in.
    pub(crate) fn next_session(&self) -> Imap {
        self.sessions.recv_timeout(PATIENCE).expect("no session arrives at the backend")
    }
}

impl Drop for ScriptedBackends {
    fn drop(&mut self) {
        // The test receives no more, so a last login makes each listener leave its loop.
        let (_, closed) = channel();
        self.sessions = closed;
        for (address, thread) in self.listeners.drain(..) {
            if let Some(mut last) = Imap::try_connect(address) {
                last.try_login("the", b"end");
            }
            let _ = thread.join();
        }
    }
}

/// Greets and accepts any login; nothing when the client leaves before (a health probe may).
fn log_in(stream: TcpStream) -> Option<Imap> {
    let mut session = Imap::open(stream);
    session.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID] scripted\r\n");
    loop {
        let line = session.try_line()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split(' ');
        let (tag, command) = (words.next()?, words.next()?.to_ascii_uppercase());
        let login = matches!(command.as_str(), "LOGIN" | "AUTHENTICATE");
        if command == "LOGOUT" {
            session.stream().shutdown(Shutdown::Both).ok()?;
            return None;
        }
        session.send(format!("{tag} OK [CAPABILITY IMAP4rev1] done\r\n").as_bytes());
        if login {
            return Some(session);
        }
    }
}
