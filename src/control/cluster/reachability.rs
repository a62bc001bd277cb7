//! `hale cluster site reachability …`: what proxies measured, as the rows have it.

use super::error::CommandError;
use super::names::{Names, given_site};
use super::render::Output;
use super::settings::Cluster;
use super::verbs::ReachabilityCommand;

pub(super) async fn run(
    command: &ReachabilityCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    let ReachabilityCommand::List { src_site, dest_site } = command;
    let src = given_site(cluster, src_site.as_deref()).await?.map(|site| site.id);
    let dest = given_site(cluster, dest_site.as_deref()).await?.map(|site| site.id);
    let places = cluster.geodb.read_places().await?;
    let names = Names::of(cluster).await?;
    let mut output = Output::new(&["src_site_id", "dest_site_id", "reachable"]);
    let is_meant = |id, wanted: Option<_>| wanted.is_none_or(|wanted| wanted == id);
    for row in &places.site_reachability {
        if is_meant(row.src_site_id, src) && is_meant(row.dest_site_id, dest) {
            output.rows.push(vec![
                names.name(Some(row.src_site_id)),
                names.name(Some(row.dest_site_id)),
                row.reachable.map(|number| number.to_string()),
            ]);
        }
    }
    Ok(output)
}
