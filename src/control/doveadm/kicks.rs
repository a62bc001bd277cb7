//! Sessions that are still at a backend which their users leave, and that no living proxy has, end by that backend's doveadm
//! (C-MOVE-8): a proxy died, or clients came by another way. And those of a user whom an operator kicks (C-KICK-1).
//!
//! Decides: which of the backend's users are meant. Does not: know when (`crate::moving`). Driver: the tasks. Tests:
//! `tests/appliance/e2e/moves_kicks.rs`, with a real Dovecot.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::desk::Desk;
use super::remote::{Piece, Remote};
use super::route::{self, Target};
use crate::control::admin::KickOrder;
use crate::control::cluster::CommandError;
use crate::control::geodb::GeoDbError;
use crate::doveadm::command::Command;
use crate::doveadm::status::{Code, Status};
use crate::event::cleaned;
use crate::limits;
use crate::network::Networks;
use crate::route::rows::User;
use crate::route::table::Host;
use crate::wire::tab_escaped;

/// Whose sessions are meant.
#[derive(Clone, Debug)]
pub(in crate::control) enum Leavers {
    /// Users of these groups.
    Groups(BTreeSet<Box<str>>),
    /// These users.
    Users(BTreeSet<Box<str>>),
}

/// Whether backends can be asked at all.
pub(in crate::control) fn are_possible(desk: &Desk) -> bool {
    let settings = desk.settings.now();
    settings.kicks_at_backends && settings.port != 0 && settings.password.is_some()
}

/// Asks a backend to end what sessions these users have there, and says of how many users there were some.
///
/// # Errors
/// It cannot be asked, or does not answer as doveadm does.
pub(in crate::control) async fn kick_at(
    desk: &Desk,
    host: &Host,
    whom: &Leavers,
) -> Result<usize, CommandError> {
    let Some(address) = host.addresses.first() else {
        return Err(CommandError::TempFail(format!("{} has no address", host.name)));
    };
    let target = Target {
        host: (*host.name).into(),
        endpoint: SocketAddr::new(*address, desk.settings.now().port),
        user: Box::default(),
        group: None,
    };
    let meant = match whom {
        Leavers::Users(users) => users.clone(),
        Leavers::Groups(groups) => {
            let mut meant = BTreeSet::new();
            for user in present(desk, &target).await? {
                if is_of(desk, &user, groups).await? {
                    meant.insert(user);
                }
            }
            meant
        }
    };
    let mut kicked = 0;
    for user in meant {
        if is_mask(&user) {
            let shown = cleaned(user.as_bytes(), limits::USER_BYTES_MAX);
            let text = "doveadm would take that name for a mask, so this user's sessions there are left alone";
            desk.note(format!("move: user {shown} at {}: {text}", host.name));
            continue;
        }
        let command = Command::new("", "kick", &[&*user]);
        match ask(desk, command, &target).await?.0 {
            Status::Done => kicked += 1,
            Status::Failed(Code::NotFound) => {}
            status => return Err(refused(&target, "kick", &status)),
        }
    }
    Ok(kicked)
}

/// Carries out kicks that go beyond this proxy.
pub(in crate::control) async fn serve(mut orders: mpsc::Receiver<KickOrder>, desk: Rc<Desk>) {
    let mut running = JoinSet::new();
    while let Some(KickOrder { user, answer }) = orders.recv().await {
        while running.try_join_next().is_some() {}
        let desk = Rc::clone(&desk);
        running.spawn_local(async move {
            // An operator who has gone away wants no answer.
            let _ = answer.send(beyond(&desk, &user).await);
        });
    }
}

/// Has the user's backend end what sessions the user has there, by whichever way they came (C-KICK-1). Whether there were some.
///
/// # Errors
/// The backend is to be asked, and cannot be.
pub(in crate::control) async fn beyond(desk: &Desk, user: &str) -> Result<bool, CommandError> {
    if !are_possible(desk) || is_mask(user) {
        return Ok(false);
    }
    let kick = async {
        let target = match route::find(desk, user, Ipv4Addr::LOCALHOST.into()).await {
            Err(CommandError::NoUser(_)) => return Ok(false),
            found => found?,
        };
        let command = Command::new("", "kick", &[&*target.user]);
        match ask(desk, command, &target).await?.0 {
            Status::Done => Ok(true),
            Status::Failed(Code::NotFound) => Ok(false),
            status => Err(refused(&target, "kick", &status)),
        }
    };
    let seconds = limits::MOVE_KICK_TIMEOUT.as_secs();
    let late = || {
        let text = "the backend's doveadm did not come to an end";
        CommandError::TempFail(format!("user {user}: {text} in {seconds} s"))
    };
    timeout(limits::MOVE_KICK_TIMEOUT, kick).await.map_err(|_| late())?
}

