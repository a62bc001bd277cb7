//! `hale run`: everything that has to stand before the first connection, and the end of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use super::cores::{self, Plan};
use super::data_core::DataCore;
use super::exit::{Exit, Refusal};
use super::sandbox::{Confinement, Kind};
use super::{admin_socket, limits, listen, lock, privileges, sandbox, settings};
use crate::config::{Config, Edition, Settings};
use crate::control::admin::{About, Admin, AdminSocket, Board, Reloaded};
use crate::control::cluster::ClusterSettings;
use crate::control::doveadm::DoveadmSettings;
use crate::control::geodb::{GeoDb, GeoDbError, OpenMode};
use crate::control::localdb::LocalDb;
use crate::control::ports::{Opened, Ports};
use crate::control::{
    Certificates, Control, Current, Doors, DoorsToServe, Level, LogWriter, PageSettings,
    PassdbSources, PolicyServer, Probes, Reloader, Resolver, Routing, SettingFault, UserDbs,
    WatchedSources, moves_of, rules_of_replies, start_hashing,
};
use crate::names::CoreId;
use crate::ring::passing::{self, Receiver};
use crate::ring::socket::SocketOptions;
use crate::secret::Secret;
use crate::share::exchange::Exchange;
use crate::share::snapshot::Published;
use crate::worker::Basis;

/// Serves until told to stop. `path`, `written`: where the settings come from, and what they were like there.
///
/// # Errors
/// Why Hale can't run, with remedy and exit code.
pub fn serve(config: &Config, path: &Path, written: &Arc<Settings>) -> Result<(), Refusal> {
    crate::ring::probe::probe().map_err(|fault| Refusal::config(fault.to_string()))?;
    privileges::give_up(config)?;
    let plan = cores::plan(&config.data_cores, &config.control_core)?;
    let mut writer = LogWriter::open(&config.log).map_err(Refusal::config)?;
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
        Arc::clone(&exchange.log),
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
    let opened = listen::open(config, plan.data.len(), &options, &mut writer)?;
    let (doors, to_serve) = Doors::new(options);
    doors.take_up(config, listen::open_doors(config, &doors, &mut writer)?);
    writer.flush();
    board.settings_read();
    let wanted = config.limits.connections_per_core;
    let per_core = limits::connections_per_core(descriptors, wanted);
    let secret = random::<32>().map_err(|error| no_resources(&error))?;
    let secret = Secret::new(secret.to_vec());
    let (ports, ends) = pass_ports(config, plan.data.len(), opened, &exchange, options)
        .map_err(|error| no_resources(&error))?;
    let reloaded = reloaded(config, &exchange, &secret)?;
    let reloader = Reloader {
        path: path.to_owned(),
        started: Arc::clone(written),
        written: Arc::clone(written),
        ports,
        doors,
        exchange: exchange.clone(),
        sources: WatchedSources::new(sources),
        userdbs: reloaded.userdbs.clone(),
        policy: reloaded.policy.clone(),
        certificates: Current::new(certificates),
        probes: None,
        doveadm: Current::new(DoveadmSettings::new(config)),
        page: Current::new(PageSettings::new(config)),
        cluster: reloaded.settings.clone(),
        process_user: rustix::process::geteuid().as_raw(),
    };
    let basis = Basis {
        host: own_name(config).into(),
        connections_max: per_core,
        cores: plan.data.len(),
        secret,
    };
    let house = House { config, plan, exchange, options, basis, confinement };
    let desk = Desk { socket, board, doors: to_serve, reloaded };
    let ended = house.run((geodb, local), reloader, writer, desk, ends);
    admin_socket::remove(&config.base_dir);
    ended.map_err(|error| no_resources(&error))
}

