//! A node that misbehaves: in front of a real one, which answers all but what is asked with EXECUTE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};

/// What becomes of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As the real node says.
    Well,
    /// No answer.
    Mute,
    /// The real answer, after this.
    Late(Duration),
    /// An error with this code, and what its kind has behind the text.
    Error(i32, Vec<u8>),
    /// Half an answer, and then the end.
    HalfAFrame,
    /// Rows of one number instead of those asked for.
    WrongRows,
    /// Bytes that are no frame.
    Garbage,
}

/// The node; it ends with the test's runtime.
pub(super) struct Misbehaving {
    manner: watch::Sender<Manner>,
    asked: Arc<AtomicU32>,
}

impl Misbehaving {
    /// Listens at an address, in front of another.
    pub(super) async fn listen(address: &str, real: &str, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let node = Self { manner: watch::Sender::new(Manner::Well), asked: Arc::default() };
        let (manner, asked) = (node.manner.subscribe(), Arc::clone(&node.asked));
        // The driver goes where the node says that it is.
        let names = [real, address].map(|name| {
            let address: std::net::Ipv4Addr = name.split(':').next().unwrap().parse().unwrap();
            [&4_u32.to_be_bytes()[..], &address.octets()].concat()
        });
        let real = format!("{real}:{port}");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&real).await else { continue };
                tokio::spawn(serve(
                    client,
                    server,
                    names.clone(),
                    manner.clone(),
                    Arc::clone(&asked),
                ));
            }
        });
        node
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// How often EXECUTE came so far.
    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

const EXECUTE: u8 = 0x0A;

struct Frame {
    head: [u8; 9],
    body: Vec<u8>,
}

async fn read(from: &mut OwnedReadHalf) -> Option<Frame> {
    let mut head = [0; 9];
    from.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let mut body = vec![0; usize::try_from(length).ok()?];
    from.read_exact(&mut body).await.ok()?;
    Some(Frame { head, body })
}

async fn serve(
    client: TcpStream,
    server: TcpStream,
    [theirs, ours]: [Vec<u8>; 2],
    manner: watch::Receiver<Manner>,
    asked: Arc<AtomicU32>,
) {
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let to_client = Arc::new(Mutex::new(to_client));
    let (answers, own) = (Arc::clone(&to_client), manner.clone());
    let back = tokio::spawn(async move {
        while let Some(mut frame) = read(&mut from_server).await {
            while let Some(at) = frame.body.windows(8).position(|bytes| bytes == theirs) {
                frame.body[at..at + 8].copy_from_slice(&ours);
            }
            let late = match &*own.borrow() {
                Manner::Late(late) => *late,
                _ => Duration::ZERO,
            };
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                let _ = answers.lock().await.write_all(&bytes(&frame.head, &frame.body)).await;
            });
        }
    });
    while let Some(frame) = read(&mut from_client).await {
        let mut now = manner.borrow().clone();
        if frame.head[4] == EXECUTE {
            asked.fetch_add(1, Ordering::Relaxed);
        } else if !matches!(now, Manner::Mute) {
            now = Manner::Well;
        }
        let made_up = match now {
            Manner::Well | Manner::Late(_) => {
                if to_server.write_all(&bytes(&frame.head, &frame.body)).await.is_err() {
                    break;
                }
                continue;
            }
            Manner::Mute => continue,
            Manner::Error(code, behind) => answer(&frame, 0x00, &error(code, &behind)),
            Manner::HalfAFrame => {
                let whole = answer(&frame, 0x00, &error(0x1000, &[0; 10]));
                send(&to_client, &whole[..whole.len() / 2]).await;
                break;
            }
            Manner::WrongRows => answer(&frame, 0x08, &one_number()),
            Manner::Garbage => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        };
        send(&to_client, &made_up).await;
    }
    back.abort();
    let _ = to_client.lock().await.shutdown().await;
}

async fn send(to: &Mutex<OwnedWriteHalf>, bytes: &[u8]) {
    let _ = to.lock().await.write_all(bytes).await;
}

fn bytes(head: &[u8; 9], body: &[u8]) -> Vec<u8> {
    [&head[..], body].concat()
}

/// To a request's stream.
fn answer(to: &Frame, opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let [_, _, high, low, ..] = to.head;
    let head = [0x84, 0, high, low, opcode, length[0], length[1], length[2], length[3]];
    bytes(&head, body)
}

fn error(code: i32, behind: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], &short("made up\nby a test"), behind].concat()
}

/// A text with its length.
pub(super) fn short(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// A result of one row with one column `n int`.
fn one_number() -> Vec<u8> {
    let kind_and_flags = [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1];
    let column = [short("k"), short("t"), short("n"), vec![0, 9]].concat();
    [&kind_and_flags[..], &column, &[0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7]].concat()
}
