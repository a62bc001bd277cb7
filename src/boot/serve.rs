//! `hale run`: everything that has to stand before the first connection, and the end of it.

use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use super::activation::Activation;
use super::cores::{self, Plan};
use super::data_core::DataCore;
use super::exit::{Exit, Refusal};
use super::sandbox::{Confinement, Kind};
use super::{admin_socket, doveadm, limits, listen, lock, privileges, sandbox, settings, stats};
use crate::config::{Config, Listener as ListenerConfig, LogTarget};
use crate::control::admin::{About, Admin, AdminSocket, Board, Listening};
use crate::control::cluster::ClusterSettings;
use crate::control::doveadm::{Door, DoveadmSettings};
use crate::control::geodb::{GeoDb, GeoDbError, OpenMode};
use crate::control::localdb::LocalDb;
use crate::control::{
    Certificates, Control, DoveadmDoors, Level, LogWriter, PassdbSources, PolicyServer, Probes,
    Resolver, Routing, StatsDoor, UserDbs, moves_of, start_hashing,
};
use crate::names::CoreId;
use crate::ring::port::Fd;
use crate::ring::socket::SocketOptions;
use crate::secret::Secret;
use crate::share::exchange::Exchange;
use crate::worker::{VerifiedCache, WorkerSettings};

/// Serves until told to stop.
///
/// # Errors
/// Why Hale can't run, with remedy and exit code.
pub fn serve(config: &Config) -> Result<(), Refusal> {
    crate::ring::probe::probe().map_err(|fault| Refusal::config(fault.to_string()))?;
    privileges::give_up(config)?;
    let plan = cores::plan(&config.data_cores, &config.control_core)?;
    let mut writer = open_log(config)?;
    let _lock = lock::lock(&config.base_dir)?;
    let socket = admin_socket::open(&config.base_dir)?;
    let board = Board::default();
    lock::make_folder("state_dir", &config.state_dir)?;
    // What the process writes is there, and it has no other thread yet.
    let (confinement, lines) = sandbox::enter(config)?;
    for (level, line) in lines {
        writer.add_line(level, &line);
    }
    let exchange = Exchange::new(plan.data.len()).map_err(|error| no_resources(&error))?;
    exchange.loads.expect_bounds(config.limits.backend_connections > 0);
    let sources = load_passdbs(config, &exchange, &board, &mut writer)?;
    let certificates = load_certificates(config, &exchange, &board, &mut writer)?;
    let local = LocalDb::start(
        settings::localdb(config),
        exchange.users.clone(),
        std::sync::Arc::clone(&exchange.log),
    )
    .map_err(|error| no_resources(&error))?;
    let geodb = open_geodb(config, &local, &mut writer)?;
    let descriptors = limits::raise_descriptors();
    for (level, line) in limits::remarks(&config.limits, descriptors) {
        writer.add_line(level, &line);
    }
    if let Some(line) = settings::hosts_file_remark(config) {
        writer.add_line(Level::Warning, &line);
    }
    let options = SocketOptions {
        unsent_bytes: config.limits.relay_unsent_buffer,
        receive_bytes: config.limits.relay_receive_buffer,
    };
    let sockets = open_listeners(config, plan.data.len(), &options, &mut writer)?;
    let doors = doveadm::open(config, &options, &mut writer)?;
    let stats = stats::open(config, &options, &mut writer)?;
    writer.flush();
    let wanted = config.limits.connections_per_core;
    let per_core = limits::connections_per_core(descriptors, wanted);
    let secret = random::<32>().map_err(|error| no_resources(&error))?;
    let secret = Secret::new(secret.to_vec());
    let userdbs = UserDbs::configured(
        config,
        &exchange,
        secret.clone(),
        VerifiedCache::of_replies(&config.auth),
    )
    .map_err(|fault| Refusal::config(fault.to_string()))?;
    let policy = PolicyServer::configured(config, &exchange.log)
        .map_err(|fault| Refusal::config(fault.to_string()))?;
    let house = House { config, plan, exchange, options, per_core, confinement };
    let files = Files { sources, certificates };
    let desk = Desk { socket, board, doors, stats };
    let databases = Databases { geodb, local, userdbs, secret, policy };
    let ended = house.run(databases, files, writer, desk, sockets);
    admin_socket::remove(&config.base_dir);
    ended.map_err(|error| no_resources(&error))
}

