//! What requests work with, and which code carries out which.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::answer::{Answer, Gone};
use super::beyond::Beyond;
use super::board::{Board, MoveOf};
use super::enquire::{Askers, Asking};
use super::kick::{self, Left};
use super::orders as process;
use super::verbs::Request;
use super::who;
use crate::control::cluster::{
    self, ClusterCommand, ClusterSettings, CommandError, ExplainCommand, GroupCommand, Local,
    Memory, Origin, Output, Own, UserCommand,
};
use crate::control::current::Current;
use crate::control::geodb::{Changed, GeoDb};
use crate::control::loads::Use;
use crate::control::localdb::LocalDb;
use crate::control::orders::Orders;
use crate::control::policy::PolicyServer;
use crate::control::ports::Ports;
use crate::control::unix_millis;
use crate::control::userdbs::UserDbs;
use crate::event::{Event, cleaned};
use crate::limits;
use crate::ring::clock;
use crate::share::enquiry::{Act, Piece, Whom};
use crate::share::exchange::Exchange;
use crate::share::users::Cached;
use crate::tick::Tick;

/// What of the process does not change while it runs.
#[derive(Clone, Debug)]
pub struct About {
    /// Our name, as rows have it.
    pub proxy: Box<str>,
    /// When it started.
    pub started: Tick,
    /// The CPU of the control core.
    pub control_cpu: u16,
    /// The CPUs of the data cores.
    pub data_cpus: Vec<u16>,
    /// Connections of one data core at most.
    pub connections_per_core: u32,
    /// Where the GeoDB is, without passwords.
    pub geodb: String,
    /// Where the LocalDB is.
    pub localdb: String,
}

/// Who asks, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) enum Asker {
    /// A user of this host, by the admin socket.
    User(u32),
    /// A client of doveadm's protocol, who knows the password.
    Doveadm(SocketAddr),
    /// The same by HTTP.
    DoveadmHttp(SocketAddr),
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "uid={id}"),
            Self::Doveadm(client) => write!(f, "doveadm from {client}"),
            Self::DoveadmHttp(client) => write!(f, "doveadm by HTTP from {client}"),
        }
    }
}

/// What of that a reload changes.
#[derive(Debug)]
pub struct Reloaded {
    /// Password databases elsewhere.
    pub userdbs: UserDbs,
    /// The policy server, whose counters are seen.
    pub policy: Current<Option<Rc<PolicyServer>>>,
    /// What the cluster's commands go by.
    pub settings: Current<ClusterSettings>,
}

/// Everything that requests ask.
#[derive(Debug)]
pub struct Admin {
    pub(super) askers: Askers,
    pub(super) exchange: Exchange,
    pub(super) about: About,
    pub(super) board: Board,
    pub(super) geodb: GeoDb,
    pub(super) local: LocalDb,
    pub(super) userdbs: UserDbs,
    pub(super) policy: Current<Option<Rc<PolicyServer>>>,
    settings: Current<ClusterSettings>,
    pub(super) beyond: Beyond,
    pub(super) ports: Ports,
    pub(super) orders: Orders,
}

impl Admin {
    /// What a running Hale is asked about.
    #[must_use]
    pub fn new(
        exchange: Exchange,
        about: About,
        board: Board,
        geodb: GeoDb,
        local: LocalDb,
        ports: Ports,
        reloaded: Reloaded,
    ) -> Self {
        let askers = Askers::new(exchange.clone());
        let (beyond, orders) = (Beyond::default(), Orders::default());
        let Reloaded { userdbs, policy, settings } = reloaded;
        Self {
            askers,
            exchange,
            about,
            board,
            geodb,
            local,
            userdbs,
            policy,
            settings,
            beyond,
            ports,
            orders,
        }
    }

    /// The same, whose orders to the process are these.
    #[must_use]
    pub(in crate::control) fn ordering(self, orders: Orders) -> Self {
        Self { orders, ..self }
    }

    /// Our name, as rows have it.
    pub(in crate::control) fn proxy(&self) -> &str {
        &self.about.proxy
    }

    /// What tasks write their state on.
    pub(in crate::control) fn board(&self) -> Board {
        self.board.clone()
    }

    /// The way to kicks elsewhere.
    pub(in crate::control) fn beyond(&self) -> Beyond {
        self.beyond.clone()
    }

    /// A data core has answered.
    pub(in crate::control) fn take(&self, piece: Piece) {
        self.askers.take(piece);
    }

    /// Ends sessions, routes logins again that are under way, has mail come again that is, and says how many there were.
    ///
    /// # Errors
    /// A data core does not answer; some may have ended.
    pub(in crate::control) async fn leave(&self, whom: Whom) -> Result<Left, CommandError> {
        kick::leave(self, whom).await
    }

    /// Tells the clients of a lost backend, over time, and has logins on their way there routed again. How many that is news to.
    ///
    /// # Errors
    /// A core does not answer; some may have been told.
    pub(in crate::control) async fn part(&self, whom: Whom) -> Result<usize, CommandError> {
        kick::part(self, whom).await
    }

    /// Carries out a request that `by` made.
    pub(super) async fn carry_out(
        &self,
        request: Request,
        by: Asker,
        answer: &mut Answer<'_>,
    ) -> Result<(), Gone> {
        let command = match request {
            Request::Status => return self.status(answer).await,
            Request::Who(command) => return who::list(self, &command, answer).await,
            Request::Kick(command) => {
                return kick::by_command(self, &command, by, answer).await;
            }
            Request::Reload => return process::reload(self, by, answer).await,
            Request::Listener(command) => {
                return answer.output(process::listener(self, &command, by).await).await;
            }
            Request::Explain(command) => return self.explain(&command, answer).await,
            Request::Cluster(ClusterCommand::Kick { user }) => {
                return kick::of_user(self, &user, by, answer).await;
            }
            Request::Cluster(command) => command,
            Request::Geodb(command) => ClusterCommand::Geodb(command),
        };
        answer.output(self.cluster(&command, by).await).await
    }

