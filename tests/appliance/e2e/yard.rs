//! Two proxies of one site in front of two Dovecots with IMAP, LMTP and doveadm, users who come and go and mail for them all the time,
//! and a reader of the backends' logs that says who was where when.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cassandra::Cassandra;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::ports::free_port;
use super::wait::{PATIENCE, poll, wait_for};

pub(crate) const PASSWORD: &[u8] = b"secret";

/// What the proxies share.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows {
    /// A file.
    Sqlite,
    /// A keyspace of this name on the node that tests share.
    Cassandra(&'static str),
}

/// See the module's documentation.
pub(crate) struct Yard {
    pub(crate) pair: Pair,
    pub(crate) proxies: Vec<Hale>,
    lmtp_ports: Vec<u16>,
}

/// A session at a backend, or a message stored there.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) user: String,
    pub(crate) backend: usize,
    /// Seconds; a message is stored in no time.
    pub(crate) from: f64,
    /// Infinite, if it goes on.
    pub(crate) to: f64,
}

/// The load ends with this, also when the test fails: a scope waits for its threads when it panics, too, and would for ever.
pub(crate) struct Over(AtomicBool);

impl Over {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the load when it goes.
    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard(self)
    }
}

/// See [`Over::guard`].
pub(crate) struct Guard<'a>(&'a Over);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// What came of the messages of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Posted {
    pub(crate) taken: usize,
    pub(crate) put_off: usize,
}

impl Yard {
    /// `more`: for both proxies.
    pub(crate) fn start(rows: Rows, users: &[&str], more: &str) -> Self {
        let [backend_lmtp, doveadm_port] = [(); 2].map(|()| free_port());
        let pair = Pair::start_with(&backend_lines(backend_lmtp, doveadm_port));
        let lmtp_ports = vec![free_port(), free_port()];
        let mut shared = None;
        let setups: Vec<Setup> = lmtp_ports
            .iter()
            .map(|port| {
                let mut setup = Setup::with_users(&pair, users, PASSWORD);
                setup.configure(&format!(
                    "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {port}\n  }}\n}}\n\
                     protocol lmtp {{\n  proxy_port = {backend_lmtp}\n}}\ncluster_group_moves = proxy\n\
                     doveadm_port = {doveadm_port}\ndoveadm_password = secret\n{more}"
                ));
                let file = format!("sqlite:{}/state/geodb.sqlite", setup.path().display());
                match rows {
                    Rows::Sqlite => {
                        let place = shared.get_or_insert(file);
                        setup.configure(&format!("cluster_geodb = {place}"));
                    }
                    Rows::Cassandra(keyspace) => Cassandra::shared().serve(&mut setup, keyspace),
                }
                setup.write();
                setup
            })
            .collect();
        setups[0].make_cluster();
        let proxies = setups.into_iter().map(Setup::run).collect();
        Self { pair, proxies, lmtp_ports }
    }

    pub(crate) fn command(&self, proxy: usize, words: &str) -> String {
        self.proxies[proxy].setup().succeed(words)
    }

    /// Puts users into a group of be1.
    pub(crate) fn place(&self, users: &[&str], group: &str) {
        self.command(0, &format!("cluster group move --direct DC1 {group} be1.test"));
        for user in users {
            self.command(0, &format!("cluster user move --direct {user} {group}"));
        }
        self.command(0, "cluster geodb refresh");
        self.command(1, "cluster geodb refresh");
    }

    /// A group's row, by one proxy.
    pub(crate) fn row(&self, proxy: usize, group: &str) -> String {
        self.command(proxy, &format!("-f flow cluster group status DC1 {group}"))
    }

    pub(crate) fn wait_for_takeover(&self, proxy: usize, group: &str) {
        wait_for("the destination's takeover", PATIENCE, || {
            let row = self.row(proxy, group);
            (row.contains(" backend_id=be2.test") && row.contains("moving= ")).then_some(())
        });
    }

