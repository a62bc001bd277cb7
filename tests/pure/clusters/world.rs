//! Sites with proxies and backends, links between them, one clock, and every delay drawn from the seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use hale::health::Finding;
use hale::route::outage::FailoverRules;
use hale::route::table::{Addresses, RouteSettings};
use uuid::Uuid;

use super::backends::{Departed, GroupMove};
use super::checks::Record;
use super::geodb::{Columns, Key, Kind, Replica, Value, Write};
use super::hardships::Hardship;
use super::login::{Asked, Login, Session, Why};
use super::machines::{About, Fleet};
use super::play::Play;
use super::proxy::{Proxy, Reads};
use super::random::Random;
use super::rulings;
use super::sessions::Turn;
use super::trouble::{Lasting, Trouble};

/// All there is.
pub(super) struct World {
    pub(super) play: Play,
    pub(super) now: u64,
    pub(super) random: Random,
    queue: BTreeMap<(u64, u64), Event>,
    number: u64,
    pub(super) sites: Vec<Uuid>,
    pub(super) replicas: Vec<Replica>,
    /// When a row changed last, at any replica.
    pub(super) touched: BTreeMap<Key, u64>,
    /// The same of all places.
    pub(super) places_touched: u64,
    pub(super) proxies: Vec<Proxy>,
    /// Pairs of sites whose load balancers do not reach each other: from, to.
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// Pairs of sites whose GeoDBs do not replicate.
    pub(super) split: BTreeSet<(usize, usize)>,
    /// Sites whose GeoDB does not answer.
    pub(super) silent: BTreeSet<usize>,
    /// Users that backends have moved away.
    pub(super) departed: Departed,
    /// What an operator left running when all was mended.
    pub(super) lasting: Lasting,
    pub(super) fleet: Fleet,
    pub(super) record: Record,
}

pub(super) enum Event {
    /// Which proxy, and how often it has done so.
    Refresh(usize, u32),
    Probe(usize),
    Arrive,
    Visit(usize, usize),
    Call(Box<Login>),
    /// Sites had sent the login in a circle.
    Again(Box<Login>),
    Deliver(usize, Write),
    Break,
    Mend(Trouble),
    /// The source of a group's move sees to the next user.
    MoveNext(Box<GroupMove>),
    /// A backend of this site finishes a user's move.
    Complete(usize, Box<str>),
    Heal,
    Leave,
    /// Which proxy does something, and how often it had been started when that was to be done.
    Do(usize, u32, Task),
    /// A client ends a session.
    Leaves(u64),
    Suffer,
    Undergo(Hardship),
    Relieve(Hardship),
    EndForceMove(usize, Uuid),
    /// An operator takes back the move of a group, or of a user, of this site.
    TakeBack(usize, Box<str>),
    TakeBackUser(usize, Box<str>),
    Audit,
}

/// What one proxy does.
pub(super) enum Task {
    /// What is due is probed.
    Probe,
    Probed(Uuid, usize, Finding),
    /// Once a second.
    Look,
    Figures,
    Rule(Box<rulings::Course>),
    Moves,
    Attempt(u64, Turn),
    /// An old backend was asked, and has answered, or has had its time: so many milliseconds.
    Kicked(Uuid, Box<About>, u64),
}

