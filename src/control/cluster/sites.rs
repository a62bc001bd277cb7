//! `hale cluster site …`

use uuid::Uuid;

use super::names::{Names, candidates, check_host, chosen_site, find_site, find_tag};
use super::verbs::SiteCommand;
use super::{CommandError, Output, Settings};
use crate::control::geodb::{GeoDb, SiteUpdate};
use crate::route::group::GroupCreation;
use crate::route::hash::rank;
use crate::route::rows::{Site, SiteStatus};

pub(super) fn run(
    command: &SiteCommand,
    geodb: &mut GeoDb,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    match command {
        SiteCommand::Add { id, tag, load_balancer, name } => {
            let tag = tag.as_deref().map(|tag| find_tag(geodb, tag)).transpose()?;
            let site = Site {
                id: id.unwrap_or_else(Uuid::new_v4),
                name: name.as_str().into(),
                tag: tag.map(|tag| tag.id),
                load_balancer: load_balancer.as_deref().map(Box::from),
                status: SiteStatus::Online,
            };
            add(geodb, site)
        }
        SiteCommand::Remove { name } => {
            let site = find_site(geodb, name)?;
            geodb.delete_site(site.id)?;
            Ok(Output::default())
        }
        SiteCommand::Update { status, load_balancer, site } => {
            let site = chosen_site(geodb, site, settings)?;
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
            geodb.update_site(site.id, &update)?;
            Ok(Output::default())
        }
        SiteCommand::Status { site } => {
            let site = chosen_site(geodb, site, settings)?;
            show(geodb, vec![site])
        }
        SiteCommand::List => {
            let sites = geodb.sites()?;
            show(geodb, sites)
        }
        SiteCommand::Init { update, site } => {
            let site = chosen_site(geodb, site, settings)?;
            init(geodb, &site, *update, settings)
        }
    }
}

fn add(geodb: &mut GeoDb, site: Site) -> Result<Output, CommandError> {
    if site.name.is_empty() || site.name.chars().any(char::is_control) {
        return Err(CommandError::Data(format!("{:?} is no name", site.name)));
    }
    if let Some(host) = &site.load_balancer {
        check_host(host)?;
    }
    if geodb.sites()?.iter().any(|known| known.name == site.name) {
        return Err(CommandError::Data(format!("site {}: exists", site.name)));
    }
    if site.id.is_nil() || !geodb.insert_site(&site)? {
        return Err(CommandError::Data(format!("id {} is in use or nil", site.id)));
    }
    show(geodb, vec![site])
}

fn init(
    geodb: &mut GeoDb,
    site: &Site,
    anew: bool,
    settings: &Settings<'_>,
) -> Result<Output, CommandError> {
    if settings.default_group_count == 0 {
        return Err(CommandError::Config("cluster_default_group_count is not set".to_owned()));
    }
    let candidates = candidates(geodb, site.id)?;
    let mut creations = Vec::new();
    for number in 1..=settings.default_group_count {
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
    let created = geodb.init_groups(site.id, &creations, anew, settings.now)?;
    let mut output = Output::new(&["name", "groups"]);
    output.rows.push(vec![Some(site.name.to_string()), Some(created.to_string())]);
    Ok(output)
}

fn show(geodb: &mut GeoDb, sites: Vec<Site>) -> Result<Output, CommandError> {
    let names = Names::of(geodb)?;
    let mut output = Output::new(&["name", "tag", "load_balancer", "status", "id"]);
    for site in sites {
        output.rows.push(vec![
            Some(site.name.into_string()),
            names.name(site.tag),
            site.load_balancer.map(String::from),
            Some(site.status.to_string()),
            Some(site.id.to_string()),
        ]);
    }
    Ok(output)
}