    /// Until a proxy holds logins of some move.
    pub(crate) fn wait_until_held(&self, proxy: usize) {
        wait_for("logins are held", PATIENCE, || {
            (self.proxies[proxy].number("moves", "under_way") > 0).then_some(())
        });
    }

    /// Until it holds none any more.
    pub(crate) fn wait_until_over(&self, proxy: usize) {
        wait_for("no login is held", PATIENCE, || {
            (self.proxies[proxy].number("moves", "under_way") == 0).then_some(())
        });
    }

    /// These users log in one after the other, until it is over; how often. A proxy that dies may break off.
    pub(crate) fn log_in_all_the_time(&self, proxy: usize, users: &[&str], over: &Over) -> usize {
        let address = self.proxies[proxy].address();
        let mut logins = 0;
        while !over.is_over() {
            for user in users {
                match log_in(address, user) {
                    Some(is_in) => assert!(is_in, "{user} is refused"),
                    None => return logins,
                }
                logins += 1;
            }
        }
        logins
    }

    /// Mail for these users, one after the other, until it is over.
    pub(crate) fn post_all_the_time(&self, proxy: usize, users: &[&str], over: &Over) -> Posted {
        let mut posted = Posted::default();
        while !over.is_over() {
            for user in users {
                match post(self.lmtp_ports[proxy], user) {
                    Some(250) => posted.taken += 1,
                    Some(451) => posted.put_off += 1,
                    Some(code) => panic!("mail for {user} is answered with {code}"),
                    None => return posted,
                }
            }
        }
        posted
    }

    pub(crate) fn lmtp_port(&self, proxy: usize) -> u16 {
        self.lmtp_ports[proxy]
    }

    /// Everything that the backends' logs say of these users.
    pub(crate) fn stays(&self, users: &[&str]) -> Vec<Stay> {
        let mut stays = Vec::new();
        for (backend, dovecot) in self.pair.backends.iter().enumerate() {
            let log = dovecot.log();
            let stamp = |line: &str| line.split(' ').next()?.parse::<f64>().ok();
            let events = || {
                let all = log.lines().filter_map(|line| Some((stamp(line)?, event(line)?)));
                all.filter(|(_, (user, ..))| users.contains(user))
            };
            // Two processes write them: the end of a short session may come first.
            let ends = events().filter(|(_, (.., what))| matches!(what, What::Ends));
            let ends: HashMap<&str, f64> =
                ends.map(|(at, (_, session, _))| (session, at)).collect();
            stays.extend(events().filter_map(|(at, (user, session, what))| {
                let to = match what {
                    What::Begins => ends.get(session).copied().unwrap_or(f64::INFINITY),
                    What::Stores => at,
                    What::Ends => return None,
                };
                Some(Stay { user: user.to_owned(), backend, from: at.min(to), to })
            }));
        }
        stays
    }

    /// The same, once all of these users' sessions have ended.
    pub(crate) fn ended_stays(&self, users: &[&str]) -> Vec<Stay> {
        let ended = || Some(self.stays(users)).filter(|it| it.iter().all(|it| it.to.is_finite()));
        poll(PATIENCE, ended).unwrap_or_else(|| {
            let stays = self.stays(users).into_iter();
            let open: Vec<Stay> = stays.filter(|stay| stay.to.is_infinite()).collect();
            panic!("sessions that have not ended in the backends' logs: {open:#?}")
        })
    }
}

/// No user had a session, or got mail, at be1 after the first thing at be2.
pub(crate) fn assert_left_before_coming(stays: &[Stay], users: &[&str]) {
    for user in users {
        let of = |backend| {
            let all = stays.iter().filter(move |it| it.user == **user && it.backend == backend);
            all.map(|stay| (stay.from, stay.to))
        };
        let left = of(0).map(|(_, to)| to).fold(f64::MIN, f64::max);
        let came = of(1).map(|(from, _)| from).fold(f64::MAX, f64::min);
        assert!(left < came, "{user}: at be1 until {left}, at be2 from {came} on");
    }
}

