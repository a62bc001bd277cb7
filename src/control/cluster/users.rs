//! `hale cluster user …`

use super::error::{CommandError, EX_TEMPFAIL};
use super::names::{Names, find_site, given_site, is_match};
use super::render::Output;
use super::settings::Cluster;
use super::verbs::{UserChoice, UserCommand};
use crate::control::geodb::lookup::{Search, look_up};
use crate::control::geodb::{Applied, Changed};
use crate::limits;
use crate::route::build::hosts_to_resolve;
use crate::route::change::time_of_change;
use crate::route::decide::{Decision, Destination};
use crate::route::fault::RouteFault;
use crate::route::pins::drop_those_over;
use crate::route::rows::User;
use crate::route::settings_rows::{DEPARTURES, Departure};
use crate::route::table::Table;

pub(super) async fn run(
    command: &UserCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    match command {
        UserCommand::Access { users, address } => access(cluster, users, *address).await,
        UserCommand::Delete { user } => {
            if !cluster.geodb.delete_user(user).await? {
                return Err(unknown(user));
            }
            Ok(Output::default())
        }
        UserCommand::Move { group: None, user, .. } => abort_move(cluster, user).await,
        UserCommand::Move {
            direct,
            abort: _,
            site,
            reason: _,
            user,
            group: Some(group),
            failover_group,
        } => {
            let wanted = Move { user, group, failover_group: failover_group.as_deref() };
            let site = given_site(cluster, site.as_deref()).await?;
            let site_id = site.map(|site| site.id);
            if *direct {
                place(cluster, &wanted, site_id).await
            } else {
                start_move(cluster, &wanted, site_id).await
            }
        }
        UserCommand::Status { user } => {
            let row = cluster.geodb.read_user(user).await?.ok_or_else(|| unknown(user))?;
            show(cluster, vec![row]).await
        }
        UserCommand::List { mask } => {
            let mut rows = cluster.geodb.users().await?;
            rows.retain(|row| is_match(mask.as_deref(), &row.username));
            show(cluster, rows).await
        }
    }
}

// === Moves ===

struct Move<'a> {
    user: &'a str,
    group: &'a str,
    failover_group: Option<&'a str>,
}

/// C-MOVE-3: the original backend completes the move at the user's next access.
async fn start_move(
    cluster: &Cluster<'_>,
    wanted: &Move<'_>,
    site_id: Option<uuid::Uuid>,
) -> Result<Output, CommandError> {
    check(wanted)?;
    let Some(row) = cluster.geodb.read_user(wanted.user).await? else {
        let text = "has no row; use --direct to create it";
        return Err(CommandError::NoUser(format!("user {} {text}", wanted.user)));
    };
    let moving = User {
        moving_preferred_site_id: site_id,
        moving_group_name: Some(wanted.group.into()),
        moving_failover_site_group_name: wanted.failover_group.map(Box::from),
        ..row.clone()
    };
    check_order(&row, &moving)?;
    let departure = departure(cluster, &row).await?;
    // The same order again: a row that is written again would be another move.
    let output = match row.is_moving() {
        true => Output::default(),
        false => write(cluster, Some(&row), &moving).await?,
    };
    // Behind the row, so that a proxy which hears of the departure finds the user on the way.
    if let Some(departure) = departure {
        cluster.geodb.write_setting(&departure.to_row()).await?;
        cluster.geodb.announce(Changed::Tables);
    }
    Ok(output)
}

/// Whether the order makes sense with the row as it is.
fn check_order(row: &User, moving: &User) -> Result<(), CommandError> {
    let user = &row.username;
    if moving.moved().leads_where(&row.unmoved()) {
        let text = "to give a move up, use --abort";
        let group = &row.group_name;
        return Err(CommandError::Data(format!("user {user} is in group {group} already; {text}")));
    }
    if row.is_moving() && !row.leads_where(moving) {
        let group = row.moved().group_name;
        let text = format!("give that up first: hale cluster user move --abort {user}");
        return Err(CommandError::Data(format!(
            "user {user} is on the way to group {group} already; {text}"
        )));
    }
    Ok(())
}

