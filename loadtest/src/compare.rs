//! The comparison: every scenario against every target, in shuffled rounds, disturbed runs repeated.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use rustix::process::Pid;

use crate::account::{Processes, wait_quiet};
use crate::affinity;
use crate::certificate::{self, Certificate};
use crate::engine::{Engine, Handshakes, LoginCommand, Protocol, TlsBackends};
use crate::record::Record;
use crate::report;
use crate::scenario::{FOREIGN_PERCENT_MAX, Kind, Scenario, Subject};
use crate::swarm::{SwarmOptions, Trust};
use crate::target::{AUTH_HTTP, Bench, BenchTls, Running, Target};

/// What to compare and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareOptions {
    /// Hale's program; without it Hale does not take part.
    #[arg(long)]
    hale: Option<PathBuf>,
    /// The program of an earlier build of Hale; without it that does not take part.
    #[arg(long)]
    before: Option<PathBuf>,
    /// A GeoDB in Cassandra (`cassandra:hosts=…;port=…;dc=…`, without keyspace) for the target hale-cassandra; without it that does
    /// not take part.
    #[arg(long)]
    geodb: Option<String>,
    /// The process of that GeoDB, so that what it uses is told apart from what is foreign.
    #[arg(long, requires = "geodb")]
    geodb_pid: Option<i32>,
    /// The generator sleeps while nothing is due, so that a GeoDB beside it can have its core. Hale then pays for waking it.
    #[arg(long)]
    lend_core: bool,
    /// Hale forgets between two runs whom it knows, so that each user's first login of a run asks the GeoDB.
    #[arg(long)]
    cold: bool,
    /// A file with the passdb of the target hale-userdb; without it that does not take part.
    #[arg(long)]
    passdb: Option<PathBuf>,
    /// The process of that database; what it and its children use is not foreign.
    #[arg(long, requires = "passdb")]
    userdb_pid: Option<i32>,
    /// How many backends the target hale-probing probes every ten seconds, besides those that users have.
    #[arg(long, default_value_t = 1000)]
    probed: u32,
    /// HAProxy's program.
    #[arg(long, default_value = "haproxy")]
    haproxy: PathBuf,
    /// nginx's program.
    #[arg(long, default_value = "nginx")]
    nginx: PathBuf,
    #[arg(long, default_value = "/usr/lib/nginx/modules/ngx_mail_module.so")]
    nginx_module: PathBuf,
    /// Targets; default: direct, both HAProxy, and Hale if given; with TLS direct, HAProxy with TLS, nginx, and Hale.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<Target>,
    /// Protocols, each against every target that serves it.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "imap")]
    protocol: Vec<Protocol>,
    /// Scenarios as kind:count or kind:count@rate; kinds are pingpong, down, up, mixed, deliver, idle, storm, stall, crowd, who, evict.
    #[arg(long, value_delimiter = ',', default_value = DEFAULT_SCENARIOS)]
    scenarios: Vec<Scenario>,
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds measured per run.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds before the measurement starts.
    #[arg(long, default_value_t = 0.7)]
    warm_up: f64,
    /// How often a disturbed run is repeated.
    #[arg(long, default_value_t = 2)]
    repeats: u32,
    /// Seconds, in all, to wait for a quiet machine before disturbed runs are repeated.
    #[arg(long, default_value_t = 60)]
    quiet_wait: u64,
    /// The proxy's core.
    #[arg(long, default_value_t = 0)]
    proxy_core: usize,
    /// The generator's core.
    #[arg(long, default_value_t = 1)]
    generator_core: usize,
    #[command(flatten)]
    swarm: SwarmOptions,
    /// With TLS: whether logins are full handshakes or resumed ones; both are measured one beside the other.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "full", requires = "tls")]
    handshakes: Vec<Handshakes>,
    /// Give Hale's users SHA512-CRYPT hashes instead of plain ones.
    #[arg(long)]
    hashed: bool,
    /// Spread the clients over this many source addresses, 127.0.1.1 and up.
    #[arg(long, default_value_t = 0)]
    sources: u8,
    /// Results as JSON lines, appended.
    #[arg(long, default_value = "results.jsonl")]
    output: PathBuf,
}

