//! Whatever a backend does wrong before a login is answered with exactly one reply of the failure table, in every
//! protocol, and the client may go on (W-FAIL-1, W-FAIL-3, W-FAIL-4; BE-01).

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::faulty::{Ending, Fault, FaultyBackends, FullListener, address_of};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::data_cores;
use super::ports::{FRONT, free_port};
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, now, wait_for};

/// The first attempt and three more, a second apart.
const ATTEMPTS: usize = 4;
/// What lies between them: no client is answered earlier.
const PAUSES: Duration = Duration::from_secs(3);
/// And none much later: far less than `login_proxy_timeout`, which must not be what ends these logins.
const RETRIED_MAX: Duration = Duration::from_secs(15);

#[test]
fn be_01_a_backend_that_goes_at_any_byte() {
    let scene = Scene::start("", |speech| {
        cuts(speech).map(|(behind, ending)| Fault::Cut { behind, ending }).collect()
    });
    let answers = scene.log_in_everywhere();
    for answer in &answers {
        answer.expect_retried();
    }
    scene.expect_usable(answers);
}

/// What the first attempt left behind is in no way: the second one succeeds, and is the only one that is answered.
#[test]
fn be_06_a_backend_that_goes_once_at_any_byte() {
    let scene = Scene::start("", |speech| {
        cuts(speech).map(|(behind, ending)| Fault::CutOnce { behind, ending }).collect()
    });
    for Waiting { stage, fault, mut client, .. } in scene.send_logins() {
        stage.speech.expect_logged_in(&mut client);
        let attempts = stage.backends.connects(fault);
        client.expect(attempts == 2, &format!("two attempts, not {attempts}"));
    }
}

#[test]
fn be_01_a_backend_that_refuses_or_talks_nonsense_or_never_stops() {
    let scene = Scene::start("", |speech| {
        let mut faults =
            vec![Fault::Refuses, Fault::Says { turn: 0, text: speech.busy.as_bytes() }];
        let foreign = SPEECHES.iter().filter(|other| other.protocol != speech.protocol);
        faults.extend(foreign.map(|other| {
            let (_, greeting) = other.turns[0];
            Fault::Says { turn: 0, text: greeting.as_bytes() }
        }));
        for turn in 0..speech.turns.len() {
            faults.extend(NONSENSE.map(|text| Fault::Says { turn, text }));
            faults.push(Fault::Endless { turn, text: b"x" });
            // In the last turn a line may be the login reply, and what stands behind it the user's mail.
            if turn + 1 < speech.turns.len() {
                faults.push(Fault::Endless { turn, text: speech.chatter.as_bytes() });
            }
        }
        faults
    });
    let answers = scene.log_in_everywhere();
    for answer in &answers {
        answer.expect_retried();
    }
    scene.expect_usable(answers);
    let exhausted: usize = scene.stages.iter().map(|stage| stage.backends.exhausted()).sum();
    assert_eq!(exhausted, 0, "backends that were listened to for 64 MiB");
}

const NONSENSE: [&[u8]; 5] = [
    b"\r\n",
    b"\0\r\n",
    b"\x80\xFF\xFE \x00\x01\xC3\x28\r\n",
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
];

#[test]
fn be_01_a_backend_that_is_silent_or_slow() {
    let scene = Scene::start("login_proxy_timeout = 3s", |speech| {
        // A TLS alert is no line of any protocol: who waits for its end waits long.
        let mut faults =
            vec![Fault::Drops, Fault::Says { turn: 0, text: b"\x15\x03\x01\x00\x02\x02\x28" }];
        for turn in 0..speech.turns.len() {
            faults.extend([Fault::Says { turn, text: b"" }, Fault::Slow { turn }]);
        }
        faults
    });
    let answers = scene.log_in_everywhere();
    for answer in &answers {
        answer.expect_within_deadline();
    }
    scene.expect_usable(answers);
}

