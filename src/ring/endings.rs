//! Ends of connections that wait for what is on its way there: they follow the sends of a round, all at once, instead of a
//! system call for those sends at each end (K-RELAY-4).

use std::os::fd::OwnedFd;

use super::port::{Fd, Half};
use super::socket;

/// One of them.
pub(super) enum Ending {
    Shutdown(Fd, Half),
    ResetOnClose(Fd),
    /// The descriptor, whose number no other connection has before it is closed.
    Close(OwnedFd),
}

impl Ending {
    pub(super) fn carry_out(self) {
        match self {
            Self::Shutdown(fd, half) => socket::shutdown(fd, half),
            Self::ResetOnClose(fd) => socket::reset_on_close(fd),
            Self::Close(descriptor) => drop(descriptor),
        }
    }
}
