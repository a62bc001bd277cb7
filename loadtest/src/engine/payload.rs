//! The bytes of bulk transfers: one memory file, sent with `sendfile(2)` and thrown away with `MSG_TRUNC`.
//!
//! Pages reach the socket as fragments and only the proxy under test may copy them, which is what a network
//! card looks like to a relay.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::io::{Errno, write};

use crate::sockets::{self, Received};

/// Source and sink of bulk bytes.
#[derive(Debug)]
pub(crate) struct Payload {
    file: OwnedFd,
    /// What the file repeats, for those who must read it before they send it.
    block: Vec<u8>,
    cursor: u64,
    sink: Box<[u8]>,
}

/// Bytes that are still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) remaining: u64,
    /// Where in the file a message goes on; a stream takes what comes next.
    offset: Option<u64>,
}

/// Where a bulk transfer stands after one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// All bytes moved.
    Done,
    /// The socket cannot take or give more now; an event will tell.
    Blocked,
    /// The turn is used up; continue without waiting for an event.
    More,
    /// The peer is gone.
    Broken,
}

impl Transfer {
    /// Whether the connection lives.
    pub(super) fn is_going(self) -> bool {
        self != Self::Broken
    }
}

impl Payload {
    /// Creates the memory file and fills it: a hole would be served from the zero page.
    pub(crate) fn new() -> Result<Self> {
        let file = memfd_create("hale-load", MemfdFlags::CLOEXEC).context("memfd_create")?;
        let block = LINE.repeat(WRITE_BYTES_USIZE / LINE.len());
        for _ in 0..FILE_BYTES / WRITE_BYTES {
            let size = write(&file, &block).context("fill the memory file")?;
            anyhow::ensure!(size as u64 == WRITE_BYTES, "short write to a memory file");
        }
        Ok(Self { file, block, cursor: 0, sink: vec![0; SINK_BYTES].into_boxed_slice() })
    }

    /// A stream of this size. All streams take turns at the file, so that no two copies of it fill the caches.
    pub(crate) fn stream(bytes: u64) -> Outgoing {
        Outgoing { remaining: bytes, offset: None }
    }

    /// A message of at least this size, in whole lines of 64 bytes.
    pub(crate) fn message(&mut self, bytes: u64) -> Outgoing {
        let line = LINE.len() as u64;
        let bytes = bytes.max(1).next_multiple_of(line);
        let offset = self.cursor / line * line;
        self.cursor = (offset + bytes) % FILE_BYTES;
        Outgoing { remaining: bytes, offset: Some(offset) }
    }

    /// Sends part of the remaining bytes, one turn's worth.
    pub(crate) fn source(&mut self, socket: impl AsFd, outgoing: &mut Outgoing) -> Transfer {
        for _ in 0..WRITES_PER_TURN {
            if outgoing.remaining == 0 {
                return Transfer::Done;
            }
            let mut offset = outgoing.offset.unwrap_or(self.cursor);
            let wanted = WRITE_BYTES.min(outgoing.remaining).min(FILE_BYTES - offset);
            match sendfile(&socket, &self.file, Some(&mut offset), size(wanted)) {
                Ok(sent) => {
                    let place = outgoing.offset.as_mut().unwrap_or(&mut self.cursor);
                    *place = offset % FILE_BYTES;
                    outgoing.remaining -= sent as u64;
                }
                Err(Errno::AGAIN) => return Transfer::Blocked,
                Err(_) => return Transfer::Broken,
            }
        }
        if outgoing.remaining == 0 { Transfer::Done } else { Transfer::More }
    }

    /// Part of the remaining bytes, which count as sent.
    pub(crate) fn next_block(&mut self, outgoing: &mut Outgoing) -> &[u8] {
        let place = outgoing.offset.as_mut().unwrap_or(&mut self.cursor);
        let start = size(*place % WRITE_BYTES);
        let block = &self.block[start..];
        let block = &block[..block.len().min(size(outgoing.remaining))];
        *place = (*place + block.len() as u64) % FILE_BYTES;
        outgoing.remaining -= block.len() as u64;
        block
    }

    /// Throws away part of the remaining bytes, one turn's worth.
    pub(crate) fn sink(&mut self, socket: impl AsFd, remaining: &mut u64) -> Transfer {
        for _ in 0..READS_PER_TURN {
            if *remaining == 0 {
                return Transfer::Done;
            }
            let limit = size((SINK_BYTES as u64).min(*remaining));
            match sockets::discard(&socket, &mut self.sink[..limit]) {
                Received::Bytes(count) => *remaining -= count as u64,
                Received::Empty => return Transfer::Blocked,
                Received::Closed => return Transfer::Broken,
            }
        }
        if *remaining == 0 { Transfer::Done } else { Transfer::More }
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

const FILE_BYTES: u64 = 64 << 20;
const WRITE_BYTES: u64 = 64 << 10;
const WRITE_BYTES_USIZE: usize = 64 << 10;
/// Lines that no protocol of mail finds fault with, and that divide all the other sizes here.
const LINE: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij\r\n";
const SINK_BYTES: usize = 1 << 20;
/// One turn moves at most 1 MiB, so interactive sessions of the same engine keep their pace.
pub(super) const WRITES_PER_TURN: u32 = 16;
const READS_PER_TURN: u32 = 2;
