//! Force-moves, recoveries and bounds from rows to the sites and backends they are about (C-FORCE-1, R-LOAD-2).
//!
//! Duty: sorting the rows of `cluster_settings` by scope, and reporting those that make no sense. Non-duty: what they say
//! ([`super::settings_rows`]). Driven by [`super::build`]. Tests: `super::tests`.

use std::collections::BTreeMap;
use std::num::NonZero;

use uuid::Uuid;

use super::bounds::{BOUNDS, connections_max};
use super::problem::{Complaint, Problem};
use super::rows::Rows;
use super::settings_rows::{BadSetting, FORCE_MOVE, ForceMove, RECOVER, Recovery};
use super::table::{BackendEntry, SiteEntry};

/// The rows of `cluster_settings`, by section and scope.
pub(super) struct Scopes<'r>(BTreeMap<Scope<'r>, Vec<(&'r str, &'r str)>>);

/// Section, site, backend.
type Scope<'r> = (&'r str, Uuid, Uuid);

impl<'r> Scopes<'r> {
    pub(super) fn of(rows: &'r Rows) -> Self {
        let mut scopes: BTreeMap<Scope<'_>, Vec<_>> = BTreeMap::new();
        for row in &rows.settings {
            let scope = (&*row.section, row.site_id, row.backend_id);
            scopes.entry(scope).or_default().push((&*row.name, &*row.value));
        }
        Self(scopes)
    }

    fn of_scope(&self, section: &str, site: Uuid, backend: Uuid) -> Vec<(&'r str, &'r str)> {
        self.0.get(&(section, site, backend)).cloned().unwrap_or_default()
    }

    pub(super) fn apply_to_sites(&self, sites: &mut [SiteEntry], problems: &mut Vec<Problem>) {
        for site in sites {
            let of = |section| self.of_scope(section, site.id, Uuid::nil());
            let mut complain = |section: &str, bad: BadSetting| {
                problems.push(setting_problem(section, &site.name, bad));
            };
            match ForceMove::of_rows(of(FORCE_MOVE)) {
                Ok(found) => site.force_move = found.filter(|found| found.percentage > 0),
                Err(bad) => complain(FORCE_MOVE, bad),
            }
            match Recovery::of_rows(of(RECOVER)) {
                Ok(found) => site.recovery = found,
                Err(bad) => complain(RECOVER, bad),
            }
        }
    }

    pub(super) fn apply_to_backends(
        &self,
        local: Uuid,
        backends: &mut [BackendEntry],
        problems: &mut Vec<Problem>,
    ) {
        for backend in backends {
            match ForceMove::of_rows(self.of_scope(FORCE_MOVE, local, backend.id)) {
                Ok(found) => backend.force_move = found.filter(|found| found.percentage > 0),
                Err(bad) => problems.push(setting_problem(FORCE_MOVE, &backend.host.name, bad)),
            }
            match connections_max(self.of_scope(BOUNDS, local, backend.id)) {
                Ok(most) => {
                    // Any number: more than there will ever be.
                    let bound = |most| NonZero::new(most).unwrap_or(NonZero::<u32>::MAX);
                    backend.host.connections_max = most.map(bound);
                }
                Err(bad) => problems.push(setting_problem(BOUNDS, &backend.host.name, bad)),
            }
        }
    }
}

fn setting_problem(section: &str, about: &str, BadSetting(name): BadSetting) -> Problem {
    Problem {
        table: "cluster_settings",
        row: format!("{section} {about}").into(),
        complaint: Complaint::BadSetting(name),
    }
}
