//! A Cassandra that is frozen, killed and back, under logins that do not stop.

#![expect(clippy::print_stdout, reason = "figures for the one who runs it with --nocapture")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::cassandra::Cassandra;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::wait::{PATIENCE, poll, timed, wait_for};

const KNOWN: usize = 30;
/// For each outage.
const STRANGERS: usize = 60;
/// How long a temporary failure takes at most, and until all is well again: gates of the long run only.
const ANSWER_MAX: Duration = Duration::from_millis(1_100);
const RECOVERY_MAX: Duration = Duration::from_secs(15);
/// Against answers that never come, on a machine as slow as it may be.
const HANGS: Duration = Duration::from_secs(10);

/// How long an outage lasts: some seconds, or as many as the variable says; then times are judged as well.
pub(crate) struct Length {
    pub(crate) outage: Duration,
    pub(crate) is_long: bool,
}

impl Length {
    pub(crate) fn wanted() -> Self {
        let wanted = std::env::var_os("HALE_OUTAGE_SECS");
        let seconds = wanted.map(|text| text.to_str().unwrap().parse().unwrap());
        let outage = Duration::from_secs(seconds.unwrap_or(10));
        Self { outage, is_long: seconds.is_some() }
    }

    /// One of so many parts of it passes, of which some has passed.
    pub(crate) fn pass(&self, parts: usize, passed: Duration) {
        let part = self.outage / u32::try_from(parts).unwrap();
        // Nothing is waited for but the time in which others log in.
        poll(part.saturating_sub(passed), || None::<()>);
    }
}

/// How long logins took.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn quantile(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len() - 1;
        sorted[(sorted.len() * per_mille / 1000).min(last)]
    }

    pub(crate) fn told(&self) -> String {
        let [half, most, all] = [500, 990, 1000].map(|per_mille| self.quantile(per_mille));
        format!("{} logins, p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}", self.0.len())
    }
}

/// A Hale whose GeoDB is on nodes of its own, and who logs in there.
struct Scene {
    cassandra: Cassandra,
    hale: Hale,
    known: Vec<String>,
    length: Length,
}

impl Scene {
    /// Strangers: those that knock in outages of these names.
    fn start(cassandra: Cassandra, outages: &[&str]) -> Self {
        let pair = Pair::shared();
        let known: Vec<String> =
            (0..KNOWN).map(|number| format!("outage-known-{number:02}")).collect();
        let strangers = outages.iter().copied().flat_map(strangers);
        let all: Vec<String> = known.iter().cloned().chain(strangers).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut setup = Setup::with_users(pair, &all, b"secret");
        cassandra.serve(&mut setup, "outage");
        let hale = setup.start();
        for user in &known {
            hale.let_in(user, b"secret");
        }
        let scene = Self { cassandra, hale, known, length: Length::wanted() };
        let wanted = u64::try_from(KNOWN).unwrap();
        wait_for("written behind", PATIENCE, || {
            (scene.hale.number("localdb", "users") == wanted).then_some(())
        });
        scene
    }

