//! What the kernel knows about a process and about all sockets.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::tools::{SS, run};
use super::wait::{PATIENCE, wait_for};

/// Takes as many descriptors as the host allows; what we start inherits it.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// Waits until everything that was sent on a connection has been read at its other end, or the other end is gone.
pub(crate) fn wait_until_taken(stream: &TcpStream) {
    let (near, far) =
        (endpoint(stream.local_addr().unwrap()), endpoint(stream.peer_addr().unwrap()));
    wait_for("a reader", PATIENCE, || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        // Number, local, remote, state, bytes to be sent and to be read, and more.
        let waits = table.lines().skip(1).any(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            let ends = (words.next().unwrap(), words.next().unwrap());
            let (unsent, unread) = words.nth(1).unwrap().split_once(':').unwrap();
            let queue = match ends {
                (local, remote) if local == near && remote == far => unsent,
                (local, remote) if local == far && remote == near => unread,
                _ => return false,
            };
            queue != "00000000"
        });
        (!waits).then_some(())
    });
}

/// An address as /proc/net/tcp has it: four bytes as one number of this machine, and the port.
fn endpoint(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("{address} is not IPv4") };
    let number = u32::from_ne_bytes(address.ip().octets());
    format!("{number:08X}:{:04X}", address.port())
}

/// Kernel memory in TCP sockets of this network namespace's host, in bytes (`mem` of /proc/net/sockstat counts pages).
pub(crate) fn tcp_memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("TCP: ")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.iter().position(|word| *word == "mem").unwrap();
    let pages: u64 = words[at + 1].parse().unwrap();
    pages * u64::try_from(rustix::param::page_size()).unwrap()
}

/// Kernel memory in the TCP sockets of one process, in bytes.
pub(crate) fn socket_bytes(process: u32) -> u64 {
    let listing = run(SS.command().args(["-H", "--tcp", "--memory", "--numeric", "--extended"]));
    let listing = String::from_utf8(listing).unwrap();
    // Each socket has a line of its own and its memory on an indented line below.
    let listing = listing.replace("\n\t", " ");
    let sockets = socket_inodes(process);
    let is_ours = |line: &&str| inode(line).is_some_and(|inode| sockets.contains(inode));
    listing.lines().filter(is_ours).map(queued_bytes).sum()
}

/// `ino:12345` of a line of `ss --extended`.
fn inode(line: &str) -> Option<&str> {
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix("ino:"))
}

/// The sockets of all threads: data cores have descriptor tables of their own, which `/proc/PID/fd` does not show.
fn socket_inodes(process: u32) -> HashSet<String> {
    let links =
        tables(process).into_iter().flat_map(|table| fs::read_dir(table).into_iter().flatten());
    let target = |entry: std::io::Result<fs::DirEntry>| fs::read_link(entry.ok()?.path()).ok();
    let socket = |link: std::path::PathBuf| {
        let name = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(name.to_owned())
    };
    links.filter_map(target).filter_map(socket).collect()
}

/// The descriptor tables of a process: the shared one, and those of the data cores.
fn tables(process: u32) -> Vec<std::path::PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap().filter_map(Result::ok);
    let is_core = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with("hale-data"))
    };
    let cores = tasks.filter(is_core).map(|task| task.path().join("fd"));
    std::iter::once(format!("/proc/{process}/fd").into()).chain(cores).collect()
}

/// `skmem:(r…,rb…,t…,tb…,f…,w…,…)`: received, in the device, kept for later, and queued to send. The rest are limits.
fn queued_bytes(socket: &str) -> u64 {
    let (_, memory) = socket.split_once("skmem:(").unwrap();
    let (memory, _) = memory.split_once(')').unwrap();
    let count = |field: &str| field.trim_start_matches(['r', 't', 'f', 'w']).parse::<u64>().ok();
    // A limit keeps its second letter and is no number.
    memory.split(',').filter_map(count).sum()
}

/// Resident memory of a process that is in no file, in bytes. Program text comes in pieces of 128 KiB, whenever a function is
/// called for the first time: a measure of what a session or message costs is not to depend on that.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    };
    of("RssAnon:") + of("RssShmem:")
}

/// Memory of a process that is in huge pages, in bytes.
pub(crate) fn huge_bytes(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// CPUs that this process may use.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Threads that the kernel made for io_uring work it could not do at once. A proxy that never needs one has none.
pub(crate) fn ring_workers(process: u32) -> usize {
    threads(process).iter().filter(|name| name.starts_with("iou-wrk")).count()
}

/// How many data cores a Hale has.
pub(crate) fn data_cores(process: u32) -> usize {
    threads(process).iter().filter(|name| name.starts_with("hale-data")).count()
}

/// Whether every thread is in this state (`man 5 proc_pid_stat`).
pub(crate) fn all_threads_are(process: u32, state: char) -> bool {
    let folder = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    folder.filter_map(Result::ok).all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The name in brackets may hold anything.
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(state))
    })
}

fn threads(process: u32) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while we look.
    let name = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("comm")).ok();
    folder.filter_map(Result::ok).filter_map(name).collect()
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(process: u32) -> usize {
    tables(process).into_iter().map(|table| fs::read_dir(table).unwrap().count()).sum()
}

/// How often each thread has gone to sleep by itself, with its name.
pub(crate) fn sleeps(process: u32) -> BTreeMap<u32, (String, u64)> {
    let folder = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of = |task: fs::DirEntry| {
        let id = task.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let count = field("voluntary_ctxt_switches:")?.trim().parse().ok()?;
        Some((id, (field("Name:")?.trim().to_owned(), count)))
    };
    folder.filter_map(Result::ok).filter_map(of).collect()
}
