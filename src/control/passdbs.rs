//! Password files: read at start and whenever they change, published to the data cores.
//!
//! A file is replaced as a whole: the new one takes effect only if it can be read and makes sense; otherwise the old
//! one stays in force and the log says why (DB-08). A file that others can read, or that belongs to another user, cannot be
//! used either (OP-07): its hashes may be known, or its rows not be ours.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use crate::auth::passdb::{Driver, Passdb, Passdbs};
use crate::auth::passwd_file::{PasswdFile, Report};
use crate::auth::user::UserRules;
use crate::config::registry;

/// Password databases as configured, with the files some of them come from.
#[derive(Debug)]
pub struct PassdbSources {
    users: UserRules,
    sources: Vec<Source>,
    /// The user id that this process runs as.
    process_user: u32,
}

/// The databases of the configuration in force, which are looked at beside the control core. Clones are the same place.
#[derive(Clone, Debug)]
pub struct WatchedSources(Rc<RefCell<(Option<PassdbSources>, u64)>>);

impl WatchedSources {
    /// Those of the start.
    #[must_use]
    pub fn new(sources: PassdbSources) -> Self {
        Self(Rc::new(RefCell::new((Some(sources), 0))))
    }

    /// To be looked at, and a number to give them back by.
    pub(super) fn take(&self) -> Option<(PassdbSources, u64)> {
        let mut place = self.0.borrow_mut();
        let number = place.1;
        place.0.take().map(|sources| (sources, number))
    }

    /// They were looked at. Whether they are those in force.
    pub(super) fn give_back(&self, sources: PassdbSources, number: u64) -> bool {
        let mut place = self.0.borrow_mut();
        let is_same = place.1 == number;
        if is_same {
            place.0 = Some(sources);
        }
        is_same
    }

    /// Others are in force.
    pub(super) fn replace(&self, sources: PassdbSources) {
        let mut place = self.0.borrow_mut();
        *place = (Some(sources), place.1.wrapping_add(1));
    }
}

/// The files of a password database.
#[derive(Clone, Debug, Default)]
pub struct PassdbFiles {
    /// Users and their hashes, for a `passwd-file`.
    pub rows: Option<PathBuf>,
    /// Settings, which were read already; they may hold the password of a server.
    pub settings: Vec<PathBuf>,
}

#[derive(Debug)]
struct Source {
    /// Everything but the rows.
    passdb: Passdb,
    settings: Vec<PathBuf>,
    file: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
    /// The last trouble, so that it is told once.
    complaint: Option<String>,
    /// Fields of its rows that this version does not serve.
    unserved: Vec<&'static str>,
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
    mode: u32,
    owner: u32,
}

/// A password file that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("passdb {name}: {}: {reason}", .path.display())]
pub struct PassdbFault {
    name: String,
    path: PathBuf,
    reason: String,
}

impl PassdbSources {
    /// Databases in order, each with its files. `process_user`: who we run as.
    #[must_use]
    pub fn new(users: UserRules, list: Vec<(Passdb, PassdbFiles)>, process_user: u32) -> Self {
        let source = |(passdb, files): (Passdb, PassdbFiles)| Source {
            passdb,
            settings: files.settings,
            file: files.rows.map(|path| Watched {
                path,
                seen: None,
                complaint: None,
                unserved: Vec::new(),
            }),
        };
        Self { users, sources: list.into_iter().map(source).collect(), process_user }
    }

