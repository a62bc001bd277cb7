//! What breaks around proxies and backends, what operators order meanwhile, and how it is mended.

use hale::route::rows::BackendStatus;
use uuid::Uuid;

use super::machines::{Condition, Cut, Host, Process};
use super::proxy::Reads;
use super::world::{Event, Task, USERS, World, backend_id, pair, user_name};

/// What is broken or ordered, and mended or taken back later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hardship {
    /// A backend dies, hangs, flaps.
    Machine(Uuid),
    /// Two die at the same moment.
    Rack(Uuid, Uuid),
    /// One dies, and when it is back, and still out, two others at the same moment or soon one after the other.
    Shelf(usize, Uuid),
    /// One dies again and again, until it is kept out for minutes; then all others do.
    Worn(usize, Uuid),
    /// All of a site die but one.
    Dark(usize, Uuid),
    /// A proxy does not reach a backend.
    Way(usize, Uuid),
    /// A proxy reaches none of its site's.
    Isolation(usize),
    /// A proxy does not reach the GeoDB; a site's proxies do not; two sites' GeoDBs do not replicate.
    Blindness(usize),
    Silence(usize),
    Split(usize, usize),
    /// A proxy is stopped and goes on; it ends and is started again.
    Freeze(usize),
    Crash(usize),
    /// An operator takes a backend out; or has its groups leave it.
    Status(usize, Uuid),
    Evacuation(usize, Uuid),
    /// An operator has one used again that programs have taken out.
    Trust(usize, Uuid),
    /// A site's GeoDB does not answer for longer than proxies' words are good for; before it is back, a proxy does not reach a
    /// backend any more.
    Deafness(usize, usize, Uuid),
    /// Begun, and over without more being done.
    Passing,
}

impl World {
    pub(super) fn suffer(&mut self) {
        let hardship = self.draw_hardship();
        self.undergo(hardship);
        let lasts: &[u64] = match hardship {
            // As long as dwells are.
            Hardship::Dark(..) => &[60_000, 120_000],
            _ => &[300, 3_000, 8_000, 20_000, 45_000, 90_000, 180_000],
        };
        let lasts = self.random.pick(lasts);
        self.at(self.now + lasts, Event::Relieve(hardship));
        let next = self.now + 1_000 + self.random.below(18_000);
        if next < self.play.faults_until {
            self.at(next, Event::Suffer);
        }
    }

    fn draw_hardship(&mut self) -> Hardship {
        let site = self.random.index(self.sites.len());
        let backend = backend_id(site, self.random.index(self.play.backends));
        let proxy = site * self.play.proxies + self.random.index(self.play.proxies);
        let other = backend_id(site, self.random.index(self.play.backends));
        let often_out = self.often_out(site).unwrap_or(backend);
        match self.random.below(30) {
            0..=3 => Hardship::Machine(backend),
            4 | 5 => Hardship::Way(proxy, backend),
            6 => Hardship::Isolation(proxy),
            7 => Hardship::Blindness(proxy),
            8 => Hardship::Silence(site),
            9 if self.sites.len() > 1 => Hardship::Split(0, 1),
            10 => Hardship::Freeze(proxy),
            11 => Hardship::Crash(proxy),
            12 | 13 => Hardship::Status(site, backend),
            14 => Hardship::Evacuation(site, backend),
            15 => Hardship::Rack(backend, other),
            16 => Hardship::Dark(site, often_out),
            17 => Hardship::Shelf(site, backend),
            18 => Hardship::Worn(site, backend),
            19 | 20 => Hardship::Trust(site, often_out),
            21 => Hardship::Deafness(site, proxy, backend),
            _ => Hardship::Passing,
        }
    }

