//! What a login of an unknown user costs with a real Cassandra, beside the driver's own read of the same row.

use rustix::event::{PollFd, PollFlags, poll};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::config::Cassandra as Settings;
use crate::control::geodb::tests::node;
use crate::control::wall_clock::unix_millis;
use crate::route::decide::UserAssignment;

/// Users of each kind.
const USERS: u32 = 1_000;

/// A read by the driver alone, and where the time it took goes.
type DriverRead = (String, std::sync::mpsc::Sender<Duration>);

/// A data core: a thread that asks and sleeps until it is answered.
struct Core {
    exchange: Exchange,
    driver: UnboundedSender<DriverRead>,
}

impl Core {
    /// Asks where a user lives, and waits. What the time is spent for: both mailboxes, the look-up, the wake-ups.
    fn look_up(&self, slot: u32, user: &str) -> Duration {
        let mailbox = &self.exchange.to_cores[0];
        let began = Instant::now();
        let user: Box<str> = user.into();
        let question = ToControl::LookUp { ticket: Some(ticket(slot)), user, tag: None };
        assert!(self.exchange.to_control.send(question).is_ok());
        loop {
            if let Some(message) = mailbox.take() {
                let took = began.elapsed();
                let ToCore::Answer { ticket, answer } = message else { panic!("no answer") };
                assert!(ticket.slot == slot && matches!(answer, Answer::LookedUp), "{answer:?}");
                return took;
            }
            if mailbox.fall_asleep() {
                poll(&mut [PollFd::new(mailbox.waker(), PollFlags::IN)], None).unwrap();
                mailbox.waker().clear();
                mailbox.wake_up();
            }
        }
    }

    fn read_by_driver(&self, user: &str) -> Duration {
        let (answer, took) = std::sync::mpsc::channel();
        assert!(self.driver.send((user.to_owned(), answer)).is_ok());
        took.recv().unwrap()
    }

    /// Reads of users that have rows by both in turn, and look-ups of users that have none.
    fn measure(&self) -> [Vec<Duration>; 3] {
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for n in 0..USERS {
            let user = format!("known{n}");
            // The one that comes second finds the row in the node's memory, warm.
            for turn in [n % 2, 1 - n % 2] {
                match turn {
                    0 => found[0].push(self.read_by_driver(&user)),
                    _ => found[1].push(self.look_up(n, &user)),
                }
            }
        }
        found[2].extend((0..USERS).map(|n| self.look_up(n, &format!("new{n}"))));
        found
    }
}

/// Reads as an application of the driver would.
async fn read_when_told(settings: &Settings, mut wanted: UnboundedReceiver<DriverRead>) {
    let session = node::session(settings).await;
    let text = format!("select * from {}.users where username = ?", settings.keyspace);
    let prepared: PreparedStatement = session.prepare(text).await.unwrap();
    while let Some((user, answer)) = wanted.recv().await {
        let began = Instant::now();
        let result = session.execute_unpaged(&prepared, (&user,)).await.unwrap();
        let took = began.elapsed();
        assert_eq!(result.into_rows_result().unwrap().rows_num(), 1);
        answer.send(took).unwrap();
    }
}

fn quantiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}

#[test]
fn c_look_1_a_look_up_beside_the_drivers_own_read() {
    // As in production: the driver's sockets and the mailbox on one thread.
    tokio_uring::start(async {
        let settings = node::settings_of("cold_look_ups").await;
        let location = Location::Cassandra(Box::new(settings.clone()));
        let geodb = GeoDb::open(&location, OpenMode::Create).unwrap().with_deadline(PATIENCE);
        geodb.init().await.unwrap();
        let house = House::on(tempfile::tempdir().unwrap(), geodb).await;
        for n in 0..USERS {
            let assignment = UserAssignment {
                username: format!("known{n}").into(),
                preferred_site_id: DC1,
                group_name: format!("default-{}", 1 + n % 4).into(),
            };
            house.geodb.assign_user(&assignment, None, unix_millis()).await.unwrap();
        }
        house.start().await;
        // All groups have rows, and the statements are prepared.
        for group in 1..=4 {
            house.looked_up(&format!("known{}", USERS - group)).await;
            house.exchange.users.forget(&format!("known{}", USERS - group));
        }
        let (driver, wanted) = unbounded_channel();
        let reading = spawn_local(async move { read_when_told(&settings, wanted).await });
        let core = Core { exchange: house.exchange.clone(), driver };
        let [driver, known, new] =
            tokio::task::spawn_blocking(move || core.measure()).await.unwrap().map(quantiles);
        reading.await.unwrap();
        println!("the driver's read: half took {:?} at most, 99 % {:?}", driver[0], driver[1]);
        let ratio = known[0].as_secs_f64() / driver[0].as_secs_f64();
        println!("a look-up: {:?}, {:?}; {ratio:.2} of the driver's", known[0], known[1]);
        println!("a look-up that writes the row: {:?}, {:?}", new[0], new[1]);
        assert_eq!(house.geodb.users().await.unwrap().len(), 2 * USERS as usize);
        house.geodb.close().await;
    });
}
