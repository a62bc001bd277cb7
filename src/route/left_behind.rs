//! Sessions that are still where a force-move, or the evacuation of a site, has taken their users away from (C-MOVE-10).
//!
//! Duty: which backends lose users so, and whether a user has left one. Non-duty: ending sessions. Driven by the task of moves.
//! Tests: `super::tests`.

use uuid::Uuid;

use super::decide::{Decision, Hop, RouteQuestion, UserKnown, Writes, decide};
use super::rows::{SiteStatus, User};
use super::table::{BackendEntry, Table};

/// Whether a session of the user at this backend is where the next login would not go: a force-move or an evacuation has taken
/// the user elsewhere, by whichever proxy. A user who may not be served now is not torn out of a session.
#[must_use]
pub fn has_left(table: &Table, user: &User, backend: Uuid) -> bool {
    let of = RouteQuestion::of(&user.username);
    let question = RouteQuestion { writes: Writes::Withheld, ..of };
    match decide(table, UserKnown::Row(user), &question) {
        // Of a backend in standby sessions may stay.
        Decision::Go { destination, .. } => {
            destination.hop != Hop::Backend(backend) && !destination.is_switching
        }
        _ => false,
    }
}

/// Whether users of this backend are being taken elsewhere at their logins.
#[must_use]
pub fn is_losing(table: &Table, backend: &BackendEntry) -> bool {
    let is_site_losing = table
        .local_site()
        .is_some_and(|site| site.force_move.is_some() || site.status == SiteStatus::Evacuate);
    is_site_losing || backend.force_move.is_some()
}
