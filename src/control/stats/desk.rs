//! What pages are made with, and what is kept for them: figures of the last half hour, and who has most sessions.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use super::guard::{PageSettings, Tokens};
use crate::control::admin::Admin;
use crate::control::admin::process::Process;
use crate::control::cluster::CommandError;
use crate::control::current::Current;
use crate::health::State;
use crate::limits;
use crate::page::{Figures, History, HostFigures, Standing};
use crate::ring::clock;
use crate::route::rows::BackendStatus;
use crate::route::table::BackendEntry;
use crate::share::counters::Counter;
use crate::share::enquiry::{Act, Whom};
use crate::tick::Tick;

/// Everything that pages ask.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) admin: Rc<Admin>,
    pub(super) page: Current<PageSettings>,
    pub(super) tokens: Tokens,
    pub(super) history: RefCell<History>,
    busy: RefCell<Busy>,
    users: RefCell<Option<(Tick, Rc<Users>)>>,
    pace: Pace,
}

/// In which second pages were made last, and how many.
#[derive(Debug, Default)]
struct Pace(Cell<(u64, u32)>);

impl Pace {
    /// Takes a place in this second, and says whether there was one.
    fn take_place(&self, now: Tick) -> bool {
        let second = now.0 / 1000;
        let (last, made) = self.0.get();
        let made = if last == second { made.saturating_add(1) } else { 1 };
        self.0.set((second, made));
        made <= limits::PAGES_PER_SECOND_MAX
    }
}

/// Who has most sessions.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// User and how many; the most first.
    pub(super) top: Vec<(Box<str>, usize)>,
    /// Users who have any.
    pub(super) users: usize,
    /// Their sessions.
    pub(super) sessions: usize,
}

/// How busy cores are.
#[derive(Debug, Default)]
struct Busy {
    looked_at: Option<Tick>,
    /// Seconds of CPU until then.
    spent: HashMap<String, f64>,
    /// Since the look before, of a hundred.
    percent: HashMap<String, u32>,
}

impl Desk {
    pub(super) fn new(admin: Rc<Admin>, page: Current<PageSettings>) -> Self {
        Self {
            admin,
            page,
            tokens: Tokens::default(),
            history: RefCell::default(),
            busy: RefCell::default(),
            users: RefCell::default(),
            pace: Pace::default(),
        }
    }

    /// Takes a place for one more page, and says whether there was one.
    pub(super) fn take_place(&self) -> bool {
        self.pace.take_place(clock::now())
    }

    /// How busy a core was lately, of a hundred.
    pub(super) fn busy(&self, core: &str) -> Option<u32> {
        self.busy.borrow().percent.get(core).copied()
    }

    /// Who has most sessions, as of a moment ago.
    ///
    /// # Errors
    /// A data core does not answer.
    pub(super) async fn users(&self) -> Result<Rc<Users>, CommandError> {
        let now = clock::now();
        if let Some((at, users)) = &*self.users.borrow()
            && now.since(*at) < limits::PAGE_USERS_FRESH_FOR
        {
            return Ok(Rc::clone(users));
        }
        // Others who ask meanwhile are told what was known before, rather than ask for the same.
        let known = self.users.borrow().as_ref().map(|(_, users)| Rc::clone(users));
        if let Some(known) = known {
            *self.users.borrow_mut() = Some((now, known));
        }
        let users = Rc::new(self.count_users().await?);
        *self.users.borrow_mut() = Some((now, Rc::clone(&users)));
        Ok(users)
    }

    async fn count_users(&self) -> Result<Users, CommandError> {
        let mut counts: HashMap<Box<str>, usize> = HashMap::new();
        let mut asking = self.admin.ask(Act::List, Whom::default());
        while let Some(piece) = asking.piece().await? {
            for user in piece.rows.into_iter().filter_map(|row| row.user) {
                *counts.entry(user).or_default() += 1;
            }
        }
        let (users, sessions) = (counts.len(), counts.values().sum());
        let mut top: Vec<(Box<str>, usize)> = counts.into_iter().collect();
        top.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        top.truncate(limits::PAGE_USERS_MAX);
        Ok(Users { top, users, sessions })
    }