    pub(super) fn undergo(&mut self, hardship: Hardship) {
        match hardship {
            Hardship::Machine(id) => {
                let all = [
                    Condition::Gone,
                    Condition::Gone,
                    Condition::Silent,
                    Condition::Slow,
                    Condition::Unwell,
                    Condition::Flapping,
                    Condition::Stranger,
                ];
                let condition = self.random.pick(&all);
                if condition == Condition::Gone {
                    self.kill([id]);
                } else {
                    self.fleet.set(id, condition, self.now);
                }
            }
            Hardship::Rack(one, two) => self.kill([one, two]),
            Hardship::Shelf(site, id) => self.shelve(site, id),
            Hardship::Worn(site, id) => self.wear(site, id),
            Hardship::Dark(site, but) => {
                let all = (0..self.play.backends).map(|number| backend_id(site, number));
                self.kill(all.filter(|id| *id != but));
            }
            Hardship::Way(proxy, id) => {
                let cut = self.random.pick(&[Cut::Refused, Cut::Lost]);
                self.fleet.cut(proxy, id, cut);
            }
            Hardship::Isolation(proxy) => {
                let cut = self.random.pick(&[Cut::Refused, Cut::Lost]);
                for id in self.backends_of(proxy) {
                    self.fleet.cut(proxy, id, cut);
                }
                self.fleet.alone_since.entry(proxy).or_insert(self.now);
            }
            Hardship::Blindness(proxy) => self.fleet.hosts[proxy].is_blind = true,
            Hardship::Silence(site) => {
                if self.silent.insert(site) {
                    self.fleet.silence_began.insert(site, self.now);
                }
            }
            Hardship::Split(one, two) => {
                self.split.insert(pair(one, two));
            }
            Hardship::Freeze(proxy) => {
                let host = &mut self.fleet.hosts[proxy];
                if host.is_running() {
                    host.state = Process::Frozen(Vec::new());
                    self.record.tally.freezes += 1;
                }
            }
            Hardship::Crash(proxy) => self.crash(proxy),
            Hardship::Status(site, id) => {
                let word = self.random.pick(&["offline", "standby", "online"]);
                self.order_status(site, id, word);
            }
            Hardship::Evacuation(site, id) => self.evacuate(site, id),
            Hardship::Trust(site, id) => self.order_status(site, id, "online"),
            Hardship::Deafness(site, proxy, id) => {
                self.suffer_later(Hardship::Silence(site), 0, 75_000);
                self.suffer_later(Hardship::Way(proxy, id), 55_000, 60_000);
            }
            Hardship::Passing => self.order_something(),
        }
    }

    fn order_something(&mut self) {
        let site = self.random.index(self.sites.len());
        match self.random.below(14) {
            0..=3 => self.order_move(site),
            4 => {
                self.abort_moves(site);
                self.abort_user_moves(site);
            }
            5..=7 => self.order_user_move(site),
            8 | 9 => self.order_pin(site),
            10 | 11 => {
                let proxy = self.random.index(self.proxies.len());
                let user = user_name(self.random.index(USERS));
                self.kick(proxy, &user);
            }
            _ => {
                let backend = backend_id(site, self.random.index(self.play.backends));
                let percentage = self.random.pick(&[30, 100]);
                self.force_move(site, backend, percentage);
                self.at(self.now + 60_000, Event::EndForceMove(site, backend));
            }
        }
    }

    /// Its time is over, unless all was mended before.
    pub(super) fn relieve_in_time(&mut self, hardship: Hardship) {
        if self.is_faulty() {
            self.relieve(hardship);
        }
    }

