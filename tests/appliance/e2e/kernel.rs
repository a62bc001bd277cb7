//! What the kernel knows about a process and about all sockets.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many descriptors as the host allows; what we start inherits it.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )
    .unwrap();
}

/// Kernel memory in TCP sockets of this network namespace's host, in bytes (`mem` of /proc/net/sockstat counts pages).
pub(crate) fn tcp_memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("TCP: "))
        .unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.iter().position(|word| *word == "mem").unwrap();
    let pages: u64 = words[at + 1].parse().unwrap();
    pages * u64::try_from(rustix::param::page_size()).unwrap()
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// Threads that the kernel made for io_uring work it could not do at once. A proxy that never needs one has none.
pub(crate) fn ring_workers(process: u32) -> usize {
    threads(process)
        .iter()
        .filter(|name| name.starts_with("iou-wrk"))
        .count()
}

fn threads(process: u32) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while we look.
    let name = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("comm")).ok();
    folder.filter_map(Result::ok).filter_map(name).collect()
}
