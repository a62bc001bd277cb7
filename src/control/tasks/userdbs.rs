//! Questions of data cores to password databases elsewhere: each is asked at once, and the reply goes to the core that waits.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_local};

use super::mail::Inbox;
use crate::control::userdbs::UserDbs;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, Asked, ToCore};

/// Starts to take questions.
///
/// # Errors
/// The system's, when the mailbox can't be watched.
pub(super) fn start(exchange: &Exchange, userdbs: UserDbs) -> std::io::Result<JoinHandle<()>> {
    let questions = Inbox::watch(Arc::clone(&exchange.inquiries))?;
    Ok(spawn_local(answer(questions, userdbs, exchange.to_cores.clone())))
}

async fn answer(questions: Inbox<Asked>, userdbs: UserDbs, cores: Vec<Arc<Mailbox<ToCore>>>) {
    let cores = Rc::new(cores);
    loop {
        questions.arrived().await;
        while let Some(Asked { ticket, inquiry }) = questions.take() {
            let (userdbs, cores) = (userdbs.clone(), Rc::clone(&cores));
            spawn_local(async move {
                let answer = Answer::Replied(userdbs.ask(&inquiry).await);
                if let Some(core) = cores.get(usize::from(ticket.core.0)) {
                    // A full mailbox: the login runs into its own deadline, which answers with a temporary failure.
                    let _ = core.send(ToCore::Answer { ticket, answer });
                }
            });
        }
    }
}
