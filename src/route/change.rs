//! Writes to the GeoDB that a decision asks for.
//!
//! Duty: the rows to write, each named by the decision and the same whichever proxy makes it, with what the decision was made on, so that a writer can skip what has changed meanwhile.
//! Non-duty: deciding ([`super::group`], [`super::build`]) and writing (the control core). Tests: [`super::group`].

use uuid::Uuid;

use super::rows::{GroupSite, GroupSiteStatus, User, UserGroup};

/// A write to one row of `user_groups`: all columns of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// First half of the key.
    pub site_id: Uuid,
    /// Second half of the key.
    pub name: Box<str>,
    /// What the decision was made on. If the row says something else now, nothing is written.
    pub expected: Placement,
    /// And in which order to move, if the row had one: its `refresh_after`. The same order given again is another move.
    pub order: Option<i64>,
    /// What to write.
    pub placement: Placement,
    /// For logs and events.
    pub reason: ChangeReason,
}

impl GroupChange {
    /// Decided on this row.
    #[must_use]
    pub fn of(row: &UserGroup, placement: Placement, reason: ChangeReason) -> Self {
        Self {
            site_id: row.site_id,
            name: row.name.clone(),
            expected: Placement::from(row),
            order: row.refresh_after.filter(|_| row.is_moving()),
            placement,
            reason,
        }
    }

    /// Whether a row says what the decision was made on.
    #[must_use]
    pub fn is_expected(&self, row: &UserGroup) -> bool {
        self.expected.is_of(row) && (self.order.is_none() || self.order == row.refresh_after)
    }
}

/// The columns of `user_groups` that say where a group lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// `backend_id`.
    pub backend_id: Option<Uuid>,
    /// `alt_backend_id`.
    pub alt_backend_id: Option<Uuid>,
    /// `moving`; empty when not moving.
    pub moving: Box<str>,
}

impl Placement {
    /// Whether the row says this.
    #[must_use]
    pub fn is_of(&self, row: &UserGroup) -> bool {
        self.backend_id == row.backend_id
            && self.alt_backend_id == row.alt_backend_id
            && self.moving == row.moving
    }
}

impl From<&UserGroup> for Placement {
    fn from(row: &UserGroup) -> Self {
        Self {
            backend_id: row.backend_id,
            alt_backend_id: row.alt_backend_id,
            moving: row.moving.clone(),
        }
    }
}

/// Why a group changes its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeReason {
    /// The backend is not usable; the pre-agreed next one takes over.
    SwitchToAlternative,
    /// Neither the backend nor the next one is usable; the best of the others takes over.
    SwitchToBest,
    /// The source of a move is gone, so the move is finished from here.
    FinishMove,
    /// An operator or controller ordered it (`group move`).
    Ordered,
}

/// A row of `user_groups` to be created, unless another proxy was first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCreation {
    /// First half of the key.
    pub site_id: Uuid,
    /// Second half of the key.
    pub name: Box<str>,
    /// Best candidate.
    pub backend_id: Uuid,
    /// Second best.
    pub alt_backend_id: Option<Uuid>,
}

impl GroupCreation {
    /// The row that is created, unless another proxy was first.
    #[must_use]
    pub fn row(&self) -> UserGroup {
        UserGroup {
            site_id: self.site_id,
            name: self.name.clone(),
            backend_id: Some(self.backend_id),
            alt_backend_id: self.alt_backend_id,
            sticky_users: false,
            moving: Box::default(),
            refresh_after: None,
            sticky_backend: false,
        }
    }
}

/// A home for a user who has none. Only columns that are empty by then are written (GE-07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAssignment {
    /// Key.
    pub username: Box<str>,
    /// The local site, unless it takes no new users or none of the user's tag (C-ROUTE-5).
    pub preferred_site_id: Uuid,
    /// `default-N` (C-ROUTE-6).
    pub group_name: Box<str>,
}

/// A user's row to be written, unless it differs by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMove {
    /// The row that the decision was made on.
    pub expected: User,
    /// The row to be written.
    pub moved: User,
    /// For logs and events.
    pub reason: UserMoveReason,
}