    fn relieve(&mut self, hardship: Hardship) {
        match hardship {
            Hardship::Machine(id) => {
                if self.fleet.machines[&id].condition != Condition::Well {
                    self.fleet.set(id, Condition::Well, self.now);
                }
            }
            Hardship::Rack(one, two) => {
                self.relieve(Hardship::Machine(one));
                self.relieve(Hardship::Machine(two));
            }
            Hardship::Dark(site, _) => {
                for number in 0..self.play.backends {
                    self.relieve(Hardship::Machine(backend_id(site, number)));
                }
            }
            Hardship::Way(proxy, id) => self.fleet.mend(proxy, id, self.now),
            Hardship::Isolation(proxy) => {
                for id in self.backends_of(proxy) {
                    self.fleet.mend(proxy, id, self.now);
                }
            }
            Hardship::Blindness(proxy) => {
                let (now, host) = (self.now, &mut self.fleet.hosts[proxy]);
                if std::mem::take(&mut host.is_blind) {
                    host.well_since = now;
                }
            }
            Hardship::Silence(site) => {
                if self.silent.remove(&site) {
                    let began = self.fleet.silence_began.remove(&site).unwrap_or(self.now);
                    self.fleet.last_silence.insert(site, (began, self.now));
                    let hosts = self.fleet.hosts.iter_mut().zip(&self.proxies);
                    let of_site = hosts.filter(|(_, proxy)| proxy.site == site);
                    of_site.for_each(|(host, _)| host.well_since = self.now);
                }
            }
            Hardship::Split(one, two) => {
                self.split.remove(&pair(one, two));
                self.repair(one, two);
            }
            Hardship::Freeze(proxy) => self.thaw(proxy),
            Hardship::Crash(proxy) => self.start_again(proxy),
            Hardship::Status(site, id) => self.order_status(site, id, "online"),
            Hardship::Evacuation(site, id) => self.order_load(site, id, 100),
            // Over at once, or what comes of it is.
            Hardship::Trust(..)
            | Hardship::Deafness(..)
            | Hardship::Shelf(..)
            | Hardship::Worn(..)
            | Hardship::Passing => {}
        }
    }

    /// All is mended; what programs took out is theirs to bring back.
    pub(super) fn relieve_all(&mut self) {
        for proxy in 0..self.proxies.len() {
            self.relieve(Hardship::Isolation(proxy));
            self.relieve(Hardship::Blindness(proxy));
            self.relieve(Hardship::Freeze(proxy));
            self.relieve(Hardship::Crash(proxy));
        }
        for two in 1..self.sites.len() {
            self.relieve(Hardship::Split(0, two));
        }
        for site in 0..self.sites.len() {
            self.relieve(Hardship::Silence(site));
            self.unpin_all(site);
            self.tell_movers(site);
            for number in 0..self.play.backends {
                let id = backend_id(site, number);
                self.relieve(Hardship::Machine(id));
                self.stop_force_move(site, id);
                self.relieve(Hardship::Evacuation(site, id));
                let row = self.replicas[site].backend(self.sites[site], id);
                if row.status_reason.as_deref() == Some("admin") {
                    self.order_status(site, id, "online");
                }
            }
        }
    }

    /// Something that happens then, and for so long.
    fn suffer_later(&mut self, hardship: Hardship, after: u64, lasts: u64) {
        let at = self.now + after;
        if at < self.play.faults_until {
            self.at(at, Event::Undergo(hardship));
            self.at(at + lasts, Event::Relieve(hardship));
        }
    }

    fn shelve(&mut self, site: usize, id: Uuid) {
        let all = (0..self.play.backends).map(|number| backend_id(site, number));
        let others: Vec<Uuid> = all.filter(|other| *other != id).collect();
        self.suffer_later(Hardship::Rack(id, id), 0, 9_000);
        if let [.., one, two] = *others {
            let apart = self.random.pick(&[0, 0, 4_000]);
            self.suffer_later(Hardship::Rack(one, one), 15_000, 12_000);
            self.suffer_later(Hardship::Rack(two, two), 15_000 + apart, 12_000);
        }
    }

    /// Each time when its dwell is over.
    fn wear(&mut self, site: usize, id: Uuid) {
        for after in [0, 50_000, 125_000] {
            self.suffer_later(Hardship::Rack(id, id), after, 9_000);
        }
        self.suffer_later(Hardship::Dark(site, id), 132_000, 120_000);
    }

