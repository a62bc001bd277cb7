//! Debian's HAProxy in TCP mode, as sites run it in front of their proxies.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use tempfile::TempDir;

use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::HAPROXY;
use super::wait::{PATIENCE, poll};

/// A running HAProxy that says by PROXY v2 who its clients are.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Where it listens, one port for each place behind it.
    pub(crate) fronts: Vec<SocketAddr>,
    // Ends before its directory goes.
    _process: Process,
    _directory: TempDir,
}

impl Balancer {
    /// In front of these listeners.
    pub(crate) fn start(listeners: &[SocketAddr]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = include_str!("haproxy.cfg").to_owned();
        let mut fronts = Vec::new();
        for (number, listener) in listeners.iter().enumerate() {
            let front = SocketAddr::from((FRONT, free_port()));
            settings += &format!(
                "\nlisten mail{number}\n    bind {front}\n    server hale {listener} send-proxy-v2\n"
            );
            fronts.push(front);
        }
        let path = directory.path().join("haproxy.cfg");
        fs::write(&path, settings).unwrap();
        let mut command = HAPROXY.command();
        command.arg("-db").arg("-f").arg(&path);
        let process = Process::start("haproxy", &command, directory.path());
        for front in &fronts {
            let ready = poll(PATIENCE, || TcpStream::connect(front).ok());
            assert!(ready.is_some(), "HAProxy does not listen\n{}", process.said());
        }
        Self { fronts, _process: process, _directory: directory }
    }
}