    /// Carries out a command about the cluster. What was begun is done, and in the log, whether or not `by` waits for it.
    pub(in crate::control) async fn cluster(
        &self,
        command: &ClusterCommand,
        by: Asker,
    ) -> Result<Output, CommandError> {
        let by_here = format!("{by}@{}", self.about.proxy);
        let own = Own { proxy: self.about.proxy.clone(), uses: self.uses() };
        let settings = ClusterSettings::clone(&self.settings.now()).ordered_by(&by_here);
        let settings = &ClusterSettings { own: Some(own), ..settings };
        let mut done = match command {
            ClusterCommand::Localdb(command) => {
                let local = Local::Running(&self.local);
                cluster::run_localdb(&self.geodb, command, settings, local, unix_millis()).await
            }
            command => cluster::run(&self.geodb, command, settings, unix_millis()).await,
        };
        if let Ok(output) = &mut done {
            self.add_progress(command, output);
            if command.changes() != Changed::Nothing {
                output.notices.extend(
                    not_taken_up(&self.geodb, self.proxy(), limits::ORDER_TAKEN_UP_PATIENCE).await,
                );
            }
        }
        if command.is_order() {
            let line = command.to_words().join(" ");
            let line = cleaned(line.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
            let outcome = match &done {
                Ok(output) if output.changes.is_empty() => "done".to_owned(),
                Ok(output) => format!("done: {}", output.changes.join(", ")),
                Err(error) => format!("failed: {error}"),
            };
            self.note(format!("admin: cluster {line}: {outcome}, by {by}"));
        }
        done
    }

    /// What is under way of a group or user whose row is shown.
    fn add_progress(&self, command: &ClusterCommand, output: &mut Output) {
        let of = match command {
            ClusterCommand::Group(GroupCommand::Status { group, .. }) => {
                MoveOf::Group(group.as_str().into())
            }
            ClusterCommand::User(UserCommand::Status { user }) => {
                MoveOf::User(user.as_str().into())
            }
            _ => return,
        };
        if let Some(line) = self.board.move_of(&of) {
            output.notices.push(format!("is being moved {}", line.described()));
        }
    }

    /// What hosts are used for: the connections of this moment, and the last count of logins and failures.
    fn uses(&self) -> HashMap<Arc<str>, Use> {
        let mut uses = self.board.uses();
        for load in self.exchange.loads.now() {
            uses.entry(load.host).or_default().connections = load.here.into();
        }
        uses
    }

    /// Begins to ask all data cores.
    pub(in crate::control) fn ask(&self, act: Act, whom: Whom) -> Asking<'_> {
        self.askers.ask(act, whom)
    }

    /// By what the next login of the user is decided by.
    async fn explain(&self, command: &ExplainCommand, answer: &mut Answer<'_>) -> Result<(), Gone> {
        let now = clock::now();
        let table = self.exchange.table.load();
        let table_origin = self.board.geodb().age(now).map_or(Origin::LocalDb, Origin::Memory);
        let users = &self.exchange.users;
        // A row that may have changed is read again, unless nothing answers.
        let is_used = |cached: &Cached| users.is_alone() || !cached.is_doubtful;
        let cached = users.get(&command.user).filter(is_used);
        let user = cached.map(|cached| {
            // What came out of the LocalDB has not been read since.
            let is_read = cached.read_at > Tick::default();
            let age = Origin::Memory(now.since(cached.read_at).as_secs());
            (cached.row, if is_read { age } else { Origin::LocalDb })
        });
        let kept = match &user {
            Some(_) => None,
            None => self.local.known(&command.user).await.map(|known| known.row),
        };
        let sent_on = self.exchange.referrals.of(&command.user, now);
        let memory = Memory { table: &table, table_origin, user, kept, sent_on };
        let settings = self.settings.now();
        let told =
            cluster::explain_login(&self.geodb, command, &settings, Some(memory), unix_millis());
        let told = told.await;
        answer.output(told).await
    }

    pub(in crate::control) fn note(&self, text: String) {
        // A full mailbox loses the line, as for every sender (RS-08).
        let _ = self.exchange.log.send(Event::Note { warning: false, text: text.into_boxed_str() });
    }
}

/// An operator who has the answer to an order may rely on it: the next login here goes by the rows as they are now (C-CMD-5).
/// What is to be said if that takes longer.
async fn not_taken_up(geodb: &GeoDb, proxy: &str, patience: Duration) -> Option<String> {
    timeout(patience, geodb.taken_up()).await.err().map(|_| {
        format!(
            "written, but {proxy} has not read it yet: logins here go by the rows from before, until the GeoDB has been read; \
             hale status says how it does"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GeoDb as Location;
    use crate::control::geodb::OpenMode;

    #[tokio::test]
    async fn c_cmd_5_an_order_that_is_not_taken_up_in_time_is_answered_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("geodb.sqlite"));
        let geodb = GeoDb::open(&location, OpenMode::Create).unwrap();
        let patience = Duration::from_millis(10);
        assert_eq!(not_taken_up(&geodb, "px1", patience).await, None, "nothing was announced");
        geodb.announce(Changed::User("alice".into()));
        let notice = not_taken_up(&geodb, "px1", patience).await.unwrap();
        assert!(notice.contains("px1 has not read it yet"), "{notice}");
    }
}
