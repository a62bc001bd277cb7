//! Whether a referral that was followed is still good for the next login (C-CACHE-5).
//!
//! Duty: what is remembered of it, and when that counts for more than the group's row. Non-duty: keeping it, how long
//! ([`crate::limits::REFERRAL_KEPT_FOR`]), whether a referral is followed ([`super::redirect`]). Tests: `super::tests`.

use uuid::Uuid;

use super::change::Placement;
use super::rows::UserGroup;
use super::table::{BackendEntry, Place, Table};

/// A referral that was followed: a user of a group that is being moved, or is moved, is at another backend already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentOn {
    /// The backend.
    pub to: Uuid,
    /// The group.
    pub group: Box<str>,
    /// What the group's row said. Once it says something else it counts for more.
    pub placement: Placement,
}

impl SentOn {
    /// Of a user of this group who was sent on to `host`; none: that is no other backend of the local site, or the group
    /// is unknown here.
    #[must_use]
    pub fn learnt(table: &Table, group: &str, host: &str) -> Option<Self> {
        let row = table.group(group)?;
        match table.place_by_host(host)? {
            Place::Backend(to) if row.backend_id != Some(to) => {
                Some(Self { to, group: group.into(), placement: row.into() })
            }
            Place::Backend(_) | Place::LoadBalancer(_) => None,
        }
    }

    /// The backend, if the group's row has not changed and the backend is usable.
    #[must_use]
    pub fn backend<'t>(&self, table: &'t Table, row: &UserGroup) -> Option<&'t BackendEntry> {
        let is_good = self.group == row.name && self.placement.is_of(row);
        table.backend(self.to).filter(|backend| is_good && backend.is_usable())
    }

    /// The same by the table's row.
    #[must_use]
    pub fn is_good(&self, table: &Table) -> bool {
        table.group(&self.group).is_some_and(|row| self.backend(table, row).is_some())
    }
}
