//! Waking a data core from another thread: an eventfd that the core's ring polls.
//!
//! What is polled is the news, not the number: a multishot poll, and an epoll for edges, report each write, whatever was written before.
//! So the counter is never read; a wake-up costs its receiver no system call of its own.
//!
//! MSG_RING is faster only where the sender owns a ring of its own; the control core and the hashing threads do not
//! (K-RING-6). The cost of the system call is avoided by [`crate::share`], which wakes only a core that sleeps.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

use super::port::Fd;

/// Wakes one data core. Clones wake the same core.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// A new wake-up descriptor.
    ///
    /// # Errors
    /// The kernel's, when it has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self(Arc::new(fd)))
    }

    /// Makes the core's poll report.
    pub fn wake(&self) {
        // Fails only when the counter is full (EAGAIN), after 2^64 wake-ups.
        let _ = rustix::io::write(self.0.as_fd(), &1_u64.to_ne_bytes());
    }

    /// Empties the counter, for tests that wait by the plain poll(2).
    #[cfg(test)]
    pub(crate) fn clear(&self) {
        let mut counter = [0_u8; 8];
        // EAGAIN: it is empty already.
        let _ = rustix::io::read(self.0.as_fd(), &mut counter);
    }

    /// The descriptor to poll.
    #[must_use]
    pub fn fd(&self) -> Fd {
        Fd(self.0.as_raw_fd())
    }
}

/// Counts jobs for threads that sleep in [`Semaphore::wait`]. A poster never waits and takes no lock.
#[derive(Clone, Debug)]
pub struct Semaphore(Arc<OwnedFd>);

impl Semaphore {
    /// A semaphore at zero.
    ///
    /// # Errors
    /// The kernel's, when it has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::SEMAPHORE | EventfdFlags::CLOEXEC)?)))
    }

    /// Lets one waiting thread go.
    pub fn post(&self) {
        // Fails only when 2^64 - 1 posts wait already.
        let _ = rustix::io::write(self.0.as_fd(), &1_u64.to_ne_bytes());
    }

    /// The descriptor, for threads that must not close it.
    #[must_use]
    pub fn fd(&self) -> Fd {
        Fd(self.0.as_raw_fd())
    }

    /// Sleeps until a thread posts.
    pub fn wait(&self) {
        let mut counter = [0_u8; 8];
        while let Err(rustix::io::Errno::INTR) = rustix::io::read(self.0.as_fd(), &mut counter) {}
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
