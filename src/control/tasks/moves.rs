//! Carries out moves of groups (`cluster_group_moves = proxy`): ends sessions, has the ends of moves written. What and when is
//! decided by [`crate::moving`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::config::model::{Cluster, GroupMoves};
use crate::config::{Config, GeoDb};
use crate::control::admin::Admin;
use crate::event::Event;
use crate::limits;
use crate::moving::{Ending, Finish, Moves, Rules, Wish};
use crate::ring::clock;
use crate::route::table::Table;
use crate::share::enquiry::Whom;
use crate::share::exchange::Exchange;
use crate::share::messages::ToControl;

/// Moves of groups, where the proxies carry them out. On SQLite the others are processes of this host, which see a change within
/// a second; on Cassandra they read groups again within ten, and the timeout leaves them time.
#[must_use]
pub fn moves_of(config: &Config) -> Option<Moves> {
    let Cluster { group_moves, user_move_timeout: timeout, geodb, .. } = &config.cluster;
    let notice = match geodb {
        GeoDb::Sqlite(_) => limits::MOVE_NOTICE_ON_SQLITE.min(*timeout),
        GeoDb::Cassandra(_) => *timeout,
    };
    let rules = Rules { notice, timeout: *timeout };
    (*group_moves == GroupMoves::Proxy).then(|| Moves::new(rules))
}

/// Never ends.
pub(super) async fn carry_out(mut moves: Moves, exchange: Exchange, admin: Rc<Admin>) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        look.tick().await;
        let table = exchange.table.load();
        let is_new = seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &table));
        if !is_new && !moves.are_under_way() {
            continue;
        }
        for wish in moves.look(&table, clock::now()) {
            match wish {
                Wish::End(ending) => end(&ending, &table, &mut moves, &exchange, &admin).await,
                Wish::Finish(finish) => finish_moves(finish, &table, &exchange),
            }
        }
        seen = Some(table);
    }
}

async fn end(
    ending: &Ending,
    table: &Table,
    moves: &mut Moves,
    exchange: &Exchange,
    admin: &Admin,
) {
    // Of a backend that is gone from the table the sessions cannot be named; they end when it does.
    let Some(backend) = table.backend(ending.backend) else { return };
    let host = &backend.host.name;
    let whom = Whom {
        backend: Some((**host).into()),
        groups: Some(ending.groups.clone()),
        ..Whom::default()
    };
    let groups = ending.groups.len();
    match admin.leave(whom).await {
        Ok(count) => {
            moves.ended(ending, count);
            if count > 0 {
                let text = format!(
                    "move: {count} sessions at {host} ended, because {groups} groups leave it"
                );
                note(exchange, false, text);
            }
        }
        // It is tried again.
        Err(error) => {
            note(
                exchange,
                true,
                format!(
                    "move: {groups} groups leave {host}, and their sessions cannot be ended: {error}"
                ),
            );
        }
    }
}

/// The table is published with the rows as they are written, and that is when held logins go on.
fn finish_moves(finish: Finish, table: &Table, exchange: &Exchange) {
    let Finish { source, changes, held } = finish;
    let host = table.backend(source).map_or_else(|| "a backend".into(), |it| it.host.name.clone());
    let (all, mut stay, mut sent) = (changes.len(), 0, 0);
    for change in changes {
        stay += usize::from(change.placement.backend_id == Some(source));
        // A full mailbox: it is asked for again.
        sent += usize::from(exchange.to_control.send(ToControl::Change(Box::new(change))).is_ok());
    }
    if sent < all {
        note(
            exchange,
            true,
            format!("move: {} of {all} ends of moves wait to be written", all - sent),
        );
    }
    let went = all - stay;
    if went > 0 {
        let text = format!(
            "move: {went} groups of {host} are taken over by their destinations; their logins were held for {} s at most",
            held.as_secs()
        );
        note(exchange, false, text);
    }
    if stay > 0 {
        let text = format!(
            "move: {stay} groups stay at {host}: where they were to go is not online; see hale cluster backend list"
        );
        note(exchange, true, text);
    }
}

fn note(exchange: &Exchange, warning: bool, text: String) {
    let _ = exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
}

/// A new table is looked at within this.
const LOOK_EVERY: Duration = Duration::from_millis(100);
