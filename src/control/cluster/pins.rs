//! `hale cluster backend pin` and `unpin`: rows of `cluster_settings` (C-PIN-1).
//!
//! Duty: setting and taking them away, and showing them. Non-duty: routing by them, and ending sessions of users whose pins change;
//! every proxy does both by the same rows. Tests: `super::tests::pins`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::error::CommandError;
use super::names::{Names, find_backend, find_site, given_site};
use super::render::Output;
use super::settings::Cluster;
use crate::limits;
use crate::route::pins::{PIN, Pin};
use crate::route::rows::{Backend, BackendStatus, Setting};
use crate::route::set_by::SetBy;
use crate::wire::der::utc;

/// Pins users to a backend. One that a user had at the site goes, and so do all whose time has passed.
pub(super) async fn pin(
    cluster: &Cluster<'_>,
    host: &str,
    users: &[String],
    lasting: Option<u64>,
    why: Box<str>,
) -> Result<Output, CommandError> {
    let backend = find_backend(cluster, host).await?;
    check(users)?;
    let until = lasting.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        cluster.now.div_euclid(1000).saturating_add(seconds)
    });
    let former = rows_of(cluster, backend.site_id).await?;
    let known: BTreeSet<&str> = former.iter().map(|row| &*row.name).collect();
    let added = users.iter().filter(|user| !known.contains(user.as_str())).count();
    if known.len() + added > limits::PINS_MAX {
        let text = format!("a site has {} pins at most; unpin some", limits::PINS_MAX);
        return Err(CommandError::Data(text));
    }
    let names = Names::of(cluster).await?;
    let mut output = Output::default();
    for user in users {
        let user = user.to_ascii_lowercase().into_boxed_str();
        let pin = Pin { user, backend: backend.id, until, reason: why.clone() };
        // First the new one: it is the later, and counts.
        cluster.geodb.write_setting(&pin.row(backend.site_id)).await?;
        let is_other = |row: &&Setting| row.name == pin.user && row.backend_id != backend.id;
        let mut was = Vec::new();
        for row in former.iter().filter(|row| row.name == pin.user) {
            was.extend(names.name(Some(row.backend_id)));
        }
        for row in former.iter().filter(is_other) {
            cluster.geodb.delete_setting(row).await?;
        }
        let was = if was.is_empty() { "nothing".to_owned() } else { was.join(",") };
        output.changes.push(format!("user {}: pin {was} -> {}", pin.user, backend.host));
    }
    let is_renewed = |row: &Setting| users.iter().any(|user| user.eq_ignore_ascii_case(&row.name));
    let is_over = |row: &&Setting| Pin::of_row(row).is_none_or(|pin| pin.is_over(cluster.now));
    for row in former.iter().filter(is_over).filter(|row| !is_renewed(row)) {
        cluster.geodb.delete_setting(row).await?;
    }
    if backend.status == BackendStatus::Offline {
        output.notices.push(format!(
            "{} is offline: its pins are followed as soon as it is online or in standby",
            backend.host
        ));
    }
    Ok(output)
}

/// Takes pins away.
pub(super) async fn unpin(
    cluster: &Cluster<'_>,
    site: Option<&str>,
    users: &[String],
) -> Result<Output, CommandError> {
    let site = match site {
        Some(site) => find_site(cluster, site).await?,
        None => find_site(cluster, cluster.settings.local_site()?).await?,
    };
    check(users)?;
    let rows = rows_of(cluster, site.id).await?;
    let of = |user: &str| {
        let user = user.to_owned();
        rows.iter().filter(move |row| row.name.eq_ignore_ascii_case(&user))
    };
    // All or none.
    if let Some(user) = users.iter().find(|user| of(user).next().is_none()) {
        return Err(CommandError::NotFound(format!("user {user}: is not pinned at {}", site.name)));
    }
    let names = Names::of(cluster).await?;
    let mut output = Output::default();
    for user in users {
        for row in of(user) {
            cluster.geodb.delete_setting(row).await?;
            let was = names.name(Some(row.backend_id)).unwrap_or_default();
            output.changes.push(format!("user {}: pin {was} -> nothing", row.name));
        }
    }
    Ok(output)
}

/// Who is pinned where. Those whose time has passed are none.
pub(super) async fn list(
    cluster: &Cluster<'_>,
    site: Option<&str>,
) -> Result<Output, CommandError> {
    let site = given_site(cluster, site).await?;
    let names = Names::of(cluster).await?;
    let mut output = Output::new(&["user", "host", "site_id", "until", "since", "set_by", "why"]);
    for row in cluster.geodb.settings(PIN).await? {
        let is_meant = site.as_ref().is_none_or(|site| site.id == row.site_id);
        let Some(pin) = Pin::of_row(&row).filter(|pin| is_meant && !pin.is_over(cluster.now))
        else {
            continue;
        };
        let SetBy { who, seconds, why } = SetBy::read(&pin.reason);
        output.rows.push(vec![
            Some(pin.user.to_string()),
            names.name(Some(pin.backend)),
            names.name(Some(row.site_id)),
            pin.until.map(utc),
            seconds.map(utc),
            who.map(str::to_owned),
            Some(why.to_owned()).filter(|why| !why.is_empty()),
        ]);
    }
    output.rows.sort();
    Ok(output)
}

/// The backend is gone, and with it who was pinned there.
pub(super) async fn drop_all(cluster: &Cluster<'_>, backend: &Backend) -> Result<(), CommandError> {
    for row in rows_of(cluster, backend.site_id).await? {
        if row.backend_id == backend.id {
            cluster.geodb.delete_setting(&row).await?;
        }
    }
    Ok(())
}

/// Pins of a backend that hold.
pub(super) fn count(rows: &[Setting], backend: Uuid, now: i64) -> usize {
    let pins = rows.iter().filter_map(Pin::of_row);
    pins.filter(|pin| pin.backend == backend && !pin.is_over(now)).count()
}

async fn rows_of(cluster: &Cluster<'_>, site: Uuid) -> Result<Vec<Setting>, CommandError> {
    let mut rows = cluster.geodb.settings(PIN).await?;
    rows.retain(|row| row.site_id == site);
    Ok(rows)
}

/// Names, and no masks.
fn check(users: &[String]) -> Result<(), CommandError> {
    let is_none = |user: &str| {
        user.is_empty() || user.len() > limits::USER_BYTES_MAX || user.chars().any(char::is_control)
    };
    for user in users {
        if is_none(user) {
            return Err(CommandError::Data(format!("{user:?} is no user's name")));
        }
        if user.contains(['*', '?']) {
            return Err(CommandError::Data(format!(
                "{user}: name each user; * and ? are no masks here"
            )));
        }
    }
    Ok(())
}