    /// How a backend stands.
    pub(super) fn standing(&self, entry: &BackendEntry, states: &States) -> Standing {
        match (&entry.status, states.get(&entry.host.name)) {
            (BackendStatus::Online, None | Some(State::Up)) => Standing::Online,
            (BackendStatus::Online, Some(State::Suspect)) => Standing::Suspect,
            (BackendStatus::Online, Some(State::Down)) => Standing::Down,
            (BackendStatus::Standby, _) => Standing::Standby,
            (BackendStatus::Offline | BackendStatus::Unknown(_), _) => Standing::Offline,
        }
    }

    /// The worst that this proxy has found of each backend.
    pub(super) fn states(&self) -> States {
        let mut states = States::new();
        for probe in self.admin.board.probes() {
            let state = states.entry(probe.host).or_insert(probe.state);
            *state = (*state).max(probe.state);
        }
        states
    }

    async fn look(&self) {
        let exchange = &self.admin.exchange;
        // Cores that are behind are seen by themselves on the page; the picture has what was known.
        let sessions = match self.admin.tallies().await {
            Ok(tallies) => {
                let sessions = tallies.iter().flat_map(|tally| tally.after_login).sum::<u64>();
                u32::try_from(sessions).unwrap_or(u32::MAX)
            }
            Err(_) => self.history.borrow().last().map_or(0, |figures| figures.sessions),
        };
        let figures = Figures {
            sessions,
            logins: exchange.total(Counter::LoginSucceeded),
            failures: exchange.total(Counter::LoginFailed),
        };
        let (table, uses, states) = (exchange.table.load(), self.admin.uses(), self.states());
        let hosts = table.backends().iter().take(limits::STATS_BACKENDS_MAX).map(|entry| {
            let of = uses.get(&entry.host.name).copied().unwrap_or_default();
            let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            let (connections, logins) = (small(of.connections), small(of.logins));
            let standing = self.standing(entry, &states);
            (Arc::clone(&entry.host.name), HostFigures { connections, logins, standing })
        });
        self.history.borrow_mut().look(figures, hosts);
        self.busy.borrow_mut().look(&Process::now(), clock::now());
    }
}

/// What counts of each backend.
pub(super) type States = HashMap<Arc<str>, State>;

impl Busy {
    fn look(&mut self, process: &Process, now: Tick) {
        let elapsed = self.looked_at.replace(now).map(|before| now.since(before).as_secs_f64());
        self.percent.clear();
        for (core, spent) in &process.cores {
            let before = self.spent.insert(core.clone(), *spent);
            if let (Some(before), Some(elapsed)) = (before, elapsed.filter(|it| *it > 0.0)) {
                self.percent.insert(core.clone(), percent((spent - before) / elapsed));
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 100"
)]
fn percent(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

/// Takes figures for the pages, for ever.
pub(super) async fn keep_history(desk: Rc<Desk>) {
    let mut look = interval(limits::HISTORY_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        desk.look().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_pages_at_once_are_not_made() {
        let pace = Pace::default();
        let made = |now| (0..10_000).filter(|_| pace.take_place(Tick(now))).count();
        assert_eq!([5_000, 5_999, 6_000].map(made), [40, 0, 40]);
    }

    #[test]
    fn a_core_is_as_busy_as_it_was_between_two_looks() {
        let process =
            |spent| Process { cores: vec![("data-0".to_owned(), spent)], ..Process::default() };
        let mut busy = Busy::default();
        busy.look(&process(10.0), Tick(1_000));
        assert_eq!(busy.percent.get("data-0"), None, "there was no look before");
        busy.look(&process(11.5), Tick(11_000));
        assert_eq!(busy.percent.get("data-0"), Some(&15));
        busy.look(&process(99.0), Tick(12_000));
        assert_eq!(busy.percent.get("data-0"), Some(&100));
    }
}
