//! The proxies under comparison: how each is configured, started on its core, awaited and ended.

use std::fs::{self, File};
use std::net::{SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::account::Processes;
use crate::affinity;
use crate::certificate::Certificate;
use crate::engine::{Engine, Plan, Protocol, TlsMode};
use crate::scenario::Subject;

mod haproxy;
mod hale;
mod nginx;

pub(crate) use nginx::AUTH_HTTP;

/// A proxy to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// No proxy: the clients talk to the fake backend.
    Direct,
    /// HAProxy, plain TCP, its defaults.
    Haproxy,
    /// HAProxy with `option splice-request` and `splice-response`.
    HaproxySplice,
    /// HAProxy, which ends TLS and passes the bytes on.
    HaproxyTls,
    /// nginx's mail module.
    Nginx,
    /// Hale.
    Hale,
    /// Hale with its GeoDB in Cassandra.
    HaleCassandra,
    /// Hale that probes many backends.
    HaleProbing,
    /// Hale whose users are in a database elsewhere; hale's own all have one password in its configuration then.
    HaleUserdb,
    /// Hale to which clients log in by SCRAM-SHA-256.
    HaleScram,
    /// An earlier build of Hale, to see what a change costs.
    HaleBefore,
}

/// What all targets share in one comparison.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) protocol: Protocol,
    /// Configurations and logs; removed at the end.
    pub(crate) directory: PathBuf,
    /// Hale's program, if it takes part.
    pub(crate) hale: Option<PathBuf>,
    /// The program of the earlier build.
    pub(crate) before: Option<PathBuf>,
    /// The GeoDB of the Hale that has it in Cassandra.
    pub(crate) geodb: Option<String>,
    /// The passdb of the Hale whose users are elsewhere, as it stands in a configuration.
    pub(crate) passdb: Option<String>,
    /// How many more backends the Hale has that probes.
    pub(crate) probed: u32,
    /// Whether Hale forgets everything it knows between two runs.
    pub(crate) cold: bool,
    /// Whether Hale carries out moves of groups (`cluster_group_moves = proxy`).
    pub(crate) moves: bool,
    pub(crate) haproxy: PathBuf,
    pub(crate) nginx: PathBuf,
    pub(crate) nginx_module: PathBuf,
    /// The proxy's core.
    pub(crate) core: usize,
    pub(crate) backends: Vec<SocketAddrV4>,
    /// The most connections a scenario opens.
    pub(crate) sessions_max: usize,
    /// The limit of descriptors each process has.
    pub(crate) descriptors: u64,
    pub(crate) users: u64,
    pub(crate) password: String,
    /// TLS towards the clients.
    pub(crate) tls: Option<BenchTls>,
    /// Whether clients begin with a PROXY header.
    pub(crate) proxy_v2: bool,
    /// Whether Hale's users have slow password hashes instead of plain ones.
    pub(crate) hashed: bool,
}

/// TLS as all targets of a comparison have it.
#[derive(Clone, Debug)]
pub(crate) struct BenchTls {
    pub(crate) mode: TlsMode,
    pub(crate) certificate: Certificate,
}

/// A running target; ends with its value.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddrV4,
    child: Option<Child>,
    log: PathBuf,
}

impl Target {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy-splice",
            Self::HaproxyTls => "haproxy-tls",
            Self::Nginx => "nginx",
            Self::Hale => "hale",
            Self::HaleCassandra => "hale-cassandra",
            Self::HaleProbing => "hale-probing",
            Self::HaleUserdb => "hale-userdb",
            Self::HaleScram => "hale-scram",
            Self::HaleBefore => "hale-before",
        }
    }

    /// Whether it knows the protocol, and TLS where clients want that; who passes bytes knows every protocol.
    pub(crate) fn serves(self, protocol: Protocol, tls: Option<TlsMode>) -> bool {
        match self {
            Self::Direct
            | Self::Hale
            | Self::HaleCassandra
            | Self::HaleProbing
            | Self::HaleUserdb
            | Self::HaleBefore => true,
            Self::HaleScram => protocol == Protocol::Imap,
            Self::Haproxy | Self::HaproxySplice => tls.is_none(),
            Self::HaproxyTls => tls == Some(TlsMode::Implicit),
            Self::Nginx => nginx::word(protocol).is_some(),
        }
    }

    /// Writes the configuration; once per comparison and protocol.
    pub(crate) fn prepare(self, bench: &Bench) -> Result<()> {
        match self {
            Self::Direct => Ok(()),
            Self::Haproxy | Self::HaproxySplice | Self::HaproxyTls => haproxy::prepare(self, bench),
            Self::Nginx => nginx::prepare(bench),
            _ => hale::prepare(self, bench),
        }
    }

    /// Where the operator asks it, if there is such a place.
    pub(crate) fn admin_socket(self, bench: &Bench) -> Option<PathBuf> {
        match self {
            Self::Direct | Self::Haproxy | Self::HaproxySplice | Self::HaproxyTls | Self::Nginx => {
                None
            }
            _ => Some(hale::admin_socket(self, bench)),
        }
    }

    /// Starts it on its core.
    pub(crate) fn start(self, bench: &Bench) -> Result<Running> {
        let log = bench.directory.join(format!("{}.log", self.name()));
        let mut command = match self {
            Self::Direct => {
                let address = bench.direct_address()?;
                return Ok(Running { address, child: None, log });
            }
            Self::Haproxy | Self::HaproxySplice | Self::HaproxyTls => haproxy::command(self, bench),
            Self::Nginx => nginx::command(bench),
            _ => hale::command(self, bench)?,
        };
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let program = command.get_program().to_owned();
        // A child inherits the core of the thread that starts it.
        let child = affinity::on_core(bench.core, || command.spawn())?
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Running { address: self.address(), child: Some(child), log })
    }

    /// Ports are different, so one that dies slowly is not in the next one's way; none is in the ephemeral range.
    fn address(self) -> SocketAddrV4 {
        let port = match self {
            Self::Direct | Self::Hale => 20_143,
            Self::Haproxy => 20_144,
            Self::HaproxySplice => 20_145,
            Self::HaproxyTls => 20_146,
            Self::Nginx => 20_147,
            Self::HaleBefore => 20_148,
            Self::HaleCassandra => 20_149,
            Self::HaleProbing => 20_150,
            Self::HaleUserdb => 20_151,
            Self::HaleScram => 20_152,
        };
        SocketAddrV4::new([127, 0, 0, 1].into(), port)
    }
}

