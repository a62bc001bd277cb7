//! Single users who leave a backend: rows read and written, sessions ended (C-MOVE-6).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::kicks::About;
use super::{Leavers, MoveOf, Work};
use crate::control::geodb::{Applied, Changed};
use crate::control::wall_clock::unix_millis;
use crate::limits;
use crate::moving::users::{UserEnding, UserWish};
use crate::ring::clock;
use crate::route::departure::End;
use crate::route::settings_rows::Departure;
use crate::route::table::Table;
use crate::share::enquiry::Whom;
use crate::share::users::Cached;

impl Work {
    pub(super) async fn look_at_users(&mut self, table: &Table) {
        let mut kicks: BTreeMap<Uuid, Vec<Departure>> = BTreeMap::new();
        for wish in self.users.look(table, clock::now(), unix_millis()) {
            match wish {
                UserWish::Read(user) => self.read(&user).await,
                UserWish::End(ending) => self.end_of_users(&ending, table).await,
                UserWish::Kick(departure) => {
                    kicks.entry(departure.backend_id).or_default().push(departure);
                }
                UserWish::Finish(end) => self.finish_user_move(&end).await,
                UserWish::Forget(departure) => self.forget(&departure).await,
            }
        }
        for (backend, departures) in kicks {
            let users: BTreeSet<_> = departures.iter().map(|it| it.user.clone()).collect();
            self.kicks.begin(table, backend, Leavers::Users(users), About::Users(departures));
        }
    }

    /// Reads a user's row. Data cores that have another one look again: they would let the user go to where he was.
    async fn read(&mut self, user: &str) {
        let geodb = self.desk.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
        // Without an answer it is read again in a while; the log says so elsewhere.
        let Ok(row) = geodb.read_user(user).await else { return };
        self.users.take(user, row.as_ref(), clock::now());
        let cached = self.desk.exchange.users.get(user);
        let is_other =
            |cached: &Cached| row.as_ref().is_none_or(|row| !row.leads_where(&cached.row));
        if cached.as_ref().is_some_and(is_other) {
            self.desk.geodb.announce(Changed::User(user.into()));
        }
    }

    async fn end_of_users(&mut self, ending: &UserEnding, table: &Table) {
        let UserEnding { backend, users } = ending;
        let who = match users.first().filter(|_| users.len() == 1) {
            Some(user) => format!("user {user} leaves"),
            None => format!("{} users leave", users.len()),
        };
        let whom = Whom { names: Some(users.clone()), ..Whom::default() };
        let Some(left) = self.leave(table, *backend, whom, &who).await else { return };
        self.users.ended(ending, left.all(), clock::now());
        for user in users {
            self.found.insert(MoveOf::User(user.clone()), left.of_user(user));
        }
    }

    async fn finish_user_move(&mut self, end: &End) {
        let change = end.change();
        let user = &change.moved.username;
        match self.desk.geodb.finish_user_move(change, unix_millis()).await {
            Ok(Applied::Written) => {
                let group = &change.moved.group_name;
                match end {
                    End::Complete(_) => {
                        let text = format!("move: user {user} is in group {group} from now on");
                        self.note(false, text);
                    }
                    End::GiveUp(_) => {
                        let why = "the site where the user was to go is not online, or not reached";
                        let text = format!("move: user {user} stays in group {group}: {why}");
                        self.note(true, text);
                    }
                }
            }
            // Another proxy was first, or an operator.
            Ok(Applied::Skipped) => {}
            Err(error) => {
                let text =
                    format!("move: the end of user {user}'s move cannot be written: {error}");
                self.note(true, text);
            }
        }
        self.desk.geodb.announce(Changed::User(user.clone()));
        self.read(user).await;
    }

    async fn forget(&self, departure: &Departure) {
        if let Ok(true) = self.desk.geodb.delete_setting(&departure.to_row()).await {
            self.desk.geodb.announce(Changed::Tables);
        }
    }
}
