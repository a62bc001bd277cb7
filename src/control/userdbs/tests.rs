//! One pool with a driver that does as it is told: what it asks, how often it connects, and what a login hears.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local, yield_now};

use super::driver::{Driver, Fault};
use super::pool::Pool;
use crate::auth::ask::Proof;
use crate::auth::inquiry::{Gives, Inquiry, Remote, RemoteTrouble, Reply, Wants};
use crate::auth::passdb::Cause;
use crate::auth::variables::Values;
use crate::event::Event;
use crate::limits;
use crate::names::Protocol;
use crate::share::exchange::Exchange;

/// What the server does, and what was done to it.
#[derive(Debug, Default)]
pub(super) struct Server {
    connects: Cell<Does>,
    answers: Cell<Does>,
    /// Connections made before this one are dead.
    restarted: Cell<u32>,
    made: Cell<u32>,
    asked: Cell<u32>,
    at_once: Cell<u32>,
    most_at_once: Cell<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Does {
    #[default]
    Well,
    Fails,
    Hangs,
    /// An answer that can't be used.
    Nonsense,
}

#[derive(Debug)]
pub(super) struct Fake(Rc<Server>);

#[derive(Debug)]
pub(super) struct FakeConnection(u32);

impl FakeConnection {
    pub(super) fn is_closed(&self) -> bool {
        false
    }
}

impl Fake {
    pub(super) async fn connect(&self) -> Result<FakeConnection, Fault> {
        match self.0.connects.get() {
            Does::Well | Does::Nonsense => {}
            Does::Fails => return Err(Fault::Connect("refused".to_owned())),
            Does::Hangs => pending().await,
        }
        self.0.made.set(self.0.made.get() + 1);
        Ok(FakeConnection(self.0.made.get()))
    }

    pub(super) async fn ask(
        &self,
        connection: &FakeConnection,
        _: &Inquiry,
    ) -> Result<Reply, Fault> {
        let server = &self.0;
        server.asked.set(server.asked.get() + 1);
        server.at_once.set(server.at_once.get() + 1);
        server.most_at_once.set(server.most_at_once.get().max(server.at_once.get()));
        yield_now().await;
        server.at_once.set(server.at_once.get() - 1);
        self.try_out(connection).await?;
        match server.answers.get() {
            Does::Nonsense => Err(Fault::Answer(RemoteTrouble::Form, "two\ncolumns".to_owned())),
            _ => Ok(Reply::Unknown),
        }
    }

    pub(super) async fn try_out(&self, connection: &FakeConnection) -> Result<(), Fault> {
        if connection.0 <= self.0.restarted.get() || self.0.answers.get() == Does::Fails {
            return Err(Fault::Lost("closed".to_owned()));
        }
        if self.0.answers.get() == Does::Hangs {
            pending::<()>().await;
        }
        Ok(())
    }
}

struct House {
    server: Rc<Server>,
    pool: Rc<Pool>,
    exchange: Exchange,
}

impl House {
    fn new(connections: u16, timeout: Duration) -> Self {
        let (server, exchange) = (Rc::<Server>::default(), Exchange::new(1).unwrap());
        let driver = Driver::Fake(Fake(Rc::clone(&server)));
        let log = Arc::clone(&exchange.log);
        let pool = Pool::new("users", driver, (connections, timeout), log);
        Self { server, pool, exchange }
    }

    async fn ask(&self) -> Result<(), RemoteTrouble> {
        heard(self.pool.ask(&inquiry()).await)
    }

