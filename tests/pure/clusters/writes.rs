//! What logins and backends write, as cells.

use hale::route::change::{GroupChange, GroupCreation, UserAssignment, time_of_change};
use hale::route::rows::{GroupSite, User};

use super::geodb::{Columns, Key, Value, Write};

pub(super) fn assign(assignment: &UserAssignment, at: i64) -> Write {
    let home = Value::Id(Some(assignment.preferred_site_id));
    let group = Value::Text(assignment.group_name.clone());
    let time = Value::Number(at);
    let columns: Columns =
        vec![("preferred_site_id", home), ("group_name", group), ("last_update", time)];
    Write { key: Key::User(assignment.username.clone()), columns, at }
}

/// The row of a user who exists. Of when it says that it changed: later than before.
pub(super) fn user(row: &User, at: i64) -> Write {
    let columns = vec![
        ("preferred_site_id", Value::Id(row.preferred_site_id)),
        ("group_name", Value::Text(row.group_name.clone())),
        ("moving_preferred_site_id", Value::Id(row.moving_preferred_site_id)),
        ("moving_group_name", Value::Text(row.moving_group_name.clone().unwrap_or_default())),
        ("last_update", Value::Number(time_of_change(at, row.last_update))),
    ];
    Write { key: Key::User(row.username.clone()), columns, at }
}

pub(super) fn create(creation: &GroupCreation, at: i64) -> Write {
    let columns = vec![
        ("backend_id", Value::Id(Some(creation.backend_id))),
        ("alt_backend_id", Value::Id(creation.alt_backend_id)),
        ("refresh_after", Value::Number(at)),
    ];
    Write { key: Key::Group(creation.site_id, creation.name.clone()), columns, at }
}

/// `now`: what the row says of when it changed.
pub(super) fn change(change: &GroupChange, at: i64, now: i64) -> Write {
    let columns = vec![
        ("backend_id", Value::Id(change.placement.backend_id)),
        ("alt_backend_id", Value::Id(change.placement.alt_backend_id)),
        ("moving", Value::Text(change.placement.moving.clone())),
        ("refresh_after", Value::Number(now)),
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
