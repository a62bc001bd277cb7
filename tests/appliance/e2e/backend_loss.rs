//! A backend dies, or freezes, under logins that do not stop and sessions that go on: it is left within seconds, by its users
//! alone, and comes back slowly. One proxy on SQLite, two on the real Cassandra that tests share.
//!
//! What is measured is printed (`--nocapture`); it is judged only against hanging.

#![expect(clippy::print_stdout, reason = "figures for the one who runs it with --nocapture")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use super::dovecot::Dovecot;
use super::imap::Imap;
use super::ports::BACKENDS;
use super::probed::{EARLIER, PASSWORD, Site};
use super::sites::Engine;
use super::wait::{PATIENCE, now, wait_for};

#[test]
fn p4_r_probe_1_a_killed_backend_is_left_within_seconds_and_comes_back() {
    lose_and_find(Engine::Sqlite, 1, Loss::Killed);
}

#[test]
fn p4_be_05_r_probe_3_a_frozen_backend_is_left_within_seconds_and_comes_back() {
    lose_and_find(Engine::Sqlite, 1, Loss::Frozen);
}

#[test]
fn p4_r_probe_4_two_proxies_on_cassandra_leave_a_killed_backend_and_take_it_back() {
    lose_and_find(Engine::Cassandra, 2, Loss::Killed);
}

#[test]
fn p4_r_probe_9_two_proxies_on_cassandra_leave_a_frozen_backend_and_take_it_back() {
    lose_and_find(Engine::Cassandra, 2, Loss::Frozen);
}

/// How a backend is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Its connections break, and new ones are refused.
    Killed,
    /// Connections stay and are made, and nothing is said.
    Frozen,
}

/// The second of three backends.
const LOST: usize = 1;

fn lose_and_find(engine: Engine, proxies: usize, loss: Loss) {
    let what = format!("{engine:?}, {proxies} proxies, {loss:?}");
    let mut site = Site::start(engine, 3, proxies);
    site.log_in();
    let live = Live::begin(&site);
    let (since, reason, logins) = under_logins(&site, |progress| {
        progress.wait_for_each(1);
        let since = now();
        lose(&site.backends[LOST], loss);
        let reason = site.wait_for_status(LOST, "offline");
        println!("{what}: its row says so after {:?}: {reason}", since.elapsed());
        // Whoever waited for it is elsewhere now.
        progress.wait_for_each(1);
        (since, reason)
    });
    judge_logins(&site, &what, &logins, since);
    told_why(&site, loss, &reason);
    live.judge(&what);
    site.only_its_users_moved(LOST);

    restore(&mut site, loss);
    site.find_again(LOST);
    slowly(&site);
}

fn lose(backend: &Dovecot, loss: Loss) {
    match loss {
        Loss::Killed => backend.kill(),
        Loss::Frozen => backend.signal(Signal::STOP),
    }
}

fn restore(site: &mut Site, loss: Loss) {
    match loss {
        Loss::Killed => {
            site.backends[LOST] = Dovecot::alone(BACKENDS[LOST], site.ports, "");
            site.add_users(LOST);
        }
        Loss::Frozen => site.backends[LOST].signal(Signal::CONT),
    }
}

/// Every proxy tells who has set it offline, and why, in the backend's words or the kernel's.
fn told_why(site: &Site, loss: Loss, reason: &str) {
    assert!(reason.starts_with("auto:lb"), "{reason}");
    let why = match loss {
        Loss::Killed => "Connection refused",
        Loss::Frozen => "no login within 3 s",
    };
    assert!(reason.contains(why), "{reason}");
    for hale in &site.hales {
        for words in ["-f flow cluster backend list", "-f flow cluster backend status be2.test"] {
            let said = hale.setup().succeed(words);
            // Both proxies may have written, one right behind the other.
            assert!(said.contains("offline") && said.contains(why), "{words}: {said}");
        }
    }
    let line = site.wait_for_log("backend be2.test is set offline: ");
    assert!(line.contains(why), "{line}");
    let other = ["be1.test is set offline", "be3.test is set offline"];
    assert!((0..site.hales.len()).all(|at| !other.iter().any(|it| site.log(at).contains(it))));
}

// === Logins that do not stop ===

/// One login.
struct Login {
    user: String,
    began: Instant,
    ended: Instant,
    is_let_in: bool,
}

/// How often each client has logged all of its users in.
struct Progress(Vec<AtomicUsize>);

impl Progress {
    /// Each client logs all of its users in so many times more, from the beginning on.
    fn wait_for_each(&self, rounds: usize) {
        let counts = || self.0.iter().map(|count| count.load(Ordering::Relaxed));
        // The round that is under way began before.
        let wanted: Vec<usize> = counts().map(|count| count + rounds + 1).collect();
        wait_for("all clients' logins", 4 * PATIENCE, || {
            counts().zip(&wanted).all(|(count, wanted)| count >= *wanted).then_some(())
        });
    }
}

