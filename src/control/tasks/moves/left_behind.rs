//! Sessions whose users a force-move or an evacuation has taken elsewhere (C-MOVE-10). No row names these users, because there
//! may be hundreds of thousands: proxies look whom of those that are here the rows have elsewhere.

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
use crate::route::left_behind::{has_left, is_losing};
use crate::route::table::Table;
use crate::share::enquiry::{Act, Whom};
use crate::tick::Tick;

/// When is looked, and at which backends.
#[derive(Debug)]
pub(super) struct LeftBehind {
    desk: Rc<Desk>,
    /// `cluster_user_move_timeout`.
    timeout: Duration,
    /// Backends that lose users, and until when they are looked at.
    losing: Vec<(Uuid, Tick)>,
    next: Tick,
    /// One at most.
    running: JoinSet<()>,
}

impl LeftBehind {
    pub(super) fn new(desk: Rc<Desk>, timeout: Duration) -> Self {
        Self { desk, timeout, losing: Vec::new(), next: Tick(0), running: JoinSet::new() }
    }

    /// Begins a search, if it is time for one. Returns in how long the next may be due; none: not before the next table.
    pub(super) fn look(&mut self, table: &Arc<Table>, now: Tick) -> Option<Duration> {
        if now < self.next {
            return Some(now.until(self.next));
        }
        let until = now.after(self.timeout);
        for backend in table.backends().iter().filter(|backend| is_losing(table, backend)) {
            self.losing.retain(|(id, _)| *id != backend.id);
            self.losing.push((backend.id, until));
        }
        self.losing.retain(|(_, until)| now < *until);
        if self.losing.is_empty() {
            return None;
        }
        self.next = now.after(limits::LEFT_BEHIND_EVERY);
        while self.running.try_join_next().is_some() {}
        if self.running.is_empty() {
            self.search(table);
        }
        Some(limits::LEFT_BEHIND_EVERY)
    }

    fn search(&mut self, table: &Arc<Table>) {
        let (desk, table) = (Rc::clone(&self.desk), Arc::clone(table));
        let backends: Vec<Uuid> = self.losing.iter().map(|(id, _)| *id).collect();
        self.running.spawn_local(async move {
            for backend in backends {
                if let Err(error) = end_at(&desk, &table, backend).await {
                    let text = format!(
                        "move: whose sessions are left behind cannot be looked up, and is tried again: {error}"
                    );
                    note(&desk, true, text);
                }
            }
        });
    }
}

/// Ends the sessions of those who have left this backend.
async fn end_at(desk: &Desk, table: &Table, backend: Uuid) -> Result<(), CommandError> {
    let Some(entry) = table.backend(backend) else { return Ok(()) };
    let host = &entry.host.name;
    let at_host = Whom { backend: Some((**host).into()), ..Whom::default() };
    let mut users = BTreeSet::new();
    let mut asking = desk.admin.ask(Act::List, at_host.clone());
    while let Some(piece) = asking.piece().await? {
        users.extend(piece.rows.into_iter().filter_map(|row| row.user));
    }
    let geodb = desk.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
    let mut left = BTreeSet::new();
    for user in users {
        if let Some(row) = geodb.read_user(&user).await?
            && has_left(table, &row, backend)
        {
            left.insert(user);
        }
    }
    let count = left.len();
    if count == 0 {
        return Ok(());
    }
    let ended = desk.admin.leave(Whom { names: Some(left), ..at_host }).await?.sessions;
    if ended > 0 {
        let text = format!(
            "move: {ended} sessions at {host} ended, because {count} users have been taken elsewhere and leave it"
        );
        note(desk, false, text);
    }
    Ok(())
}

fn note(desk: &Desk, warning: bool, text: String) {
    // A full log mailbox loses the line, as with every sender (RS-08).
    let _ = desk.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
}
