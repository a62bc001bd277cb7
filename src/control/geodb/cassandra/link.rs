//! The way to Cassandra: begun in the background, kept, and begun anew.
//!
//! Duty: one session that is there or a reason why not; the breaker; finding out, beside the calls, whether what failed works again.
//! Non-duty: what is asked (`requests`). Nothing here waits for the network but the task, which the first call starts: opening
//! a GeoDB needs no runtime.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::check;
use super::fault;
use super::health::{Doing, Health, Level};
use super::session::{Connected, Request};
use super::statements::{Statement, StatementKind};
use super::values;
use crate::config::{Cassandra as Settings, Consistency};
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::TableName;
use crate::control::geodb::values::OpenMode;
use crate::limits;
use crate::ring::clock;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    task: OnceLock<AbortHandle>,
}

/// What calls and the task have in common.
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "on the control core alone, and never across an await")]
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// How messages name it.
    pub(super) place: Box<str>,
    mode: OpenMode,
    state: watch::Sender<State>,
    health: std::sync::Mutex<Health>,
    /// Why calls fail at once, while they do.
    last_fault: std::sync::Mutex<Box<str>>,
    trouble: Notify,
    pub(super) remarks: broadcast::Sender<Arc<str>>,
}

#[derive(Clone, Debug)]
enum State {
    /// The first attempt is under way.
    Beginning,
    /// The last attempt failed; another follows.
    Failed(GeoDbError),
    There(Arc<Connected>),
    Closed,
}

impl Link {
    pub(super) fn new(settings: Settings, mode: OpenMode) -> Self {
        let hosts = settings.hosts.join(",");
        let place = format!("cassandra {hosts} keyspace {}", settings.keyspace).into();
        let shared = Shared {
            settings,
            place,
            mode,
            state: watch::Sender::new(State::Beginning),
            health: Default::default(),
            last_fault: Default::default(),
            trouble: Notify::new(),
            remarks: broadcast::Sender::new(REMARKS_KEPT),
        };
        Self { shared: Arc::new(shared), task: OnceLock::new() }
    }

