//! Ends the sessions of users who are pinned to a backend, or no more: their next login is the one that goes where it should (C-PIN-2).

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::table_news::TableNews;
use crate::control::admin::Admin;
use crate::event::Event;
use crate::route::pins::{Followed, changed};
use crate::share::enquiry::{Mask, Whom};
use crate::share::exchange::Exchange;

/// Never ends.
pub(super) async fn follow(mut tables: TableNews, exchange: Exchange, admin: Rc<Admin>) {
    let mut known: Option<Followed> = None;
    // Whose sessions are still to be ended.
    let mut leaving: BTreeSet<Box<str>> = BTreeSet::new();
    loop {
        let table = tables.next((!leaving.is_empty()).then_some(AGAIN)).await;
        // Before the first rows were read there were no sessions.
        if table.local_site().is_some() {
            let pins = table.followed_pins();
            if let Some(before) = known.replace(pins.clone()) {
                leaving.extend(changed(&before, &pins));
            }
        }
        let mut left = BTreeSet::new();
        for user in leaving {
            let whom = Whom { users: Some(Mask::new(&user)), ..Whom::default() };
            match admin.leave(whom).await.map(|left| left.all()) {
                Ok(0) => {}
                Ok(count) => {
                    let to = table.pin(&user).and_then(|pin| table.backend(pin.backend));
                    let text = match to {
                        Some(backend) => format!(
                            "pin: {count} sessions of {user} ended: the user is pinned to {}",
                            backend.host.name
                        ),
                        None => format!(
                            "pin: {count} sessions of {user} ended: the user is pinned no more"
                        ),
                    };
                    note(&exchange, text);
                }
                // A core is behind; it is asked again.
                Err(_) => drop(left.insert(user)),
            }
        }
        leaving = left;
    }
}

fn note(exchange: &Exchange, text: String) {
    let _ = exchange.log.send(Event::Note { warning: false, text: text.into_boxed_str() });
}

/// A core that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(100);