/// Many logins that meet one dead backend do not multiply by four there (R-BACK-1).
#[test]
fn r_back_1_repeated_attempts_have_a_budget() {
    let scene = Scene::start("", |_| vec![Fault::Cut { behind: 0, ending: Ending::Close }]);
    let cores = data_cores(scene.hale.process_id());
    let logins = cores * 400;
    let since = now();
    let [imap, ..] = scene.stages.as_slice() else { panic!("no IMAP") };
    let waiting: Vec<Waiting<'_>> = (0..logins).map(|_| imap.send_login(1)).collect();
    let answers: Vec<Answer<'_>> = waiting.into_iter().map(Waiting::expect_unavailable).collect();
    assert!(answers.iter().all(|answer| answer.took < RETRIED_MAX), "an answer is late");
    // Each core has saved 300, gets ten more each second, and one for every five logins (src/worker/backends/budget.rs).
    let seconds = usize::try_from(since.elapsed().as_secs()).unwrap() + 1;
    let budget = cores * (300 + 10 * seconds) + logins / 5;
    assert!(budget < logins * (ATTEMPTS - 1), "the machine is too slow for this test");
    let attempts = imap.backends.connects(1);
    assert!((logins..=logins + budget).contains(&attempts), "{attempts} attempts, {logins} logins");
}

// ---------------------------------------------------------------------------------------------------------------------

/// Every place where a backend's speech can end too early, and how.
fn cuts(speech: &Speech) -> impl Iterator<Item = (usize, Ending)> {
    (0..speech.backend_bytes())
        .flat_map(|behind| [(behind, Ending::Close), (behind, Ending::Reset)])
}

/// Hale in all protocols, in front of backends with faults of the test's choice.
struct Scene {
    hale: Hale,
    stages: Vec<Stage>,
    /// See [`Fault::Drops`].
    _full: FullListener,
}

/// One protocol of it.
struct Stage {
    speech: &'static Speech,
    faults: Vec<Fault>,
    backends: FaultyBackends,
    address: SocketAddr,
}

/// A client behind its login.
struct Waiting<'a> {
    stage: &'a Stage,
    fault: usize,
    client: Imap,
    since: Instant,
}

/// A client behind its failed login.
struct Answer<'a> {
    stage: &'a Stage,
    fault: usize,
    client: Imap,
    took: Duration,
}

impl Scene {
    /// The first fault of each protocol is none.
    fn start(configuration: &str, faults: impl Fn(&Speech) -> Vec<Fault>) -> Self {
        let mut setup = Setup::new(free_port());
        let names: Vec<&str> = SPEECHES.iter().map(|speech| speech.protocol).collect();
        setup.configure(&format!("protocols = {}\n{configuration}", names.join(" ")));
        let mut stages = Vec::new();
        for speech in &SPEECHES {
            let faults = [vec![Fault::None], faults(speech)].concat();
            let backends = FaultyBackends::start(speech.turns, faults.clone());
            let port = if speech.protocol == "imap" { setup.port } else { free_port() };
            setup.configure(&speech.configuration(port, backends.port));
            stages.push(Stage { speech, faults, backends, address: (FRONT, port).into() });
        }
        let full = FullListener::start();
        let users = stages.iter().map(|stage| stage.faults.len()).max().unwrap_or_default();
        for fault in 0..users {
            // These two are no protocol's business, and at the same place in all lists.
            let place = match stages.iter().find_map(|stage| stage.faults.get(fault)) {
                Some(Fault::Refuses) => format!("host={FRONT} port={}", free_port()),
                Some(Fault::Drops) => format!("host={FRONT} port={}", full.port),
                _ => format!("host={}", address_of(fault)),
            };
            setup.add_row(&format!("{}:{{PLAIN}}secret::::::{place}", user_of(fault)));
        }
        Self { hale: setup.start(), stages, _full: full }
    }

