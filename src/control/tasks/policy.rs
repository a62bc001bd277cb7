//! Questions of data cores to the policy server: each is asked at once, and the ruling goes to the core that waits.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::spawn_local;

use super::mail::Inbox;
use crate::control::current::Current;
use crate::control::policy::PolicyServer;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, PolicyCommand, PolicyMessage, Ruled, ToCore};

pub(super) async fn rule(
    questions: Inbox<PolicyMessage>,
    server: Current<Option<Rc<PolicyServer>>>,
    cores: Vec<Arc<Mailbox<ToCore>>>,
) {
    let cores = Rc::new(cores);
    loop {
        questions.arrived().await;
        while let Some(PolicyMessage { command, login }) = questions.take() {
            let (server, cores) = (server.now(), Rc::clone(&cores));
            spawn_local(async move {
                let ruled = match &*server {
                    Some(server) => server.put(command, &login).await,
                    // A reload has done without it since the login began.
                    None => Ruled::NoAnswer,
                };
                let PolicyCommand::Allow(ticket) = command else { return };
                if let Some(core) = cores.get(usize::from(ticket.core.0)) {
                    // A full mailbox: the login runs into its own deadline, which answers with a temporary failure.
                    let _ = core.send(ToCore::Answer { ticket, answer: Answer::Ruled(ruled) });
                }
            });
        }
    }
}
