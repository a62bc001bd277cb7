//! One Hale per `base_dir` (OP-06): a locked file, which the kernel unlocks however the process ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Pid;

use super::exit::{Exit, Refusal};

/// Makes `folder` if it is missing, and takes its lock. The lock lasts as long as the file is open.
pub(super) fn lock(folder: &Path) -> Result<File, Refusal> {
    make_folder("base_dir", folder)?;
    let path = folder.join("hale.lock");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| {
            Refusal::config(format!("base_dir: {} can't be opened: {error}", path.display()))
        })?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Refusal {
        exit: Exit::TempFail,
        text: format!(
            "base_dir: another Hale runs with {}; stop it first, or give this one a base_dir and ports of its own",
            folder.display()
        ),
    })?;
    // For `check-host` and operators who look; a process that can't write it down serves all the same.
    let number = format!("{}\n", std::process::id());
    let _ = file.set_len(0).and_then(|()| (&file).write_all(number.as_bytes()));
    Ok(file)
}

/// The process that holds the lock of `folder`.
pub(super) fn holder(folder: &Path) -> Option<Pid> {
    let file = File::open(folder.join("hale.lock")).ok()?;
    // A lock that can be had belongs to no process, whatever the file says.
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    file.take(NUMBER_BYTES_MAX).read_to_string(&mut text).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

const NUMBER_BYTES_MAX: u64 = 20;

/// Makes a folder of ours, readable by us alone.
pub(super) fn make_folder(setting: &str, folder: &Path) -> Result<(), Refusal> {
    DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(|error| {
        Refusal::config(format!(
            "{setting}: {} can't be made: {error}; make it and give it to the user that runs hale",
            folder.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn op_06_the_second_instance_is_refused_and_told_why() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(&folder.path().join("run")).unwrap();
        let refusal = lock(&folder.path().join("run")).unwrap_err();
        assert_eq!(refusal.exit, Exit::TempFail);
        assert!(refusal.text.contains("another Hale"), "{refusal}");
        drop(first);
        lock(&folder.path().join("run")).unwrap();
    }
}
