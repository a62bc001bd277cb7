//! A service on the web that does what the test wants: answers by a function, says nothing, or is gone.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use super::hale::Hale;
use super::imap::Imap;
use super::ports::free_port;
use question::read_question;

#[path = "../../../src/control/http_client/tests/question.rs"]
mod question;

/// A question, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and target.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

/// A service.
#[derive(Debug)]
pub(crate) struct WebService {
    pub(crate) port: u16,
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    manner: AtomicU8,
    asked: Shared<Vec<Asked>>,
}

/// What a thread of the test's own and the test both see.
#[expect(clippy::disallowed_types, reason = "a thread of the test's own tells what it was asked")]
pub(crate) type Shared<T> = std::sync::Mutex<T>;

/// How it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Well,
    /// It reads, and answers nothing.
    Silent,
    /// It closes every connection.
    Gone,
    /// It answers what is no answer of its kind.
    Nonsense,
}

const MANNERS: [Manner; 4] = [Manner::Well, Manner::Silent, Manner::Gone, Manner::Nonsense];

impl Asked {
    /// A field of the head; its name in small letters.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

impl WebService {
    /// Answers each question with the status, fields and body that `answer` makes of it.
    pub(crate) fn start(
        answer: impl Fn(&Asked) -> (u16, String, String) + Send + Sync + 'static,
    ) -> Self {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let inside = Arc::new(Inside { manner: AtomicU8::new(0), asked: Shared::default() });
        let (of_thread, answer) = (Arc::clone(&inside), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (inside, answer) = (Arc::clone(&of_thread), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &inside, &*answer));
            }
        });
        Self { port, inside }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
    }

    pub(crate) fn behave(&self, manner: Manner) {
        let number = MANNERS.iter().position(|known| *known == manner).unwrap();
        self.inside.manner.store(u8::try_from(number).unwrap(), Ordering::SeqCst);
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inside.asked.lock().unwrap().clone()
    }
}

impl Inside {
    fn manner(&self) -> Manner {
        MANNERS[usize::from(self.manner.load(Ordering::SeqCst))]
    }
}

fn serve(mut stream: TcpStream, inside: &Inside, answer: &dyn Fn(&Asked) -> (u16, String, String)) {
    while let Some(asked) = read(&mut stream) {
        inside.asked.lock().unwrap().push(asked.clone());
        let bytes = match inside.manner() {
            Manner::Well => {
                let (status, fields, body) = answer(&asked);
                format!(
                    "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n{fields}\r\n{body}",
                    body.len()
                )
            }
            Manner::Nonsense => "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned(),
            Manner::Gone => return,
            Manner::Silent => {
                // Until the other side gives up.
                let _ = stream.read(&mut [0]);
                return;
            }
        };
        if stream.write_all(bytes.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let text = read_question(stream)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, head) = head.split_once("\r\n").unwrap();
    Some(Asked { line: line.to_owned(), head: head.replace("\r\n", "\n"), body: body.to_owned() })
}

/// A field of a head, whose name is written in any case.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The tagged answer to a login.
pub(crate) fn answer(hale: &Hale, user: &str, password: &str) -> String {
    let mut client = Imap::connect(hale.address());
    client.send(format!("a LOGIN {user} \"{password}\"\r\n").as_bytes());
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        if line.starts_with("a ") {
            return line;
        }
    }
}
