//! What threads say to each other.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::inquiry::{Inquiry, Reply};
use crate::auth::job::Job;
use crate::auth::scheme::SchemeError;
use crate::auth::scram::{Derivation, Derived};
use crate::fault::Failure;
use crate::names::{CoreId, Protocol, SessionId};
use crate::route::change::{GroupChange, SiteChange};
use crate::secret::Secret;
use crate::share::enquiry::{Enquiry, Place};
use crate::share::trace::TraceOrder;

/// Where an answer goes: a connection of a core. A slot that was reused meanwhile has another generation, and the
/// answer is dropped (W-PIPE-6); so is an answer to a question that the session has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The core that asked.
    pub core: CoreId,
    /// The connection's slot there.
    pub slot: u32,
    /// Its generation.
    pub generation: u32,
    /// Which question of that connection: a late answer to an earlier one answers nothing.
    pub question: u32,
}

/// From a data core to the control core.
#[derive(Debug)]
pub enum ToControl {
    /// Read this user's row, create it if there is none, and create its group if that is missing. Then say `LookedUp`.
    LookUp {
        /// Who waits; none: only the cached row is old.
        ticket: Option<Ticket>,
        /// The normalised user name.
        user: Box<str>,
        /// The passdb's `cluster_tag`.
        tag: Option<Box<str>>,
    },
    /// Resolve a host name that a password database gave.
    Resolve {
        /// Who waits.
        ticket: Ticket,
        /// The name.
        host: Box<str>,
    },
    /// What the rows say of this user is in doubt: read them again (C-CACHE-3).
    ReadAgain {
        /// The normalised user name.
        user: Box<str>,
        /// The user's group, where it is known.
        group: Option<Box<str>>,
        /// Why.
        doubt: Doubt,
    },
    /// A route was decided that the GeoDB does not say yet: write it down (C-ROUTE-2). No login waits.
    Change(Box<GroupChange>),
    /// The same of a group that comes home to its site (C-SITE-6).
    Homecoming(Box<SiteChange>),
}

/// Why rows are read again.
#[derive(Debug)]
pub enum Doubt {
    /// Where the rows send the user, the user was not served. No login waits.
    NotServed,
    /// A backend has sent the user on to this host. No login waits.
    SentOn(Arc<str>),
    /// Another site's proxy, or a referral, has it otherwise: this login waits for `LookedUp` (W-REF-7).
    Contradicted(Ticket),
    /// The user's home is away, and this login would be refused, unless another proxy has let the group leave: it waits for
    /// `LookedUp` (C-SITE-10).
    HomeAway(Ticket),
}

/// From a data core to the hashing threads.
#[derive(Debug)]
pub struct HashJob {
    /// Who waits.
    pub ticket: Ticket,
    /// What is computed.
    pub task: HashTask,
}

/// What a hashing thread computes.
#[derive(Debug)]
pub enum HashTask {
    /// A comparison: hash and password.
    Compare(Job),
    /// What SCRAM makes of a password.
    Derive(Derivation),
}

/// From a data core to the password databases that the control core asks.
#[derive(Debug)]
pub struct Asked {
    /// Who waits.
    pub ticket: Ticket,
    /// What is asked.
    pub inquiry: Box<Inquiry>,
}

/// From a data core to the policy server that the control core asks.
#[derive(Debug)]
pub struct PolicyMessage {
    /// What is asked, or told.
    pub command: PolicyCommand,
    /// The login.
    pub login: Arc<PolicyLogin>,
}

/// What a policy server is asked or told.
#[derive(Clone, Copy, Debug)]
pub enum PolicyCommand {
    /// Whether the login may go on; who waits.
    Allow(Ticket),
    /// How it has ended. No login waits.
    Report {
        /// The user is in, as far as the password databases know.
        is_good: bool,
        /// The policy server itself refused it.
        is_by_policy: bool,
    },
}

/// A login that a policy server is asked about.
#[derive(Debug)]
pub struct PolicyLogin {
    /// As typed.
    pub user: Box<str>,
    /// The password or token. Little of it is told.
    pub evidence: Secret,
    /// The protocol of the login.
    pub protocol: Protocol,
    /// The client.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
    /// The session.
    pub session: SessionId,
    /// The client came by TLS.
    pub is_secured: bool,
}

/// What a policy server says.
#[derive(Clone, Debug)]
pub enum Ruled {
    /// The login goes on, and is answered after this time at the earliest.
    Go(Duration),
    /// It is refused. The user reads this text, unless it is empty.
    Refuse(Box<str>),
    /// It gave no answer.
    NoAnswer,
}

/// To a data core.
#[derive(Debug)]
pub enum ToCore {
    /// The answer to a question.
    Answer {
        /// Who asked.
        ticket: Ticket,
        /// What came out.
        answer: Answer,
    },
    /// The next piece of an answer is wanted, from this place on.
    Enquire(Arc<Enquiry>, Place),
    /// An operator wants to see a user's sessions.
    Trace(Arc<TraceOrder>),
    /// Write this number down, which shows that the core turns.
    Beat(u64),
    /// Stop: finish what runs within this time.
    Drain(Duration),
    /// Another edition of the configuration is in force.
    Renew,
}

/// What came out of a question.
#[derive(Debug)]
pub enum Answer {
    /// A hashing thread compared.
    Verified(Result<bool, SchemeError>),
    /// A hashing thread derived it.
    Derived(Derived),
    /// A password database elsewhere has replied.
    Replied(Reply),
    /// The policy server has ruled.
    Ruled(Ruled),
    /// The cache and the table now hold what the decision needs: decide again.
    LookedUp,
    /// Nothing can be written for this login: decide again by what memory holds (C-CACHE-2, C-SITE-5).
    Withheld {
        /// The GeoDB's trouble; none: too many logins move groups.
        trouble: Option<Box<str>>,
    },
    /// The control core could not find out or write what is needed.
    Failed {
        /// The class.
        failure: Failure,
        /// For the log.
        detail: Box<str>,
    },
    /// A name's address.
    Resolved(IpAddr),
}
