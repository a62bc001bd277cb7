//! A site whose proxies probe its backends: two Dovecots or three, Hales that share a GeoDB, users whose homes are known.

use std::collections::BTreeMap;
use std::fs;

use hale::control::geodb::schema::TABLES;
use rusqlite::Connection;
use tempfile::TempDir;

use super::dovecot::{Dovecot, Pair};
use super::hale::{Hale, Setup};
use super::ports::THIRD_BACKEND;
use super::sites::Engine;
use super::wait::{PATIENCE, wait_for};

pub(crate) const PASSWORD: &[u8] = b"secret";
pub(crate) const PROBES: &str = "cluster_backend_test_username = probe-%{backend_host}\ncluster_backend_test_password = probed\n";

/// Longer ago than any dwell, and any slow start.
pub(crate) const EARLIER: i64 = 900;

/// Backends, and the proxies in front of them.
pub(crate) struct Site {
    pub(crate) backends: Vec<Dovecot>,
    pub(crate) ports: [u16; 4],
    pub(crate) users: Vec<String>,
    pub(crate) hales: Vec<Hale>,
    /// The backend of each user.
    pub(crate) homes: BTreeMap<String, usize>,
    geodb: String,
    folder: TempDir,
}

impl Site {
    pub(crate) fn start(engine: Engine, backends: usize, proxies: usize) -> Self {
        let Pair { backends: pair, port, haproxy_port, pop3_port, sieve_port } = Pair::start();
        let ports = [port, haproxy_port, pop3_port, sieve_port];
        let mut all: Vec<Dovecot> = pair.into();
        if backends > 2 {
            all.push(Dovecot::alone(THIRD_BACKEND, ports, ""));
        }
        let folder = tempfile::Builder::new().prefix("hale-probed-").tempdir().unwrap();
        let mut site = Self {
            backends: all,
            ports,
            users: (0..30).map(|number| format!("probed-{number}")).collect(),
            hales: Vec::new(),
            homes: BTreeMap::new(),
            geodb: engine.places(folder.path())("geodb"),
            folder,
        };
        (0..site.backends.len()).for_each(|number| site.add_users(number));
        let setups: Vec<Setup> = (1..=proxies).map(|number| site.setup(number)).collect();
        setups[0].make_cluster();
        site.hales = setups.into_iter().map(Setup::run).collect();
        site
    }

    fn setup(&self, number: usize) -> Setup {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        let mut setup = Setup::new(self.ports[0]);
        setup.add_users(&names, PASSWORD);
        if self.backends.len() > 2 {
            setup.add_backend(THIRD_BACKEND);
        }
        setup.configure(PROBES);
        setup.configure(&format!("hostname = lb{number}.test\ncluster_geodb = {}", self.geodb));
        // So many that nearly every user is a group.
        setup.configure("cluster_default_group_count = 5000");
        setup.write();
        setup
    }

    /// The accounts of a backend that has just been made.
    pub(crate) fn add_users(&self, number: usize) {
        let names: Vec<&str> = self.users.iter().map(String::as_str).collect();
        let backend = &self.backends[number];
        backend.add_users(&names, PASSWORD);
        backend.add_users(&[&format!("probe-be{}.test", number + 1)], b"probed");
    }

    /// Each user logs in through each proxy. Where each is, and every backend has some.
    pub(crate) fn log_in(&mut self) {
        for hale in &self.hales {
            for user in &self.users {
                hale.let_in(user, PASSWORD);
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

    pub(crate) fn users_of(&self, backend: usize) -> Vec<&str> {
        let of = self.homes.iter().filter(|(_, at)| **at == backend);
        of.map(|(user, _)| user.as_str()).collect()
    }

    /// Users of a lost backend are at others by now, and no other user is anywhere else than before.
    pub(crate) fn only_its_users_moved(&self, number: usize) {
        for (user, home) in &self.homes {
            let elsewhere =
                |at: &usize| *at != *home && !self.backends[*at].logins(user).is_empty();
            let moved: Vec<usize> = (0..self.backends.len()).filter(elsewhere).collect();
            let wanted = usize::from(*home == number);
            assert_eq!(moved.len(), wanted, "{user} of be{} was at {moved:?}, too", home + 1);
        }
    }

    /// What the row of a backend says: status and reason.
    pub(crate) fn row(&self, number: usize) -> (String, String) {
        backend_rows(&self.hales[0])[&format!("be{}.test", number + 1)].clone()
    }

    pub(crate) fn wait_for_status(&self, number: usize, status: &str) -> String {
        wait_for(&format!("be{} {status}", number + 1), PATIENCE, || {
            let row = self.row(number);
            (row.0 == status).then_some(row.1)
        })
    }

    /// As if what a proxy wrote of a backend's status had been written so many seconds later.
    pub(crate) fn restamp(&self, number: usize, later_by: i64) {
        let hale = self.hales[0].setup();
        let path = self.folder.path().join("restamped.sqlite");
        let _ = fs::remove_file(&path);
        let aside = format!("sqlite:{}", path.display());
        hale.succeed(&format!("geodb copy {} {aside}", self.geodb));
        let (_, reason) = self.row(number);
        let parts: Vec<&str> = reason.splitn(4, ':').collect();
        let then: i64 = parts[2].parse().unwrap();
        let restamped = format!("auto:{}:{}:{}", parts[1], then + later_by, parts[3]);
        let copy = Connection::open(path).unwrap();
        let host = format!("be{}.test", number + 1);
        let sql = "update backends set status_reason = ?1 where host = ?2";
        assert_eq!(copy.execute(sql, [&restamped, &host]).unwrap(), 1);
        copy.execute("delete from backends where host <> ?1", [&host]).unwrap();
        for table in TABLES.iter().filter(|table| table.name != "backends") {
            copy.execute(&format!("delete from {}", table.name), ()).unwrap();
        }
        drop(copy);
        hale.succeed(&format!("geodb copy {aside} {}", self.geodb));
        for hale in &self.hales {
            hale.setup().succeed("cluster geodb refresh");
        }
    }

    pub(crate) fn log(&self, proxy: usize) -> String {
        fs::read_to_string(self.hales[proxy].setup().path().join("hale.log")).unwrap_or_default()
    }

    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        wait_for(&format!("{words:?} in a log"), PATIENCE, || {
            let logs = (0..self.hales.len()).map(|proxy| self.log(proxy)).collect::<String>();
            logs.lines().find(|line| line.contains(words)).map(str::to_owned)
        })
    }

    /// It is well again, and probes say so once the dwell is over.
    pub(crate) fn find_again(&self, number: usize) {
        let host = format!("be{}.test", number + 1);
        self.wait_for_log(&format!("backend {host} (imap) logs its test user in again"));
        // The dwell is over.
        self.restamp(number, -EARLIER);
        let reason = self.wait_for_status(number, "online");
        assert!(reason.ends_with(":recovered"), "{reason}");
        self.wait_for_log(&format!("backend {host} is set online again"));
    }
}

/// Status and reason of each backend, as the GeoDB has them.
pub(crate) fn backend_rows(hale: &Hale) -> BTreeMap<String, (String, String)> {
    let said = hale.setup().succeed_with(&["-f", "tab", "geodb", "show", "backends"]);
    let mut lines = said.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let column = |name: &str| names.iter().position(|it| *it == name).unwrap();
    let [host, status, reason] = ["host", "status", "status_reason"].map(column);
    lines.map(|row| (row[host].into(), (row[status].into(), row[reason].into()))).collect()
}
