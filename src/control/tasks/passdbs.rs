//! Publishes password files that were replaced.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::panics;
use crate::auth::passdb::Passdbs;
use crate::control::admin::Board;
use crate::control::passdbs::WatchedSources;
use crate::control::userdbs::UserDbs;
use crate::event::Event;
use crate::share::mailbox::Mailbox;
use crate::share::snapshot::Published;

pub(super) async fn watch(
    watched: WatchedSources,
    published: Published<Passdbs>,
    userdbs: UserDbs,
    log: Arc<Mailbox<Event>>,
    board: Board,
) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        published.sweep();
        userdbs.forget_former();
        let Some((mut sources, number)) = watched.take() else { continue };
        let looked = spawn_blocking(move || {
            let changed = sources.reload();
            (sources, changed)
        });
        let (sources, changed) = match looked.await {
            Ok(looked) => looked,
            Err(error) => return panics::go_on(error),
        };
        if !watched.give_back(sources, number) {
            // A reload has brought others.
            continue;
        }
        if let Some((passdbs, remarks)) = changed {
            published.publish(passdbs);
            board.passdbs_read(&remarks);
            for remark in remarks {
                // A full mailbox loses the line, as with every sender (RS-08).
                let _ = log.send(Event::Note { warning: true, text: remark.into_boxed_str() });
            }
        }
    }
}

/// New password files are seen within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
