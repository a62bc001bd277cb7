//! Real databases with users in them: PostgreSQL and MariaDB from Debian, without root, each in a folder of the test's own; SQLite is a file.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::{
    MARIADB, MARIADB_INSTALL, MARIADBD, PG_INITDB, PGBOUNCER, POSTGRES, PSQL, SETPRIV, run,
};
use super::wait::{PATIENCE, wait_for};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pgsql,
    Mysql,
}

/// A server that runs, with a database `mail` that `hale` may read with the password `sesame`.
#[derive(Debug)]
pub(crate) struct Database {
    // Ends before its folder goes.
    process: Process,
    kind: Kind,
    pub(crate) port: u16,
    directory: TempDir,
}

impl Database {
    pub(crate) fn start(kind: Kind) -> Self {
        let directory = tempfile::Builder::new().prefix("hale-db-").tempdir().unwrap();
        let port = free_port();
        let path = directory.path();
        own(path);
        match kind {
            Kind::Pgsql => {
                let mut make = as_nobody(&PG_INITDB.path());
                make.args([
                    "--auth=trust",
                    "--username=hale",
                    "--encoding=UTF8",
                    "--no-sync",
                    "-D",
                ]);
                run(make.arg(path.join("data")));
            }
            Kind::Mysql => {
                let mut make = as_nobody(&MARIADB_INSTALL.path());
                make.args([
                    "--no-defaults",
                    "--skip-test-db",
                    "--auth-root-authentication-method=normal",
                ]);
                run(make.arg(format!("--datadir={}", path.join("data").display())));
                let users = "CREATE DATABASE IF NOT EXISTS mail CHARACTER SET utf8mb4;\n\
                             CREATE USER IF NOT EXISTS 'hale'@'%' IDENTIFIED BY 'sesame';\n\
                             GRANT ALL ON mail.* TO 'hale'@'%';\n";
                fs::write(path.join("init.sql"), users).unwrap();
            }
        }
        let process = spawn(kind, path, port);
        let database = Self { process, kind, port, directory };
        database.wait_until_ready();
        if kind == Kind::Pgsql {
            database.run_in("postgres", "CREATE DATABASE mail");
        }
        database
    }

    /// The lines of a passdb that asks it.
    pub(crate) fn connect(&self) -> String {
        let port = self.port;
        match self.kind {
            Kind::Pgsql => {
                format!("host={FRONT} port={port} dbname=mail user=hale password=sesame")
            }
            Kind::Mysql => {
                format!("host={FRONT} port={port} dbname=mail user=hale password=sesame")
            }
        }
    }

    /// What Dovecot calls it.
    pub(crate) fn driver(&self) -> &'static str {
        match self.kind {
            Kind::Pgsql => "pgsql",
            Kind::Mysql => "mysql",
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs statements.
    pub(crate) fn run(&self, statements: &str) {
        self.run_in("mail", statements);
    }

    fn run_in(&self, name: &str, statements: &str) {
        run(&mut self.client(name, statements));
    }

    fn client(&self, name: &str, statements: &str) -> Command {
        let (host, port) = (FRONT.to_string(), self.port.to_string());
        match self.kind {
            Kind::Pgsql => {
                let mut client = PSQL.command();
                client.args([
                    "-X",
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "hale",
                    "-h",
                    &host,
                    "-p",
                    &port,
                ]);
                client.args(["-d", name, "-c", statements]);
                client
            }
            Kind::Mysql => {
                let mut client = MARIADB.command();
                client.args(["--no-defaults", "-h", &host, "-P", &port, "-u", "hale", "-psesame"]);
                client.args(["--default-character-set=utf8mb4", "-D", name, "-e", statements]);
                client
            }
        }
    }

    fn wait_until_ready(&self) {
        let (name, statement) = match self.kind {
            Kind::Pgsql => ("postgres", "SELECT 1"),
            Kind::Mysql => ("mail", "SELECT 1"),
        };
        wait_for("the database takes connections", PATIENCE, || {
            let output = self.client(name, statement).output().unwrap();
            output.status.success().then_some(())
        });
    }

    /// A signal to the server and all its processes.
    pub(crate) fn signal(&self, signal: Signal) {
        for id in family(self.process.id()) {
            if let Some(pid) = Pid::from_raw(id.cast_signed()) {
                // One of them may have ended in between.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Ends it without a goodbye.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.process.end();
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(self.kind, self.directory.path(), self.port);
        self.wait_until_ready();
    }
}

impl Drop for Database {
    /// Its processes are in groups of their own.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// pgbouncer in front of a PostgreSQL, with one connection to it for all.
pub(crate) fn pooler(database: &Database) -> (Process, u16) {
    let port = free_port();
    let path = database.path();
    let text = format!(
        "[databases]\nmail = host={FRONT} port={} dbname=mail user=hale\n[pgbouncer]\nlisten_addr = {FRONT}\nlisten_port = {port}\n\
         auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\nunix_socket_dir =\n",
        database.port
    );
    fs::write(path.join("pgbouncer.ini"), text).unwrap();
    own(&path.join("pgbouncer.ini"));
    let mut command = as_nobody(&PGBOUNCER.path());
    command.arg(path.join("pgbouncer.ini"));
    (Process::start("pgbouncer", &command, path), port)
}

fn spawn(kind: Kind, path: &Path, port: u16) -> Process {
    let data = path.join("data").display().to_string();
    let command = match kind {
        Kind::Pgsql => {
            let mut command = guarded(&POSTGRES.path());
            command.args(["-D", &data, "-F", "-h", &FRONT.to_string(), "-p", &port.to_string()]);
            command.args(["-c", "unix_socket_directories="]);
            command
        }
        Kind::Mysql => {
            let mut command = guarded(&MARIADBD.path());
            command.args(["--no-defaults", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"]);
            command.args([
                format!("--datadir={data}"),
                format!("--port={port}"),
                format!("--bind-address={FRONT}"),
                format!("--socket={}", path.join("socket").display()),
                format!("--init-file={}", path.join("init.sql").display()),
                format!("--pid-file={}", path.join("pid").display()),
            ]);
            command
        }
    };
    Process::start("database", &command, path)
}

/// The kernel forgets that the program dies with the test when its user changes, so that is said once more behind it.
fn guarded(program: &Path) -> Command {
    let mut command = as_nobody(&SETPRIV.path());
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Databases do not run as root.
fn as_nobody(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = SETPRIV.command();
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(program);
    command
}

fn own(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    if geteuid().is_root() {
        let id = NOBODY.parse().unwrap();
        chown(path, Some(id), Some(id)).unwrap();
    }
}

const NOBODY: &str = "65534";

/// A process and all that came from it.
fn family(id: u32) -> Vec<u32> {
    let list = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
    let children = fs::read_to_string(list).unwrap_or_default();
    let children = children.split_ascii_whitespace().filter_map(|word| word.parse().ok());
    let below = children.flat_map(family).collect::<Vec<_>>();
    std::iter::once(id).chain(below).collect()
}
