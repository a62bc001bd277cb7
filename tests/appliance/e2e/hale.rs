//! Hale itself: the binary under test, its configuration, its cluster.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::certificate::Pem;
use super::dovecot::Pair;
use super::imap::Imap;
use super::kernel::raise_descriptor_limit;
use super::ports::{BACKENDS, FRONT, free_port};
use super::process::Process;
use super::tools::{DOVEADM, run, said};
use super::wait::{PATIENCE, poll, wait_for};

/// Hale's files before it runs: what to listen on, which users, which backends.
#[derive(Debug)]
pub(crate) struct Setup {
    directory: TempDir,
    front: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) haproxy_port: u16,
    tls_port: u16,
    backend_port: u16,
    backends: Vec<Ipv4Addr>,
    trusted_balancers: &'static str,
    users: Vec<u8>,
    more: String,
}

/// A running Hale.
#[derive(Debug)]
pub(crate) struct Hale {
    // Ends before its directory goes.
    process: Process,
    setup: Setup,
}

/// Where Hale serves what is not IMAP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoreAddresses {
    pub(crate) pop3: SocketAddr,
    pub(crate) sieve: SocketAddr,
}

impl Setup {
    /// In front of the two backend addresses on this port.
    pub(crate) fn new(backend_port: u16) -> Self {
        raise_descriptor_limit();
        let directory = tempfile::Builder::new().prefix("hale-e2e-").tempdir().unwrap();
        for folder in ["run", "state"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        Self {
            directory,
            front: FRONT,
            port: free_port(),
            haproxy_port: free_port(),
            tls_port: free_port(),
            backend_port,
            backends: BACKENDS.to_vec(),
            trusted_balancers: "127.0.0.0/8",
            users: Vec::new(),
            more: String::new(),
        }
    }

    /// In front of real Dovecots, which learn about this user too.
    pub(crate) fn with_users(pair: &Pair, users: &[&str], password: &[u8]) -> Self {
        pair.add_users(users, password);
        let mut setup = Self::new(pair.port);
        setup.add_users(users, password);
        setup
    }

    /// Rows of the password file; Hale sees a hash, the backends have the password.
    pub(crate) fn add_users(&mut self, users: &[&str], password: &[u8]) {
        let hash = hashed(password);
        for user in users {
            self.users.extend_from_slice(user.as_bytes());
            self.users.push(b':');
            self.users.extend_from_slice(&hash);
            self.users.extend_from_slice(b"::::::\n");
        }
    }

    /// One row of the password file, as it is.
    pub(crate) fn add_row(&mut self, row: &str) {
        self.users.extend_from_slice(row.as_bytes());
        self.users.push(b'\n');
    }

    /// Who may send PROXY headers.
    pub(crate) fn trust_balancers(&mut self, networks: &'static str) {
        self.trusted_balancers = networks;
    }

    /// Listens on another address: proxies of several sites have the same ports, because a proxy knows one port per protocol.
    pub(crate) fn listen_at(&mut self, address: Ipv4Addr, imap_port: u16) {
        self.front = address;
        self.port = imap_port;
    }

    /// Both backends are one program, which cannot listen on two addresses.
    pub(crate) fn put_backends_at(&mut self, address: Ipv4Addr) {
        self.backends = vec![address; 2];
    }

    /// Other backends than the two.
    pub(crate) fn put_backends(&mut self, addresses: Vec<Ipv4Addr>) {
        self.backends = addresses;
    }

    /// One more backend, on the same port as the others.
    pub(crate) fn add_backend(&mut self, address: Ipv4Addr) {
        self.backends.push(address);
    }

    /// A certificate, and a port that begins with TLS.
    pub(crate) fn secure(&mut self, pem: &Pem) {
        pem.write(self.path());
        let directory = self.path().display().to_string();
        let mode = if self.more.contains("ssl = required") { "required" } else { "yes" };
        self.configure(&format!(
            "ssl = {mode}\nssl_server_cert_file = {directory}/cert.pem\nssl_server_key_file = {directory}/key.pem\n\
             service imap-login {{\n  inet_listener imap_tls {{\n    port = {}\n    ssl = yes\n  }}\n}}",
            self.tls_port
        ));
    }

    /// More lines of configuration.
    pub(crate) fn configure(&mut self, lines: &str) {
        self.more.push_str(lines);
        self.more.push('\n');
    }

    /// Listeners for POP3 and ManageSieve, in front of the same backends.
    pub(crate) fn serve_pop3_and_sieve(&mut self, pair: &Pair) -> MoreAddresses {
        let (pop3, sieve) = (free_port(), free_port());
        self.configure(&format!(
            "protocols = imap pop3 sieve\nservice pop3-login {{\n  inet_listener pop3 {{\n    port = {pop3}\n  }}\n}}\n\
             service managesieve-login {{\n  inet_listener sieve {{\n    port = {sieve}\n  }}\n}}\n\
             protocol pop3 {{\n  proxy_port = {}\n}}\nprotocol sieve {{\n  proxy_port = {}\n}}",
            pair.pop3_port, pair.sieve_port
        ));
        MoreAddresses { pop3: (FRONT, pop3).into(), sieve: (FRONT, sieve).into() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the files, makes the cluster, starts Hale and waits until it takes connections.
    pub(crate) fn start(self) -> Hale {
        self.write();
        self.make_cluster();
        self.run()
    }

    /// All have the GeoDB of the first, as processes of one host do; their files are written.
    pub(crate) fn share_geodb(setups: &mut [Self]) {
        let geodb = setups[0].path().join("state/geodb.sqlite");
        for setup in setups {
            setup.configure(&format!("cluster_geodb = sqlite:{}", geodb.display()));
            setup.write();
        }
    }

    /// Writes configuration, hosts and users.
    pub(crate) fn write(&self) {
        let directory = self.path().to_str().unwrap();
        let text = include_str!("hale.conf")
            .replace("@DIRECTORY@", directory)
            .replace("@FRONT@", &self.front.to_string())
            .replace("@PORT@", &self.port.to_string())
            .replace("@HAPROXY_PORT@", &self.haproxy_port.to_string())
            .replace("@BACKEND_PORT@", &self.backend_port.to_string())
            .replace("@BALANCERS@", self.trusted_balancers);
        fs::write(self.path().join("hale.conf"), text + &self.more).unwrap();
        let names = self.backend_names();
        let lines = self.backends.iter().zip(&names).map(|(at, name)| format!("{at} {name}\n"));
        fs::write(self.path().join("hosts"), lines.collect::<String>()).unwrap();
        fs::write(self.path().join("users"), &self.users).unwrap();
        self.set_mode("users", 0o600);
    }

    /// Who may read a file of this instance.
    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path().join(name), Permissions::from_mode(mode)).unwrap();
    }

    /// be1.test and so on, in the order of their addresses.
    pub(crate) fn backend_names(&self) -> Vec<String> {
        (1..=self.backends.len()).map(|number| format!("be{number}.test")).collect()
    }

    /// One site with all backends online, made with the commands an operator would type.
    pub(crate) fn make_cluster(&self) {
        self.succeed("geodb init");
        self.succeed("cluster site add DC1");
        for host in self.backend_names() {
            self.succeed(&format!("cluster backend add --site DC1 {host}"));
            self.succeed(&format!(
                "cluster backend update --status online --load-factor 100 {host}"
            ));
        }
    }

    /// Starts Hale with the files as they are and waits until it takes connections.
    pub(crate) fn run(self) -> Hale {
        let mut hale = Hale { process: self.spawn(), setup: self };
        hale.wait_until_ready();
        hale
    }

    /// Starts `hale run` without waiting for anything.
    pub(crate) fn spawn(&self) -> Process {
        Process::start("hale", &self.command("run"), self.path())
    }

    /// `hale` with these words, not started yet.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hale"));
        command.arg("-c").arg(self.path().join("hale.conf")).args(words.split(' '));
        command
    }

