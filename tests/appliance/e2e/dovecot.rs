//! Real Dovecot backends: Debian's 2.3, rootless, two of them on one port of two loopback addresses.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Signal, getegid, geteuid, kill_process_group};

use super::imap::{self, Imap};
use super::kernel::raise_descriptor_limit;
use super::ports::{BACKENDS, free_port};
use super::process::{pid, wait_until_gone};
use super::tools::{BASH, DOVECOT, SETPRIV};
use super::wait::{PATIENCE, poll, wait_for};

/// Two backends with the same users and the same port.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) backends: [Dovecot; 2],
    pub(crate) port: u16,
    /// Where connections have to begin with a PROXY header.
    pub(crate) haproxy_port: u16,
    pub(crate) pop3_port: u16,
    pub(crate) sieve_port: u16,
}

/// One running Dovecot.
#[derive(Debug)]
pub(crate) struct Dovecot {
    /// The last one keeps what runs.
    keepers: Vec<Child>,
    directory: PathBuf,
    address: SocketAddr,
}

impl Pair {
    /// The pair that tests share when they only add users of their own. It ends with the test binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Pair> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A pair for a test that hurts its backends.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more lines of configuration.
    pub(crate) fn start_with(more: &str) -> Self {
        raise_descriptor_limit();
        let [port, haproxy_port, pop3_port, sieve_port] = [(); 4].map(|()| free_port());
        let ports = [port, haproxy_port, pop3_port, sieve_port];
        let backends = BACKENDS.map(|address| Dovecot::start(address, ports, more));
        for backend in &backends {
            backend.wait_until_ready();
        }
        Self { backends, port, haproxy_port, pop3_port, sieve_port }
    }

    /// Makes a user known to both backends.
    pub(crate) fn add_user(&self, user: &str, password: &[u8]) {
        self.add_users(&[user], password);
    }

    pub(crate) fn add_users(&self, users: &[&str], password: &[u8]) {
        for backend in &self.backends {
            backend.add_users(users, password);
        }
    }

    /// The one backend on which a user logged in, by the backends' own logs.
    pub(crate) fn home_of(&self, user: &str) -> usize {
        self.home_after(user, 1)
    }

    /// The same, once so many logins stand in the logs (Dovecot writes them a moment after the reply).
    pub(crate) fn home_after(&self, user: &str, logins: usize) -> usize {
        let counts = wait_for(&format!("{logins} logins of {user}"), PATIENCE, || {
            let counts = [0, 1].map(|at: usize| self.backends[at].logins(user).len());
            (counts.iter().sum::<usize>() >= logins).then_some(counts)
        });
        match counts {
            [_, 0] => 0,
            [0, _] => 1,
            _ => panic!("{user} logged in on both backends: {counts:?} times"),
        }
    }
}

impl Dovecot {
    /// One for itself. `ports`: as [`Self::start`] has them.
    pub(crate) fn alone(address: Ipv4Addr, ports: [u16; 4], more: &str) -> Self {
        let dovecot = Self::start(address, ports, more);
        dovecot.wait_until_ready();
        dovecot
    }

