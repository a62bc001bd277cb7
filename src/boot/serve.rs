//! `hale run`: everything that has to stand before the first connection, and the end of it.

use std::os::fd::{IntoRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::build::{passdb_sources, session_settings};
use super::cores::{self, Plan};
use super::exit::{Exit, Refusal};
use super::{limits, listen, lock};
use crate::config::{Config, Listener as ListenerConfig, LogTarget};
use crate::control::geodb::{GeoDb, OpenMode};
use crate::control::{
    Control, ControlLinks, Level, LogWriter, PassdbSources, Resolver, Routing, RoutingLinks,
};
use crate::event::Event;
use crate::limits as bounds;
use crate::names::{CoreId, Protocol};
use crate::ring::port::Fd;
use crate::ring::socket::SocketOptions;
use crate::ring::uring::Uring;
use crate::ring::wake::Waker;
use crate::route::table::{RouteSettings, Table};
use crate::secret::Secret;
use crate::share::counters::{Counter, Counters};
use crate::share::jobs::Jobs;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{HashJob, ToCore};
use crate::share::snapshot::Published;
use crate::share::users::Users;
use crate::worker::{AskLinks, Asks, Links, Listener, Worker, WorkerSettings};

/// Serves until told to stop.
///
/// # Errors
/// Why Hale can't run, with remedy and exit code.
pub fn serve(config: &Config) -> Result<(), Refusal> {
    crate::ring::probe::probe().map_err(|fault| Refusal::config(fault.to_string()))?;
    let plan = cores::plan(&config.data_cores, &config.control_core)?;
    let mut writer = open_log(config)?;
    let _lock = lock::lock(&config.base_dir)?;
    lock::make_folder("state_dir", &config.state_dir)?;
    let mut sources = passdb_sources(config)?;
    let (passdbs, remarks) = sources.load().map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Refusal::config(lines.join("\n"))
    })?;
    for remark in remarks {
        writer.add_line(Level::Warning, &remark);
    }
    let geodb = open_geodb(config)?;
    let descriptors = limits::raise_descriptors();
    let options = SocketOptions {
        unsent_bytes: config.limits.relay_unsent_buffer,
        receive_bytes: config.limits.relay_receive_buffer,
    };
    let sockets = open_listeners(config, plan.data.len(), &options, &mut writer)?;
    writer.flush();
    let house = House::new(config, &plan, passdbs).map_err(|error| no_resources(&error))?;
    let per_core = limits::connections_per_core(
        descriptors,
        plan.data.len(),
        config.limits.connections_per_core,
    );
    let pool = house
        .start_hashing(config)
        .map_err(|error| no_resources(&error))?;
    let threads = house
        .start_cores(config, &plan, sockets, options, per_core)
        .map_err(|error| no_resources(&error))?;
    cores::pin(plan.control);
    let routing = house
        .routing(config, geodb)
        .map_err(|error| no_resources(&error))?;
    let ended = house.control(config, routing, sources, writer, threads);
    house.hashing.close();
    for thread in pool {
        // A hashing thread that panicked has been reported; there is nothing to save.
        let _ = thread.join();
    }
    ended.map_err(|error| no_resources(&error))
}

fn open_log(config: &Config) -> Result<LogWriter, Refusal> {
    let path: Option<PathBuf> = match &config.log.target {
        LogTarget::Stderr | LogTarget::Stdout => None,
        LogTarget::File(path) => Some(path.clone()),
    };
    LogWriter::new(path.clone(), config.log.debug).map_err(|error| {
        let path = path.unwrap_or_default();
        Refusal::config(format!(
            "log_path: {} can't be opened: {error}; make its folder writable",
            path.display()
        ))
    })
}

fn open_geodb(config: &Config) -> Result<GeoDb, Refusal> {
    let location = super::build::geodb_location(config)?;
    GeoDb::open(&location, OpenMode::Existing)
        .map_err(|error| Refusal::config(format!("cluster_geodb: {error}")))
}

