//! Rows of `group_sites` as the table has them (C-SITE-4, C-SITE-8).
//!
//! Duty: which rows matter, and which are too young to be changed again. Non-duty: deciding ([`super::site`]). Driven by
//! [`super::build`]. Tests: `super::tests`.

use super::chunks::Chunks;
use super::outage::Circumstances;
use super::problem::{Complaint, Problem};
use super::rows::{GroupSite, GroupSiteStatus};
use super::table::{Failover, Table};
use crate::limits;

pub(super) fn build_failovers(
    group_sites: &Chunks<GroupSite>,
    table: &Table,
    now: &Circumstances,
    problems: &mut Vec<Problem>,
) -> Chunks<Failover> {
    let of = |row| failover(row, table, is_settled(row, now), problems);
    Chunks::of(group_sites.iter().filter_map(of).collect())
}

/// What of a row matters. Most say that all is as usual, and a site has a hundred thousand groups: none.
pub(super) fn failover(
    row: &GroupSite,
    table: &Table,
    is_settled: bool,
    problems: &mut Vec<Problem>,
) -> Option<Failover> {
    let mut complain = |complaint| {
        problems.push(Problem {
            table: "group_sites",
            row: format!("{} {}", row.group_name, row.site_id).into(),
            complaint,
        });
    };
    let known = row.failover_site_id.filter(|id| table.site(*id).is_some());
    let is_failover = match &row.status {
        GroupSiteStatus::Normal | GroupSiteStatus::Online => false,
        GroupSiteStatus::Failover => true,
        GroupSiteStatus::Unknown(text) => {
            complain(Complaint::UnknownStatus(text.clone()));
            return None;
        }
    };
    if is_failover && known.is_none() {
        complain(Complaint::UnknownSite);
        return None;
    }
    if is_failover && known == Some(row.site_id) {
        complain(Complaint::FailoverLoop);
        return None;
    }
    (known.is_some() || !is_settled).then(|| Failover {
        group_name: row.group_name.clone(),
        site_id: row.site_id,
        to_site_id: known.filter(|_| is_failover),
        preferred: known,
        is_settled,
    })
}

/// A writer's clock may be wrong by any amount: a time that is too far from ours, to either side, is long ago.
pub(super) fn is_settled(row: &GroupSite, now: &Circumstances) -> bool {
    let dwell = u64::try_from(limits::SITE_RECOVERY_AFTER.as_millis()).unwrap_or(u64::MAX);
    match (row.last_update, now.unix_millis) {
        (Some(written), Some(now)) => now.abs_diff(written) >= dwell,
        _ => true,
    }
}
