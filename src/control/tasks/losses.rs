//! Ends the sessions of lost backends: those that are down for this proxy and set offline (R-PROBE-9).
//!
//! Decides: when the data cores hear of a loss. Does not: judge backends (`probes`), or when each client is told (W-SPREAD-1, in
//! the cores). A backend that refuses connections has ended its sessions itself; one that froze, or whose host lost its
//! power, has not, and they would stay for as long as the kernel waits for an answer.
//! Tests: below; `tests/appliance/e2e/backend_loss.rs`.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::control::admin::Admin;
use crate::event::Event;
use crate::share::enquiry::Whom;
use crate::share::exchange::Exchange;

/// The backends that are lost. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses(Rc<watch::Sender<BTreeSet<Arc<str>>>>);

impl Losses {
    /// They are these now.
    pub(super) fn set(&self, hosts: BTreeSet<Arc<str>>) {
        self.0.send_if_modified(|known| {
            let is_news = *known != hosts;
            *known = hosts;
            is_news
        });
    }
}

/// Never ends.
pub(super) async fn end_sessions(losses: Losses, exchange: Exchange, admin: Rc<Admin>) {
    let mut lost = losses.0.subscribe();
    loop {
        let hosts = lost.borrow_and_update().clone();
        for host in &hosts {
            end_sessions_of(host, &exchange, &admin).await;
        }
        tokio::select! {
            changed = lost.changed() => debug_assert!(changed.is_ok(), "this task has a sender, too"),
            () = sleep(AGAIN), if !hosts.is_empty() => {}
        }
    }
}

async fn end_sessions_of(host: &Arc<str>, exchange: &Exchange, admin: &Admin) {
    let whom = Whom { backend: Some((**host).into()), ..Whom::default() };
    let (warning, text) = match admin.part(whom).await {
        Ok(0) => return,
        Ok(count) => (
            false,
            format!(
                "backend {host} is lost: {count} of its sessions and logins end here; clients with a session are told over \
                 login_proxy_max_disconnect_delay, logins go to other backends"
            ),
        ),
        // It is tried again.
        Err(error) => {
            (true, format!("backend {host} is lost, and its sessions cannot be ended: {error}"))
        }
    };
    let _ = exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
}

/// Logins that had got through before become sessions; they are looked for this often.
const AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r_probe_9_a_loss_is_news_once() {
        let losses = Losses::default();
        let mut lost = losses.0.subscribe();
        let hosts = || BTreeSet::from(["be1".into()]);
        losses.set(hosts());
        assert!(lost.has_changed().unwrap());
        assert_eq!(*lost.borrow_and_update(), hosts());
        losses.set(hosts());
        assert!(!lost.has_changed().unwrap());
        losses.set(BTreeSet::new());
        assert!(lost.has_changed().unwrap());
    }
}