    /// The session. Waits for the first attempt only; after a failed one calls fail at once.
    pub(super) async fn session(&self) -> Result<Arc<Connected>, GeoDbError> {
        self.task.get_or_init(|| {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move { shared.keep().await }).abort_handle()
        });
        let mut states = self.shared.state.subscribe();
        let state = states.wait_for(|state| !matches!(state, State::Beginning)).await;
        match state.as_deref() {
            Ok(State::There(connected)) => Ok(Arc::clone(connected)),
            Ok(State::Failed(error)) => Err(error.clone()),
            Ok(State::Beginning | State::Closed) | Err(_) => {
                Err(fault::unavailable(&self.shared.place, "it has been closed"))
            }
        }
    }

    /// Ends the session. What is asked afterwards fails.
    pub(super) fn close(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
        self.shared.state.send_replace(State::Closed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

// === For calls ===

impl Shared {
    /// Looks at or changes the health.
    pub(super) fn health<T>(&self, look: impl FnOnce(&mut Health) -> T) -> T {
        let mut health = self.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut health)
    }

    /// Whether a call may be made.
    pub(super) fn admit(&self) -> Result<(), GeoDbError> {
        let Some(since) = self.health(|health| health.open_since()) else { return Ok(()) };
        let seconds = clock::now().since(since).as_secs();
        let last = self.last_fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let why = format!("does not answer for {seconds} s: {last}; asked again every 2 s");
        Err(fault::unavailable(&self.place, &why))
    }

    /// The first consistency failed.
    pub(super) fn fell_back(&self, doing: Doing) {
        self.health(|health| health.fell_back(doing, clock::now()));
        self.trouble.notify_one();
    }

    /// All that was tried failed.
    pub(super) fn failed(&self, why: &str) {
        if self.health(|health| health.failed(clock::now())) {
            let mut last =
                self.last_fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *last = why.into();
        }
        self.trouble.notify_one();
    }

    /// How it does, as `hale status` shows it.
    pub(super) fn condition(&self) -> Vec<(&'static str, String)> {
        let nodes = match &*self.state.borrow() {
            State::There(connected) => {
                let [there, known] = connected.nodes(self.settings.dc.as_deref());
                format!("{there} of {known} connected")
            }
            State::Beginning => "connecting".to_owned(),
            State::Failed(_) => "not connected".to_owned(),
            State::Closed => "closed".to_owned(),
        };
        let in_use = |doing: Doing| match self.health(|health| health.in_use(doing)) {
            Level::First => "first".to_owned(),
            Level::Fallback => "fallback".to_owned(),
        };
        let breaker = match self.health(|health| health.open_since()) {
            None => "closed".to_owned(),
            Some(since) => format!("open for {} s", clock::now().since(since).as_secs()),
        };
        vec![
            ("nodes", nodes),
            ("reads", in_use(Doing::Read)),
            ("writes", in_use(Doing::Write)),
            ("deletes", in_use(Doing::Delete)),
            ("breaker", breaker),
        ]
    }

    /// Something that the operator has to know.
    pub(super) fn remark(&self, text: String) {
        // On the command line no task listens.
        let _ = self.remarks.send(text.into());
    }
}

// === The task ===

impl Shared {
    async fn keep(&self) {
        let mut wait = BUILD_AGAIN_FIRST;
        let mut connected = loop {
            match self.begin(self.mode).await {
                Ok(connected) => break connected,
                Err(error) => {
                    self.state.send_replace(State::Failed(error));
                    sleep(wait).await;
                    wait = (wait * 2).min(limits::CASSANDRA_BUILD_AGAIN_LAST);
                }
            }
        };
        loop {
            self.state.send_replace(State::There(Arc::clone(&connected)));
            connected = self.watch(&connected).await;
        }
    }

    /// Builds a session and looks at what it leads to.
    pub(super) async fn begin(&self, mode: OpenMode) -> Result<Arc<Connected>, GeoDbError> {
        let building = async {
            let connected = Connected::build(&self.settings, &self.place).await?;
            for remark in check::cluster(&connected, self, mode).await? {
                self.remark(remark);
            }
            Ok(Arc::new(connected))
        };
        let after = limits::CASSANDRA_BUILD_TIMEOUT.min(self.settings.connect_timeout * 2);
        match timeout(after, building).await {
            Ok(result) => result,
            Err(_) => {
                let why = format!("accepts connections and says nothing for {} s", after.as_secs());
                Err(fault::unavailable(&self.place, &why))
            }
        }
    }

    /// Waits for trouble, and until it is over. Returns a session in place of one that stays dead.
    async fn watch(&self, connected: &Connected) -> Arc<Connected> {
        loop {
            self.trouble.notified().await;
            let mut wait = limits::CASSANDRA_LEVEL_RETRY_FIRST;
            while self.health(|health| health.wants_probe()) {
                sleep(wait).await;
                let longest = match self.probe(connected).await {
                    Some(_) => limits::CASSANDRA_LEVEL_RETRY_LAST,
                    None => limits::CASSANDRA_PROBE_LAST,
                };
                wait = (wait * 2).min(longest);
                let dead_for = self.health(|health| health.open_since());
                let is_dead = dead_for.is_some_and(|since| {
                    clock::now().since(since) >= limits::CASSANDRA_REBUILD_AFTER
                });
                if is_dead && let Ok(another) = self.begin(self.mode).await {
                    self.health(|health| health.answered(Doing::Read, Level::First));
                    return another;
                }
            }
        }
    }

    /// Asks with the first consistency of reads, then with the other. None: neither is answered.
    async fn probe(&self, connected: &Connected) -> Option<Level> {
        let levels = [
            (Level::First, self.settings.read.first),
            (Level::Fallback, self.settings.read.fallback),
        ];
        for (level, consistency) in levels {
            if self.ask(connected, consistency).await {
                self.health(|health| health.answered(Doing::Read, level));
                return Some(level);
            }
        }
        None
    }

    async fn ask(&self, connected: &Connected, consistency: Consistency) -> bool {
        let request = Request {
            statement: Statement::new(StatementKind::ReadPartition, TableName::Users),
            cells: &[values::text(Some(PROBED_USER))],
            consistency,
            stamp: None,
            page: scylla::response::PagingState::start(),
            deadline: self.settings.request_timeout,
        };
        let answer = connected.request(&self.settings, &self.place, request).await;
        // A refusal is an answer as well.
        matches!(answer, Ok(_) | Err(fault::Fault::Final(_)))
    }
}

/// A row that is asked for to see whether there is an answer; that it does not exist does no harm.
const PROBED_USER: &str = "hale-probe";
const BUILD_AGAIN_FIRST: Duration = Duration::from_millis(250);
const REMARKS_KEPT: usize = 64;
