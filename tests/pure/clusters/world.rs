//! Sites with proxies and backends, links between them, what breaks and what an operator does; one clock, and every delay
//! drawn from the seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use hale::route::decide::{Decision, Hop, UserKnown, Writes};
use hale::route::outage::FailoverRules;
use hale::route::table::Addresses;
use uuid::Uuid;

use super::checks::Record;
use super::geodb::{Columns, Key, Replica, Value, Write};
use super::login::{self, Call, Login, Stage};
use super::proxy::Proxy;
use super::random::Random;
use super::trouble::Trouble;

/// All there is.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) random: Random,
    pub(super) queue: BTreeMap<(u64, u64), Event>,
    pub(super) number: u64,
    pub(super) sites: Vec<Uuid>,
    pub(super) replicas: Vec<Replica>,
    pub(super) proxies: Vec<Proxy>,
    /// Pairs of sites whose load balancers do not reach each other: from, to.
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// Pairs of sites whose GeoDBs do not replicate.
    pub(super) split: BTreeSet<(usize, usize)>,
    /// Sites whose GeoDB does not answer.
    pub(super) silent: BTreeSet<usize>,
    pub(super) record: Record,
}

pub(super) enum Event {
    Refresh(usize),
    Probe(usize),
    Arrive,
    Visit(usize, usize),
    Call(Box<Login>),
    Deliver(usize, Write),
    Break,
    Mend(Trouble),
    Heal,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let count = 2 + random.index(2);
        let sites: Vec<Uuid> = (0..count).map(site_id).collect();
        let ramp = random.pick(&[25, 100]);
        let rules = FailoverRules {
            delay: Duration::from_secs(random.pick(&[60, 120])),
            ramp,
            ..FailoverRules::default()
        };
        let skews: &[i64] =
            random.pick(&[&[0][..], &[-300, 0, 400], &[-2_000, 2_000], &[-20_000, 0]]);
        let proxies = (0..count * PROXIES_PER_SITE).map(|number| {
            let site = number / PROXIES_PER_SITE;
            Proxy::new(site, &site_name(site), random.pick(skews), rules)
        });
        let proxies: Vec<Proxy> = proxies.collect();
        let mut world = Self {
            now: 0,
            random,
            queue: BTreeMap::new(),
            number: 0,
            replicas: vec![Replica::default(); count],
            record: Record::new(rules),
            sites,
            proxies,
            cut: BTreeSet::new(),
            split: BTreeSet::new(),
            silent: BTreeSet::new(),
        };
        world.found();
        world
    }

    fn found(&mut self) {
        for site in 0..self.sites.len() {
            let id = self.sites[site];
            let text = |text: String| Value::Text(text.into());
            self.found_row(
                Key::Site(id),
                vec![
                    ("name", text(site_name(site))),
                    ("load_balancer", text(format!("lb{site}"))),
                    ("status", text("online".into())),
                ],
            );
            for number in 0..BACKENDS_PER_SITE {
                self.found_row(
                    Key::Backend(id, backend_id(site, number)),
                    vec![
                        ("host", text(format!("be{site}{number}"))),
                        ("status", text("online".into())),
                    ],
                );
            }
        }
        for proxy in 0..self.proxies.len() {
            let (refresh, probe) = (self.random.below(10_000), self.random.below(10_000));
            self.at(refresh / 10, Event::Refresh(proxy));
            self.at(probe, Event::Probe(proxy));
        }
        self.at(2_000, Event::Arrive);
        self.at(30_000, Event::Break);
        self.at(FAULTS_UNTIL, Event::Heal);
        // At the end, every user comes to every proxy.
        for proxy in 0..self.proxies.len() {
            for user in 0..USERS {
                let at = SETTLED_AFTER + self.random.below(UNTIL - SETTLED_AFTER - 20_000);
                self.at(at, Event::Visit(proxy, user));
            }
        }
    }

    fn found_row(&mut self, key: Key, columns: Columns) {
        let write = Write { key, columns, at: super::EPOCH };
        self.replicas.iter_mut().for_each(|replica| replica.apply(&write));
    }

    /// Lets everything happen.
    pub(super) fn run(&mut self) {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > UNTIL {
                break;
            }
            self.now = at;
            self.happen(event);
        }
    }

    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.number += 1;
        self.queue.insert((at, self.number), event);
    }

    fn soon(&mut self, event: Event) {
        let delay = self.random.pick(&[1, 3, 20, 200, 400]);
        self.at(self.now + delay, event);
    }

    fn is_faulty(&self) -> bool {
        self.now < FAULTS_UNTIL
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Refresh(proxy) => {
                self.refresh(proxy);
                let next = self.now + 10_000 + self.random.below(300);
                self.at(next, Event::Refresh(proxy));
            }
            Event::Probe(proxy) => self.probe(proxy),
            Event::Arrive => {
                let (proxy, user) =
                    (self.random.index(self.proxies.len()), self.random.index(USERS));
                self.start(Login::new(proxy, user_name(user), None, Vec::new()));
                let next = self.now + 1 + self.random.below(2 * LOGIN_EVERY);
                self.at(next, Event::Arrive);
            }
            Event::Visit(proxy, user) => {
                self.start(Login::new(proxy, user_name(user), None, Vec::new()));
            }
            Event::Call(login) => self.call(*login),
            Event::Deliver(site, write) => {
                self.replicas[site].apply(&write);
            }
            Event::Break => self.break_something(),
            Event::Mend(trouble) => self.mend(trouble),
            Event::Heal => self.heal(),
        }
    }

    fn refresh(&mut self, proxy: usize) {
        let site = self.proxies[proxy].site;
        let replica = (!self.silent.contains(&site)).then(|| &self.replicas[site]);
        self.proxies[proxy].refresh(replica, self.sites[site], self.now);
    }

    /// Stands for the health room: each proxy looks at the other sites' load balancers, and its site's row follows.
    fn probe(&mut self, proxy: usize) {
        let site = self.proxies[proxy].site;
        for other in 0..self.sites.len() {
            let is_reached = !self.cut.contains(&(site, other));
            let id = self.sites[other];
            if other == site {
                continue;
            }
            self.proxies[proxy].probed(id, is_reached);
            // One proxy of each site writes, whenever the row says something else.
            let reachable = i64::from(self.proxies[proxy].misses[&id] < 3);
            let key = Key::Reachability(self.sites[site], id);
            let is_writer = proxy.is_multiple_of(PROXIES_PER_SITE) && !self.silent.contains(&site);
            let known = self.replicas[site].number(&key, "reachable").unwrap_or(1);
            if is_writer && known != reachable {
                let at = self.proxies[proxy].wall(self.now);
                let columns = vec![("reachable", Value::Number(reachable))];
                self.write(site, Write { key, columns, at });
            }
        }
        let next = self.now + 10_000 + self.random.below(300);
        self.at(next, Event::Probe(proxy));
    }

    pub(super) fn write(&mut self, site: usize, write: Write) {
        self.replicas[site].apply(&write);
        for other in 0..self.sites.len() {
            if other == site || self.split.contains(&pair(site, other)) {
                continue;
            }
            // Lost on the way: the next repair brings it.
            if !(self.is_faulty() && self.random.percent(3)) {
                let delay = self.random.pick(&[1, 5, 50, 900, 4_000]);
                self.at(self.now + delay, Event::Deliver(other, write.clone()));
            }
        }
    }

    // === Logins ===

    fn start(&mut self, login: Login) {
        self.advance(login);
    }

    fn wait(&mut self, mut login: Login, call: Call) {
        login.call = Some(call);
        self.soon(Event::Call(Box::new(login)));
    }

    /// Decides until something has to be read or written.
    fn advance(&mut self, mut login: Login) {
        loop {
            login.rounds += 1;
            if login.rounds > ROUNDS_MAX {
                return self.record.failed(self.now, &login.user, "its rows do not come to rest");
            }
            let proxy = &self.proxies[login.proxy];
            let remembered = proxy.known(&login.user, self.now);
            let known = match (&login.row, remembered) {
                (Some(row), _) => UserKnown::Row(row),
                (None, Some(row)) if !login.is_absent => UserKnown::Row(row),
                _ if login.is_silent => UserKnown::Unreachable,
                _ if login.is_absent => UserKnown::Absent,
                _ => UserKnown::NotAsked,
            };
            let writes = if login.is_silent { Writes::Withheld } else { Writes::Allowed };
            let (group, site) = (login.group.as_ref(), login.site.as_ref());
            match proxy.decide(&login.user, known, group, site, writes) {
                Decision::NeedTable => {
                    self.refresh(login.proxy);
                    (login.group, login.site) = (None, None);
                }
                Decision::NeedUser => return self.wait(login, Call::ReadUser),
                Decision::AssignUser(assignment) => {
                    return self.wait(login, Call::Assign(assignment, Stage::Read));
                }
                Decision::MoveUser(change) => {
                    return self.wait(login, Call::Move(change, Stage::Read));
                }
                Decision::CreateGroup(creation) => {
                    return self.wait(login, Call::Create(creation, Stage::Read));
                }
                Decision::FailOver(change) => {
                    return self.wait(login, Call::FailOver(change, Stage::Read));
                }
                Decision::Fail { fault, .. } => {
                    return self.record.failed(self.now, &login.user, fault.text());
                }
                Decision::Go { destination, change, homecoming } => {
                    if let Some(change) = change {
                        self.wait(login.clone(), Call::Change(change, Stage::Read));
                    }
                    if let Some(change) = homecoming {
                        self.wait(login.clone(), Call::Homecoming(change, Stage::Read));
                    }
                    return self.go(&login, destination.hop);
                }
            }
        }
    }

    fn go(&mut self, login: &Login, hop: Hop) {
        let to = match hop {
            Hop::Backend(id) => return self.record.served(self.now, &login.user, id),
            Hop::Site(id) => id,
        };
        // Another site's proxy is referred, and goes there itself.
        let connecting = login.from.unwrap_or(login.proxy);
        let from = self.proxies[connecting].site;
        let Some(site) = self.sites.iter().position(|site| *site == to) else { unreachable!() };
        if site == from || login.hops.contains(&to) {
            return self.record.failed(self.now, &login.user, "referrals lead in a circle");
        }
        if self.cut.contains(&(from, site)) {
            return self.record.failed(self.now, &login.user, "the other site does not answer");
        }
        let mut hops = login.hops.clone();
        hops.push(to);
        let proxy = site * PROXIES_PER_SITE + self.random.index(PROXIES_PER_SITE);
        self.advance(Login::new(proxy, login.user.clone(), Some(connecting), hops));
    }

    /// A call reaches the GeoDB of the proxy's site, or not.
    fn call(&mut self, mut login: Login) {
        let Some(call) = login.call.take() else { return };
        let site = self.proxies[login.proxy].site;
        let is_lost = self.is_faulty() && self.random.percent(2);
        if self.silent.contains(&site) || is_lost {
            if is_lost && self.random.percent(50) {
                // It was done, and only the answer is lost.
                self.carry_out(site, &mut login, call.clone());
            }
            if !matches!(call, Call::Change(..) | Call::Homecoming(..)) {
                login.is_silent = true;
                self.advance(login);
            }
            return;
        }
        let is_beside = matches!(call, Call::Change(..) | Call::Homecoming(..));
        match self.carry_out(site, &mut login, call) {
            Some(next) => self.wait(login, next),
            None if is_beside => {}
            None => self.advance(login),
        }
    }

    /// Reads or writes; what has to be done next.
    fn carry_out(&mut self, site: usize, login: &mut Login, call: Call) -> Option<Call> {
        let at = self.proxies[login.proxy].wall(self.now);
        match call {
            Call::ReadUser => self.read_user(site, login),
            Call::Assign(assignment, Stage::Read) => {
                self.read_user(site, login);
                let is_there = login.row.as_ref().is_some_and(|row| !row.group_name.is_empty());
                return (!is_there).then_some(Call::Assign(assignment, Stage::Written));
            }
            Call::Assign(assignment, Stage::Written) => {
                self.record.assigned(&assignment);
                self.write(site, login::assign(&assignment, at));
                self.read_user(site, login);
            }
            Call::Move(change, Stage::Read) => {
                self.read_user(site, login);
                let is_expected = login.row.as_ref() == Some(&change.expected);
                return is_expected.then_some(Call::Move(change, Stage::Written));
            }
            Call::Move(change, Stage::Written) => {
                self.write(site, login::move_user(&change, at));
                self.read_user(site, login);
            }
            Call::Create(creation, stage) => {
                let row = self.replicas[site].group(creation.site_id, &creation.name);
                if stage == Stage::Read && row.is_none() {
                    return Some(Call::Create(creation, Stage::Written));
                }
                if stage == Stage::Written {
                    self.write(site, login::create(&creation, at));
                }
                login.group = self.replicas[site].group(creation.site_id, &creation.name);
                self.refresh(login.proxy);
            }
            Call::Change(change, stage) => {
                let row = self.replicas[site].group(change.site_id, &change.name);
                let is_expected = row.is_some_and(|row| change.expected.is_of(&row));
                if stage == Stage::Read {
                    return is_expected.then_some(Call::Change(change, Stage::Written));
                }
                self.write(site, login::change(&change, at));
                self.refresh(login.proxy);
            }
            Call::FailOver(change, stage) | Call::Homecoming(change, stage) => {
                let is_homecoming = change.stand_in.is_none();
                let row = self.replicas[site].group_site(&change.group_name, change.site_id);
                if stage == Stage::Read && change.is_expected(row.as_ref()) {
                    let stage = Stage::Written;
                    return Some(match is_homecoming {
                        true => Call::Homecoming(change, stage),
                        false => Call::FailOver(change, stage),
                    });
                }
                if stage == Stage::Written {
                    let proxy = &self.proxies[login.proxy];
                    self.record.changed(self.now, site, proxy, &change, row.as_ref());
                    self.write(site, login::group_site(&change.row(row.as_ref(), at), at));
                }
                login.site = self.replicas[site].group_site(&change.group_name, change.site_id);
                self.refresh(login.proxy);
            }
        }
        None
    }

    fn read_user(&mut self, site: usize, login: &mut Login) {
        login.row = self.replicas[site].user(&login.user);
        login.is_absent = login.row.is_none();
        if let Some(row) = &login.row {
            self.proxies[login.proxy].remember(row.clone(), self.now);
        }
    }
}