    /// Known users log in by two clients while `work` is done, and every one of them has to get in.
    fn load(&self, what: &str, work: impl FnOnce()) -> Times {
        let is_over = AtomicBool::new(false);
        let log_in = || {
            let mut times = Times::default();
            for user in self.known.iter().cycle() {
                times.0.push(timed(|| self.hale.session(user, b"secret")).0);
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            times
        };
        let times = std::thread::scope(|scope| {
            let clients = [(); 2].map(|()| scope.spawn(log_in));
            work();
            is_over.store(true, Ordering::Relaxed);
            Times(clients.into_iter().flat_map(|client| client.join().unwrap().0).collect())
        });
        println!("{what}: known users: {}", times.told());
        times
    }

    /// The same while time passes and others knock: those are let in, or told that it is not for long, in time. Returns who was let
    /// in.
    fn outage(&self, what: &str) -> (Times, Vec<String>) {
        let mut let_in = Vec::new();
        let mut waited = Times::default();
        let known = self.load(what, || {
            for user in &strangers(what) {
                let (took, line) = timed(|| answer(&self.hale, user));
                waited.0.push(took);
                if line.starts_with(b"l OK") {
                    let_in.push(user.clone());
                } else {
                    assert!(line.starts_with(b"l NO [UNAVAILABLE]"), "{user}: {line:?}");
                }
                self.length.pass(STRANGERS, took);
            }
        });
        let refused = waited.0.len() - let_in.len();
        println!("{what}: others: {}, {refused} told to come again", waited.told());
        let longest = waited.quantile(1000);
        let bound = if self.length.is_long { ANSWER_MAX } else { HANGS };
        assert!(longest < bound, "{longest:?}");
        (known, let_in)
    }

    /// It becomes as before, without a restart: those who could not be let in are, and those who were get rows.
    fn recovers(&self, what: &str, let_in: &[String]) {
        let stranger = strangers(what).pop().unwrap();
        let (took, ()) = timed(|| {
            let is_in = || answer(&self.hale, &stranger).starts_with(b"l OK").then_some(());
            wait_for("an unknown user is let in", 3 * PATIENCE, is_in);
            wait_for("the GeoDB is well", PATIENCE, || {
                (self.hale.status("geodb", "state") == "ok").then_some(())
            });
        });
        println!("{what}: all is well {took:.1?} later");
        assert!(!self.length.is_long || took < RECOVERY_MAX, "{took:?}");
        for user in let_in {
            self.hale.let_in(user, b"secret");
        }
        let rows = self.hale.setup().succeed("geodb show users");
        let mut wanted = let_in.iter().chain([&stranger]);
        assert!(wanted.all(|user| rows.contains(user.as_str())), "{let_in:?} {rows}");
    }

    /// Where each known user goes, by the GeoDB's rows.
    fn homes(&self) -> Vec<String> {
        let access = |user: &String| {
            self.hale.setup().succeed_with(&["-f", "tab", "cluster", "user", "access", "-u", user])
        };
        self.known.iter().map(access).collect()
    }
}

/// Users with an account whom Hale has never seen before this outage.
fn strangers(what: &str) -> Vec<String> {
    (0..STRANGERS).map(|number| format!("outage-{what}-{number:02}")).collect()
}

/// What a user who logs in is told.
fn answer(hale: &Hale, user: &str) -> Vec<u8> {
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l", user, b"secret"));
    client.reply("l").pop().unwrap()
}

/// The figures are told; only a long run judges them, and it wants a quiet machine.
#[test]
fn ge_03_c_cache_2_known_users_log_in_while_cassandra_is_frozen_killed_and_while_hale_starts() {
    let cassandra = Cassandra::start(1, 2);
    let mut scene = Scene::start(cassandra, &["frozen", "killed", "restarted"]);
    let before = scene.homes();
    let normal = scene.load("normal", || scene.length.pass(1, Duration::ZERO));

    scene.cassandra.signal(0, Signal::STOP);
    let (frozen, let_in) = scene.outage("frozen");
    scene.cassandra.signal(0, Signal::CONT);
    scene.recovers("frozen", &let_in);

    scene.cassandra.kill(0);
    let (killed, let_in) = scene.outage("killed");
    scene.load("the node starts", || scene.cassandra.start_again(0));
    scene.recovers("killed", &let_in);

    scene.cassandra.kill(0);
    scene.hale.crash_and_start_again();
    let (restarted, let_in) = scene.outage("restarted");
    assert!(scene.hale.number("counter", "geodb_stale_routing") >= restarted.0.len() as u64);
    scene.cassandra.start_again(0);
    scene.recovers("restarted", &let_in);
    assert_eq!(scene.homes(), before);
    let said = scene.hale.said();
    assert!(said.contains("are those that cluster_localdb knows"), "{said}");
    for times in [frozen, killed, restarted] {
        let ratio = times.quantile(990).as_secs_f64() / normal.quantile(990).as_secs_f64();
        println!("p99 of known users: {ratio:.2} of the normal one");
        assert!(!scene.length.is_long || ratio <= 1.2, "{ratio}");
    }
}

/// As an operator restarts nodes one by one, but without a goodbye.
#[test]
#[ignore = "three nodes on one machine take minutes; docs/TESTING.md has the command"]
fn ge_02_of_three_nodes_each_is_killed_in_turn_and_no_login_fails_and_no_row_is_lost() {
    let rounds = ["first", "second", "third"];
    let scene = Scene::start(Cassandra::start(3, 11), &rounds);
    // What it reads, all nodes have answered.
    let mut strict = Setup::new(Pair::shared().port);
    scene.cassandra.serve(&mut strict, "outage");
    strict.configure("cassandra_read_consistency = all\ncassandra_read_fallback_consistency = all");
    strict.write();
    let before = scene.homes();
    scene.load("normal", || scene.length.pass(1, Duration::ZERO));
    for (node, round) in rounds.into_iter().enumerate() {
        wait_for("all nodes know each other", 4 * PATIENCE, || {
            strict.output("geodb show users").status.success().then_some(())
        });
        scene.cassandra.kill(node);
        let (_, let_in) = scene.outage(round);
        assert_eq!(let_in.len(), STRANGERS, "{round}: new users are let in");
        scene.load("the node starts", || scene.cassandra.start_again(node));
    }
    let rows = wait_for("all rows from all nodes", 4 * PATIENCE, || {
        let output = strict.output("geodb show users");
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    });
    let mut wanted = rounds.into_iter().flat_map(strangers);
    assert!(wanted.all(|user| rows.contains(&user)), "{rows}");
    assert_eq!(scene.homes(), before);
}