/// What the proxies of the user's site have to know of the move; none: they do not carry moves out, or the user is nowhere.
async fn departure(cluster: &Cluster<'_>, row: &User) -> Result<Option<Departure>, CommandError> {
    let Some(site_id) = row.preferred_site_id.filter(|_| cluster.settings.are_moves_ours) else {
        return Ok(None);
    };
    let group = cluster.geodb.read_group(site_id, &row.group_name).await?;
    let Some(backend_id) = group.and_then(|group| group.backend_id) else { return Ok(None) };
    let known = departures(cluster).await?;
    let scope = [site_id, backend_id];
    let ordered = match row.is_moving() {
        true => row.last_update.unwrap_or(cluster.now),
        false => time_of_change(cluster.now, row.last_update),
    };
    match Departure::among(known.iter(), scope, &row.username, ordered) {
        Some(departure) => Ok(Some(departure)),
        None => Err(CommandError::TempFail(format!(
            "{} users move away from that backend at this moment; try again in a minute, or move the group",
            limits::DEPARTURES_MAX
        ))),
    }
}

async fn departures(cluster: &Cluster<'_>) -> Result<Vec<Departure>, CommandError> {
    let rows = cluster.geodb.settings(DEPARTURES).await?;
    Ok(rows.iter().filter_map(Departure::of_row).collect())
}

/// `--abort`: the user stays, and the logins go on there.
async fn abort_move(cluster: &Cluster<'_>, user: &str) -> Result<Output, CommandError> {
    let row = cluster.geodb.read_user(user).await?.ok_or_else(|| unknown(user))?;
    if !row.is_moving() {
        return Err(CommandError::Data(format!("user {user} is not being moved")));
    }
    let output = write(cluster, Some(&row), &row.unmoved()).await?;
    for departure in departures(cluster).await?.iter().filter(|it| *it.user == *user) {
        cluster.geodb.delete_setting(&departure.to_row()).await?;
    }
    cluster.geodb.announce(Changed::Tables);
    Ok(output)
}

/// `--direct`: the final columns at once. Creates the user if there is no row.
async fn place(
    cluster: &Cluster<'_>,
    wanted: &Move<'_>,
    site_id: Option<uuid::Uuid>,
) -> Result<Output, CommandError> {
    check(wanted)?;
    let row = cluster.geodb.read_user(wanted.user).await?;
    let known_site = site_id.or_else(|| row.as_ref().and_then(|row| row.preferred_site_id));
    let preferred_site_id = match known_site {
        Some(id) => id,
        None => find_site(cluster, cluster.settings.local_site()?).await?.id,
    };
    let kept = row.as_ref().and_then(|row| row.failover_site_group_name.clone());
    let placed = User {
        username: wanted.user.into(),
        preferred_site_id: Some(preferred_site_id),
        group_name: wanted.group.into(),
        failover_site_group_name: wanted.failover_group.map(Box::from).or(kept),
        ..User::default()
    };
    write(cluster, row.as_ref(), &placed).await
}

fn check(wanted: &Move<'_>) -> Result<(), CommandError> {
    for name in [Some(wanted.user), Some(wanted.group), wanted.failover_group].into_iter().flatten()
    {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(CommandError::Data(format!("{name:?} is no name")));
        }
    }
    Ok(())
}

async fn write(
    cluster: &Cluster<'_>,
    expected: Option<&User>,
    row: &User,
) -> Result<Output, CommandError> {
    match cluster.geodb.replace_user(expected, row, cluster.now).await? {
        Applied::Written => {
            let names = Names::of(cluster).await?;
            let mut output = Output::default();
            let before = show_with(expected.cloned(), &names);
            let after = show_with([row.clone()], &names);
            output.note_changes(&format!("user {}", row.username), &before, &after);
            Ok(output)
        }
        Applied::Skipped => {
            let text = "was changed by another process meanwhile; try again";
            Err(CommandError::Changed(format!("user {} {text}", row.username)))
        }
    }
}

// === Access ===

async fn access(
    cluster: &Cluster<'_>,
    users: &UserChoice,
    by_address: bool,
) -> Result<Output, CommandError> {
    let mut table = build_table(cluster).await?;
    let mut output = Output::new(&["username", if by_address { "ip" } else { "host" }]);
    let shown = |destination: &Destination| match by_address {
        true => destination.address.to_string(),
        false => destination.host.to_string(),
    };
    if let Some(user) = &users.user {
        let destination = find(cluster, &mut table, user).await?;
        output.rows.push(vec![Some(user.clone()), Some(shown(&destination))]);
        return Ok(output);
    }
    for user in names_of(cluster, users).await? {
        match find(cluster, &mut table, &user).await {
            Ok(destination) => output.rows.push(vec![Some(user), Some(shown(&destination))]),
            Err(error @ CommandError::GeoDb(_)) => return Err(error),
            Err(error) => {
                output.notices.push(format!("user {user}: {error}"));
                output.exit_code = EX_TEMPFAIL;
            }
        }
    }
    Ok(output)
}

