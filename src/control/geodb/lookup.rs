//! A user's look-up with the GeoDB at hand: decide, write what the decision asks for, decide again.
//!
//! Duty: the loop around `route::decide` that ends in a destination or a refusal. Non-duty: caches and deadlines.
//! Driven by the control core for users that no cache knows, and by `hale cluster user access`.

use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::handle::GeoDb;
use crate::control::geodb::values::Applied;
use crate::control::wall_clock::UnixMillis;
use crate::route::decide::{Decision, RouteQuestion, UserKnown, decide};
use crate::route::rows::{User, UserGroup};
use crate::route::table::Table;

/// The end of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Go` (whose change has been written already), `Fail`, or `NeedTable`: then the caller builds the table anew and
    /// looks up again.
    pub decision: Decision,
    /// The user's row, to be cached; none for test users.
    pub user: Option<User>,
    /// The group's row, when it is newer than the table.
    pub group: Option<UserGroup>,
}

/// Looks a user up. `table` should be as new as [`Changes`](super::Changes) say.
///
/// # Errors
/// The GeoDB cannot be read or written, or the rows do not come to rest.
pub async fn look_up(
    geodb: &GeoDb,
    table: &Table,
    username: &str,
    now: UnixMillis,
) -> Result<Answer, GeoDbError> {
    look_up_telling(geodb, table, username, now, &mut None).await
}

/// The same, and `seen` is the user's row as soon as it was read, also when another call fails later.
///
/// # Errors
/// As [`look_up`].
pub async fn look_up_telling(
    geodb: &GeoDb,
    table: &Table,
    username: &str,
    now: UnixMillis,
    seen: &mut Option<User>,
) -> Result<Answer, GeoDbError> {
    let mut found = Found::default();
    for _ in 0..ROUNDS_MAX {
        seen.clone_from(&found.user);
        let question = RouteQuestion { user: username, fresh_group: found.group.as_ref() };
        match decide(table, found.user_known(), &question) {
            Decision::NeedUser => found.read_user(geodb, username).await?,
            Decision::AssignUser(assignment) => {
                found.user = Some(geodb.assign_user(&assignment, now).await?);
            }
            Decision::FinishUserMove(finish) => {
                // Written or not: what counts is what the row says now.
                let _: Applied = geodb.finish_user_move(&finish, now).await?;
                found.read_user(geodb, username).await?;
            }
            Decision::CreateGroup(creation) => {
                found.group = Some(geodb.create_group(&creation, now).await?);
            }
            Decision::Go { change: Some(change), destination } => {
                let applied = geodb.apply(&change, now).await?;
                found.group = geodb.read_group(change.site_id, &change.name).await?;
                if applied == Applied::Written {
                    let change = Some(change);
                    return Ok(found.answer(Decision::Go { destination, change }));
                }
                if found.group.is_none() {
                    // The row is gone while the table still has it.
                    return Ok(found.answer(Decision::NeedTable));
                }
            }
            decision @ (Decision::Go { change: None, .. }
            | Decision::NeedTable
            | Decision::Fail { .. }) => return Ok(found.answer(decision)),
        }
    }
    Err(GeoDbError::user_keeps_changing(username))
}

/// What the rounds have read so far.
#[derive(Default)]
struct Found {
    user: Option<User>,
    is_absent: bool,
    group: Option<UserGroup>,
}

impl Found {
    async fn read_user(&mut self, geodb: &GeoDb, username: &str) -> Result<(), GeoDbError> {
        self.user = geodb.read_user(username).await?;
        self.is_absent = self.user.is_none();
        Ok(())
    }

    fn answer(self, decision: Decision) -> Answer {
        Answer { decision, user: self.user, group: self.group }
    }

    fn user_known(&self) -> UserKnown<'_> {
        match &self.user {
            Some(row) => UserKnown::Row(row),
            None if self.is_absent => UserKnown::Absent,
            None => UserKnown::NotAsked,
        }
    }
}

/// User read, user assigned, move finished, group created, change skipped twice: more rounds mean that another proxy or an operator
/// changes the same rows all the time.
const ROUNDS_MAX: usize = 8;
