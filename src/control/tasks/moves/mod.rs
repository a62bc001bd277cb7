//! Carries out moves of groups and users (`cluster_group_moves = proxy`): ends sessions, has old backends asked about what is
//! left, and the ends of moves written. What and when is decided by [`crate::moving`].
//!
//! A file for each: groups here, users (`users`), what old backends are asked (`kicks`), whom force-moves have taken elsewhere
//! (`left_behind`). One task, so that a look at the table
//! is over before the next one begins; only kicks run beside it, because a backend may take its time.

mod kicks;
mod left_behind;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use uuid::Uuid;

use super::table_news::TableNews;
use crate::config::model::{Cluster, GroupMoves};
use crate::config::{Config, GeoDb};
use crate::control::admin::{Left, MoveLine, MoveOf};
use crate::control::doveadm::Desk;
use crate::control::doveadm::kicks::Leavers;
use crate::event::Event;
use crate::limits;
use crate::moving::users::UserMoves;
use crate::moving::{Ending, Finish, Moves, Rules, Wish};
use crate::ring::clock;
use crate::route::table::Table;
use crate::share::enquiry::Whom;
use crate::share::messages::ToControl;
use crate::tick::Tick;
use kicks::{About, Kicks};
use left_behind::LeftBehind;

/// Moves, where the proxies carry them out.
#[derive(Debug)]
pub struct Mover {
    rules: Rules,
    groups: Moves,
    users: UserMoves,
}

/// Of this configuration. On SQLite the other proxies are processes of this host, which see a change within a second; on
/// Cassandra they read groups again within ten, and the timeout leaves them time.
#[must_use]
pub fn moves_of(config: &Config) -> Option<Mover> {
    let Cluster { group_moves, user_move_timeout: timeout, geodb, .. } = &config.cluster;
    let notice = match geodb {
        GeoDb::Sqlite(_) => limits::MOVE_NOTICE_ON_SQLITE.min(*timeout),
        GeoDb::Cassandra(_) => *timeout,
    };
    let rules = Rules { notice, timeout: *timeout };
    (*group_moves == GroupMoves::Proxy).then(|| Mover {
        rules,
        groups: Moves::new(rules).asking_backends(),
        users: UserMoves::new(rules),
    })
}

/// Never ends.
pub(super) async fn carry_out(mover: Mover, mut tables: TableNews, desk: Rc<Desk>) {
    let Mover { rules, groups, users } = mover;
    let kicks = Kicks::new(Rc::clone(&desk));
    let found = BTreeMap::new();
    let mut left_behind = LeftBehind::new(Rc::clone(&desk), rules.timeout);
    let mut work = Work { rules, groups, users, desk, kicks, found };
    let mut again = None;
    loop {
        let table = tables.next(again).await;
        work.look(&table).await;
        let look = left_behind.look(&table, clock::now());
        again = if work.is_under_way() { Some(LOOK_EVERY) } else { look };
    }
}

/// What is under way, and what it is carried out with.
#[derive(Debug)]
struct Work {
    rules: Rules,
    groups: Moves,
    users: UserMoves,
    desk: Rc<Desk>,
    kicks: Kicks,
    /// How many sessions and deliveries the last search found.
    found: BTreeMap<MoveOf, usize>,
}

impl Work {
    /// Whether there is something to do although the table is the same.
    fn is_under_way(&self) -> bool {
        self.groups.are_under_way() || self.users.are_under_way()
    }

    async fn look(&mut self, table: &Table) {
        for about in self.kicks.take_answered() {
            match about {
                About::Groups(kicked) => self.groups.kicked(&kicked),
                About::Users(departures) => {
                    for departure in departures {
                        self.users.kicked(&departure);
                    }
                }
            }
        }
        for wish in self.groups.look(table, clock::now()) {
            match wish {
                Wish::End(ending) => self.end(&ending, table).await,
                Wish::Finish(finish) => self.finish_moves(finish, table),
            }
        }
        for kick in self.groups.kicks(clock::now()) {
            let (backend, whom) = (kick.backend, Leavers::Groups(kick.groups.clone()));
            self.kicks.begin(table, backend, whom, About::Groups(kick));
        }
        self.look_at_users(table).await;
        self.show(table, clock::now());
    }