pub(super) fn pair(one: usize, two: usize) -> (usize, usize) {
    (one.min(two), one.max(two))
}

fn site_id(number: usize) -> Uuid {
    Uuid::from_u128(0xD0 + number as u128)
}

fn site_name(number: usize) -> String {
    format!("DC{number}")
}

pub(super) fn backend_id(site: usize, number: usize) -> Uuid {
    Uuid::from_u128(0xB00 + 16 * site as u128 + number as u128)
}

pub(super) fn user_name(number: usize) -> Box<str> {
    format!("u{number}@example.org").into()
}

/// Every name resolves, always to the same address.
pub(super) fn addresses() -> &'static Addresses {
    static ADDRESSES: OnceLock<Addresses> = OnceLock::new();
    ADDRESSES.get_or_init(|| {
        let mut known: HashMap<Box<str>, Vec<IpAddr>> = HashMap::new();
        for site in 0..4_u8 {
            known.insert(format!("lb{site}").into(), vec![IpAddr::from([10, site, 0, 1])]);
            for number in 0..4_u8 {
                let address = IpAddr::from([10, site, 1, number]);
                known.insert(format!("be{site}{number}").into(), vec![address]);
            }
        }
        known
    })
}

const PROXIES_PER_SITE: usize = 2;
pub(super) const BACKENDS_PER_SITE: usize = 2;
pub(super) const USERS: usize = 12;
/// Half an hour in which things break; then time for all to be well, to come home and to be forgotten by caches.
pub(super) const FAULTS_UNTIL: u64 = 1_500_000;
pub(super) const SETTLED_AFTER: u64 = FAULTS_UNTIL + 1_260_000;
pub(super) const UNTIL: u64 = SETTLED_AFTER + 200_000;
/// On average, in milliseconds.
const LOGIN_EVERY: u64 = 5_000;
const ROUNDS_MAX: u32 = 12;
