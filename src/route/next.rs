//! The next table out of the last one and a single row.
//!
//! Duty: what one row changes, so that a new group among a hundred thousand costs one piece of rows. Non-duty: what depends on
//! many rows, such as where residents live, which the next whole build finds ([`super::build`]). Driven by the control core.
//! Tests: the properties of the room, beside tables that are built as a whole.

use super::build::{failover, is_group_usable, is_settled};
use super::change::GroupChange;
use super::group;
use super::outage::Circumstances;
use super::problem::Problem;
use super::rows::{GroupSite, UserGroup};
use super::table::Table;

impl Table {
    /// The same table with this row of a group instead of the one it has, and what is wrong with the row.
    #[must_use]
    pub fn with_group(&self, row: UserGroup) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut table = self.clone();
        if is_group_usable(&row, self, &mut problems) {
            let is_it = |change: &GroupChange| change.name.cmp(&row.name);
            table.switches = match group::needed_switch(self, &row) {
                Some(change) => self.switches.with(change),
                None if self.switches.find(is_it).is_some() => self.switches.without(is_it),
                None => self.switches.clone(),
            };
            table.groups = self.groups.with(row);
        }
        (table, problems)
    }

    /// The same table without a group.
    #[must_use]
    pub fn without_group(&self, name: &str) -> Self {
        Self {
            groups: self.groups.without(|row| (*row.name).cmp(name)),
            switches: self.switches.without(|change| (*change.name).cmp(name)),
            ..self.clone()
        }
    }

    /// The same table with this row of a group at a site, and what is wrong with the row.
    #[must_use]
    pub fn with_group_site(&self, row: &GroupSite, now: &Circumstances) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let failovers = match failover(row, self, is_settled(row, now), &mut problems) {
            Some(failover) => self.failovers.with(failover),
            None => self.failovers.without(|known| {
                known.group_name.cmp(&row.group_name).then(known.site_id.cmp(&row.site_id))
            }),
        };
        (Self { failovers, ..self.clone() }, problems)
    }
}
