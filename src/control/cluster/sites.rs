//! `hale cluster site …`

use uuid::Uuid;

use super::backends::status_reason;
use super::error::CommandError;
use super::figures::{Figures, SITE_COLUMNS, set_by};
use super::force_moves::{self, Active, Scope, reset};
use super::names::{Names, candidates, check_host, chosen_site, find_site, find_tag};
use super::reachability;
use super::render::Output;
use super::settings::Cluster;
use super::verbs::SiteCommand;
use crate::control::geodb::SiteUpdate;
use crate::route::change::GroupCreation;
use crate::route::hash::rank;
use crate::route::rows::{Site, SiteStatus};
use crate::route::set_by::ADMIN;
use crate::route::settings_rows::{STATUS, StatusReason};

pub(super) async fn run(
    command: &SiteCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    match command {
        SiteCommand::Add { id, tag, load_balancer, name } => {
            let tag = match tag {
                Some(tag) => Some(find_tag(cluster, tag).await?),
                None => None,
            };
            let site = Site {
                id: id.unwrap_or_else(Uuid::new_v4),
                name: name.as_str().into(),
                tag: tag.map(|tag| tag.id),
                load_balancer: load_balancer.as_deref().map(Box::from),
                status: SiteStatus::Online,
            };
            add(cluster, site).await
        }
        SiteCommand::Remove { name } => {
            let site = find_site(cluster, name).await?;
            cluster.geodb.delete_site(site.id).await?;
            let reason = StatusReason { status: site.status.as_str(), reason: "" };
            cluster.geodb.delete_setting(&reason.row(site.id)).await?;
            reset(cluster, &Scope::site(&site)).await?;
            Ok(Output::default())
        }
        SiteCommand::Update { status, load_balancer, reason, site } => {
            let site = chosen_site(cluster, site).await?;
            if let Some(host) = load_balancer {
                check_host(host)?;
            }
            let update = SiteUpdate {
                status: status.map(SiteStatus::from),
                load_balancer: load_balancer.as_deref().map(Box::from),
            };
            if update == SiteUpdate::default() {
                return Err(CommandError::Usage(
                    "nothing to change; give --status or --load-balancer".to_owned(),
                ));
            }
            let why = status_reason(cluster, ADMIN, reason.as_deref())?;
            let before = show(cluster, vec![site.clone()]).await?;
            if !cluster.geodb.update_site(site.id, &update).await? {
                return Err(CommandError::Changed(format!(
                    "site {}: was removed meanwhile",
                    site.name
                )));
            }
            if let Some(status) = &update.status {
                let reason = StatusReason { status: status.as_str(), reason: &why };
                cluster.geodb.write_setting(&reason.row(site.id)).await?;
                reset(cluster, &Scope::site(&site)).await?;
            }
            let mut output = Output::default();
            let of = format!("site {}", site.name);
            let after = Site {
                status: update.status.unwrap_or(site.status),
                load_balancer: update.load_balancer.or(site.load_balancer),
                ..site
            };
            output.note_changes(&of, &before, &show(cluster, vec![after]).await?);
            Ok(output)
        }
        SiteCommand::Status { site } => {
            let site = chosen_site(cluster, site).await?;
            show_whole(cluster, vec![site]).await
        }
        SiteCommand::List => {
            let sites = cluster.geodb.sites().await?;
            show_whole(cluster, sites).await
        }
        SiteCommand::Init { update, site } => {
            let site = chosen_site(cluster, site).await?;
            init(cluster, &site, *update).await
        }
        SiteCommand::ForceMove(command) => force_moves::of_site(command, cluster).await,
        SiteCommand::Recover { id, reason: _, name, percentage } => {
            force_moves::recover(cluster, name, id.as_deref(), *percentage).await
        }
        SiteCommand::Reachability(command) => reachability::run(command, cluster).await,
    }
}

async fn add(cluster: &Cluster<'_>, site: Site) -> Result<Output, CommandError> {
    if site.name.is_empty() || site.name.chars().any(char::is_control) {
        return Err(CommandError::Data(format!("{:?} is no name", site.name)));
    }
    if let Some(host) = &site.load_balancer {
        check_host(host)?;
    }
    if cluster.geodb.sites().await?.iter().any(|known| known.name == site.name) {
        return Err(CommandError::Data(format!("site {}: exists", site.name)));
    }
    if site.id.is_nil() || !cluster.geodb.insert_site(&site).await? {
        return Err(CommandError::Data(format!("id {} is in use or nil", site.id)));
    }
    show(cluster, vec![site]).await
}

async fn init(cluster: &Cluster<'_>, site: &Site, anew: bool) -> Result<Output, CommandError> {
    if cluster.settings.default_group_count == 0 {
        return Err(CommandError::Config("cluster_default_group_count is not set".to_owned()));
    }
    let candidates = candidates(cluster, site.id).await?;
    let mut creations = Vec::new();
    for number in 1..=cluster.settings.default_group_count {
        let name = format!("default-{number}").into_boxed_str();
        let Some(ranking) = rank(&name, &candidates, None) else {
            let text =
                "no backend is online; run: hale cluster backend update --status online HOST";
            return Err(CommandError::Data(format!("site {}: {text}", site.name)));
        };
        creations.push(GroupCreation {
            site_id: site.id,
            name,
            backend_id: ranking.best,
            alt_backend_id: ranking.second,
        });
    }
    let created = cluster.geodb.init_groups(site.id, &creations, anew, cluster.now).await?;
    let mut output = Output::new(&["name", "groups"]);
    output.rows.push(vec![Some(site.name.to_string()), Some(created.to_string())]);
    Ok(output)
}

async fn show(cluster: &Cluster<'_>, sites: Vec<Site>) -> Result<Output, CommandError> {
    let names = Names::of(cluster).await?;
    let active = Active::of(cluster).await?;
    let mut output = Output::new(&COLUMNS);
    for site in sites {
        let scope = Scope::site(&site);
        output.rows.push(vec![
            Some(site.name.into_string()),
            names.name(site.tag),
            site.load_balancer.map(String::from),
            Some(site.status.to_string()),
            Some(site.id.to_string()),
            active.force_move(&scope, &names),
            active.recovery(&scope),
        ]);
    }
    Ok(output)
}

/// With what is known besides the rows.
async fn show_whole(cluster: &Cluster<'_>, sites: Vec<Site>) -> Result<Output, CommandError> {
    let ids: Vec<Uuid> = sites.iter().map(|site| site.id).collect();
    let figures = Figures::of(cluster, &ids).await?;
    let backends = cluster.geodb.backends().await?;
    let reasons = cluster.geodb.settings(STATUS).await?;
    let more = sites.iter().map(|site| {
        let reason = StatusReason::of_site(&reasons, site.id, site.status.as_str());
        let mut fields = set_by(reason);
        fields.extend(figures.site(site.id, &backends, cluster.now));
        fields
    });
    let more: Vec<_> = more.collect();
    Ok(show(cluster, sites).await?.with_columns(&SITE_COLUMNS, more.into_iter()))
}

const COLUMNS: [&str; 7] =
    ["name", "tag", "load_balancer", "status", "id", "force_move", "recover"];