    fn lines(&self) -> Vec<String> {
        let next = || match self.exchange.log.take()? {
            Event::Note { text, .. } => Some(text.into_string()),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(next).collect()
    }
}

fn heard(reply: Reply) -> Result<(), RemoteTrouble> {
    match reply {
        Reply::Unknown => Ok(()),
        Reply::Trouble(Cause::Remote(trouble)) => Err(trouble),
        other => panic!("{other:?}"),
    }
}

/// What is asked for a user in all these tests.
pub(super) fn inquiry() -> Inquiry {
    let variables = Arc::new([]);
    let remote = Remote { id: 0, driver: "fake", gives: Gives::Rows, variables, is_cached: true };
    let address = "192.0.2.1".parse().unwrap();
    let values = Values {
        user: "bob",
        original_user: "bob",
        master_user: "",
        protocol: Protocol::Imap,
        remote: address,
        local: address,
    };
    Inquiry::new(&remote, &values, Proof::Password, Wants::Row(None))
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

#[test]
fn connections_are_used_again_and_never_more_than_may_be() {
    run(async {
        let house = House::new(3, LONG);
        let pool = &house.pool;
        let logins = (0..50).map(|_| {
            let pool = Rc::clone(pool);
            spawn_local(async move { heard(pool.ask(&inquiry()).await) })
        });
        for login in logins.collect::<Vec<_>>() {
            assert_eq!(login.await.unwrap(), Ok(()));
        }
        let server = &house.server;
        assert_eq!((server.made.get(), server.asked.get(), server.most_at_once.get()), (3, 50, 3));
        assert_eq!(house.pool.connections(3), (0, 3));
    });
}

#[test]
fn db_05_a_restart_is_met_by_one_new_connection_and_one_question_more() {
    run(async {
        let house = House::new(3, LONG);
        assert_eq!(house.ask().await, Ok(()));
        house.server.restarted.set(1);
        assert_eq!(house.ask().await, Ok(()));
        assert_eq!((house.server.made.get(), house.server.asked.get()), (2, 3));
        assert_eq!(house.lines(), [""; 0]);
        // One that takes connections and loses every question is asked once on an old one and once on a new one.
        house.server.answers.set(Does::Fails);
        assert_eq!(house.ask().await, Err(RemoteTrouble::NotConnected));
        assert_eq!(house.server.asked.get(), 5);
    });
}

#[test]
fn db_05_one_that_never_answers_is_given_up_and_after_a_few_not_asked_until_a_trial_is_answered() {
    run(async {
        let house = House::new(8, SHORT);
        house.server.answers.set(Does::Hangs);
        for _ in 0..limits::USERDB_FAILURES_MAX {
            assert_eq!(house.ask().await, Err(RemoteTrouble::TimedOut));
        }
        let asked = house.server.asked.get();
        assert_eq!(house.ask().await, Err(RemoteTrouble::Failing));
        assert_eq!(house.server.asked.get(), asked, "it is not asked");
        assert_eq!(
            house.pool.connections(8),
            (0, 0),
            "no connection with a question on it is kept"
        );
        let lines = house.lines();
        assert!(
            lines[0].starts_with("passdb users (fake, fake) does not answer: no answer within")
        );
        assert!(lines[0].contains("start it") && lines.len() == 1, "{lines:?}");

        house.server.answers.set(Does::Well);
        while house.pool.failing_since().is_some() {
            tokio::time::sleep(SHORT).await;
        }
        assert_eq!(house.ask().await, Ok(()));
        let lines = house.lines();
        assert!(
            lines[0].contains("answers again") && lines[0].contains("1 questions"),
            "{lines:?}"
        );
    });
}

#[test]
fn one_that_cannot_be_connected_turns_logins_away_at_once() {
    run(async {
        let house = House::new(8, LONG);
        house.server.connects.set(Does::Fails);
        assert_eq!(house.ask().await, Err(RemoteTrouble::NotConnected));
        assert_eq!(house.ask().await, Err(RemoteTrouble::Failing));
        assert!(house.lines()[0].contains("does not answer: refused"));
    });
}

#[test]
fn the_deadline_covers_the_connect() {
    run(async {
        let house = House::new(1, SHORT);
        house.server.connects.set(Does::Hangs);
        assert_eq!(house.ask().await, Err(RemoteTrouble::TimedOut));
        assert_eq!(house.pool.connections(1), (0, 0));
    });
}

#[test]
fn db_07_the_queue_is_bounded_and_those_beyond_it_hear_so_at_once() {
    run(async {
        let house = House::new(1, LONG);
        house.server.answers.set(Does::Hangs);
        let waiting = limits::USERDB_WAITING_MAX + 1;
        let logins: Vec<_> = (0..waiting)
            .map(|_| {
                let pool = Rc::clone(&house.pool);
                spawn_local(async move { heard(pool.ask(&inquiry()).await) })
            })
            .collect();
        while house.pool.waiting() < limits::USERDB_WAITING_MAX {
            yield_now().await;
        }
        assert_eq!(house.ask().await, Err(RemoteTrouble::Busy));
        for login in &logins {
            login.abort();
        }
        for login in logins {
            assert!(login.await.is_err());
        }
        // No place is lost by logins that went away.
        house.server.answers.set(Does::Well);
        assert_eq!(house.ask().await, Ok(()));
        assert_eq!(house.pool.connections(1), (0, 1));
    });
}

#[test]
fn an_answer_that_cannot_be_used_is_told_once_and_costs_no_connection() {
    run(async {
        let house = House::new(1, LONG);
        house.server.answers.set(Does::Nonsense);
        for _ in 0..10 {
            assert_eq!(house.ask().await, Err(RemoteTrouble::Form));
        }
        assert_eq!(house.server.made.get(), 1);
        let lines = house.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("answers what cannot be used: two?columns"), "{lines:?}");
        assert_eq!(house.pool.tallies().failed(), 10);
    });
}

#[test]
fn trials_of_a_hanging_server_end_too() {
    run(async {
        let house = House::new(1, SHORT);
        house.server.connects.set(Does::Hangs);
        for _ in 0..limits::USERDB_FAILURES_MAX {
            assert_eq!(house.ask().await, Err(RemoteTrouble::TimedOut));
        }
        let before = house.pool.tallies().connects;
        // The first trial hangs until it is given up; the next one finds the server well.
        while house.pool.tallies().connects < before + 2 {
            tokio::time::sleep(SHORT).await;
            if house.pool.tallies().connects == before + 1 {
                house.server.connects.set(Does::Well);
            }
        }
        while house.pool.failing_since().is_some() {
            tokio::time::sleep(SHORT).await;
        }
        assert_eq!(house.ask().await, Ok(()));
    });
}
