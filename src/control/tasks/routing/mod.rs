//! Routing on the control core: keeps the published table true, and looks up users and groups that no cache knows.
//!
//! The pure half is `route`: it builds the table and decides. This half reads rows, resolves names, writes what a decision
//! asks for, and publishes. Data cores never wait for it unless a user or group is new (K-CORE-4). Four tasks: who
//! asks (`look_ups`), the table (`tables`), what others changed, and how other sites are reached (`reach`); none of them waits for another's slow call (C-LOOK-1).
//! Tests: `tests`.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::mail::Inbox;
use super::table_news::TableNews;
use crate::config::Config;
use crate::config::model::{Cluster, GroupMoves};
use crate::control::admin::Board;
use crate::control::geodb::{Changes, GeoDb, GeoDbError};
use crate::control::localdb::LocalDb;
use crate::control::resolver::Resolver;
use crate::limits;
use crate::route::outage::FailoverRules;
use crate::route::rows::Backend;
use crate::route::table::RouteSettings;
use crate::share::exchange::Exchange;
use crate::share::messages::ToControl;
use kept::Kept;
use look_ups::LookUps;
use names::Ask;
use reach::{Reach, Seen, Ways};
use tables::{Orders, Tables};
use trouble::Trouble;

mod kept;
mod look_ups;
mod names;
mod reach;
mod tables;
mod trouble;

#[cfg(test)]
mod tests;

/// What routing is made of, before it begins.
#[derive(Debug)]
pub struct Routing {
    geodb: GeoDb,
    resolver: Resolver,
    settings: RouteSettings,
    exchange: Exchange,
    local: Option<LocalDb>,
    ways: Ways,
}

impl Routing {
    /// Routing by an open GeoDB.
    #[must_use]
    pub fn new(config: &Config, geodb: GeoDb, exchange: Exchange, local: Option<LocalDb>) -> Self {
        let cluster = &config.cluster;
        Self {
            geodb,
            resolver: Resolver::new(cluster.hosts_file.clone()),
            settings: RouteSettings {
                local_site: cluster.local_site.clone().unwrap_or_default().into(),
                default_group_count: cluster.default_group_count,
                test_username: cluster.backend_test_username.clone(),
                failover: failover_rules(cluster),
                are_moves_ours: cluster.group_moves == GroupMoves::Proxy,
            },
            exchange,
            local,
            ways: config.protocols.iter().map(|it| (*it, config.protocol(*it).clone())).collect(),
        }
    }

    /// Publishes the first table, and then starts the tasks.
    ///
    /// # Errors
    /// The system's, when the mailbox can't be watched.
    pub(super) async fn start(self, board: Board) -> std::io::Result<(Vec<JoinHandle<()>>, Desk)> {
        let Self { geodb, resolver, settings, exchange, local, ways } = self;
        let questions = Inbox::watch(exchange.to_control.clone())?;
        let trouble = Rc::new(Trouble::new(&exchange, board.clone()));
        let published = exchange.table.clone();
        let kept = Rc::new(Kept::new(published, settings, Rc::clone(&trouble), local.clone()));
        let mut tables =
            Tables::new(&geodb, resolver.clone(), Rc::clone(&kept), Rc::clone(&trouble));
        let mut changes = Changes::of(&geodb);
        // Before the rows are read: what changes meanwhile is noticed afterwards.
        match timeout(limits::GEODB_LOOK_UP_TIMEOUT, changes.look()).await {
            Ok(Ok(_)) => {}
            Ok(Err(fault)) => trouble.failed(&fault),
            Err(_) => trouble.failed(&GeoDbError::Timeout { after: limits::GEODB_LOOK_UP_TIMEOUT }),
        }
        let known = async {
            match &local {
                Some(local) => local.opened().await,
                None => None,
            }
        };
        tables.begin(known).await;
        let orders = tables.orders();
        let desk = Desk {
            kept: Rc::clone(&kept),
            orders: Rc::clone(&orders),
            trouble: Rc::clone(&trouble),
        };
        let reach = Reach {
            geodb: geodb.clone(),
            exchange: exchange.clone(),
            kept: Rc::clone(&kept),
            trouble,
            ways: Rc::new(ways),
            seen: Seen::default(),
        };
        let look_ups = Rc::new(LookUps::new(geodb, resolver, exchange, orders, kept, board));
        let mut tasks = vec![
            spawn_local(tables.keep()),
            spawn_local(watch(changes, Rc::clone(&look_ups))),
            spawn_local(serve(questions, look_ups)),
            spawn_local(reach.keep()),
        ];
        if let Some(local) = local {
            local.load_users().await;
            tasks.push(spawn_local(local.write_behind()));
        }
        Ok((tasks, desk))
    }
}

/// Where others of the control core hand in what they know of the rows.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    kept: Rc<Kept>,
    orders: Rc<Orders>,
    trouble: Rc<Trouble>,
}

impl Desk {
    /// A backend's row that was just written or read.
    pub(super) fn put_backend(&self, row: Backend) {
        self.kept.put_backend(row);
    }

    /// The published table, whenever it is another one.
    pub(super) fn tables(&self) -> TableNews {
        TableNews::new(self.kept.tables())
    }

    /// The rows are others than those of the table: it is made anew.
    pub(super) fn refresh(&self) {
        self.orders.order(Ask::All);
    }

    /// A call of the GeoDB failed.
    pub(super) fn failed(&self, fault: &GeoDbError) {
        self.trouble.failed(fault);
    }

    /// Writes a line to the log.
    pub(super) fn note(&self, warning: bool, text: String) {
        self.trouble.note(warning, text);
    }
}

fn failover_rules(cluster: &Cluster) -> FailoverRules {
    let rules = &cluster.site_failover;
    FailoverRules {
        auto: rules.auto,
        delay: rules.delay,
        ramp: rules.ramp,
        logins_per_second_max: rules.logins_per_second_max,
    }
}

/// Takes what data cores ask, and waits for no answer.
async fn serve(questions: Inbox<ToControl>, look_ups: Rc<LookUps>) {
    loop {
        questions.arrived().await;
        while let Some(message) = questions.take() {
            look_ups.take(message);
        }
    }
}

/// Looks for what others wrote.
async fn watch(mut changes: Changes, look_ups: Rc<LookUps>) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = changes.announcement() => sleep(GATHER).await,
        }
        match changes.look().await {
            Ok(news) => {
                look_ups.doubt(&news.users);
                look_ups.orders.take_news(changes.told(), news.tables, &look_ups.geodb);
            }
            Err(fault) => look_ups.trouble.failed(&fault),
        }
        look_ups.trouble.tell_on();
    }
}

/// Another process's writes to the GeoDB are seen within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Commands that run at the same time cost one look. Each of them waits for it, and for the table.
const GATHER: Duration = Duration::from_millis(2);