fn open_log(config: &Config) -> Result<LogWriter, Refusal> {
    LogWriter::new(&config.log).map_err(|error| {
        let path = match &config.log.target {
            LogTarget::File(path) => path.display().to_string(),
            LogTarget::Stderr | LogTarget::Stdout => String::new(),
        };
        Refusal::config(format!(
            "log_path: {path} can't be opened: {error}; make its folder writable"
        ))
    })
}

/// The GeoDB need not be there if the LocalDB knows where users live.
fn open_geodb(config: &Config, local: &LocalDb, writer: &mut LogWriter) -> Result<GeoDb, Refusal> {
    let location = &config.cluster.geodb;
    let refused = |error: &GeoDbError| Refusal::config(format!("cluster_geodb: {error}"));
    match GeoDb::open(location, OpenMode::Existing) {
        Ok(geodb) => Ok(geodb),
        Err(error) if local.wait_for_tables() => {
            let line =
                format!("cluster_geodb: {error}; Hale starts with what cluster_localdb knows");
            writer.add_line(Level::Warning, &line);
            GeoDb::open_later(location).map_err(|error| refused(&error))
        }
        Err(error) => Err(refused(&error)),
    }
}

fn load_passdbs(
    config: &Config,
    exchange: &Exchange,
    board: &Board,
    writer: &mut LogWriter,
) -> Result<PassdbSources, Refusal> {
    let mut sources = settings::passdb_sources(config)?;
    let (passdbs, remarks) = sources.load().map_err(|faults| settings::refused_files(&faults))?;
    board.passdbs_read(&remarks);
    for remark in remarks {
        writer.add_line(Level::Warning, &remark);
    }
    exchange.passdbs.publish(passdbs);
    Ok(sources)
}

fn load_certificates(
    config: &Config,
    exchange: &Exchange,
    board: &Board,
    writer: &mut LogWriter,
) -> Result<Certificates, Refusal> {
    let (certificates, loaded) = settings::certificates(config)?;
    for remark in loaded.remarks {
        writer.add_line(Level::Warning, &remark);
    }
    exchange.tls.publish(loaded.context);
    board.certificates_read(loaded.expiries);
    Ok(certificates)
}

/// What the control core reads again while it serves.
struct Files {
    sources: PassdbSources,
    certificates: Certificates,
}

/// The cluster's rows, and what this host keeps of them.
struct Databases {
    geodb: GeoDb,
    local: LocalDb,
    userdbs: UserDbs,
    policy: Option<Rc<PolicyServer>>,
    /// By which what is remembered of passwords is found again, and nothing told from it.
    secret: Secret,
}

/// Where operators ask, and what is written down for them.
struct Desk {
    socket: AdminSocket,
    board: Board,
    doors: Vec<Door>,
    stats: Vec<StatsDoor>,
}

/// The sockets of one data core.
type Sockets = Vec<(OwnedFd, ListenerConfig)>;

