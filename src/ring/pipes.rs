//! The pool of pipes through which hot directions are spliced.
//!
//! Pipes are made on demand and lent last-in first-out, so that the one in use is warm in the cache. A pipe that may
//! still hold bytes is closed, never lent again (W-REL-3). Unprivileged processes get small pipes beyond
//! `fs.pipe-user-pages-soft`; what the kernel really gave is read back and too small a pipe is not kept.

use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};

use super::port::PipeId;
use crate::limits;

/// Both ends of a pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
}

/// The pool of one core.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    pipes: Vec<Option<Pipe>>,
    idle: Vec<u16>,
    vacant: Vec<u16>,
}

impl Pipes {
    pub(super) fn take(&mut self) -> Option<PipeId> {
        if let Some(index) = self.idle.pop() {
            return Some(PipeId(index));
        }
        let index = match self.vacant.pop() {
            Some(index) => index,
            None if self.pipes.len() < limits::PIPES_MAX => {
                self.pipes.push(None);
                u16::try_from(self.pipes.len() - 1).ok()?
            }
            None => return None,
        };
        let made = make();
        let place = self.pipes.get_mut(usize::from(index))?;
        if made.is_none() {
            self.vacant.push(index);
            return None;
        }
        *place = made;
        Some(PipeId(index))
    }

    pub(super) fn give(&mut self, pipe: PipeId, empty: bool) {
        assert!(!self.idle.contains(&pipe.0), "a pipe is given back twice");
        if empty {
            self.idle.push(pipe.0);
        } else if let Some(place) = self.pipes.get_mut(usize::from(pipe.0)) {
            *place = None;
            self.vacant.push(pipe.0);
        }
    }

    pub(super) fn get(&self, pipe: PipeId) -> Option<&Pipe> {
        self.pipes.get(usize::from(pipe.0))?.as_ref()
    }

    /// Closes pipes that no direction borrowed, but for a few: called when the core has nothing hot.
    pub(super) fn shrink(&mut self, keep: usize) {
        while self.idle.len() > keep {
            let index = self.idle.remove(0);
            if let Some(place) = self.pipes.get_mut(usize::from(index)) {
                *place = None;
                self.vacant.push(index);
            }
        }
    }
}

fn make() -> Option<Pipe> {
    let (read, write) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok()?;
    // The kernel may refuse the size (pipe-user-pages-soft); what counts is what it really is.
    let _ = fcntl_setpipe_size(&write, limits::PIPE_BYTES);
    let size = fcntl_getpipe_size(&write).ok()?;
    (size >= PIPE_BYTES_MIN).then_some(Pipe { read, write })
}

/// Below this a splice moves less than a copy through the scratch does.
const PIPE_BYTES_MIN: usize = limits::SCRATCH_BYTES * 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_rel_3_a_pipe_that_may_hold_bytes_is_never_lent_again() {
        let mut pipes = Pipes::default();
        let first = pipes.take().unwrap();
        rustix::io::write(&pipes.get(first).unwrap().write, b"mail of somebody").unwrap();
        pipes.give(first, false);
        let second = pipes.take().unwrap();
        let mut buffer = [0; 16];
        let read = rustix::io::read(&pipes.get(second).unwrap().read, &mut buffer);
        assert_eq!(read, Err(rustix::io::Errno::AGAIN), "a fresh pipe is empty");
    }

    #[test]
    fn be_17_the_pool_ends_at_its_cap() {
        let mut pipes = Pipes::default();
        let lent: Vec<_> = std::iter::from_fn(|| pipes.take()).collect();
        assert!(lent.len() <= limits::PIPES_MAX);
        let again = lent[0];
        pipes.give(again, true);
        assert_eq!(pipes.take(), Some(again), "last in, first out");
        for pipe in lent {
            pipes.give(pipe, true);
        }
        pipes.shrink(2);
        assert_eq!(pipes.idle.len(), 2);
    }
}