impl Bench {
    /// Where clients find a fake backend without a proxy; with TLS it is one of their own.
    pub(crate) fn direct_address(&self) -> Result<SocketAddrV4> {
        let first = *self.backends.first().context("no backend address")?;
        let port = first.port() + u16::from(self.tls.is_some());
        Ok(SocketAddrV4::new(*first.ip(), port))
    }

    /// Where the backends are that are only probed. Several, so that no port is used again too soon.
    pub(crate) fn probed_addresses(&self) -> Vec<SocketAddrV4> {
        let port = self.backends.first().map_or(143, SocketAddrV4::port);
        (1..=PROBED_ADDRESSES)
            .map(|last| SocketAddrV4::new([127, 0, 2, last].into(), port))
            .collect()
    }

    /// The users' names; mail comes in for addresses.
    pub(crate) fn user_pattern(&self) -> &'static str {
        match self.protocol {
            Protocol::Lmtp => "user%d@load.test",
            _ => "user%d",
        }
    }
}

impl Running {
    pub(crate) fn processes(&self) -> Processes {
        let pid = self.child.as_ref().map(Pid::from_child);
        Processes::new(pid.into_iter().collect())
    }

    /// Waits until a login through it succeeds; the engine turns meanwhile, so health checks are answered.
    pub(crate) fn wait_ready(&mut self, engine: &mut Engine, subject: &Subject) -> Result<()> {
        let end = Instant::now() + READY_DEADLINE;
        let mut accepts = false;
        while !accepts {
            self.ensure_alive()?;
            engine.run_for(POLL_INTERVAL)?;
            accepts = TcpStream::connect_timeout(&self.address.into(), POLL_INTERVAL).is_ok();
            if Instant::now() > end {
                bail!(
                    "nothing listens on {} after {READY_DEADLINE:?}{}",
                    self.address,
                    self.log_tail()
                );
            }
        }
        let group = engine.add_group(subject.probe(Plan::Park));
        let outcome = engine
            .run_until(READY_DEADLINE, "a first login", |engine| engine.group(group).is_parked());
        engine.drop_groups();
        outcome.with_context(|| format!("log in through {}{}", subject.name, self.log_tail()))
    }

    fn ensure_alive(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait()?
        {
            bail!("the proxy ended at once with {status}{}", self.log_tail());
        }
        Ok(())
    }

    /// What became of it, for an error message.
    pub(crate) fn last_words(&mut self) -> String {
        let state = match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => format!("the proxy ended with {status}"),
            _ => "the proxy runs".to_owned(),
        };
        state + &self.log_tail()
    }

    /// The end of what it wrote, for an error message.
    fn log_tail(&self) -> String {
        let Ok(text) = fs::read_to_string(&self.log) else {
            return String::new();
        };
        let lines: Vec<_> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        if tail.is_empty() { String::new() } else { format!("; it wrote:\n{}", tail.join("\n")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        // Politely first, so that it removes what it made; measured sessions are over.
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        let end = Instant::now() + TERM_GRACE;
        while Instant::now() < end {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::yield_now();
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Runs a preparing command to its end; its output only shows when it fails.
fn run_to_end(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {shown}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8_lossy(&output.stdout);
        bail!("{shown} failed with {}:\n{errors}{text}", output.status);
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

const READY_DEADLINE: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Half a second for a proxy with sessions open; after that it is killed.
const TERM_GRACE: Duration = Duration::from_millis(500);
const PROBED_ADDRESSES: u8 = 16;
const LOG_LINES_SHOWN: usize = 12;