    fn kill(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            self.fleet.set(id, Condition::Gone, self.now);
            self.end_sessions(|it| it.backend == id);
        }
    }

    /// The backend of a site that programs have taken out most often, of those that are out.
    fn often_out(&self, site: usize) -> Option<Uuid> {
        let rows = self.replicas[site].backends(self.sites[site]);
        let out = rows.iter().filter(|row| row.status == BackendStatus::Offline);
        let outs = out.map(|row| (self.fleet.judge.outs(row.id), row.id));
        outs.max().filter(|(outs, _)| *outs > 0).map(|(_, id)| id)
    }

    fn backends_of(&self, proxy: usize) -> Vec<Uuid> {
        let site = self.proxies[proxy].site;
        (0..self.play.backends).map(|number| backend_id(site, number)).collect()
    }

    // === Processes ===

    /// Whatever it was about to do, it does now.
    fn thaw(&mut self, proxy: usize) {
        let (now, host) = (self.now, &mut self.fleet.hosts[proxy]);
        if let Process::Frozen(asleep) = &mut host.state {
            let asleep = std::mem::take(asleep);
            host.state = Process::Running;
            host.well_since = now;
            for event in asleep {
                self.at(now, event);
            }
        }
    }

    fn crash(&mut self, proxy: usize) {
        if !self.fleet.hosts[proxy].is_running() {
            return;
        }
        self.record.tally.restarts += 1;
        let has_local_db = self.random.percent(50);
        self.proxies[proxy].restart(has_local_db, self.now);
        self.end_sessions(|it| it.proxy == proxy);
        let is_blind = self.fleet.hosts[proxy].is_blind;
        self.fleet.hosts[proxy] = Host { state: Process::Down, is_blind, ..Host::new(self.now) };
    }

    fn start_again(&mut self, proxy: usize) {
        if self.fleet.hosts[proxy].is_down() {
            let host = &mut self.fleet.hosts[proxy];
            (host.state, host.well_since, host.started) = (Process::Running, self.now, self.now);
            self.start_tasks(proxy);
            // It reads the GeoDB before it greets, if that answers.
            self.refresh(proxy, Reads::All);
        }
    }

    /// What a proxy does all the time.
    pub(super) fn start_tasks(&mut self, proxy: usize) {
        let (look, figures) = (self.random.below(1_000), self.random.below(1_000));
        self.task_at(self.now + look, proxy, Task::Look);
        self.task_at(self.now + figures, proxy, Task::Figures);
    }

    /// Keeps what a frozen proxy would do until it wakes up, and forgets what one that is down would.
    pub(super) fn put_to_sleep(&mut self, event: Event) -> Option<Event> {
        let Some(proxy) = proxy_of(&event) else { return Some(event) };
        match &mut self.fleet.hosts[proxy].state {
            Process::Running => Some(event),
            Process::Frozen(asleep) => {
                asleep.push(event);
                None
            }
            Process::Down => match event {
                // Those go on for ever.
                Event::Refresh(..) | Event::Probe(_) => {
                    self.at(self.now + 5_000, event);
                    None
                }
                _ => None,
            },
        }
    }
}

/// The proxy that does something.
fn proxy_of(event: &Event) -> Option<usize> {
    match event {
        Event::Refresh(proxy, _)
        | Event::Probe(proxy)
        | Event::Visit(proxy, _)
        | Event::Do(proxy, ..) => Some(*proxy),
        Event::Call(login) | Event::Again(login) => Some(login.proxy),
        Event::Arrive
        | Event::Deliver(..)
        | Event::Break
        | Event::Mend(_)
        | Event::MoveNext(_)
        | Event::Complete(..)
        | Event::Heal
        | Event::Leave
        | Event::Leaves(_)
        | Event::Suffer
        | Event::Undergo(_)
        | Event::Relieve(_)
        | Event::EndForceMove(..)
        | Event::TakeBack(..)
        | Event::TakeBackUser(..)
        | Event::Audit => None,
    }
}
