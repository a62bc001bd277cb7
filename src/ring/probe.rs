//! What the kernel can do, asked before anything is opened (UR-01, UR-02).

use std::io;

use io_uring::register::Restriction;
use io_uring::{IoUring, Probe, opcode, squeue};

/// Why Hale can't run on this kernel. Each text ends with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum KernelFault {
    /// `io_uring_setup` is forbidden.
    #[error(
        "io_uring is forbidden here ({0}): set the sysctl kernel.io_uring_disabled=0, and allow io_uring_setup, \
         io_uring_enter and io_uring_register in the container's or service's seccomp profile"
    )]
    Forbidden(io::Error),
    /// The kernel has no `io_uring` at all.
    #[error(
        "this kernel has no io_uring ({0}): Hale needs Linux 6.1 or later with CONFIG_IO_URING=y"
    )]
    Absent(io::Error),
    /// A ring can't be allocated.
    #[error(
        "no memory for a ring ({0}): raise the locked-memory limit (systemd: LimitMEMLOCK=infinity)"
    )]
    Memory(io::Error),
    /// The flags that the loop is built on are unknown: kernel before 6.1.
    #[error(
        "this kernel's io_uring is too old ({0}): Hale needs Linux 6.1 or later (DEFER_TASKRUN)"
    )]
    TooOld(io::Error),
    /// An operation is missing.
    #[error("this kernel's io_uring lacks {0}: Hale needs Linux 6.1 or later")]
    Lacks(&'static str),
    /// Something else.
    #[error("io_uring does not start: {0}")]
    Other(io::Error),
}

impl From<io::Error> for KernelFault {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::Forbidden(error),
            Some(libc::ENOSYS) => Self::Absent(error),
            Some(libc::ENOMEM) => Self::Memory(error),
            Some(libc::EINVAL) => Self::TooOld(error),
            _ => Self::Other(error),
        }
    }
}

/// Makes a small ring with the real flags, asks it what it can do, and drops it.
///
/// # Errors
/// What is missing, with its remedy.
pub fn probe() -> Result<(), KernelFault> {
    let ring: IoUring = builder().build(8)?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    for (code, name) in OPERATIONS {
        if !probe.is_supported(code) {
            return Err(KernelFault::Lacks(name));
        }
    }
    if !ring.params().is_feature_nodrop() {
        return Err(KernelFault::Lacks("IORING_FEAT_NODROP"));
    }
    if !ring.params().is_feature_ext_arg() {
        return Err(KernelFault::Lacks("IORING_FEAT_EXT_ARG"));
    }
    // What it refuses is told here, before anything is opened.
    restricted(8).map(drop).map_err(KernelFault::from)
}

/// A ring of the calling thread that can do what a data core does and nothing else, whatever is written into its queue (P17, UR-11). The
/// kernel takes no other operation, no other flag and no registration from it any more.
pub(super) fn restricted(entries: u32) -> io::Result<IoUring> {
    let ring = builder().setup_r_disabled().build(entries)?;
    let mut rules: Vec<_> = OPERATIONS.iter().map(|(code, _)| Restriction::sqe_op(*code)).collect();
    rules.push(Restriction::sqe_flags_allowed(squeue::Flags::SKIP_SUCCESS.bits()));
    ring.submitter().register_restrictions(&mut rules)?;
    ring.submitter().register_enable_rings()?;
    Ok(ring)
}

/// All that a data core asks its ring for; an operation that is used anywhere else has to be here first.
const OPERATIONS: [(u8, &str); 5] = [
    (opcode::Accept::CODE, "IORING_OP_ACCEPT"),
    (opcode::Connect::CODE, "IORING_OP_CONNECT"),
    (opcode::PollAdd::CODE, "IORING_OP_POLL_ADD"),
    (opcode::AsyncCancel::CODE, "IORING_OP_ASYNC_CANCEL"),
    (opcode::Send::CODE, "IORING_OP_SEND"),
];

/// The flags every ring of ours is made with; the probe tries the same.
fn builder() -> io_uring::Builder {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(COMPLETIONS);
    builder
}

/// Entries of the completion queue: four for each of 4,096 connections that become ready in one turn.
const COMPLETIONS: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ur_01_each_refusal_names_its_remedy() {
        let of = |errno| KernelFault::from(io::Error::from_raw_os_error(errno)).to_string();
        assert!(of(libc::EPERM).contains("kernel.io_uring_disabled=0"));
        assert!(of(libc::ENOSYS).contains("Linux 6.1"));
        assert!(of(libc::ENOMEM).contains("LimitMEMLOCK"));
        assert!(of(libc::EINVAL).contains("DEFER_TASKRUN"));
    }
}