/// The users with sessions there.
async fn present(desk: &Desk, target: &Target) -> Result<BTreeSet<Box<str>>, CommandError> {
    let (status, rows) = ask(desk, Command::new("", "who", &[]), target).await?;
    if status != Status::Done {
        return Err(refused(target, "who", &status));
    }
    users(&rows).ok_or_else(|| {
        let Target { host, endpoint, .. } = target;
        let text = "the answer to `who` has other columns than Dovecot's";
        CommandError::TempFail(format!("doveadm of {host} ({endpoint}): {text}"))
    })
}

/// The first fields of rows that are these: user, how many, protocol, process numbers, addresses. Each row ends with TAB.
fn users(rows: &[u8]) -> Option<BTreeSet<Box<str>>> {
    if rows.is_empty() {
        return Some(BTreeSet::new());
    }
    let fields: Vec<Vec<u8>> = tab_escaped::fields(rows.strip_suffix(b"\t")?).collect();
    let rows = fields.chunks_exact(WHO_COLUMNS);
    if !rows.remainder().is_empty() {
        return None;
    }
    let mut users = BTreeSet::new();
    for row in rows {
        let [user, _, _, pids, _] = row else { return None };
        if !(pids.starts_with(b"(") && pids.ends_with(b")")) {
            return None;
        }
        users.insert(std::str::from_utf8(user).ok()?.into());
    }
    Some(users)
}

/// Whether a user's group here is one of these.
async fn is_of(desk: &Desk, user: &str, groups: &BTreeSet<Box<str>>) -> Result<bool, GeoDbError> {
    let local = desk.exchange.table.load().local_site().map(|site| site.id);
    let cached = desk.exchange.users.get(user).filter(|cached| !cached.is_doubtful);
    let row = match cached {
        Some(cached) => Some(cached.row),
        None => desk.geodb.read_user(user).await?,
    };
    let Some(User { preferred_site_id, group_name, failover_site_group_name, .. }) = row else {
        return Ok(false);
    };
    let guest = failover_site_group_name.filter(|_| preferred_site_id != local);
    Ok(groups.contains(&guest.unwrap_or(group_name)))
}

/// How a command ended there, and its rows.
async fn ask(
    desk: &Desk,
    command: Command,
    target: &Target,
) -> Result<(Status, Vec<u8>), CommandError> {
    let mut remote = Remote::at(desk, command, target.clone());
    let mut piece = Piece::default();
    loop {
        if let Some(ended) = remote.next(&mut piece).await? {
            return Ok((ended.status, piece.rows));
        }
        piece.remarks.clear();
        if piece.rows.len() > limits::DOVEADM_HTTP_ANSWER_BYTES_MAX {
            let Target { host, endpoint, .. } = target;
            let text = "its answer does not end";
            return Err(CommandError::TempFail(format!("doveadm of {host} ({endpoint}): {text}")));
        }
    }
}

fn refused(target: &Target, command: &str, status: &Status) -> CommandError {
    let Target { host, endpoint, .. } = target;
    CommandError::TempFail(format!(
        "doveadm of {host} ({endpoint}): `{command}` failed there: {status:?}; cluster_backend_kick = no does without"
    ))
}

/// Whether doveadm would take a user's name for something else than that name.
fn is_mask(user: &str) -> bool {
    user.contains(['*', '?']) || user.starts_with('-') || Networks::parse(user).is_ok()
}

/// Of `who`, where sessions are counted.
const WHO_COLUMNS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_move_8_users_are_read_from_the_rows_of_who_and_from_nothing_else() {
        let of = |rows: &[u8]| users(rows).map(|users| users.into_iter().collect::<Vec<_>>());
        let bob = b"bob\t2\timap\t(71 72)\t(192.0.2.1)\tann\x01tx\t1\tpop3\t(9)\t(192.0.2.2)\t";
        assert_eq!(of(bob), Some(vec!["ann\tx".into(), "bob".into()]));
        assert_eq!(of(b""), Some(vec![]));
        for odd in [
            &b"bob\timap\t71\t192.0.2.1\t"[..],
            b"bob\t2\timap\t(71)\t(192.0.2.1)",
            b"bob\timap\t1\t2\t3\t",
            b"\xff\t2\timap\t(71)\t()\t",
        ] {
            assert_eq!(of(odd), None, "{}", odd.escape_ascii());
        }
    }

    #[test]
    fn c_move_8_no_name_is_kicked_that_means_others_too() {
        assert!(["*", "b?b", "192.0.2.1", "192.0.2.0/24", "-f"].into_iter().all(is_mask));
        assert!(["bob", "bob@example.org", "10-bob"].into_iter().all(|user| !is_mask(user)));
    }
}
