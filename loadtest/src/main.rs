//! Load generator and peer comparison for Hale.
//!
//! One busy-polling thread holds the fake IMAP backends and the client swarm; a proxy on another core stands between
//! them. `compare` starts the proxies itself and must run inside the private network namespace that the script beside
//! this crate makes; `run` loads a proxy that runs already; `report` prints old results.

#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock")]
#![allow(clippy::print_stdout, reason = "its tables and records are its output")]

mod account;
mod admin;
mod affinity;
mod certificate;
mod compare;
mod engine;
mod histogram;
mod limits;
mod memory;
mod record;
mod report;
mod scenario;
mod sockets;
mod swarm;
mod target;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use rustix::process::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};

use account::Processes;
use compare::CompareOptions;
use engine::{Engine, Handshakes, Protocol};
use scenario::{Scenario, Subject};
use swarm::{SwarmOptions, Trust};

/// Load generator and peer comparison for Hale.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare Hale with HAProxy and with no proxy; run it through the `compare` script.
    Compare(Box<CompareOptions>),
    /// Run one scenario against a proxy that runs already; prints one JSON object.
    Run(Box<RunOptions>),
    /// Only the fake backends, for tests by hand.
    Serve {
        #[arg(long, value_enum, default_value_t)]
        protocol: Protocol,
        #[arg(long, value_delimiter = ',')]
        backends: Vec<SocketAddrV4>,
        /// Ends after this many seconds.
        #[arg(long, default_value_t = 600.0)]
        seconds: f64,
    },
    /// Write a new certificate for load.test and its key, for a proxy configured by hand.
    Certificate { directory: PathBuf },
    /// Print the table of result files.
    Report {
        files: Vec<PathBuf>,
        /// Whose ratios to the others are shown.
        #[arg(long, default_value = "hale")]
        subject: String,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct RunOptions {
    /// kind:count or kind:count@rate, as pingpong:100.
    scenario: Scenario,
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Where the clients connect; default: the first fake backend.
    #[arg(long)]
    target: Option<SocketAddrV4>,
    /// The target's name in the result.
    #[arg(long, default_value = "proxy")]
    name: String,
    /// Processes whose CPU and memory is the proxy's; their children count too.
    #[arg(long, value_delimiter = ',')]
    pid: Vec<i32>,
    /// Addresses of the fake backends.
    #[arg(long, value_delimiter = ',')]
    backends: Vec<SocketAddrV4>,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, default_value_t = 0.7)]
    warm_up: f64,
    /// The generator's core.
    #[arg(long, default_value_t = 1)]
    generator_core: usize,
    /// `%d` becomes the user's number.
    #[arg(long, default_value = "user%d")]
    user_pattern: String,
    #[command(flatten)]
    swarm: SwarmOptions,
    /// Certificates the clients trust (PEM); needed with `--tls`.
    #[arg(long)]
    tls_trust: Option<PathBuf>,
    /// The server name they ask for.
    #[arg(long, default_value = certificate::SERVER_NAME)]
    tls_name: String,
    #[arg(long, value_enum, default_value_t)]
    handshakes: Handshakes,
    /// Connect from these addresses in turn.
    #[arg(long, value_delimiter = ',')]
    sources: Vec<Ipv4Addr>,
    /// Hale's admin socket, for `who`.
    #[arg(long)]
    admin: Option<PathBuf>,
    /// Append the result to this file too.
    #[arg(long)]
    output: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    limits::descriptors();
    match arguments.action {
        Action::Compare(options) => compare::run(&options, &interrupted),
        Action::Run(options) => run(*options, interrupted),
        Action::Serve { protocol, backends, seconds } => {
            let backends = or_default(backends, protocol);
            let mut engine = Engine::new(protocol, &backends, interrupted)?;
            engine.run_for(Duration::from_secs_f64(seconds))
        }
        Action::Certificate { directory } => {
            let made = certificate::Certificate::create(&directory)?;
            println!("{}\n{}", made.certificate_file.display(), made.key_file.display());
            Ok(())
        }
        Action::Report { files, subject } => {
            let mut records = Vec::new();
            for file in files {
                records.extend(record::read_all(&file)?);
            }
            print!("{}", report::render(&records, &subject));
            Ok(())
        }
    }
}

fn run(options: RunOptions, interrupted: Arc<AtomicBool>) -> Result<()> {
    affinity::pin(options.generator_core)?;
    options.scenario.ensure_possible(options.protocol)?;
    let backends = or_default(options.backends, options.protocol);
    let first = *backends.first().context("no backend address")?;
    let trust = Trust {
        server_name: options.tls_name,
        certificates: match &options.tls_trust {
            Some(file) => certificate::read(file)?,
            None => Vec::new(),
        },
        handshakes: options.handshakes,
    };
    let credentials = options.swarm.credentials(options.protocol, &options.user_pattern, trust)?;
    let pids = options.pid.into_iter().filter_map(Pid::from_raw).collect();
    let subject = Subject {
        name: options.name,
        target: options.target.unwrap_or(first),
        processes: Processes::new(pids),
        geodb: Processes::default(),
        credentials,
        admin: options.admin,
        sources: options.sources,
        parameters: options.swarm.parameters(),
        message_bytes: options.swarm.message_bytes,
        warm_up: Duration::from_secs_f64(options.warm_up),
        duration: Duration::from_secs_f64(options.seconds),
    };
    let mut engine = Engine::new(options.protocol, &backends, interrupted)?;
    let record = options.scenario.run(&mut engine, &subject)?;
    println!("{}", serde_json::to_string(&record)?);
    options.output.map_or(Ok(()), |path| record.append_to(&path))
}

fn or_default(backends: Vec<SocketAddrV4>, protocol: Protocol) -> Vec<SocketAddrV4> {
    if backends.is_empty() { default_backends(protocol) } else { backends }
}

/// Where the fake backends of a protocol listen.
fn default_backends(protocol: Protocol) -> Vec<SocketAddrV4> {
    let address = |last| SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), protocol.backend_port());
    vec![address(2), address(3)]
}
