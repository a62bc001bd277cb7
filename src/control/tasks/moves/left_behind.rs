//! Sessions whose users a force-move or an evacuation has taken elsewhere (C-MOVE-10): listed, looked up and ended beside the task,
//! a bounded piece at a time. What and when is decided by [`crate::moving::left_behind`].

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::control::cluster::CommandError;
use crate::control::doveadm::Desk;
use crate::event::Event;
use crate::limits;
use crate::moving::left_behind::{Sweep, SweepWish};
use crate::moving::users::UserEnding;
use crate::route::rows::User;
use crate::route::table::Table;
use crate::share::enquiry::{Act, Whom};
use crate::tick::Tick;

/// The sweep, and the piece of it that is under way.
#[derive(Debug)]
pub(super) struct LeftBehind {
    desk: Rc<Desk>,
    sweep: Sweep,
    /// One at most.
    running: JoinSet<Result<Done, CommandError>>,
}

/// What was found.
#[derive(Debug)]
enum Done {
    Listed(Uuid, BTreeSet<Box<str>>),
    Read(Uuid, Vec<User>),
    Ended,
}

impl LeftBehind {
    /// `timeout`: `cluster_user_move_timeout`.
    pub(super) fn new(desk: Rc<Desk>, timeout: Duration) -> Self {
        Self { desk, sweep: Sweep::new(timeout), running: JoinSet::new() }
    }

    /// Goes on, if it is time for that and the last piece is done. Returns in how long to come again; none: with the next table.
    pub(super) fn look(&mut self, table: &Arc<Table>, now: Tick) -> Option<Duration> {
        while let Some(done) = self.running.try_join_next() {
            // One that broke off is a bug that was told, and the sweep goes on.
            match done.unwrap_or(Ok(Done::Ended)) {
                Ok(Done::Listed(backend, users)) => self.sweep.listed(backend, users),
                Ok(Done::Read(backend, rows)) => {
                    if let Some(ending) = self.sweep.read(table, backend, &rows) {
                        self.end(Arc::clone(table), ending);
                    }
                }
                Ok(Done::Ended) => {}
                Err(error) => {
                    self.sweep.failed();
                    let text = format!(
                        "move: whose sessions are left behind cannot be looked up, and is tried again: {error}"
                    );
                    note(&self.desk, true, text);
                }
            }
        }
        let Some(wish) = self.sweep.look(table, now) else { return self.sweep.wait(now) };
        let (desk, table) = (Rc::clone(&self.desk), Arc::clone(table));
        self.running.spawn_local(async move {
            match wish {
                SweepWish::List(backend) => list(&desk, &table, backend).await,
                SweepWish::Read(backend, users) => read(&desk, backend, users).await,
            }
        });
        self.sweep.wait(now)
    }

    fn end(&mut self, table: Arc<Table>, ending: UserEnding) {
        let desk = Rc::clone(&self.desk);
        self.running.spawn_local(async move {
            let Some(entry) = table.backend(ending.backend) else { return Ok(Done::Ended) };
            let (host, count) = (&entry.host.name, ending.users.len());
            let whom = Whom {
                names: Some(ending.users),
                backend: Some((**host).into()),
                ..Whom::default()
            };
            let ended = desk.admin.leave(whom).await?.sessions;
            if ended > 0 {
                let text = format!(
                    "move: {ended} sessions at {host} ended, because {count} users have been taken elsewhere and leave it"
                );
                note(&desk, false, text);
            }
            Ok(Done::Ended)
        });
    }
}

/// Who has sessions at this backend.
async fn list(desk: &Desk, table: &Table, backend: Uuid) -> Result<Done, CommandError> {
    let mut users = BTreeSet::new();
    if let Some(entry) = table.backend(backend) {
        let host = (*entry.host.name).into();
        let whom = Whom { backend: Some(host), ..Whom::default() };
        let mut asking = desk.admin.ask(Act::List, whom);
        while let Some(piece) = asking.piece().await? {
            users.extend(piece.rows.into_iter().filter_map(|row| row.user));
        }
    }
    Ok(Done::Listed(backend, users))
}

/// Their rows, all at the same time.
async fn read(desk: &Desk, backend: Uuid, users: Vec<Box<str>>) -> Result<Done, CommandError> {
    let mut reading = JoinSet::new();
    for user in users {
        let geodb = desk.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
        reading.spawn_local(async move { geodb.read_user(&user).await });
    }
    let mut rows = Vec::new();
    while let Some(row) = reading.join_next().await {
        // One that broke off is a bug that was told.
        if let Ok(row) = row {
            rows.extend(row?);
        }
    }
    Ok(Done::Read(backend, rows))
}

fn note(desk: &Desk, warning: bool, text: String) {
    // A full log mailbox loses the line, as with every sender (RS-08).
    let _ = desk.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
}