    /// Looks who may read the files that are there, without reading them.
    ///
    /// # Errors
    /// All files that `load` would refuse for that.
    pub fn check_files(&self) -> Result<(), Vec<PassdbFault>> {
        let faults: Vec<PassdbFault> =
            self.sources.iter().flat_map(|it| self.exposed(it)).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn exposed(&self, source: &Source) -> Vec<PassdbFault> {
        let rows = source.file.iter().map(|file| &file.path);
        let fault = |path: &PathBuf| {
            let reason = stamp(path)?.exposure(path, self.process_user)?;
            Some(PassdbFault { name: source.passdb.name.to_string(), path: path.clone(), reason })
        };
        rows.chain(&source.settings).filter_map(fault).collect()
    }

    /// Reads every file. For the start: any that can't be used is a refusal.
    ///
    /// # Errors
    /// All files that can't be used. The second half of a success: what is odd about the others.
    pub fn load(&mut self) -> Result<(Passdbs, Vec<String>), Vec<PassdbFault>> {
        let (mut faults, mut remarks) = (Vec::new(), Vec::new());
        for source in &mut self.sources {
            for path in &source.settings {
                let Some(stamp) = stamp(path) else { continue };
                let (name, shown) = (&source.passdb.name, path.display());
                match stamp.exposure(path, self.process_user) {
                    Some(reason) => {
                        let (name, path) = (name.to_string(), path.clone());
                        faults.push(PassdbFault { name, path, reason });
                    }
                    None if stamp.is_disclosed() => remarks.push(format!(
                        "passdb {name}: every user of this host can read the password of its server: chmod o-rwx {shown}"
                    )),
                    None => {}
                }
            }
            match source.read(self.process_user) {
                Ok(report) => remarks
                    .extend(report.map(|report| source.remarks(&report)).into_iter().flatten()),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok((self.passdbs(), remarks)) } else { Err(faults) }
    }

    /// Looks whether a file changed and reads those that did. `None`: everything is as it was.
    pub fn reload(&mut self) -> Option<(Passdbs, Vec<String>)> {
        let mut remarks = Vec::new();
        let mut changed = false;
        for source in &mut self.sources {
            if !source.is_outdated() {
                continue;
            }
            match source.read(self.process_user) {
                Ok(report) => {
                    changed = true;
                    remarks
                        .extend(report.map(|report| source.remarks(&report)).into_iter().flatten());
                }
                Err(fault) => remarks.extend(source.complain_once(&fault)),
            }
        }
        (changed || !remarks.is_empty()).then(|| (self.passdbs(), remarks))
    }

    fn passdbs(&self) -> Passdbs {
        Passdbs {
            users: self.users.clone(),
            list: self.sources.iter().map(|source| source.passdb.clone()).collect(),
        }
    }
}

impl Source {
    fn is_outdated(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.seen != stamp(&file.path))
    }

    fn read(&mut self, process_user: u32) -> Result<Option<Report>, PassdbFault> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let name = self.passdb.name.to_string();
        let fault =
            |reason: String| PassdbFault { name: name.clone(), path: file.path.clone(), reason };
        // Stamped before it is read: a change in between is seen next time.
        let stamp = stamp(&file.path);
        if let Some(reason) = stamp.and_then(|stamp| stamp.exposure(&file.path, process_user)) {
            return Err(fault(reason));
        }
        let text = std::fs::read(&file.path).map_err(|error| {
            fault(format!("{error}; make the file readable for the user that runs hale, or correct passwd_file_path"))
        })?;
        let unserved = unserved_fields(&text);
        let (rows, report) = PasswdFile::parse(text).map_err(|error| fault(error.to_string()))?;
        file.seen = stamp;
        file.complaint = None;
        file.unserved = unserved;
        self.passdb.driver = Driver::PasswdFile(Arc::new(rows));
        Ok(Some(report))
    }

    fn complain_once(&mut self, fault: &PassdbFault) -> Option<String> {
        let text = format!("{fault}; the users read before stay in force");
        let file = self.file.as_mut()?;
        // The same trouble is told once, and a file that stays unreadable is not read again until it changes.
        let is_news = file.complaint.as_ref() != Some(&text);
        file.complaint = Some(text.clone());
        is_news.then_some(text)
    }

