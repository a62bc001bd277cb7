//! Names to addresses: `cluster_hosts_file` first, then the system's resolver (nsswitch, /etc/hosts, DNS).
//!
//! Runs on the control core only; a data core finds addresses in its table (K-CORE-2). The system's call blocks,
//! so it is made on the runtime's threads for blocking work, with a deadline of our own. A call that has missed it keeps its
//! thread until the system gives up, hence the bound on how many there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::ToSocketAddrs as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::limits;

/// A resolver. Clones share the bound on the system's calls.
#[derive(Clone, Debug)]
pub struct Resolver {
    hosts_file: Option<PathBuf>,
    room: Arc<Semaphore>,
    deadline: Duration,
    others: Others,
}

/// What knows the names that are not in the hosts file.
#[derive(Clone, Debug)]
enum Others {
    System,
    /// For tests: nothing does.
    #[cfg(test)]
    Nothing,
    /// For tests: something that never answers.
    #[cfg(test)]
    Mute,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Resolver {
    /// A resolver that looks into `hosts_file` before it asks the system.
    #[must_use]
    pub fn new(hosts_file: Option<PathBuf>) -> Self {
        let room = Arc::new(Semaphore::new(limits::NAMES_AT_ONCE_MAX));
        Self { hosts_file, room, deadline: limits::NAME_TIMEOUT, others: Others::System }
    }

    /// A resolver that knows what the file says and nothing else.
    #[cfg(test)]
    pub(in crate::control) fn of_file(hosts_file: PathBuf) -> Self {
        Self { others: Others::Nothing, ..Self::new(Some(hosts_file)) }
    }

    /// The same, and every other name hangs until the deadline.
    #[cfg(test)]
    pub(in crate::control) fn of_file_or_mute(hosts_file: PathBuf, deadline: Duration) -> Self {
        Self { others: Others::Mute, deadline, ..Self::new(Some(hosts_file)) }
    }

    /// The addresses of `host`, in the order in which they should be tried; empty when there are none.
    pub async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        self.resolve_with(host, &self.hosts()).await
    }

    /// The same for one of many: the hosts file was read once for all of them.
    pub async fn resolve_with(&self, host: &str, hosts: &Hosts) -> Vec<IpAddr> {
        match hosts.known(host) {
            Some(known) => known,
            None => timeout(self.deadline, self.ask(host)).await.unwrap_or_default(),
        }
    }

    /// The addresses of all these names, which are asked for at the same time.
    pub async fn resolve_all(&self, hosts: Vec<Box<str>>) -> HashMap<Box<str>, Vec<IpAddr>> {
        let table = self.hosts();
        let mut asked = JoinSet::new();
        for host in hosts {
            let (resolver, table) = (self.clone(), table.clone());
            asked.spawn(async move {
                let found = resolver.resolve_with(&host, &table).await;
                (host, found)
            });
        }
        asked.join_all().await.into_iter().collect()
    }

    /// What the hosts file says now; nothing if there is none. A cluster may have ten thousand backends in it, so it is
    /// read once for all names that are asked for together.
    #[must_use]
    pub fn hosts(&self) -> Hosts {
        Hosts { file: self.hosts_file.clone(), table: Arc::default() }
    }

    async fn ask(&self, host: &str) -> Vec<IpAddr> {
        match self.others {
            Others::System => {}
            #[cfg(test)]
            Others::Nothing => return Vec::new(),
            #[cfg(test)]
            Others::Mute => return std::future::pending().await,
        }
        // It is never closed, so there is room in the end.
        let room = Arc::clone(&self.room).acquire_owned().await;
        let host = host.to_owned();
        let asked = spawn_blocking(move || {
            let _room = room;
            let found = (host.as_str(), 0).to_socket_addrs();
            found.map(|found| unique(found.map(|endpoint| endpoint.ip())))
        });
        match asked.await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }
}

/// What the hosts file says when the first name is looked for, names in lower case. Clones are the same.
#[derive(Clone, Debug)]
pub struct Hosts {
    file: Option<PathBuf>,
    table: Arc<OnceLock<HashMap<String, Vec<IpAddr>>>>,
}

impl Hosts {
    /// A literal, or what the file says.
    fn known(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(literal) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Some(vec![literal.to_canonical()]);
        }
        let table = self.table.get_or_init(|| {
            let text = self.file.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
            text.map(|text| parse_hosts(&text)).unwrap_or_default()
        });
        table.get(&host.to_ascii_lowercase()).cloned()
    }
}

/// Reads the format of hosts(5): address, then names.
fn parse_hosts(text: &str) -> HashMap<String, Vec<IpAddr>> {
    let mut table: HashMap<String, Vec<IpAddr>> = HashMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        for name in words {
            table.entry(name.to_ascii_lowercase()).or_default().push(address.to_canonical());
        }
    }
    table
}

fn unique(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut seen = Vec::new();
    for address in addresses.map(|address| address.to_canonical()) {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_read_as_hosts_5_says() {
        let table = parse_hosts(
            "127.0.0.2 be1.test be1 # first\n# 127.0.0.9 no\n::1 be2.test\nnonsense x\n127.0.0.3 BE1.test\n",
        );
        let be1: Vec<IpAddr> = vec!["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];
        assert_eq!(table.get("be1.test"), Some(&be1));
        assert_eq!(table.get("be2.test").map(Vec::len), Some(1));
        assert_eq!(table.get("no"), None);
    }

    #[tokio::test]
    async fn literals_need_no_name_server() {
        let resolver = Resolver::of_file(PathBuf::new());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(resolver.resolve("::ffff:127.0.0.2").await, [address("127.0.0.2")]);
        assert_eq!(resolver.resolve("[::1]").await, [address("::1")]);
    }

    /// Twenty thousand names that are in the file are asked of no other: within a deadline that reading it for each would miss.
    #[tokio::test]
    async fn c_look_1_a_large_hosts_file_is_read_once_for_all_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let lines = (0..20_000).map(|n| format!("127.0.{}.{} BE{n}.test\n", n / 250, n % 250 + 1));
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        let resolver = Resolver::of_file(path);
        let hosts = (0..20_000).map(|n| format!("be{n}.TEST").into()).collect();
        let found = timeout(limits::NAME_TIMEOUT * 4, resolver.resolve_all(hosts)).await.unwrap();
        assert_eq!(found.len(), 20_000);
        assert_eq!(found["be19999.TEST"], ["127.0.79.250".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn names_that_hang_hold_up_no_others_and_cost_one_deadline_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        std::fs::write(&path, "127.0.0.2 be1.test\n").unwrap();
        let deadline = Duration::from_millis(300);
        let resolver = Resolver::of_file_or_mute(path, deadline);
        let hosts = (0..200).map(|n| format!("mute{n}").into()).chain(["be1.test".into()]);
        // One after the other they would take a minute.
        let all = timeout(deadline * 100, resolver.resolve_all(hosts.collect()));
        let found = all.await.unwrap();
        assert_eq!(found.len(), 201);
        assert_eq!(found["be1.test"], ["127.0.0.2".parse::<IpAddr>().unwrap()]);
        assert!(found["mute7"].is_empty());
    }
}