/// The sockets of each listener, one per data core. Only protocols that have a dialogue are served.
fn open_listeners(
    config: &Config,
    cores: usize,
    options: &SocketOptions,
    writer: &mut LogWriter,
) -> Result<Vec<Sockets>, Refusal> {
    let mut activation = Activation::take();
    let mut per_core: Vec<Sockets> = (0..cores).map(|_| Vec::new()).collect();
    for listener in &config.listeners {
        let ListenerConfig { name, protocol, address, port, .. } = listener;
        if let Some(reason) = not_served(config, listener) {
            let line = format!("inet_listener {name} (port {port}) is not opened: {reason}");
            writer.add_line(Level::Warning, &line);
            continue;
        }
        let endpoint = std::net::SocketAddr::new(*address, *port);
        let sockets = match activation.of(endpoint, cores, options) {
            Some(sockets) => sockets?,
            None => listen::open(name, endpoint, cores, options)?,
        };
        for (list, socket) in per_core.iter_mut().zip(sockets) {
            list.push((socket, listener.clone()));
        }
        writer.add_line(Level::Info, &format!("listening for {protocol} on {endpoint}"));
    }
    for remark in activation.remarks() {
        writer.add_line(Level::Warning, &remark);
    }
    if per_core.iter().all(Vec::is_empty) {
        return Err(Refusal::config(
            "no listener is open: configure at least one inet_listener, and a certificate for those with ssl",
        ));
    }
    Ok(per_core)
}

/// Why this version does not open a listener.
fn not_served(config: &Config, listener: &ListenerConfig) -> Option<&'static str> {
    if !listener.ssl {
        return None;
    }
    let has_certificate = config.ssl.of(listener.protocol).has_certificate();
    (!has_certificate).then_some("ssl_server_cert_file names no certificate")
}

fn no_resources(error: &std::io::Error) -> Refusal {
    Refusal {
        exit: Exit::TempFail,
        text: format!(
            "the system refuses a thread or descriptor: {error}; raise TasksMax= and LimitNOFILE="
        ),
    }
}

/// What all threads are started with.
struct House<'a> {
    config: &'a Config,
    plan: Plan,
    exchange: Exchange,
    options: SocketOptions,
    per_core: u32,
    confinement: Confinement,
}

