//! Where a user's doveadm is: the user's backend, found as a login finds it, but without a password.

use std::net::{IpAddr, SocketAddr};

use super::desk::Desk;
use crate::auth::answer::Answer;
use crate::auth::ask::{Proof, Question};
use crate::auth::chain::{Chain, Step};
use crate::auth::verdict::{Grant, Verdict};
use crate::control::cluster::{CommandError, refusal};
use crate::control::geodb::lookup::{Search, look_up};
use crate::control::wall_clock::unix_millis;
use crate::facts::Approach;
use crate::fault::Failure;
use crate::names::Protocol;
use crate::ring::clock;
use crate::route::decide::{self, Decision, RouteQuestion, UserKnown, Writes, decide};
use crate::secret::Secret;
use crate::share::messages::ToControl;

/// Another host's doveadm, and whom the command is about there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// For its certificate, and for the log.
    pub(super) host: Box<str>,
    pub(super) endpoint: SocketAddr,
    /// The user's name there.
    pub(super) user: Box<str>,
    /// The user's group, for referrals.
    pub(super) group: Option<Box<str>>,
}

/// Finds where `user` is, asked for by `client`.
///
/// # Errors
/// The user is unknown, or cannot be routed now.
pub(super) async fn find(desk: &Desk, user: &str, client: IpAddr) -> Result<Target, CommandError> {
    let port = desk.settings.now().port;
    if port == 0 {
        let text = "doveadm_port is not set, so the port of the backends' doveadm is not known";
        return Err(CommandError::Config(text.to_owned()));
    }
    let grant = granted(desk, user, client).await?;
    let name = grant.destuser.as_ref().unwrap_or(&grant.user).clone();
    if let Some(host) = grant.host {
        let literal = host.parse().ok().or(grant.hostip);
        let address = match literal {
            Some(address) => Some(address),
            None => desk.resolver.resolve(&host).await.first().copied(),
        };
        let address = address.ok_or_else(|| {
            CommandError::TempFail(format!("user {user}: no address is known for {host}"))
        })?;
        let endpoint = SocketAddr::new(address, port);
        return Ok(Target { host, endpoint, user: name, group: None });
    }
    let found = routed(desk, &grant.user, grant.cluster_tag.as_deref()).await?;
    Ok(Target {
        host: (*found.host).into(),
        endpoint: SocketAddr::new(found.address, port),
        user: name,
        group: found.group,
    })
}

/// What the password databases have about the user, as for mail to him.
async fn granted(desk: &Desk, user: &str, client: IpAddr) -> Result<Grant, CommandError> {
    let question = Question {
        // Databases may be limited to some protocols; the user's mailboxes are those of IMAP.
        protocol: Protocol::Imap,
        user: user.into(),
        authorize_as: None,
        proof: Proof::Password,
        password: Secret::default(),
        bound_to: Secret::default(),
        remote: client,
        local: client,
        approach: Approach::default(),
    };
    let answer = looked_up(desk, question).await;
    let no_answer = || CommandError::TempFail(format!("user {user}: no passdb gave an answer"));
    let answer = answer.ok_or_else(no_answer)?;
    match answer.verdict {
        Verdict::Accept(grant) => Ok(*grant),
        Verdict::Refuse { failure: Failure::Credentials, .. } => {
            Err(CommandError::NoUser(format!("user {user}: no passdb has this user")))
        }
        Verdict::Refuse { .. } => Err(CommandError::TempFail(match answer.trouble {
            Some(trouble) => format!("user {user}: {trouble}"),
            None => format!("user {user}: refused by the passdbs"),
        })),
        Verdict::Elsewhere(elsewhere) => {
            Ok(Grant { host: Some(elsewhere.host), ..Grant::new(&elsewhere.user, false) })
        }
    }
}

async fn looked_up(desk: &Desk, question: Question) -> Option<Box<Answer>> {
    let mut step = Chain::look_up(&desk.exchange.passdbs.load(), question);
    loop {
        step = match step {
            Step::Done(answer) => return Some(answer),
            Step::Ask(chain, inquiry) => chain.answered(desk.userdbs.ask(&inquiry).await),
            // A look-up compares nothing.
            Step::Verify(..) | Step::Draw(_) | Step::Challenge(..) | Step::Derive(..) => {
                return None;
            }
        };
    }
}

/// By memory where that knows the user, otherwise by the GeoDB, and by old rows when that does not answer.
async fn routed(
    desk: &Desk,
    user: &str,
    tag: Option<&str>,
) -> Result<decide::Destination, CommandError> {
    let table = desk.exchange.table.load();
    let users = &desk.exchange.users;
    let cached = users.get(user);
    let sent_on = desk.exchange.referrals.of(user, clock::now());
    let by_memory = |writes: Writes| {
        let known = cached.as_ref().map_or(UserKnown::NotAsked, |it| UserKnown::Row(&it.row));
        let of = RouteQuestion::of(user);
        let question = RouteQuestion { tag, sent_on: sent_on.as_ref(), writes, ..of };
        decide(&table, known, &question)
    };
    let is_good = users.is_alone() || cached.as_ref().is_some_and(|it| !it.is_doubtful);
    if is_good && let Decision::Go { destination, change, .. } = by_memory(Writes::Allowed) {
        if let Some(change) = change {
            // As a login does; a full mailbox leaves it to the next one.
            let _ = desk.exchange.to_control.send(ToControl::Change(change));
        }
        return Ok(destination);
    }
    let search = Search { tag, ..Search::of(user, unix_millis()) };
    let decision = match look_up(&desk.geodb, &table, &search).await {
        Ok(answer) => answer.decision,
        Err(error) => match by_memory(Writes::Withheld) {
            go @ Decision::Go { .. } => go,
            _ => return Err(error.into()),
        },
    };
    match decision {
        Decision::Go { destination, .. } => Ok(destination),
        Decision::Fail { fault, about } => Err(refusal(fault, &about)),
        _ => Err(CommandError::TempFail(format!("user {user}: the rows are changing; try again"))),
    }
}
