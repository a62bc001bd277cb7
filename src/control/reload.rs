//! Another configuration in place of the one in force, as a whole or not at all.
//!
//! Duty: reading and judging it as `hale check-config` does, making ready everything that it asks for, and only then putting it in
//! force; what to tell the operator. Non-duty: who orders it (`orders`), sockets (`ports`, `doors`), what a data core does with it.
//! Whatever is not ready leaves everything as it was. Sessions keep what they were accepted with. Driven by `tasks::reload`. Tests:
//! `tests/appliance/e2e/reload.rs`.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};

use super::admin::Board;
use super::certificates::{Certificates, Loaded as LoadedCertificates};
use super::cluster::ClusterSettings;
use super::current::Current;
use super::doors::{Doors, OpenDoors};
use super::doveadm::DoveadmSettings;
use super::log_file::LogWriter;
use super::orders::Orders;
use super::passdbs::{PassdbSources, WatchedSources};
use super::policy::PolicyServer;
use super::ports::{Opened, Ports, not_served, serves_nothing};
use super::tasks::ProbeWays;
use super::userdbs::{NextUserDbs, UserDbs};
use super::{ConfigFiles, PageSettings};
use crate::auth::cache::CacheRules;
use crate::auth::passdb::Passdbs;
use crate::config::model::Auth;
use crate::config::registry::Effect;
use crate::config::{self, Config, Loaded, Sandbox, Settings};
use crate::share::exchange::Exchange;
use crate::tls::Context;

/// How a reload went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The configuration is in force.
    Done(Done),
    /// Nothing of it is: why, a line each.
    Refused(Vec<String>),
}

/// What a reload has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Certificates by name, besides the default; none: no certificate is configured.
    pub(super) names: Option<usize>,
    /// Settings that are as they are written now.
    pub(super) changed: Vec<String>,
    /// Settings that are not, until Hale is started again.
    pub(super) restart: Vec<String>,
    /// What is odd about the configuration.
    pub(super) remarks: Vec<String>,
}

impl Done {
    /// For the log.
    #[must_use]
    pub(super) fn described(&self) -> String {
        let certificates = match self.names {
            Some(names) => format!("certificates by name {names}, and the default"),
            None => "no certificate is configured".to_owned(),
        };
        let changed = match &*self.changed {
            [] => "no setting has changed".to_owned(),
            names => format!("changed: {}", names.join(", ")),
        };
        format!("reloaded: {certificates}; {changed}")
    }

    /// What the operator has to know who thinks that all is done.
    #[must_use]
    pub(super) fn needs_restart(&self) -> Option<String> {
        let names = self.restart.join(", ");
        (!names.is_empty())
            .then(|| format!("changed, and as before until Hale is started again: {names}"))
    }
}

/// What a reload changes.
#[derive(Debug)]
pub struct Reloader {
    /// The configuration file.
    pub path: PathBuf,
    /// The settings of the start, as written.
    pub started: Arc<Settings>,
    /// Those of the last reload.
    pub written: Arc<Settings>,
    /// Ports of mail clients, and the edition in force.
    pub ports: Ports,
    /// Ports of doveadm and stats.
    pub doors: Doors,
    /// Where data cores find passdbs and certificates.
    pub exchange: Exchange,
    /// Password files.
    pub sources: WatchedSources,
    /// Password databases elsewhere.
    pub userdbs: UserDbs,
    /// The policy server.
    pub policy: Current<Option<Rc<PolicyServer>>>,
    /// Certificates, and the keys of tickets.
    pub certificates: Current<Certificates>,
    /// How probes reach backends; none: there are none.
    pub probes: Option<ProbeWays>,
    /// What doveadm goes by.
    pub doveadm: Current<DoveadmSettings>,
    /// Who may see the status page.
    pub page: Current<PageSettings>,
    /// What the cluster's commands go by.
    pub cluster: Current<ClusterSettings>,
    /// The user that Hale runs as.
    pub process_user: u32,
}

/// Everything that another configuration asks for, and nothing of it in force.
struct Ready {
    config: Config,
    files: FilesRead,
    userdbs: NextUserDbs,
    policy: Option<Rc<PolicyServer>>,
    ports: Vec<Opened>,
    doors: OpenDoors,
}

