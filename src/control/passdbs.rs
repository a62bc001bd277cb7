//! Password files: read at start and whenever they change, published to the data cores.
//!
//! A file is replaced as a whole: the new one takes effect only if it can be read and makes sense; otherwise the old
//! one stays in force and the log says why (DB-08).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::auth::passdb::{Driver, Passdb, Passdbs};
use crate::auth::passwd_file::{PasswdFile, Report};
use crate::auth::user::UserRules;

/// Password databases as configured, with the files some of them come from.
#[derive(Debug)]
pub struct PassdbSources {
    users: UserRules,
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    /// Everything but the rows.
    passdb: Passdb,
    file: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
    /// The last trouble, so that it is told once.
    complaint: Option<String>,
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
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
    /// Databases in order; the second half of each is the file of a `passwd-file`.
    #[must_use]
    pub fn new(users: UserRules, list: Vec<(Passdb, Option<PathBuf>)>) -> Self {
        let source = |(passdb, path): (Passdb, Option<PathBuf>)| Source {
            passdb,
            file: path.map(|path| Watched { path, seen: None, complaint: None }),
        };
        Self { users, sources: list.into_iter().map(source).collect() }
    }

    /// Reads every file. For the start: any that can't be used is a refusal.
    ///
    /// # Errors
    /// All files that can't be used. The second half of a success: what is odd about the others.
    pub fn load(&mut self) -> Result<(Passdbs, Vec<String>), Vec<PassdbFault>> {
        let (mut faults, mut remarks) = (Vec::new(), Vec::new());
        for source in &mut self.sources {
            match source.read() {
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
            match source.read() {
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

    fn read(&mut self) -> Result<Option<Report>, PassdbFault> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let name = self.passdb.name.to_string();
        let fault =
            |reason: String| PassdbFault { name: name.clone(), path: file.path.clone(), reason };
        // Stamped before it is read: a change in between is seen next time.
        let stamp = stamp(&file.path);
        let text = std::fs::read(&file.path).map_err(|error| {
            fault(format!("{error}; make the file readable for the user that runs hale, or correct passwd_file_path"))
        })?;
        let (rows, report) = PasswdFile::parse(text).map_err(|error| fault(error.to_string()))?;
        file.seen = stamp;
        file.complaint = None;
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
        report
            .complaints
            .iter()
            .map(|complaint| {
                format!("passdb {name}: {path}:{}: {}", complaint.line, complaint.problem)
            })
            .collect()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: about.modified().ok(), bytes: about.len(), inode: about.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(path: &Path) -> PassdbSources {
        let empty = Driver::Static;
        PassdbSources::new(
            UserRules::default(),
            vec![(Passdb::new("users", empty), Some(path.to_owned()))],
        )
    }

    fn count(passdbs: &Passdbs) -> usize {
        match &passdbs.list[0].driver {
            Driver::PasswdFile(file) => file.len(),
            Driver::Static => 0,
        }
    }

    #[test]
    fn db_08_a_replaced_file_takes_effect_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "alice:{PLAIN}a\n").unwrap();
        let mut sources = sources(&path);
        assert_eq!(count(&sources.load().unwrap().0), 1);
        assert!(sources.reload().is_none());

        std::fs::write(folder.path().join("new"), "alice:{PLAIN}a\nbob:{PLAIN}b\n").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(count(&sources.reload().unwrap().0), 2);

        std::fs::remove_file(&path).unwrap();
        let (passdbs, remarks) = sources.reload().unwrap();
        assert_eq!(count(&passdbs), 2);
        assert!(remarks[0].contains("stay in force"), "{remarks:?}");
        assert!(sources.reload().is_none(), "told once");
    }

    #[test]
    fn a_missing_file_at_start_names_database_path_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let faults = sources(&folder.path().join("none")).load().unwrap_err();
        let text = faults[0].to_string();
        assert!(text.contains("passdb users") && text.contains("passwd_file_path"), "{text}");
    }
}
