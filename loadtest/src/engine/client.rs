//! One client of the swarm: connects, logs in, then lives by the plan of its group.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::event::epoll::EventFlags;

use super::backend::HANG_UP;
use super::group::{Failure, Group, LoginCommand, Plan};
use super::payload::Transfer;
use super::{Exchange, Step};
use crate::sockets::{self, Received};

/// One client connection.
#[derive(Debug)]
pub(crate) struct ClientSession {
    socket: OwnedFd,
    /// Which group's plan it follows.
    group: usize,
    /// Which user of the group it is.
    number: u64,
    stage: Stage,
    /// The start of a line whose end has not come.
    residue: Vec<u8>,
    /// When the connection was started.
    opened: Instant,
    /// When the command that runs now was sent.
    asked: Instant,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Greeting,
    Login,
    /// Logged in, waits for its turn of a paced load.
    Idle,
    /// Waits for the tagged line of its command.
    Reply,
    Downloading {
        remaining: u64,
    },
    Uploading {
        remaining: u64,
    },
    /// Logged in and silent for good.
    Parked,
    /// Asked for a download and reads nothing.
    Stalled,
    LoggingOut,
}

impl ClientSession {
    pub(super) fn new(socket: OwnedFd, group: usize, number: u64, now: Instant) -> Self {
        Self {
            socket,
            group,
            number,
            stage: Stage::Connecting,
            residue: Vec::new(),
            opened: now,
            asked: now,
        }
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(super) fn group(&self) -> usize {
        self.group
    }

    /// Whether it has not finished its login.
    pub(super) fn is_before_login(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Greeting | Stage::Login)
    }

    /// Whether the peer may close without that being a failure.
    pub(super) fn is_leaving(&self) -> bool {
        self.stage == Stage::LoggingOut
    }

    /// Goes on after an event, or after a turn that ended early.
    pub(super) fn advance(
        &mut self,
        events: EventFlags,
        group: &mut Group,
        exchange: &mut Exchange,
    ) -> Step {
        loop {
            let (transfer, downloading) = match &mut self.stage {
                Stage::Connecting => match self.connected(group) {
                    Some(()) => continue,
                    None => return Step::Close,
                },
                Stage::Downloading { remaining } => {
                    let before = *remaining;
                    let transfer = exchange.payload.sink(&self.socket, remaining);
                    group.stats.bytes += before - *remaining;
                    (transfer, true)
                }
                Stage::Uploading { remaining } => {
                    let before = *remaining;
                    let transfer = exchange.payload.source(&self.socket, remaining);
                    group.stats.bytes += before - *remaining;
                    (transfer, false)
                }
                Stage::Stalled => return Step::Wait,
                _ => match self.read_lines(events, group, exchange) {
                    Reading::Done => return Step::Wait,
                    Reading::Idle => return Step::Idle,
                    Reading::Closed => return Step::Close,
                    Reading::Bulk => continue,
                },
            };
            match transfer {
                Transfer::Done => self.stage = Stage::Reply,
                Transfer::Blocked => return Step::Wait,
                Transfer::More => return Step::Again,
                Transfer::Broken => return Step::Close,
            }
            // An upload that is done has nothing to read before the backend's answer raises an edge.
            if !downloading {
                return Step::Wait;
            }
        }
    }

    /// Sends the next command of a paced load.
    pub(super) fn ask(&mut self, group: &Group, now: Instant) -> Option<()> {
        self.send(PING)?;
        self.stage = Stage::Reply;
        // A paced load counts from when the command was due, or a slow proxy would hide its own queue.
        self.asked = group.due().unwrap_or(now);
        Some(())
    }

    fn connected(&mut self, group: &Group) -> Option<()> {
        if !sockets::is_connected(&self.socket) {
            return None;
        }
        if group.credentials.proxy_header {
            let header = proxy_header_v2(&self.socket)?;
            self.send(&header)?;
        }
        self.stage = Stage::Greeting;
        Some(())
    }

    fn read_lines(
        &mut self,
        events: EventFlags,
        group: &mut Group,
        exchange: &mut Exchange,
    ) -> Reading {
        let was_idle = self.stage == Stage::Idle;
        loop {
            let size = match sockets::receive(&self.socket, &mut exchange.scratch) {
                Received::Bytes(size) => size,
                Received::Empty => return Reading::Done,
                Received::Closed => return Reading::Closed,
            };
            let outcome = if self.residue.is_empty() {
                self.take_lines(&exchange.scratch[..size], group)
            } else {
                self.residue.extend_from_slice(&exchange.scratch[..size]);
                let bytes = std::mem::take(&mut self.residue);
                self.take_lines(&bytes, group)
            };
            match outcome {
                Ok(()) => {}
                Err(failure) => {
                    group.stats.fail(failure);
                    return Reading::Closed;
                }
            }
            match self.stage {
                Stage::Downloading { .. } | Stage::Uploading { .. } => return Reading::Bulk,
                Stage::Stalled => return Reading::Done,
                Stage::Idle if !was_idle => return Reading::Idle,
                _ => {}
            }
            let more_certain = size == exchange.scratch.len();
            if !more_certain && !events.intersects(HANG_UP) {
                return Reading::Done;
            }
        }
    }

