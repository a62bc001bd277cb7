//! `hale check-sandbox`: goes into the sandbox as `hale run` does, and tries from inside what it has to refuse (P17, UR-11).
//!
//! What is tried has arguments that do no harm where it is allowed. The process ends afterwards; it has given up too much to go on.

use std::io;

use libc::{SYS_mmap, c_long};

use super::calls::Kind;
use super::enter::{Confinement, enter};
use crate::boot::exit::{Exit, Refusal};
use crate::config::Config;
use crate::ring::attempts::{Operation, TrialRing, call};

/// What was tried, and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// What it would do.
    pub what: &'static str,
    /// The way: a system call or a ring.
    pub by: &'static str,
    /// What the kernel said.
    pub outcome: String,
    /// That it may not.
    pub is_refused: bool,
}

/// Goes inside and tries everything.
///
/// # Errors
/// The sandbox can't be entered, or the system has no rings or threads for it.
pub fn try_sandbox(config: &Config) -> Result<(Vec<Tried>, Vec<String>), Refusal> {
    let lacks = |error: io::Error| Refusal {
        exit: Exit::TempFail,
        text: format!("the system refuses a ring or thread to try things with: {error}"),
    };
    // Made before, as an intruder could not: whether files are out of reach for rings, too.
    let mut free_ring = TrialRing::unrestricted().map_err(lacks)?;
    let (confinement, lines) = enter(config)?;
    let mut tried: Vec<Tried> = CALLS.iter().map(|row| row.tried("system call")).collect();
    tried.push(Tried::new("list the folder /", "system call", std::fs::read_dir("/").map(drop)));
    tried.push(Tried::new("make a file in /usr", "system call", make_file()));
    tried.push(Tried::new("open the folder /", "free ring", free_ring.open(c"/")));
    let on_a_core = std::thread::Builder::new().spawn(move || on_a_data_core(confinement));
    let on_a_core = on_a_core.map_err(lacks)?.join();
    let lost = |_| lacks(io::Error::other("the thread has ended"));
    tried.extend(on_a_core.map_err(lost)?.map_err(lacks)?);
    confinement.restrict(Kind::Control);
    tried.push(NEW_RING.tried("system call"));
    Ok((tried, lines.into_iter().map(|(_, line)| line).collect()))
}

fn on_a_data_core(confinement: Confinement) -> io::Result<Vec<Tried>> {
    let mut ring = TrialRing::restricted()?;
    confinement.restrict(Kind::DataCore);
    let calls = DATA_CORE_CALLS.iter().map(|row| row.tried("system call of a data core"));
    let mut tried: Vec<Tried> = calls.collect();
    for (what, operation) in OPERATIONS {
        tried.push(Tried::new(what, "ring of a data core", ring.attempt(operation)));
    }
    Ok(tried)
}

/// It is removed where it could be made.
fn make_file() -> io::Result<()> {
    const PATH: &str = "/usr/hale-check-sandbox";
    std::fs::File::create_new(PATH)?;
    std::fs::remove_file(PATH)
}

impl Tried {
    fn new(what: &'static str, by: &'static str, result: io::Result<()>) -> Self {
        let is_refused = result
            .as_ref()
            .is_err_and(|error| matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)));
        let outcome = match (result, is_refused) {
            (Err(error), true) => format!("refused: {error}"),
            (Err(error), false) => format!("NOT REFUSED, though it failed: {error}"),
            (Ok(()), _) => "NOT REFUSED".to_owned(),
        };
        Self { what, by, outcome, is_refused }
    }
}

/// A system call to try: what it would do, its number and its arguments.
struct Row(&'static str, c_long, [c_long; 6]);

impl Row {
    fn tried(&self, by: &'static str) -> Tried {
        let Self(what, number, arguments) = *self;
        Tried::new(what, by, call(number, arguments))
    }
}

const NONE: [c_long; 6] = [0; 6];
/// No process, no descriptor, no flag that a kernel knows.
const NO: c_long = -1;
/// Writable and executable.
const BOTH: c_long = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as c_long;
const ANONYMOUS: c_long = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as c_long;
/// No process can be made with both.
const NO_PROCESS: c_long = (libc::CLONE_NEWNS | libc::CLONE_FS) as c_long;

const CALLS: &[Row] = &[
    Row("start a program (execve)", libc::SYS_execve, NONE),
    Row("start a program (execveat)", libc::SYS_execveat, NONE),
    Row("make a process (clone)", libc::SYS_clone, [NO_PROCESS, 0, 0, 0, 0, 0]),
    Row(
        "look into a process (ptrace)",
        libc::SYS_ptrace,
        [libc::PTRACE_ATTACH as c_long, 0, 0, 0, 0, 0],
    ),
    Row("read a process's memory (process_vm_readv)", libc::SYS_process_vm_readv, NONE),
    Row("signal a process (kill)", libc::SYS_kill, [1, 0, 0, 0, 0, 0]),
    Row("mount a file system (mount)", libc::SYS_mount, NONE),
    Row("change the root (chroot)", libc::SYS_chroot, NONE),
    Row("enter a namespace (setns)", libc::SYS_setns, [NO, 0, 0, 0, 0, 0]),
    Row("load a program into the kernel (bpf)", libc::SYS_bpf, NONE),
    Row("watch the machine (perf_event_open)", libc::SYS_perf_event_open, NONE),
    Row("keep a key in the kernel (add_key)", libc::SYS_add_key, NONE),
    Row("load a module (init_module)", libc::SYS_init_module, NONE),
    Row("stop the host (reboot)", libc::SYS_reboot, NONE),
    Row("handle page faults (userfaultfd)", libc::SYS_userfaultfd, [NO, 0, 0, 0, 0, 0]),
    Row(
        "open a file by its number (open_by_handle_at)",
        libc::SYS_open_by_handle_at,
        [NO, 0, 0, 0, 0, 0],
    ),
    Row("memory both writable and executable (mmap)", SYS_mmap, [0, 4096, BOTH, ANONYMOUS, NO, 0]),
];

const DATA_CORE_CALLS: &[Row] = &[
    Row("open a file (openat)", libc::SYS_openat, [libc::AT_FDCWD as c_long, 0, 0, 0, 0, 0]),
    Row("leave a namespace (unshare)", libc::SYS_unshare, [NO, 0, 0, 0, 0, 0]),
];

const NEW_RING: Row = Row("make another ring (io_uring_setup)", libc::SYS_io_uring_setup, NONE);

const OPERATIONS: [(&str, Operation); 7] = [
    ("open a file (OPENAT)", Operation::Open),
    ("look at a file (STATX)", Operation::Statx),
    ("remove a file (UNLINKAT)", Operation::Unlink),
    ("rename a file (RENAMEAT)", Operation::Rename),
    ("make a socket (SOCKET)", Operation::Socket),
    ("write to a file (WRITE)", Operation::Write),
    ("register something (io_uring_register)", Operation::Register),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_fails_otherwise_where_it_is_allowed() {
        assert!(Tried::new("x", "y", Err(io::Error::from_raw_os_error(libc::EPERM))).is_refused);
        let failed = Tried::new("x", "y", Err(io::Error::from_raw_os_error(libc::EFAULT)));
        assert!(!failed.is_refused && failed.outcome.starts_with("NOT REFUSED"));
        assert!(!Tried::new("x", "y", Ok(())).is_refused);
    }
}