impl World {
    pub(super) fn new(mut random: Random, play: Play) -> Self {
        let count = play.sites;
        let sites: Vec<Uuid> = (0..count).map(site_id).collect();
        let ramp = random.pick(&[25, 100]);
        let rules = FailoverRules {
            delay: Duration::from_secs(random.pick(&[60, 120])),
            ramp,
            ..FailoverRules::default()
        };
        let skews = random.pick(if play.is_of_backends() { &SKEWS_LESS } else { &SKEWS });
        let proxies = (0..count * play.proxies).map(|number| {
            let site = number / play.proxies;
            let settings = RouteSettings {
                local_site: site_name(site).into(),
                default_group_count: super::GROUPS,
                failover: rules,
                are_moves_ours: play.is_of_backends(),
                ..RouteSettings::default()
            };
            Proxy::new((site, sites[site]), settings, random.pick(skews))
        });
        let proxies: Vec<Proxy> = proxies.collect();
        let mut world = Self {
            play,
            now: 0,
            random,
            queue: BTreeMap::new(),
            number: 0,
            replicas: vec![Replica::default(); count],
            touched: BTreeMap::new(),
            places_touched: 0,
            fleet: Fleet::new(count, play.proxies, play.backends),
            record: Record::new(rules, play.settled_after),
            sites,
            proxies,
            cut: BTreeSet::new(),
            split: BTreeSet::new(),
            silent: BTreeSet::new(),
            departed: Departed::default(),
            lasting: Lasting::Nothing,
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
            for number in 0..self.play.backends {
                self.found_row(
                    Key::Backend(id, backend_id(site, number)),
                    vec![
                        ("host", text(backend_host(site, number))),
                        ("status", text("online".into())),
                        ("status_reason", text("admin".into())),
                    ],
                );
            }
        }
        for proxy in 0..self.proxies.len() {
            let (refresh, probe) = (self.random.below(10_000), self.random.below(10_000));
            self.at(refresh / 10, Event::Refresh(proxy, 0));
            self.at(probe, Event::Probe(proxy));
        }
        let Play { faults_until, settled_after, until, .. } = self.play;
        self.at(2_000, Event::Arrive);
        self.at(faults_until, Event::Heal);
        if self.play.is_of_backends() {
            self.found_tasks();
        } else {
            self.at(30_000, Event::Break);
            self.at(faults_until + 60_000, Event::Leave);
        }
        // At the end, every user comes to every proxy: once to have rows read that have become old there, which rows that were
        // read before all was well have by then (C-CACHE-1); once for good.
        for proxy in 0..self.proxies.len() {
            for user in 0..USERS {
                let at = settled_after - 10_000 - self.random.below(110_000);
                self.at(at, Event::Visit(proxy, user));
                let at = settled_after + self.random.below(until - settled_after - 20_000);
                self.at(at, Event::Visit(proxy, user));
            }
        }
    }

    fn found_tasks(&mut self) {
        for proxy in 0..self.proxies.len() {
            self.start_tasks(proxy);
        }
        self.at(12_000, Event::Suffer);
        self.at(AUDIT_EVERY, Event::Audit);
    }

    fn found_row(&mut self, key: Key, columns: Columns) {
        let write = Write { key, columns, at: super::EPOCH };
        self.replicas.iter_mut().for_each(|replica| {
            replica.apply(&write);
        });
    }