/// Runs the comparison and prints its table.
pub(crate) fn run(options: &CompareOptions, interrupted: &Arc<AtomicBool>) -> Result<()> {
    options.ensure_possible()?;
    let directory = tempfile::Builder::new().prefix("hale-load.").tempdir()?;
    affinity::pin(options.generator_core)?;
    let tls = options.tls(directory.path())?;
    let mut courses = Vec::new();
    for protocol in &options.protocol {
        let bench =
            options.bench(directory.path().join(protocol.name()), *protocol, tls.clone())?;
        std::fs::create_dir(&bench.directory)?;
        let targets = options.targets(*protocol);
        for target in &targets {
            target.prepare(&bench).with_context(|| format!("prepare {}", target.name()))?;
        }
        courses.push(Course { bench, targets });
    }
    let mut patience = Duration::from_secs(options.quiet_wait);
    let mut order = Shuffle::from_clock();
    let mut records = Vec::new();
    for round in 1..=options.rounds {
        for load in options.loads() {
            for Course { bench, targets } in &mut courses {
                order.shuffle(targets);
                for target in targets {
                    let mut record =
                        options.attempts(load, *target, bench, &mut patience, interrupted)?;
                    record.round = round;
                    record.append_to(&options.output)?;
                    records.push(record);
                }
            }
        }
    }
    print!("{}", report::render(&records, Target::Hale.name()));
    Ok(())
}

/// What a target is loaded with.
#[derive(Clone, Copy)]
struct Load {
    scenario: Scenario,
    handshakes: Handshakes,
}

/// What one protocol is measured with.
struct Course {
    bench: Bench,
    targets: Vec<Target>,
}

impl CompareOptions {
    /// Refuses what would fail only after other scenarios ran.
    fn ensure_possible(&self) -> Result<()> {
        let limit = crate::limits::descriptors();
        for scenario in &self.scenarios {
            let wanted = scenario.sessions() as u64 * 2 + 200;
            ensure!(
                wanted <= limit,
                "{scenario} needs {wanted} descriptors, the hard limit is {limit}"
            );
            for protocol in &self.protocol {
                scenario.ensure_possible(*protocol)?;
            }
        }
        for (target, protocol) in
            self.targets.iter().flat_map(|target| self.protocol.iter().map(move |p| (target, p)))
        {
            let (target_name, protocol_name) = (target.name(), protocol.name());
            ensure!(
                target.serves(*protocol, self.swarm.tls),
                "{target_name} does not serve {protocol_name} so"
            );
        }
        Ok(())
    }

    /// Runs once, and again while the machine disturbs it; the last attempt stands.
    fn attempts(
        &self,
        load: Load,
        target: Target,
        bench: &Bench,
        patience: &mut Duration,
        interrupted: &Arc<AtomicBool>,
    ) -> Result<Record> {
        let mut attempt = 0;
        loop {
            let record = self.once(load, target, bench, Arc::clone(interrupted))?;
            let mut errors = std::io::stderr();
            let flags = record.flags.join(", ");
            let _ = writeln!(
                errors,
                "{} {} {}: {}",
                bench.protocol.name(),
                load.scenario,
                target.name(),
                if flags.is_empty() { "done" } else { &flags }
            );
            if record.flags.is_empty() || attempt >= self.repeats {
                return Ok(record);
            }
            attempt += 1;
            let waiting = Instant::now();
            wait_quiet(FOREIGN_PERCENT_MAX, *patience, interrupted)?;
            *patience = patience.saturating_sub(waiting.elapsed());
        }
    }

