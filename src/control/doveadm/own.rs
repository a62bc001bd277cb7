//! What Hale carries out itself: rows as Dovecot has them, and what the log says of orders.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::kicks;
use super::orders::Own;
use crate::control::admin::{Asker, Counted, Kicking, Session, WhoCommand, described};
use crate::control::cluster::{ClusterCommand, CommandError, Output};
use crate::control::wall_clock::unix_seconds;
use crate::names::Protocol;
use crate::network::Networks;
use crate::ring::clock;
use crate::share::enquiry::{Act, Mask, Row, Whom};
use crate::wire::der;

/// Carries an order out.
///
/// # Errors
/// It was not carried out.
pub(super) async fn carry_out(desk: &Desk, order: &Own, by: Asker) -> Result<Output, CommandError> {
    match order {
        Own::Who(command) => who(desk, command).await,
        Own::Kick(command) => {
            let kicking = Kicking::begin(&desk.admin, command.whom()?, described(command), by);
            kick(kicking).await
        }
        Own::ProxyList => proxy_list(desk).await,
        Own::ProxyKick { by_group, names } => proxy_kick(desk, *by_group, names, by).await,
        Own::Penalty(networks) => Ok(penalty(desk, networks.as_ref())),
        // Behind the answer.
        Own::Reload | Own::Stop => Ok(Output::default()),
        Own::Cluster(ClusterCommand::Kick { user }) => {
            let here = kick(Kicking::of_user(&desk.admin, user, by)).await;
            match (here, kicks::beyond(desk, user).await?) {
                (Err(CommandError::NotFound(_)), true) => Ok(kicked([user.clone()])),
                (here, _) => here,
            }
        }
        Own::Cluster(command) => desk.admin.cluster(command, by).await,
    }
}

/// What an order does to the process, which may end the connection that it came by.
pub(super) fn finish(desk: &Desk, order: &Own, by: Asker) {
    match order {
        Own::Reload => {
            desk.note(format!("admin: reload, by {by}"));
            desk.orders.reload();
        }
        Own::Stop => {
            desk.note(format!("admin: stop, by {by}"));
            desk.orders.stop();
        }
        _ => {}
    }
}

async fn who(desk: &Desk, command: &WhoCommand) -> Result<Output, CommandError> {
    let mut counted = Counted::default();
    let mut output = Output::new(&WHO_COLUMNS);
    if command.each {
        output = Output::new(&WHO_EACH_COLUMNS);
    }
    let mut asking = desk.admin.ask(Act::List, logged_in(command.whom()?));
    while let Some(piece) = asking.piece().await? {
        for row in piece.rows {
            let session = session(row);
            if command.each {
                let Session { user, protocol, process, client } = session;
                output.rows.push(vec![user, Some(protocol), Some(process), Some(client)]);
            } else {
                counted.add(session);
            }
        }
    }
    output.rows.extend(counted.rows().map(|fields| fields.map(Some).to_vec()));
    Ok(output)
}

/// Dovecot's `who` knows no sessions of LMTP. They have no user, so that a mask leaves them out.
fn logged_in(whom: Whom) -> Whom {
    let users = whom.users.or_else(|| Some(Mask::new("*")));
    Whom { users, ..whom }
}

fn session(row: Row) -> Session {
    Session {
        user: row.user.map(String::from),
        protocol: row.protocol.name().to_owned(),
        process: std::process::id().to_string(),
        client: row.client.ip().to_canonical().to_string(),
    }
}

/// The users whose sessions were ended; of LMTP, the protocol and its client.
async fn kick(mut kicking: Kicking<'_>) -> Result<Output, CommandError> {
    let mut users = BTreeSet::new();
    while let Some(rows) = kicking.rows().await {
        for row in rows {
            let client = row.client.ip().to_canonical();
            users.insert(
                row.user.map_or_else(|| format!("{}:{client}", row.protocol), String::from),
            );
        }
    }
    kicking.finish()?;
    if users.is_empty() {
        return Err(CommandError::NotFound("no users kicked".to_owned()));
    }
    Ok(kicked(users))
}

fn kicked(users: impl IntoIterator<Item = String>) -> Output {
    let mut output = Output::new(&["result"]);
    output.rows = users.into_iter().map(|user| vec![Some(user)]).collect();
    output
}

async fn proxy_list(desk: &Desk) -> Result<Output, CommandError> {
    let mut output = Output::new(&PROXY_COLUMNS);
    let settings = desk.settings.now();
    let table = desk.exchange.table.load();
    let mut asking = desk.admin.ask(Act::List, logged_in(Whom::default()));
    while let Some(piece) = asking.piece().await? {
        for row in piece.rows {
            let Row { protocol, user, client, backend, .. } = row;
            let host = backend.as_deref().unwrap_or_default();
            let known = table.backends().iter().find(|entry| &*entry.host.name == host);
            let address = known.and_then(|entry| entry.host.addresses.first());
            let at = Protocol::ALL.iter().position(|known| *known == protocol);
            let port = at.and_then(|at| settings.mail_ports.get(at)).copied();
            let fields = [
                user.map_or_else(String::new, String::from),
                protocol.name().to_owned(),
                client.ip().to_canonical().to_string(),
                address.map_or_else(|| host.to_owned(), ToString::to_string),
                port.unwrap_or_default().to_string(),
            ];
            output.rows.push(fields.map(Some).to_vec());
        }
    }
    Ok(output)
}

async fn proxy_kick(
    desk: &Desk,
    by_group: bool,
    names: &[String],
    by: Asker,
) -> Result<Output, CommandError> {
    let mut count = 0;
    for name in names {
        let kicking = if by_group {
            let whom = Whom { groups: Some([name.as_str().into()].into()), ..Whom::default() };
            Kicking::begin(&desk.admin, whom, format!("proxy kick group {name}"), by)
        } else if Mask::new(name).exact().is_none() {
            // A user's name here is no mask, as Dovecot has it, and no user's has a star.
            continue;
        } else {
            Kicking::of_user(&desk.admin, name, by)
        };
        let mut kicking = kicking;
        while kicking.rows().await.is_some() {}
        count += kicking.finish()?;
    }
    let mut output = Output::new(&["count"]);
    output.rows.push(vec![Some(count.to_string())]);
    Ok(output)
}

/// What failed logins cost, by address prefix. Times are UTC.
fn penalty(desk: &Desk, networks: Option<&Networks>) -> Output {
    let mut output = Output::new(&["IP", "penalty", "last_penalty", "last_update"]);
    let now = clock::now();
    for charge in desk.exchange.visitors.penalties(now) {
        if networks.is_some_and(|networks| !networks.contains(charge.prefix.address())) {
            continue;
        }
        let ago = i64::try_from(charge.last_failed_ago.as_secs()).unwrap_or(i64::MAX);
        let at = unix_seconds().saturating_sub(ago);
        let time = der::time_of_day(at);
        let fields = [
            charge.prefix.to_string(),
            charge.failures.to_string(),
            format!("{} {time}", der::day(at)),
            time,
        ];
        output.rows.push(fields.map(Some).to_vec());
    }
    output
}

const WHO_COLUMNS: [&str; 5] = ["username", "connections", "service", "pids", "ips"];
const WHO_EACH_COLUMNS: [&str; 4] = ["username", "service", "pid", "ip"];
const PROXY_COLUMNS: [&str; 5] = ["username", "service", "src-ip", "dest-ip", "dest-port"];
