//! Several sites: a Hale each, in clear and in all five protocols, in front of one Dovecot each.
//!
//! All listen on the same ports of addresses of their own, because a proxy knows one port per protocol, whatever it
//! connects to. Hales trust each other and no client. Their GeoDBs are SQLite files or keyspaces of one real Cassandra.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hale::control::geodb::schema::TABLES;
use rusqlite::Connection;
use tempfile::TempDir;

use super::cassandra::Cassandra;
use super::dovecot::Dovecot;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::lmtp::Lmtp;
use super::ports::free_port;
use super::site::{PASSWORD, backend_configuration};
use super::smtp_relay::SmtpRelay;
use super::speech::{IMAP, SPEECHES, Speech};
use super::wait::{PATIENCE, poll, wait_for};

/// Where clients are; no proxy trusts it.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 78);

/// A running cluster. Sites are counted from 1 and called `DC1`, `DC2`, …
#[derive(Debug)]
pub(crate) struct Sites {
    pub(crate) hales: Vec<Hale>,
    backends: Vec<Dovecot>,
    ports: Ports,
    /// The first site's GeoDB, as `cluster_geodb` names it.
    geodb: String,
    folder: TempDir,
    _relay: SmtpRelay,
}

/// One port per protocol, the same for all Hales and Dovecots.
#[derive(Clone, Copy, Debug)]
struct Ports {
    imap: u16,
    pop3: u16,
    sieve: u16,
    submission: u16,
    lmtp: u16,
}

impl Ports {
    fn of(self, speech: &Speech) -> u16 {
        match speech.protocol {
            "imap" => self.imap,
            "pop3" => self.pop3,
            "sieve" => self.sieve,
            _ => self.submission,
        }
    }
}

/// What the GeoDBs of a test are in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
    /// The node that tests share.
    Cassandra,
}

impl Engine {
    /// Where GeoDBs are, by name: what `cluster_geodb` says. No other test has the same.
    pub(crate) fn places(self, folder: &Path) -> impl Fn(&str) -> String + use<> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = folder.to_owned();
        move |name| match self {
            Self::Sqlite => format!("sqlite:{}/{name}.sqlite", folder.display()),
            Self::Cassandra => Cassandra::shared().place(&format!("sites_{number}_{name}")),
        }
    }
}

/// One GeoDB for all sites.
pub(crate) fn one_geodb(_site: usize) -> String {
    "geodb".to_owned()
}

/// A GeoDB for each site, as if each had not heard of what the others know.
pub(crate) fn own_geodb(site: usize) -> String {
    format!("geodb_{site}")
}

impl Sites {
    /// `geodb`: the name of a site's GeoDB; sites that name the same one share it. `rows`: lines of a site's password file
    /// besides those of `users`, whose password is [`PASSWORD`] everywhere.
    pub(crate) fn start(
        engine: Engine,
        count: usize,
        geodb: impl Fn(usize) -> String,
        users: &[&str],
        rows: impl Fn(usize) -> Vec<String>,
        more: &str,
    ) -> Self {
        let folder = tempfile::Builder::new().prefix("hale-sites-").tempdir().unwrap();
        let [imap, pop3, sieve, submission, lmtp] = [(); 5].map(|()| free_port());
        let ports = Ports { imap, pop3, sieve, submission, lmtp };
        let relay = SmtpRelay::start();
        let configuration = backend_configuration(&relay, [submission, lmtp]);
        let numbers = || 1..=count;
        let backends: Vec<Dovecot> = numbers()
            .map(|site| {
                let ports = [imap, free_port(), pop3, sieve];
                let backend = Dovecot::alone(backend_address(site), ports, &configuration);
                backend.add_users(users, PASSWORD.as_bytes());
                backend
            })
            .collect();
        let hosts: String = numbers()
            .map(|site| {
                let (lb, be) = (hale_address(site), backend_address(site));
                let front = front_address(site);
                format!("{lb} lb{site}.test\n{front} front{site}.test\n{be} be.dc{site}.test\n")
            })
            .collect();
        fs::write(folder.path().join("hosts"), hosts).unwrap();
        let places = engine.places(folder.path());
        let geodb = |site| places(&geodb(site));
        let setups: Vec<Setup> = numbers()
            .map(|site| {
                let mut setup = Setup::new(imap);
                setup.add_users(users, PASSWORD.as_bytes());
                for row in rows(site) {
                    setup.add_row(&row);
                }
                setup.listen_at(hale_address(site), imap);
                let folder = folder.path();
                setup.configure(&configuration_of(site, &geodb(site), folder, ports));
                setup.configure(more);
                setup.write();
                setup
            })
            .collect();
        let mut known = Vec::new();
        for (site, setup) in numbers().zip(&setups) {
            let place = geodb(site);
            if !known.contains(&place) {
                make_cluster(setup, count);
                known.push(place);
            }
        }
        let geodb = geodb(1);
        let hales = setups.into_iter().map(Setup::run).collect();
        Self { hales, backends, ports, geodb, folder, _relay: relay }
    }

