//! Password databases that are asked elsewhere: over a connection, or by a thread that may wait.
//!
//! Duty: one pool for each, the same for all drivers (`pool`, `health`); the drivers (`driver`, a folder each); what comes back is
//! remembered for the data cores (`share::replies`). Non-duty: judging passwords and rows (`auth::chain`), who waits (`tasks::userdbs`).
//! Tests: `tests`, and in the drivers' folders.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use super::passdb_settings::SettingFault;
use super::resolver::Resolver;
use crate::auth::cache::CacheRules;
use crate::auth::inquiry::{Inquiry, Remote, RemoteTrouble, Reply};
use crate::auth::passdb::Passdbs;
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
    pools: RefCell<BTreeMap<u32, Asked>>,
    /// The next id; none is used twice.
    next: Cell<u32>,
    verifiers: RefCell<Option<Verifiers>>,
    replies: Replies,
    /// What is remembered cannot be told from its key without it; the data cores have the same.
    secret: Secret,
    rules: Cell<CacheRules>,
}

/// A password database.
#[derive(Clone, Debug)]
struct Asked {
    pool: Rc<Pool>,
    /// Connections at most.
    most: u16,
    /// What it is made of: a database that a reload finds as it was goes on.
    name: String,
    remote: RemotePassdb,
    /// Of one that the configuration has no more: the chains of which logins may still come here.
    former: Option<Weak<Passdbs>>,
}

impl Asked {
    fn is(&self, passdb: &Passdb, remote: &RemotePassdb) -> bool {
        self.former.is_none() && self.name == passdb.name && self.remote == *remote
    }
}