/// The sockets of each listener, one per data core. Only protocols that have a dialogue are served.
fn open_listeners(
    config: &Config,
    cores: usize,
    options: &SocketOptions,
    writer: &mut LogWriter,
) -> Result<Vec<Vec<(OwnedFd, ListenerConfig)>>, Refusal> {
    let mut per_core: Vec<Vec<(OwnedFd, ListenerConfig)>> =
        (0..cores).map(|_| Vec::new()).collect();
    for listener in &config.listeners {
        if let Some(reason) = not_served(listener) {
            let line = format!(
                "inet_listener {} (port {}) is not opened: {reason}",
                listener.name, listener.port
            );
            writer.add_line(Level::Warning, &line);
            continue;
        }
        let sockets = listen::open(listener, cores, options)?;
        for (list, socket) in per_core.iter_mut().zip(sockets) {
            list.push((socket, listener.clone()));
        }
        writer.add_line(
            Level::Info,
            &format!(
                "listening for {} on {}:{}",
                listener.protocol, listener.address, listener.port
            ),
        );
    }
    if per_core.iter().all(Vec::is_empty) {
        return Err(Refusal::config(
            "no listener is open: configure at least one inet_listener for imap without ssl",
        ));
    }
    Ok(per_core)
}

/// Why this version does not open a listener.
fn not_served(listener: &ListenerConfig) -> Option<&'static str> {
    if listener.protocol != Protocol::Imap {
        return Some("this version serves imap only");
    }
    listener
        .ssl
        .then_some("this version has no TLS yet; end TLS in front of Hale and send PROXY v2")
}

fn no_resources(error: &std::io::Error) -> Refusal {
    Refusal {
        exit: Exit::TempFail,
        text: format!(
            "the system refuses a thread or descriptor: {error}; raise TasksMax= and LimitNOFILE="
        ),
    }
}

/// What all threads share.
struct House {
    passdbs: Published<crate::auth::passdb::Passdbs>,
    table: Published<Table>,
    users: Users,
    hashing: Jobs<HashJob>,
    log: Arc<Mailbox<Event>>,
    to_control: Arc<Mailbox<crate::share::messages::ToControl>>,
    to_cores: Vec<Arc<Mailbox<ToCore>>>,
    counters: Vec<Arc<Counters>>,
    route_settings: RouteSettings,
}

impl House {
    fn new(
        config: &Config,
        plan: &Plan,
        passdbs: crate::auth::passdb::Passdbs,
    ) -> std::io::Result<Self> {
        let to_cores = plan
            .data
            .iter()
            .map(|_| {
                Ok(Arc::new(Mailbox::new(
                    bounds::MAILBOX_MESSAGES_MAX,
                    Waker::new()?,
                )))
            })
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self {
            passdbs: Published::new(passdbs),
            table: Published::new(Table::default()),
            users: Users::default(),
            hashing: Jobs::new(bounds::HASHING_QUEUE_MAX)?,
            log: Arc::new(Mailbox::new(bounds::LOG_LINES_MAX, Waker::new()?)),
            to_control: Arc::new(Mailbox::new(bounds::MAILBOX_MESSAGES_MAX, Waker::new()?)),
            counters: to_cores
                .iter()
                .map(|_| Arc::new(Counters::default()))
                .collect(),
            to_cores,
            route_settings: super::build::route_settings(config),
        })
    }

    fn start_hashing(&self, config: &Config) -> std::io::Result<Vec<JoinHandle<()>>> {
        let threads = config
            .auth
            .hash_threads
            .map_or_else(default_hash_threads, usize::from);
        crate::control::start_hashing(threads, &self.hashing, &self.to_cores)
    }

    fn start_cores(
        &self,
        config: &Config,
        plan: &Plan,
        sockets: Vec<Vec<(OwnedFd, ListenerConfig)>>,
        options: SocketOptions,
        connections_max: u32,
    ) -> std::io::Result<Vec<JoinHandle<()>>> {
        let settings = Arc::new(WorkerSettings {
            session: Arc::new(session_settings(config)),
            haproxy_trusted: config.trust.haproxy_networks.clone(),
            trusted: config.trust.login_networks.clone(),
            connections_max,
            relay_idle_timeout: config.protocol(Protocol::Imap).relay_idle_timeout,
        });
        let links = AskLinks {
            passdbs: self.passdbs.clone(),
            table: self.table.clone(),
            users: self.users.clone(),
            hashing: self.hashing.clone(),
            control: Arc::clone(&self.to_control),
            secret: Secret::new(random::<32>()?.to_vec()),
            verified_max: bounds::VERIFICATIONS_MAX,
            verified_ttl: config.auth.cache_ttl,
        };
        let mut threads = Vec::new();
        for (index, (cpu, sockets)) in plan.data.iter().zip(sockets).enumerate() {
            let core = Core {
                id: CoreId(u16::try_from(index).unwrap_or(u16::MAX)),
                cpu: *cpu,
                settings: Arc::clone(&settings),
                links: Links {
                    mail: Arc::clone(&self.to_cores[index]),
                    log: Arc::clone(&self.log),
                    counters: Arc::clone(&self.counters[index]),
                },
                asks: links.clone(),
                seed: u64::from_ne_bytes(random::<8>()?),
                sockets,
                options,
            };
            threads.push(
                std::thread::Builder::new()
                    .name(format!("hale-data-{index}"))
                    .spawn(move || core.run())?,
            );
        }
        Ok(threads)
    }

    fn routing(&self, config: &Config, geodb: GeoDb) -> std::io::Result<Routing> {
        let resolver = Resolver::new(config.cluster.hosts_file.clone());
        let links = RoutingLinks {
            table: self.table.clone(),
            users: self.users.clone(),
            log: Arc::clone(&self.log),
        };
        Routing::new(geodb, resolver, self.route_settings.clone(), links)
    }

    fn control(
        &self,
        config: &Config,
        routing: Routing,
        sources: PassdbSources,
        writer: LogWriter,
        threads: Vec<JoinHandle<()>>,
    ) -> std::io::Result<()> {
        let control = Control {
            routing,
            sources,
            writer,
            drain_timeout: config.limits.shutdown_timeout,
        };
        let links = ControlLinks {
            mail: Arc::clone(&self.to_control),
            log: Arc::clone(&self.log),
            cores: self.to_cores.clone(),
            passdbs: self.passdbs.clone(),
        };
        let (done, all_done) = tokio::sync::oneshot::channel();
        let counters = self.counters.clone();
        let log = Arc::clone(&self.log);
        let joiner = std::thread::Builder::new()
            .name("hale-join".into())
            .spawn(move || {
                for thread in threads {
                    // A data core that panics aborts the process; a join can only succeed.
                    let _ = thread.join();
                }
                report_totals(&counters, &log);
                // Nobody listens only if the control core ended first, and then nobody has to be told.
                let _ = done.send(());
            })?;
        let ready = || {
            // Without systemd there is nobody to tell.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        };
        let cores_done = async {
            let _ = all_done.await;
        };
        let ended = tokio_uring::start(crate::control::run(control, links, ready, cores_done));
        // Ended before the control core did.
        let _ = joiner.join();
        ended
    }
}

