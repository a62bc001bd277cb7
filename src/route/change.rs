//! Writes to the GeoDB that a decision asks for.
//!
//! Duty: the rows to write, with what the decision was made on, so that a writer can skip what has changed meanwhile.
//! Non-duty: deciding ([`super::group`], [`super::build`]) and writing (the control core). Tests: [`super::group`].

use uuid::Uuid;

use super::rows::UserGroup;

/// A write to one row of `user_groups`: all columns of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// First half of the key.
    pub site_id: Uuid,
    /// Second half of the key.
    pub name: Box<str>,
    /// What the decision was made on. If the row says something else now, nothing is written.
    pub expected: Placement,
    /// What to write.
    pub placement: Placement,
    /// For logs and events.
    pub reason: ChangeReason,
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
