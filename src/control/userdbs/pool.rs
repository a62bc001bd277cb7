//! One password database: its connections, who waits for one, its time, and whether it is worth asking at all.
//!
//! A bounded number of connections, each with one question at a time; a bounded number of logins that wait for one; one deadline over
//! the wait, the connect and the answer; a database that fails is asked by a trial alone until that is answered, so that no login
//! waits for it. Non-duty: what is asked (`driver`). Tests: `tests`.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::driver::{Connection, Driver, Fault};
use super::health::{Failed, Health, Recovery};
use super::tallies::Tallies;
use crate::auth::inquiry::{Inquiry, RemoteTrouble, Reply};
use crate::event::{Event, cleaned};
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pool {
    /// The passdb's, for the log.
    pub(super) name: Box<str>,
    pub(super) driver: Driver,
    answer_timeout: Duration,
    /// One for each connection that may be.
    seats: Semaphore,
    waiting: Cell<usize>,
    idle: RefCell<Vec<Connection>>,
    health: RefCell<Health>,
    tallies: Cell<Tallies>,
    /// What was last said about answers that can't be used.
    said: RefCell<Option<(String, Tick)>>,
    log: Arc<Mailbox<Event>>,
}

impl Pool {
    pub(super) fn new(
        name: &str,
        driver: Driver,
        (connections, answer_timeout): (u16, Duration),
        log: Arc<Mailbox<Event>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            name: name.into(),
            driver,
            answer_timeout,
            seats: Semaphore::new(usize::from(connections)),
            waiting: Cell::default(),
            idle: RefCell::default(),
            health: RefCell::default(),
            tallies: Cell::default(),
            said: RefCell::default(),
            log,
        })
    }

    /// The reply to a question, or why there is none, within the database's time.
    pub(super) async fn ask(self: &Rc<Self>, inquiry: &Inquiry) -> Reply {
        self.count(|tallies| tallies.asked += 1);
        if self.health.borrow().is_failing() {
            self.health.borrow_mut().turn_away();
            return self.turned_away(RemoteTrouble::Failing);
        }
        if self.waiting.get() >= limits::USERDB_WAITING_MAX {
            return self.turned_away(RemoteTrouble::Busy);
        }
        let (has_seat, since) = (Cell::new(false), Instant::now());
        match timeout(self.answer_timeout, self.answer(inquiry, &has_seat)).await {
            Ok(Ok(reply)) => {
                self.count(|tallies| {
                    tallies.answered += 1;
                    tallies.latency.add(since.elapsed());
                });
                self.recover();
                reply
            }
            Ok(Err(fault)) => Reply::Trouble(self.failed(&fault).into()),
            // Others hold all connections; what is wrong with the server they will find out.
            Err(_) if !has_seat.get() => self.turned_away(RemoteTrouble::Busy),
            Err(_) => {
                self.count(|tallies| tallies.timed_out += 1);
                self.driver.pass_on();
                let seconds = self.answer_timeout.as_secs_f32();
                self.fail(Failed::Question, &format!("no answer within {seconds} s"));
                Reply::Trouble(RemoteTrouble::TimedOut.into())
            }
        }
    }

    async fn answer(&self, inquiry: &Inquiry, has_seat: &Cell<bool>) -> Result<Reply, Fault> {
        let _seat = self.seat().await?;
        has_seat.set(true);
        // It may have become so while this one waited.
        if self.health.borrow().is_failing() {
            return Err(Fault::Lost("it has been failing meanwhile".to_owned()));
        }
        if let Some(mut connection) = self.take_idle() {
            match self.driver.ask(&mut connection, inquiry).await {
                // Servers close connections that are idle for long, all of them when they restart. No answer was seen, so the
                // question is put once more, on a connection that is new.
                Err(Fault::Lost(_)) => self.idle.borrow_mut().clear(),
                result => return self.give_back(connection, result),
            }
        }
        self.count(|tallies| tallies.connects += 1);
        let mut connection = self.driver.connect().await?;
        let result = self.driver.ask(&mut connection, inquiry).await;
        self.give_back(connection, result)
    }

    async fn seat(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Fault> {
        let _waiting = Waiting::begin(&self.waiting);
        self.seats.acquire().await.map_err(|error| Fault::Connect(error.to_string()))
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|connection| !connection.is_closed());
        idle.pop()
    }

    fn give_back(
        &self,
        connection: Connection,
        result: Result<Reply, Fault>,
    ) -> Result<Reply, Fault> {
        if !matches!(result, Err(Fault::Lost(_) | Fault::Connect(_))) && !connection.is_closed() {
            self.idle.borrow_mut().push(connection);
        }
        result
    }

    fn failed(self: &Rc<Self>, fault: &Fault) -> RemoteTrouble {
        match fault {
            Fault::Connect(text) => {
                self.count(|tallies| tallies.not_connected += 1);
                self.fail(Failed::Connect, text);
                RemoteTrouble::NotConnected
            }
            Fault::Lost(text) => {
                self.count(|tallies| tallies.lost += 1);
                self.fail(Failed::Question, text);
                RemoteTrouble::NotConnected
            }
            Fault::Answer(trouble, text) => {
                self.count(|tallies| tallies.unusable += 1);
                self.recover();
                self.complain(text);
                *trouble
            }
        }
    }

    fn turned_away(&self, trouble: RemoteTrouble) -> Reply {
        self.count(|tallies| tallies.turned_away += 1);
        Reply::Trouble(trouble.into())
    }

    // === Its health ===

    fn recover(&self) {
        let Some(recovery) = self.health.borrow_mut().answered(clock::now()) else { return };
        let Recovery { after, turned_away } = recovery;
        let seconds = after.as_secs();
        self.note(
            false,
            format!(
                "answers again after {seconds} s, in which {turned_away} questions were turned away"
            ),
        );
    }

    fn fail(self: &Rc<Self>, failed: Failed, why: &str) {
        if !self.health.borrow_mut().failed(failed, clock::now()) {
            return;
        }
        self.count(|tallies| tallies.outages += 1);
        self.idle.borrow_mut().clear();
        let remedy = self.driver.remedy();
        self.note(
            true,
            format!(
                "does not answer: {}; users whose data is remembered (auth_cache_ttl) log in, others are refused for now; {remedy}",
                cleaned(why.as_bytes(), LINE_BYTES_MAX)
            ),
        );
        spawn_local(Self::try_until_it_answers(Rc::downgrade(self)));
    }

    /// No login pays for finding out.
    async fn try_until_it_answers(pool: Weak<Self>) {
        loop {
            sleep(limits::USERDB_TRIAL_EVERY).await;
            // A reload may have done without it.
            let Some(pool) = pool.upgrade() else { return };
            let trial = async {
                pool.count(|tallies| tallies.connects += 1);
                let mut connection = pool.driver.connect().await?;
                pool.driver.try_out(&mut connection).await
            };
            // Its connection goes: it has no seat, and there are no more connections than seats (DB-05).
            if let Ok(Ok(())) = timeout(limits::USERDB_TRIAL_TIMEOUT, trial).await {
                pool.recover();
            }
            if !pool.health.borrow().is_failing() {
                return;
            }
        }
    }

    /// An answer that can't be used, told at once and then not again for a while.
    fn complain(&self, text: &str) {
        let now = clock::now();
        let mut said = self.said.borrow_mut();
        let is_said = said.as_ref().is_some_and(|(before, at)| {
            before == text && now.since(*at) < limits::USERDB_LINE_AGAIN
        });
        if !is_said {
            *said = Some((text.to_owned(), now));
            self.note(
                true,
                format!(
                    "answers what cannot be used: {}",
                    cleaned(text.as_bytes(), LINE_BYTES_MAX)
                ),
            );
        }
    }

    fn note(&self, warning: bool, what: String) {
        let (driver, server) = (self.driver.name(), self.driver.server());
        let text = format!("passdb {} ({driver}, {server}) {what}", self.name);
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }

    // === What operators ask ===

    fn count(&self, add: impl FnOnce(&mut Tallies)) {
        let mut tallies = self.tallies.get();
        add(&mut tallies);
        self.tallies.set(tallies);
    }

    /// What came of its questions.
    pub(super) fn tallies(&self) -> Tallies {
        self.tallies.get()
    }

    /// Connections in use, and idle ones.
    pub(super) fn connections(&self, most: u16) -> (usize, usize) {
        let busy = usize::from(most).saturating_sub(self.seats.available_permits());
        (busy, self.idle.borrow().len())
    }

    /// Logins that wait for a connection.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Since when it does not answer.
    pub(super) fn failing_since(&self) -> Option<Tick> {
        self.health.borrow().failing_since()
    }
}

/// One login that waits for a connection.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn begin(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Of what a server or the system says, for the log.
const LINE_BYTES_MAX: usize = 300;
