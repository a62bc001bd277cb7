//! Everything that crosses threads, made once at start: boards to read, mailboxes to write to, counters.

use std::sync::Arc;

use crate::auth::passdb::Passdbs;
use crate::event::Event;
use crate::limits;
use crate::names::CoreId;
use crate::ring::port::Fd;
use crate::ring::wake::Waker;
use crate::route::table::Table;
use crate::share::backend_loads::BackendLoads;
use crate::share::counters::{Counter, Counters};
use crate::share::enquiry::Piece;
use crate::share::evidence::Evidence;
use crate::share::guesses::Guesses;
use crate::share::jobs::Jobs;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Asked, HashJob, PolicyMessage, ToControl, ToCore};
use crate::share::referrals::Referrals;
use crate::share::replies::Replies;
use crate::share::site_attempts::SiteAttempts;
use crate::share::snapshot::Published;
use crate::share::trace::Traced;
use crate::share::users::Users;
use crate::share::visitors::Visitors;
use crate::tls::Context;

/// The ways between data cores, hashing threads and the control core. Clones are the same ways.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Password databases, published by the control core.
    pub passdbs: Published<Passdbs>,
    /// Sites, backends and groups, published by the control core.
    pub table: Published<Table>,
    /// Certificates and authorities, published by the control core.
    pub tls: Published<Context>,
    /// User rows, written by the control core.
    pub users: Users,
    /// Where backends have sent users on to, written by the control core.
    pub referrals: Referrals,
    /// What logins have seen of other sites, written by the data cores.
    pub site_attempts: SiteAttempts,
    /// What logins have seen of backends, written by the data cores.
    pub evidence: Evidence,
    /// How many connections backends have, counted by the data cores.
    pub loads: BackendLoads,
    /// Who is here, from where; counted by the data cores, swept by the control core.
    pub visitors: Visitors,
    /// Failed logins by prefix and user, for the operator.
    pub guesses: Guesses,
    /// Costly password verifications, done by the hashing threads.
    pub hashing: Jobs<HashJob>,
    /// Reports, written down by the control core.
    pub log: Arc<Mailbox<Event>>,
    /// Questions to the control core.
    pub to_control: Arc<Mailbox<ToControl>>,
    /// Questions to password databases elsewhere, which the control core asks.
    pub inquiries: Arc<Mailbox<Asked>>,
    /// To the policy server.
    pub policy: Arc<Mailbox<PolicyMessage>>,
    /// What password databases elsewhere have replied, written by the control core.
    pub replies: Replies,
    /// Answers and orders to the data cores, by core number.
    pub to_cores: Vec<Arc<Mailbox<ToCore>>>,
    /// Pieces of answers to enquiries, read by the control core.
    pub pieces: Arc<Mailbox<Piece>>,
    /// Bytes of sessions that operators ask for, read by the control core.
    pub traced: Arc<Mailbox<Traced>>,
    /// Counters of the data cores, by core number.
    pub counters: Vec<Arc<Counters>>,
}

impl Exchange {
    /// The ways of a process with `cores` data cores.
    ///
    /// # Errors
    /// The kernel's, when it has no descriptor left for a wake-up.
    pub fn new(cores: usize) -> std::io::Result<Self> {
        let to_core = |_| Ok(Arc::new(Mailbox::new(limits::MAILBOX_MESSAGES_MAX, Waker::new()?)));
        Ok(Self {
            passdbs: Published::default(),
            table: Published::default(),
            tls: Published::default(),
            users: Users::default(),
            referrals: Referrals::default(),
            site_attempts: SiteAttempts::default(),
            evidence: Evidence::new()?,
            loads: BackendLoads::default(),
            visitors: Visitors::default(),
            guesses: Guesses::default(),
            hashing: Jobs::new(limits::HASHING_QUEUE_MAX)?,
            log: Arc::new(Mailbox::new(limits::LOG_LINES_MAX, Waker::new()?)),
            to_control: Arc::new(Mailbox::new(limits::MAILBOX_MESSAGES_MAX, Waker::new()?)),
            inquiries: Arc::new(Mailbox::new(limits::MAILBOX_MESSAGES_MAX, Waker::new()?)),
            policy: Arc::new(Mailbox::new(limits::MAILBOX_MESSAGES_MAX, Waker::new()?)),
            replies: Replies::default(),
            to_cores: (0..cores).map(to_core).collect::<std::io::Result<_>>()?,
            pieces: Arc::new(Mailbox::new(limits::MAILBOX_MESSAGES_MAX, Waker::new()?)),
            traced: Arc::new(Mailbox::new(limits::TRACE_PIECES_MAX, Waker::new()?)),
            counters: (0..cores).map(|_| Arc::new(Counters::default())).collect(),
        })
    }

    /// Every descriptor that the exchange owns: a thread with a table of its own keeps them.
    #[must_use]
    pub fn descriptors(&self) -> Vec<Fd> {
        let boards = [
            self.log.waker().fd(),
            self.to_control.waker().fd(),
            self.inquiries.waker().fd(),
            self.policy.waker().fd(),
            self.pieces.waker().fd(),
            self.traced.waker().fd(),
            self.evidence.doubts().waker().fd(),
            self.hashing.descriptor(),
        ];
        boards.into_iter().chain(self.to_cores.iter().map(|core| core.waker().fd())).collect()
    }

    /// Counts for a data core, on that core.
    pub fn count(&self, core: CoreId, counter: Counter) {
        if let Some(counters) = self.counters.get(usize::from(core.0)) {
            counters.add(counter, 1);
        }
    }

    /// The sum of one counter.
    #[must_use]
    pub fn total(&self, counter: Counter) -> u64 {
        self.counters.iter().map(|core| core.get(counter)).fold(0, u64::wrapping_add)
    }

    /// The sums of all counters, as one line.
    #[must_use]
    pub fn totals(&self) -> String {
        let words: Vec<String> = Counter::ALL
            .into_iter()
            .map(|counter| format!("{}={}", counter.name(), self.total(counter)))
            .collect();
        words.join(" ")
    }
}
