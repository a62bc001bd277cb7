//! How the kernel backs this process's memory.

/// Asks the kernel not to back memory with huge pages.
///
/// With them every touched 2 MiB costs 2 MiB: an idle process took 22 MiB more, and growth shows in steps that no session
/// caused. The records of sessions are small and touched rarely; nothing here gains from fewer TLB entries. Measured with
/// `hale-load idle`. The allocator, which is there before this can be called, is built so that it advises none.
pub fn refuse_huge_pages() {
    // WHY UNSAFE: rustix has no name for this prctl.
    // SAFETY: the call changes a flag of the process and reads no memory of ours; unused arguments are zero as prctl(2)
    // demands; nothing is to be released. A kernel that refuses leaves things as they were.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}