/// Whether a user's row says what was expected, but for the columns that others write. The same order to move given again is
/// another move.
#[must_use]
pub fn is_same_user(expected: &User, row: &User) -> bool {
    let compared =
        |user: &User| User { metacache_last_host: None, last_update: None, ..user.clone() };
    let is_same_order = !expected.is_moving() || expected.last_update == row.last_update;
    compared(expected) == compared(row) && is_same_order
}

/// Why a user's row changes at a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserMoveReason {
    /// A move was pending, and its source is gone (C-MOVE-3).
    Finish,
    /// The home site is force-moved (C-FORCE-2).
    SiteForceMove,
    /// The group's backend is force-moved (C-FORCE-3).
    BackendForceMove,
    /// The home site is being evacuated (C-SITE-7).
    Evacuation,
}

impl UserMoveReason {
    /// For logs.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Finish => "the move is finished, because its source is gone",
            Self::SiteForceMove => "the home site is force-moved",
            Self::BackendForceMove => "the backend is force-moved",
            Self::Evacuation => "the home site is being evacuated",
        }
    }
}

/// A write to one row of `group_sites`: status, site that takes over and time, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteChange {
    /// First half of the key.
    pub group_name: Box<str>,
    /// Second half of the key: the group's home.
    pub site_id: Uuid,
    /// What the decision was made on: the site that stands in. If another does now, nothing is written.
    pub expected: Option<Uuid>,
    /// The site that stands in from now on; none: the group is at home again.
    pub stand_in: Option<Uuid>,
}

impl SiteChange {
    /// Whether a row, or that there is none, says what the decision was made on.
    #[must_use]
    pub fn is_expected(&self, row: Option<&GroupSite>) -> bool {
        row.and_then(GroupSite::stand_in) == self.expected
    }

    /// The row to write.
    #[must_use]
    pub fn row(&self, former: Option<&GroupSite>, unix_millis: i64) -> GroupSite {
        GroupSite {
            group_name: self.group_name.clone(),
            site_id: self.site_id,
            status: match self.stand_in {
                Some(_) => GroupSiteStatus::Failover,
                None => GroupSiteStatus::Normal,
            },
            failover_site_id: self.stand_in,
            last_update: Some(time_of_change(unix_millis, former.and_then(|row| row.last_update))),
        }
    }
}

/// The time that goes into a row that is changed: later than that of the row it replaces, whatever that writer's clock said.
#[must_use]
pub fn time_of_change(unix_millis: i64, former: Option<i64>) -> i64 {
    unix_millis.max(former.unwrap_or(i64::MIN).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_move_4_the_same_order_given_again_is_another_move() {
        let mut row = UserGroup {
            moving: "1".into(),
            refresh_after: Some(7),
            ..GroupCreation {
                site_id: Uuid::from_u128(1),
                name: "g".into(),
                backend_id: Uuid::from_u128(2),
                alt_backend_id: Some(Uuid::from_u128(3)),
            }
            .row()
        };
        let end = GroupChange::of(&row, Placement::default(), ChangeReason::FinishMove);
        assert!(end.is_expected(&row));
        row.refresh_after = Some(time_of_change(5, row.refresh_after));
        assert_eq!(row.refresh_after, Some(8), "a clock that is behind");
        assert!(!end.is_expected(&row), "aborted, and ordered again");
        row.moving = Box::default();
        let switch = GroupChange::of(&row, Placement::default(), ChangeReason::SwitchToBest);
        row.refresh_after = Some(9);
        assert!(switch.is_expected(&row), "it says the same of where the group is");
    }

    #[test]
    fn c_site_8_a_row_of_the_future_is_still_replaced() {
        let (home, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let group_name: Box<str> = "g".into();
        let change =
            SiteChange { group_name, site_id: home, expected: None, stand_in: Some(other) };
        assert!(change.is_expected(None));
        let row = change.row(None, 7);
        assert_eq!((row.stand_in(), row.last_update), (Some(other), Some(7)));
        assert!(!change.is_expected(Some(&row)));
        let future = GroupSite { last_update: Some(9_000), ..row };
        let back = SiteChange { expected: Some(other), stand_in: None, ..change };
        assert!(back.is_expected(Some(&future)));
        let row = back.row(Some(&future), 8);
        assert_eq!((row.stand_in(), row.last_update), (None, Some(9_001)));
    }
}