/// What was read of files beside the control core.
struct FilesRead {
    sources: PassdbSources,
    passdbs: Passdbs,
    remarks_on_passdbs: Vec<String>,
    certificates: Certificates,
    loaded: LoadedCertificates,
    /// None: the log stays where it is.
    writer: Option<LogWriter>,
}

impl Reloader {
    /// Reads the configuration and puts it in force, or leaves everything as it is.
    ///
    /// # Errors
    /// What is read of files panicked, which is a bug.
    pub(super) async fn reload(
        &mut self,
        board: &Board,
        orders: &Orders,
    ) -> Result<Outcome, JoinError> {
        let path = self.path.clone();
        let loaded = spawn_blocking(move || config::load(&mut ConfigFiles, &path)).await?;
        let Loaded { config, settings, errors, warnings } = loaded;
        let Some(config) = config else {
            return Ok(Outcome::Refused(errors.iter().map(ToString::to_string).collect()));
        };
        let running = self.ports.edition();
        let config = config.within(&running.config);
        let ready = match self.make_ready(config).await? {
            Ok(ready) => ready,
            Err(reasons) => return Ok(Outcome::Refused(reasons)),
        };
        let mut done = match self.put_in_force(ready, board, orders) {
            Ok(done) => done,
            Err(error) => {
                let text = format!("the data cores can't be given their sockets: {error}");
                return Ok(Outcome::Refused(vec![text]));
            }
        };
        let names = |from: &Settings, effect| {
            let changes = config::changes(from, &settings).into_iter();
            changes.filter(|it| it.effect == effect).map(|it| it.name).collect()
        };
        done.changed = names(&self.written, Effect::Reload);
        // By every reload, until there is a restart.
        done.restart = names(&self.started, Effect::Restart);
        self.written = settings;
        let warnings = warnings.iter().map(ToString::to_string);
        done.remarks.splice(0..0, warnings);
        Ok(Outcome::Done(done))
    }

    async fn make_ready(&self, config: Config) -> Result<Result<Ready, Vec<String>>, JoinError> {
        let one = |fault: super::SettingFault| vec![fault.to_string()];
        if let Some(reason) = serves_nothing(&config) {
            return Ok(Err(vec![reason.to_owned()]));
        }
        let replies = rules_of_replies(&config.auth);
        // What is known of a policy server that stays is kept.
        let policy = match config.auth.policy == self.ports.edition().config.auth.policy {
            true => Ok(Option::clone(&self.policy.now())),
            false => PolicyServer::configured(&config, &self.exchange.log),
        };
        let (userdbs, policy) =
            match (self.userdbs.prepare(&config, &self.exchange, replies), policy) {
                (Ok(userdbs), Ok(policy)) => (userdbs, policy),
                (Err(fault), _) | (_, Err(fault)) => return Ok(Err(one(fault))),
            };
        let log = (config.log != self.ports.edition().config.log).then(|| config.log.clone());
        let (running, user) = (Certificates::clone(&self.certificates.now()), self.process_user);
        let ids = userdbs.ids.clone();
        let read = spawn_blocking(move || {
            let files = FilesRead::read(&config, &ids, user, &running, log.as_ref());
            (config, files)
        });
        let (config, files) = read.await?;
        let mut faults = Vec::new();
        let files = files.map_err(|found| faults.extend(found));
        // Ports last: they are seen from outside.
        let ports = match files {
            Ok(files) => match (self.ports.open_missing(&config), self.doors.open_missing(&config))
            {
                (Ok(ports), Ok(doors)) => Some((files, ports, doors)),
                (ports, doors) => {
                    faults.extend(ports.err().into_iter().flatten());
                    let doors = doors.err().into_iter().flatten();
                    faults.extend(doors.map(|fault| fault.to_string()));
                    None
                }
            },
            Err(()) => None,
        };
        let Some((files, ports, doors)) = ports else {
            faults.extend(out_of_reach(&self.ports.edition().config, &config));
            return Ok(Err(faults));
        };
        Ok(Ok(Ready { config, files, userdbs, policy, ports, doors }))
    }

