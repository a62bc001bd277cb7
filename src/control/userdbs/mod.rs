//! Password databases that are asked elsewhere: over a connection, or by a thread that may wait.
//!
//! Duty: one pool for each, the same for all drivers (`pool`, `health`); the drivers (`driver`, a folder each); what comes back is
//! remembered for the data cores (`share::replies`). Non-duty: judging passwords and rows (`auth::chain`), who waits (`tasks::userdbs`).
//! Tests: `tests`, and in the drivers' folders.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::passdb_settings::SettingFault;
use super::resolver::Resolver;
use crate::auth::cache::CacheRules;
use crate::auth::inquiry::{Inquiry, Remote, RemoteTrouble, Reply};
use crate::auth::variables;
use crate::config::model::{IntrospectionMode, RemotePassdb, Service};
use crate::config::{Config, Passdb, PassdbDriver};
use crate::ring::clock;
use crate::secret::Secret;
use crate::share::exchange::Exchange;
use crate::share::replies::Replies;
use driver::{Driver, Help};
use oauth2::Verifiers;
use pool::Pool;
pub(in crate::control) use tallies::Latency;
use web::Remarks;

mod driver;
pub(super) mod health;
mod http_auth;
mod imapc;
mod ldap;
mod oauth2;
mod pool;
mod sql;
mod tallies;
pub(super) mod web;
#[cfg(test)]
mod tests;

/// All of them. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct UserDbs(Rc<All>);

#[derive(Debug)]
struct All {
    /// By [`Remote::id`].
    pools: BTreeMap<u16, (Rc<Pool>, u16)>,
    replies: Replies,
    /// What is remembered cannot be told from its key without it; the data cores have the same.
    secret: Secret,
    rules: CacheRules,
}

impl UserDbs {
    /// Those of a configuration. Nothing is connected before it is asked. `secret`: the data cores'. `rules`: of all cores together.
    ///
    /// # Errors
    /// The first setting that can't be served.
    pub fn configured(
        config: &Config,
        exchange: &Exchange,
        secret: Secret,
        rules: CacheRules,
    ) -> Result<Self, SettingFault> {
        let mut pools = BTreeMap::new();
        let resolver = Resolver::new(config.cluster.hosts_file.clone());
        let verifiers = verifiers(config)?;
        for (id, (passdb, remote)) in remotes(config) {
            let about = format!("passdb {} ({})", passdb.name, remote.service.driver());
            let help = Help {
                resolver: resolver.clone(),
                tls: exchange.tls.clone(),
                verifiers: verifiers.clone(),
                remarks: Some(Remarks::new(Arc::clone(&exchange.log), about)),
            };
            let driver = driver_of(passdb, remote, help)?;
            let bounds = (remote.connections_max, remote.answer_timeout);
            let log = Arc::clone(&exchange.log);
            let pool = Pool::new(&passdb.name, driver, bounds, log);
            pools.insert(id, (pool, remote.connections_max));
        }
        Ok(Self(Rc::new(All { pools, replies: exchange.replies.clone(), secret, rules })))
    }

    /// The reply to a question, remembered.
    pub async fn ask(&self, inquiry: &Inquiry) -> Reply {
        let Some((pool, _)) = self.0.pools.get(&inquiry.id) else {
            return Reply::Trouble(RemoteTrouble::NoDriver.into());
        };
        let reply = pool.ask(inquiry).await;
        if inquiry.is_cached {
            let key = inquiry.key(&self.0.secret);
            let is_recheck = inquiry.is_recheck;
            self.0.replies.remember(key, &reply, is_recheck, &self.0.rules, clock::now());
        }
        reply
    }

    /// Their state, for operators: a passdb's name, a property, its value.
    #[must_use]
    pub fn conditions(&self) -> Vec<(String, &'static str, String)> {
        let mut facts = Vec::new();
        for (pool, most) in self.0.pools.values() {
            let name = format!("passdb {}", pool.name);
            let mut say = |property, value: String| facts.push((name.clone(), property, value));
            let state = match pool.failing_since() {
                Some(since) => {
                    format!("does not answer since {} s", clock::now().since(since).as_secs())
                }
                None => "ok".to_owned(),
            };
            say("driver", pool.driver.name().to_owned());
            say("server", pool.driver.server());
            say("state", state);
            let (busy, idle) = pool.connections(*most);
            say("connections_busy", busy.to_string());
            say("connections_idle", idle.to_string());
            say("waiting", pool.waiting().to_string());
            for (property, value) in pool.tallies().rows() {
                say(property, value);
            }
        }
        if !facts.is_empty() {
            let (good, bad, bytes) = self.0.replies.size();
            let name = "auth_cache".to_owned();
            facts.push((name.clone(), "rows", good.to_string()));
            facts.push((name.clone(), "refusals", bad.to_string()));
            facts.push((name, "bytes", bytes.to_string()));
        }
        facts
    }
}

