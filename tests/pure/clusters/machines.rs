//! What there is besides rows: backends that die, hang and flap, ways from proxies to them that are cut, and the proxies'
//! own processes, which crash and freeze.

use std::collections::BTreeMap;
use std::time::Duration;

use hale::health::Finding;
use hale::limits::PROBE_TIMEOUT;
use hale::moving::left_behind::Sweep;
use hale::moving::pinned::Pinned;
use hale::moving::users::UserMoves;
use hale::moving::{Ending, Moves, Rules};
use hale::route::settings_rows::Departure;
use uuid::Uuid;

use super::judge::Judge;
use super::prober::Prober;
use super::random::Random;
use super::sessions::Sessions;
use super::world::{Event, backend_id};

/// See the module's documentation.
pub(super) struct Fleet {
    pub(super) machines: BTreeMap<Uuid, Machine>,
    /// Ways that are cut.
    cuts: BTreeMap<(usize, Uuid), Cut>,
    /// Ways that were cut, and when they were mended.
    mended: BTreeMap<(usize, Uuid), u64>,
    /// Proxies that reach no backend, and since when; those that did not, from when until when.
    pub(super) alone_since: BTreeMap<usize, u64>,
    pub(super) was_alone: BTreeMap<usize, (u64, u64)>,
    /// By site: since when its GeoDB has not answered; from when until when it did not.
    pub(super) silence_began: BTreeMap<usize, u64>,
    pub(super) last_silence: BTreeMap<usize, (u64, u64)>,
    /// By the number of the proxy.
    pub(super) hosts: Vec<Host>,
    pub(super) sessions: Sessions,
    pub(super) judge: Judge,
}

/// The host of a backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) condition: Condition,
    /// Since when.
    pub(super) since: u64,
    /// When it was last well; now, if it is.
    pub(super) well_until: u64,
}

/// How a backend answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    /// It takes more than a second.
    Slow,
    /// It refuses connections.
    Gone,
    /// It takes them, and says nothing.
    Silent,
    /// It speaks, and lets no user in for now.
    Unwell,
    /// One connection in three is refused.
    Flapping,
    /// It lets users in, and not the test user.
    Stranger,
}

impl Condition {
    /// Whether users get in, and the test user, without delay.
    pub(super) fn is_well(self) -> bool {
        self == Self::Well
    }

    /// Whether no login gets in.
    pub(super) fn is_dead(self) -> bool {
        matches!(self, Self::Gone | Self::Silent)
    }
}

/// How a way to a backend is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Refused,
    Lost,
}

/// For whom an old backend is asked.
#[derive(Clone, Debug)]
pub(super) enum About {
    Groups(Ending),
    User(Departure),
}

/// The process of one proxy.
pub(super) struct Host {
    pub(super) state: Process,
    /// It does not reach the GeoDB.
    pub(super) is_blind: bool,
    /// When it last came back from something.
    pub(super) well_since: u64,
    pub(super) started: u64,
    pub(super) prober: Prober,
    pub(super) moves: Moves,
    pub(super) users: UserMoves,
    pub(super) sweep: Sweep,
    pub(super) pinned: Pinned,
    /// A look at its moves is under way.
    pub(super) is_looking: bool,
}

pub(super) enum Process {
    Running,
    /// With what it does when it wakes up.
    Frozen(Vec<Event>),
    Down,
}

/// What becomes of an attempt, and after how many milliseconds.
pub(super) struct Outcome {
    pub(super) finding: Finding,
    pub(super) took: u64,
}

/// What is dialled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Probe,
    Login,
}

impl Fleet {
    pub(super) fn new(sites: usize, proxies: usize, backends: usize) -> Self {
        let ids = (0..sites).flat_map(|site| (0..backends).map(move |n| backend_id(site, n)));
        let machine = Machine { condition: Condition::Well, since: 0, well_until: 0 };
        Self {
            machines: ids.map(|id| (id, machine)).collect(),
            cuts: BTreeMap::new(),
            mended: BTreeMap::new(),
            alone_since: BTreeMap::new(),
            was_alone: BTreeMap::new(),
            silence_began: BTreeMap::new(),
            last_silence: BTreeMap::new(),
            hosts: (0..sites * proxies).map(|_| Host::new(0)).collect(),
            sessions: Sessions::default(),
            judge: Judge::default(),
        }
    }

