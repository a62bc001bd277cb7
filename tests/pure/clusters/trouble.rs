//! What breaks, what an operator orders, and how it is mended.

use uuid::Uuid;

use hale::route::decide::{Decision, Hop, Writes};
use hale::route::settings_rows::{DEST, ForceMove, ID, PERCENTAGE};

use super::geodb::{Key, Value, Write};
use super::proxy::{Proxy, Reads};
use super::world::{Event, USERS, World, backend_id, pair, user_name};

/// What is broken or ordered, and mended or taken back later.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    Link(usize, usize),
    Split(usize, usize),
    Silence(usize),
    /// A site is closed, or being evacuated.
    Status(usize),
    Backend(usize, usize),
    /// Of a site.
    ForceMove(usize, Uuid),
    /// Begun, and over without more being done: a restart, a move.
    Passing,
}

/// What an operator has ordered when all is well, and does not take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    Nothing,
    /// Of a site, or of a backend of that site; which is nil if it is the site.
    ForceMove(usize, Uuid, ForceMove),
    Evacuation(usize),
}

impl World {
    pub(super) fn break_something(&mut self) {
        let site = self.random.index(self.sites.len());
        let other = (site + 1 + self.random.index(self.sites.len() - 1)) % self.sites.len();
        let trouble = match self.random.below(12) {
            0 => Trouble::Link(site, other),
            1 => {
                // A site that vanishes as a whole.
                self.cut.insert((other, site));
                Trouble::Link(site, other)
            }
            2 => Trouble::Split(site, other),
            3 => Trouble::Silence(site),
            4 | 5 => Trouble::Status(site),
            6 => Trouble::Backend(site, self.random.index(self.play.backends)),
            7 => Trouble::ForceMove(site, Uuid::nil()),
            8 => Trouble::ForceMove(site, backend_id(site, self.random.index(self.play.backends))),
            _ => Trouble::Passing,
        };
        self.begin(trouble);
        let lasts = self.random.pick(&[5_000, 40_000, 90_000, 300_000, 600_000]);
        self.at(self.now + lasts, Event::Mend(trouble));
        let next = self.now + 10_000 + self.random.below(100_000);
        if next < self.play.faults_until {
            self.at(next, Event::Break);
        }
    }

