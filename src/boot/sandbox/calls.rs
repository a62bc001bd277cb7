//! System calls that stay, by seccomp: an allow-list for each kind of thread. All others fail with EPERM; no thread is killed for one.
//!
//! seccomp sees no operation of a ring: rings are restricted by themselves (`ring::probe`). Lists only ever get shorter: a thread
//! starts with that of the thread that made it.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// A kind of thread, by what it has to do after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::boot) enum Kind {
    /// Moves bytes of clients and backends.
    DataCore,
    /// Everything else. It has made its ring.
    Control,
}

/// For all threads, from before there is more than one.
pub(super) fn restrict_process() -> Result<(), String> {
    // The C library asks for threads by this call first, whose flags no filter can see, and by another when there is none.
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    apply(no_clone3, SeccompAction::Allow, absent)?;
    allow_only(&[DATA_CORE, CONTROL, START])
}

/// For a thread of this kind, once its ring is made.
pub(super) fn restrict_thread(kind: Kind) -> Result<(), String> {
    match kind {
        Kind::DataCore => allow_only(&[DATA_CORE]),
        Kind::Control => allow_only(&[DATA_CORE, CONTROL]),
    }
}

fn allow_only(lists: &[&[c_long]]) -> Result<(), String> {
    let calls = lists.iter().copied().flatten().copied();
    let rules = calls.map(|call| Ok((call, conditions(call)?))).collect::<Result<_, String>>()?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    apply(rules, refused, SeccompAction::Allow)
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn apply(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("system calls can't be given up: {error}");
    let machine = std::env::consts::ARCH.try_into().map_err(|error| told(&error))?;
    let filter = SeccompFilter::new(rules, otherwise, matched, machine);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|error| told(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| told(&error))
}

/// Of calls that are good for much else: what their arguments have to be. None: whatever they are.
fn conditions(call: c_long) -> Result<Vec<SeccompRule>, String> {
    const WRITE: u64 = libc::PROT_WRITE.cast_unsigned() as u64;
    const EXECUTE: u64 = libc::PROT_EXEC.cast_unsigned() as u64;
    const THREAD: u64 = libc::CLONE_THREAD.cast_unsigned() as u64;
    // The number of the argument, the bits that are looked at, and the values they may have.
    let (argument, mask, values): (u8, u64, &[u64]) = match call {
        // Another thread, no other process.
        libc::SYS_clone => (0, THREAD, &[THREAD]),
        // Memory is written or executed, never both; and nothing becomes executable that was written.
        libc::SYS_mmap => (2, WRITE | EXECUTE, &[0, WRITE, EXECUTE]),
        libc::SYS_mprotect => (2, EXECUTE, &[0]),
        _ => return Ok(Vec::new()),
    };
    let rule = |value: &u64| {
        let equals = SeccompCmpOp::MaskedEq(mask);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, equals, *value);
        condition.and_then(|condition| SeccompRule::new(vec![condition]))
    };
    values.iter().map(rule).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// A data core's: bytes between sockets, memory, time. No file is opened and no thread started.
const DATA_CORE: &[c_long] = &[
    // The ring, and what is quicker without it.
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_splice,
    libc::SYS_tee,
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    // A session's state on its way to another process.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Time, chance, and waiting for each other.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_membarrier,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    // The thread itself, and its end.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
];

/// What the control core, databases, hashing and the log need besides: files, threads, readiness, names.
const CONTROL: &[c_long] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_prctl,
    libc::SYS_set_tid_address,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    // Pinning is the thread's own affair.
    libc::SYS_sched_setaffinity,
    // Files.
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_truncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_umask,
    libc::SYS_utimensat,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_munlock,
    // Sockets and readiness.
    libc::SYS_accept,
    libc::SYS_socketpair,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_pselect6,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_signalfd4,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    libc::SYS_futex_waitv,
    libc::SYS_get_robust_list,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_clock_getres,
    // Who and where we are.
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getppid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_capget,
    libc::SYS_getpriority,
    libc::SYS_getrusage,
    libc::SYS_prlimit64,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    // The older forms, where a machine has them.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getrlimit,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pipe,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_setrlimit,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// What a start needs and no thread afterwards: rings, descriptor tables of their own, shorter lists.
const START: &[c_long] = &[libc::SYS_io_uring_setup, libc::SYS_unshare, libc::SYS_seccomp];

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own: what is given up never comes back.
    fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(work).join().unwrap())
    }

    #[test]
    fn a_call_is_in_one_list_only() {
        let mut all: Vec<c_long> = [DATA_CORE, CONTROL, START].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each list has all calls of the one before");
    }

    #[test]
    fn a_data_core_opens_no_file_and_goes_on() {
        on_a_thread(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            restrict_process().unwrap();
            assert!(std::fs::read("/proc/self/stat").is_ok());
            restrict_thread(Kind::DataCore).unwrap();
            let refused = std::fs::read("/proc/self/stat").unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
            let kept = vec![7_u8; 1 << 20];
            assert_eq!(kept.iter().map(|byte| usize::from(*byte)).sum::<usize>(), 7 << 20);
        });
    }

    #[test]
    fn threads_can_be_made_and_programs_cannot_be_started() {
        on_a_thread(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            restrict_process().unwrap();
            restrict_thread(Kind::Control).unwrap();
            assert_eq!(on_a_thread(|| 7), 7);
            assert!(std::process::Command::new("/bin/true").status().is_err());
        });
    }
}