    pub(super) fn set(&mut self, id: Uuid, condition: Condition, now: u64) {
        let former = self.machines[&id];
        let well_until = if former.condition.is_well() { now } else { former.well_until };
        self.machines.insert(id, Machine { condition, since: now, well_until });
    }

    pub(super) fn cut(&mut self, proxy: usize, id: Uuid, cut: Cut) {
        self.cuts.insert((proxy, id), cut);
    }

    pub(super) fn mend(&mut self, proxy: usize, id: Uuid, now: u64) {
        if self.cuts.remove(&(proxy, id)).is_some() {
            self.mended.insert((proxy, id), now);
            // It reaches one again.
            if let Some(since) = self.alone_since.remove(&proxy) {
                self.was_alone.insert(proxy, (since, now));
            }
        }
    }

    /// What a proxy meets that connects to a backend now.
    pub(super) fn dial(
        &self,
        random: &mut Random,
        (proxy, id): (usize, Uuid),
        purpose: Purpose,
    ) -> Outcome {
        let condition = match self.cuts.get(&(proxy, id)) {
            Some(Cut::Refused) => Condition::Gone,
            Some(Cut::Lost) => Condition::Silent,
            None => self.machines[&id].condition,
        };
        let quick = random.pick(&[2, 10, 60]);
        let (finding, took) = match condition {
            Condition::Well => (Finding::Well, quick),
            Condition::Slow => (Finding::Well, 1_200 + random.below(1_300)),
            Condition::Gone => (Finding::Gone, 1),
            Condition::Silent => (Finding::Silent, millis(PROBE_TIMEOUT)),
            Condition::Unwell => (Finding::Unwell, quick),
            Condition::Flapping if random.percent(33) => (Finding::Gone, 1),
            Condition::Flapping => (Finding::Well, quick),
            Condition::Stranger if purpose == Purpose::Probe => (Finding::TestUserRefused, quick),
            Condition::Stranger => (Finding::Well, quick),
        };
        Outcome { finding, took }
    }

    pub(super) fn is_cut(&self, proxy: usize, id: Uuid) -> bool {
        self.cuts.contains_key(&(proxy, id))
    }

    /// Whether a proxy has got answers from this backend since then, however long they took.
    pub(super) fn answers_since(&self, proxy: usize, id: Uuid, then: u64) -> bool {
        let machine = &self.machines[&id];
        let answers = matches!(machine.condition, Condition::Well | Condition::Slow);
        let mended = self.mended.get(&(proxy, id)).copied().unwrap_or_default();
        answers && !self.is_cut(proxy, id) && machine.since.max(mended) <= then
    }

    /// Since when this proxy has been able to reach this backend, without a break; none: it is not.
    pub(super) fn reached_since(&self, proxy: usize, id: Uuid) -> Option<u64> {
        let (host, machine) = (&self.hosts[proxy], &self.machines[&id]);
        let is_reached = host.is_running()
            && !self.cuts.contains_key(&(proxy, id))
            && machine.condition.is_well();
        let mended = self.mended.get(&(proxy, id)).copied().unwrap_or_default();
        is_reached.then(|| machine.since.max(mended).max(host.well_since))
    }
}

impl Host {
    pub(super) fn new(now: u64) -> Self {
        let rules = Rules { notice: MOVE_TIMEOUT, timeout: MOVE_TIMEOUT };
        Self {
            state: Process::Running,
            is_blind: false,
            well_since: now,
            started: now,
            prober: Prober::new(now),
            moves: Moves::new(rules).asking_backends(),
            users: UserMoves::new(rules),
            sweep: Sweep::new(MOVE_TIMEOUT),
            pinned: Pinned::default(),
            is_looking: false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, Process::Running)
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(self.state, Process::Down)
    }

    /// Whether it runs and is let alone, and has been since then.
    pub(super) fn is_well_since(&self, then: u64) -> bool {
        self.is_running() && !self.is_blind && self.well_since <= then
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// `cluster_user_move_timeout`; on Cassandra the other proxies are given all of it.
pub(super) const MOVE_TIMEOUT: Duration = Duration::from_secs(31);
