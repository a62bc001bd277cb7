//! The other threads: a control core that answers, late or not at all, and publishes tables; a pool that hashes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hale::auth::passdb::{Driver, Passdb, Passdbs};
use hale::auth::passwd_file::PasswdFile;
use hale::event::Event;
use hale::names::CoreId;
use hale::route::rows::{Backend, BackendStatus, Rows, Site, SiteStatus, User, UserGroup};
use hale::route::table::{RouteSettings, Table};
use hale::share::exchange::Exchange;
use hale::share::messages::{Answer, Doubt, HashTask, ToControl, ToCore};
use hale::tick::Tick;
use uuid::Uuid;

use super::account::{id_of, password};
use super::random::Random;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) exchange: Exchange,
    random: Random,
    faults: u64,
    /// Work under way and when it is done.
    pending: Vec<(u64, Task)>,
    /// When the drain order goes out, and how long the core is given.
    pub(super) drain: Option<(u64, Duration)>,
    pub(super) drained: bool,
    next_table: u64,
    pub(super) events: Vec<Event>,
    /// Passwords that the pool was asked to compare.
    pub(super) hashed: u32,
}

#[derive(Debug)]
enum Task {
    Ask(ToControl),
    Hash(hale::share::messages::HashJob),
}

impl Control {
    pub(super) fn new(users: usize, mut random: Random, faults: u64) -> Self {
        let exchange = Exchange::new(1).unwrap();
        exchange.passdbs.publish(passdbs(users));
        exchange.table.publish(table(&[const { BackendStatus::Online }; BACKENDS]));
        let next_table = if faults > 0 { 1_000 + random.below(20_000) } else { u64::MAX };
        Self {
            exchange,
            random,
            faults,
            pending: Vec::new(),
            drain: None,
            drained: false,
            next_table,
            events: Vec::new(),
            hashed: 0,
        }
    }

    pub(super) fn has_mail(&self) -> bool {
        !self.exchange.to_cores[0].is_empty()
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        let tasks = self.pending.iter().map(|(due, _)| *due);
        let drain = self.drain.map(|(due, _)| due).filter(|_| !self.drained);
        tasks.chain(drain).min()
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        let asked = !self.exchange.to_control.is_empty() || !self.exchange.hashing.is_empty();
        asked || !self.exchange.log.is_empty() || self.next_due().is_some_and(|due| due <= now)
    }

    pub(super) fn act(&mut self, now: u64) {
        while let Some(event) = self.exchange.log.take() {
            self.events.push(event);
        }
        while let Some(question) = self.exchange.to_control.take() {
            self.put_off(now, Task::Ask(question));
        }
        while !self.exchange.hashing.is_empty() {
            let Some(job) = self.exchange.hashing.next() else { break };
            self.hashed += 1;
            self.put_off(now, Task::Hash(job));
        }
        if now >= self.next_table {
            self.swap_table();
            self.next_table = now + self.random.between(1, 30_000);
        }
        let (due, later) =
            std::mem::take(&mut self.pending).into_iter().partition(|(due, _)| *due <= now);
        self.pending = later;
        let due: Vec<(u64, Task)> = due;
        for (_, task) in due {
            self.do_task(task, now);
        }
        if let Some((at, within)) = self.drain
            && now >= at
            && !self.drained
        {
            self.drained = true;
            self.exchange.to_cores[0].send(ToCore::Drain(within)).unwrap();
        }
    }

    fn put_off(&mut self, now: u64, task: Task) {
        let mut delay = self.random.pick(&[0, 0, 1, 20, 300]);
        if self.random.percent(self.faults) {
            // Later than the core waits (30 s for passwords, 2 s for routes), or never.
            delay = self.random.pick(&[1_900, 2_500, 29_900, 31_000, 40_000, 90_000_000]);
        }
        self.pending.push((now + delay, task));
    }

