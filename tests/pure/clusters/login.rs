//! One login under way: decide, read or write, decide again, as the control core does; each call to the GeoDB takes its time,
//! and may be lost.

use hale::route::change::{GroupChange, GroupCreation, SiteChange, UserAssignment, UserMove};
use hale::route::rows::{GroupSite, User, UserGroup};
use uuid::Uuid;

use super::geodb::{Columns, Key, Value, Write};

/// What a login waits for.
#[derive(Clone, Debug)]
pub(super) enum Call {
    ReadUser,
    /// Cassandra has no "unless it is there" that crosses sites: every write is a read, and then a write.
    Assign(UserAssignment, Stage),
    Move(Box<UserMove>, Stage),
    Create(GroupCreation, Stage),
    FailOver(Box<SiteChange>, Stage),
    /// No login waits for these two.
    Change(Box<GroupChange>, Stage),
    Homecoming(Box<SiteChange>, Stage),
}

/// How far a write has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Read,
    Written,
}

/// A login, or a write that one left behind.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) proxy: usize,
    pub(super) user: Box<str>,
    /// The proxy of another site that brought it.
    pub(super) from: Option<usize>,
    /// Load balancers that it has been sent to.
    pub(super) hops: Vec<Uuid>,
    pub(super) rounds: u32,
    pub(super) is_silent: bool,
    pub(super) row: Option<User>,
    pub(super) is_absent: bool,
    pub(super) group: Option<UserGroup>,
    pub(super) site: Option<GroupSite>,
    pub(super) call: Option<Call>,
}

impl Login {
    pub(super) fn new(proxy: usize, user: Box<str>, from: Option<usize>, hops: Vec<Uuid>) -> Self {
        Self {
            proxy,
            user,
            from,
            hops,
            rounds: 0,
            is_silent: false,
            row: None,
            is_absent: false,
            group: None,
            site: None,
            call: None,
        }
    }
}

pub(super) fn assign(assignment: &UserAssignment, at: i64) -> Write {
    let home = Value::Id(Some(assignment.preferred_site_id));
    let group = Value::Text(assignment.group_name.clone());
    let columns: Columns = vec![("preferred_site_id", home), ("group_name", group)];
    Write { key: Key::User(assignment.username.clone()), columns, at }
}

pub(super) fn move_user(change: &UserMove, at: i64) -> Write {
    let home = Value::Id(change.moved.preferred_site_id);
    let group = Value::Text(change.moved.group_name.clone());
    let columns = vec![("preferred_site_id", home), ("group_name", group)];
    Write { key: Key::User(change.moved.username.clone()), columns, at }
}

pub(super) fn create(creation: &GroupCreation, at: i64) -> Write {
    let columns = vec![
        ("backend_id", Value::Id(Some(creation.backend_id))),
        ("alt_backend_id", Value::Id(creation.alt_backend_id)),
    ];
    Write { key: Key::Group(creation.site_id, creation.name.clone()), columns, at }
}

pub(super) fn change(change: &GroupChange, at: i64) -> Write {
    let columns = vec![
        ("backend_id", Value::Id(change.placement.backend_id)),
        ("alt_backend_id", Value::Id(change.placement.alt_backend_id)),
    ];
    Write { key: Key::Group(change.site_id, change.name.clone()), columns, at }
}

pub(super) fn group_site(row: &GroupSite, at: i64) -> Write {
    let columns = vec![
        ("status", Value::Text(row.status.as_str().into())),
        ("failover_site_id", Value::Id(row.failover_site_id)),
        ("last_update", Value::Number(row.last_update.unwrap_or_default())),
    ];
    Write { key: Key::GroupSite(row.group_name.clone(), row.site_id), columns, at }
}
