//! Memory: of the proxy's processes, of the kernel, of TCP.
//!
//! Kernel figures are the machine's: both ends of every connection are in them. The report subtracts what the same
//! sessions cost without a proxy.

use std::fs;

use anyhow::{Context, Result};
use rustix::param::page_size;

use crate::account::Processes;

/// Memory in bytes at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryReading {
    /// Resident pages of the proxy.
    pub(crate) resident: u64,
    /// The same with shared pages divided among their users.
    pub(crate) proportional: u64,
    /// Kernel slabs and kernel stacks.
    pub(crate) kernel: u64,
    /// What TCP has charged for queued data, both directions, all sockets.
    pub(crate) tcp: u64,
}

impl MemoryReading {
    pub(crate) fn take(processes: &Processes) -> Result<Self> {
        let mut resident = 0;
        let mut proportional = 0;
        for pid in processes.pids() {
            let path = format!("/proc/{pid}/smaps_rollup");
            let rollup = fs::read_to_string(&path).unwrap_or_default();
            resident += kilobytes(&rollup, "Rss:").unwrap_or(0);
            proportional += kilobytes(&rollup, "Pss:").unwrap_or(0);
        }
        let machine = fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
        let slab = kilobytes(&machine, "Slab:").context("/proc/meminfo has no Slab")?;
        let stacks = kilobytes(&machine, "KernelStack:").unwrap_or(0);
        Ok(Self { resident, proportional, kernel: slab + stacks, tcp: tcp_bytes()? })
    }
}

/// What TCP has charged now.
pub(crate) fn tcp_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/sockstat").context("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:")).context("no TCP in sockstat")?;
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "mem");
    let pages: u64 = words.nth(1).context("no TCP mem in sockstat")?.parse()?;
    Ok(pages * page_size() as u64)
}

/// How many segments TCP threw away because it had no memory for them, whichever connection they belonged to, in this
/// namespace.
pub(crate) fn tcp_drops() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/netstat").context("/proc/net/netstat")?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let names = lines.next().context("no TcpExt in netstat")?.split_ascii_whitespace();
    let values = lines.next().context("no TcpExt values in netstat")?.split_ascii_whitespace();
    let mut pairs = names.zip(values);
    let (_, value) = pairs.find(|(name, _)| *name == "TCPRcvQDrop").context("no TCPRcvQDrop")?;
    value.parse().context("TCPRcvQDrop")
}

/// How much grew, in bytes for each of `count`; shrinking is negative.
pub(crate) fn growth_each(before: u64, after: u64, count: usize) -> f64 {
    (after as f64 - before as f64) / count.max(1) as f64
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let number: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(number * 1_024)
}