    /// Hale of a site.
    pub(crate) fn hale(&self, site: usize) -> &Hale {
        &self.hales[site - 1]
    }

    pub(crate) fn command(&self, site: usize, words: &str) -> String {
        self.hale(site).setup().succeed(words)
    }

    /// Each site is reached by others where a PROXY header is demanded, in the GeoDB that this site's Hale has.
    pub(crate) fn demand_headers(&self, site: usize) {
        for of in 1..=self.hales.len() {
            self.command(
                site,
                &format!("cluster site update --load-balancer front{of}.test DC{of}"),
            );
        }
    }

    /// What `hale explain` says of a login at this site, also if it would fail.
    pub(crate) fn explain(&self, site: usize, user: &str) -> String {
        let output = self.hale(site).setup().output(&format!("explain {user}"));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Gives a user a home site and a group, in the GeoDB that this site's Hale has.
    pub(crate) fn settle(&self, site: usize, user: &str, home: usize, group: &str) {
        self.command(site, &format!("cluster user move --direct --site DC{home} {user} {group}"));
    }

    /// Status and stand-in of each row that says which site serves a group of another.
    pub(crate) fn group_sites(&self) -> Vec<(String, String)> {
        let rows =
            self.hale(1).setup().succeed_with(&["-f", "tab", "geodb", "show", "group_sites"]);
        let rows = rows.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        // The first line has the names of the columns.
        rows.skip(1).map(|row| (row[2].to_owned(), row[3].to_owned())).collect()
    }

    /// The same rows, as if they had been written five minutes before; the first site's Hale reads them.
    pub(crate) fn age_group_sites(&self) {
        let path = self.folder.path().join("aged.sqlite");
        let aged = format!("sqlite:{}", path.display());
        self.command(1, &format!("geodb copy {} {aged}", self.geodb));
        let copy = Connection::open(path).unwrap();
        copy.execute("update group_sites set last_update = last_update - 300000", ()).unwrap();
        for table in TABLES.iter().filter(|table| table.name != "group_sites") {
            copy.execute(&format!("delete from {}", table.name), ()).unwrap();
        }
        drop(copy);
        self.command(1, &format!("geodb copy {aged} {}", self.geodb));
        self.command(1, "cluster geodb refresh");
    }

    /// A client of a site that has been greeted.
    pub(crate) fn client(&self, site: usize, speech: &Speech) -> Imap {
        let address = SocketAddr::from((hale_address(site), self.ports.of(speech)));
        let mut client = Imap::open_from(CLIENT, address);
        client.call(speech.protocol);
        speech.greeted(&mut client);
        client
    }

    /// A login at a site that succeeds, and the log line of the only backend that it came to.
    pub(crate) fn log_in(&self, site: usize, speech: &Speech, user: &str, served_by: usize) {
        let before = self.logins(user);
        let _client = self.let_in(site, speech, user);
        let line = wait_for(&format!("{} login of {user}", speech.protocol), PATIENCE, || {
            self.backends[served_by - 1].logins(user).get(before[served_by - 1]).cloned()
        });
        assert!(line.contains(&format!("rip={CLIENT},")), "{line}");
        let mut wanted = before;
        wanted[served_by - 1] += 1;
        assert_eq!(self.logins(user), wanted, "logins of {user} at the sites' backends");
    }

    /// A login at a site that succeeds, wherever it leads. On a busy machine the GeoDB may be late: a client that is refused
    /// for that comes again, and no other one may be refused.
    pub(crate) fn let_in(&self, site: usize, speech: &Speech, user: &str) -> Imap {
        wait_for(&format!("{} login of {user}", speech.protocol), PATIENCE, || {
            let before = self.troubles();
            let mut client = self.client(site, speech);
            speech.send_login(&mut client, user);
            if speech.has_succeeded(&mut client) {
                return Some(client);
            }
            self.excuse(before, user);
            None
        })
    }

    /// A recipient at a site that is taken, with the same excuse.
    pub(crate) fn takes_mail(&self, site: usize, user: &str) {
        wait_for(&format!("the recipient {user}"), PATIENCE, || {
            let before = self.troubles();
            let mut sender = self.sender(site);
            sender.command("MAIL FROM:<>", 250);
            sender.send(format!("RCPT TO:<{user}>\r\n").as_bytes());
            if sender.reply().0 == 250 {
                return Some(());
            }
            self.excuse(before, user);
            None
        });
    }

    /// How often a Hale has found that the GeoDB does not answer, and how often it did again.
    fn troubles(&self) -> [usize; 2] {
        let logs = self.hales.iter().map(|hale| hale.setup().path().join("hale.log"));
        let logs: String = logs.filter_map(|path| fs::read_to_string(path).ok()).collect();
        ["logins go on with what is cached", "geodb: answers again"]
            .map(|words| logs.matches(words).count())
    }

    /// A user was refused: only a GeoDB that was late meanwhile is good for that.
    fn excuse(&self, before: [usize; 2], user: &str) {
        let was_late = || {
            let now = self.troubles();
            (now != before || now[0] > now[1]).then_some(())
        };
        // Logs are written a moment after the reply.
        if poll(Duration::from_secs(1), was_late).is_none() {
            let said: Vec<_> = (1..=self.hales.len()).map(|at| self.log_about(at, user)).collect();
            panic!("{user} is refused: {said:#?}");
        }
    }

    /// Whether an IMAP login at a site succeeds.
    pub(crate) fn is_let_in(&self, site: usize, user: &str) -> bool {
        self.client(site, &IMAP).try_login(user, PASSWORD.as_bytes())
    }

    /// How often a user has logged in at each site's backend.
    pub(crate) fn logins(&self, user: &str) -> Vec<usize> {
        self.backends.iter().map(|backend| backend.logins(user).len()).collect()
    }

    /// A sender at a site that has said LHLO.
    pub(crate) fn sender(&self, site: usize) -> Lmtp {
        let address = SocketAddr::from((hale_address(site), self.ports.lmtp));
        let stream = Imap::open_from(CLIENT, address).stream().try_clone().unwrap();
        let mut client = Lmtp::greeted(stream);
        client.command("LHLO mx.example", 250);
        client
    }

    /// A message to a user through a site's Hale, which ends in the mailbox at the backend of one site only.
    pub(crate) fn deliver(&self, site: usize, user: &str, served_by: usize) {
        let mut sender = self.sender(site);
        sender.envelope(&[user]);
        assert_eq!(sender.data(b"Subject: to another site\r\n\r\nx\r\n", 1), [250]);
        for (number, backend) in (1..).zip(&self.backends) {
            let mut client = Imap::connect(backend.address());
            client.login(user, PASSWORD.as_bytes());
            let lines = client.command("s", "SELECT INBOX").join(&b"\n"[..]);
            let count = if number == served_by { 1 } else { 0 };
            let wanted = format!("* {count} EXISTS");
            client.expect(String::from_utf8_lossy(&lines).contains(&wanted), &wanted);
            if number == served_by {
                let mail = client.fetch("f", 1);
                let mail = String::from_utf8_lossy(&mail);
                assert!(mail.contains(&format!("([{CLIENT}])")), "{mail}");
            }
        }
    }

    /// Waits until a Hale's log has so many lines about a user with these words, and returns them.
    pub(crate) fn wait_for_log(
        &self,
        site: usize,
        user: &str,
        words: &str,
        count: usize,
    ) -> Vec<String> {
        let found = || -> Vec<String> {
            let lines = self.log_about(site, user).into_iter();
            lines.filter(|line| line.contains(words)).collect()
        };
        let Some(lines) = poll(PATIENCE, || Some(found()).filter(|lines| lines.len() >= count))
        else {
            panic!("{count} times {words:?} at {site}: {:#?}", self.log_about(site, user));
        };
        lines
    }

    /// Lines of a Hale's log about a user.
    pub(crate) fn log_about(&self, site: usize, user: &str) -> Vec<String> {
        let path = self.hale(site).setup().path().join("hale.log");
        let log = fs::read_to_string(path).unwrap_or_default();
        let wanted = format!("user=<{user}>");
        log.lines().filter(|line| line.contains(&wanted)).map(str::to_owned).collect()
    }
}

/// The id of a site, the same in every test.
pub(crate) fn site_id(site: usize) -> String {
    format!("00000000-0000-4000-8000-{site:012}")
}

fn make_cluster(setup: &Setup, count: usize) {
    setup.succeed("geodb init");
    for site in 1..=count {
        let id = site_id(site);
        setup
            .succeed(&format!("cluster site add --id {id} --load-balancer lb{site}.test DC{site}"));
        let host = format!("be.dc{site}.test");
        setup.succeed(&format!("cluster backend add --site DC{site} {host}"));
        setup.succeed(&format!("cluster backend update --status online --load-factor 100 {host}"));
    }
}

fn configuration_of(site: usize, geodb: &str, folder: &Path, ports: Ports) -> String {
    let (own, lmtp) = (hale_address(site), ports.lmtp);
    let mut text = format!(
        "protocols = imap pop3 lmtp sieve submission\nhostname = lb{site}.test\ncluster_local_site = DC{site}\n\
         cluster_geodb = {geodb}\ncluster_hosts_file = {}/hosts\nlogin_trusted_networks = {HALES}\n\
         login_source_ips = {own}\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n\
         protocol lmtp {{\n  proxy_port = {lmtp}\n}}\n",
        folder.display(),
    );
    text += &behind_headers("lmtp", site, lmtp);
    for speech in &SPEECHES {
        let port = ports.of(speech);
        text += &speech.configuration(port, port);
        text += &behind_headers(&format!("{}-login", speech.service), site, port);
    }
    text
}

/// A listener as if a balancer stood in front of it.
fn behind_headers(service: &str, site: usize, port: u16) -> String {
    let front = front_address(site);
    format!(
        "service {service} {{\n  inet_listener front {{\n    address = {front}\n    port = {port}\n    haproxy = yes\n  }}\n}}\n"
    )
}

/// Where all the Hales are.
const HALES: &str = "127.0.21.0/24";

pub(crate) fn hale_address(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 21, u8::try_from(site).unwrap())
}

/// Where they demand a PROXY header of all who connect.
fn front_address(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 23, u8::try_from(site).unwrap())
}

fn backend_address(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 22, u8::try_from(site).unwrap())
}