    async fn end(&mut self, ending: &Ending, table: &Table) {
        let groups = ending.groups.len();
        let whom = Whom { groups: Some(ending.groups.clone()), ..Whom::default() };
        let who = format!("{groups} groups leave");
        let Some(left) = self.leave(table, ending.backend, whom, &who).await else { return };
        self.groups.ended(ending, left.all());
        for group in &ending.groups {
            self.found.insert(MoveOf::Group(group.clone()), left.of_group(group));
        }
    }

    /// Ends sessions at a backend; none: that could not be done, and is tried again.
    async fn leave(&self, table: &Table, backend: Uuid, whom: Whom, who: &str) -> Option<Left> {
        // Of a backend that is gone from the table the sessions cannot be named; they end when it does.
        let host = &table.backend(backend)?.host.name;
        let whom = Whom { backend: Some((**host).into()), ..whom };
        match self.desk.admin.leave(whom).await {
            Ok(left) => {
                let ended = left.sessions;
                if ended > 0 {
                    self.note(
                        false,
                        format!("move: {ended} sessions at {host} ended, because {who} it"),
                    );
                }
                Some(left)
            }
            Err(error) => {
                let text =
                    format!("move: {who} {host}, and their sessions cannot be ended: {error}");
                self.note(true, text);
                None
            }
        }
    }

    /// The table is published with the rows as they are written, and that is when held logins go on.
    fn finish_moves(&self, finish: Finish, table: &Table) {
        let Finish { source, changes, held } = finish;
        let host =
            table.backend(source).map_or_else(|| "a backend".into(), |it| it.host.name.clone());
        let (all, mut stay, mut sent) = (changes.len(), 0, 0);
        for change in changes {
            stay += usize::from(change.placement.backend_id == Some(source));
            // A full mailbox: it is asked for again.
            let order = ToControl::Change(Box::new(change));
            sent += usize::from(self.desk.exchange.to_control.send(order).is_ok());
        }
        if sent < all {
            let text = format!("move: {} of {all} ends of moves wait to be written", all - sent);
            self.note(true, text);
        }
        let went = all - stay;
        if went > 0 {
            let text = format!(
                "move: {went} groups of {host} are taken over by their destinations; their logins were held for {} s at most",
                held.as_secs()
            );
            self.note(false, text);
        }
        if stay > 0 {
            let text = format!(
                "move: {stay} groups stay at {host}: where they were to go is not online; see hale cluster backend list"
            );
            self.note(true, text);
        }
    }

    /// Tells operators who ask what is under way.
    fn show(&mut self, table: &Table, now: Tick) {
        let name = |id: Option<Uuid>| {
            let backend = id.and_then(|id| table.backend(id));
            backend.map_or_else(|| "another backend".into(), |it| (*it.host.name).into())
        };
        let groups = self.groups.held(now).map(|(row, held)| {
            (MoveOf::Group(row.name.clone()), name(row.backend_id), name(row.alt_backend_id), held)
        });
        let users = self.users.held(now).map(|(user, backend, to, held)| {
            (MoveOf::User(user.into()), name(Some(backend)), format!("group {to}").into(), held)
        });
        let lines: Vec<MoveLine> = groups
            .chain(users)
            .map(|(of, from, to, held)| MoveLine {
                left: self.found.get(&of).copied().unwrap_or_default(),
                of,
                from,
                to,
                held,
                timeout: self.rules.timeout,
            })
            .collect();
        let shown: BTreeSet<&MoveOf> = lines.iter().map(|line| &line.of).collect();
        self.found.retain(|of, _| shown.contains(of));
        self.desk.admin.board().moves(lines);
    }

    fn note(&self, warning: bool, text: String) {
        // A full log mailbox loses the line, as with every sender (RS-08).
        let _ = self.desk.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }
}

/// Moves are looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