    /// Runs `hale` with these words to its end.
    pub(crate) fn output_of(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hale"));
        command.arg("-c").arg(self.path().join("hale.conf")).args(words).output().unwrap()
    }

    /// The same, which must work; what it printed.
    pub(crate) fn succeed_with(&self, words: &[&str]) -> String {
        let output = self.output_of(words);
        assert!(output.status.success(), "hale {words:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command of Hale to its end.
    pub(crate) fn output(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command of Hale that must work, and returns what it printed.
    pub(crate) fn succeed(&self, words: &str) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "hale {words}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Hale {
    pub(crate) fn address(&self) -> SocketAddr {
        (self.setup.front, self.setup.port).into()
    }

    pub(crate) fn tls_address(&self) -> SocketAddr {
        (self.setup.front, self.setup.tls_port).into()
    }

    pub(crate) fn haproxy_address(&self) -> SocketAddr {
        (self.setup.front, self.setup.haproxy_port).into()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// A logged-in client.
    pub(crate) fn session(&self, user: &str, password: &[u8]) -> Imap {
        let mut client = Imap::connect(self.address());
        client.login(user, password);
        client
    }

    /// Logs a user in who may be unknown: on a busy machine the GeoDB may be late, and such a client comes again.
    pub(crate) fn let_in(&self, user: &str, password: &[u8]) {
        wait_for(&format!("{user} is let in"), PATIENCE, || {
            Imap::connect(self.address()).try_login(user, password).then_some(())
        });
    }

    /// What `hale status` says of something.
    pub(crate) fn status(&self, about: &str, property: &str) -> String {
        let said = self.setup.succeed_with(&["-f", "tab", "status"]);
        let mut rows = said.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|row| row[..2] == [about, property]);
        row.unwrap_or_else(|| panic!("no {about} {property} in {said}"))[2].to_owned()
    }

    /// The same of what is a number.
    pub(crate) fn number(&self, about: &str, property: &str) -> u64 {
        self.status(about, property).parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait(limit)
    }

    /// Ends Hale without a goodbye and starts it again on the same files.
    pub(crate) fn crash_and_start_again(&mut self) {
        // Assigning would start the new one before the old one is dead.
        self.process.end();
        self.process = self.setup.spawn();
        self.wait_until_ready();
    }

    /// Stops Hale in order, does something, and starts it again.
    pub(crate) fn stop_while(&mut self, work: impl FnOnce(&Setup)) {
        self.signal(Signal::TERM);
        self.signal(Signal::TERM);
        let status = self.wait(PATIENCE);
        assert!(status.success(), "{status}");
        work(&self.setup);
        self.process = self.setup.spawn();
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let ready = poll(PATIENCE, || {
            if let Some(status) = self.process.ended() {
                panic!("hale run ended: {status}");
            }
            Imap::try_connect(self.address()).map(drop)
        });
        assert!(ready.is_some(), "hale takes no connections");
    }

    /// What Hale printed and logged, for failure messages.
    pub(crate) fn said(&self) -> String {
        let log = fs::read(self.setup.path().join("hale.log")).unwrap_or_default();
        format!("{}--- hale.log\n{}", self.process.said(), String::from_utf8_lossy(&log))
    }
}

impl Drop for Hale {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
    }
}

/// Only the owner may read a file that holds a secret.
pub(crate) fn set_private(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A password as it stands in the password file, made by Dovecot's own tool: whatever it writes, Hale must read.
pub(crate) fn hashed(password: &[u8]) -> Vec<u8> {
    let mut command = DOVEADM.command();
    // Without -O doveadm insists on reading /etc/dovecot.
    command.args(["-O", "pw", "-s", "SHA512-CRYPT", "-r", "1000", "-p"]);
    command.arg(std::ffi::OsStr::from_bytes(password));
    run(&mut command).trim_ascii_end().to_vec()
}
