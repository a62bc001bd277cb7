//! The files of the LocalDB: ours, or not touched (C-LOCAL-3).
//!
//! Every user of the host may make files in `/dev/shm`, and a file there under our name could send logins, with their
//! passwords, to a host of that user's choice. So each file that SQLite would believe (the database, its log, a journal) is
//! made or checked before SQLite opens any: a plain file of our own that no other user can write, in a folder where other
//! users cannot replace it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::store::StoreFault;

/// Makes the files that are missing and checks the others.
pub(super) fn take(path: &Path, owner: u32) -> Result<(), StoreFault> {
    check_folder(path, owner)?;
    for path in believed(path) {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => check_file(&path, owner)?,
            Err(error) if error.kind() == ErrorKind::StorageFull => return Err(StoreFault::Full),
            Err(error) => return Err(refused(&path, &format!("cannot be made: {error}"))),
        }
    }
    Ok(())
}

/// Removes everything of the database. Deleting the main file alone would leave a log that the next one takes for its own.
pub(super) fn remove(path: &Path) -> Result<(), StoreFault> {
    let [main, log, journal] = believed(path);
    for path in [main, log, journal, with_suffix(path, "-shm")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(refused(&path, &format!("cannot be removed: {error}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the first bytes of the file say, before SQLite believes any of it.
pub(super) fn look(path: &Path) -> Result<Look, StoreFault> {
    let mut begin = Vec::new();
    let opened = fs::File::open(path);
    let read = opened.and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut begin));
    read.map_err(|error| refused(path, &format!("cannot be read: {error}")))?;
    if begin.is_empty() {
        return Ok(Look::Empty);
    }
    if !begin.starts_with(b"SQLite format 3\0") {
        return Ok(Look::NoDatabase);
    }
    let application = begin.get(68..72).and_then(|bytes| bytes.try_into().ok());
    Ok(Look::Database { application: i32::from_be_bytes(application.unwrap_or_default()) })
}

/// See [`look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is there yet.
    Empty,
    /// Something that SQLite did not write, or that was overwritten.
    NoDatabase,
    /// A database, and whose.
    Database {
        /// `PRAGMA application_id`.
        application: i32,
    },
}

/// Moves a file aside that may be of value to its owner.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, StoreFault> {
    let aside = with_suffix(path, ".damaged");
    match fs::rename(path, &aside) {
        Ok(()) => Ok(aside),
        Err(error) => {
            Err(refused(path, &format!("cannot be moved to {}: {error}", aside.display())))
        }
    }
}

/// An operator has to act.
pub(super) fn refused(path: &Path, why: &str) -> StoreFault {
    StoreFault::Refused(format!("{} {why}", path.display()))
}

fn check_folder(path: &Path, owner: u32) -> Result<(), StoreFault> {
    let folder = path.parent().unwrap_or(path);
    let about = fs::metadata(folder).map_err(|error| {
        refused(
            path,
            &format!("cannot be made: its folder {error}", error = folder_says(folder, &error)),
        )
    })?;
    let is_ours = about.uid() == owner || about.uid() == 0;
    let is_shared = about.mode() & 0o022 != 0 && about.mode() & STICKY == 0;
    if !is_ours || is_shared {
        let why = "is in a folder where other users can replace it; name a folder of Hale's own, or one like /dev/shm";
        return Err(refused(path, why));
    }
    Ok(())
}

fn folder_says(folder: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", folder.display())
}

fn check_file(path: &Path, owner: u32) -> Result<(), StoreFault> {
    // Not through links: what they point to is not what is checked.
    let about = fs::symlink_metadata(path)
        .map_err(|error| refused(path, &format!("cannot be looked at: {error}")))?;
    if about.is_dir() {
        return Err(refused(path, "is a directory; name a file, or remove it"));
    }
    if !about.is_file() {
        return Err(refused(path, "is no plain file; remove it"));
    }
    if about.uid() != owner || about.nlink() != 1 {
        return Err(refused(
            path,
            "belongs to another user, who could send logins anywhere; remove it",
        ));
    }
    if about.mode() & 0o022 != 0 {
        return Err(refused(path, "can be written by other users; remove it"));
    }
    if about.mode() & 0o600 != 0o600 {
        return Err(refused(path, "may not be read or written; chmod it to 0600, or remove it"));
    }
    Ok(())
}

/// The files whose contents SQLite takes for true.
fn believed(path: &Path) -> [PathBuf; 3] {
    [path.to_owned(), with_suffix(path, "-wal"), with_suffix(path, "-journal")]
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

const STICKY: u32 = 0o1000;
/// SQLite's header.
const HEADER_BYTES: u64 = 100;
