//! `hale cluster backend …`

use uuid::Uuid;

use super::error::CommandError;
use super::figures::{BACKEND_COLUMNS, Figures};
use super::force_moves::{self, Active, Scope, reset};
use super::names::{
    Names, candidates, check_host, chosen_backend, chosen_host, find_site, given_site, is_address,
};
use super::pins;
use super::render::Output;
use super::settings::Cluster;
use super::verbs::BackendCommand;
use crate::control::geodb::{Applied, BackendUpdate};
use crate::route::change::{ChangeReason, GroupChange, Placement};
use crate::route::hash::rank;
use crate::route::pins::PIN;
use crate::route::rows::{Backend, BackendStatus, Site};
use crate::route::set_by::{ADMIN, ordered};

pub(super) async fn run(
    command: &BackendCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    match command {
        BackendCommand::Add { id, site, backend } => {
            let site = match site {
                Some(site) => find_site(cluster, site).await?,
                None => find_site(cluster, cluster.settings.local_site()?).await?,
            };
            let host = chosen_host(backend)?;
            add(cluster, &site, *id, host).await
        }
        BackendCommand::Remove { backend } => {
            let backend = chosen_backend(cluster, backend).await?;
            cluster.geodb.delete_backend(backend.site_id, backend.id).await?;
            pins::drop_all(cluster, &backend).await?;
            reset(cluster, &Scope::backend(&backend)).await?;
            Ok(Output::default())
        }
        BackendCommand::Update { status, load_factor, reason, backend } => {
            let backend = chosen_backend(cluster, backend).await?;
            let why = status_reason(cluster, ADMIN, reason.as_deref())?;
            let update = BackendUpdate {
                status: status.map(|status| (BackendStatus::from(status), why)),
                load_factor: *load_factor,
                ..BackendUpdate::default()
            };
            if update == BackendUpdate::default() {
                return Err(CommandError::Usage(
                    "nothing to change; give --status or --load-factor".to_owned(),
                ));
            }
            let before = show(cluster, vec![backend.clone()]).await?;
            write(cluster, &backend, &update).await?;
            if update.status.is_some() {
                reset(cluster, &Scope::backend(&backend)).await?;
            }
            let mut output = Output::default();
            note_update(&mut output, cluster, &before, backend, update).await?;
            Ok(output)
        }
        BackendCommand::Evacuate { reason, backend } => {
            let backend = chosen_backend(cluster, backend).await?;
            let why = status_reason(cluster, EVACUATED, reason.as_deref())?;
            evacuate(cluster, &backend, why).await
        }
        BackendCommand::Status { backend } => {
            let backend = chosen_backend(cluster, backend).await?;
            show_whole(cluster, vec![backend]).await
        }
        BackendCommand::List { site } => {
            let site = given_site(cluster, site.as_deref()).await?;
            let mut backends = cluster.geodb.backends().await?;
            backends.retain(|backend| site.as_ref().is_none_or(|site| backend.site_id == site.id));
            show_whole(cluster, backends).await
        }
        BackendCommand::ForceMove(command) => force_moves::of_backend(command, cluster).await,
        BackendCommand::Pin { list: true, site, .. } => pins::list(cluster, site.as_deref()).await,
        BackendCommand::Pin { lasting, reason, host, users, .. } => {
            let host = host.as_deref().unwrap_or_default();
            let why = status_reason(cluster, ADMIN, reason.as_deref())?;
            pins::pin(cluster, host, users, *lasting, why).await
        }
        BackendCommand::Unpin { site, reason: _, users } => {
            pins::unpin(cluster, site.as_deref(), users).await
        }
    }
}