    /// Lets everything happen.
    pub(super) fn run(&mut self) {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > self.play.until {
                break;
            }
            self.now = at;
            if let Some(event) = self.put_to_sleep(event) {
                self.happen(event);
            }
        }
    }

    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.number += 1;
        self.queue.insert((at, self.number), event);
    }

    /// After as long as a call takes.
    pub(super) fn soon(&mut self, event: Event) {
        let delay = self.random.pick(&[1, 3, 20, 200, 400]);
        self.at(self.now + delay, event);
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.now < self.play.faults_until
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Refresh(proxy, times) => {
                let is_sixth = times.is_multiple_of(6);
                self.refresh(proxy, if is_sixth { Reads::All } else { Reads::Places });
                self.compare_neighbours(proxy, times);
                let next = self.now + 10_000 + self.random.below(300);
                self.at(next, Event::Refresh(proxy, times + 1));
            }
            Event::Probe(proxy) => self.probe(proxy),
            Event::Arrive => {
                let (proxy, user) =
                    (self.random.index(self.proxies.len()), self.random.index(USERS));
                if let Some(event) = self.put_to_sleep(Event::Visit(proxy, user)) {
                    self.happen(event);
                }
                let every = if self.play.is_of_backends() { OFTEN } else { LOGIN_EVERY };
                let next = self.now + 1 + self.random.below(2 * every);
                self.at(next, Event::Arrive);
            }
            Event::Visit(proxy, user) => self.arrive(proxy, user),
            Event::Call(login) => self.call(*login),
            Event::Again(login) => self.try_again(*login),
            Event::Deliver(site, write) => {
                self.deliver(site, &write);
                if let Key::User(user) = &write.key
                    && let Some(row) = self.replicas[site].user(user)
                {
                    self.record.arrived(site, &row);
                }
            }
            Event::Break => self.break_something(),
            Event::Mend(trouble) => self.end(trouble),
            Event::MoveNext(group_move) => self.move_next(*group_move),
            Event::Complete(site, user) => self.complete_move(site, &user),
            Event::Heal if self.play.is_of_backends() => self.relieve_all(),
            Event::Heal => self.heal(),
            Event::Leave => self.leave_something(),
            Event::Do(proxy, start, task) if self.proxies[proxy].start == start => {
                self.carry_on(proxy, task);
            }
            Event::Do(..) => {}
            Event::Leaves(number) => {
                self.fleet.sessions.live.remove(&number);
            }
            Event::Suffer => self.suffer(),
            Event::Undergo(hardship) => self.undergo(hardship),
            Event::Relieve(hardship) => self.relieve_in_time(hardship),
            Event::EndForceMove(site, backend) => self.stop_force_move(site, backend),
            Event::TakeBack(site, group) => self.abort_move(site, &group),
            Event::TakeBackUser(site, user) => self.abort_user_move(site, &user),
            Event::Audit => self.audit(),
        }
    }

    fn carry_on(&mut self, proxy: usize, task: Task) {
        match task {
            Task::Probe => self.begin_probes(proxy),
            Task::Probed(id, way, finding) => self.end_probe(proxy, (id, way), finding),
            Task::Look => self.look(proxy),
            Task::Figures => self.write_figures(proxy),
            Task::Rule(course) => self.rule(proxy, *course),
            Task::Moves => self.look_at_moves(proxy),
            Task::Attempt(number, turn) => self.turn(number, turn),
            Task::Kicked(backend, about, took) => self.kicked(proxy, backend, &about, took),
        }
    }

    fn audit(&mut self) {
        self.audit_backends();
        self.audit_groups();
        self.at(self.now + AUDIT_EVERY, Event::Audit);
    }

    fn arrive(&mut self, proxy: usize, user: usize) {
        let start = self.proxies[proxy].start;
        let session = Session {
            proxy,
            start,
            why: Why::First,
            attempts: None,
            began: self.now,
            anew_at: None,
            held_until: None,
            is_blind: false,
        };
        let session = Some(Box::new(session));
        let login = Login::new(user_name(user), proxy, start);
        self.advance(Login { session, asked: Asked::User, ..login });
    }

    /// Reads as much of the site's replica, if that answers.
    pub(super) fn refresh(&mut self, proxy: usize, reads: Reads) {
        let site = self.proxies[proxy].site;
        let replica = (!self.is_geodb_silent(proxy)).then(|| &self.replicas[site]);
        self.proxies[proxy].refresh(replica, reads, self.now);
        self.table_changed(proxy);
    }

    /// Whether the GeoDB does not answer this proxy.
    pub(super) fn is_geodb_silent(&self, proxy: usize) -> bool {
        self.silent.contains(&self.proxies[proxy].site) || self.fleet.hosts[proxy].is_blind
    }

    /// Each proxy looks at the other sites' load balancers, and its site's row follows.
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
            let reachable = i64::from(self.proxies[proxy].memory.misses[&id] < 3);
            let key = Key::Reachability(self.sites[site], id);
            let is_writer = proxy.is_multiple_of(self.play.proxies) && !self.is_geodb_silent(proxy);
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

    /// Who writes a row has read it, and writes later than what it read, whatever its clock says.
    pub(super) fn write(&mut self, site: usize, mut write: Write) {
        write.at = write.at.max(self.replicas[site].stamp(&write.key).saturating_add(STAMPS_APART));
        self.write_as_stamped(site, write);
    }

    /// The same where others may have written since it was read.
    pub(super) fn write_as_stamped(&mut self, site: usize, write: Write) {
        self.deliver(site, &write);
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

    fn deliver(&mut self, site: usize, write: &Write) {
        if self.replicas[site].apply(write) {
            self.touch(write.key.clone());
        }
    }

    fn touch(&mut self, key: Key) {
        if key.kind() == Kind::Place {
            self.places_touched = self.now;
        }
        self.touched.insert(key, self.now);
    }

    /// Two replicas take over what the other has.
    pub(super) fn repair(&mut self, one: usize, two: usize) {
        for (from, to) in [(one, two), (two, one)] {
            let copy = self.replicas[from].clone();
            for key in self.replicas[to].repair(&copy) {
                self.touch(key);
            }
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

pub(super) fn backend_host(site: usize, number: usize) -> String {
    format!("be{site}{number}")
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

pub(super) const USERS: usize = 12;
/// On average, in milliseconds.
const LOGIN_EVERY: u64 = 5_000;
const OFTEN: u64 = 1_000;
/// Milliseconds in which those write who do so right behind what they read.
const STAMPS_APART: i64 = 16;
const AUDIT_EVERY: u64 = 5_000;
/// By how much clocks are off.
const SKEWS: [&[i64]; 4] = [&[0], &[-300, 0, 400], &[-2_000, 2_000], &[-20_000, 0]];
const SKEWS_LESS: [&[i64]; 4] = [&[0], &[-300, 0, 400], &[-2_000, 2_000], &[-10_000, 0, 10_000]];
