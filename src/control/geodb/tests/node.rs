//! A real Cassandra for the tests of this process: one node, started by the first test that wants it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;

use super::place::{Place, Where};
use crate::config::{Cassandra as Settings, Consistencies, Consistency};

/// Its address and port.
pub(super) struct Node {
    pub(super) address: String,
    pub(super) folder: PathBuf,
}

pub(super) const PORT: u16 = 19_042;

static NODE: OnceCell<Node> = OnceCell::const_new();

/// The node that all tests share. None of them may stop it.
pub(super) async fn shared() -> &'static Node {
    NODE.get_or_init(|| async { Node::start("shared", 1).await }).await
}

impl Node {
    /// A node of one's own; `last` tells nodes of a process apart. It ends when this process does.
    pub(super) async fn start(name: &str, last: u8) -> Self {
        Self::start_as(name, last, &[]).await
    }

    /// The same, with options of the script.
    pub(super) async fn start_as(name: &str, last: u8, options: &[&str]) -> Self {
        let id = std::process::id();
        let address = format!("127.{}.{}.{last}", 64 + id / 256 % 64, id % 256);
        let folder = std::env::temp_dir().join(format!("hale-cassandra-{id}-{name}"));
        let node = Self { address, folder };
        let (port, id) = (PORT.to_string(), id.to_string());
        let where_to = ["--address", &node.address, "--port", &port, "--for", &id];
        node.script(&["start"], &[&where_to, options].concat()).await;
        node
    }

    /// The script of the tests, on this node's folder.
    pub(super) async fn script(&self, verb: &[&str], options: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassandra/cassandra");
        let mut command = Command::new(script);
        command.args(verb).arg(&self.folder).args(options);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends a signal to one of the nodes that were started together.
    pub(super) fn signal(&self, number: u8, signal: &str) {
        let pid = self.pid(number);
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// The process of one of them.
    pub(super) fn pid(&self, number: u8) -> String {
        let pid = std::fs::read_to_string(self.folder.join(format!("{number}/pid"))).unwrap();
        pid.trim().to_owned()
    }

    pub(super) fn settings(&self, keyspace: &str) -> Settings {
        let quorum = Consistency::LocalQuorum;
        Settings {
            hosts: vec![self.address.clone()],
            port: PORT,
            keyspace: keyspace.to_owned(),
            dc: Some("dc1".to_owned()),
            user: None,
            password: None,
            tls: false,
            ca_file: None,
            read: Consistencies { first: quorum, fallback: Consistency::LocalOne },
            write: Consistencies { first: quorum, fallback: quorum },
            delete: Consistencies { first: quorum, fallback: quorum },
            connect_timeout: Duration::from_secs(10),
            // Two busy cores: tests of deadlines have their own.
            request_timeout: Duration::from_secs(10),
        }
    }
}

/// A keyspace of its own for a test.
pub(super) async fn place(test: &str) -> Place {
    // Cassandra's names have 48 letters at most.
    let name: String = test.chars().take(48).collect();
    Place(Where::Cassandra(Box::new(settings_of(&name).await)))
}

/// The way to a keyspace of the shared node.
pub(in crate::control) async fn settings_of(keyspace: &str) -> Settings {
    shared().await.settings(keyspace)
}

/// A session without any of our own settings.
pub(in crate::control) async fn session(settings: &Settings) -> Session {
    let host = format!("{}:{}", settings.hosts[0], settings.port);
    SessionBuilder::new().known_node(host).build().await.unwrap()
}

/// Runs statements in which `K` is the keyspace, as an operator would type them.
pub(super) async fn write(settings: &Settings, statements: &str) {
    let session = session(settings).await;
    for statement in statements.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        let text = statement.replace("K.", &format!("{}.", settings.keyspace));
        session.query_unpaged(text, &[]).await.unwrap();
    }
}