/// What a password database elsewhere does, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Figures {
    /// The passdb's name.
    pub(in crate::control) name: Box<str>,
    /// Whether it answers.
    pub(in crate::control) answers: bool,
    /// Questions by what came of them.
    pub(in crate::control) questions: [(&'static str, u64); 6],
    /// How long answers took.
    pub(in crate::control) latency: Latency,
    /// How often it began to count as failing.
    pub(in crate::control) outages: u64,
    /// Connections with a question on them.
    pub(in crate::control) busy: usize,
    /// Connections without.
    pub(in crate::control) idle: usize,
    /// Questions that wait for a connection.
    pub(in crate::control) waiting: usize,
}

impl UserDbs {
    /// What they do, in numbers.
    pub(in crate::control) fn figures(&self) -> Vec<Figures> {
        let of = |(pool, most): &(Rc<Pool>, u16)| {
            let tallies = pool.tallies();
            let (busy, idle) = pool.connections(*most);
            Figures {
                name: (*pool.name).into(),
                answers: pool.failing_since().is_none(),
                questions: [
                    ("answered", tallies.answered),
                    ("timed_out", tallies.timed_out),
                    ("turned_away", tallies.turned_away),
                    ("not_connected", tallies.not_connected),
                    ("lost", tallies.lost),
                    ("unusable", tallies.unusable),
                ],
                latency: tallies.latency,
                outages: tallies.outages,
                busy,
                idle,
                waiting: pool.waiting(),
            }
        };
        self.0.pools.values().map(of).collect()
    }
}

/// How the data cores see the database of a passdb.
///
/// # Errors
/// A setting that can't be served.
pub(super) fn seen(
    id: usize,
    passdb: &Passdb,
    remote: &RemotePassdb,
) -> Result<Remote, SettingFault> {
    let driver = driver_of(passdb, remote, Help::default())?;
    let mut variables = driver.variables();
    for template in driver.templates() {
        variables::check_inquiry(template).map_err(|error| fault(passdb, &error.to_string()))?;
        variables.extend(template.variables().map(Into::into));
    }
    variables.sort();
    variables.dedup();
    Ok(Remote {
        id: number(id),
        driver: driver.name(),
        gives: driver.gives(),
        variables: variables.into(),
        is_cached: remote.use_cache && driver.may_be_remembered(),
    })
}

fn driver_of(passdb: &Passdb, remote: &RemotePassdb, help: Help) -> Result<Driver, SettingFault> {
    Driver::new(&remote.service, help).map_err(|text| fault(passdb, &text))
}

/// Threads for signatures, where a passdb verifies tokens itself.
fn verifiers(config: &Config) -> Result<Option<Verifiers>, SettingFault> {
    let verifies = |remote: &RemotePassdb| matches!(&remote.service, Service::OAuth2(it) if it.mode == IntrospectionMode::Local);
    let Some((_, (passdb, _))) = remotes(config).find(|(_, (_, remote))| verifies(remote)) else {
        return Ok(None);
    };
    let threads = config.auth.hash_threads.map_or(TOKEN_THREADS, usize::from);
    let started = Verifiers::start(threads);
    started.map(Some).map_err(|error| fault(passdb, &format!("no thread can be started: {error}")))
}

fn fault(passdb: &Passdb, text: &str) -> SettingFault {
    SettingFault(format!("{}: passdb {}: {text}", passdb.place, passdb.name))
}

fn remotes(config: &Config) -> impl Iterator<Item = (u16, (&Passdb, &RemotePassdb))> {
    config.auth.passdbs.iter().enumerate().filter_map(|(id, passdb)| match &passdb.driver {
        PassdbDriver::Remote(remote) => Some((number(id), (passdb, &**remote))),
        PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => None,
    })
}

/// Threads that verify tokens where `auth_hash_threads` names no number: each does some 10,000 a second.
const TOKEN_THREADS: usize = 2;

/// A configuration has at most a megabyte, and so never as many passdbs.
fn number(id: usize) -> u16 {
    u16::try_from(id).unwrap_or(u16::MAX)
}
