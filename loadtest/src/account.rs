//! CPU time: of the proxy's processes, of this generator, of the whole machine.
//!
//! The unit of every comparison is the scheduler's runtime in nanoseconds, summed over all threads of the proxy's
//! processes; io_uring's kernel workers are threads of the process and so are counted, as is the network stack's work
//! done inside its sends. `/proc/stat` says how much of the machine other programs used meanwhile.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};

/// The processes whose cost is measured: the given ones and everything they started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    roots: Vec<Pid>,
}

/// All accounts at one moment.
#[derive(Clone, Debug)]
pub(crate) struct CpuReading {
    at: Instant,
    /// Scheduler runtime by process and thread.
    threads: HashMap<(Pid, u32), u64>,
    /// The kernel's own sum by process, exited threads included, in ticks.
    ticks: HashMap<Pid, u64>,
    generator: Duration,
    /// The kernel's sum for the GeoDB's processes, in ticks.
    geodb: u64,
    busy: Duration,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuUse {
    pub(crate) elapsed: Duration,
    pub(crate) proxy: Duration,
    /// Of that, what the first threads of its processes used; Hale's control core is one.
    pub(crate) first_threads: Duration,
    pub(crate) generator: Duration,
    /// The GeoDB's processes, if they are known.
    pub(crate) geodb: Duration,
    /// All others, and time the hypervisor took away.
    pub(crate) foreign: Duration,
}

impl Processes {
    pub(crate) fn new(roots: Vec<Pid>) -> Self {
        Self { roots }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The processes that live now.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = Vec::new();
        let mut waiting = self.roots.clone();
        while let Some(pid) = waiting.pop() {
            if pids.contains(&pid) {
                continue;
            }
            pids.push(pid);
            for task in tasks(pid) {
                let path = format!("/proc/{pid}/task/{task}/children");
                let children = fs::read_to_string(path).unwrap_or_default();
                let parsed = children.split_ascii_whitespace().filter_map(|word| word.parse().ok());
                waiting.extend(parsed.filter_map(Pid::from_raw));
            }
        }
        pids
    }

    /// How many kernel worker threads of io_uring they have.
    pub(crate) fn ring_workers(&self) -> usize {
        let names = self.pids().into_iter().flat_map(|pid| {
            tasks(pid).into_iter().map(move |task| format!("/proc/{pid}/task/{task}/comm"))
        });
        names
            .filter(|path| fs::read_to_string(path).is_ok_and(|name| name.starts_with("iou-wrk")))
            .count()
    }

    /// Reads all accounts; `geodb`: of these processes, too.
    pub(crate) fn read_cpu(&self, geodb: &Self) -> Result<CpuReading> {
        let mut threads = HashMap::new();
        let mut ticks = HashMap::new();
        for pid in self.pids() {
            for task in tasks(pid) {
                // A thread may end between the listing and the reading.
                let path = format!("/proc/{pid}/task/{task}/schedstat");
                let text = fs::read_to_string(path).unwrap_or_default();
                if let Some(nanos) = text.split(' ').next().and_then(|word| word.parse().ok()) {
                    threads.insert((pid, task), nanos);
                }
            }
            if let Some(sum) = process_ticks(pid) {
                ticks.insert(pid, sum);
            }
        }
        let own = clock_gettime(ClockId::ProcessCPUTime);
        Ok(CpuReading {
            at: Instant::now(),
            threads,
            ticks,
            generator: Duration::try_from(own).context("own CPU clock")?,
            geodb: geodb.pids().into_iter().filter_map(process_ticks).sum(),
            busy: machine_busy()?,
        })
    }
}

impl CpuReading {
    /// What was used since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> CpuUse {
        let used = |(thread, now): (&(Pid, u32), &u64)| {
            now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0))
        };
        let is_first =
            |(pid, thread): &(Pid, u32)| u32::try_from(pid.as_raw_nonzero().get()) == Ok(*thread);
        let threads: u64 = self.threads.iter().map(used).sum();
        let first: u64 = self.threads.iter().filter(|(thread, _)| is_first(thread)).map(used).sum();
        let ticks: u64 = self
            .ticks
            .iter()
            .map(|(pid, now)| now.saturating_sub(earlier.ticks.get(pid).copied().unwrap_or(0)))
            .sum();
        let exact = Duration::from_nanos(threads);
        // Threads that came and went are missing above; the kernel's sum has them, but only to a tick.
        let coarse = ticks_to_duration(ticks);
        let proxy = if coarse > exact + TICK_DOUBT.max(exact / 20) { coarse } else { exact };
        let generator = self.generator.saturating_sub(earlier.generator);
        let geodb = ticks_to_duration(self.geodb.saturating_sub(earlier.geodb));
        let busy = self.busy.saturating_sub(earlier.busy);
        CpuUse {
            elapsed: self.at - earlier.at,
            proxy,
            first_threads: Duration::from_nanos(first),
            generator,
            geodb,
            foreign: busy.saturating_sub(proxy + generator + geodb),
        }
    }
}

impl CpuUse {
    /// Foreign CPU in per cent of one core.
    pub(crate) fn foreign_percent(&self) -> f64 {
        self.foreign.as_secs_f64() / self.elapsed.as_secs_f64() * 100.0
    }
}

/// Waits until others leave the machine alone, or until the deadline; false in that case.
pub(crate) fn wait_quiet(
    percent: f64,
    deadline: Duration,
    interrupted: &AtomicBool,
) -> Result<bool> {
    let end = Instant::now() + deadline;
    while Instant::now() < end {
        let before = (Instant::now(), machine_busy()?);
        // The condition is an average over time, and a generator that polls meanwhile would be in it.
        std::thread::sleep(QUIET_WINDOW);
        let busy = machine_busy()?.saturating_sub(before.1);
        if busy.as_secs_f64() / before.0.elapsed().as_secs_f64() * 100.0 <= percent {
            return Ok(true);
        }
        ensure!(!interrupted.load(Ordering::Relaxed), "interrupted");
    }
    Ok(false)
}

fn tasks(pid: Pid) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn process_ticks(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and parentheses; fields count from behind its last one.
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let user: u64 = fields.get(11)?.parse().ok()?;
    let system: u64 = fields.get(12)?.parse().ok()?;
    Some(user + system)
}

/// Busy time of all cores: user, nice, system, interrupts and stolen time.
fn machine_busy() -> Result<Duration> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let fields: Vec<u64> =
        line.split_ascii_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal guest guest_nice; the guests are inside user.
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|index| fields.get(*index)).sum();
    Ok(ticks_to_duration(busy))
}

fn ticks_to_duration(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

/// The kernel's sum advances in ticks of 10 ms for each of user and system.
const TICK_DOUBT: Duration = Duration::from_millis(40);
const QUIET_WINDOW: Duration = Duration::from_millis(300);
