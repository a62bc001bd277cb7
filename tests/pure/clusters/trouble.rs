//! What breaks, what an operator orders, and how it is mended.

use super::geodb::{Key, Value, Write};
use super::world::{BACKENDS_PER_SITE, Event, FAULTS_UNTIL, World, backend_id, pair};

/// What is broken, and mended later.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    Link(usize, usize),
    Split(usize, usize),
    Silence(usize),
    Status(usize),
    Backend(usize, usize),
}

impl World {
    pub(super) fn break_something(&mut self) {
        let site = self.random.index(self.sites.len());
        let other = (site + 1 + self.random.index(self.sites.len() - 1)) % self.sites.len();
        let trouble = match self.random.below(6) {
            0 => Trouble::Link(site, other),
            1 => {
                // A site that vanishes as a whole.
                self.cut.insert((other, site));
                Trouble::Link(site, other)
            }
            2 => Trouble::Split(site, other),
            3 => Trouble::Silence(site),
            4 => Trouble::Status(site),
            _ => Trouble::Backend(site, self.random.index(BACKENDS_PER_SITE)),
        };
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
                let word = self.random.pick(&["offline", "standby"]);
                self.order(site, Key::Site(self.sites[site]), word);
            }
            Trouble::Backend(site, number) => {
                let word = self.random.pick(&["offline", "standby"]);
                let key = Key::Backend(self.sites[site], backend_id(site, number));
                self.order(site, key, word);
            }
        }
        let lasts = self.random.pick(&[5_000, 40_000, 90_000, 300_000, 600_000]);
        self.at(self.now + lasts, Event::Mend(trouble));
        let next = self.now + 20_000 + self.random.below(200_000);
        if next < FAULTS_UNTIL {
            self.at(next, Event::Break);
        }
    }

    /// An operator's word, from any site.
    fn order(&mut self, site: usize, key: Key, word: &str) {
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        self.write(site, Write { key, columns: vec![("status", Value::Text(word.into()))], at });
    }

    pub(super) fn mend(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Link(from, to) => {
                self.cut.remove(&(from, to));
                self.cut.remove(&(to, from));
            }
            Trouble::Split(one, two) => {
                self.split.remove(&pair(one, two));
                let copy = self.replicas[one].clone();
                self.replicas[two].repair(&copy);
                let copy = self.replicas[two].clone();
                self.replicas[one].repair(&copy);
            }
            Trouble::Silence(site) => {
                self.silent.remove(&site);
            }
            Trouble::Status(site) => self.order(site, Key::Site(self.sites[site]), "online"),
            Trouble::Backend(site, number) => {
                let key = Key::Backend(self.sites[site], backend_id(site, number));
                self.order(site, key, "online");
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
        self.split.clear();
        self.silent.clear();
        for site in 0..self.sites.len() {
            self.mend(Trouble::Status(site));
            for number in 0..BACKENDS_PER_SITE {
                self.mend(Trouble::Backend(site, number));
            }
        }
        for one in 0..self.sites.len() {
            for two in 0..self.sites.len() {
                let copy = self.replicas[one].clone();
                self.replicas[two].repair(&copy);
            }
        }
    }
}