    /// From here on nothing fails, but for the first step.
    fn put_in_force(&self, ready: Ready, board: &Board, orders: &Orders) -> std::io::Result<Done> {
        let Ready { config, files, userdbs, policy, ports, doors } = ready;
        self.ports.hand_over(ports)?;
        let FilesRead { sources, passdbs, remarks_on_passdbs, certificates, loaded, writer } =
            files;
        let former = Arc::downgrade(&self.exchange.passdbs.load());
        self.exchange.passdbs.publish(passdbs);
        self.sources.replace(sources);
        self.userdbs.take_up(userdbs, &former);
        self.policy.replace(policy);
        let LoadedCertificates { context, remarks, expiries } = loaded;
        let certificates = certificates.resuming(&self.certificates.now());
        let context: Context = certificates.ticketed(context);
        let names = context.servers.as_ref().map(crate::tls::Servers::names);
        self.exchange.tls.publish(context);
        self.certificates.replace(certificates);
        // The data cores look at all of these when they are told of the edition.
        self.ports.take_up(config);
        let edition = self.ports.edition();
        let config = &edition.config;
        self.exchange.loads.expect_bounds(config.limits.backend_connections > 0);
        if let Some(ways) = &self.probes {
            ways.renew(config);
        }
        self.doveadm.replace(DoveadmSettings::new(config));
        self.page.replace(PageSettings::new(config));
        self.cluster.replace(ClusterSettings::new(config));
        self.doors.take_up(config, doors);
        orders.open_log(writer);
        board.passdbs_read(&remarks_on_passdbs);
        board.certificates_read(expiries);
        let unserved = config.listeners.iter().filter_map(|listener| {
            let reason = not_served(config, listener)?;
            let (name, port) = (&listener.name, listener.port);
            Some(format!("inet_listener {name} (port {port}) is not opened: {reason}"))
        });
        let all = remarks.into_iter().chain(remarks_on_passdbs).chain(unserved);
        Ok(Done { names, remarks: all.collect(), ..Done::default() })
    }
}

/// What the sandbox of the start keeps from this process, whatever a file's rights say.
fn out_of_reach(running: &Config, wanted: &Config) -> Vec<String> {
    let folders = |config: &Config| -> BTreeSet<PathBuf> {
        config.files.iter().filter_map(|file| file.parent().map(PathBuf::from)).collect()
    };
    if running.sandbox == Sandbox::No {
        return Vec::new();
    }
    let new = &folders(wanted) - &folders(running);
    let told = |folder: &PathBuf| {
        format!(
            "sandbox: no setting named a file in {} when Hale was started, so that nothing there is within reach until it is \
             started again",
            folder.display()
        )
    };
    new.iter().map(told).collect()
}

impl FilesRead {
    /// Every file that the configuration names.
    fn read(
        config: &Config,
        ids: &[u32],
        process_user: u32,
        running: &Certificates,
        log: Option<&config::Log>,
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let no_random =
            || vec!["the system gives no random numbers, so there can be no TLS".to_owned()];
        let certificates =
            Certificates::configured(config).ok_or_else(no_random)?.resuming(running);
        let loaded = certificates.load().map_err(|found| faults.extend(found));
        let sources = PassdbSources::configured(config, ids, process_user);
        let mut sources = sources.map_err(|fault| vec![fault.to_string()])?;
        let users = sources.load().map_err(|found| {
            faults.extend(found.iter().map(ToString::to_string));
        });
        let writer = log.map(LogWriter::open).transpose().map_err(|fault| faults.push(fault));
        match (loaded, users, writer) {
            (Ok(loaded), Ok((passdbs, remarks_on_passdbs)), Ok(writer)) => {
                Ok(Self { sources, passdbs, remarks_on_passdbs, certificates, loaded, writer })
            }
            _ => Err(faults),
        }
    }
}

/// What is remembered of password databases elsewhere.
#[must_use]
pub fn rules_of_replies(auth: &Auth) -> CacheRules {
    let (ttl, negative_ttl) = (auth.cache_ttl, auth.cache_negative_ttl);
    CacheRules { bytes: auth.cache_of_replies(), ttl, negative_ttl }
}