    fn do_task(&mut self, task: Task, now: u64) {
        let (ticket, answer) = match task {
            Task::Hash(job) => (
                Some(job.ticket),
                match job.task {
                    HashTask::Compare(job) => Answer::Verified(job.run()),
                    HashTask::Derive(derivation) => Answer::Derived(derivation.run()),
                },
            ),
            Task::Ask(
                ToControl::Change(_)
                | ToControl::Homecoming(_)
                | ToControl::ReadAgain { doubt: Doubt::NotServed | Doubt::SentOn(_), .. },
            ) => {
                return;
            }
            Task::Ask(ToControl::ReadAgain {
                user,
                doubt: Doubt::Contradicted(ticket) | Doubt::HomeAway(ticket),
                ..
            }) => {
                self.exchange.users.remember(row(&user), Tick(now));
                (Some(ticket), Answer::LookedUp)
            }
            Task::Ask(ToControl::Resolve { ticket, .. }) => {
                (Some(ticket), Answer::Resolved(address(0)))
            }
            Task::Ask(ToControl::LookUp { ticket, user, .. }) => {
                let answer = if self.random.percent(self.faults / 4) {
                    Answer::Withheld { trouble: Some("no GeoDB today".into()) }
                } else {
                    self.exchange.users.remember(row(&user), Tick(now));
                    Answer::LookedUp
                };
                (ticket, answer)
            }
        };
        if let Some(ticket) = ticket {
            assert_eq!(ticket.core, CoreId(0));
            self.exchange.to_cores[0].send(ToCore::Answer { ticket, answer }).unwrap();
        }
    }

    /// An operator changes the cluster, in the middle of logins.
    fn swap_table(&mut self) {
        let all = [BackendStatus::Online, BackendStatus::Standby, BackendStatus::Offline];
        let statuses = std::array::from_fn(|_| {
            let choice = usize::try_from(self.random.below(6)).unwrap();
            all.get(choice).cloned().unwrap_or(BackendStatus::Online)
        });
        self.exchange.table.publish(table(&statuses));
        if self.random.percent(30) {
            self.exchange.users.doubt_all();
        }
    }
}

/// A third of the passwords is costly and goes to the pool: one round, because it is the way there that counts.
fn passdbs(users: usize) -> Passdbs {
    let line = |id: usize| {
        let password = password(id);
        if id.is_multiple_of(3) {
            let digest =
                pbkdf2::pbkdf2_hmac_array::<sha1::Sha1, 20>(password.as_bytes(), b"salt", 1);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("u{id}:{{PBKDF2}}$1$salt$1${digest}\n")
        } else {
            format!("u{id}:{{PLAIN}}{password}\n")
        }
    };
    let text: String = (0..users).map(line).collect();
    let (file, report) = PasswdFile::parse(text.into_bytes()).unwrap();
    assert_eq!(report.bad_lines, 0);
    let list = vec![Passdb::new("file", Driver::PasswdFile(Arc::new(file)))];
    Passdbs { list, ..Passdbs::default() }
}

fn address(number: usize) -> IpAddr {
    [10, 0, 0, 1 + u8::try_from(number).unwrap()].into()
}

fn row(user: &str) -> User {
    let group = id_of(user).unwrap_or(0) % BACKENDS;
    User {
        username: user.into(),
        preferred_site_id: Some(SITE),
        group_name: format!("g{group}").into(),
        ..User::default()
    }
}

fn table(statuses: &[BackendStatus; BACKENDS]) -> Table {
    let backend_id = |number: usize| Uuid::from_u128(100 + number as u128);
    let backend = |number: usize| Backend {
        site_id: SITE,
        id: backend_id(number),
        load_factor: None,
        host: address(number).to_string().into(),
        status: statuses[number].clone(),
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    };
    let group = |number: usize| UserGroup {
        site_id: SITE,
        name: format!("g{number}").into(),
        backend_id: Some(backend_id(number)),
        alt_backend_id: Some(backend_id((number + 1) % BACKENDS)),
        sticky_users: false,
        moving: "".into(),
        refresh_after: None,
        sticky_backend: false,
    };
    let site = Site {
        id: SITE,
        name: "here".into(),
        tag: None,
        load_balancer: None,
        status: SiteStatus::Online,
    };
    let rows = Rows {
        sites: vec![site],
        backends: (0..BACKENDS).map(backend).collect(),
        user_groups: (0..BACKENDS).map(group).collect(),
        ..Rows::default()
    };
    let settings = RouteSettings { local_site: "here".into(), ..RouteSettings::default() };
    let (table, problems) = Table::build(&rows, &std::collections::HashMap::new(), &settings);
    assert!(problems.is_empty(), "{problems:?}");
    table
}

const BACKENDS: usize = 3;
const SITE: Uuid = Uuid::from_u128(1);
