//! The admin socket, made so that at no moment another user can connect to it.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
use rustix::process::geteuid;

use super::exit::{Exit, Refusal};
use crate::control::admin::AdminSocket;

/// Where a Hale with this `base_dir` listens.
#[must_use]
pub fn admin_socket(base_dir: &Path) -> PathBuf {
    base_dir.join("admin.sock")
}

/// Opens the socket. The lock of `base_dir` is held, so that what is left there belongs to no Hale that runs; still it is
/// removed only if no process answers.
pub(super) fn open(base_dir: &Path) -> Result<AdminSocket, Refusal> {
    let path = admin_socket(base_dir);
    let refused = |exit, what: &str| Refusal {
        exit,
        text: format!("base_dir: the admin socket {}: {what}", path.display()),
    };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(refused(Exit::Config, &error.to_string())),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(refused(Exit::Config, "something else has its name; move that away"));
        }
        Ok(_) if UnixStream::connect(&path).is_ok() => {
            let what = "another process answers there; stop it, or choose another base_dir";
            return Err(refused(Exit::TempFail, what));
        }
        Ok(_) => fs::remove_file(&path).map_err(|error| {
            refused(Exit::Config, &format!("the one of a former process can't be removed: {error}"))
        })?,
    }
    match listen(&path) {
        Ok(socket) => {
            Ok(AdminSocket { listener: UnixListener::from(socket), owner: geteuid().as_raw() })
        }
        Err(error) => Err(refused(
            Exit::Config,
            &format!("it can't be made: {error}; a path has at most 107 bytes"),
        )),
    }
}

/// The file gets the mode that the socket has when it is bound: no other moment is open to other users, and no umask, which is
/// the whole process's, has to change.
fn listen(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, QUEUE)?;
    Ok(socket)
}

/// Removes the socket, so that an operator who asks hears at once that no Hale runs.
pub(super) fn remove(base_dir: &Path) {
    // The next one removes it otherwise.
    let _ = fs::remove_file(admin_socket(base_dir));
}

/// Operators who connect at the same moment.
const QUEUE: i32 = 128;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn op_08_the_socket_is_the_owners_alone_and_a_stale_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        let path = admin_socket(folder.path());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let answered = open(folder.path()).unwrap_err();
        assert_eq!(answered.exit, Exit::TempFail, "{answered}");
        drop(first);
        open(folder.path()).unwrap();
        remove(folder.path());
        fs::write(&path, "mine").unwrap();
        let other = open(folder.path()).unwrap_err();
        assert_eq!((other.exit, fs::read(&path).unwrap()), (Exit::Config, b"mine".to_vec()));
    }

    #[test]
    fn a_path_that_is_too_long_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        fs::create_dir(&deep).unwrap();
        assert!(open(&deep).unwrap_err().text.contains("107 bytes"));
    }
}
