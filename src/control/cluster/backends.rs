//! `hale cluster backend …`

use uuid::Uuid;

use super::names::{
    Names, candidates, check_host, chosen_backend, chosen_host, find_site, is_address,
};
use super::verbs::BackendCommand;
use super::{CommandError, Output, Settings};
use crate::control::geodb::{Applied, BackendUpdate, GeoDb};
use crate::route::group::{ChangeReason, GroupChange, Placement};
use crate::route::hash::rank;
use crate::route::rows::{Backend, BackendStatus, Site};

pub(super) fn run(
    command: &BackendCommand,
    geodb: &mut GeoDb,
    settings: &mut Settings<'_>,
) -> Result<Output, CommandError> {
    match command {
        BackendCommand::Add { id, site, backend } => {
            let site = match site {
                Some(site) => find_site(geodb, site)?,
                None => find_site(geodb, settings.local_site()?)?,
            };
            let host = chosen_host(backend, settings)?.to_owned();
            add(geodb, &site, *id, &host, settings)
        }
        BackendCommand::Remove { backend } => {
            let backend = chosen_backend(geodb, backend, settings)?;
            geodb.delete_backend(backend.site_id, backend.id)?;
            Ok(Output::default())
        }
        BackendCommand::Update { status, load_factor, backend } => {
            let backend = chosen_backend(geodb, backend, settings)?;
            let update = BackendUpdate {
                // Not `auto:`, so that no probe changes it back (G6).
                status: status.map(|status| (BackendStatus::from(status), STATUS_REASON.into())),
                load_factor: *load_factor,
                expected_status: None,
            };
            if update == BackendUpdate::default() {
                return Err(CommandError::Usage(
                    "nothing to change; give --status or --load-factor".to_owned(),
                ));
            }
            write(geodb, &backend, &update)?;
            Ok(Output::default())
        }
        BackendCommand::Evacuate { backend } => {
            let backend = chosen_backend(geodb, backend, settings)?;
            evacuate(geodb, &backend, settings)
        }
        BackendCommand::Status { backend } => {
            let backend = chosen_backend(geodb, backend, settings)?;
            show(geodb, vec![backend])
        }
        BackendCommand::List { site } => {
            let site = site.as_deref().map(|site| find_site(geodb, site)).transpose()?;
            let mut backends = geodb.backends()?;
            backends.retain(|backend| site.as_ref().is_none_or(|site| backend.site_id == site.id));
            show(geodb, backends)
        }
    }
}

fn add(
    geodb: &mut GeoDb,
    site: &Site,
    id: Option<Uuid>,
    host: &str,
    settings: &mut Settings<'_>,
) -> Result<Output, CommandError> {
    if is_address(host) {
        let text = "is an address; give the backend a host name (in `cluster_hosts_file`, DNS or /etc/hosts) and use that";
        return Err(CommandError::Data(format!("{host} {text}")));
    }
    check_host(host)?;
    let is_known =
        |known: &Backend| known.site_id == site.id && known.host.eq_ignore_ascii_case(host);
    if geodb.backends()?.iter().any(is_known) {
        return Err(CommandError::Data(format!("backend {host}: exists at site {}", site.name)));
    }
    if (settings.resolve)(host).is_empty() {
        let text = "does not resolve; add it to `cluster_hosts_file`, DNS or /etc/hosts first";
        return Err(CommandError::NotFound(format!("{host} {text}")));
    }
    let backend = Backend {
        site_id: site.id,
        id: id.unwrap_or_else(Uuid::new_v4),
        load_factor: Some(100),
        host: host.into(),
        status: BackendStatus::Standby,
        status_reason: Some(STATUS_REASON.into()),
        last_moved_from: None,
        last_moved_to: None,
    };
    if backend.id.is_nil() || !geodb.insert_backend(&backend)? {
        return Err(CommandError::Data(format!("id {} is in use or nil", backend.id)));
    }
    show(geodb, vec![backend])
}

/// Palomar.md 4.5: does not wait. `standby` lets proxies finish each move at the group's next login.
fn evacuate(
    geodb: &mut GeoDb,
    backend: &Backend,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    let candidates = candidates(geodb, backend.site_id)?;
    let groups = geodb.groups(backend.site_id)?;
    let of_backend = |group: &&crate::route::rows::UserGroup| group.backend_id == Some(backend.id);
    let mut changes = Vec::new();
    for group in groups.iter().filter(of_backend).filter(|group| !group.is_moving()) {
        let Some(ranking) = rank(&group.name, &candidates, Some(backend.id)) else {
            let text = "no other backend of its site is online, so its groups have nowhere to go";
            return Err(CommandError::Data(format!("backend {}: {text}", backend.host)));
        };
        changes.push(GroupChange {
            site_id: group.site_id,
            name: group.name.clone(),
            expected: Placement::from(group),
            placement: Placement {
                backend_id: group.backend_id,
                alt_backend_id: Some(ranking.best),
                moving: MOVING.into(),
            },
            reason: ChangeReason::Ordered,
        });
    }
    // First no new groups, then the moves, then no new logins.
    let drained = BackendUpdate { load_factor: Some(0), ..BackendUpdate::default() };
    write(geodb, backend, &drained)?;
    let mut moving: usize = 0;
    for change in &changes {
        moving += usize::from(geodb.apply(change, settings.now)? == Applied::Written);
    }
    let standby = BackendUpdate {
        status: Some((BackendStatus::Standby, "evacuate".into())),
        ..BackendUpdate::default()
    };
    write(geodb, backend, &standby)?;
    let mut output = Output::new(&["host", "groups"]);
    output.rows.push(vec![Some(backend.host.to_string()), Some(moving.to_string())]);
    Ok(output)
}

fn write(geodb: &mut GeoDb, backend: &Backend, update: &BackendUpdate) -> Result<(), CommandError> {
    match geodb.update_backend(backend.site_id, backend.id, update)? {
        Applied::Written => Ok(()),
        Applied::Skipped => {
            Err(CommandError::NotFound(format!("backend {}: was removed meanwhile", backend.host)))
        }
    }
}

fn show(geodb: &mut GeoDb, backends: Vec<Backend>) -> Result<Output, CommandError> {
    let names = Names::of(geodb)?;
    let mut output = Output::new(&COLUMNS);
    for backend in backends {
        output.rows.push(vec![
            Some(backend.host.into_string()),
            names.name(Some(backend.site_id)),
            Some(backend.status.to_string()),
            backend.load_factor.map(|factor| factor.to_string()),
            backend.status_reason.map(String::from),
            backend.last_moved_from.map(String::from),
            backend.last_moved_to.map(String::from),
            Some(backend.id.to_string()),
        ]);
    }
    Ok(output)
}

const COLUMNS: [&str; 8] = [
    "host",
    "site_id",
    "status",
    "load_factor",
    "status_reason",
    "last_moved_from",
    "last_moved_to",
    "id",
];
/// `backends.status_reason` of what an operator did.
const STATUS_REASON: &str = "admin";
/// `user_groups.moving` of moves that we start; any text that is not empty does.
pub(super) const MOVING: &str = "1";
