//! Look-ups for data cores: users that no cache knows, names that a password database gave, changes that a login decided.
//!
//! Duty: many at the same time, each once however many logins wait for it (C-LOOK-1), each with an end (C-LOOK-2). What is found goes where the
//! data cores look (`share`), and they decide. Non-duty: the decision (`route`), the calls (`geodb`). Driven by `super`.
//! Tests: `super::tests`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::time::timeout;
use uuid::Uuid;

use super::tables::Orders;
use super::trouble::Trouble;
use crate::control::geodb::lookup::{Moves, Search, look_up, write_site};
use crate::control::geodb::{ChangedUsers, GeoDb, GeoDbError};
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_millis;
use crate::fault::Failure;
use crate::limits;
use crate::ring::clock;
use crate::route::cap::LoginCap;
use crate::route::change::{GroupChange, Placement, SiteChange};
use crate::route::decide::Decision;
use crate::route::outage::FailoverRules;
use crate::share::exchange::Exchange;
use crate::share::messages::{Answer, Ticket, ToControl, ToCore};

/// All that is under way.
#[derive(Debug)]
pub(super) struct LookUps {
    pub(super) geodb: GeoDb,
    pub(super) resolver: Resolver,
    pub(super) exchange: Exchange,
    pub(super) orders: Rc<Orders>,
    pub(super) trouble: Rc<Trouble>,
    /// Who waits for what.
    waiting: RefCell<HashMap<Sought, Vec<Ticket>>>,
    /// Logins that change where groups are served.
    cap: Cell<LoginCap>,
    /// How often rows were forgotten: what was read before that may be older.
    forgotten: Cell<u64>,
}

/// What is looked for or written; each of them once at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sought {
    User(Box<str>),
    Host(Box<str>),
    /// Not a question: a group whose change is being written.
    Change(Uuid, Box<str>),
    /// The same of a group that comes home to this site.
    Homecoming(Uuid, Box<str>),
}

/// How a look-up ends.
#[derive(Clone, Debug)]
enum Found {
    /// Where the data cores look.
    InCache,
    /// There, as far as it goes: nothing is written for this login.
    Withheld(Option<Box<str>>),
    Address(IpAddr),
    Nothing {
        failure: Failure,
        detail: Box<str>,
    },
}

impl LookUps {
    pub(super) fn new(
        geodb: GeoDb,
        resolver: Resolver,
        exchange: Exchange,
        orders: Rc<Orders>,
        trouble: Rc<Trouble>,
        rules: &FailoverRules,
    ) -> Self {
        Self {
            geodb,
            resolver,
            exchange,
            orders,
            trouble,
            waiting: RefCell::default(),
            cap: Cell::new(LoginCap::new(rules.logins_per_second_max)),
            forgotten: Cell::new(0),
        }
    }

    /// Takes a question of a data core, which is answered later.
    pub(super) fn take(self: &Rc<Self>, message: ToControl) {
        let (sought, ticket) = match &message {
            ToControl::LookUp { ticket, user, .. } => (Sought::User(user.clone()), *ticket),
            ToControl::Resolve { ticket, host } => (Sought::Host(host.clone()), Some(*ticket)),
            ToControl::Change(change) => {
                (Sought::Change(change.site_id, change.name.clone()), None)
            }
            ToControl::Homecoming(change) => {
                (Sought::Homecoming(change.site_id, change.group_name.clone()), None)
            }
        };
        let Some(turn) = self.begin(sought, ticket) else { return };
        tokio::task::spawn_local(async move {
            let look_ups = &turn.look_ups;
            let found = match message {
                ToControl::LookUp { user, tag, .. } => look_ups.user(&user, tag.as_deref()).await,
                ToControl::Resolve { host, .. } => look_ups.host(&host).await,
                ToControl::Change(change) => look_ups.change(&change).await,
                ToControl::Homecoming(change) => look_ups.homecoming(&change).await,
            };
            turn.end(found);
        });
    }

    /// Forgets rows of users that have changed. Look-ups that read before begin again.
    pub(super) fn forget(&self, users: &ChangedUsers) {
        match users {
            ChangedUsers::All => self.exchange.users.clear(),
            ChangedUsers::These(users) if users.is_empty() => return,
            ChangedUsers::These(users) => {
                users.iter().for_each(|user| self.exchange.users.forget(user));
            }
        }
        self.forgotten.set(self.forgotten.get() + 1);
    }

    /// `None`: it is under way already, or there are too many.
    fn begin(self: &Rc<Self>, sought: Sought, ticket: Option<Ticket>) -> Option<Turn> {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(tickets) = waiting.get_mut(&sought) {
            tickets.extend(ticket);
            return None;
        }
        if waiting.len() >= limits::LOOK_UPS_AT_ONCE_MAX {
            let detail = "the control core is behind: too many look-ups are under way";
            let found = Found::Nothing { failure: Failure::Unavailable, detail: detail.into() };
            self.reply(ticket, &found);
            return None;
        }
        waiting.insert(sought.clone(), ticket.into_iter().collect());
        Some(Turn { look_ups: Rc::clone(self), sought })
    }

