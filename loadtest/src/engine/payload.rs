//! The bytes of bulk transfers: one memory file, sent with `sendfile(2)` and thrown away with `MSG_TRUNC`.
//!
//! Pages reach the socket as fragments and nobody but the proxy under test may copy them, which is what a network
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
    cursor: u64,
    sink: Box<[u8]>,
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

impl Payload {
    /// Creates the memory file and fills it: a hole would be served from the zero page.
    pub(crate) fn new() -> Result<Self> {
        let file = memfd_create("hale-load", MemfdFlags::CLOEXEC).context("memfd_create")?;
        let block: Vec<u8> = (0..WRITE_BYTES).map(|index| b'a' + (index % 26) as u8).collect();
        for _ in 0..FILE_BYTES / WRITE_BYTES {
            let size = write(&file, &block).context("fill the memory file")?;
            anyhow::ensure!(size as u64 == WRITE_BYTES, "short write to a memory file");
        }
        Ok(Self { file, cursor: 0, sink: vec![0; SINK_BYTES].into_boxed_slice() })
    }

    /// Sends part of the remaining bytes, one turn's worth.
    pub(crate) fn source(&mut self, socket: impl AsFd, remaining: &mut u64) -> Transfer {
        for _ in 0..WRITES_PER_TURN {
            if *remaining == 0 {
                return Transfer::Done;
            }
            let mut offset = self.cursor;
            let wanted = WRITE_BYTES.min(*remaining).min(FILE_BYTES - offset);
            match sendfile(&socket, &self.file, Some(&mut offset), size(wanted)) {
                Ok(sent) => {
                    self.cursor = offset % FILE_BYTES;
                    *remaining -= sent as u64;
                }
                Err(Errno::AGAIN) => return Transfer::Blocked,
                Err(_) => return Transfer::Broken,
            }
        }
        if *remaining == 0 { Transfer::Done } else { Transfer::More }
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
const SINK_BYTES: usize = 1 << 20;
/// One turn moves at most 1 MiB, so interactive sessions of the same engine keep their pace.
const WRITES_PER_TURN: u32 = 16;
const READS_PER_TURN: u32 = 2;
