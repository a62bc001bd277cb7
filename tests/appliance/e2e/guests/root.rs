//! Roots for guests: Debian's packages unpacked once beside what cargo builds, and a copy for each guest, made of hard
//! links.
//!
//! A mail server believes that it is alone on a machine of its own: its paths, its accounts, its system log. Nothing is
//! installed, and nothing is left: the keeper ends whatever runs in the root as soon as our end of its input closes,
//! and then removes it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use rustix::process::geteuid;

use super::super::kernel::raise_descriptor_limit;
use super::super::tools::{BASH, CP, NEWUIDMAP, NSENTER, UNSHARE, run, said};

/// What is unpacked: packages that Debian would install together stand in one choice, with a shell and tools for all of
/// them.
const CHOICES: [&str; 4] = [
    "dash coreutils cyrus-imapd cyrus-pop3d cyrus-common sasl2-bin nullmailer",
    "courier-imap courier-pop courier-authdaemon courier-authlib-userdb",
    "postfix",
    "exim4-daemon-heavy",
];

/// A machine of its own for a guest, as far as the guest can tell.
#[derive(Debug)]
pub(crate) struct Root {
    directory: PathBuf,
    keeper: Child,
    running: Vec<Child>,
    system_log: UnixDatagram,
}

impl Root {
    /// With these accounts besides root's; each has a group of its own.
    pub(crate) fn new(name: &str, accounts: &[(&str, u32)]) -> Self {
        raise_descriptor_limit();
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        fs::create_dir_all(&place).unwrap();
        let directory = tempfile::Builder::new().prefix(name).tempdir_in(&place).unwrap().keep();
        // The user that a guest becomes has to enter its root.
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        run(CP.command().arg("-al").arg(unpacked().join(".")).arg(&directory));
        for (folder, mode) in [("dev", 0o755), ("run", 0o755), ("tmp", 0o1777), ("own", 0o755)] {
            fs::create_dir_all(directory.join(folder)).unwrap();
            fs::set_permissions(directory.join(folder), Permissions::from_mode(mode)).unwrap();
        }
        let system_log = keep_system_log(&directory);
        let keeper = keep(&directory);
        let root = Self { directory, keeper, running: Vec::new(), system_log };
        let (mut users, mut groups) =
            ("root:x:0:0::/:/bin/sh\n".to_owned(), "root:x:0:\n".to_owned());
        for (name, id) in accounts {
            users += &format!("{name}:x:{id}:{id}::/own:/bin/sh\n");
            groups += &format!("{name}:x:{id}:\n");
        }
        root.write("etc/passwd", &users);
        root.write("etc/group", &groups);
        root.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
        root.write("etc/hosts", "127.0.0.1 localhost\n127.0.0.2 be1.test\n127.0.0.3 be2.test\n");
        root
    }

    /// A file in the root. What it replaces is unlinked, since other roots have it too.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(path, text).unwrap();
    }

    /// A folder in the root that belongs to this account, with all that is in it.
    pub(crate) fn lend(&self, path: &str, account: &str) {
        self.run(&["/bin/mkdir", "-p", &format!("/{path}")], b"");
        self.run(&["/bin/chown", "-R", account, &format!("/{path}")], b"");
    }

    /// What this path of the guest is for us.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// Runs a program of the root to its end.
    pub(crate) fn run(&self, words: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}\n{}{}", said(&output), self.said());
        output.stdout
    }

    /// Starts a program of the root that stays in the foreground.
    pub(crate) fn start(&mut self, words: &[&str]) {
        let output =
            OpenOptions::new().create(true).append(true).open(self.path("output")).unwrap();
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        self.running.push(command.spawn().unwrap());
    }

    /// Ends what was started, as far as it is one process each.
    pub(crate) fn end(&mut self) {
        for mut child in self.running.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = if geteuid().is_root() {
            Command::new("/usr/sbin/chroot")
        } else {
            // Into what the keeper has made.
            let mut command = NSENTER.command();
            command.args(["--user", "--mount", "--target", &self.keeper.id().to_string()]);
            command.arg("/usr/sbin/chroot");
            command
        };
        command.arg(&self.directory).args(words);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// What the guest told its system log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("system-log")).unwrap_or_default()).into()
    }

    /// What the guest said where a person would have seen it.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("output")).unwrap_or_default()).into()
    }

    /// What the guest said last, for failure messages.
    pub(crate) fn said(&self) -> String {
        let last = |text: String| {
            // Cyrus' tool complains about every entry that it makes.
            let lines = text.lines().filter(|line| !line.contains("saslpasswd2: error deleting"));
            let lines: Vec<&str> = lines.collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        format!("--- guest\n{}\n--- its log\n{}\n", last(self.output()), last(self.log()))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.said());
        }
        // One that has not come into its root yet is not the keeper's.
        for child in &mut self.running {
            let _ = child.kill();
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        for child in &mut self.running {
            let _ = child.wait();
        }
        let _ = self.system_log.shutdown(Shutdown::Both);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

/// The folder with all packages unpacked, in the versions that Debian had when it was made.
fn unpacked() -> &'static Path {
    static UNPACKED: OnceLock<PathBuf> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests-unpacked");
        // Written last: what is there was unpacked whole, and from this list.
        let (done, list) = (folder.join("unpacked-from"), CHOICES.join("\n"));
        if fs::read(&done).is_ok_and(|from| from == list.as_bytes()) {
            return folder.join("root");
        }
        let mut command = BASH.command();
        command.args([
            "-euo",
            "pipefail",
            "-c",
            ". .ci/packages.sh; unpack_packages \"$@\"",
            "unpack",
        ]);
        command.arg(&folder).args(CHOICES).current_dir(env!("CARGO_MANIFEST_DIR"));
        run(&mut command);
        fs::write(done, list).unwrap();
        folder.join("root")
    })
}

