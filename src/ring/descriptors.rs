//! A descriptor table of a data core's own.
//!
//! Threads share one table, and then every call on a descriptor takes and drops a reference with two atomic operations on
//! a cache line that other cores write as well. A core that has its table for itself is spared that, and the limit of
//! descriptors (`RLIMIT_NOFILE`) holds for each core instead of for all (K-RING-7).

use std::os::fd::RawFd;

use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::port::Fd;

/// Gives the calling thread a table of its own that holds standard input, output and error and `keep`. Every other
/// descriptor stays open in the process's table and is gone from the thread's.
///
/// # Errors
/// The kernel's; the thread then goes on with the shared table, which is only slower.
pub fn keep_only(keep: &[Fd]) -> rustix::io::Result<()> {
    // WHY UNSAFE: leaving the shared table makes descriptor numbers mean different things in different threads.
    // SAFETY: called once, at the start of a data core's thread, before it owns anything. What it uses afterwards is in
    // `keep` or opened by itself; what other threads own stays in their table, untouched by the closes below. No memory
    // is involved; the table is released by the kernel when the thread ends.
    unsafe { unshare_unsafe(UnshareFlags::FILES) }?;
    let mut kept: Vec<RawFd> = keep.iter().map(|fd| fd.0).collect();
    kept.sort_unstable();
    let mut next = 3;
    for fd in kept.into_iter().filter(|fd| *fd >= 3) {
        close_range(next, fd - 1);
        next = fd + 1;
    }
    close_range(next, RawFd::MAX);
    Ok(())
}

fn close_range(first: RawFd, last: RawFd) {
    let (Ok(first), Ok(last)) = (u32::try_from(first), u32::try_from(last)) else { return };
    if first > last {
        return;
    }
    // WHY UNSAFE: rustix has no name for close_range(2).
    // SAFETY: the numbers are of this thread's private table, and nothing that this thread uses is among them (see
    // `keep_only`); no memory is involved; the descriptors are what is released.
    unsafe { libc::close_range(first, last, 0) };
}
