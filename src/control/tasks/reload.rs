//! Reloads when told to, one after the other, and tells the log and those who asked how each went.

use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::panics;
use crate::control::admin::Board;
use crate::control::orders::Orders;
use crate::control::reload::{Outcome, Reloader};
use crate::control::supervisor;
use crate::event::Event;
use crate::share::mailbox::Mailbox;

pub(super) async fn carry_out(
    mut reloader: Reloader,
    mut hangup: Signal,
    orders: Orders,
    log: Arc<Mailbox<Event>>,
    board: Board,
) {
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = orders.reloading() => {}
        }
        // An operator who asks from here on waits for the next.
        let waiting = orders.take_waiting();
        supervisor::reloading();
        let outcome = match reloader.reload(&board, &orders).await {
            Ok(outcome) => outcome,
            Err(error) => return panics::go_on(error),
        };
        match &outcome {
            Outcome::Done(_) => board.settings_read(),
            Outcome::Refused(reasons) => board.settings_refused(&reasons.join("; ")),
        }
        let is_done = reloader.ports.carried_out().await;
        supervisor::reloaded();
        for (warning, line) in lines(&outcome, is_done) {
            let text = line.replace('\n', "; ").into_boxed_str();
            // A full mailbox loses the line, as with every sender (RS-08).
            let _ = log.send(Event::Note { warning, text });
        }
        for asker in waiting {
            // One who does not wait any more has the log.
            let _ = asker.send(outcome.clone());
        }
    }
}

/// What the log says, and whether it is a warning.
fn lines(outcome: &Outcome, is_done: bool) -> Vec<(bool, String)> {
    let behind = "a data core has not taken the new settings up within the time; hale status says how it does";
    match outcome {
        Outcome::Done(done) => {
            let remarks = done.needs_restart().into_iter().chain(done.remarks.iter().cloned());
            let behind = (!is_done).then(|| behind.to_owned());
            let warnings = remarks.chain(behind).map(|line| (true, line));
            std::iter::once((false, done.described())).chain(warnings).collect()
        }
        Outcome::Refused(reasons) => {
            let kept =
                "nothing was reloaded: settings and certificates, the former ones stay in use";
            let reasons = reasons.iter().cloned();
            std::iter::once(kept.to_owned()).chain(reasons).map(|line| (true, line)).collect()
        }
    }
}
