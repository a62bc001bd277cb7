//! Names to addresses: `cluster_hosts_file` first, then the system's resolver (nsswitch, /etc/hosts, DNS).
//!
//! Runs on the control core only; a data core finds addresses in its table (DESIGN decision 3). The system's call blocks,
//! so it is made on the runtime's threads for blocking work, with a deadline of our own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A resolver.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    hosts_file: Option<PathBuf>,
}

impl Resolver {
    /// A resolver that looks into `hosts_file` before it asks the system.
    #[must_use]
    pub fn new(hosts_file: Option<PathBuf>) -> Self {
        Self { hosts_file }
    }

    /// The addresses of `host`, in the order in which they should be tried; empty when nobody knows it.
    pub async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        if let Some(known) = self.known(host) {
            return known;
        }
        let ask = tokio::net::lookup_host((host.to_owned(), 0));
        match tokio::time::timeout(DEADLINE, ask).await {
            Ok(Ok(found)) => unique(found.map(|endpoint| endpoint.ip())),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// The same for a command that may block.
    #[must_use]
    pub fn resolve_blocking(&self, host: &str) -> Vec<IpAddr> {
        use std::net::ToSocketAddrs as _;
        self.known(host).unwrap_or_else(|| match (host, 0).to_socket_addrs() {
            Ok(found) => unique(found.map(|endpoint| endpoint.ip())),
            Err(_) => Vec::new(),
        })
    }

    /// A literal, or what the hosts file says. The file is read anew each time: it is small, and look-ups are rare.
    fn known(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(literal) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Some(vec![literal.to_canonical()]);
        }
        let table = read_hosts(self.hosts_file.as_deref()?)?;
        table.get(&host.to_ascii_lowercase()).cloned()
    }
}

fn read_hosts(path: &Path) -> Option<HashMap<String, Vec<IpAddr>>> {
    Some(parse_hosts(&std::fs::read_to_string(path).ok()?))
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

/// The resolver's patience; a name that does not answer keeps its last address.
const DEADLINE: Duration = Duration::from_secs(5);

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

    #[test]
    fn literals_need_nobody() {
        let resolver = Resolver::new(None);
        assert_eq!(
            resolver.resolve_blocking("::ffff:127.0.0.2"),
            ["127.0.0.2".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(resolver.resolve_blocking("[::1]"), ["::1".parse::<IpAddr>().unwrap()]);
    }
}
