//! What a sandbox has to refuse, tried on purpose: for `hale check-sandbox` and its tests alone.
//!
//! Nothing here lends the kernel memory: pointers are null, so that what is allowed fails all the same, with another error than
//! the one that a sandbox gives.

use std::ffi::CStr;
use std::io;
use std::ptr::null;

use io_uring::{IoUring, opcode, squeue, types};

use super::probe;

/// A system call with harmless arguments.
///
/// # Errors
/// The kernel's or the sandbox's.
pub fn call(number: libc::c_long, arguments: [libc::c_long; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = arguments;
    // WHY UNSAFE: these calls have no other names here.
    // SAFETY: callers pass numbers and null pointers: no memory of ours is lent, whatever the call is. A descriptor or a mapping that
    // a call may give is not used, and goes with the process, whose only work this is.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What a data core never asks a ring for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file opened.
    Open,
    /// A file looked at.
    Statx,
    /// A file removed.
    Unlink,
    /// A file renamed.
    Rename,
    /// A socket made.
    Socket,
    /// Bytes written to a file.
    Write,
    /// The ring's own resources changed.
    Register,
}

/// A ring to try things on.
pub struct TrialRing(IoUring);

impl std::fmt::Debug for TrialRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialRing").finish_non_exhaustive()
    }
}

impl TrialRing {
    /// One like a data core's. It belongs to the calling thread.
    ///
    /// # Errors
    /// The kernel's.
    pub fn restricted() -> io::Result<Self> {
        probe::restricted(ENTRIES).map(Self)
    }

    /// One that may do everything, as an intruder would like it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn unrestricted() -> io::Result<Self> {
        IoUring::new(ENTRIES).map(Self)
    }

    /// Asks for an operation on nothing.
    ///
    /// # Errors
    /// The kernel's, or that the ring may not.
    pub fn attempt(&mut self, operation: Operation) -> io::Result<()> {
        let here = types::Fd(libc::AT_FDCWD);
        let nowhere = null::<libc::c_char>();
        let entry = match operation {
            Operation::Open => opcode::OpenAt::new(here, nowhere).build(),
            Operation::Statx => opcode::Statx::new(here, nowhere, std::ptr::null_mut()).build(),
            Operation::Unlink => opcode::UnlinkAt::new(here, nowhere).build(),
            Operation::Rename => opcode::RenameAt::new(here, nowhere, here, nowhere).build(),
            Operation::Socket => opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0).build(),
            Operation::Write => opcode::Write::new(types::Fd(-1), null(), 0).build(),
            Operation::Register => return self.0.submitter().register_eventfd(-1),
        };
        self.carry_out(&entry)
    }

    /// Opens a folder for reading.
    ///
    /// # Errors
    /// The kernel's, or the sandbox's.
    pub fn open(&mut self, path: &'static CStr) -> io::Result<()> {
        let entry = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr())
            .flags(libc::O_RDONLY | libc::O_CLOEXEC);
        self.carry_out(&entry.build())
    }

    fn carry_out(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: entries are made by the two functions above. They name no memory, or a path that lives as long as the program,
        // which the kernel only reads; a descriptor that comes of it goes with the process.
        let pushed = unsafe { self.0.submission().push(entry) };
        pushed.map_err(io::Error::other)?;
        self.0.submit_and_wait(1)?;
        let result = self.0.completion().next().map_or(0, |entry| entry.result());
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
    }
}

const ENTRIES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 7] = [
        Operation::Open,
        Operation::Statx,
        Operation::Unlink,
        Operation::Rename,
        Operation::Socket,
        Operation::Write,
        Operation::Register,
    ];

    #[test]
    fn ur_11_a_data_cores_ring_refuses_what_a_data_core_does_not_do() {
        let mut ring = TrialRing::restricted().unwrap();
        for operation in ALL {
            let error = ring.attempt(operation).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EACCES), "{operation:?}: {error}");
        }
        assert_eq!(ring.open(c"/").unwrap_err().raw_os_error(), Some(libc::EACCES));
        let mut free = TrialRing::unrestricted().unwrap();
        for operation in ALL {
            let refused = free.attempt(operation).err().and_then(|error| error.raw_os_error());
            assert_ne!(refused, Some(libc::EACCES), "{operation:?} proves nothing");
        }
        free.open(c"/").unwrap();
    }
}
