//! Several sites: a Hale each, in clear and in all five protocols, in front of one Dovecot each.
//!
//! All listen on the same ports of addresses of their own, because a proxy knows one port per protocol, whatever it
//! connects to. Hales trust each other and no client.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tempfile::TempDir;

use super::dovecot::Dovecot;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::lmtp::Lmtp;
use super::ports::free_port;
use super::site::{PASSWORD, backend_configuration};
use super::smtp_relay::SmtpRelay;
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, poll, wait_for};

/// Where clients are; no proxy trusts it.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 78);

/// A running cluster. Sites are counted from 1 and called `DC1`, `DC2`, …
#[derive(Debug)]
pub(crate) struct Sites {
    pub(crate) hales: Vec<Hale>,
    backends: Vec<Dovecot>,
    ports: Ports,
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

/// One database for all sites.
pub(crate) fn one_geodb(_site: usize, folder: &Path) -> String {
    format!("sqlite:{}/geodb.sqlite", folder.display())
}

/// A database for each site, as if each had not heard of what the others know.
pub(crate) fn own_geodb(site: usize, folder: &Path) -> String {
    format!("sqlite:{}/geodb-{site}.sqlite", folder.display())
}

impl Sites {
    /// `geodb`: the setting `cluster_geodb` of a site, which may be in a folder that all share. `rows`: lines of a site's
    /// password file besides those of `users`, whose password is [`PASSWORD`] everywhere.
    pub(crate) fn start(
        count: usize,
        geodb: impl Fn(usize, &Path) -> String,
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
                format!("{lb} lb{site}.test\n{be} be.dc{site}.test\n")
            })
            .collect();
        fs::write(folder.path().join("hosts"), hosts).unwrap();
        let setups: Vec<Setup> = numbers()
            .map(|site| {
                let mut setup = Setup::new(imap);
                setup.add_users(users, PASSWORD.as_bytes());
                for row in rows(site) {
                    setup.add_row(&row);
                }
                setup.listen_at(hale_address(site), imap);
                let folder = folder.path();
                setup.configure(&configuration_of(site, &geodb(site, folder), folder, ports));
                setup.configure(more);
                setup.write();
                setup
            })
            .collect();
        let mut known = Vec::new();
        for (site, setup) in numbers().zip(&setups) {
            let place = geodb(site, folder.path());
            if !known.contains(&place) {
                make_cluster(setup, count);
                known.push(place);
            }
        }
        let hales = setups.into_iter().map(Setup::run).collect();
        Self { hales, backends, ports, folder, _relay: relay }
    }

    /// Hale of a site.
    pub(crate) fn hale(&self, site: usize) -> &Hale {
        &self.hales[site - 1]
    }

    /// Where databases are that several share, and the names of hosts.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, site: usize, words: &str) -> String {
        self.hale(site).setup().succeed(words)
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
        let mut client = self.client(site, speech);
        speech.send_login(&mut client, user);
        speech.expect_success(&mut client);
        let line = wait_for(&format!("{} login of {user}", speech.protocol), PATIENCE, || {
            self.backends[served_by - 1].logins(user).get(before[served_by - 1]).cloned()
        });
        assert!(line.contains(&format!("rip={CLIENT},")), "{line}");
        let mut wanted = before;
        wanted[served_by - 1] += 1;
        assert_eq!(self.logins(user), wanted, "logins of {user} at the sites' backends");
    }

    /// How often a user has logged in at each site's backend.
    fn logins(&self, user: &str) -> Vec<usize> {
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
    for speech in &SPEECHES {
        let port = ports.of(speech);
        text += &speech.configuration(port, port);
    }
    text
}

/// Where all the Hales are.
const HALES: &str = "127.0.21.0/24";

pub(crate) fn hale_address(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 21, u8::try_from(site).unwrap())
}

fn backend_address(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 22, u8::try_from(site).unwrap())
}