    fn once(
        &self,
        load: Load,
        target: Target,
        bench: &Bench,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Record> {
        let mut engine = Engine::new(bench.protocol, &bench.backends, interrupted)?;
        if self.lend_core {
            engine.lend_core();
        }
        match (target, &bench.tls) {
            (Target::HaleProbing, _) => {
                engine.add_backends(bench.protocol, &bench.probed_addresses())?;
            }
            (Target::Nginx, _) => engine.add_auth_http(AUTH_HTTP, bench.backends.clone())?,
            (Target::Direct, Some(tls)) => {
                let chain = certificate::read(&tls.certificate.certificate_file)?;
                let backends = TlsBackends::new(tls.mode, chain, tls.certificate.key()?)?;
                engine.add_secure_backend(bench.protocol, bench.direct_address()?, backends)?;
            }
            _ => {}
        }
        let mut running = target.start(bench)?;
        let subject = self.subject(load, target, bench, &running)?;
        running.wait_ready(&mut engine, &subject)?;
        let outcome = load.scenario.run(&mut engine, &subject);
        outcome.with_context(|| running.last_words())
    }

    /// Handshakes matter to scenarios of logins only.
    fn loads(&self) -> Vec<Load> {
        let mut loads = Vec::new();
        for scenario in &self.scenarios {
            let kinds = if scenario.is_about_logins() {
                &self.handshakes[..]
            } else {
                &self.handshakes[..1]
            };
            let load =
                |handshakes: &Handshakes| Load { scenario: *scenario, handshakes: *handshakes };
            loads.extend(kinds.iter().map(load));
        }
        loads
    }

    fn tls(&self, directory: &Path) -> Result<Option<BenchTls>> {
        let Some(mode) = self.swarm.tls else {
            return Ok(None);
        };
        Ok(Some(BenchTls { mode, certificate: Certificate::create(directory)? }))
    }

    fn subject(
        &self,
        load: Load,
        target: Target,
        bench: &Bench,
        running: &Running,
    ) -> Result<Subject> {
        let trust = Trust {
            server_name: certificate::SERVER_NAME.to_owned(),
            certificates: match &bench.tls {
                Some(tls) => certificate::read(&tls.certificate.certificate_file)?,
                None => Vec::new(),
            },
            handshakes: load.handshakes,
        };
        let mut credentials =
            self.swarm.credentials(bench.protocol, bench.user_pattern(), trust)?;
        if target == Target::HaleScram {
            credentials.command = LoginCommand::ScramSha256;
        }
        if target == Target::Direct {
            // The fake backends do not read it.
            credentials.proxy_source = None;
        }
        Ok(Subject {
            name: target.name().to_owned(),
            target: running.address,
            processes: running.processes(),
            geodb: self.beside(),
            admin: target.admin_socket(bench),
            credentials,
            sources: (1..=self.sources).map(|last| Ipv4Addr::new(127, 0, 1, last)).collect(),
            parameters: self.parameters(),
            message_bytes: self.swarm.message_bytes,
            warm_up: Duration::from_secs_f64(self.warm_up),
            duration: Duration::from_secs_f64(self.seconds),
        })
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = self.swarm.parameters();
        if self.lend_core {
            parameters.push(("generator".to_owned(), "sleeps".to_owned()));
        }
        parameters
    }

    fn targets(&self, protocol: Protocol) -> Vec<Target> {
        if !self.targets.is_empty() {
            return self.targets.clone();
        }
        let mut targets = match self.swarm.tls {
            None => vec![Target::Direct, Target::Haproxy, Target::HaproxySplice],
            Some(_) => vec![Target::Direct, Target::HaproxyTls, Target::Nginx],
        };
        targets.extend(self.hale.is_some().then_some(Target::Hale));
        let has_cassandra = self.hale.is_some() && self.geodb.is_some();
        targets.extend(has_cassandra.then_some(Target::HaleCassandra));
        let has_userdb = self.hale.is_some() && self.passdb.is_some();
        targets.extend(has_userdb.then_some(Target::HaleUserdb));
        targets.extend(self.before.is_some().then_some(Target::HaleBefore));
        targets.retain(|target| target.serves(protocol, self.swarm.tls));
        targets
    }

    fn bench(
        &self,
        directory: PathBuf,
        protocol: Protocol,
        tls: Option<BenchTls>,
    ) -> Result<Bench> {
        let passdb = self.passdb.as_ref().map(std::fs::read_to_string).transpose();
        let passdb = passdb.context("read the file of --passdb")?;
        Ok(Bench {
            protocol,
            directory,
            hale: self.hale.clone(),
            before: self.before.clone(),
            geodb: self.geodb.clone(),
            cold: self.cold,
            passdb,
            probed: self.probed,
            moves: self.scenarios.iter().any(|scenario| scenario.kind == Kind::Held),
            haproxy: self.haproxy.clone(),
            nginx: self.nginx.clone(),
            nginx_module: self.nginx_module.clone(),
            tls,
            proxy_v2: self.swarm.proxy_v2,
            core: self.proxy_core,
            backends: crate::default_backends(protocol),
            sessions_max: self.scenarios.iter().map(Scenario::sessions).max().unwrap_or(0),
            descriptors: crate::limits::descriptors(),
            users: self.swarm.users,
            password: self.swarm.password.clone(),
            hashed: self.hashed,
        })
    }

    /// Servers that Hale asks and that share its processors.
    fn beside(&self) -> Processes {
        let pids = [self.geodb_pid, self.userdb_pid].into_iter().flatten();
        Processes::new(pids.filter_map(Pid::from_raw).collect())
    }
}

/// A small generator of pseudo-random numbers: the order of targets must not be the same in every round, no more.
struct Shuffle(u64);

impl Shuffle {
    fn from_clock() -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self(u64::from(since.subsec_nanos()) | 1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let other = usize::try_from(self.0 % (index as u64 + 1)).unwrap_or(0);
            items.swap(index, other);
        }
    }
}

const DEFAULT_SCENARIOS: &str = "pingpong:100,pingpong:1000,pingpong:1000@20000,down:1,down:8,up:8,mixed:200@5000,idle:5000,storm:64,stall:200";
