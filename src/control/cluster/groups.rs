//! `hale cluster group …`

use super::backends::MOVING;
use super::error::CommandError;
use super::names::{Names, candidates, find_backend_of, find_site, is_match};
use super::render::Output;
use super::settings::Cluster;
use super::verbs::{GroupCommand, YesNo};
use crate::control::geodb::Applied;
use crate::route::change::{ChangeReason, GroupChange, GroupCreation, Placement};
use crate::route::hash::rank;
use crate::route::rows::{Backend, BackendStatus, Site, UserGroup};

pub(super) async fn run(
    command: &GroupCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    match command {
        GroupCommand::Move { direct, abort: _, reason: _, site, group, host } => {
            let site = find_site(cluster, site).await?;
            let Some(host) = host else { return abort_move(cluster, &site, group).await };
            let backend = find_backend_of(cluster, &site, host).await?;
            if *direct {
                place(cluster, &site, group, &backend).await
            } else {
                start_move(cluster, &site, group, &backend).await
            }
        }
        GroupCommand::Status { site, group } => {
            let site = find_site(cluster, site).await?;
            let row = find_group(cluster, &site, group).await?;
            show(cluster, vec![row]).await
        }
        GroupCommand::Update { sticky_users, sticky_backend, site, group } => {
            let site = find_site(cluster, site).await?;
            if sticky_users.is_none() && sticky_backend.is_none() {
                let text = "nothing to change; give --sticky-users or --sticky-backend";
                return Err(CommandError::Usage(text.to_owned()));
            }
            let flag = |word: &Option<YesNo>| word.map(|word| word == YesNo::Yes);
            let before = find_group(cluster, &site, group).await?;
            if !cluster
                .geodb
                .stick_group(site.id, group, flag(sticky_users), flag(sticky_backend))
                .await?
            {
                return Err(unknown(&site, group));
            }
            let after = UserGroup {
                sticky_users: flag(sticky_users).unwrap_or(before.sticky_users),
                sticky_backend: flag(sticky_backend).unwrap_or(before.sticky_backend),
                ..before.clone()
            };
            changed_to(cluster, Some(before), after).await
        }
        GroupCommand::List { site, mask } => {
            let sites = match site {
                Some(site) => vec![find_site(cluster, site).await?],
                None => cluster.geodb.sites().await?,
            };
            let mut rows = Vec::new();
            for site in sites {
                rows.extend(cluster.geodb.groups(site.id).await?);
            }
            rows.retain(|row| is_match(mask.as_deref(), &row.name));
            show(cluster, rows).await
        }
    }
}

/// C-ROUTE-2: the starter names the destination and raises the flag; the source backend does the rest.
async fn start_move(
    cluster: &Cluster<'_>,
    site: &Site,
    group: &str,
    backend: &Backend,
) -> Result<Output, CommandError> {
    let row = find_group(cluster, site, group).await?;
    if backend.status != BackendStatus::Online {
        let text = "only an online backend can be moved to";
        return Err(CommandError::Data(format!(
            "backend {} is {}; {text}",
            backend.host, backend.status
        )));
    }
    if row.backend_id == Some(backend.id) {
        let text = "to give a move up, use --abort";
        return Err(CommandError::Data(format!(
            "group {group} is on {} already; {text}",
            backend.host
        )));
    }
    if row.is_moving() {
        if row.alt_backend_id == Some(backend.id) {
            let mut output = Output::default();
            output.notices.push(format!("group {group} is on its way to {} already", backend.host));
            return Ok(output);
        }
        let to = Names::of(cluster).await?.name(row.alt_backend_id).unwrap_or_default();
        let text =
            format!("give that up first: hale cluster group move --abort {} {group}", site.name);
        return Err(CommandError::Data(format!(
            "group {group} is on its way to {to} already; {text}"
        )));
    }
    let placement = Placement {
        backend_id: row.backend_id,
        alt_backend_id: Some(backend.id),
        moving: MOVING.into(),
    };
    write(cluster, &row, placement).await
}