fn report_totals(counters: &[Arc<Counters>], log: &Mailbox<Event>) {
    let total = |counter| counters.iter().map(|core| core.get(counter)).sum::<u64>();
    let words: Vec<String> = Counter::ALL
        .into_iter()
        .map(|counter| format!("{}={}", counter.name(), total(counter)))
        .collect();
    // A full log loses the line, as for everybody.
    let _ = log.send(Event::Note {
        warning: false,
        text: format!("totals: {}", words.join(" ")).into(),
    });
}

/// Everything a data core's thread takes with it.
struct Core {
    id: CoreId,
    cpu: u16,
    settings: Arc<WorkerSettings>,
    links: Links,
    asks: AskLinks,
    seed: u64,
    sockets: Vec<(OwnedFd, ListenerConfig)>,
    options: SocketOptions,
}

impl Core {
    fn run(self) {
        // A panic in a core's loop leaves memory that nobody can vouch for: the process ends and systemd starts it anew
        // (DESIGN decision 10). Panics of sessions are caught closer to them.
        let guard = AbortOnPanic;
        cores::pin(self.cpu);
        let port = match Uring::new(
            self.links.mail.waker().clone(),
            self.options,
            self.settings.connections_max,
        ) {
            Ok(port) => port,
            Err(fault) => {
                eprintln!("hale: data core {}: {fault}", self.id.0);
                std::process::abort();
            }
        };
        let listeners = self
            .sockets
            .into_iter()
            .map(|(socket, config)| {
                Listener::new(Fd(socket.into_raw_fd()), config.protocol, config.haproxy)
            })
            .collect();
        let asks = Asks::new(self.id, self.asks, self.seed);
        Worker::new(port, self.settings, self.links, listeners, asks).run();
        std::mem::forget(guard);
    }
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

fn default_hash_threads() -> usize {
    // Hashing may use what the data cores leave; two threads keep one slow hash from holding up all others.
    std::thread::available_parallelism().map_or(2, |cpus| cpus.get().div_ceil(2).max(2))
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(bytes)
}
