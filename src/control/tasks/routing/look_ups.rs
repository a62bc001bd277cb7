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

use super::kept::Kept;
use super::names::Ask;
use super::tables::Orders;
use super::trouble::Trouble;
use crate::control::admin::Board;
use crate::control::geodb::lookup::{Moves, Search, is_counted, look_up_telling, write_site};
use crate::control::geodb::{ChangedUsers, GeoDb, GeoDbError};
use crate::control::localdb::LocalDb;
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_millis;
use crate::fault::Failure;
use crate::limits;
use crate::ring::clock;
use crate::route::cap::LoginCap;
use crate::route::change::{GroupChange, Placement, SiteChange};
use crate::route::decide::Decision;
use crate::route::departure;
use crate::route::rows::User;
use crate::route::sent_on::SentOn;
use crate::route::settings_rows::last_move;
use crate::share::exchange::Exchange;
use crate::share::messages::{Answer, Doubt, Ticket, ToControl, ToCore};

/// All that is under way.
#[derive(Debug)]
pub(super) struct LookUps {
    pub(super) geodb: GeoDb,
    pub(super) resolver: Resolver,
    pub(super) exchange: Exchange,
    pub(super) orders: Rc<Orders>,
    pub(super) kept: Rc<Kept>,
    pub(super) trouble: Rc<Trouble>,
    pub(super) local: Option<LocalDb>,
    /// Who waits for what.
    waiting: RefCell<HashMap<Sought, Vec<Ticket>>>,
    /// Logins that change where groups are served.
    cap: Cell<LoginCap>,
    /// Logins that wait for rows because their site is away.
    away_reads: Cell<LoginCap>,
    /// How often rows were forgotten: what was read before that may be older.
    forgotten: Cell<u64>,
    board: Board,
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
    /// Neither: a user whose rows are being read again.
    Again(Box<str>),
}

