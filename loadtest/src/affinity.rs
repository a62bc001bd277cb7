//! Which core runs what.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Binds this thread to one core.
pub(crate) fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("bind to core {core}"))
}

/// Does something on another core and comes back; what it starts stays there.
pub(crate) fn on_core<T>(core: usize, action: impl FnOnce() -> T) -> Result<T> {
    let own = sched_getaffinity(None).context("read the own cores")?;
    pin(core)?;
    let outcome = action();
    sched_setaffinity(None, &own).context("return to the own core")?;
    Ok(outcome)
}