    fn reply(&self, tickets: impl IntoIterator<Item = Ticket>, found: &Found) {
        for ticket in tickets {
            let answer = match found.clone() {
                Found::InCache => Answer::LookedUp,
                Found::Withheld(trouble) => Answer::Withheld { trouble },
                Found::Address(address) => Answer::Resolved(address),
                Found::Nothing { failure, detail } => Answer::Failed { failure, detail },
            };
            if let Some(core) = self.exchange.to_cores.get(usize::from(ticket.core.0)) {
                // A full mailbox: the login runs into its own deadline and gets a temporary failure.
                let _ = core.send(ToCore::Answer { ticket, answer });
            }
        }
    }

    /// Reads or writes whatever the decision about a user needs, and puts it where the data cores look.
    async fn user(&self, user: &str, tag: Option<&str>) -> Found {
        // All rounds together: the login does not wait longer.
        let after = self.geodb.deadline();
        match timeout(after, self.user_in_rounds(user, tag)).await {
            Ok(found) => found,
            Err(_) => self.failed(&GeoDbError::Timeout { after }),
        }
    }

    async fn user_in_rounds(&self, user: &str, tag: Option<&str>) -> Found {
        let mut moves = Moves::Counted;
        for _ in 0..ROUNDS_MAX {
            let forgotten = self.forgotten.get();
            let table = self.exchange.table.load();
            let search = Search { user, tag, now: unix_millis(), moves };
            let answer = match look_up(&self.geodb, &table, &search).await {
                Ok(answer) => answer,
                Err(fault) => return self.failed(&fault),
            };
            if self.forgotten.get() != forgotten {
                // The row may have been read before it changed, and would be kept for minutes.
                continue;
            }
            if let Some(row) = answer.user {
                self.exchange.users.remember(row, clock::now());
            }
            let table = self.exchange.table.load();
            let is_newer =
                answer.group.is_some_and(|group| table.group(&group.name) != Some(&group));
            let is_elsewhere = answer.site.is_some_and(|row| {
                let known = table.failover(&row.group_name, row.site_id);
                known.and_then(|known| known.to_site_id) != row.stand_in()
            });
            if answer.decision == Decision::NeedTable || is_newer || is_elsewhere {
                self.orders.refreshed().await;
            }
            match answer.decision {
                Decision::NeedTable => {}
                Decision::FailOver(_) | Decision::MoveUser(_) => {
                    moves = if self.take_permit() { Moves::Allowed } else { Moves::Withheld };
                }
                Decision::Fail { fault, about } => {
                    let detail = if about.is_empty() {
                        fault.text().into()
                    } else {
                        format!("{}: {about}", fault.text())
                    };
                    return Found::Nothing { failure: fault.failure(), detail: detail.into() };
                }
                _ if moves == Moves::Withheld => return Found::Withheld(None),
                _ => return Found::InCache,
            }
        }
        let detail = "the GeoDB keeps changing under this login";
        Found::Nothing { failure: Failure::Unavailable, detail: detail.into() }
    }

    fn take_permit(&self) -> bool {
        let mut cap = self.cap.get();
        let is_permitted = cap.take(clock::now());
        self.cap.set(cap);
        is_permitted
    }

    /// The data core decides by what memory holds (C-CACHE-2).
    fn failed(&self, fault: &GeoDbError) -> Found {
        self.trouble.failed(fault);
        Found::Withheld(Some(fault.to_string().into()))
    }

    /// Addresses of a name.
    async fn host(&self, host: &str) -> Found {
        match self.resolver.resolve(host).await.first() {
            Some(address) => Found::Address(*address),
            None => Found::Nothing {
                failure: Failure::InternalConfig,
                detail: format!(
                    "{host} (passdb field host) has no address; add it to cluster_hosts_file, DNS or /etc/hosts"
                )
                .into(),
            },
        }
    }

    /// Writes a change that a data core decided, and shows it to all of them.
    async fn change(&self, change: &GroupChange) -> Found {
        let table = self.exchange.table.load();
        let known = table.group(&change.name).map(Placement::from);
        if known.as_ref() != Some(&change.placement) {
            match self.geodb.apply(change, unix_millis()).await {
                Ok(_) => self.orders.refreshed().await,
                Err(fault) => self.trouble.failed(&fault),
            }
        }
        Found::InCache
    }

    /// The same for a group that comes home to its site.
    async fn homecoming(&self, change: &SiteChange) -> Found {
        let table = self.exchange.table.load();
        let known = table.failover(&change.group_name, change.site_id);
        if known.and_then(|known| known.to_site_id) != change.stand_in {
            match write_site(&self.geodb, change, unix_millis()).await {
                Ok(_) => self.orders.refreshed().await,
                Err(fault) => self.trouble.failed(&fault),
            }
        }
        Found::InCache
    }
}

/// One look-up's place among those under way. Who waits for it is answered in any case.
struct Turn {
    look_ups: Rc<LookUps>,
    sought: Sought,
}

impl Turn {
    fn end(self, found: Found) {
        let tickets = self.look_ups.waiting.borrow_mut().remove(&self.sought);
        self.look_ups.reply(tickets.into_iter().flatten(), &found);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let left = self.look_ups.waiting.borrow_mut().remove(&self.sought);
        if let Some(tickets) = left {
            // It panicked, or the process ends. The next look-up of the same user must not wait for this one.
            let detail = "the look-up broke off".into();
            let found = Found::Nothing { failure: Failure::Unavailable, detail };
            self.look_ups.reply(tickets, &found);
        }
    }
}

/// Tables built anew and rows read again for one login before giving up.
const ROUNDS_MAX: u8 = 8;