/// No user was at both backends for longer than this.
pub(crate) fn assert_overlap_at_most(stays: &[Stay], seconds: f64) {
    for one in stays.iter().filter(|stay| stay.backend == 0) {
        for other in stays.iter().filter(|stay| stay.backend == 1 && stay.user == one.user) {
            let overlap = one.to.min(other.to) - one.from.max(other.from);
            assert!(overlap < seconds, "{one:?} and {other:?}");
        }
    }
}

/// How many of these users were ever at a backend.
pub(crate) fn users_at(stays: &[Stay], backend: usize) -> BTreeMap<&str, usize> {
    let mut users = BTreeMap::new();
    for stay in stays.iter().filter(|stay| stay.backend == backend) {
        *users.entry(&*stay.user).or_default() += 1;
    }
    users
}

enum What {
    Begins,
    Ends,
    Stores,
}

/// User and session of a log line, and what it says of them.
fn event(line: &str) -> Option<(&str, &str, What)> {
    if let Some((_, rest)) = line.split_once("imap-login: Info: Login: user=<") {
        let (user, rest) = rest.split_once('>')?;
        let (_, rest) = rest.split_once("session=<")?;
        return Some((user, rest.split_once('>')?.0, What::Begins));
    }
    let (service, what) = match line.split_once("imap(") {
        Some((_, rest)) if rest.contains("Logged out") || rest.contains("Disconnected") => {
            (rest, What::Ends)
        }
        Some(_) => return None,
        None => {
            let (_, rest) = line.split_once("lmtp(")?;
            (rest.contains("saved mail to").then_some(rest)?, What::Stores)
        }
    };
    // `USER)<pid><session>: …`
    let (user, rest) = service.split_once(")<")?;
    let (_, rest) = rest.split_once("><")?;
    Some((user, rest.split_once('>')?.0, what))
}

/// Whether a login is accepted; none: the proxy has ended. The session ends at once.
fn log_in(address: SocketAddr, user: &str) -> Option<bool> {
    let mut client = open(address)?;
    client.get_mut().write_all(format!("l LOGIN {user} secret\r\n").as_bytes()).ok()?;
    loop {
        let line = line(&mut client)?;
        if let Some(answer) = line.strip_prefix("l ") {
            return Some(answer.starts_with("OK"));
        }
    }
}

/// The code that mail for a user is answered with; none: the proxy has ended.
fn post(port: u16, user: &str) -> Option<u16> {
    let mut client = open((super::ports::FRONT, port).into())?;
    let mut code = code(&mut client)?;
    for words in [
        "LHLO mx.example",
        "MAIL FROM:<>",
        &format!("RCPT TO:<{user}>"),
        "DATA",
        "Subject: x\r\n\r\n.",
    ] {
        if code >= 400 {
            return Some(code);
        }
        client.get_mut().write_all(format!("{words}\r\n").as_bytes()).ok()?;
        code = self::code(&mut client)?;
    }
    Some(code)
}

fn open(address: SocketAddr) -> Option<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(BufReader::new(stream))
}

fn line(client: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (client.read_line(&mut line).ok()? > 0).then_some(line)
}

fn code(client: &mut BufReader<TcpStream>) -> Option<u16> {
    loop {
        let line = line(client)?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return line.get(..3)?.parse().ok();
        }
    }
}

fn backend_lines(lmtp: u16, doveadm: u16) -> String {
    format!(
        "log_timestamp = \"%s.%{{usecs}} \"\nprotocols = imap lmtp\nservice lmtp {{\n  user =\n  inet_listener lmtp {{\n    \
         port = {lmtp}\n  }}\n}}\nprotocol lmtp {{\n  postmaster_address = postmaster@example.org\n}}\n\
         doveadm_password = secret\nservice doveadm {{\n  user = $default_internal_user\n  inet_listener tcp {{\n    \
         port = {doveadm}\n  }}\n  unix_listener doveadm-server {{\n    user =\n  }}\n}}\n"
    )
}
