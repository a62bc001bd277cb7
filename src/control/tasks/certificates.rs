//! Publishes new keys for tickets when their time is over; warns of certificates that end soon.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use crate::control::admin::Board;
use crate::control::certificates::Certificates;
use crate::control::current::Current;
use crate::control::wall_clock::unix_seconds;
use crate::event::Event;
use crate::limits;
use crate::share::mailbox::Mailbox;
use crate::share::snapshot::Published;
use crate::tls::Context;

/// Replaces the keys of tickets when their time is over, and looks at the ends of certificates.
pub(super) async fn watch(
    certificates: Current<Certificates>,
    published: Published<Context>,
    log: Arc<Mailbox<Event>>,
    board: Board,
) {
    let mut rotation = interval(limits::TLS_TICKET_KEYS_EVERY);
    rotation.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, and the keys are new.
    rotation.tick().await;
    let mut look = interval(limits::TLS_EXPIRY_LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What is to be said at the start was said there.
    look.tick().await;
    loop {
        tokio::select! {
            _ = look.tick() => {
                let now = unix_seconds();
                for text in board.expiries().iter().filter_map(|expiry| expiry.warning(now)) {
                    let _ = log.send(Event::Note { warning: true, text: text.into_boxed_str() });
                }
            }
            _ = rotation.tick() => {
                let mut next = Certificates::clone(&certificates.now());
                published.publish(next.rotate(&published.load()));
                certificates.replace(next);
            }
        }
    }
}