/// Databases that are ready, and not in use yet.
#[derive(Debug)]
pub struct NextUserDbs {
    /// Ids of all passdbs of the configuration, in its order.
    pub(super) ids: Vec<u32>,
    pools: BTreeMap<u32, Asked>,
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
        let all = Self(Rc::new(All {
            pools: RefCell::default(),
            next: Cell::new(0),
            verifiers: RefCell::default(),
            replies: exchange.replies.clone(),
            secret,
            rules: Cell::new(rules),
        }));
        let first = all.prepare(config, exchange, rules)?;
        all.take_up(first, &Weak::new());
        Ok(all)
    }

    /// The databases of another configuration. Those that are as they were keep their connections.
    ///
    /// # Errors
    /// The first setting that can't be served.
    pub fn prepare(
        &self,
        config: &Config,
        exchange: &Exchange,
        rules: CacheRules,
    ) -> Result<NextUserDbs, SettingFault> {
        let resolver = Resolver::new(config.cluster.hosts_file.clone());
        let (mut ids, mut pools) = (Vec::new(), BTreeMap::new());
        let now = self.0.pools.borrow();
        for passdb in &config.auth.passdbs {
            let PassdbDriver::Remote(remote) = &passdb.driver else {
                ids.push(self.next_id());
                continue;
            };
            if let Some((id, kept)) = now.iter().find(|(_, asked)| asked.is(passdb, remote)) {
                ids.push(*id);
                pools.insert(*id, kept.clone());
                continue;
            }
            let about = format!("passdb {} ({})", passdb.name, remote.service.driver());
            let help = Help {
                resolver: resolver.clone(),
                tls: exchange.tls.clone(),
                verifiers: self.verifiers(config)?,
                remarks: Some(Remarks::new(Arc::clone(&exchange.log), about)),
            };
            let driver = driver_of(passdb, remote, help)?;
            let most = remote.connections_max;
            let log = Arc::clone(&exchange.log);
            let pool = Pool::new(&passdb.name, driver, (most, remote.answer_timeout), log);
            let id = self.next_id();
            ids.push(id);
            let (name, remote) = (passdb.name.clone(), (**remote).clone());
            pools.insert(id, Asked { pool, most, name, remote, former: None });
        }
        Ok(NextUserDbs { ids, pools, rules })
    }

    fn next_id(&self) -> u32 {
        self.0.next.replace(self.0.next.get().wrapping_add(1))
    }

    /// The threads that the first passdb started which needs them. Where that is one that a reload brings, they run beside the
    /// control core; a restart gives them the other CPUs.
    fn verifiers(&self, config: &Config) -> Result<Option<Verifiers>, SettingFault> {
        let mut known = self.0.verifiers.borrow_mut();
        if known.is_none() {
            *known = verifiers(config)?;
        }
        Ok(known.clone())
    }

    /// From now on these are asked. Questions of logins that began under the `former` chains go to the former databases.
    pub fn take_up(&self, next: NextUserDbs, former: &Weak<Passdbs>) {
        let NextUserDbs { ids: _, pools, rules } = next;
        self.0.rules.set(rules);
        let mut now = self.0.pools.borrow_mut();
        for asked in now.values_mut().filter(|asked| asked.former.is_none()) {
            asked.former = Some(former.clone());
        }
        now.extend(pools);
        drop(now);
        self.forget_former();
    }

    /// Closes databases that the configuration has no more, and that no login can ask.
    pub(super) fn forget_former(&self) {
        let is_needed = |former: &Weak<Passdbs>| former.strong_count() > 0;
        self.0.pools.borrow_mut().retain(|_, asked| asked.former.as_ref().is_none_or(is_needed));
    }

    /// Ids of the passdbs of the configuration that is read at start, in its order.
    #[must_use]
    pub fn ids_of(config: &Config) -> Vec<u32> {
        (0_u32..).take(config.auth.passdbs.len()).collect()
    }

    /// The reply to a question, remembered.
    pub async fn ask(&self, inquiry: &Inquiry) -> Reply {
        let asked = self.0.pools.borrow().get(&inquiry.id).map(|asked| Rc::clone(&asked.pool));
        let Some(pool) = asked else {
            return Reply::Trouble(RemoteTrouble::NoDriver.into());
        };
        let reply = pool.ask(inquiry).await;
        if inquiry.is_cached {
            let key = inquiry.key(&self.0.secret);
            let is_recheck = inquiry.is_recheck;
            let rules = self.0.rules.get();
            self.0.replies.remember(key, &reply, is_recheck, &rules, clock::now());
        }
        reply
    }

    /// Their state, for operators: a passdb's name, a property, its value.
    #[must_use]
    pub fn conditions(&self) -> Vec<(String, &'static str, String)> {
        let mut facts = Vec::new();
        for Asked { pool, most, .. } in self.current() {
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
            let (busy, idle) = pool.connections(most);
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
        let of = |Asked { pool, most, .. }: Asked| {
            let tallies = pool.tallies();
            let (busy, idle) = pool.connections(most);
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
        self.current().into_iter().map(of).collect()
    }

    /// Those of the configuration.
    fn current(&self) -> Vec<Asked> {
        let all = self.0.pools.borrow();
        all.values().filter(|asked| asked.former.is_none()).cloned().collect()
    }
}

/// How the data cores see the database of a passdb.
///
/// # Errors
/// A setting that can't be served.
pub(super) fn seen(
    id: u32,
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
        id,
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
    let Some((passdb, _)) = remotes(config).find(|(_, remote)| verifies(remote)) else {
        return Ok(None);
    };
    let threads = config.auth.hash_threads.map_or(TOKEN_THREADS, usize::from);
    let started = Verifiers::start(threads);
    started.map(Some).map_err(|error| fault(passdb, &format!("no thread can be started: {error}")))
}

fn fault(passdb: &Passdb, text: &str) -> SettingFault {
    SettingFault(format!("{}: passdb {}: {text}", passdb.place, passdb.name))
}

fn remotes(config: &Config) -> impl Iterator<Item = (&Passdb, &RemotePassdb)> {
    config.auth.passdbs.iter().filter_map(|passdb| match &passdb.driver {
        PassdbDriver::Remote(remote) => Some((passdb, &**remote)),
        PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => None,
    })
}

/// Threads that verify tokens where `auth_hash_threads` names no number: each does some 10,000 a second.
const TOKEN_THREADS: usize = 2;
