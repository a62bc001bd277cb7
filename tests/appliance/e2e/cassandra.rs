//! A real Cassandra around a test: nodes on addresses of their own that can be frozen and killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::{Signal, kill_process};

use super::hale::Setup;
use super::process::{pid, wait_until_gone};
use super::tools::{JAVA, PYTHON, run};
use super::wait::PATIENCE;

/// Nodes and their folder. They end with this value, and with this process, however that ends.
#[derive(Debug)]
pub(crate) struct Cassandra {
    addresses: Vec<String>,
    folder: PathBuf,
}

impl Cassandra {
    /// The node of tests that do it no harm; each has a keyspace of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cassandra> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(1, 1))
    }

    /// So many nodes for a test that hurts them, on addresses of this process from `first` on.
    pub(crate) fn start(nodes: u8, first: u8) -> Self {
        // The script wants both, and says less about it.
        let _ = (JAVA.path(), PYTHON.path());
        let id = std::process::id();
        // Not the network of the unit tests' nodes.
        let network = format!("127.{}.{}", 128 + id / 256 % 64, id % 256);
        let addresses = (first..first + nodes).map(|last| format!("{network}.{last}")).collect();
        let folder = std::env::temp_dir().join(format!("hale-e2e-cassandra-{id}-{first}"));
        let cassandra = Self { addresses, folder };
        let (nodes, port, id) = (nodes.to_string(), PORT.to_string(), id.to_string());
        let address = &cassandra.addresses[0];
        let options = ["--nodes", &nodes, "--address", address, "--port", &port, "--for", &id];
        cassandra.script(&["start"], &options);
        cassandra
    }

    /// Lets a Hale have its GeoDB here.
    pub(crate) fn serve(&self, setup: &mut Setup, keyspace: &str) {
        setup.configure(&format!("cluster_geodb = {}", self.place(keyspace)));
    }

    /// A GeoDB here, as `cluster_geodb` and `hale geodb copy` name it.
    pub(crate) fn place(&self, keyspace: &str) -> String {
        let hosts = self.addresses.join(",");
        format!("cassandra:hosts={hosts};port={PORT};keyspace={keyspace};dc=dc1")
    }

    pub(crate) fn signal(&self, node: usize, signal: Signal) {
        kill_process(pid(self.process_id(node)), signal).unwrap();
    }

    /// As if its host had lost power.
    pub(crate) fn kill(&self, node: usize) {
        let process = self.process_id(node);
        self.signal(node, Signal::KILL);
        wait_until_gone(process, PATIENCE);
    }

    /// Starts it again after it was killed, and waits until it answers.
    pub(crate) fn start_again(&self, node: usize) {
        self.script(&["node"], &[&node.to_string()]);
    }

    fn process_id(&self, node: usize) -> u32 {
        let file = self.folder.join(node.to_string()).join("pid");
        fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    fn script(&self, verb: &[&str], options: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassandra/cassandra");
        run(Command::new(script).args(verb).arg(&self.folder).args(options));
    }
}

impl Drop for Cassandra {
    fn drop(&mut self) {
        self.script(&["stop"], &[]);
    }
}

const PORT: u16 = 19_042;