async fn add(
    cluster: &Cluster<'_>,
    site: &Site,
    id: Option<Uuid>,
    host: &str,
) -> Result<Output, CommandError> {
    if is_address(host) {
        let text = "is an address; give the backend a host name (in `cluster_hosts_file`, DNS or /etc/hosts) and use that";
        return Err(CommandError::Data(format!("{host} {text}")));
    }
    check_host(host)?;
    let is_known =
        |known: &Backend| known.site_id == site.id && known.host.eq_ignore_ascii_case(host);
    if cluster.geodb.backends().await?.iter().any(is_known) {
        return Err(CommandError::Data(format!("backend {host}: exists at site {}", site.name)));
    }
    if cluster.settings.resolver.resolve(host).await.is_empty() {
        let text = "does not resolve; add it to `cluster_hosts_file`, DNS or /etc/hosts first";
        return Err(CommandError::NotFound(format!("{host} {text}")));
    }
    let backend = Backend {
        site_id: site.id,
        id: id.unwrap_or_else(Uuid::new_v4),
        load_factor: Some(100),
        host: host.into(),
        status: BackendStatus::Standby,
        status_reason: Some(status_reason(cluster, ADMIN, None)?),
        last_moved_from: None,
        last_moved_to: None,
    };
    if backend.id.is_nil() || !cluster.geodb.insert_backend(&backend).await? {
        return Err(CommandError::Data(format!("id {} is in use or nil", backend.id)));
    }
    show(cluster, vec![backend]).await
}

/// Does not wait (C-ROUTE-2). `standby` lets proxies finish each move at the group's next login.
async fn evacuate(
    cluster: &Cluster<'_>,
    backend: &Backend,
    why: Box<str>,
) -> Result<Output, CommandError> {
    let candidates = candidates(cluster, backend.site_id).await?;
    let groups = cluster.geodb.groups(backend.site_id).await?;
    let of_backend = |group: &&crate::route::rows::UserGroup| group.backend_id == Some(backend.id);
    let mut changes = Vec::new();
    for group in groups.iter().filter(of_backend).filter(|group| !group.is_moving()) {
        let Some(ranking) = rank(&group.name, &candidates, Some(backend.id)) else {
            let text = "no other backend of its site is online, so its groups have nowhere to go";
            return Err(CommandError::Data(format!("backend {}: {text}", backend.host)));
        };
        let placement = Placement {
            backend_id: group.backend_id,
            alt_backend_id: Some(ranking.best),
            moving: MOVING.into(),
        };
        changes.push(GroupChange::of(group, placement, ChangeReason::Ordered));
    }
    let before = show(cluster, vec![backend.clone()]).await?;
    // First no new groups, then the moves, then no new logins.
    let drained = BackendUpdate { load_factor: Some(0), ..BackendUpdate::default() };
    write(cluster, backend, &drained).await?;
    let mut moving: usize = 0;
    for change in &changes {
        moving += usize::from(cluster.geodb.apply(change, cluster.now).await? == Applied::Written);
    }
    cluster.note_move(backend.site_id).await?;
    // A source in standby has nothing to wait for: proxies that carry out moves would end them at once.
    let are_moves_ours = cluster.settings.are_moves_ours;
    let status = if are_moves_ours { backend.status.clone() } else { BackendStatus::Standby };
    let drained = BackendUpdate { status: Some((status, why)), ..BackendUpdate::default() };
    write(cluster, backend, &drained).await?;
    reset(cluster, &Scope::backend(backend)).await?;
    let mut output = Output::new(&["host", "groups"]);
    let update = BackendUpdate { load_factor: Some(0), ..drained };
    note_update(&mut output, cluster, &before, backend.clone(), update).await?;
    output.changes.push(format!("{moving} groups of {} on their way", backend.host));
    if are_moves_ours {
        let host = &backend.host;
        output.notices.push(format!(
            "{host} stays online until its groups have left it (hale cluster group list); then: \
             hale cluster backend update --status standby {host}"
        ));
    }
    output.rows.push(vec![Some(backend.host.to_string()), Some(moving.to_string())]);
    Ok(output)
}

