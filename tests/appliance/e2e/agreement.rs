//! Three proxies of one site, one Cassandra, three backends: each user has one home, whatever a proxy remembers.

#![expect(clippy::print_stdout, reason = "figures for the one who runs it with --nocapture")]

use std::collections::HashMap;
use std::fs;

use super::cassandra::Cassandra;
use super::dovecot::{Dovecot, Pair};
use super::hale::{Hale, Setup};
use super::ports::THIRD_BACKEND;
use super::wait::{PATIENCE, timed, wait_for};

const HALES: usize = 3;
/// How many users are also asked for in words, on each proxy.
const EXPLAINED: usize = 5;

/// What stands around the proxies.
struct Site {
    pair: Pair,
    third: Dovecot,
    users: Vec<String>,
    /// How often each user has logged in.
    logins: usize,
}

impl Site {
    fn start() -> Self {
        let pair = Pair::start();
        let ports = [pair.port, pair.haproxy_port, pair.pop3_port, pair.sieve_port];
        let third = Dovecot::alone(THIRD_BACKEND, ports, "");
        let users = (0..users()).map(|number| format!("agreed-{number}")).collect();
        Self { pair, third, users, logins: 0 }
    }

    fn backends(&self) -> [&Dovecot; 3] {
        let [first, second] = &self.pair.backends;
        [first, second, &self.third]
    }

    /// Proxies that differ in nothing but what they remember.
    fn proxies(&self) -> Vec<Hale> {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        self.third.add_users(&names, b"secret");
        let setups = [(); HALES].map(|()| {
            let mut setup = Setup::with_users(&self.pair, &names, b"secret");
            setup.add_backend(THIRD_BACKEND);
            Cassandra::shared().serve(&mut setup, "agreement");
            setup.write();
            setup
        });
        setups[0].make_cluster();
        setups.into_iter().map(Setup::run).collect()
    }

    /// All users log in through all proxies at the same time, in the same order; then each has one home.
    fn log_in(&mut self, what: &str, proxies: &[Hale]) -> Vec<usize> {
        let users = &self.users;
        let (took, ()) = timed(|| {
            std::thread::scope(|scope| {
                for hale in proxies {
                    scope.spawn(move || {
                        for user in users {
                            hale.let_in(user, b"secret");
                        }
                    });
                }
            });
        });
        self.logins += proxies.len();
        println!("{what}: {} logins in {took:?}", users.len() * proxies.len());
        let wanted = users.len() * self.logins;
        // Dovecot writes its log a moment after its reply.
        let counts = wait_for(&format!("{wanted} logins in the backends' logs"), PATIENCE, || {
            let counts = self.counts();
            (counts.values().flatten().sum::<usize>() >= wanted).then_some(counts)
        });
        let home = |user: &String| {
            let here: Vec<usize> = (0..3).filter(|at| counts[user][*at] > 0).collect();
            assert_eq!(here.len(), 1, "{what}: {user} logged in {:?} times", counts[user]);
            here[0]
        };
        users.iter().map(home).collect()
    }

    /// How often each user logged in on each backend.
    fn counts(&self) -> HashMap<String, [usize; 3]> {
        let mut counts: HashMap<String, [usize; 3]> = HashMap::new();
        for (at, backend) in self.backends().iter().enumerate() {
            let log = backend.log();
            let names = log.lines().filter_map(|line| line.split_once("Login: user=<"));
            for name in names.filter_map(|(_, rest)| rest.split_once(">,")) {
                if name.0 != "ready" {
                    counts.entry(name.0.to_owned()).or_default()[at] += 1;
                }
            }
        }
        counts
    }

    /// What each proxy says of a sample of the users is where they are.
    fn explain(&self, proxies: &[Hale], homes: &[usize]) {
        let step = self.users.len().div_ceil(EXPLAINED);
        for (user, home) in self.users.iter().zip(homes).step_by(step) {
            for hale in proxies {
                let setup = hale.setup();
                let host = &setup.backend_names()[*home];
                let explained = setup.succeed_with(&["-f", "tab", "explain", user]);
                let result = explained.lines().last().unwrap();
                assert!(result.contains(&format!("go to backend {host} ")), "{user}: {explained}");
                let access = setup.succeed_with(&["cluster", "user", "access", "-u", user]);
                assert!(access.contains(host.as_str()), "{user}, {host}: {access}");
            }
        }
    }
}

/// Sixty, or as many as the variable says.
fn users() -> usize {
    let wanted = std::env::var_os("HALE_AGREEMENT_USERS");
    wanted.map_or(60, |count| count.to_str().unwrap().parse().unwrap())
}

#[test]
fn ge_07_c_local_1_three_hales_give_each_user_one_backend_whatever_they_remember() {
    let mut site = Site::start();
    let mut proxies = site.proxies();
    let homes = site.log_in("cold", &proxies);
    let per_backend = [0, 1, 2].map(|at| homes.iter().filter(|home| **home == at).count());
    assert!(per_backend.iter().all(|count| *count > 0), "{per_backend:?}");
    println!("users of each backend: {per_backend:?}");
    assert_eq!(site.log_in("warm", &proxies), homes);
    site.explain(&proxies, &homes);
    // From here on a new group would hardly ever be given to the first backend: homes are what rows say, not what is computed.
    proxies[0].setup().succeed("cluster backend update --load-factor 1 be1.test");

    let all = u64::try_from(homes.len()).unwrap();
    for hale in &mut proxies {
        wait_for("written behind", PATIENCE, || {
            (hale.number("localdb", "users") == all).then_some(())
        });
        hale.stop_while(|_| {});
        wait_for("what the LocalDB has is known", PATIENCE, || {
            (hale.number("geodb", "users_cached") == all).then_some(())
        });
    }
    site.explain(&proxies, &homes);
    assert_eq!(site.log_in("after a restart", &proxies), homes);

    for hale in &mut proxies {
        hale.stop_while(|setup| {
            for suffix in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(setup.path().join(format!("run/localdb.sqlite{suffix}")));
            }
            assert!(!setup.path().join("run/localdb.sqlite").exists());
        });
        assert_eq!(hale.number("geodb", "users_cached"), 0);
    }
    assert_eq!(site.log_in("without LocalDB", &proxies), homes);
    site.explain(&proxies, &homes);
}