    fn remarks(&self, report: &Report) -> Vec<String> {
        let name = &self.passdb.name;
        let path =
            self.file.as_ref().map(|file| file.path.display().to_string()).unwrap_or_default();
        let complaints = report.complaints.iter().map(|complaint| {
            format!("passdb {name}: {path}:{}: {}", complaint.line, complaint.problem)
        });
        let seen = self.file.as_ref().and_then(|file| file.seen.as_ref());
        let disclosed = seen.filter(|stamp| stamp.is_disclosed()).map(|_| {
            format!("passdb {name}: every user of this host can read the password hashes: chmod o-rwx {path}")
        });
        let unserved = self.file.iter().flat_map(|file| &file.unserved).map(|field| {
            let why = registry::unserved_field(field).unwrap_or_default();
            format!("passdb {name}: {path}: the field {field} is not served by this version: {why}")
        });
        complaints.chain(disclosed).chain(unserved).collect()
    }
}

/// Fields that some row has and this version does not serve. Each is looked for once in the whole file, which costs less
/// than taking a million rows apart.
fn unserved_fields(text: &[u8]) -> Vec<&'static str> {
    let Ok(text) = str::from_utf8(text) else { return Vec::new() };
    let is_there = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let (before, behind) = (&text[..at], &text[at + name.len()..]);
            let line = before.rsplit('\n').next().unwrap_or_default();
            before.ends_with([' ', ':']) && behind.starts_with('=') && !line.starts_with('#')
        })
    };
    registry::UNSERVED_FIELDS.iter().map(|(name, _)| *name).filter(|name| is_there(name)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: about.modified().ok(),
        bytes: about.len(),
        inode: about.ino(),
        mode: about.mode(),
        owner: about.uid(),
    })
}

impl Stamp {
    /// A remark about a file that others can read, with the remedy (OP-07).
    fn is_disclosed(&self) -> bool {
        self.mode & OTHERS_READ != 0
    }

    /// Why the file is not safe to use, with the remedy (OP-07).
    fn exposure(&self, path: &Path, process_user: u32) -> Option<String> {
        let path = path.display();
        let mode = self.mode & 0o7777;
        if mode & OTHERS != 0 {
            return Some(format!(
                "every user of this host can write it (mode {mode:04o}): chmod o-rwx {path}"
            ));
        }
        // The superuser may look at files that are meant for the user of the service.
        let is_foreign = process_user != ROOT && self.owner != ROOT && self.owner != process_user;
        is_foreign.then(|| {
            format!(
                "user {} owns it and can change any password: chown root {path}, and let a group of hale's read it",
                self.owner
            )
        })
    }
}