    fn start(address: Ipv4Addr, ports: [u16; 4], more: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("hale-dovecot-").tempdir().unwrap().keep();
        for folder in ["run", "state", "mail", "users"] {
            fs::create_dir(directory.join(folder)).unwrap();
        }
        let configuration = directory.join("dovecot.conf");
        let text = configuration_text(&directory, address, ports) + more;
        fs::write(&configuration, text).unwrap();
        give_to_daemon(&directory);
        let keepers = vec![keep(&directory, &daemon_command(&configuration))];
        Self { keepers, directory, address: (address, ports[0]).into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.directory.join("dovecot.conf")
    }

    pub(crate) fn add_users(&self, users: &[&str], password: &[u8]) {
        for user in users {
            let row = [user.as_bytes(), b":{PLAIN}", password, b"::::::\n"].concat();
            fs::write(self.directory.join("users").join(user), row).unwrap();
        }
    }

    /// The log lines of this user's logins.
    pub(crate) fn logins(&self, user: &str) -> Vec<String> {
        let wanted = format!("Login: user=<{user}>,");
        self.log().lines().filter(|line| line.contains(&wanted)).map(str::to_owned).collect()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).unwrap_or_default()).into()
    }

    /// Sends one signal to Dovecot and everything it started.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process_group(pid(self.master()), signal).unwrap();
    }

    /// As if the host had lost power: every process ends at once, without a goodbye.
    pub(crate) fn kill(&self) {
        let master = self.master();
        self.signal(Signal::KILL);
        wait_until_gone(master, PATIENCE);
    }

    /// Starts it again behind [`Self::kill`].
    pub(crate) fn start_again(&mut self) {
        self.keepers.push(keep(&self.directory, &daemon_command(&self.configuration())));
        self.wait_until_ready();
    }

    fn master(&self) -> u32 {
        fs::read_to_string(self.directory.join("run/master.pid")).unwrap().trim().parse().unwrap()
    }

    /// Ready means that a login works: just started, Dovecot accepts before its authentication answers.
    fn wait_until_ready(&self) {
        self.add_users(&["ready"], b"ready");
        let ready = poll(PATIENCE, || {
            let mut client = Imap::try_connect(self.address)?;
            client.send(&imap::login_line("r", "ready", b"ready"));
            let reply = client.reply("r").pop()?;
            let reply = String::from_utf8_lossy(&reply).into_owned();
            // Its authentication has told which mechanisms there are, and none of them takes a password.
            let has_none = reply.contains("Unsupported authentication mechanism");
            (reply.starts_with("r OK") || has_none).then_some(())
        });
        assert!(ready.is_some(), "Dovecot does not start\n{}", self.log());
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        for mut keeper in self.keepers.drain(..).rev() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------

/// Starts `command` under a small shell that ends it and removes `directory` as soon as our end of its input closes.
///
/// The kernel closes that end however the test binary dies, so that also the shared pair, which no destructor reaches,
/// leaves nothing behind.
fn keep(directory: &Path, command: &Command) -> Child {
    // The monitor mode gives Dovecot a process group of its own, so that one signal reaches all of it.
    const KEEPER: &str = r#"
        set -m
        directory=$1; shift
        "$@" </dev/null >"$directory/output" 2>&1 &
        read -r _
        kill -KILL -- "-$!" 2>/dev/null
        wait
        rm -rf -- "$directory"
    "#;
    BASH.command()
        .args(["-c", KEEPER, "keeper"])
        .arg(directory)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Dovecot refuses mail users with root's id, so a test that runs as root lends the directory to nobody.
const NOBODY: u32 = 65_534;

fn daemon_command(configuration: &Path) -> Command {
    let mut command = if geteuid().is_root() {
        let mut command = SETPRIV.command();
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]);
        command.arg(DOVECOT.path());
        command
    } else {
        DOVECOT.command()
    };
    command.arg("-F").arg("-c").arg(configuration);
    command
}

fn give_to_daemon(directory: &Path) {
    if !geteuid().is_root() {
        return;
    }
    for entry in fs::read_dir(directory).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// The names of the user and the group that Dovecot runs as.
fn daemon_names() -> (String, String) {
    if geteuid().is_root() {
        return ("nobody".to_owned(), "nogroup".to_owned());
    }
    (name_of("/etc/passwd", geteuid().as_raw()), name_of("/etc/group", getegid().as_raw()))
}

fn name_of(file: &str, id: u32) -> String {
    let rows = fs::read_to_string(file).unwrap();
    let row = rows.lines().find(|row| row.split(':').nth(2) == Some(&id.to_string()));
    row.unwrap_or_else(|| panic!("{file} does not know {id}")).split(':').next().unwrap().to_owned()
}

/// `ports`: for IMAP, IMAP behind a PROXY header, POP3 and ManageSieve.
fn configuration_text(directory: &Path, address: Ipv4Addr, ports: [u16; 4]) -> String {
    let (user, group) = daemon_names();
    let [port, haproxy_port, pop3_port, sieve_port] = ports;
    [include_str!("dovecot.conf"), include_str!("pop3_sieve.conf")]
        .concat()
        .replace("@DIRECTORY@", directory.to_str().unwrap())
        .replace("@ADDRESS@", &address.to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@HAPROXY_PORT@", &haproxy_port.to_string())
        .replace("@POP3_PORT@", &pop3_port.to_string())
        .replace("@SIEVE_PORT@", &sieve_port.to_string())
        .replace("@USER@", &user)
        .replace("@GROUP@", &group)
}

/// Waits until this user's login stands in the log of one of the backends, and returns that line.
pub(crate) fn login_line(pair: &Pair, user: &str) -> String {
    wait_for(&format!("the login of {user} in a backend's log"), PATIENCE, || {
        pair.backends.iter().find_map(|backend| backend.logins(user).pop())
    })
}
