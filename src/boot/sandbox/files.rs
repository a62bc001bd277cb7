//! Files within reach, by Landlock.
//!
//! Rules are for folders: a file that is replaced, as certificates and password files are, is another file to the kernel. What a
//! setting names may be read with all that lies beside it; base_dir, state_dir and the folders of databases and logs may be written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use crate::config::model::GeoDb;
use crate::config::{Config, LogTarget, PassdbDriver, Service, SqlDatabase};

/// What may be done below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Files are read, folders listed.
    Read,
    /// Files come and go as well.
    Write,
}

/// What the system itself needs: names and their services, its libraries, what the kernel tells of itself. Only what other users may
/// read, too, is read there.
const SYSTEM: [&str; 9] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/nscd",
];
/// Devices that are read and written.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// The folders that this configuration needs.
pub(super) fn within_reach(config: &Config) -> BTreeMap<PathBuf, Reach> {
    let mut reach = BTreeMap::new();
    for path in SYSTEM {
        add(&mut reach, path.into(), Reach::Read);
    }
    // Folders of ours, which are written below; others are what lies around a file.
    let ours = [&config.base_dir, &config.state_dir];
    for file in config.files.iter().filter(|file| !ours.contains(file)) {
        for folder in folders(file) {
            add(&mut reach, folder, Reach::Read);
        }
    }
    for folder in written(config) {
        add(&mut reach, folder, Reach::Write);
    }
    reach
}

fn add(reach: &mut BTreeMap<PathBuf, Reach>, path: PathBuf, wanted: Reach) {
    let found = reach.entry(path).or_insert(wanted);
    *found = wanted.max(*found);
}

/// The folder of a file, and that of what it is a link to. A folder is its own.
fn folders(file: &Path) -> Vec<PathBuf> {
    let real = fs::canonicalize(file).ok();
    let of = |path: &Path| match path.is_dir() {
        true => path.to_owned(),
        false => folder_of(path),
    };
    std::iter::once(file).chain(real.as_deref()).map(of).collect()
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        // A bare name: what the process was started in.
        _ => PathBuf::from("."),
    }
}

/// Folders that Hale writes to. Databases make files of their own beside the one that is named.
fn written(config: &Config) -> Vec<PathBuf> {
    let mut folders = vec![config.base_dir.clone(), config.state_dir.clone()];
    folders.push(folder_of(&config.cluster.localdb));
    if let GeoDb::Sqlite(path) = &config.cluster.geodb {
        folders.push(folder_of(path));
    }
    if let LogTarget::File(path) = &config.log.target {
        folders.push(folder_of(path));
    }
    folders.extend(config.auth.passdbs.iter().filter_map(|passdb| match &passdb.driver {
        PassdbDriver::Remote(remote) => match &remote.service {
            Service::Sql(sql) => match &sql.database {
                SqlDatabase::Sqlite { path } => Some(folder_of(path)),
                SqlDatabase::Pgsql(_) | SqlDatabase::Mysql { .. } => None,
            },
            _ => None,
        },
        PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => None,
    }));
    folders
}

/// Puts everything else out of reach, for this thread and all that it starts.
pub(super) fn restrict(reach: &BTreeMap<PathBuf, Reach>) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("files can't be put out of reach: {error}");
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|ruleset| ruleset.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(|error| told(&error))?;
    let folders = reach.iter().map(|(path, reach)| (path.clone(), rights(*reach)));
    let devices = DEVICES.map(|path| (path.into(), AccessFs::ReadFile | AccessFs::WriteFile));
    // What is not there can't be read either; what needs it says so with its setting.
    let rules = folders.chain(devices).filter_map(|(path, rights)| {
        PathFd::new(path).ok().map(|path| Ok(PathBeneath::new(path, rights)))
    });
    let status = ruleset
        .add_rules(rules)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|error: landlock::RulesetError| told(&error))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => {
            Err("this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=landlock)".to_owned())
        }
        // An older one knows fewer kinds of access: cutting files short, signals.
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

fn rights(reach: Reach) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match reach {
        Reach::Read => read,
        Reach::Write => {
            let programs = AccessFs::Execute | AccessFs::IoctlDev;
            let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
            AccessFs::from_all(KNOWN) & !(programs | devices)
        }
    }
}

/// Linux 6.10: the last that brought a right to files.
const KNOWN: ABI = ABI::V5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::loaded;

    #[test]
    fn what_is_named_is_read_and_what_is_ours_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("archive");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("1.pem"), "").unwrap();
        std::os::unix::fs::symlink(real.join("1.pem"), folder.path().join("ca.pem")).unwrap();
        let at = folder.path().display();
        let config = loaded(&format!(
            "base_dir = /r\nstate_dir = /s\nlog_path = /l/hale.log\ncluster_geodb = sqlite:/g/db\n\
             cluster_localdb = sqlite:/m/db\nssl_client_ca_file = {at}/ca.pem\n"
        ));
        let reach = within_reach(&config);
        for path in ["/r", "/s", "/l", "/g", "/m"] {
            assert_eq!(reach.get(Path::new(path)), Some(&Reach::Write), "{path}: {reach:?}");
        }
        for path in [folder.path(), &fs::canonicalize(real).unwrap(), Path::new("/etc")] {
            assert_eq!(reach.get(path), Some(&Reach::Read), "{reach:?}");
        }
        assert!(!reach.contains_key(Path::new("/")), "{reach:?}");
    }
}