/// `--abort`: the group stays where it is, and its logins go on there.
async fn abort_move(
    cluster: &Cluster<'_>,
    site: &Site,
    group: &str,
) -> Result<Output, CommandError> {
    let row = find_group(cluster, site, group).await?;
    if !row.is_moving() {
        return Err(CommandError::Data(format!("group {group} is not being moved")));
    }
    let candidates = candidates(cluster, site.id).await?;
    let next = rank(group, &candidates, row.backend_id).map(|ranking| ranking.best);
    let placement =
        Placement { backend_id: row.backend_id, alt_backend_id: next, moving: Box::default() };
    write(cluster, &row, placement).await
}

/// `--direct`: the final columns at once. Creates the group if it has no row.
async fn place(
    cluster: &Cluster<'_>,
    site: &Site,
    group: &str,
    backend: &Backend,
) -> Result<Output, CommandError> {
    let candidates = candidates(cluster, site.id).await?;
    let next = rank(group, &candidates, Some(backend.id)).map(|ranking| ranking.best);
    let row = cluster.geodb.read_group(site.id, group).await?;
    let Some(row) = row else {
        let creation = GroupCreation {
            site_id: site.id,
            name: group.into(),
            backend_id: backend.id,
            alt_backend_id: next,
        };
        if group.is_empty()
            || cluster.geodb.create_group(&creation, cluster.now).await?.backend_id
                != Some(backend.id)
        {
            return Err(changed(group));
        }
        cluster.note_move(site.id).await?;
        let row = find_group(cluster, site, group).await?;
        return changed_to(cluster, None, row).await;
    };
    let placement =
        Placement { backend_id: Some(backend.id), alt_backend_id: next, moving: Box::default() };
    write(cluster, &row, placement).await
}

async fn write(
    cluster: &Cluster<'_>,
    row: &UserGroup,
    placement: Placement,
) -> Result<Output, CommandError> {
    let change = GroupChange::of(row, placement.clone(), ChangeReason::Ordered);
    match cluster.geodb.apply(&change, cluster.now).await? {
        Applied::Written => {
            cluster.note_move(row.site_id).await?;
            let Placement { backend_id, alt_backend_id, moving } = placement;
            let after = UserGroup { backend_id, alt_backend_id, moving, ..row.clone() };
            changed_to(cluster, Some(row.clone()), after).await
        }
        Applied::Skipped => Err(changed(&row.name)),
    }
}

/// Nothing to print, and what the log says.
async fn changed_to(
    cluster: &Cluster<'_>,
    before: Option<UserGroup>,
    after: UserGroup,
) -> Result<Output, CommandError> {
    let names = Names::of(cluster).await?;
    let mut output = Output::default();
    let of = format!("group {}", after.name);
    output.note_changes(&of, &show_with(before, &names), &show_with([after], &names));
    Ok(output)
}

async fn find_group(
    cluster: &Cluster<'_>,
    site: &Site,
    group: &str,
) -> Result<UserGroup, CommandError> {
    cluster.geodb.read_group(site.id, group).await?.ok_or_else(|| unknown(site, group))
}

fn unknown(site: &Site, group: &str) -> CommandError {
    CommandError::NotFound(format!("group {group}: does not exist at site {}", site.name))
}

fn changed(group: &str) -> CommandError {
    CommandError::Changed(format!(
        "group {group}: was changed by another process meanwhile; try again"
    ))
}

async fn show(cluster: &Cluster<'_>, groups: Vec<UserGroup>) -> Result<Output, CommandError> {
    Ok(show_with(groups, &Names::of(cluster).await?))
}

pub(super) fn show_with(groups: impl IntoIterator<Item = UserGroup>, names: &Names) -> Output {
    let mut output = Output::new(&COLUMNS);
    let yes_no = |flag| Some(if flag { "yes" } else { "no" }.to_owned());
    for group in groups {
        output.rows.push(vec![
            Some(group.name.into_string()),
            names.name(Some(group.site_id)),
            names.name(group.backend_id),
            names.name(group.alt_backend_id),
            Some(group.moving.into_string()),
            yes_no(group.sticky_users),
            yes_no(group.sticky_backend),
            group.refresh_after.map(|at| at.to_string()),
        ]);
    }
    output
}

const COLUMNS: [&str; 8] = [
    "name",
    "site_id",
    "backend_id",
    "alt_backend_id",
    "moving",
    "sticky_users",
    "sticky_backend",
    "refresh_after",
];