/// Never begins with `auto:`, so that no probe changes it back (C-BACKEND-2).
pub(super) fn status_reason(
    cluster: &Cluster<'_>,
    kind: &str,
    reason: Option<&str>,
) -> Result<Box<str>, CommandError> {
    match reason {
        Some(text) if text.chars().any(char::is_control) || text.len() > REASON_BYTES_MAX => {
            let text = format!("--reason: one line of at most {REASON_BYTES_MAX} bytes");
            Err(CommandError::Data(text))
        }
        why => Ok(ordered(kind, why, &cluster.settings.by, cluster.now).into()),
    }
}

/// Says in the log what became of the backend's row.
async fn note_update(
    output: &mut Output,
    cluster: &Cluster<'_>,
    before: &Output,
    backend: Backend,
    update: BackendUpdate,
) -> Result<(), CommandError> {
    let of = format!("backend {}", backend.host);
    let (status, status_reason) = match update.status {
        Some((status, reason)) => (status, Some(reason)),
        None => (backend.status, backend.status_reason),
    };
    let load_factor = update.load_factor.map(i64::from).or(backend.load_factor);
    let after = Backend { status, status_reason, load_factor, ..backend };
    output.note_changes(&of, before, &show(cluster, vec![after]).await?);
    Ok(())
}

async fn write(
    cluster: &Cluster<'_>,
    backend: &Backend,
    update: &BackendUpdate,
) -> Result<(), CommandError> {
    match cluster.geodb.update_backend(backend.site_id, backend.id, update).await? {
        Applied::Written => Ok(()),
        Applied::Skipped => {
            Err(CommandError::Changed(format!("backend {}: was removed meanwhile", backend.host)))
        }
    }
}

async fn show(cluster: &Cluster<'_>, backends: Vec<Backend>) -> Result<Output, CommandError> {
    let names = Names::of(cluster).await?;
    let active = Active::of(cluster).await?;
    let mut output = Output::new(&COLUMNS);
    for backend in backends {
        let force_move = active.force_move(&Scope::backend(&backend), &names);
        output.rows.push(vec![
            Some(backend.host.into_string()),
            names.name(Some(backend.site_id)),
            Some(backend.status.to_string()),
            backend.load_factor.map(|factor| factor.to_string()),
            backend.status_reason.map(String::from),
            backend.last_moved_from.map(String::from),
            backend.last_moved_to.map(String::from),
            Some(backend.id.to_string()),
            force_move,
        ]);
    }
    Ok(output)
}

/// With what is known besides the rows.
async fn show_whole(cluster: &Cluster<'_>, backends: Vec<Backend>) -> Result<Output, CommandError> {
    let mut sites: Vec<Uuid> = backends.iter().map(|backend| backend.site_id).collect();
    sites.sort_unstable();
    sites.dedup();
    let figures = Figures::of(cluster, &sites).await?;
    let pinned = cluster.geodb.settings(PIN).await?;
    let more = backends.iter().map(|backend| {
        let mut fields = figures.backend(backend, cluster.now);
        fields.push(Some(pins::count(&pinned, backend.id, cluster.now).to_string()));
        fields
    });
    let more: Vec<_> = more.collect();
    Ok(show(cluster, backends).await?.with_columns(&BACKEND_COLUMNS, more.into_iter()))
}

/// The columns of `backend list`, for tests of those who read it.
#[cfg(test)]
pub(in crate::control) fn listed() -> Vec<String> {
    COLUMNS.iter().chain(&BACKEND_COLUMNS).map(|name| (*name).to_owned()).collect()
}

const COLUMNS: [&str; 9] = [
    "host",
    "site_id",
    "status",
    "load_factor",
    "status_reason",
    "last_moved_from",
    "last_moved_to",
    "id",
    "force_move",
];
/// The kind of reason of an evacuation.
const EVACUATED: &str = "evacuate";
/// It stands in lists.
const REASON_BYTES_MAX: usize = 200;
/// `user_groups.moving` of moves that we start; any text that is not empty does.
pub(super) const MOVING: &str = "1";
