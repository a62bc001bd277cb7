//! Where a user lives, asked by a data core: decided from memory where that knows, otherwise the control core reads first.
//!
//! Decides: which rows have to be read, and when the decision is made again. Driven by `look_ups`. Tests: `tests.rs`.

use super::{Asker, LookUps, Pending, Rounds, named};
use crate::fault::Failure;
use crate::limits;
use crate::route::decide::{self, Decision, Moving, RouteQuestion, UserKnown, decide};
use crate::route::fault::RouteFault;
use crate::route::redirect::follow_referral;
use crate::route::table::Table;
use crate::session::input::{Destination, Hop, RouteAnswer};
use crate::session::output::RouteAsk;
use crate::share::counters::Counter;
use crate::share::messages::{Doubt, Ticket, ToControl};
use crate::share::users::{Cached, FRESH_FOR};
use crate::tick::Tick;

impl LookUps {
    /// Asks the routing layer. `None`: the answer comes later.
    pub(in crate::worker) fn route(
        &mut self,
        asker: Asker<'_>,
        ask: RouteAsk,
        now: Tick,
    ) -> Option<RouteAnswer> {
        self.route_round(asker, ask, Rounds::default(), now)
    }

    pub(super) fn route_round(
        &mut self,
        mut asker: Asker<'_>,
        ask: RouteAsk,
        mut rounds: Rounds,
        now: Tick,
    ) -> Option<RouteAnswer> {
        let wanted = match &ask {
            RouteAsk::User { user, tag, is_sent_here } => {
                match self.route_user(user, tag.as_deref(), &rounds, now) {
                    // The sites of a group that just left one of them, or came home, hear of it one after the other.
                    Ok(answer)
                        if *is_sent_here && !rounds.has_read_again && is_elsewhere(&answer) =>
                    {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, None, Doubt::Contradicted)
                    }
                    Ok(answer) => return Some(answer),
                    Err(Unknown::WhetherItLeft) => {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, None, Doubt::HomeAway)
                    }
                    Err(Unknown::Rows) => ToControl::LookUp {
                        ticket: Some(asker.ticket(self.core)),
                        user: user.clone(),
                        tag: tag.clone(),
                    },
                }
            }
            RouteAsk::Referral { host, group, user, tag } => {
                let table = self.table.current();
                match follow_referral(table, host, group.as_deref()) {
                    Ok(destination) if !is_here(table, &destination) => {
                        return Some(RouteAnswer::Go(in_cluster(destination)));
                    }
                    // The user lives here, they say, or where no row knows: the rows may know better by now.
                    Ok(_) | Err(RouteFault::UnknownReferral) if !rounds.has_read_again => {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, group.clone(), Doubt::Contradicted)
                    }
                    Ok(_) | Err(RouteFault::UnknownReferral) => {
                        let (user, tag) = (user.clone(), tag.clone());
                        let ask = RouteAsk::User { user, tag, is_sent_here: false };
                        return self.route_round(asker, ask, rounds, now);
                    }
                    Err(fault) => {
                        let (failure, detail) = (fault.failure(), fault.text().into());
                        return Some(RouteAnswer::Fail { failure, detail });
                    }
                }
            }
            RouteAsk::Host { host, hostip } => {
                let literal = host.parse().ok().or(*hostip);
                if let Some(address) = literal {
                    return Some(RouteAnswer::Go(named(host.clone(), address)));
                }
                ToControl::Resolve { ticket: asker.ticket(self.core), host: host.clone() }
            }
        };
        if self.exchange.to_control.send(wanted).is_err() {
            let detail = "the control core is behind: its mailbox is full".into();
            return Some(RouteAnswer::Fail { failure: Failure::Unavailable, detail });
        }
        asker.wait_for(Pending::Route { ask, rounds });
        None
    }

    fn read_again(
        &self,
        asker: &mut Asker<'_>,
        user: &str,
        group: Option<Box<str>>,
        doubt: fn(Ticket) -> Doubt,
    ) -> ToControl {
        let doubt = doubt(asker.ticket(self.core));
        ToControl::ReadAgain { user: user.into(), group, doubt }
    }

    /// Decides from memory. `Err`: the control core has to read or write first.
    fn route_user(
        &mut self,
        user: &str,
        tag: Option<&str>,
        rounds: &Rounds,
        now: Tick,
    ) -> Result<RouteAnswer, Unknown> {
        let table = self.table.current();
        let users = &self.exchange.users;
        // While the GeoDB does not answer even a row that may have changed is better than none.
        let is_alone = rounds.trouble.is_some() || users.is_alone();
        let cached = users.at_login(user, now).filter(|cached| is_alone || !cached.is_doubtful);
        let stale = cached.as_ref().is_some_and(|cached| is_stale(cached, now));
        let known = match &cached {
            Some(cached) => UserKnown::Row(&cached.row),
            None if rounds.trouble.is_some() => UserKnown::Unreachable,
            None => UserKnown::NotAsked,
        };
        let sent_on = self.exchange.referrals.of(user, now);
        let (writes, sent_on) = (rounds.writes, sent_on.as_ref());
        let question = RouteQuestion { tag, writes, sent_on, ..RouteQuestion::of(user) };
        let decision = decide(table, known, &question);
        if stale && rounds.count == 0 {
            // The login goes on with the old row (DESIGN decision 6). A full mailbox: the next login asks again.
            let tag = tag.map(Into::into);
            let refresh = ToControl::LookUp { ticket: None, user: user.into(), tag };
            let _ = self.exchange.to_control.send(refresh);
        }
        if is_alone && matches!(decision, Decision::Go { .. }) {
            self.exchange.count(self.core, Counter::GeodbStaleRouting);
        }
        match decision {
            Decision::Go { destination, change, homecoming } => {
                if let Some(change) = change {
                    // No login waits for the write; every login of the group repeats it until it is done.
                    let _ = self.exchange.to_control.send(ToControl::Change(change));
                }
                if let Some(change) = homecoming {
                    let _ = self.exchange.to_control.send(ToControl::Homecoming(change));
                }
                // While the GeoDB does not answer no move comes to its end, and the group is where it was.
                if destination.moving == Moving::Held && !is_alone {
                    return Ok(self.held.answer(now));
                }
                Ok(RouteAnswer::Go(in_cluster(destination)))
            }
            // Another proxy may have heard of it earlier, and have let the group leave already (C-SITE-10).
            Decision::Fail { fault, .. }
                if fault.is_home_away()
                    && !rounds.has_read_again
                    && !is_alone
                    && table.sites().len() > 1 =>
            {
                Err(Unknown::WhetherItLeft)
            }
            Decision::Fail { fault, about } => {
                let detail: String = if let (RouteFault::GeoDbUnreachable, Some(trouble)) =
                    (fault, &rounds.trouble)
                {
                    format!("{}: {trouble}", fault.text())
                } else if about.is_empty() {
                    fault.text().into()
                } else {
                    format!("{}: {about}", fault.text())
                };
                Ok(RouteAnswer::Fail { failure: fault.failure(), detail: detail.into() })
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::MoveUser(_)
            | Decision::FailOver(_)
            | Decision::CreateGroup(_)
                if rounds.count < ROUNDS_MAX =>
            {
                Err(Unknown::Rows)
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::MoveUser(_)
            | Decision::FailOver(_)
            | Decision::CreateGroup(_) => Ok(RouteAnswer::Fail {
                failure: Failure::Unavailable,
                detail: "the GeoDB keeps changing under this login".into(),
            }),
        }
    }
}

/// What memory does not hold.
enum Unknown {
    /// Rows that the decision needs.
    Rows,
    /// Whether the user's group has left a home that is away.
    WhetherItLeft,
}

/// Another site serves the user.
fn is_elsewhere(answer: &RouteAnswer) -> bool {
    matches!(answer, RouteAnswer::Go(Destination { hop: Hop::Site, .. }))
}

/// Whether the row is to be read again, while the login goes on with this one.
fn is_stale(cached: &Cached, now: Tick) -> bool {
    let fresh_for = if cached.row.is_moving() { limits::MOVING_ROW_FRESH_FOR } else { FRESH_FOR };
    now.since(cached.read_at) > fresh_for
}

/// The local site's own proxies.
fn is_here(table: &Table, destination: &decide::Destination) -> bool {
    let local = table.local_site();
    matches!(destination.hop, decide::Hop::Site(id) if local.is_some_and(|site| site.id == id))
}

fn in_cluster(destination: decide::Destination) -> Destination {
    Destination {
        host: destination.host,
        address: destination.address,
        group: destination.group,
        is_moving: destination.moving != Moving::No,
        is_switching: destination.is_switching,
        connections_max: destination.connections_max,
        hop: match destination.hop {
            decide::Hop::Backend(_) => Hop::Backend,
            decide::Hop::Site(_) => Hop::Site,
        },
    }
}

/// Reading the user, creating the group, finishing a move: more rounds than that mean that another writer works
/// against us.
const ROUNDS_MAX: u8 = 4;
