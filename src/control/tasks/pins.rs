//! Ends the sessions of users who are pinned to a backend, or no more: their next login is the one that goes where it should
//! (C-PIN-2). Whose is decided by [`crate::moving::pinned`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::control::admin::Admin;
use crate::event::Event;
use crate::moving::pinned::Pinned;
use crate::route::table::Table;
use crate::share::enquiry::{Mask, Whom};
use crate::share::exchange::Exchange;

/// Never ends.
pub(super) async fn follow(exchange: Exchange, admin: Rc<Admin>) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen: Option<Arc<Table>> = None;
    let mut pinned = Pinned::default();
    loop {
        look.tick().await;
        let table = exchange.table.load();
        if seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &table)) {
            pinned.look(&table);
        }
        for user in pinned.leaving() {
            let whom = Whom { users: Some(Mask::new(&user)), ..Whom::default() };
            // A core is behind: it is asked again.
            let Ok(left) = admin.leave(whom).await else { continue };
            pinned.ended(&user);
            if left.all() > 0 {
                note(&exchange, ended(&table, &user, left.all()));
            }
        }
        seen = Some(table);
    }
}

fn ended(table: &Table, user: &str, count: usize) -> String {
    match table.pin(user).and_then(|pin| table.backend(pin.backend)) {
        Some(backend) => format!(
            "pin: {count} sessions of {user} ended: the user is pinned to {}",
            backend.host.name
        ),
        None => format!("pin: {count} sessions of {user} ended: the user is pinned no more"),
    }
}

fn note(exchange: &Exchange, text: String) {
    let _ = exchange.log.send(Event::Note { warning: false, text: text.into_boxed_str() });
}

/// A new table is looked at within this.
const LOOK_EVERY: Duration = Duration::from_millis(100);