async fn names_of(cluster: &Cluster<'_>, users: &UserChoice) -> Result<Vec<String>, CommandError> {
    if let Some(path) = &users.file {
        let text = "is read where the command is typed, not by the Hale that runs it";
        return Err(CommandError::Usage(format!("{}: {text}", path.display())));
    }
    if users.all {
        let rows = cluster.geodb.users().await?;
        return Ok(rows.into_iter().map(|row| row.username.into_string()).collect());
    }
    Ok(users.listed.iter().filter(|user| !user.is_empty()).cloned().collect())
}

async fn find(
    cluster: &Cluster<'_>,
    table: &mut Table,
    user: &str,
) -> Result<Destination, CommandError> {
    let mut answer = look_up(cluster.geodb, table, &Search::of(user, cluster.now)).await?;
    if answer.decision == Decision::NeedTable {
        *table = build_table(cluster).await?;
        answer = look_up(cluster.geodb, table, &Search::of(user, cluster.now)).await?;
    }
    match answer.decision {
        Decision::Go { destination, .. } => Ok(destination),
        Decision::Fail { fault, about } => Err(refusal(fault, &about)),
        Decision::NeedUser
        | Decision::NeedTable
        | Decision::AssignUser(_)
        | Decision::MoveUser(_)
        | Decision::FailOver(_)
        | Decision::CreateGroup(_) => {
            Err(CommandError::Changed(format!("user {user}: the rows keep changing; try again")))
        }
    }
}

pub(in crate::control) fn refusal(fault: RouteFault, about: &str) -> CommandError {
    let separator = if about.is_empty() { "" } else { ": " };
    let text = format!("{about}{separator}{}", fault.text());
    match fault {
        RouteFault::NoLocalSite | RouteFault::NoDefaultGroups | RouteFault::NoLoadBalancer => {
            CommandError::Config(text)
        }
        RouteFault::UnknownHomeSite
        | RouteFault::UnknownTag
        | RouteFault::NoSiteOfTag
        | RouteFault::UnknownReferral => CommandError::NotFound(text),
        RouteFault::LocalSiteNotServing
        | RouteFault::HomeSiteDown
        | RouteFault::NoUsableBackend
        | RouteFault::Unresolved
        | RouteFault::GeoDbUnreachable => CommandError::TempFail(text),
    }
}

async fn build_table(cluster: &Cluster<'_>) -> Result<Table, CommandError> {
    let local_site = cluster.settings.local_site()?;
    let mut rows = cluster.geodb.read_all(local_site).await?;
    drop_those_over(&mut rows.settings, cluster.now);
    let hosts = hosts_to_resolve(&rows, local_site);
    let addresses = cluster.settings.resolver.resolve_all(hosts).await;
    let route = cluster.settings.routing_of(local_site);
    Ok(Table::build(&rows, &addresses, &route).0)
}

fn unknown(user: &str) -> CommandError {
    CommandError::NoUser(format!("user {user}: has no row"))
}

async fn show(cluster: &Cluster<'_>, users: Vec<User>) -> Result<Output, CommandError> {
    Ok(show_with(users, &Names::of(cluster).await?))
}

pub(super) fn show_with(users: impl IntoIterator<Item = User>, names: &Names) -> Output {
    let mut output = Output::new(&COLUMNS);
    for user in users {
        output.rows.push(vec![
            Some(user.username.into_string()),
            names.name(user.preferred_site_id),
            Some(user.group_name.into_string()),
            user.failover_site_group_name.map(String::from),
            user.metacache_last_host.map(String::from),
            names.name(user.moving_preferred_site_id),
            user.moving_group_name.map(String::from),
            user.moving_failover_site_group_name.map(String::from),
            user.last_update.map(|at| at.to_string()),
        ]);
    }
    output
}

const COLUMNS: [&str; 9] = [
    "username",
    "preferred_site_id",
    "group_name",
    "failover_site_group_name",
    "metacache_last_host",
    "moving_preferred_site_id",
    "moving_group_name",
    "moving_failover_site_group_name",
    "last_update",
];
