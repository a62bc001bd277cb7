//! Addresses of the hosts in the routing table.
//!
//! Duty: asking for all names at the same time, waiting for new ones only, and not long; a name that does not answer keeps
//! its last addresses, also those from before Hale was started. Non-duty: resolving (`control::resolver`), keeping addresses
//! over a restart (`control::localdb`). Driven by `tables`. Tests: below.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::control::resolver::Resolver;
use crate::route::table::Addresses;

/// Which names are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Those that were never asked for.
    New,
    /// All; those that have addresses are not waited for.
    All,
}

/// What is known, and what is being asked.
#[derive(Debug)]
pub(super) struct Names {
    resolver: Resolver,
    known: Addresses,
    /// From before the start, until the first names have been asked for.
    remembered: Arc<Addresses>,
    asked: JoinSet<(Box<str>, Vec<IpAddr>)>,
    under_way: HashSet<Box<str>>,
}

impl Names {
    pub(super) fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            known: Addresses::new(),
            remembered: Arc::default(),
            asked: JoinSet::new(),
            under_way: HashSet::new(),
        }
    }

    /// Where hosts were when Hale ran last. It counts for names that do not answer when they are asked for the first time.
    pub(super) fn remember(&mut self, addresses: Arc<Addresses>) {
        self.remembered = addresses;
    }

    /// The addresses of these hosts, as far as they are known after `patience`.
    pub(super) async fn of(
        &mut self,
        hosts: Vec<Box<str>>,
        ask: Ask,
        patience: Duration,
    ) -> &Addresses {
        let hosts: HashSet<Box<str>> = hosts.into_iter().collect();
        self.known.retain(|host, _| hosts.contains(host));
        let (mut awaited, mut wanted) = (HashSet::new(), Vec::new());
        for host in &hosts {
            let known = self.known.get(host);
            if known.is_some() && ask == Ask::New || self.under_way.contains(host) {
                continue;
            }
            if known.is_none_or(Vec::is_empty) {
                awaited.insert(host.clone());
            }
            wanted.push(host.clone());
        }
        self.ask(wanted);
        let until = Instant::now() + patience;
        while !awaited.is_empty() {
            let Ok(Some(Ok((host, found)))) = timeout_at(until, self.asked.join_next()).await
            else {
                break;
            };
            awaited.remove(&host);
            self.learn(host, found);
        }
        self.fall_back(&hosts);
        &self.known
    }

    /// What is known.
    pub(super) fn known(&self) -> &Addresses {
        &self.known
    }

    /// Waits until a name that was not waited for has other addresses than before.
    pub(super) async fn changed(&mut self) {
        loop {
            match self.asked.join_next().await {
                Some(Ok((host, found))) => {
                    if self.learn(host, found) {
                        return;
                    }
                }
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn fall_back(&mut self, hosts: &HashSet<Box<str>>) {
        for (host, addresses) in &*std::mem::take(&mut self.remembered) {
            if hosts.contains(host) && self.known.get(host).is_none_or(Vec::is_empty) {
                self.known.insert(host.clone(), addresses.clone());
            }
        }
    }

    fn ask(&mut self, wanted: Vec<Box<str>>) {
        if wanted.is_empty() {
            return;
        }
        let table = self.resolver.hosts();
        for host in wanted {
            self.under_way.insert(host.clone());
            let (resolver, table) = (self.resolver.clone(), table.clone());
            self.asked.spawn(async move {
                let found = resolver.resolve_with(&host, &table).await;
                (host, found)
            });
        }
    }

    /// Whether that was news.
    fn learn(&mut self, host: Box<str>, found: Vec<IpAddr>) -> bool {
        self.under_way.remove(&host);
        let known = self.known.entry(host).or_default();
        let is_news = !found.is_empty() && *known != found;
        if is_news {
            *known = found;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_name_that_hangs_is_waited_for_once_and_no_other_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        std::fs::write(&file, "127.0.0.2 be1\n").unwrap();
        let mut names = Names::new(Resolver::of_file_or_mute(file.clone(), LONG));
        let hosts = || vec!["be1".into(), "mute".into()];
        let be1: IpAddr = "127.0.0.2".parse().unwrap();
        let first = names.of(hosts(), Ask::New, SHORT).await;
        assert_eq!((first.get("be1"), first.get("mute")), (Some(&vec![be1]), None));
        // It is still being asked for: a login that needs a table now does not wait again.
        for ask in [Ask::New, Ask::All] {
            let again = tokio::time::timeout(LONG / 2, names.of(hosts(), ask, LONG)).await;
            assert_eq!(again.unwrap().get("be1"), Some(&vec![be1]));
        }
        // A known one has moved: found out beside, and published when it is.
        std::fs::write(&file, "127.0.0.3 be1\n").unwrap();
        names.of(hosts(), Ask::All, LONG).await;
        names.changed().await;
        let moved: IpAddr = "127.0.0.3".parse().unwrap();
        let hosts = vec!["be1".into()];
        assert_eq!(names.of(hosts, Ask::New, LONG).await.get("be1"), Some(&vec![moved]));
    }

    #[tokio::test]
    async fn c_local_1_addresses_from_before_the_start_count_for_names_that_do_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        std::fs::write(&file, "127.0.0.2 be1\n").unwrap();
        let address = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
        let before: Addresses = ["be1", "mute", "gone"]
            .into_iter()
            .map(|host| (host.into(), address("127.0.0.9")))
            .collect();
        for resolver in
            [Resolver::of_file(file.clone()), Resolver::of_file_or_mute(file.clone(), LONG)]
        {
            let mut names = Names::new(resolver);
            names.remember(Arc::new(before.clone()));
            let hosts = || vec!["be1".into(), "mute".into(), "new".into()];
            let known = names.of(hosts(), Ask::All, SHORT).await;
            assert_eq!(known.get("be1"), Some(&address("127.0.0.2")), "it answers");
            assert_eq!(known.get("mute"), Some(&address("127.0.0.9")));
            assert!(known.get("new").is_none_or(Vec::is_empty));
            assert!(!known.contains_key("gone"), "no row names it");
            // By now that is too old.
            let known = names.of(vec!["gone".into()], Ask::New, SHORT).await;
            assert!(known.get("gone").is_none_or(Vec::is_empty));
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_answer_any_more_keeps_its_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        std::fs::write(&file, "127.0.0.2 be1\n").unwrap();
        let mut names = Names::new(Resolver::of_file(file.clone()));
        let be1: IpAddr = "127.0.0.2".parse().unwrap();
        names.of(vec!["be1".into()], Ask::New, LONG).await;
        std::fs::write(&file, "127.0.0.4 be2\n").unwrap();
        let known = names.of(vec!["be1".into(), "be2".into()], Ask::All, LONG).await;
        assert_eq!((known.get("be1"), known.len()), (Some(&vec![be1]), 2));
        // No row names it any more, and then one does again.
        assert_eq!(names.of(vec!["be2".into()], Ask::New, LONG).await.len(), 1);
        while names.asked.join_next().await.is_some() {}
        names.under_way.clear();
        let known = names.of(vec!["be1".into(), "be2".into()], Ask::New, LONG).await;
        assert_eq!(known.get("be1"), Some(&Vec::new()));
    }
}
