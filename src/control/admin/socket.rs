//! The socket: who may ask, how many at once, how much, and for how long.
//!
//! Whatever is wrong with a request is answered here, and no data core hears of it.

use std::cell::Cell;
use std::os::unix::net::UnixListener as StdListener;
use std::rc::Rc;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::ReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::answer::{Answer, Gone};
use super::requests::{Admin, Asker};
use super::verbs::Request;
use crate::control::cluster::CommandError;
use crate::limits;

/// An open socket.
#[derive(Debug)]
pub struct AdminSocket {
    /// It listens already, and does not block.
    pub listener: StdListener,
    /// Besides root, only this user may ask: the one that Hale runs as.
    pub owner: u32,
}

/// Serves clients until the task is ended.
pub(in crate::control) async fn serve(socket: AdminSocket, admin: Rc<Admin>) {
    let AdminSocket { listener, owner } = socket;
    let Ok(listener) = UnixListener::from_std(listener) else {
        return admin.note("admin: the socket can't be watched; commands are not answered".into());
    };
    let busy = Rc::new(Cell::new(0));
    // Its end ends all clients.
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let place = Place::take(&busy);
                    let admin = Rc::clone(&admin);
                    clients.spawn_local(async move {
                        // A client that is gone troubles no other.
                        let _ = receive(stream, owner, place, &admin).await;
                    });
                }
                // Descriptors are missing: the data cores complain of that, and it passes.
                Err(_) => tokio::time::sleep(limits::ADMIN_STARVED_PAUSE).await,
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

/// One of the places for clients, free again when it is dropped.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(busy: &Rc<Cell<usize>>) -> Option<Self> {
        let taken = busy.get();
        if taken >= limits::ADMIN_CLIENTS_MAX {
            return None;
        }
        busy.set(taken + 1);
        Some(Self(Rc::clone(busy)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn receive(
    mut stream: UnixStream,
    owner: u32,
    place: Option<Place>,
    admin: &Admin,
) -> Result<(), Gone> {
    let user_id = stream.peer_cred().map(|peer| peer.uid());
    let (mut reader, writer) = stream.split();
    let mut answer = Answer::new(writer);
    let user_id = match user_id {
        Ok(user_id) if user_id == owner || user_id == 0 => user_id,
        Ok(user_id) => {
            admin.note(format!("admin: uid={user_id} was refused"));
            let text = format!(
                "uid {user_id} may not ask this Hale: ask as root, or as its own user (uid {owner})"
            );
            answer.end(EX_NOPERM, Some(&text)).await?;
            if place.is_some() {
                throw_away(&mut reader, &mut answer).await;
            }
            return Ok(());
        }
        Err(_) => return Err(Gone),
    };
    let Some(_place) = place else {
        let text = format!(
            "{} clients are being answered, which is the most; try again",
            limits::ADMIN_CLIENTS_MAX
        );
        return answer.refuse(&CommandError::TempFail(text)).await;
    };
    let mut lines = Lines::default();
    loop {
        match lines.next(&mut reader).await {
            Ok(Some(line)) => match Request::of_line(&line) {
                Ok(request) => admin.carry_out(request, Asker::User(user_id), &mut answer).await?,
                Err(error) => answer.refuse(&error).await?,
            },
            Ok(None) => return Ok(()),
            // Where its next request would begin is unknown.
            Err(error) => {
                answer.refuse(&error).await?;
                throw_away(&mut reader, &mut answer).await;
                return Ok(());
            }
        }
    }
}

/// What a refused client still sends is taken for a moment, so that it reads the answer and not a broken pipe.
async fn throw_away(reader: &mut ReadHalf<'_>, answer: &mut Answer<'_>) {
    answer.finish().await;
    let mut thrown_away = [0; 4096];
    let reading = async { while let Ok(1..) = reader.read(&mut thrown_away).await {} };
    // Whether it ends or not, the answer is there.
    let _ = timeout(limits::ADMIN_LINGER, reading).await;
}

/// Requests as they arrive.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    /// The next line, without its end; none: the client has no more.
    async fn next(&mut self, reader: &mut ReadHalf<'_>) -> Result<Option<Vec<u8>>, CommandError> {
        let mut looked_at = 0;
        loop {
            let rest = self.bytes.get(looked_at..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                let rest = self.bytes.split_off(looked_at + end + 1);
                let mut line = std::mem::replace(&mut self.bytes, rest);
                line.pop();
                return Ok(Some(line));
            }
            looked_at = self.bytes.len();
            if looked_at > limits::ADMIN_LINE_BYTES_MAX {
                return Err(CommandError::Usage(format!(
                    "a request has at most {} bytes; give fewer users at once",
                    limits::ADMIN_LINE_BYTES_MAX
                )));
            }
            let read = timeout(limits::ADMIN_IDLE_TIMEOUT, reader.read_buf(&mut self.bytes)).await;
            match read {
                Ok(Ok(0) | Err(_)) if self.bytes.is_empty() => return Ok(None),
                Ok(Ok(0) | Err(_)) => {
                    return Err(CommandError::Usage("a request ends with a line end".to_owned()));
                }
                Ok(Ok(_)) => {}
                Err(_) => {
                    return Err(CommandError::TempFail(format!(
                        "no request came within {} s",
                        limits::ADMIN_IDLE_TIMEOUT.as_secs()
                    )));
                }
            }
        }
    }
}

const EX_NOPERM: u8 = 77;
