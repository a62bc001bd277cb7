//! Routing on the control core: keeps the published table true, and settles users and groups that nobody knows.
//!
//! The pure half is `route`: it builds the table and decides. This half reads rows, resolves names, writes what a decision
//! asks for, and publishes. Data cores never wait for it unless a user or group is new (DESIGN decision 6).

use std::net::IpAddr;

use super::geodb::lookup::look_up;
use super::geodb::{Changed, Changes, GeoDb, GeoDbError, UnixMillis};
use super::resolver::Resolver;
use crate::config::Config;
use crate::event::Event;
use crate::fault::Failure;
use crate::ring::clock;
use crate::route::build::hosts_to_resolve;
use crate::route::decide::Decision;
use crate::route::group::{GroupChange, Placement};
use crate::route::problem::Problem;
use crate::route::rows::{Rows, User, UserGroup};
use crate::route::table::{Addresses, RouteSettings, Table};
use crate::share::exchange::Exchange;
use crate::share::messages::Answer;

/// The control core's routing.
#[derive(Debug)]
pub struct Routing {
    geodb: GeoDb,
    changes: Changes,
    resolver: Resolver,
    settings: RouteSettings,
    exchange: Exchange,
    addresses: Addresses,
    problems: Vec<Problem>,
    /// A failure has been reported and not yet been followed by a success.
    broken: bool,
}

impl Routing {
    /// Takes over an open GeoDB.
    #[must_use]
    pub fn new(config: &Config, geodb: GeoDb, exchange: Exchange) -> Self {
        let cluster = &config.cluster;
        Self {
            changes: geodb.changes(),
            geodb,
            resolver: Resolver::new(cluster.hosts_file.clone()),
            settings: RouteSettings {
                local_site: cluster.local_site.clone().unwrap_or_default().into(),
                default_group_count: cluster.default_group_count,
                test_username: cluster.backend_test_username.clone(),
            },
            exchange,
            addresses: Addresses::new(),
            problems: Vec::new(),
            broken: false,
        }
    }

    /// The first table. What others write from here on is noticed.
    pub async fn begin(&mut self) {
        if let Err(fault) = self.changes.look().await {
            self.complain(&fault);
        }
        self.refresh().await;
    }

    /// Reads everything and publishes a new table.
    pub async fn refresh(&mut self) {
        match self.read().await {
            Ok(rows) => {
                self.resolve(&rows).await;
                self.publish(&rows);
                self.recovered();
            }
            // The last table stays in force, whatever its age (G21).
            Err(fault) => self.complain(&fault),
        }
    }

    /// Refreshes when another process wrote to the GeoDB since the last look; cheap when nobody did.
    pub async fn refresh_if_changed(&mut self) {
        match self.changes.look().await {
            Ok(Changed::Nothing) => self.recovered(),
            Ok(Changed::Tables) => self.refresh().await,
            Ok(Changed::Users) => {
                // Rows of users may have changed too: the next login of each reads its row again.
                self.exchange.users.clear();
                self.refresh().await;
            }
            Err(fault) => self.complain(&fault),
        }
    }

    /// Settles a user: reads or writes whatever the decision needs, and puts it where the data cores look.
    pub async fn settle(&mut self, user: &str) -> Answer {
        for _ in 0..TABLES_MAX {
            let table = self.exchange.table.load();
            let found = look_up(&self.geodb, &table, user, unix_millis()).await;
            let answer = match found {
                Ok(answer) => answer,
                Err(fault) => {
                    self.complain(&fault);
                    return Answer::Unsettled {
                        failure: Failure::Unavailable,
                        detail: fault.to_string().into(),
                    };
                }
            };
            self.recovered();
            self.keep(answer.user, answer.group.as_ref()).await;
            match answer.decision {
                Decision::NeedTable => self.refresh().await,
                Decision::Fail { fault, about } => {
                    let detail = if about.is_empty() {
                        fault.text().into()
                    } else {
                        format!("{}: {about}", fault.text())
                    };
                    return Answer::Unsettled { failure: fault.failure(), detail: detail.into() };
                }
                _ => return Answer::Settled,
            }
        }
        let detail = "the GeoDB keeps changing under this login";
        Answer::Unsettled { failure: Failure::Unavailable, detail: detail.into() }
    }

    /// Writes a change that a data core decided, and shows it to all of them.
    pub async fn change(&mut self, change: Box<GroupChange>) {
        let known = self
            .exchange
            .table
            .load()
            .group(&change.name)
            .is_some_and(|row| Placement::from(row) == change.placement);
        if known {
            return;
        }
        let written = self.geodb.apply(&change, unix_millis()).await;
        match written {
            Ok(_) => self.refresh().await,
            Err(fault) => self.complain(&fault),
        }
    }

    /// Addresses of a name.
    pub async fn resolve_host(&self, host: &str) -> Answer {
        match self.resolver.resolve(host).await.first() {
            Some(address) => Answer::Resolved(*address),
            None => Answer::Unsettled {
                failure: Failure::InternalConfig,
                detail: format!("{host} (passdb field host) has no address; add it to cluster_hosts_file, DNS or /etc/hosts").into(),
            },
        }
    }

    async fn keep(&mut self, user: Option<User>, group: Option<&UserGroup>) {
        if let Some(user) = user {
            self.exchange.users.remember(user, clock::now());
        }
        let Some(group) = group else { return };
        if self.exchange.table.load().group(&group.name) != Some(group) {
            self.refresh().await;
        }
    }

    async fn read(&self) -> Result<Rows, GeoDbError> {
        self.geodb.read_all(&self.settings.local_site).await
    }

    /// Names that do not answer keep their last addresses.
    async fn resolve(&mut self, rows: &Rows) {
        let mut addresses = Addresses::new();
        for host in hosts_to_resolve(rows, &self.settings.local_site) {
            let found: Vec<IpAddr> = self.resolver.resolve(&host).await;
            let found = if found.is_empty() {
                self.addresses.remove(&host).unwrap_or_default()
            } else {
                found
            };
            addresses.insert(host, found);
        }
        self.addresses = addresses;
    }

    fn publish(&mut self, rows: &Rows) {
        let (table, problems) = Table::build(rows, &self.addresses, &self.settings);
        // Each problem is told once, when it appears (style.md 9: operator's faults, once per change).
        for problem in problems.iter().filter(|problem| !self.problems.contains(problem)) {
            self.note(true, format!("geodb: {problem}"));
        }
        self.problems = problems;
        if *self.exchange.table.load() != table {
            self.exchange.table.publish(table);
        }
    }

    fn complain(&mut self, fault: &GeoDbError) {
        if !self.broken {
            self.broken = true;
            self.note(true, format!("geodb: {fault}; logins go on with what is cached"));
        }
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.broken) {
            self.note(false, "geodb: answers again".to_owned());
        }
    }

    fn note(&self, warning: bool, text: String) {
        // A full log mailbox loses the line, as for everybody (RS-08).
        let _ = self.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }
}

#[expect(clippy::disallowed_methods, reason = "rows carry wall-clock time; control may read it")]
fn unix_millis() -> UnixMillis {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::try_from(now.as_millis()).unwrap_or(UnixMillis::MAX)
}

/// Tables built anew for one login before giving up.
const TABLES_MAX: u8 = 3;