/// Makes the devices, says so, and waits. When our end of its input closes, everything whose root this is ends, and the
/// root goes.
///
/// The kernel closes that end however the test binary dies. The process group would not do: mail servers make their
/// own.
const KEEPER: &str = r#"
    set -e
    root=$1
    for device in null:3 random:8 urandom:9; do
        name=${device%:*}
        if [ "$2" = made ]; then
            mknod -m 666 "$root/dev/$name" c 1 "${device#*:}"
        else
            : >"$root/dev/$name"
            mount --bind "/dev/$name" "$root/dev/$name"
        fi
        if ! : <"$root/dev/$name"; then
            echo "devices do not work in $root: is its file system mounted with nodev?" >&2
            exit 1
        fi
    done
    echo ready
    set +e
    read -r _
    found=1
    while [ "$found" = 1 ]; do
        found=0
        for process in /proc/[0-9]*; do
            if [ "$process/root" -ef "$root" ]; then
                kill -KILL "${process#/proc/}" && found=1
            fi
        done 2>/dev/null
    done
    # At once, though a dying process may still hold one.
    [ "$2" = made ] || umount --lazy "$root"/dev/null "$root"/dev/random "$root"/dev/urandom
    rm -rf -- "$root"
"#;

fn keep(directory: &Path) -> Child {
    let mut command = if geteuid().is_root() {
        BASH.command()
    } else {
        // Mail servers become other users, so one mapped id is not enough. The program that maps more has the right to.
        NEWUIDMAP.path();
        let mut command = UNSHARE.command();
        command.args(["--user", "--mount", "--map-root-user", "--map-auto"]).arg(BASH.path());
        command
    };
    command.args(["-c", KEEPER, "keeper"]).arg(directory);
    command.arg(if geteuid().is_root() { "made" } else { "lent" });
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut keeper = command.spawn().unwrap();
    let mut ready = [0; 6];
    if keeper.stdout.take().unwrap().read_exact(&mut ready).is_err() {
        let mut error = String::new();
        let _ = keeper.stderr.take().unwrap().read_to_string(&mut error);
        let _ = fs::remove_dir_all(directory);
        panic!(
            "no root for another mail server: {error}\nThese tests have to run as root, or where a user may make a user \
             namespace with a range of ids (a row in /etc/subuid and /etc/subgid, the package uidmap)"
        );
    }
    keeper
}

/// Keeps what the guest sends to its system log in a file of its root.
fn keep_system_log(directory: &Path) -> UnixDatagram {
    // The address of a socket is short; a path to a folder of cargo's need not be.
    let folder = File::open(directory.join("dev")).unwrap();
    let address = format!("/proc/self/fd/{}/log", folder.as_raw_fd());
    let socket = UnixDatagram::bind(address).unwrap();
    fs::set_permissions(directory.join("dev/log"), Permissions::from_mode(0o666)).unwrap();
    let reader = socket.try_clone().unwrap();
    let mut file = File::create(directory.join("system-log")).unwrap();
    thread::spawn(move || {
        let mut line = vec![0; 65_536];
        // Nothing is what comes once it was shut down.
        while let Ok(count @ 1..) = reader.recv(&mut line) {
            let line = line[..count].trim_ascii_end();
            file.write_all(&[line, b"\n"].concat()).unwrap();
        }
    });
    socket
}
