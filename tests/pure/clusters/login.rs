//! One login under way: whose it is, what is asked for it, what was read for it.

use hale::backend::connect::Attempts;
use hale::route::change::{GroupChange, GroupCreation, SiteChange, UserAssignment, UserMove};
use hale::route::rows::{GroupSite, User, UserGroup};

/// What a login waits for.
#[derive(Clone, Debug)]
pub(super) enum Call {
    ReadUser,
    /// The rows of the user and of this group, and which site serves the user's group (W-REF-7).
    ReadAgain(Option<Box<str>>),
    /// Cassandra has no "unless it is there" that crosses sites: every write is a read, and then a write.
    Assign(UserAssignment, Stage),
    Move(Box<UserMove>, Stage),
    Create(GroupCreation, Stage),
    FailOver(Box<SiteChange>, Stage),
    /// No login waits for these.
    Change(Box<GroupChange>, Stage),
    Homecoming(Box<SiteChange>, Stage),
    /// The row that a login went by is old.
    Renew,
    /// A group's row has just changed.
    ReadGroup(Box<str>),
    /// A backend has sent the user of this group on to this host (C-CACHE-5).
    Learn(Box<str>, Box<str>),
}

impl Call {
    pub(super) fn is_beside(&self) -> bool {
        matches!(
            self,
            Self::Change(..)
                | Self::Homecoming(..)
                | Self::Renew
                | Self::ReadGroup(_)
                | Self::Learn(..)
        )
    }
}

/// How far a write has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Read,
    Written,
}

/// What a proxy asks its routing layer.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    User,
    /// Where the host of a referral leads; the group of the backend that it comes from.
    Referral {
        host: Box<str>,
        group: Option<Box<str>>,
    },
}

/// Why a session connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    First,
    Again,
    Referral,
}

/// The client's session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) proxy: usize,
    /// How often that proxy had been started.
    pub(super) start: u32,
    pub(super) why: Why,
    pub(super) attempts: Option<Attempts>,
    pub(super) began: u64,
    /// When it began anew, after sites had sent it in a circle.
    pub(super) anew_at: Option<u64>,
    /// It waits for a move until then at most.
    pub(super) held_until: Option<u64>,
    /// A row that was to be read could not be.
    pub(super) is_blind: bool,
}

/// A login, or a call that one left behind.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) user: Box<str>,
    /// Who decides.
    pub(super) proxy: usize,
    /// How often that proxy had been started.
    pub(super) start: u32,
    /// None of a call that was left behind.
    pub(super) session: Option<Box<Session>>,
    pub(super) asked: Asked,
    pub(super) rounds: u32,
    /// Referrals of backends here.
    pub(super) referrals: u32,
    /// The group's row did not name the backend that was decided on (C-CACHE-5).
    pub(super) is_switching: bool,
    /// Groups that were not where the proxy had them, when a user was to move to one.
    pub(super) newer: u32,
    pub(super) has_read_again: bool,
    pub(super) is_silent: bool,
    pub(super) row: Option<User>,
    pub(super) is_absent: bool,
    pub(super) group: Option<UserGroup>,
    pub(super) site: Option<GroupSite>,
    pub(super) call: Option<Call>,
    /// Of the row that was read to be written over.
    pub(super) stamp: i64,
}

impl Login {
    pub(super) fn new(user: Box<str>, proxy: usize, start: u32) -> Self {
        Self {
            user,
            proxy,
            start,
            session: None,
            asked: Asked::User,
            rounds: 0,
            referrals: 0,
            is_switching: false,
            newer: 0,
            has_read_again: false,
            is_silent: false,
            row: None,
            is_absent: false,
            group: None,
            site: None,
            call: None,
            stamp: i64::MIN,
        }
    }

    /// The next question of the same login at the same proxy.
    pub(super) fn asks(self, asked: Asked) -> Self {
        let Self { user, proxy, start, session, referrals, is_switching, .. } = self;
        Self { session, asked, referrals, is_switching, ..Self::new(user, proxy, start) }
    }

    /// Another site's proxy has sent it here.
    pub(super) fn is_sent_here(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.proxy != self.proxy)
    }
}
