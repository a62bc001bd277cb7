//! Where probes run, and what they leave behind (R-PROBE-2).

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rusqlite::Connection;

use super::hale::{Hale, Setup};
use super::kernel::{descriptors, sleeps};
use super::ports::free_port;
use super::probed::PROBES;
use super::wait::{PATIENCE, wait_for};

const HOSTS: u32 = 100;
const PROBED: usize = 250;

/// Hosts whose kernel makes connections, and that say nothing on them.
struct Frozen {
    listener: TcpListener,
    port: u16,
    /// Probes, and whatever else came.
    connections: Vec<TcpStream>,
}

impl Frozen {
    fn listen() -> Self {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener, port, connections: Vec::new() }
    }

    fn take(&mut self) -> usize {
        self.connections.extend(std::iter::from_fn(|| Some(self.listener.accept().ok()?.0)));
        self.connections.len()
    }
}

/// The cluster has these hosts and no other.
fn start(frozen: &Frozen) -> Hale {
    let mut setup = Setup::new(frozen.port);
    setup.configure(PROBES);
    setup.write();
    setup.succeed("geodb init");
    setup.succeed("cluster site add DC1");
    let mut hosts = String::new();
    let geodb = Connection::open(setup.path().join("state/geodb.sqlite")).unwrap();
    for number in 0..HOSTS {
        writeln!(hosts, "127.0.6.{} frozen{number}.test", number + 1).unwrap();
        let id = format!("{number:08x}-0000-4000-8000-000000000001");
        let sql = "insert into backends (id, site_id, load_factor, host, status) select ?1, id, 100, ?2, 'online' from sites";
        geodb.execute(sql, [id, format!("frozen{number}.test")]).unwrap();
    }
    drop(geodb);
    fs::write(setup.path().join("hosts"), hosts).unwrap();
    setup.run()
}

/// No client is there: what wakes a data core would be a probe.
#[test]
fn r_probe_2_probes_wake_no_data_core_and_frozen_hosts_keep_no_descriptor() {
    let mut frozen = Frozen::listen();
    let hale = start(&frozen);
    let process = hale.process_id();
    wait_for("the first probe", PATIENCE, || (frozen.take() > 0).then_some(()));
    let (before, first) = (sleeps(process), frozen.take());
    wait_for("many probes", 2 * PATIENCE, || (frozen.take() >= first + PROBED).then_some(()));
    let after = sleeps(process);
    let slept = after.iter().map(|(id, (name, count))| {
        (&**name, count - before.get(id).map_or(0, |(_, count)| *count))
    });
    let (data, others): (Vec<(&str, u64)>, Vec<_>) =
        slept.partition(|(name, _)| name.starts_with("hale-data"));
    // Each of them has its own reasons now and then. The core that probes sleeps less often than it probes where it finds
    // several hosts in one turn, which a busy machine makes it do.
    let control = others.iter().find(|(name, _)| *name == "hale").map(|(_, count)| *count);
    assert!(control >= Some(PROBED as u64 / 4), "the control core has probed: {others:?}");
    assert!(
        !data.is_empty() && data.iter().all(|(_, count)| *count < PROBED as u64 / 10),
        "{data:?}"
    );

    // Never more than one for each host, and none when they are gone from the cluster.
    let most = descriptors(process);
    let geodb = Connection::open(hale.setup().path().join("state/geodb.sqlite")).unwrap();
    geodb.busy_timeout(PATIENCE).unwrap();
    geodb.execute("delete from backends", ()).unwrap();
    hale.setup().succeed("cluster geodb refresh");
    wait_for("the end of all probes", PATIENCE, || {
        frozen.take();
        let is_over = |stream: &TcpStream| {
            stream.set_nonblocking(true).unwrap();
            // Nothing is sent before a greeting.
            !stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        frozen.connections.iter().all(is_over).then_some(())
    });
    let left = descriptors(process);
    assert!(left < most && most <= left + HOSTS as usize + SPARE, "{most}, {left} descriptors");
}

/// Clients of the admin socket, a log file that is opened.
const SPARE: usize = 8;
