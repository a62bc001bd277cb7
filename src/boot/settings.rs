//! What can be checked of a configuration before anything is opened.

use super::exit::{Exit, Refusal};
use crate::config::Config;
use crate::control::localdb::LocalDbSettings;
use crate::control::{
    Certificates, Inspected, LoadedCertificates, PassdbFault, PassdbSources, UserDbs, cluster,
    inspect,
};

/// Whether the settings make sense to the rooms that use them, certificates are good, and no other user can read the files
/// they name; changes nothing: for `hale check-config`. What is odd about certificates comes back.
///
/// # Errors
/// The first setting that does not; all files that others can read (OP-07).
pub fn check(config: &Config) -> Result<Vec<String>, Refusal> {
    let (_, LoadedCertificates { mut remarks, .. }) = certificates(config)?;
    passdb_sources(config, &UserDbs::ids_of(config))?
        .check_files()
        .map_err(|faults| refused_files(&faults))?;
    remarks.extend(hosts_file_remark(config));
    Ok(remarks)
}

/// The file is read whenever a name is looked up: one that is missing goes unnoticed, and may come yet.
pub(super) fn hosts_file_remark(config: &Config) -> Option<String> {
    let path = config.cluster.hosts_file.as_deref()?;
    let error = std::fs::File::open(path).err()?;
    Some(format!(
        "cluster_hosts_file: {} can't be read: {error}; the names of backends come from the system's resolver alone",
        path.display()
    ))
}

/// Dials every backend of the GeoDB, once by each protocol: for `hale check-config --connect`.
///
/// # Errors
/// There is no way to ask: the GeoDB or the certificates can't be read.
pub fn connect(config: &Config) -> Result<Vec<Inspected>, Refusal> {
    let (_, LoadedCertificates { context, .. }) = certificates(config)?;
    let unreadable = |text: String| Refusal::config(format!("cluster_geodb: {text}"));
    let hosts = cluster::backend_hosts(&config.cluster.geodb)
        .map_err(|fault| unreadable(fault.to_string()))?;
    inspect(config, &context.trust, &hosts).map_err(|error| Refusal {
        exit: Exit::TempFail,
        text: format!("no sockets to ask backends with: {error}"),
    })
}

/// The password databases of a configuration, not read yet.
///
/// # Errors
/// The first setting that can't be served.
pub(super) fn passdb_sources(config: &Config, ids: &[u32]) -> Result<PassdbSources, Refusal> {
    PassdbSources::configured(config, ids, rustix::process::geteuid().as_raw())
        .map_err(|fault| Refusal::config(fault.to_string()))
}

/// The refusal to work with password files, a line for each.
pub(super) fn refused_files(faults: &[PassdbFault]) -> Refusal {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Refusal::config(lines.join("\n"))
}

/// The certificates of a configuration, read and checked.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn certificates(config: &Config) -> Result<(Certificates, LoadedCertificates), Refusal> {
    let certificates = Certificates::configured(config).ok_or_else(|| Refusal {
        exit: Exit::TempFail,
        text: "the system gives no random numbers, so there can be no TLS".to_owned(),
    })?;
    let loaded = certificates.load().map_err(|faults| Refusal::config(faults.join("\n")))?;
    Ok((certificates, loaded))
}

/// Where the LocalDB is, and what it may take.
#[must_use]
pub fn localdb(config: &Config) -> LocalDbSettings {
    let cluster = &config.cluster;
    LocalDbSettings {
        path: cluster.localdb.clone(),
        site: cluster.local_site.clone().unwrap_or_default().into(),
        owner: rustix::process::geteuid().as_raw(),
        users_max: cluster.localdb_users_max,
        size_max: cluster.localdb_size_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::loaded;

    #[test]
    fn a_hosts_file_that_is_not_there_is_told() {
        let of = |path: &str| hosts_file_remark(&loaded(&format!("cluster_hosts_file = {path}\n")));
        assert!(
            of("/nowhere/hosts").is_some_and(|text| text.contains("/nowhere/hosts can't be read"))
        );
        assert_eq!(of("/dev/null"), None);
        assert_eq!(hosts_file_remark(&loaded("")), None);
    }
}
