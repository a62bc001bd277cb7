//! What can be checked of a configuration before anything is opened.

use super::exit::Refusal;
use crate::config::{Config, GeoDb};
use crate::control::PassdbSources;

/// What this version can't serve of a configuration, without touching anything: for `hale check-config`.
///
/// # Errors
/// The first setting that this version can't serve.
pub fn check(config: &Config) -> Result<(), Refusal> {
    geodb_location(config)?;
    PassdbSources::configured(config).map_err(|fault| Refusal::config(fault.to_string()))?;
    Ok(())
}

/// The GeoDB's location as its engine wants it.
///
/// # Errors
/// This version has no such engine.
pub fn geodb_location(config: &Config) -> Result<String, Refusal> {
    match &config.cluster.geodb {
        GeoDb::Sqlite(path) => Ok(format!("sqlite:{}", path.display())),
        GeoDb::Cassandra(_) => Err(Refusal::config(
            "cluster_geodb: this version has no Cassandra engine yet; use sqlite:/var/lib/hale/geodb.sqlite",
        )),
    }
}
