//! A decision taken apart, for `hale explain USER` (C-ROUTE-10).
//!
//! Duty: what the deciding code tells while it decides, as values: steps, the rows they rest on, candidates that were passed
//! over and why; and how a login goes on once what it has to write is written, without writing it. Non-duty: deciding a second
//! time by rules of its own, the age and source of rows, words on a terminal. Driven by the admin commands. Tests:
//! `super::tests`.

use super::change::UserAssignment;
use super::decide::{Decision, UserKnown, decide_telling};
use super::question::{RouteQuestion, Writes};
use super::rows::{GroupSite, User, UserGroup};
use super::steps::{About, Listener, RowKey, Step, group_text, site_name, user_text};
use super::table::Table;

/// A login as it would go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In the order in which they were taken.
    pub steps: Vec<Step>,
    /// What it comes to: `Go`, `Fail`, or what has to be read before more can be said.
    pub decision: Decision,
}

/// Takes a login apart. Rows that it would write are taken as written.
#[must_use]
pub fn explain(table: &Table, known: UserKnown<'_>, question: &RouteQuestion<'_>) -> Explanation {
    let mut steps = Vec::new();
    let mut written = Written {
        user: None,
        group: question.fresh_group.cloned(),
        site: question.fresh_site.cloned(),
    };
    for _ in 0..ROUNDS_MAX {
        let known = written.user.as_ref().map_or(known, UserKnown::Row);
        let (fresh_group, fresh_site) = (written.group.as_ref(), written.site.as_ref());
        let asked = RouteQuestion { fresh_group, fresh_site, ..*question };
        let decision = decide_telling(table, known, &asked, &mut steps);
        let former = if let UserKnown::Row(row) = known { Some(row.clone()) } else { None };
        match written.take(table, &decision, former) {
            Some(step) => steps.hear(|| step),
            None => return Explanation { steps, decision },
        }
    }
    let asked = RouteQuestion { writes: Writes::Withheld, ..*question };
    let decision = decide_telling(table, known, &asked, &mut steps);
    Explanation { steps, decision }
}

/// Rows as they would be by then.
struct Written {
    user: Option<User>,
    group: Option<UserGroup>,
    site: Option<GroupSite>,
}

impl Written {
    /// Takes a write as done. None: the decision asks for none.
    fn take(&mut self, table: &Table, decision: &Decision, former: Option<User>) -> Option<Step> {
        let (text, key) = match decision {
            Decision::AssignUser(assignment) => {
                let row = assigned(assignment, former.unwrap_or_default());
                let text = format!("users: {}", user_text(table, &row));
                let key = RowKey::User(row.username.clone());
                self.user = Some(row);
                (text, key)
            }
            Decision::MoveUser(change) => {
                let row = &change.moved;
                let text = format!("users: {}; {}", user_text(table, row), change.reason.text());
                self.user = Some(row.clone());
                (text, RowKey::User(row.username.clone()))
            }
            Decision::CreateGroup(creation) => {
                let row = creation.row();
                let text = format!("user_groups: {}", group_text(table, &row));
                let key = RowKey::Group { site: row.site_id, name: row.name.clone() };
                self.group = Some(row);
                (text, key)
            }
            Decision::FailOver(change) => {
                let row = change.row(self.site.as_ref(), 0);
                let to = site_name(table, row.failover_site_id);
                let text = format!("group_sites: {} goes to site {to}", row.group_name);
                let key = RowKey::GroupSite { group: row.group_name.clone(), site: row.site_id };
                self.site = Some(row);
                (text, key)
            }
            Decision::Go { .. }
            | Decision::NeedUser
            | Decision::NeedTable
            | Decision::Fail { .. } => return None,
        };
        Some(Step::new(About::Write, text).on(key))
    }
}

/// Only empty columns are filled (GE-07).
fn assigned(assignment: &UserAssignment, former: User) -> User {
    let group = Some(former.group_name.clone()).filter(|group| !group.is_empty());
    User {
        username: assignment.username.clone(),
        preferred_site_id: former.preferred_site_id.or(Some(assignment.preferred_site_id)),
        group_name: group.unwrap_or_else(|| assignment.group_name.clone()),
        ..former
    }
}

/// User assigned, moved, failed over, group created, moved once more by its backend: a login that writes more goes in a circle.
const ROUNDS_MAX: usize = 8;
