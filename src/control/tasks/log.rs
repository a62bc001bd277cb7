//! Writes the log: the last task to end, so that what the others say at their end is written, too.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::oneshot;

use super::mail::Inbox;
use crate::control::Level;
use crate::control::admin::{Board, Told};
use crate::control::log_file::LogWriter;
use crate::control::orders::Orders;
use crate::control::wall_clock::unix_seconds;
use crate::event::Event;

/// Writes what comes until `stopped`, and what there is by then. The signals say that the file was moved away.
pub(super) async fn write(
    mut writer: LogWriter,
    events: Inbox<Event>,
    [mut rotate, mut hangup]: [Signal; 2],
    board: Board,
    orders: Orders,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut last = false;
    while !last {
        tokio::select! {
            () = events.arrived() => {
                // A burst is written as one: the first line waits a moment for the others.
                tokio::time::sleep(GATHER).await;
            }
            _ = rotate.recv() => writer.reopen(),
            _ = hangup.recv() => writer.reopen(),
            () = orders.log() => writer.reopen(),
            _ = &mut stopped => last = true,
        }
        // Whatever woke it: what comes behind a reload is at the new place.
        if let Some(next) = orders.take_writer() {
            writer.flush_into(next);
        }
        while let Some(event) = events.take() {
            if let Some((level, text)) = writer.add(&event)
                && is_news(&event, level)
            {
                board.tell(Told { at: unix_seconds(), level, text: text.into() });
            }
            if writer.is_full() {
                writer.flush();
                // Questions of the data cores do not wait for the end of a burst.
                tokio::task::yield_now().await;
            }
        }
        writer.flush();
    }
}

/// Whether an operator may want to see it on the status page: all that Hale says of itself, and what of logins is to be mended. The
/// logins themselves would leave room for nothing else.
fn is_news(event: &Event, level: Level) -> bool {
    matches!(event, Event::Note { .. }) || level <= Level::Warning
}

/// A burst of log lines is gathered this long.
const GATHER: Duration = Duration::from_millis(20);
