//! What commands work on.

use uuid::Uuid;

use super::error::CommandError;
use super::figures::Own;
use crate::config::Config;
use crate::config::model::GroupMoves;
use crate::control::geodb::{GeoDb, UnixMillis};
use crate::control::resolver::Resolver;
use crate::route::settings_rows::last_move;
use crate::route::table::RouteSettings;
use crate::template::Template;

/// What commands need to know besides the GeoDB; the same for all commands of a process.
#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// `cluster_local_site`.
    pub local_site: Option<Box<str>>,
    /// `cluster_default_group_count`; 0 when unset.
    pub default_group_count: u32,
    /// `cluster_backend_test_username`.
    pub test_username: Option<Template>,
    /// `cluster_group_moves = proxy`: the source of a move stays online until its groups have left it.
    pub are_moves_ours: bool,
    /// `backend_connections_max`; 0: any number.
    pub backend_connections_max: u32,
    /// Names to addresses.
    pub resolver: Resolver,
    /// Who gives the orders, and on which host, for the rows that say so; empty: not told.
    pub by: Box<str>,
    /// What the Hale knows of itself in which the command runs; none: it runs in none.
    pub own: Option<Own>,
}

impl ClusterSettings {
    /// The settings of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let cluster = &config.cluster;
        Self {
            local_site: cluster.local_site.as_deref().map(Box::from),
            default_group_count: cluster.default_group_count,
            test_username: cluster.backend_test_username.clone(),
            are_moves_ours: cluster.group_moves == GroupMoves::Proxy,
            backend_connections_max: config.limits.backend_connections,
            resolver: Resolver::new(cluster.hosts_file.clone()),
            by: Box::default(),
            own: None,
        }
    }

    /// The same for the orders of `by`.
    #[must_use]
    pub fn ordered_by(self, by: &str) -> Self {
        Self { by: by.into(), ..self }
    }

    /// What routing is to know, for a proxy of this site. No site comes or goes while a command looks.
    pub(super) fn routing_of(&self, local_site: &str) -> RouteSettings {
        RouteSettings {
            local_site: local_site.into(),
            default_group_count: self.default_group_count,
            test_username: self.test_username.clone(),
            are_moves_ours: self.are_moves_ours,
            ..RouteSettings::default()
        }
    }

    pub(super) fn local_site(&self) -> Result<&str, CommandError> {
        self.local_site.as_deref().filter(|name| !name.is_empty()).ok_or_else(|| {
            CommandError::Config(
                "cluster_local_site is not set; set it or name the site".to_owned(),
            )
        })
    }
}

impl Cluster<'_> {
    /// Groups of the site begin to move, or are somewhere else: all its proxies are to see it soon.
    pub(super) async fn note_move(&self, site_id: Uuid) -> Result<(), CommandError> {
        if self.settings.are_moves_ours {
            self.geodb.write_setting(&last_move(site_id, self.now)).await?;
        }
        Ok(())
    }
}

/// What a command works on.
pub(super) struct Cluster<'a> {
    pub(super) geodb: &'a GeoDb,
    pub(super) settings: &'a ClusterSettings,
    pub(super) now: UnixMillis,
}