    fn begin(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Link(from, to) => {
                self.cut.insert((from, to));
            }
            Trouble::Split(one, two) => {
                self.split.insert(pair(one, two));
            }
            Trouble::Silence(site) => {
                self.silent.insert(site);
            }
            Trouble::Status(site) => {
                let word = self.random.pick(&["offline", "standby", "evacuate", "evacuate"]);
                self.order_site(site, word);
            }
            Trouble::Backend(site, number) => {
                let word = self.random.pick(&["offline", "standby"]);
                self.order_backend(site, number, word);
            }
            Trouble::ForceMove(site, backend) => {
                let percentage = self.random.pick(&[1, 30, 70, 100]);
                self.force_move(site, backend, percentage);
            }
            Trouble::Passing => {
                let site = self.random.index(self.sites.len());
                match self.random.below(3) {
                    0 => {
                        let proxy = self.random.index(self.proxies.len());
                        self.restart(proxy);
                    }
                    1 => self.start_group_move(site),
                    _ => self.start_user_move(site),
                }
            }
        }
    }

    /// Its time is over, unless all was mended before.
    pub(super) fn end(&mut self, trouble: Trouble) {
        if self.is_faulty() {
            self.mend(trouble);
        }
    }

    fn mend(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Link(from, to) => {
                self.cut.remove(&(from, to));
                self.cut.remove(&(to, from));
            }
            Trouble::Split(one, two) => {
                self.split.remove(&pair(one, two));
                self.repair(one, two);
            }
            Trouble::Silence(site) => {
                self.silent.remove(&site);
            }
            Trouble::Status(site) => self.order_site(site, "online"),
            Trouble::Backend(site, number) => self.order_backend(site, number, "online"),
            Trouble::ForceMove(site, backend) => self.stop_force_move(site, backend),
            Trouble::Passing => {}
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
        self.split.clear();
        self.silent.clear();
        for site in 0..self.sites.len() {
            self.mend(Trouble::Status(site));
            for number in 0..self.play.backends {
                self.mend(Trouble::Backend(site, number));
            }
        }
        for one in 0..self.sites.len() {
            for two in 0..one {
                self.repair(one, two);
            }
        }
    }

    /// A while after that: an order that is to be carried out to its end.
    pub(super) fn leave_something(&mut self) {
        let site = self.random.index(self.sites.len());
        let backend = backend_id(site, self.random.index(self.play.backends));
        let percentage = self.random.pick(&[30, 70, 100]);
        self.lasting = match self.random.below(4) {
            0 => Lasting::Nothing,
            1 => {
                self.order_site(site, "evacuate");
                Lasting::Evacuation(site)
            }
            2 => {
                let force_move = self.force_move(site, Uuid::nil(), percentage);
                Lasting::ForceMove(site, Uuid::nil(), force_move)
            }
            _ => {
                let force_move = self.force_move(site, backend, percentage);
                Lasting::ForceMove(site, backend, force_move)
            }
        };
        self.record.is_lasting = self.lasting != Lasting::Nothing;
    }

    // === Orders, from any site ===

    /// A new status ends what was active there.
    fn order_site(&mut self, site: usize, word: &str) {
        self.stop_force_move(site, Uuid::nil());
        self.order(site, Key::Site(self.sites[site]), "status", Value::Text(word.into()));
    }

    fn order_backend(&mut self, site: usize, number: usize, word: &str) {
        let id = backend_id(site, number);
        self.stop_force_move(site, id);
        let key = Key::Backend(self.sites[site], id);
        self.order(site, key, "status", Value::Text(word.into()));
    }

    /// To one or all of the others.
    pub(super) fn force_move(&mut self, site: usize, backend: Uuid, percentage: u8) -> ForceMove {
        let others: Vec<Uuid> = if backend.is_nil() {
            let all = self.sites.iter().copied();
            all.filter(|id| *id != self.sites[site]).collect()
        } else {
            let all = (0..self.play.backends).map(|number| backend_id(site, number));
            all.filter(|id| *id != backend).collect()
        };
        let one = self.random.pick(&others);
        let destinations = if self.random.percent(50) { vec![one] } else { others };
        // Each is of another sample.
        let id = format!("order{}", self.random.below(1 << 40)).into();
        let force_move = ForceMove { id, percentage, destinations: destinations.into() };
        // The percentage comes last: without it the others mean nothing.
        let mut rows = force_move.to_rows();
        rows.sort_by_key(|(name, _)| *name == PERCENTAGE);
        for (name, value) in rows {
            let key = Key::ForceMove(self.sites[site], backend, name);
            self.order(site, key, "value", Value::Text(value.into()));
        }
        force_move
    }

    pub(super) fn stop_force_move(&mut self, site: usize, backend: Uuid) {
        for name in [PERCENTAGE, ID, DEST] {
            let key = Key::ForceMove(self.sites[site], backend, name);
            if self.replicas[site].stamp(&key) > i64::MIN {
                self.order(site, key, "value", Value::Gone);
            }
        }
    }

    fn order(&mut self, site: usize, key: Key, column: &'static str, value: Value) {
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        self.write(site, Write { key, columns: vec![(column, value)], at });
    }

    // === Restarts ===

    /// A proxy ends and is started again. What it knows from its LocalDB leads where it led before.
    fn restart(&mut self, number: usize) {
        let has_local_db = self.random.percent(50);
        self.record.tally.restarts += 1;
        let now = self.now;
        let proxy = &mut self.proxies[number];
        proxy.rebuild(now);
        // What was seen of other sites is seen anew, and the rows count meanwhile.
        let had_opinions = self.sites.iter().any(|site| proxy.opinion(*site).is_some());
        let before = decisions(proxy, now);
        proxy.restart(has_local_db, now);
        if has_local_db && !had_opinions {
            let after = decisions(proxy, now);
            self.record.check_restart(now, &before, &after);
        }
        // It reads the GeoDB before it greets, if that answers.
        self.refresh(number, Reads::All);
    }
}

/// What a proxy would do with each user whom it knows.
pub(super) type Decisions = Vec<(Box<str>, Option<Hop>, Changes)>;

/// What it would write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changes {
    /// A user's or group's site, before the login goes on.
    pub(super) moves: bool,
    pub(super) brings_home: bool,
}

fn decisions(proxy: &Proxy, now: u64) -> Decisions {
    let of = |number| {
        let user = user_name(number);
        let row = proxy.known(&user, false, now)?.0;
        let to = match proxy.decide_by(row, Writes::Withheld) {
            Decision::Go { destination, .. } => Some(destination.hop),
            _ => None,
        };
        let decision = proxy.decide_by(row, Writes::Allowed);
        let moves = matches!(decision, Decision::FailOver(_) | Decision::MoveUser(_));
        let brings_home = matches!(decision, Decision::Go { homecoming: Some(_), .. });
        Some((user, to, Changes { moves, brings_home }))
    };
    (0..USERS).filter_map(of).collect()
}
