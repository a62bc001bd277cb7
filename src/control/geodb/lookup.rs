//! A user's look-up with the GeoDB at hand: decide, write what the decision asks for, decide again.
//!
//! Duty: the loop around `route::decide` that ends in a destination or a refusal. Non-duty: caches and deadlines.
//! Driven by the control core for users that no cache knows, and by `hale cluster user access`.

use super::{Applied, GeoDb, GeoDbError, UnixMillis};
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

/// Looks a user up. `table` should be as new as [`GeoDb::data_version`] says.
///
/// # Errors
/// The GeoDB cannot be read or written, or the rows do not come to rest.
pub fn lookup(
    geodb: &mut GeoDb,
    table: &Table,
    username: &str,
    now: UnixMillis,
) -> Result<Answer, GeoDbError> {
    let mut user: Option<User> = None;
    let mut is_absent = false;
    let mut group: Option<UserGroup> = None;
    for _ in 0..ROUNDS_MAX {
        let known = match &user {
            Some(row) => UserKnown::Row(row),
            None if is_absent => UserKnown::Absent,
            None => UserKnown::NotAsked,
        };
        let question = RouteQuestion {
            user: username,
            fresh_group: group.as_ref(),
        };
        match decide(table, known, &question) {
            Decision::NeedUser => {
                user = geodb.read_user(username)?;
                is_absent = user.is_none();
            }
            Decision::AssignUser(assignment) => user = Some(geodb.assign_user(&assignment, now)?),
            Decision::FinishUserMove(finish) => {
                // Written or not: what counts is what the row says now.
                let _: Applied = geodb.finish_user_move(&finish, now)?;
                user = geodb.read_user(username)?;
                is_absent = user.is_none();
            }
            Decision::CreateGroup(creation) => group = Some(geodb.create_group(&creation, now)?),
            Decision::Go {
                change: Some(change),
                destination,
            } => {
                let applied = geodb.apply(&change, now)?;
                let row = geodb.read_group(change.site_id, &change.name)?;
                if applied == Applied::Written {
                    let decision = Decision::Go {
                        destination,
                        change: Some(change),
                    };
                    return Ok(Answer {
                        decision,
                        user,
                        group: row,
                    });
                }
                if row.is_none() {
                    // The row is gone while the table still has it.
                    let decision = Decision::NeedTable;
                    return Ok(Answer {
                        decision,
                        user,
                        group: None,
                    });
                }
                group = row;
            }
            decision @ (Decision::Go { change: None, .. }
            | Decision::NeedTable
            | Decision::Fail { .. }) => {
                return Ok(Answer {
                    decision,
                    user,
                    group,
                });
            }
        }
    }
    Err(GeoDbError::Unsettled {
        username: username.to_owned(),
    })
}

/// User read, user assigned, move finished, group created, change skipped twice: more rounds mean that somebody else
/// changes the same rows all the time.
const ROUNDS_MAX: usize = 8;
