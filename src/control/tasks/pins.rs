//! Ends the sessions of users who are pinned to a backend, or no more: their next login is the one that goes where it should
//! (C-PIN-2). Whose is decided by [`crate::moving::pinned`].

use std::rc::Rc;
use std::time::Duration;

use super::table_news::TableNews;
use crate::control::admin::Admin;
use crate::event::Event;
use crate::moving::pinned::Pinned;
use crate::route::table::Table;
use crate::share::enquiry::{Mask, Whom};
use crate::share::exchange::Exchange;

/// Never ends.
pub(super) async fn follow(mut tables: TableNews, exchange: Exchange, admin: Rc<Admin>) {
    let mut pinned = Pinned::default();
    loop {
        let table = tables.next((!pinned.leaving().is_empty()).then_some(AGAIN)).await;
        pinned.look(&table);
        for user in pinned.leaving() {
            let whom = Whom { users: Some(Mask::new(&user)), ..Whom::default() };
            // A core is behind: it is asked again.
            let Ok(left) = admin.leave(whom).await else { continue };
            pinned.ended(&user);
            if left.all() > 0 {
                note(&exchange, ended(&table, &user, left.all()));
            }
        }
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

/// A core that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(100);
