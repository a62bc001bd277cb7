//! From what an operator types to rows, and from ids back to names (C-CMD-2).

use std::collections::HashMap;
use std::net::IpAddr;

use uuid::Uuid;

use super::error::CommandError;
use super::settings::Cluster;
use super::verbs::{BackendChoice, SiteChoice};
use crate::route::hash::Candidate;
use crate::route::problem::is_host;
use crate::route::rows::{Backend, BackendStatus, Site, Tag};

/// Names of the cluster's entities by id.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Uuid, String>);

impl Names {
    /// Of all tags, sites and backends. Ids are unique across tables, being random.
    pub(super) async fn of(cluster: &Cluster<'_>) -> Result<Self, CommandError> {
        let mut names = HashMap::new();
        names.extend(
            cluster.geodb.tags().await?.into_iter().map(|row| (row.id, row.tag.into_string())),
        );
        names.extend(
            cluster.geodb.sites().await?.into_iter().map(|row| (row.id, row.name.into_string())),
        );
        names.extend(
            cluster.geodb.backends().await?.into_iter().map(|row| (row.id, row.host.into_string())),
        );
        Ok(Self(names))
    }

    /// The name, or the id where there is none.
    pub(super) fn name(&self, id: Option<Uuid>) -> Option<String> {
        let id = id?;
        Some(self.0.get(&id).cloned().unwrap_or_else(|| id.to_string()))
    }

    /// Several, separated by commas.
    pub(super) fn list(&self, ids: &[Uuid]) -> String {
        let names = ids.iter().filter_map(|id| self.name(Some(*id)));
        names.collect::<Vec<String>>().join(",")
    }
}

/// A tag by name or id.
pub(super) async fn find_tag(cluster: &Cluster<'_>, typed: &str) -> Result<Tag, CommandError> {
    let tags = cluster.geodb.tags().await?;
    only("tag", typed, tags, |tag| (*tag.tag == *typed, tag.id))
}

/// A site by name or id.
pub(super) async fn find_site(cluster: &Cluster<'_>, typed: &str) -> Result<Site, CommandError> {
    let sites = cluster.geodb.sites().await?;
    only("site", typed, sites, |site| (*site.name == *typed, site.id))
}

/// The same for an option that may be missing.
pub(super) async fn given_site(
    cluster: &Cluster<'_>,
    typed: Option<&str>,
) -> Result<Option<Site>, CommandError> {
    match typed {
        Some(typed) => Ok(Some(find_site(cluster, typed).await?)),
        None => Ok(None),
    }
}

/// `--self` or a name.
pub(super) async fn chosen_site(
    cluster: &Cluster<'_>,
    choice: &SiteChoice,
) -> Result<Site, CommandError> {
    match &choice.name {
        Some(name) => find_site(cluster, name).await,
        None => find_site(cluster, cluster.settings.local_site()?).await,
    }
}

/// The host of a backend. A proxy is none, so that `--self` names no backend.
pub(super) fn chosen_host(choice: &BackendChoice) -> Result<&str, CommandError> {
    choice.host.as_deref().ok_or_else(|| {
        CommandError::Config(
            "--self means a backend, and Hale is a proxy (cluster_backend_name is not used); name the backend"
                .to_owned(),
        )
    })
}

/// A backend that must be named, of any site.
pub(super) async fn chosen_backend(
    cluster: &Cluster<'_>,
    choice: &BackendChoice,
) -> Result<Backend, CommandError> {
    find_backend(cluster, chosen_host(choice)?).await
}

/// A backend by host or id, of any site.
pub(super) async fn find_backend(
    cluster: &Cluster<'_>,
    host: &str,
) -> Result<Backend, CommandError> {
    let backends = cluster.geodb.backends().await?;
    only("backend", host, backends, |backend| (backend.host.eq_ignore_ascii_case(host), backend.id))
}

/// A backend of one site by host or id.
pub(super) async fn find_backend_of(
    cluster: &Cluster<'_>,
    site: &Site,
    host: &str,
) -> Result<Backend, CommandError> {
    let mut backends = cluster.geodb.backends().await?;
    backends.retain(|backend| backend.site_id == site.id);
    let what = format!("backend of site {}", site.name);
    only(&what, host, backends, |backend| (backend.host.eq_ignore_ascii_case(host), backend.id))
}

/// The backends of a site that groups may be given to.
pub(super) async fn candidates(
    cluster: &Cluster<'_>,
    site_id: Uuid,
) -> Result<Vec<Candidate>, CommandError> {
    let backends = cluster.geodb.backends().await?;
    let online = backends.into_iter().filter(|backend| {
        backend.site_id == site_id
            && backend.status == BackendStatus::Online
            && is_host(&backend.host)
    });
    let candidates = online.map(|backend| Candidate {
        id: backend.id,
        load_factor: u8::try_from(backend.load_factor.unwrap_or(100).clamp(0, 100)).unwrap_or(0),
    });
    Ok(candidates.collect())
}

/// Refuses what cannot be a host name.
pub(super) fn check_host(host: &str) -> Result<(), CommandError> {
    if is_host(host) {
        return Ok(());
    }
    Err(CommandError::Data(format!("{host:?} is no host name")))
}

/// Whether the text is an address rather than a name.
pub(super) fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

/// Whether a name matches a mask with `*` and `?`. Without mask everything does.
pub(super) fn is_match(mask: Option<&str>, name: &str) -> bool {
    let Some(mask) = mask else { return true };
    let mask: Vec<char> = mask.chars().collect();
    // One row of the classic table: which prefixes of the mask match what has been read of the name.
    let mut reached: Vec<bool> = std::iter::once(true)
        .chain(mask.iter().scan(true, |open, wanted| {
            *open &= *wanted == '*';
            Some(*open)
        }))
        .collect();
    for character in name.chars() {
        let mut next = vec![false];
        for (wanted, pair) in mask.iter().zip(reached.windows(2)) {
            let &[before, here] = pair else { continue };
            let matches = match wanted {
                '*' => here || before || next.last() == Some(&true),
                '?' => before,
                wanted => before && *wanted == character,
            };
            next.push(matches);
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// The one row that was meant. An id always names one row, so that rows with equal names can be told apart.
fn only<T>(
    what: &str,
    typed: &str,
    rows: Vec<T>,
    meant: impl Fn(&T) -> (bool, Uuid),
) -> Result<T, CommandError> {
    let id = Uuid::try_parse(typed).ok();
    let is_meant = |row: &T| {
        let (is_named, row_id) = meant(row);
        is_named || Some(row_id) == id
    };
    let mut found = rows.into_iter().filter(is_meant);
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        (Some(_), Some(_)) => {
            Err(CommandError::Data(format!("{what} {typed}: there are several; use the id")))
        }
        (None, _) => Err(CommandError::NotFound(format!("{what} {typed}: does not exist"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        let cases = [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("default-*", "default-7", true),
            ("default-?", "default-77", false),
            ("*a*b*", "xxaxxb", true),
            ("*a*b*", "xxbxxa", false),
            ("a*", "ba", false),
            ("**?", "ü", true),
        ];
        for (mask, name, expected) in cases {
            assert_eq!(is_match(Some(mask), name), expected, "{mask} {name}");
        }
        assert!(is_match(None, "x"));
    }
}