/// The owner of the ports, and where each data core takes its sockets.
fn pass_ports(
    config: &Config,
    cores: usize,
    opened: Vec<Opened>,
    exchange: &Exchange,
    options: SocketOptions,
) -> std::io::Result<(Ports, Vec<Receiver>)> {
    let pairs = (0..cores).map(|_| passing::pair()).collect::<std::io::Result<Vec<_>>>()?;
    let (senders, receivers) = pairs.into_iter().unzip();
    let config = Arc::new(config.clone());
    let ports = Ports::begin(config, exchange.clone(), senders, options, opened)?;
    Ok((ports, receivers))
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
    let mut sources = settings::passdb_sources(config, &UserDbs::ids_of(config))?;
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

fn reloaded(config: &Config, exchange: &Exchange, secret: &Secret) -> Result<Reloaded, Refusal> {
    let refused = |fault: SettingFault| Refusal::config(fault.to_string());
    let rules = rules_of_replies(&config.auth);
    let userdbs = UserDbs::configured(config, exchange, secret.clone(), rules).map_err(refused)?;
    let policy = PolicyServer::configured(config, &exchange.log).map_err(refused)?;
    let settings = Current::new(ClusterSettings::new(config));
    Ok(Reloaded { userdbs, policy: Current::new(policy), settings })
}

/// Where operators ask, and what is written down for them.
struct Desk {
    socket: AdminSocket,
    board: Board,
    doors: DoorsToServe,
    reloaded: Reloaded,
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
    basis: Basis,
    confinement: Confinement,
}

impl House<'_> {
    fn run(
        self,
        (geodb, local): (GeoDb, LocalDb),
        reloader: Reloader,
        writer: LogWriter,
        desk: Desk,
        ends: Vec<Receiver>,
    ) -> std::io::Result<()> {
        let pool = self.start_hashing()?;
        cores::pin(self.plan.control);
        let ports = reloader.ports.clone();
        let admin = Admin::new(
            self.exchange.clone(),
            self.about(),
            desk.board,
            geodb.clone(),
            local.clone(),
            ports.clone(),
            desk.reloaded,
        );
        let own = &self.basis.host;
        let probes = Probes::new(self.config, geodb.clone(), self.exchange.clone(), own);
        let reloader = Reloader { probes: probes.as_ref().map(Probes::ways), ..reloader };
        let exchange = self.exchange.clone();
        let control = Control {
            routing: Routing::new(
                self.config,
                geodb.clone(),
                self.exchange.clone(),
                Some(local.clone()),
            ),
            probes,
            local,
            socket: desk.socket,
            doors: desk.doors,
            admin,
            moves: moves_of(self.config),
            resolver: Resolver::new(self.config.cluster.hosts_file.clone()),
            geodb,
            reloader,
            writer,
        };
        let ended = crate::control::run(control, exchange, || {
            let cores = self.start_cores(&ports.editions(), ends)?;
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
    fn about(&self) -> About {
        About {
            proxy: self.basis.host.clone(),
            started: crate::ring::clock::now(),
            control_cpu: self.plan.control,
            data_cpus: self.plan.data.clone(),
            connections_per_core: self.basis.connections_max,
            geodb: self.config.cluster.geodb.to_string(),
            localdb: format!("sqlite:{}", self.config.cluster.localdb.display()),
        }
    }

    fn start_cores(
        &self,
        editions: &Published<Edition>,
        ends: Vec<Receiver>,
    ) -> std::io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::new();
        for (index, (cpu, end)) in self.plan.data.iter().zip(ends).enumerate() {
            let (own_table, told) = channel();
            let core = DataCore {
                id: CoreId(u16::try_from(index).unwrap_or(u16::MAX)),
                cpu: *cpu,
                basis: self.basis.clone(),
                editions: editions.clone(),
                exchange: self.exchange.clone(),
                seed: u64::from_ne_bytes(random::<8>()?),
                passed: end.fd(),
                options: self.options,
                confinement: self.confinement,
                own_table,
            };
            let name = format!("hale-data-{index}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || core.run())?);
            // The core's copy is its own now, and ours goes, unless both are the same.
            if told.recv() != Ok(true) {
                let _ = end.into_fd();
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