/// How a look-up ends.
#[derive(Clone, Debug)]
enum Found {
    /// Where the data cores look.
    InCache,
    Address(IpAddr),
    /// There, as far as it goes: nothing is written for this login.
    Withheld(Option<Box<str>>),
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
        kept: Rc<Kept>,
        board: Board,
    ) -> Self {
        let (trouble, local) = (kept.trouble(), kept.local());
        let cap = LoginCap::new(kept.failover_rules().logins_per_second_max);
        Self {
            geodb,
            resolver,
            exchange,
            orders,
            kept,
            trouble,
            local,
            waiting: RefCell::default(),
            cap: Cell::new(cap),
            away_reads: Cell::new(LoginCap::new(limits::AWAY_READS_PER_SECOND_MAX)),
            forgotten: Cell::new(0),
            board,
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
            // Of the same user under another name: a look-up that is under way may have read before.
            ToControl::ReadAgain { user, doubt, .. } => {
                let ticket = match doubt {
                    Doubt::NotServed => {
                        // Where a backend has sent the user on to may be what did not work.
                        self.exchange.referrals.forget(user);
                        None
                    }
                    Doubt::SentOn(_) => None,
                    Doubt::Contradicted(ticket) => Some(*ticket),
                    Doubt::HomeAway(ticket) if !take_permit(&self.away_reads) => {
                        // By what is known, then.
                        return self.reply([*ticket], &Found::InCache);
                    }
                    Doubt::HomeAway(ticket) => Some(*ticket),
                };
                (Sought::Again(user.clone()), ticket)
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
                ToControl::ReadAgain { user, group, doubt } => {
                    let found = look_ups.read_again(&user, group.as_deref()).await;
                    if let Doubt::SentOn(host) = doubt {
                        look_ups.remember(&user, group.as_deref(), &host);
                    }
                    found
                }
            };
            turn.end(found);
        });
    }

    /// Rows of users have changed: they are good only if the GeoDB does not answer. Look-ups that read before begin again.
    pub(super) fn doubt(&self, users: &ChangedUsers) {
        match users {
            ChangedUsers::All => self.exchange.users.doubt_all(),
            ChangedUsers::These(users) if users.is_empty() => return,
            ChangedUsers::These(users) => {
                for user in users {
                    self.exchange.users.doubt(user);
                    self.tell_local(user);
                }
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
        self.board.look_ups(waiting.len());
        Some(Turn { look_ups: Rc::clone(self), sought })
    }

    /// It is not under way any more; who waits for it.
    fn forget(&self, sought: &Sought) -> Option<Vec<Ticket>> {
        let mut waiting = self.waiting.borrow_mut();
        let tickets = waiting.remove(sought);
        self.board.look_ups(waiting.len());
        tickets
    }

    fn reply(&self, tickets: impl IntoIterator<Item = Ticket>, found: &Found) {
        for ticket in tickets {
            let answer = match found.clone() {
                Found::InCache => Answer::LookedUp,
                Found::Address(address) => Answer::Resolved(address),
                Found::Withheld(trouble) => Answer::Withheld { trouble },
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
        if self.trouble.is_silent() {
            let after = limits::GEODB_LOOK_UP_TIMEOUT;
            return self.without_geodb(user, None, &GeoDbError::Timeout { after }).await;
        }
        // All rounds together: the login does not wait longer.
        let after = self.geodb.deadline().min(limits::GEODB_LOOK_UP_TIMEOUT);
        let mut seen = None;
        let fault = match timeout(after, self.user_in_rounds(user, tag, &mut seen)).await {
            Ok(Ok(found)) => return found,
            Ok(Err(fault)) => fault,
            Err(_) => GeoDbError::Timeout { after },
        };
        self.trouble.failed(&fault);
        if !fault.is_outage() {
            let detail = fault.to_string().into();
            return Found::Nothing { failure: Failure::Unavailable, detail };
        }
        self.without_geodb(user, seen, &fault).await
    }

    /// What is known of the user without the GeoDB goes where the data cores look (C-CACHE-2).
    async fn without_geodb(&self, user: &str, seen: Option<User>, fault: &GeoDbError) -> Found {
        let users = &self.exchange.users;
        if let Some(row) = seen {
            // Read, and then something else failed.
            self.keep(row);
        } else if users.get(user).is_none()
            && let Some(local) = &self.local
            && let Some(known) = local.known(user).await
        {
            users.recall(known, users.epoch());
        }
        Found::Withheld(Some(fault.to_string().into()))
    }

    /// A row of a user that was just read. When it leads elsewhere than before, what backends have said of the user counts
    /// no more, also if the user comes back to that group later (C-CACHE-5).
    fn keep(&self, row: User) {
        let Exchange { users, referrals, .. } = &self.exchange;
        let known = users.get(&row.username);
        if known.is_some_and(|known| !known.row.leads_where(&row)) {
            referrals.forget(&row.username);
        }
        self.announce_departure(&row);
        let user = row.username.clone();
        users.remember(row, clock::now());
        self.tell_local(&user);
    }

    /// A user moves, and no row tells the proxies of this site yet: the move was begun elsewhere, or its group has moved since.
    fn announce_departure(&self, row: &User) {
        let table = self.exchange.table.load();
        let Some(departure) = departure::announced(&table, row, unix_millis()) else { return };
        let (geodb, orders, trouble) =
            (self.geodb.clone(), Rc::clone(&self.orders), Rc::clone(&self.trouble));
        tokio::task::spawn_local(async move {
            match geodb.write_setting(&departure.to_row()).await {
                Ok(()) => {
                    orders.order(Ask::New);
                }
                Err(fault) => trouble.failed(&fault),
            }
        });
    }

    fn tell_local(&self, user: &str) {
        if let Some(local) = &self.local {
            local.user_changed(user);
        }
    }

    async fn user_in_rounds(
        &self,
        user: &str,
        tag: Option<&str>,
        seen: &mut Option<User>,
    ) -> Result<Found, GeoDbError> {
        let mut moves = Moves::Counted;
        for _ in 0..ROUNDS_MAX {
            let forgotten = self.forgotten.get();
            let table = self.exchange.table.load();
            let search = Search { user, tag, now: unix_millis(), moves };
            let answer = look_up_telling(&self.geodb, &table, &search, seen).await?;
            self.trouble.answered();
            if self.forgotten.get() != forgotten {
                // The row may have been read before it changed, and would be kept for minutes.
                continue;
            }
            if let Some(row) = answer.user {
                self.keep(row);
            }
            for group in answer.others.into_iter().chain(answer.group) {
                self.kept.put_group(group);
            }
            if let Some(row) = answer.site {
                self.kept.put_group_site(row);
            }
            if answer.decision == Decision::NeedTable {
                self.orders.refreshed().await;
            }
            match answer.decision {
                Decision::NeedTable => {}
                decision @ (Decision::FailOver(_) | Decision::MoveUser(_)) => {
                    // One that does not count was to go by rows that are too old.
                    let may = is_counted(&decision) && take_permit(&self.cap);
                    moves = if may { Moves::Allowed } else { Moves::Withheld };
                }
                Decision::Fail { fault, about } => {
                    let detail = if about.is_empty() {
                        fault.text().into()
                    } else {
                        format!("{}: {about}", fault.text())
                    };
                    return Ok(Found::Nothing { failure: fault.failure(), detail: detail.into() });
                }
                _ if moves == Moves::Withheld => return Ok(Found::Withheld(None)),
                _ => return Ok(Found::InCache),
            }
        }
        let detail = "the GeoDB keeps changing under this login".into();
        Ok(Found::Nothing { failure: Failure::Unavailable, detail })
    }

    /// Reads the rows of a user and a group again, and which site serves that group.
    async fn read_again(&self, user: &str, group: Option<&str>) -> Found {
        if self.trouble.is_silent() {
            return Found::InCache;
        }
        let forgotten = self.forgotten.get();
        let after = limits::GEODB_LOOK_UP_TIMEOUT;
        // All of it together: a login may wait.
        let read = timeout(after, self.read_rows_of(user, group)).await;
        match read.unwrap_or(Err(GeoDbError::Timeout { after })) {
            Ok(Some(row)) if self.forgotten.get() == forgotten => self.keep(row),
            // Changed meanwhile, or gone: the next login looks. One whom a passdb sends to a host has no row at all.
            Ok(_) => self.exchange.users.doubt(user),
            Err(fault) => self.trouble.failed(&fault),
        }
        Found::InCache
    }

    /// The user's row; those of the groups are taken up.
    async fn read_rows_of(
        &self,
        user: &str,
        group: Option<&str>,
    ) -> Result<Option<User>, GeoDbError> {
        let geodb = self.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
        if let (Some(site), Some(name)) = (self.kept.local_site(), group)
            && let Some(row) = geodb.read_group(site, name).await?
        {
            self.kept.put_group(row);
        }
        let row = geodb.read_user(user).await?;
        if self.exchange.table.load().sites().len() > 1
            && let Some(User { preferred_site_id: Some(home), group_name, .. }) = &row
            && let Some(row) = geodb.read_group_site(*home, group_name).await?
        {
            self.kept.put_group_site(row);
        }
        Ok(row)
    }

    /// Remembers where a backend has sent the user on to, by the rows as they are now (C-CACHE-5).
    fn remember(&self, user: &str, group: Option<&str>, host: &str) {
        let Some(group) = group else { return };
        let referrals = &self.exchange.referrals;
        match SentOn::learnt(&self.exchange.table.load(), group, host) {
            Some(sent_on) => referrals.remember(user, sent_on, clock::now()),
            // To where the rows say, or to another site, whose proxies know better.
            None => referrals.forget(user),
        }
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
        // What is decided on rows that may be old is not written (C-CACHE-2); the next login of the group asks again.
        if known.as_ref() == Some(&change.placement) || self.trouble.is_on() {
            return Found::InCache;
        }
        let writing = async {
            self.geodb.apply(change, unix_millis()).await?;
            // Whatever the reason: the others end sessions of the group where it was (C-MOVE-5).
            if self.kept.are_moves_ours() {
                self.geodb.write_setting(&last_move(change.site_id, unix_millis())).await?;
            }
            self.geodb.read_group(change.site_id, &change.name).await
        };
        match writing.await {
            Ok(Some(row)) => self.kept.put_group(row),
            Ok(None) => self.orders.refreshed().await,
            Err(fault) => self.trouble.failed(&fault),
        }
        Found::InCache
    }

    /// The same for a group that comes home to its site.
    async fn homecoming(&self, change: &SiteChange) -> Found {
        let table = self.exchange.table.load();
        let known = table.failover(&change.group_name, change.site_id);
        if known.and_then(|known| known.to_site_id) == change.stand_in || self.trouble.is_on() {
            return Found::InCache;
        }
        match write_site(&self.geodb, change, unix_millis()).await {
            Ok(Some(row)) => self.kept.put_group_site(row),
            Ok(None) => self.orders.refreshed().await,
            Err(fault) => self.trouble.failed(&fault),
        }
        Found::InCache
    }
}

fn take_permit(bucket: &Cell<LoginCap>) -> bool {
    let mut cap = bucket.get();
    let is_permitted = cap.take(clock::now());
    bucket.set(cap);
    is_permitted
}

/// One look-up's place among those under way. Who waits for it is answered in any case.
struct Turn {
    look_ups: Rc<LookUps>,
    sought: Sought,
}

impl Turn {
    fn end(self, found: Found) {
        let tickets = self.look_ups.forget(&self.sought);
        self.look_ups.reply(tickets.into_iter().flatten(), &found);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let left = self.look_ups.forget(&self.sought);
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
