//! Which backend serves a group (C-ROUTE-2, C-ROUTE-4).
//!
//! Duty: the choice from a group row, the change that the choice implies, and the row of a new group. Non-duty: making
//! the change; it carries what it was decided on, so that the writer can skip it when the row differs by then (C-GEO-2).
//! All results are the same on every proxy that sees the same rows. Driven by [`super::decide`].

use uuid::Uuid;

use super::change::{ChangeReason, GroupChange, GroupCreation, Placement};
use super::hash::{self, Ranking};
use super::rows::UserGroup;
use super::table::{BackendEntry, Table};

/// The backend of a group and the write that goes with it.
#[derive(Debug)]
pub struct Choice<'t> {
    /// Where the group's users go.
    pub backend: &'t BackendEntry,
    /// The row has to be changed, because it names a backend that is not usable.
    pub change: Option<Box<GroupChange>>,
}

/// The choice that C-ROUTE-2 describes. None when the site has no usable backend.
#[must_use]
pub fn choose<'t>(table: &'t Table, row: &UserGroup) -> Option<Choice<'t>> {
    if let Some(backend) = usable(table, row.backend_id) {
        // A moving group goes to the source too: the source decides per user and refers users that it has moved.
        return Some(Choice { backend, change: None });
    }
    let change = match table.switch(row) {
        Some(change) => change.clone(),
        None => switch(table, row)?,
    };
    Some(Choice {
        backend: table.backend(change.placement.backend_id?)?,
        change: Some(Box::new(change)),
    })
}

/// The change of a group whose backend is not usable. It ranks all backends, so the table keeps the result for every
/// group that needs it: when a backend with thousands of users dies, their logins must not each do this.
pub(super) fn switch(table: &Table, row: &UserGroup) -> Option<GroupChange> {
    let alternative = usable(table, row.alt_backend_id)
        // An explicit destination is an order; a mere stand-by choice that is being drained is not taken (1.5).
        .filter(|backend| row.is_moving() || backend.load_factor > 0);
    let (backend_id, next, switched) = if let Some(backend) = alternative {
        let next = rank(table, &row.name, Some(backend.id)).map(|ranking| ranking.best);
        (backend.id, next, ChangeReason::SwitchToAlternative)
    } else {
        let ranking = rank(table, &row.name, None)?;
        (ranking.best, ranking.second, ChangeReason::SwitchToBest)
    };
    let placement =
        Placement { backend_id: Some(backend_id), alt_backend_id: next, moving: Box::default() };
    let reason = if row.is_moving() { ChangeReason::FinishMove } else { switched };
    Some(GroupChange::of(row, placement, reason))
}

/// The row of a group that has none at the local site. None when the site has no usable backend.
#[must_use]
pub fn create(table: &Table, site_id: Uuid, name: &str) -> Option<GroupCreation> {
    let ranking = rank(table, name, None)?;
    Some(GroupCreation {
        site_id,
        name: name.into(),
        backend_id: ranking.best,
        alt_backend_id: ranking.second,
    })
}

/// Whether the group's own backend takes users.
#[must_use]
pub fn is_backend_usable(table: &Table, row: &UserGroup) -> bool {
    usable(table, row.backend_id).is_some()
}

/// Whether logins of the group wait: it moves, the proxies carry that out, and both ends of the move are well. A source that
/// is gone has nothing to wait for, and with a destination that is gone the group stays (C-MOVE-4).
#[must_use]
pub fn is_held(table: &Table, row: &UserGroup) -> bool {
    table.settings().are_moves_ours
        && row.is_moving()
        && row.backend_id != row.alt_backend_id
        && is_backend_usable(table, row)
        && usable(table, row.alt_backend_id).is_some()
}

/// The end of a move that the proxies carry out: the destination takes over, or, where it is gone, the source keeps the group.
/// None: the row moves nowhere.
#[must_use]
pub fn end_of_move(table: &Table, row: &UserGroup) -> Option<GroupChange> {
    let source = usable(table, row.backend_id).filter(|_| row.is_moving())?;
    let backend = usable(table, row.alt_backend_id).unwrap_or(source);
    let next = rank(table, &row.name, Some(backend.id)).map(|ranking| ranking.best);
    let placement =
        Placement { backend_id: Some(backend.id), alt_backend_id: next, moving: Box::default() };
    Some(GroupChange::of(row, placement, ChangeReason::FinishMove))
}

/// The change of a group, if its backend is not usable.
pub(super) fn needed_switch(table: &Table, row: &UserGroup) -> Option<GroupChange> {
    if is_backend_usable(table, row) { None } else { switch(table, row) }
}

fn usable(table: &Table, id: Option<Uuid>) -> Option<&BackendEntry> {
    table.backend(id?).filter(|backend| backend.is_usable())
}

fn rank(table: &Table, group: &str, excluded: Option<Uuid>) -> Option<Ranking> {
    hash::rank(group, table.candidates(), excluded)
}
