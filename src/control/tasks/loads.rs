//! What backends are used for, kept up: samples of what logins have seen, rows for the other proxies, and what those have (R-LOAD-3).
//!
//! Duty: looking every few seconds, writing and reading every fifteen, telling the board. Non-duty: what is counted and how
//! (`control::loads`, `share::backend_loads`). No login waits for it; a GeoDB that does not answer leaves other proxies'
//! connections as they were last told, for 45 seconds. Tests: `tests/appliance/e2e/loads.rs`.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::routing::Desk;
use crate::control::admin::{Admin, Board};
use crate::control::geodb::{DestFigure, GeoDb, GeoDbError};
use crate::control::loads::{self, Minute, Use};
use crate::control::wall_clock::unix_millis;
use crate::limits;
use crate::ring::clock;
use crate::share::exchange::Exchange;

/// The task.
#[derive(Debug)]
pub(super) struct Loads {
    geodb: GeoDb,
    exchange: Exchange,
    board: Board,
    desk: Desk,
    /// Our name, as rows have it.
    proxy: Box<str>,
}

impl Loads {
    pub(super) fn new(geodb: GeoDb, exchange: Exchange, desk: Desk, admin: &Admin) -> Self {
        Self { geodb, exchange, board: admin.board(), desk, proxy: admin.proxy().into() }
    }

    /// For ever.
    pub(super) async fn keep(self) {
        let mut minute = Minute::default();
        // Of these the last rows say that something goes on there.
        let mut busy = HashSet::new();
        // What the GeoDB said last, which is good for 45 seconds.
        let mut heard = Vec::new();
        let mut telling: JoinSet<Result<Vec<DestFigure>, GeoDbError>> = JoinSet::new();
        let mut look = interval(limits::LOADS_LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tell = interval(limits::STATS_EVERY);
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => self.look(&mut minute),
                _ = tell.tick() => if telling.is_empty() {
                    self.tell(&minute, &mut busy, &mut telling);
                },
                Some(told) = telling.join_next() => match told {
                    Ok(Ok(rows)) => {
                        heard = rows;
                        self.hear(&heard);
                    }
                    Ok(Err(fault)) => {
                        self.hear(&heard);
                        self.desk.failed(&fault);
                    }
                    // It panicked: a bug, and the task ends with it (K-CORE-3).
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
            }
        }
    }

    fn look(&self, minute: &mut Minute) {
        let table = self.exchange.table.load();
        if table.backends().iter().any(|backend| backend.host.connections_max.is_some()) {
            self.exchange.loads.expect_bounds(true);
        }
        self.exchange.loads.keep_only(|host| table.place_by_host(host).is_some());
        minute.look(&self.exchange.evidence.seen(), clock::now());
        self.board.uses_seen(minute.uses(&self.exchange.loads.now()));
    }

    /// Writes our rows, and reads all of the site's where a bound holds. Hosts at which nothing goes on are left out, so that
    /// a large cluster with few users costs little.
    fn tell(
        &self,
        minute: &Minute,
        busy: &mut HashSet<Arc<str>>,
        telling: &mut JoinSet<Result<Vec<DestFigure>, GeoDbError>>,
    ) {
        let table = self.exchange.table.load();
        let Some(site) = table.local_site().map(|site| site.id) else { return };
        let uses = minute.uses(&self.exchange.loads.now());
        let known = uses.into_iter().filter(|(host, _)| table.place_by_host(host).is_some());
        let mut rows = Vec::new();
        let was_busy = std::mem::take(busy);
        for (host, of) in known {
            let is_busy = of != Use::default();
            if is_busy || was_busy.contains(&host) {
                rows.extend(loads::rows((site, &self.proxy), &host, of, unix_millis()));
            }
            if is_busy {
                busy.insert(host);
            }
        }
        let is_bounded = self.exchange.loads.is_bounded();
        telling.spawn_local(exchange_rows(self.geodb.clone(), site, rows, is_bounded));
    }

    /// What the others have.
    fn hear(&self, rows: &[DestFigure]) {
        let others = loads::elsewhere(rows, &self.proxy, unix_millis());
        let told = others.into_iter().map(|(host, of)| {
            let connections = u32::try_from(of.connections).unwrap_or(u32::MAX);
            (host.into(), connections)
        });
        self.exchange.loads.set_elsewhere(&told.collect());
    }
}

async fn exchange_rows(
    geodb: GeoDb,
    site: Uuid,
    rows: Vec<DestFigure>,
    is_bounded: bool,
) -> Result<Vec<DestFigure>, GeoDbError> {
    for rows in rows.chunks(ROWS_AT_ONCE) {
        geodb.write_dest_figures(rows).await?;
    }
    if is_bounded { geodb.read_site_figures(site).await } else { Ok(Vec::new()) }
}

/// Rows in one transaction: logins that write wait no longer than for those.
const ROWS_AT_ONCE: usize = 500;
