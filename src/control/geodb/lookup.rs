//! A user's look-up with the GeoDB at hand: decide, write what the decision asks for, decide again.
//!
//! Duty: the loop around `route::decide` that ends in a destination or a refusal; every row is read again before it is written
//! (C-GEO-2). Non-duty: caches and deadlines. Driven by the control core for users that no cache knows, and by `hale cluster
//! user access`.

use std::borrow::Cow;

use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::handle::GeoDb;
use crate::control::geodb::values::Applied;
use crate::control::wall_clock::UnixMillis;
use crate::route::change::{Placement, SiteChange, UserMove, UserMoveReason};
use crate::route::decide::{Decision, RouteQuestion, UserKnown, Writes, decide};
use crate::route::rows::{GroupSite, User, UserGroup};
use crate::route::table::Table;

/// Who is looked up.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The normalised user name.
    pub user: &'a str,
    /// The passdb's `cluster_tag`.
    pub tag: Option<&'a str>,
    /// For rows that are written.
    pub now: UnixMillis,
    /// Whether this login may change where groups are served.
    pub moves: Moves,
}

/// Logins that change where groups are served are so many a second (C-SITE-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// This one may.
    Allowed,
    /// The decision to do so is the answer; the caller counts it and looks up again.
    Counted,
    /// This one may not: too many have.
    Withheld,
}

impl<'a> Search<'a> {
    /// An operator's.
    #[must_use]
    pub fn of(user: &'a str, now: UnixMillis) -> Self {
        Self { user, tag: None, now, moves: Moves::Allowed }
    }
}

/// The end of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Go` (whose change has been written already), `Fail`, or `NeedTable`: then the caller builds the table anew and
    /// looks up again. With [`Moves::Counted`] also `FailOver` and `MoveUser`; and `MoveUser`, not written, when groups are not
    /// where the table has them: this login does without.
    pub decision: Decision,
    /// The user's row, to be cached; none for test users.
    pub user: Option<User>,
    /// The group's row, when it is newer than the table.
    pub group: Option<UserGroup>,
    /// The same of groups that a move would have rested on.
    pub others: Vec<UserGroup>,
    /// The group's row about its home, when it is newer than the table.
    pub site: Option<GroupSite>,
}

/// Looks a user up. `table` should be as new as [`Changes`](super::Changes) say.
///
/// # Errors
/// The GeoDB cannot be read or written, or the rows do not come to rest.
pub async fn look_up(
    geodb: &GeoDb,
    table: &Table,
    search: &Search<'_>,
) -> Result<Answer, GeoDbError> {
    look_up_telling(geodb, table, search, &mut None).await
}

/// The same, and `seen` is the user's row as soon as it was read, also when another call fails later.
///
/// # Errors
/// As [`look_up`].
pub async fn look_up_telling(
    geodb: &GeoDb,
    table: &Table,
    search: &Search<'_>,
    seen: &mut Option<User>,
) -> Result<Answer, GeoDbError> {
    let Search { user: username, tag, now, moves } = *search;
    let writes = if moves == Moves::Withheld { Writes::Withheld } else { Writes::Allowed };
    let mut found = Found::default();
    let mut table = Cow::Borrowed(table);
    for _ in 0..ROUNDS_MAX {
        seen.clone_from(&found.user);
        let question = RouteQuestion {
            user: username,
            tag,
            fresh_group: found.group.as_ref(),
            fresh_site: found.site.as_ref(),
            sent_on: None,
            writes,
        };
        match decide(&table, found.user_known(), &question) {
            Decision::NeedUser => found.read_user(geodb, username).await?,
            Decision::AssignUser(assignment) => {
                let former = found.user.as_ref();
                found.user = Some(geodb.assign_user(&assignment, former, now).await?);
            }
            decision if moves == Moves::Counted && is_counted(&decision) => {
                return Ok(found.answer(decision));
            }
            Decision::MoveUser(change) => match found.newer_group(geodb, &table, &change).await? {
                None => {
                    // Written or not: what counts is what the row says now.
                    let _: Applied = geodb.finish_user_move(&change, now).await?;
                    found.read_user(geodb, username).await?;
                }
                Some(_) if found.others.len() == NEWER_MAX => {
                    return Ok(found.answer(Decision::MoveUser(change)));
                }
                Some(row) if row.name == change.expected.group_name => found.group = Some(row),
                Some(row) => {
                    table = Cow::Owned(table.with_group(row.clone()).0);
                    found.others.push(row);
                }
            },
            Decision::FailOver(change) => {
                found.site = write_site(geodb, &change, now).await?;
            }
            Decision::CreateGroup(creation) => {
                found.group = Some(geodb.create_group(&creation, now).await?);
            }
            Decision::Go { change: Some(change), destination, homecoming } => {
                let applied = geodb.apply(&change, now).await?;
                found.group = geodb.read_group(change.site_id, &change.name).await?;
                if applied == Applied::Written {
                    let change = Some(change);
                    return Ok(found.answer(Decision::Go { destination, change, homecoming }));
                }
                if found.group.is_none() {
                    // The row is gone while the table still has it.
                    return Ok(found.answer(Decision::NeedTable));
                }
            }
            Decision::Go { change: None, destination, homecoming: Some(change) } => {
                found.site = write_site(geodb, &change, now).await?;
                let (change, homecoming) = (None, Some(change));
                return Ok(found.answer(Decision::Go { destination, change, homecoming }));
            }
            // The table may not know yet that the group has left (C-SITE-10).
            Decision::Fail { fault, .. }
                if fault.is_home_away() && !found.has_read_site && table.sites().len() > 1 =>
            {
                found.read_site(geodb).await?;
            }
            decision @ (Decision::Go { .. } | Decision::NeedTable | Decision::Fail { .. }) => {
                return Ok(found.answer(decision));
            }
        }
    }
    Err(GeoDbError::user_keeps_changing(username))
}