/// Users log in one after the other while `work` is done: at each proxy those of the backend that will be lost by one client,
/// and the others by another one.
fn under_logins(
    site: &Site,
    work: impl FnOnce(&Progress) -> (Instant, String),
) -> (Instant, String, Vec<Login>) {
    let lost: Vec<&str> = site.users_of(LOST);
    let others: Vec<&str> =
        site.users.iter().map(String::as_str).filter(|user| !lost.contains(user)).collect();
    let clients: Vec<(SocketAddr, &[&str])> = site
        .hales
        .iter()
        .flat_map(|hale| [(hale.address(), &*lost), (hale.address(), &*others)])
        .collect();
    let progress = Progress(clients.iter().map(|_| AtomicUsize::new(0)).collect());
    let is_over = AtomicBool::new(false);
    let log_in = |(address, users): (SocketAddr, &[&str]), rounds: &AtomicUsize| {
        let mut logins = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            for user in users {
                let began = now();
                let is_let_in = Imap::connect(address).try_login(user, PASSWORD);
                let user = (*user).to_owned();
                logins.push(Login { user, began, ended: now(), is_let_in });
            }
            rounds.fetch_add(1, Ordering::Relaxed);
        }
        logins
    };
    thread::scope(|scope| {
        let log_in = &log_in;
        let threads: Vec<_> = clients
            .iter()
            .zip(&progress.0)
            .map(|(client, rounds)| scope.spawn(move || log_in(*client, rounds)))
            .collect();
        // However it ends, they do.
        let end = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        let (since, reason) = work(&progress);
        drop(end);
        let logins = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (since, reason, logins)
    })
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Logins of other users are as before; those of the lost backend's go to others, and none hangs.
fn judge_logins(site: &Site, what: &str, logins: &[Login], since: Instant) {
    let is_lost = |login: &&Login| site.homes[&login.user] == LOST;
    let others: Vec<&Login> = logins.iter().filter(|login| !is_lost(login)).collect();
    let refused = others.iter().filter(|login| !login.is_let_in).count();
    assert_eq!(refused, 0, "{what}: users of other backends are refused");
    let longest = |logins: &[&Login]| logins.iter().map(|it| it.ended - it.began).max().unwrap();
    println!("{what}: {} logins of others, longest {:?}", others.len(), longest(&others));

    let after: Vec<&Login> =
        logins.iter().filter(is_lost).filter(|login| login.ended > since).collect();
    let refused = after.iter().filter(|login| !login.is_let_in).count();
    let first = after.iter().filter(|login| login.is_let_in && login.began > since);
    let first = first.map(|login| login.ended - since).min().unwrap();
    println!(
        "{what}: the first login that began behind the loss was let in after {first:?}; {} logins of its users, longest {:?}, \
         {refused} refused",
        after.len(),
        longest(&after)
    );
    // Against hanging: the promise is three seconds, or ten.
    assert!(first < PATIENCE, "{first:?}");
    let mut last: BTreeMap<&str, &Login> = BTreeMap::new();
    for login in after {
        let known = last.entry(&login.user).or_insert(login);
        if login.ended > known.ended {
            *known = login;
        }
    }
    assert!(last.values().all(|login| login.is_let_in), "{what}: a user is left out");
}

// === Sessions that go on ===

/// A session of each user, by the proxies in turn.
struct Live {
    lost: Vec<Imap>,
    others: Vec<Imap>,
}

impl Live {
    fn begin(site: &Site) -> Self {
        let sessions = |is_meant: &dyn Fn(usize) -> bool| -> Vec<Imap> {
            let users = site.homes.iter().filter(|(_, home)| is_meant(**home));
            users
                .zip(site.hales.iter().cycle())
                .map(|((user, _), hale)| hale.session(user, PASSWORD))
                .collect()
        };
        Self { lost: sessions(&|home| home == LOST), others: sessions(&|home| home != LOST) }
    }

    /// Those of the lost backend have ended, also where it says nothing; the others go on.
    fn judge(mut self, what: &str) {
        let began = now();
        wait_for("the end of the lost backend's sessions", PATIENCE, || {
            self.lost.iter().all(|client| !client.is_open()).then_some(())
        });
        println!("{what}: its sessions have ended, looked at for {:?}", began.elapsed());
        for client in &mut self.others {
            client.command("n", "NOOP");
        }
    }
}

// === It comes back slowly ===

/// New groups are hardly given to it at first, and as to others later.
fn slowly(site: &Site) {
    // Its row says that it came back just now, for as long as this takes.
    site.restamp(LOST, EARLIER);
    let early = share(site, "early");
    site.restamp(LOST, -2 * EARLIER);
    let late = share(site, "late");
    println!("of {NEW} new users each it would get {early} at first, {late} later");
    assert!(early <= 3 && late >= 6, "{early}, {late}");
}

/// How many of so many users without a group would be sent there.
fn share(site: &Site, name: &str) -> usize {
    let goes_there = |number: &usize| {
        let user = format!("{name}-{number}");
        let said = site.hales[0].setup().succeed_with(&["-f", "tab", "explain", &user]);
        said.lines().last().is_some_and(|line| line.contains("go to backend be2.test "))
    };
    (0..NEW).filter(goes_there).count()
}

const NEW: usize = 48;
