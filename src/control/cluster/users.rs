//! `hale cluster user …`

use super::names::{Names, find_site, is_match};
use super::verbs::{UserChoice, UserCommand};
use super::{CommandError, EX_TEMPFAIL, Output, Settings};
use crate::control::geodb::lookup::lookup;
use crate::control::geodb::{Applied, GeoDb};
use crate::route::build::hosts_to_resolve;
use crate::route::decide::{Decision, Destination};
use crate::route::fault::RouteFault;
use crate::route::rows::User;
use crate::route::table::{Addresses, RouteSettings, Table};

pub(super) fn run(
    command: &UserCommand,
    geodb: &mut GeoDb,
    settings: &mut Settings<'_>,
) -> Result<Output, CommandError> {
    match command {
        UserCommand::Access { users, address } => access(geodb, users, *address, settings),
        UserCommand::Delete { user } => {
            if !geodb.delete_user(user)? {
                return Err(unknown(user));
            }
            Ok(Output::default())
        }
        UserCommand::Move { direct, site, user, group, failover_group } => {
            let wanted = Move { user, group, failover_group: failover_group.as_deref() };
            let site = site.as_deref().map(|site| find_site(geodb, site)).transpose()?;
            let site_id = site.map(|site| site.id);
            if *direct {
                place(geodb, &wanted, site_id, settings)
            } else {
                start_move(geodb, &wanted, site_id, settings)
            }
        }
        UserCommand::Status { user } => {
            let row = geodb.read_user(user)?.ok_or_else(|| unknown(user))?;
            show(geodb, vec![row])
        }
        UserCommand::List { mask } => {
            let mut rows = geodb.users()?;
            rows.retain(|row| is_match(mask.as_deref(), &row.username));
            show(geodb, rows)
        }
    }
}

// === Moves ===

struct Move<'a> {
    user: &'a str,
    group: &'a str,
    failover_group: Option<&'a str>,
}

/// Palomar.md 5.3: the original backend completes the move at the user's next access.
fn start_move(
    geodb: &mut GeoDb,
    wanted: &Move<'_>,
    site_id: Option<uuid::Uuid>,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    check(wanted)?;
    let Some(row) = geodb.read_user(wanted.user)? else {
        let text = "has no row; use --direct to create it";
        return Err(CommandError::NoUser(format!("user {} {text}", wanted.user)));
    };
    let moving = User {
        moving_preferred_site_id: site_id,
        moving_group_name: Some(wanted.group.into()),
        moving_failover_site_group_name: wanted.failover_group.map(Box::from),
        ..row.clone()
    };
    write(geodb, Some(&row), &moving, settings)
}

/// `--direct`: the final columns at once. Creates the user if there is no row.
fn place(
    geodb: &mut GeoDb,
    wanted: &Move<'_>,
    site_id: Option<uuid::Uuid>,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    check(wanted)?;
    let row = geodb.read_user(wanted.user)?;
    let known_site = site_id.or_else(|| row.as_ref().and_then(|row| row.preferred_site_id));
    let preferred_site_id = match known_site {
        Some(id) => id,
        None => find_site(geodb, settings.local_site()?)?.id,
    };
    let kept = row.as_ref().and_then(|row| row.failover_site_group_name.clone());
    let placed = User {
        username: wanted.user.into(),
        preferred_site_id: Some(preferred_site_id),
        group_name: wanted.group.into(),
        failover_site_group_name: wanted.failover_group.map(Box::from).or(kept),
        ..User::default()
    };
    write(geodb, row.as_ref(), &placed, settings)
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

fn write(
    geodb: &mut GeoDb,
    expected: Option<&User>,
    row: &User,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    match geodb.replace_user(expected, row, settings.now)? {
        Applied::Written => Ok(Output::default()),
        Applied::Skipped => {
            let text = "was changed by somebody else meanwhile; try again";
            Err(CommandError::TempFail(format!("user {} {text}", row.username)))
        }
    }
}

// === Access ===

fn access(
    geodb: &mut GeoDb,
    users: &UserChoice,
    by_address: bool,
    settings: &mut Settings<'_>,
) -> Result<Output, CommandError> {
    let mut table = build_table(geodb, settings)?;
    let mut output = Output::new(&["username", if by_address { "ip" } else { "host" }]);
    let shown = |destination: &Destination| match by_address {
        true => destination.address.to_string(),
        false => destination.host.to_string(),
    };
    if let Some(user) = &users.user {
        let destination = find(geodb, &mut table, user, settings)?;
        output.rows.push(vec![Some(user.clone()), Some(shown(&destination))]);
        return Ok(output);
    }
    for user in names_of(geodb, users)? {
        match find(geodb, &mut table, &user, settings) {
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

fn names_of(geodb: &mut GeoDb, users: &UserChoice) -> Result<Vec<String>, CommandError> {
    let Some(path) = &users.file else {
        return Ok(geodb.users()?.into_iter().map(|row| row.username.into_string()).collect());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::Data(format!("{}: {error}", path.display())))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn find(
    geodb: &mut GeoDb,
    table: &mut Table,
    user: &str,
    settings: &mut Settings<'_>,
) -> Result<Destination, CommandError> {
    let mut answer = lookup(geodb, table, user, settings.now)?;
    if answer.decision == Decision::NeedTable {
        *table = build_table(geodb, settings)?;
        answer = lookup(geodb, table, user, settings.now)?;
    }
    match answer.decision {
        Decision::Go { destination, .. } => Ok(destination),
        Decision::Fail { fault, about } => Err(refusal(fault, &about)),
        Decision::NeedUser
        | Decision::NeedTable
        | Decision::AssignUser(_)
        | Decision::FinishUserMove(_)
        | Decision::CreateGroup(_) => {
            Err(CommandError::TempFail(format!("user {user}: the rows keep changing; try again")))
        }
    }
}

fn refusal(fault: RouteFault, about: &str) -> CommandError {
    let separator = if about.is_empty() { "" } else { ": " };
    let text = format!("{about}{separator}{}", fault.text());
    match fault {
        RouteFault::NoLocalSite | RouteFault::NoDefaultGroups | RouteFault::NoLoadBalancer => {
            CommandError::Config(text)
        }
        RouteFault::UnknownHomeSite | RouteFault::UnknownReferral => CommandError::NotFound(text),
        RouteFault::LocalSiteNotServing
        | RouteFault::HomeSiteDown
        | RouteFault::NoUsableBackend
        | RouteFault::Unresolved
        | RouteFault::GeoDbUnreachable => CommandError::TempFail(text),
    }
}

fn build_table(geodb: &mut GeoDb, settings: &mut Settings<'_>) -> Result<Table, CommandError> {
    let local_site: Box<str> = settings.local_site()?.into();
    let rows = geodb.read_all(&local_site)?;
    let mut addresses = Addresses::new();
    for host in hosts_to_resolve(&rows, &local_site) {
        let found = (settings.resolve)(&host);
        addresses.insert(host, found);
    }
    let route = RouteSettings {
        local_site,
        default_group_count: settings.default_group_count,
        test_username: settings.test_username.cloned(),
    };
    Ok(Table::build(&rows, &addresses, &route).0)
}

fn unknown(user: &str) -> CommandError {
    CommandError::NoUser(format!("user {user}: has no row"))
}

fn show(geodb: &mut GeoDb, users: Vec<User>) -> Result<Output, CommandError> {
    let names = Names::of(geodb)?;
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
    Ok(output)
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