    /// Takes the whole lines of `bytes` and keeps the rest.
    fn take_lines(&mut self, bytes: &[u8], group: &mut Group) -> Result<(), Failure> {
        let mut from = 0;
        while let Some(length) = bytes[from..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[from..=from + length];
            from += length + 1;
            self.take_line(line, group)?;
            if let Stage::Downloading { remaining } = &mut self.stage {
                // The first bytes of a download came together with an earlier line; none exist today, the command
                // is sent after the line before it. Kept exact in case a plan pipelines.
                let here =
                    (bytes.len() - from).min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= here as u64;
                from += here;
            }
        }
        if bytes.len() - from > LINE_BYTES_MAX {
            return Err(Failure::Protocol("an endless line".to_owned()));
        }
        self.residue.extend_from_slice(&bytes[from..]);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], group: &mut Group) -> Result<(), Failure> {
        match self.stage {
            Stage::Greeting if line.starts_with(b"* OK") => {
                group.stats.greetings += 1;
                let login = group.credentials.login(self.number);
                self.stage = Stage::Login;
                self.deliver(&login)
            }
            Stage::Greeting => Err(Failure::refused(line)),
            Stage::Login if line.starts_with(b"L OK") => self.logged_in(group),
            Stage::Login if line.starts_with(b"* BYE") || line.starts_with(b"L ") => {
                Err(Failure::refused(line))
            }
            Stage::Reply if line.starts_with(b"p OK") => self.answered(group),
            Stage::Reply if line.starts_with(b"p ") => Err(Failure::refused(line)),
            Stage::Reply | Stage::Idle | Stage::Parked if line.starts_with(b"* BYE") => {
                Err(Failure::refused(line))
            }
            _ => Ok(()),
        }
    }

    fn logged_in(&mut self, group: &mut Group) -> Result<(), Failure> {
        self.asked = Instant::now();
        group.logged_in(self.asked - self.opened);
        self.next_command(group)
    }

    fn answered(&mut self, group: &mut Group) -> Result<(), Failure> {
        let now = Instant::now();
        group.stats.replies += 1;
        group.stats.latency.record(now - self.asked);
        self.asked = now;
        match group.plan {
            Plan::Ping | Plan::Download { .. } | Plan::Upload { .. } => self.next_command(group),
            Plan::Park => {
                self.stage = Stage::Parked;
                group.parked += 1;
                Ok(())
            }
            Plan::WholeSession => {
                self.stage = Stage::LoggingOut;
                self.deliver(b"p LOGOUT\r\n")
            }
            Plan::Stall { .. } => Err(Failure::Protocol("a stalled download ended".to_owned())),
        }
    }

    fn next_command(&mut self, group: &mut Group) -> Result<(), Failure> {
        match group.plan {
            Plan::Ping if group.is_paced() => {
                self.stage = Stage::Idle;
                return Ok(());
            }
            Plan::Ping | Plan::Park | Plan::WholeSession => {
                self.stage = Stage::Reply;
                self.deliver(PING)?;
            }
            Plan::Download { bytes } => {
                self.stage = Stage::Downloading { remaining: bytes };
                self.deliver(format!("p XDOWN {bytes}\r\n").as_bytes())?;
            }
            Plan::Upload { bytes } => {
                self.stage = Stage::Uploading { remaining: bytes };
                self.deliver(format!("p XUP {bytes}\r\n").as_bytes())?;
            }
            Plan::Stall { bytes } => {
                self.stage = Stage::Stalled;
                group.parked += 1;
                self.deliver(format!("p XDOWN {bytes}\r\n").as_bytes())?;
            }
        }
        Ok(())
    }

    fn deliver(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.send(bytes).ok_or_else(|| Failure::Protocol("a command could not be sent".to_owned()))
    }

    /// Commands are far smaller than any send buffer, so a short send means a broken peer.
    fn send(&self, bytes: &[u8]) -> Option<()> {
        sockets::send(&self.socket, bytes).filter(|size| *size == bytes.len()).map(|_| ())
    }
}

enum Reading {
    Done,
    Idle,
    Closed,
    Bulk,
}

impl LoginCommand {
    /// The login line of one user.
    pub(super) fn line(self, user: &str, password: &str) -> Vec<u8> {
        match self {
            Self::Login => format!("L LOGIN \"{user}\" \"{password}\"\r\n").into_bytes(),
            Self::Plain => {
                let response = base64(format!("\0{user}\0{password}").as_bytes());
                format!("L AUTHENTICATE PLAIN {response}\r\n").into_bytes()
            }
        }
    }
}

/// Version 2 of the PROXY protocol, TCP over IPv4, from the socket's own addresses.
fn proxy_header_v2(socket: &OwnedFd) -> Option<Vec<u8>> {
    let source = sockets::local_address(socket).ok()?;
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&source.ip().octets());
    header.extend_from_slice(&[127, 0, 0, 1]);
    header.extend_from_slice(&source.port().to_be_bytes());
    header.extend_from_slice(&143_u16.to_be_bytes());
    Some(header)
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for index in 0..4 {
            let sextet = (bits >> (18 - 6 * index)) & 63;
            let letter = if index > chunk.len() { b'=' } else { BASE64[sextet as usize] };
            text.push(char::from(letter));
        }
    }
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// 64 bytes; the backend answers with as many.
const PING: &[u8; 64] = b"p NOOP ppppppppppppppppppppppppppppppppppppppppppppppppppppppp\r\n";
const LINE_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"\0a\0b"), "AGEAYg==");
        assert_eq!(base64(b"abc"), "YWJj");
        assert_eq!(base64(b"ab"), "YWI=");
    }
}
