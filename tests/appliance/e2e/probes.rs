//! Health probes: backends that die, freeze, come back or refuse the test user, behind one or two proxies that share a GeoDB.

#![expect(clippy::print_stdout, reason = "figures for the one who runs it with --nocapture")]

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Signal;

use super::dovecot::{Dovecot, Pair};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{BACKENDS, THIRD_BACKEND};
use super::wait::{PATIENCE, timed, wait_for};

const PROBES: &str = "cluster_backend_test_username = probe-%{backend_host}\ncluster_backend_test_password = probed\n";

/// Backends, and the proxies in front of them.
struct Site {
    backends: Vec<Dovecot>,
    ports: [u16; 4],
    users: Vec<String>,
    hales: Vec<Hale>,
    /// The backend of each user.
    homes: BTreeMap<String, usize>,
}

impl Site {
    fn start(backends: usize, proxies: usize) -> Self {
        let Pair { backends: pair, port, haproxy_port, pop3_port, sieve_port } = Pair::start();
        let ports = [port, haproxy_port, pop3_port, sieve_port];
        let mut all: Vec<Dovecot> = pair.into();
        if backends > 2 {
            all.push(Dovecot::alone(THIRD_BACKEND, ports, ""));
        }
        let users = (0..30).map(|number| format!("probed-{number}")).collect();
        let mut site =
            Self { backends: all, ports, users, hales: Vec::new(), homes: BTreeMap::new() };
        for number in 0..site.backends.len() {
            site.add_users(number);
        }
        let setups: Vec<Setup> = (1..=proxies).map(|number| site.setup(number)).collect();
        let geodb = setups[0].path().join("state/geodb.sqlite");
        let setups: Vec<Setup> = setups
            .into_iter()
            .map(|mut setup| {
                setup.configure(&format!("cluster_geodb = sqlite:{}", geodb.display()));
                setup.write();
                setup
            })
            .collect();
        setups[0].make_cluster();
        site.hales = setups.into_iter().map(Setup::run).collect();
        site
    }

    fn setup(&self, number: usize) -> Setup {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        let mut setup = Setup::new(self.ports[0]);
        setup.add_users(&names, b"secret");
        if self.backends.len() > 2 {
            setup.add_backend(THIRD_BACKEND);
        }
        setup.configure(PROBES);
        setup.configure(&format!("hostname = lb{number}.test"));
        setup
    }

    fn add_users(&self, number: usize) {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        let backend = &self.backends[number];
        backend.add_users(&names, b"secret");
        backend.add_users(&[&format!("probe-be{}.test", number + 1)], b"probed");
    }

    /// Each user logs in through each proxy. Where each is, and every backend has some.
    fn log_in(&mut self) {
        for hale in &self.hales {
            for user in &self.users {
                hale.let_in(user, b"secret");
            }
        }
        for user in self.users.clone() {
            let at = wait_for(&format!("the logins of {user}"), PATIENCE, || {
                let here = |at: &usize| !self.backends[*at].logins(&user).is_empty();
                (0..self.backends.len()).find(here)
            });
            self.homes.insert(user, at);
        }
        let used: Vec<usize> = (0..self.backends.len()).map(|at| self.users_of(at).len()).collect();
        assert!(used.iter().all(|count| *count > 0), "{used:?}");
    }

    fn users_of(&self, backend: usize) -> Vec<&str> {
        let of = |(user, at): (&String, &usize)| (*at == backend).then_some(user.clone());
        let users: Vec<String> = self.homes.iter().filter_map(of).collect();
        self.users
            .iter()
            .map(String::as_str)
            .filter(|user| users.iter().any(|it| it == user))
            .collect()
    }

    /// What the row of a backend says: status and reason.
    fn row(&self, number: usize) -> (String, String) {
        let said = self.hales[0].setup().succeed_with(&["-f", "tab", "cluster", "backend", "list"]);
        let host = format!("be{}.test", number + 1);
        let row = said.lines().find(|line| line.starts_with(&host));
        let row: Vec<&str> = row.unwrap_or_else(|| panic!("{said}")).split('\t').collect();
        (row[2].to_owned(), row[4].to_owned())
    }

    fn wait_for_status(&self, number: usize, status: &str) -> String {
        wait_for(&format!("be{} {status}", number + 1), PATIENCE, || {
            let row = self.row(number);
            (row.0 == status).then_some(row.1)
        })
    }

    /// As if what was written of a backend's status had been so two minutes ago: the dwell is over.
    fn age(&self, number: usize) {
        let file = self.hales[0].setup().path().join("state/geodb.sqlite");
        let database = rusqlite::Connection::open(file).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        let (_, reason) = self.row(number);
        let parts: Vec<&str> = reason.splitn(4, ':').collect();
        let seconds: i64 = parts[2].parse().unwrap();
        let older = format!("auto:{}:{}:{}", parts[1], seconds - 120, parts[3]);
        let sql = "update backends set status_reason = ?1 where host = ?2";
        let host = format!("be{}.test", number + 1);
        assert_eq!(database.execute(sql, [older, host]).unwrap(), 1);
    }

    fn log(&self, proxy: usize) -> String {
        fs::read_to_string(self.hales[proxy].setup().path().join("hale.log")).unwrap_or_default()
    }