/// Whether so many logins a second may decide this (C-SITE-5).
#[must_use]
pub fn is_counted(decision: &Decision) -> bool {
    match decision {
        Decision::FailOver(_) => true,
        Decision::MoveUser(change) => change.reason == UserMoveReason::Evacuation,
        _ => false,
    }
}

/// Writes which site serves a group, unless the row says something else by now. The row as it is then.
///
/// # Errors
/// The GeoDB cannot be read or written.
pub async fn write_site(
    geodb: &GeoDb,
    change: &SiteChange,
    now: UnixMillis,
) -> Result<Option<GroupSite>, GeoDbError> {
    let row = geodb.read_group_site(change.site_id, &change.group_name).await?;
    if !change.is_expected(row.as_ref()) {
        return Ok(row);
    }
    let written = change.row(row.as_ref(), now);
    match geodb.write_group_site(&written).await? {
        Applied::Written => Ok(Some(written)),
        Applied::Skipped => geodb.read_group_site(change.site_id, &change.group_name).await,
    }
}

/// What the rounds have read so far.
#[derive(Default)]
struct Found {
    user: Option<User>,
    is_absent: bool,
    group: Option<UserGroup>,
    others: Vec<UserGroup>,
    site: Option<GroupSite>,
    has_read_site: bool,
}

impl Found {
    async fn read_user(&mut self, geodb: &GeoDb, username: &str) -> Result<(), GeoDbError> {
        self.user = geodb.read_user(username).await?;
        self.is_absent = self.user.is_none();
        Ok(())
    }

    async fn read_site(&mut self, geodb: &GeoDb) -> Result<(), GeoDbError> {
        self.has_read_site = true;
        if let Some(User { preferred_site_id: Some(home), group_name, .. }) = &self.user {
            self.site = geodb.read_group_site(*home, group_name).await?;
        }
        Ok(())
    }

    /// Whether a user leaves a backend rests on two groups' rows, which the table may have had for a minute: the one on it, and
    /// the one elsewhere. The first that says something else by now.
    async fn newer_group(
        &self,
        geodb: &GeoDb,
        table: &Table,
        change: &UserMove,
    ) -> Result<Option<UserGroup>, GeoDbError> {
        let UserMove { expected, moved, reason: UserMoveReason::BackendForceMove } = change else {
            return Ok(None);
        };
        let Some(home) = expected.preferred_site_id else { return Ok(None) };
        for name in [&expected.group_name, &moved.group_name] {
            let fresh = self.group.as_ref().filter(|row| row.name == *name);
            let known = fresh.or_else(|| table.group(name));
            let is_known = |row: &UserGroup| known.is_some_and(|it| Placement::from(row).is_of(it));
            if let Some(row) = geodb.read_group(home, name).await?.filter(|row| !is_known(row)) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn answer(self, decision: Decision) -> Answer {
        let Self { user, group, others, site, .. } = self;
        Answer { decision, user, group, others, site }
    }

    fn user_known(&self) -> UserKnown<'_> {
        match &self.user {
            Some(row) => UserKnown::Row(row),
            None if self.is_absent => UserKnown::Absent,
            None => UserKnown::NotAsked,
        }
    }
}

/// So many groups that are not where the table has them: it is too old to say where a user should move.
const NEWER_MAX: usize = 3;
/// User read, user assigned, move finished, group created, change skipped twice, or groups found elsewhere before a move: more
/// rounds mean that another proxy or an operator changes the same rows all the time.
const ROUNDS_MAX: usize = 8;
