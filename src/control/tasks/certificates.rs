//! Publishes certificates that are read again when told to, and new keys for tickets; warns of certificates that end soon.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::panics;
use crate::control::admin::Board;
use crate::control::certificates::{Certificates, Loaded};
use crate::control::orders::Orders;
use crate::control::supervisor;
use crate::control::wall_clock::unix_seconds;
use crate::event::Event;
use crate::limits;
use crate::share::mailbox::Mailbox;
use crate::share::snapshot::Published;
use crate::tls::Context;

/// Reads everything again when told to, and replaces the keys of tickets when their time is over.
pub(super) async fn watch(
    mut certificates: Certificates,
    published: Published<Context>,
    log: Arc<Mailbox<Event>>,
    mut reloads: Reloads,
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
            _ = rotation.tick() => published.publish(certificates.rotate(&published.load())),
            () = reloads.next() => {
                supervisor::reloading();
                let read = spawn_blocking(move || {
                    let loaded = certificates.load();
                    (certificates, loaded)
                });
                let (back, loaded) = match read.await {
                    Ok(read) => read,
                    Err(error) => return panics::go_on(error),
                };
                certificates = back;
                match &loaded {
                    Ok(loaded) => board.certificates_read(loaded.expiries.clone()),
                    Err(faults) => board.certificates_failed(&faults.join("; ")),
                }
                supervisor::reloaded();
                for (warning, line) in outcome(loaded, &published) {
                    // A full mailbox loses the line, as with every sender (RS-08).
                    let _ = log.send(Event::Note { warning, text: line.into_boxed_str() });
                }
            }
        }
    }
}

/// What makes us read everything again.
#[derive(Debug)]
pub(super) struct Reloads {
    /// SIGHUP.
    pub(super) hangup: Signal,
    /// The same from a client of doveadm.
    pub(super) orders: Orders,
}

impl Reloads {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => {}
            () = self.orders.certificates() => {}
        }
    }
}

/// Publishes what was read, or keeps what there is; and what the log says of it.
fn outcome(
    loaded: Result<Loaded, Vec<String>>,
    published: &Published<Context>,
) -> Vec<(bool, String)> {
    match loaded {
        Ok(Loaded { context, remarks, expiries: _ }) => {
            let done = match &context.servers {
                Some(servers) => {
                    format!("reloaded: certificates by name {}, and the default", servers.names())
                }
                None => "reloaded: no certificate is configured".to_owned(),
            };
            published.publish(context);
            let remarks = remarks.into_iter().map(|remark| (true, remark));
            std::iter::once((false, done)).chain(remarks).collect()
        }
        Err(faults) => {
            let kept = "certificates were not reloaded, the former ones stay in use".to_owned();
            std::iter::once(kept).chain(faults).map(|line| (true, line)).collect()
        }
    }
}