    fn wait_for_log(&self, words: &str) -> String {
        wait_for(&format!("{words:?} in a log"), PATIENCE, || {
            let logs = (0..self.hales.len()).map(|proxy| self.log(proxy)).collect::<String>();
            logs.lines().find(|line| line.contains(words)).map(str::to_owned)
        })
    }

    /// A backend is gone or frozen: one login of each of its users, begun without knowing that, ends well; the others notice
    /// nothing.
    fn lose(&self, number: usize, how: &str, signal: Signal) {
        let lost = self.users_of(number);
        let other = self.homes.iter().find(|(_, at)| **at != number).unwrap().0.clone();
        let mut bystander = self.hales[0].session(&other, b"secret");
        if signal == Signal::KILL {
            self.backends[number].kill();
        } else {
            self.backends[number].signal(signal);
        }
        let (took, _) = timed(|| self.hales[0].session(lost[0], b"secret"));
        println!("{how}: the first login went to another backend after {took:?}");
        let reason = self.wait_for_status(number, "offline");
        assert!(reason.starts_with("auto:lb"), "{reason}");
        println!("{how}: {reason}");
        for hale in &self.hales {
            for user in &lost {
                hale.let_in(user, b"secret");
            }
        }
        for (user, home) in &self.homes {
            let elsewhere =
                |at: &usize| *at != *home && !self.backends[*at].logins(user).is_empty();
            let moved = (0..self.backends.len()).any(|at| elsewhere(&at));
            assert_eq!(moved, *home == number, "{user} of be{}", home + 1);
        }
        assert!(bystander.is_open());
        bystander.command("n", "NOOP");
    }

    /// It is well again, and probes say so once the dwell is over.
    fn find_again(&self, number: usize) {
        self.wait_for_log(&format!(
            "backend be{}.test (imap) logs its test user in again",
            number + 1
        ));
        self.age(number);
        let reason = self.wait_for_status(number, "online");
        assert!(reason.ends_with(":recovered"), "{reason}");
        self.wait_for_log(&format!("backend be{}.test is set online again", number + 1));
    }
}

/// SIGKILL, and a restart, under logins through two proxies.
#[test]
fn p4_r_probe_1_a_killed_backend_is_left_within_seconds_by_its_users_alone() {
    let mut site = Site::start(3, 2);
    site.log_in();
    site.lose(1, "killed", Signal::KILL);
    let line = site.wait_for_log("backend be2.test is set offline: ");
    assert!(line.contains("Connection refused"), "{line}");
    site.backends[1] = Dovecot::alone(BACKENDS[1], site.ports, "");
    site.add_users(1);
    site.find_again(1);
    let figures = site.hales[0].setup().succeed("geodb show proxy_dest_stats");
    assert!(figures.contains("imap.last_success") && figures.contains("lb1.test"), "{figures}");
    // The dialogue ends with a goodbye.
    wait_for("a logout in the log of a backend", PATIENCE, || {
        site.backends[0].log().contains("imap(probe-be1.test)").then_some(())
    });
}

/// SIGSTOP: connections are made, and nothing is said.
#[test]
fn p4_be_05_r_probe_3_a_frozen_backend_is_left_and_comes_back() {
    let mut site = Site::start(3, 1);
    site.log_in();
    site.lose(2, "frozen", Signal::STOP);
    site.backends[2].signal(Signal::CONT);
    site.find_again(2);
}

/// More than half of the backends fail: that is this proxy's trouble, and no row is written.
#[test]
fn be_07_r_probe_5_when_all_backends_fail_none_is_set_offline() {
    let mut site = Site::start(2, 1);
    site.log_in();
    for backend in &site.backends {
        backend.kill();
    }
    let mut client = Imap::connect(site.hales[0].address());
    let user = site.users[0].clone();
    assert!(!client.try_login(&user, b"secret"));
    for number in [1, 2] {
        site.wait_for_log(&format!("backend be{number}.test (imap) is down: "));
    }
    site.wait_for_log("more than half");
    assert_eq!([site.row(0).0, site.row(1).0], ["online", "online"]);
}

/// The operator's mistake is told as such, once, and takes no backend out.
#[test]
fn be_08_w_prb_4_a_backend_without_the_test_user_stays_and_the_log_says_why() {
    let pair = Pair::start();
    pair.backends[0].add_users(&["probe-be1.test"], b"probed");
    let mut setup = Setup::with_users(&pair, &["accounted"], b"secret");
    setup.configure(PROBES);
    let hale = setup.start();
    let words = "backend be2.test (imap) refuses the test user probe-be2.test: ";
    wait_for("a line about the test user", PATIENCE, || hale.said().contains(words).then_some(()));
    let list = hale.setup().succeed("cluster backend list");
    assert_eq!(list.matches("online").count(), 2, "{list}");
    pair.backends[1].add_users(&["probe-be2.test"], b"probed");
    let words = "backend be2.test (imap) takes the test user probe-be2.test again";
    wait_for("a line about its return", PATIENCE, || hale.said().contains(words).then_some(()));
    assert!(!hale.said().contains("be1.test (imap) refuses"));
}