    /// A login at every fault of every protocol.
    fn send_logins(&self) -> Vec<Waiting<'_>> {
        let mut waiting = Vec::new();
        for stage in &self.stages {
            waiting.extend((1..stage.faults.len()).map(|fault| stage.send_login(fault)));
        }
        waiting
    }

    /// The same, and the answers to all of them.
    fn log_in_everywhere(&self) -> Vec<Answer<'_>> {
        let answers: Vec<Answer<'_>> =
            self.send_logins().into_iter().map(Waiting::expect_unavailable).collect();
        self.expect_words_in_the_log();
        answers
    }

    /// Each failed login has one line, and each failed attempt one that says where, what, and what follows.
    fn expect_words_in_the_log(&self) {
        let logins: usize = self.stages.iter().map(|stage| stage.faults.len() - 1).sum();
        let count = |said: &str, word: &str| {
            let is_meant = |line: &&str| line.contains(word) && line.contains(" code=");
            said.lines().filter(is_meant).count()
        };
        let said = wait_for("a line for each failed login", PATIENCE, || {
            let said = self.hale.said();
            (count(&said, ": login failed: ") >= logins).then_some(said)
        });
        assert_eq!(count(&said, ": login failed: "), logins, "lines about failed logins");
        assert_eq!(count(&said, ": backend failed, giving up: "), logins, "lines about giving up");
        let attempts: usize = self
            .stages
            .iter()
            .flat_map(|stage| (1..stage.faults.len()).map(|fault| stage.backends.connects(fault)))
            .sum();
        let refused = said.lines().filter(|line| line.contains("again: refused")).count();
        let again = count(&said, ": backend failed, trying again: ");
        let expected = attempts.saturating_sub(logins);
        assert!(again >= expected + refused, "{again} lines about repeated attempts");
    }

    /// Each of these connections is good for another login, and nothing of the failed one is left.
    fn expect_usable(&self, answers: Vec<Answer<'_>>) {
        let mut clients = Vec::new();
        for Answer { stage, mut client, .. } in answers {
            stage.speech.send_login(&mut client, &user_of(0));
            stage.speech.expect_logged_in(&mut client);
            clients.push(client);
        }
        let standing = || self.stages.iter().map(|stage| stage.backends.live()).sum::<usize>();
        wait_for("the end of all that failed", PATIENCE, || {
            (standing() <= clients.len()).then_some(())
        });
        assert_eq!(standing(), clients.len(), "sessions that stand");
        drop(clients);
        wait_for("the end of all sessions", PATIENCE, || (standing() == 0).then_some(()));
    }
}

impl Stage {
    fn send_login(&self, fault: usize) -> Waiting<'_> {
        let mut client = Imap::open(TcpStream::connect(self.address).unwrap());
        client.call(&format!("{} {:?}", self.speech.protocol, self.faults[fault]));
        self.speech.greeted(&mut client);
        let since = now();
        self.speech.send_login(&mut client, &user_of(fault));
        Waiting { stage: self, fault, client, since }
    }
}

impl<'a> Waiting<'a> {
    fn expect_unavailable(mut self) -> Answer<'a> {
        self.stage.speech.expect_unavailable(&mut self.client);
        let Self { stage, fault, client, since } = self;
        Answer { stage, fault, client, took: since.elapsed() }
    }
}

impl Answer<'_> {
    fn expect_retried(&self) {
        if !matches!(self.stage.faults[self.fault], Fault::Refuses) {
            self.expect_attempts(ATTEMPTS);
        }
        self.expect_after(PAUSES);
    }

    /// The whole time went into the first attempt.
    fn expect_within_deadline(&self) {
        if !matches!(self.stage.faults[self.fault], Fault::Drops) {
            self.expect_attempts(1);
        }
        self.expect_after(PAUSES);
    }

    fn expect_attempts(&self, expected: usize) {
        let attempts = self.stage.backends.connects(self.fault);
        self.client.expect(attempts == expected, &format!("{expected} attempts, not {attempts}"));
    }

    fn expect_after(&self, time: Duration) {
        // Hale counts whole milliseconds, and may begin to before the client does.
        let in_time = (time - CLOCK..RETRIED_MAX).contains(&self.took);
        self.client.expect(in_time, &format!("an answer after {time:?}, not {:?}", self.took));
    }
}

/// How far two clocks may be apart.
const CLOCK: Duration = Duration::from_millis(10);

fn user_of(fault: usize) -> String {
    format!("fault-{fault}")
}
