//! What is asked about one login, and what the steps of its decision share.
//!
//! Duty: the question. Non-duty: the answer ([`super::decide`]). Tests: `super::tests`.

use uuid::Uuid;

use super::rows::{GroupSite, User, UserGroup};
use super::sent_on::SentOn;
use super::table::{SiteEntry, Table};

/// Who wants to be routed.
#[derive(Clone, Copy, Debug)]
pub struct RouteQuestion<'a> {
    /// The normalised user name.
    pub user: &'a str,
    /// The passdb's `cluster_tag`: name or id of the tag that the user's sites must have (C-ROUTE-11).
    pub tag: Option<&'a str>,
    /// A row of the user's group that is newer than the table's: just created, or read after a redirect.
    pub fresh_group: Option<&'a UserGroup>,
    /// The same of the group's row about its home.
    pub fresh_site: Option<&'a GroupSite>,
    /// Where a backend has sent the user on to, if that is remembered (C-CACHE-5).
    pub sent_on: Option<&'a SentOn>,
    /// Whether what has to be written first can be.
    pub writes: Writes,
}

/// Whether a login can have rows written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// It can.
    #[default]
    Allowed,
    /// The GeoDB does not answer, or too many logins want to move groups: rows are used as they are (C-CACHE-2).
    Withheld,
}

impl<'a> RouteQuestion<'a> {
    /// The usual question: the table knows the groups.
    #[must_use]
    pub fn of(user: &'a str) -> Self {
        let (fresh_group, fresh_site) = (None, None);
        Self { user, tag: None, fresh_group, fresh_site, sent_on: None, writes: Writes::Allowed }
    }
}

/// One login: the question, and what has been found out on the way.
pub(super) struct Login<'q> {
    pub(super) table: &'q Table,
    pub(super) local: &'q SiteEntry,
    pub(super) user: &'q User,
    pub(super) question: RouteQuestion<'q>,
    /// The tag of the question.
    pub(super) wanted_tag: Option<Uuid>,
}

impl<'q> Login<'q> {
    /// What force-moves are reckoned by.
    pub(super) fn user_name(&self) -> &'q str {
        self.question.user
    }

    pub(super) fn writes(&self) -> Writes {
        self.question.writes
    }

    /// The tag that the password database demands of the user's sites; none: it demands none.
    pub(super) fn tag(&self) -> Option<Option<Uuid>> {
        self.wanted_tag.map(Some)
    }

    /// A row about the group and this home that is newer than the table.
    pub(super) fn fresh_site(&self, home: Uuid) -> Option<&'q GroupSite> {
        let fresh = self.question.fresh_site;
        fresh.filter(|row| row.site_id == home && row.group_name == self.user.group_name)
    }

    pub(super) fn group_row(&self, name: &str) -> Option<&'q UserGroup> {
        let fresh = self.question.fresh_group;
        let fresh = fresh.filter(|row| row.site_id == self.local.id && &*row.name == name);
        fresh.or_else(|| self.table.group(name))
    }
}