/// Write permission of all users of the host: with it any of them sets passwords. Reading is a warning only, because sites move their files
/// from Dovecot, which reads them whatever their mode.
const OTHERS: u32 = 0o002;
const OTHERS_READ: u32 = 0o004;
const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn sources(path: &Path) -> PassdbSources {
        let empty = Driver::Static;
        PassdbSources::new(
            UserRules::default(),
            vec![(
                Passdb::new("users", empty),
                PassdbFiles { rows: Some(path.to_owned()), settings: Vec::new() },
            )],
            0,
        )
    }

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        set_mode(path, 0o640);
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn count(passdbs: &Passdbs) -> usize {
        match &passdbs.list[0].driver {
            Driver::PasswdFile(file) => file.len(),
            Driver::Static | Driver::Remote(_) => 0,
        }
    }

    #[test]
    fn db_08_a_replaced_file_takes_effect_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        write(&path, "alice:{PLAIN}a\n");
        let mut sources = sources(&path);
        assert_eq!(count(&sources.load().unwrap().0), 1);
        assert!(sources.reload().is_none());

        write(&folder.path().join("new"), "alice:{PLAIN}a\nbob:{PLAIN}b\n");
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(count(&sources.reload().unwrap().0), 2);

        std::fs::remove_file(&path).unwrap();
        let (passdbs, remarks) = sources.reload().unwrap();
        assert_eq!(count(&passdbs), 2);
        assert!(remarks[0].contains("stay in force"), "{remarks:?}");
        assert!(sources.reload().is_none(), "told once");
    }

    #[test]
    fn a_rows_field_that_is_not_served_is_told_once_for_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let row = |extra: &str| format!("u:{{PLAIN}}a::::::{extra}\n");
        for (extra, expected) in [
            ("proxy=y source_ip=192.0.2.1", &["source_ip"][..]),
            ("domain=example.org source_ip=192.0.2.1", &["domain", "source_ip"]),
            ("forward_domain=x pass=source_ip userdb_cluster_tag=y", &[]),
        ] {
            write(&path, &(row(extra) + "v" + &row(extra)));
            let (_, remarks) = sources(&path).load().unwrap();
            assert_eq!(remarks.len(), expected.len(), "{remarks:?}");
            for (remark, field) in remarks.iter().zip(expected) {
                assert!(remark.contains(&format!("field {field} is not served")), "{remark}");
            }
        }
        write(&path, &format!("# {}", row("source_ip=192.0.2.1")));
        assert_eq!(sources(&path).load().unwrap().1, [""; 0]);
    }

    #[test]
    fn a_missing_file_at_start_names_database_path_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let faults = sources(&folder.path().join("none")).load().unwrap_err();
        let text = faults[0].to_string();
        assert!(text.contains("passdb users") && text.contains("passwd_file_path"), "{text}");
    }

    #[test]
    fn op_07_a_file_that_others_can_write_is_refused_and_one_they_can_read_is_remarked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        write(&path, "alice:{PLAIN}a\n");
        let mut sources = sources(&path);
        for mode in [0o602, 0o646, 0o666] {
            set_mode(&path, mode);
            for faults in [sources.check_files().unwrap_err(), sources.load().unwrap_err()] {
                let text = faults[0].to_string();
                let remedy = format!("chmod o-rwx {}", path.display());
                assert!(text.contains("passdb users") && text.contains(&remedy), "{text}");
            }
        }
        for mode in [0o400, 0o600, 0o640, 0o660, 0o644, 0o604] {
            set_mode(&path, mode);
            sources.check_files().unwrap();
            let (_, remarks) = sources.load().unwrap();
            let is_told = remarks.iter().any(|remark| remark.contains("chmod o-rwx"));
            assert_eq!(is_told, mode & OTHERS_READ != 0, "{mode:o}: {remarks:?}");
        }
        // Later: told once, and the users read before stay.
        set_mode(&path, 0o646);
        let (passdbs, remarks) = sources.reload().unwrap();
        assert_eq!((count(&passdbs), remarks.len()), (1, 1), "{remarks:?}");
        assert!(sources.reload().is_none());
        set_mode(&path, 0o600);
        assert!(sources.reload().is_some_and(|(_, remarks)| remarks.is_empty()));
    }

    #[test]
    fn op_07_the_secret_of_a_server_that_every_user_can_read_is_remarked_and_one_they_write_refused()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dovecot-sql.conf.ext");
        write(&path, "connect = host=db password=hush\n");
        let files = PassdbFiles { rows: None, settings: vec![path.clone()] };
        let list = vec![(Passdb::new("sql", Driver::Static), files)];
        let mut sources = PassdbSources::new(UserRules::default(), list, 0);
        let remedy = format!("chmod o-rwx {}", path.display());
        for (mode, remarks) in [(0o600, 0), (0o640, 0), (0o644, 1), (0o604, 1)] {
            set_mode(&path, mode);
            let (_, told) = sources.load().unwrap();
            assert_eq!(told.len(), remarks, "{mode:o}: {told:?}");
            for remark in told {
                assert!(remark.contains("passdb sql") && remark.contains(&remedy), "{remark}");
                assert!(!remark.contains("hush"), "{remark}");
            }
        }
        set_mode(&path, 0o606);
        let text = sources.load().unwrap_err()[0].to_string();
        assert!(text.contains("passdb sql") && text.contains(&remedy), "{text}");
    }

    #[test]
    fn op_07_a_file_of_another_user_is_refused() {
        let stamp = |owner| Stamp { modified: None, bytes: 0, inode: 0, mode: 0o10_0640, owner };
        let exposure = |owner, me| stamp(owner).exposure(Path::new("/u"), me);
        assert_eq!(exposure(0, 990), None);
        assert_eq!(exposure(990, 990), None);
        assert_eq!(exposure(990, 0), None);
        assert!(exposure(1000, 990).is_some_and(|why| why.contains("chown root /u")));
    }
}