impl House<'_> {
    fn run(
        self,
        databases: Databases,
        files: Files,
        writer: LogWriter,
        desk: Desk,
        sockets: Vec<Sockets>,
    ) -> std::io::Result<()> {
        let Databases { geodb, local, userdbs, secret, policy } = databases;
        let pool = self.start_hashing()?;
        cores::pin(self.plan.control);
        let admin = Admin::new(
            self.exchange.clone(),
            self.about(&sockets),
            desk.board,
            geodb.clone(),
            local.clone(),
            userdbs.clone(),
            ClusterSettings::new(self.config),
        )
        .ruled_by(policy.clone());
        let control = Control {
            routing: Routing::new(
                self.config,
                geodb.clone(),
                self.exchange.clone(),
                Some(local.clone()),
            ),
            probes: Probes::new(
                self.config,
                geodb.clone(),
                self.exchange.clone(),
                &own_name(self.config),
            ),
            local,
            socket: desk.socket,
            stats: desk.stats,
            admin,
            moves: moves_of(self.config),
            doveadm: DoveadmDoors {
                doors: desk.doors,
                settings: DoveadmSettings::new(self.config),
                resolver: Resolver::new(self.config.cluster.hosts_file.clone()),
            },
            geodb,
            sources: files.sources,
            userdbs,
            policy,
            certificates: files.certificates,
            writer,
            drain_timeout: match self.config.limits.shutdown_clients {
                true => Some(self.config.limits.shutdown_timeout),
                false => None,
            },
        };
        let exchange = self.exchange.clone();
        let ended = crate::control::run(control, exchange, || {
            let cores = self.start_cores(sockets, secret)?;
            self.confinement.restrict(Kind::Control);
            Ok(move || join(cores))
        });
        self.exchange.hashing.close();
        for thread in pool {
            // A hashing thread that panicked has been reported; there is nothing to save.
            let _ = thread.join();
        }
        ended
    }

    fn start_hashing(&self) -> std::io::Result<Vec<JoinHandle<()>>> {
        let Exchange { hashing, to_cores, .. } = &self.exchange;
        let auth = &self.config.auth;
        let threads = auth.hash_threads.map_or_else(default_hash_threads, usize::from);
        // Threads begin with what the thread that starts them has left.
        let start = || {
            self.confinement.restrict(Kind::Control);
            start_hashing(threads, auth.hash_memory, hashing, to_cores)
        };
        let started = std::thread::scope(|scope| scope.spawn(start).join());
        started.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What is told of the process that does not change.
    fn about(&self, sockets: &[Sockets]) -> About {
        let listening = |(_, listener): &(OwnedFd, ListenerConfig)| {
            let ListenerConfig { name, protocol, address, port, ssl, haproxy, .. } = listener;
            Listening {
                name: name.to_string(),
                protocol: *protocol,
                address: std::net::SocketAddr::new(*address, *port),
                tls: *ssl,
                haproxy: *haproxy,
            }
        };
        About {
            proxy: own_name(self.config).into(),
            started: crate::ring::clock::now(),
            control_cpu: self.plan.control,
            data_cpus: self.plan.data.clone(),
            connections_per_core: self.per_core,
            listeners: sockets.first().into_iter().flatten().map(listening).collect(),
            geodb: self.config.cluster.geodb.to_string(),
            localdb: format!("sqlite:{}", self.config.cluster.localdb.display()),
        }
    }

    fn start_cores(
        &self,
        sockets: Vec<Sockets>,
        secret: Secret,
    ) -> std::io::Result<Vec<JoinHandle<()>>> {
        let settings = std::sync::Arc::new(WorkerSettings::new(
            self.config,
            &own_name(self.config),
            self.per_core,
            &secret,
        ));
        let cache = VerifiedCache::configured(&self.config.auth, self.plan.data.len(), secret);
        let mut threads = Vec::new();
        for (index, (cpu, sockets)) in self.plan.data.iter().zip(sockets).enumerate() {
            let (own_table, told) = channel();
            let by_number = |(socket, config): &(OwnedFd, ListenerConfig)| {
                (Fd(socket.as_raw_fd()), config.clone())
            };
            let core = DataCore {
                id: CoreId(u16::try_from(index).unwrap_or(u16::MAX)),
                cpu: *cpu,
                settings: std::sync::Arc::clone(&settings),
                exchange: self.exchange.clone(),
                cache: cache.clone(),
                seed: u64::from_ne_bytes(random::<8>()?),
                sockets: sockets.iter().map(by_number).collect(),
                options: self.options,
                confinement: self.confinement,
                own_table,
            };
            let name = format!("hale-data-{index}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || core.run())?);
            // The core's copies are its own now. Ours have to go, or a drained port would stay open behind its back.
            if told.recv() != Ok(true) {
                for (socket, _) in sockets {
                    // The shared table's only copy, which the core closes.
                    let _ = socket.into_raw_fd();
                }
            }
        }
        Ok(threads)
    }
}

/// Waits for the data cores to drain.
fn join(cores: Vec<JoinHandle<()>>) {
    for core in cores {
        // A data core that panics aborts the process; a join can only succeed.
        let _ = core.join();
    }
}

/// What we call ourselves in greetings, and towards backends, which refuse mail from a client without a proper name.
/// Who types at this host, for rows that say who set something.
#[must_use]
pub fn operator(config: &Config) -> String {
    format!("uid={}@{}", rustix::process::getuid().as_raw(), own_name(config))
}

/// What we are called in greetings and rows.
fn own_name(config: &Config) -> String {
    let system = rustix::system::uname();
    let name =
        config.hostname.clone().unwrap_or_else(|| system.nodename().to_string_lossy().into());
    let legal = |byte: u8| byte.is_ascii_graphic();
    if !name.is_empty() && name.bytes().all(legal) { name } else { "localhost".to_owned() }
}

/// Hashing may use what the data cores leave; two threads keep one slow hash from holding up all others.
fn default_hash_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cpus| cpus.get().div_ceil(2).max(2))
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(bytes)
}
