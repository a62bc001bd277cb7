//! What old backends are asked (C-MOVE-8): beside the task, because one that is ill answers late or never, and for as long as
//! [`limits::MOVE_KICK_TIMEOUT`] allows.

use std::rc::Rc;

use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::control::doveadm::Desk;
use crate::control::doveadm::kicks::{self, Leavers};
use crate::event::Event;
use crate::limits;
use crate::moving::Ending;
use crate::route::settings_rows::Departure;
use crate::route::table::{Host, Table};

/// The questions under way.
#[derive(Debug)]
pub(super) struct Kicks {
    desk: Rc<Desk>,
    are_wanted: bool,
    running: JoinSet<About>,
    /// What needs no answer.
    answered: Vec<About>,
}

/// For whom a backend was asked.
#[derive(Debug)]
pub(super) enum About {
    Groups(Ending),
    Users(Vec<Departure>),
}

impl Kicks {
    pub(super) fn new(desk: Rc<Desk>) -> Self {
        let are_wanted = kicks::are_possible(&desk);
        Self { desk, are_wanted, running: JoinSet::new(), answered: Vec::new() }
    }

    /// Begins to ask a backend, if that is wanted.
    pub(super) fn begin(&mut self, table: &Table, backend: Uuid, whom: Leavers, about: About) {
        let host = table.backend(backend).map(|backend| backend.host.clone());
        let Some(host) = host.filter(|_| self.are_wanted) else {
            return self.answered.push(about);
        };
        let desk = Rc::clone(&self.desk);
        self.running.spawn_local(async move {
            ask(&desk, &host, &whom).await;
            about
        });
    }

    /// Those that are done. One whose task broke off runs into the move's own time.
    pub(super) fn take_answered(&mut self) -> Vec<About> {
        let mut answered = std::mem::take(&mut self.answered);
        while let Some(done) = self.running.try_join_next() {
            answered.extend(done.ok());
        }
        answered
    }
}

async fn ask(desk: &Desk, host: &Host, whom: &Leavers) {
    let asked = timeout(limits::MOVE_KICK_TIMEOUT, kicks::kick_at(desk, host, whom)).await;
    let note = |warning: bool, text: String| {
        let _ = desk.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
    };
    let name = &host.name;
    let why = match asked {
        Ok(Ok(0)) => return,
        Ok(Ok(count)) => {
            let text = format!(
                "move: {name} has ended sessions of {count} users who leave it, which came by no living proxy"
            );
            return note(false, text);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => {
            format!("doveadm did not come to an end in {} s", limits::MOVE_KICK_TIMEOUT.as_secs())
        }
    };
    let text = format!(
        "move: {name} cannot be asked what sessions are left there, and the move goes on: {why}; without doveadm there, set cluster_backend_kick = no"
    );
    note(true, text);
}
