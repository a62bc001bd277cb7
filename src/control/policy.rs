//! The policy server (`auth_policy_server_url`), asked for the data cores.
//!
//! Duty: one question at a time for each login, so many at once, each within its time; what is written to the log. Non-duty: what is
//! told and what an answer means (`webauth::policy`); when it is asked, and what becomes of a login without an answer
//! (`worker::login`). Driver: `tasks::policy`. Tests: `tests/appliance/e2e/policy.rs`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::http_client::HttpClient;
use super::passdb_settings::SettingFault;
use super::resolver::Resolver;
use super::userdbs::web;
use crate::config::Config;
use crate::config::model::AuthPolicy;
use crate::event::{Event, cleaned, escaped};
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{PolicyCommand, PolicyLogin, Ruled};
use crate::tick::Tick;
use crate::webauth::Request;
use crate::webauth::policy::{self, Command, Hash, Policy, Ruling};

/// A policy server.
#[derive(Debug)]
pub struct PolicyServer {
    policy: Policy,
    client: HttpClient,
    answer_timeout: Duration,
    log_only: bool,
    seats: Semaphore,
    log: Arc<Mailbox<Event>>,
    /// Since when it gives no answer.
    silent_since: RefCell<Option<Tick>>,
    tallies: Cell<Tallies>,
}

/// What came of the questions so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tallies {
    asked: u64,
    told: u64,
    let_go: u64,
    held_back: u64,
    refused: u64,
    unanswered: u64,
}

impl PolicyServer {
    /// That of a configuration.
    ///
    /// # Errors
    /// The file of authorities can't be used.
    pub fn configured(
        config: &Config,
        log: &Arc<Mailbox<Event>>,
    ) -> Result<Option<Self>, SettingFault> {
        let Some(settings) = &config.auth.policy else { return Ok(None) };
        let resolver = Resolver::new(config.cluster.hosts_file.clone());
        let client = web::client(&settings.authorities, &resolver)
            .map_err(|text| SettingFault(format!("auth_policy_server_url: {text}")))?;
        let AuthPolicy {
            url,
            header,
            timeout,
            hash_nonce,
            hash_truncate,
            attributes,
            log_only,
            ..
        } = settings.clone();
        let policy = Policy {
            url,
            header,
            hash: Hash::named(&settings.hash_mech).unwrap_or_default(),
            nonce: hash_nonce,
            bits: hash_truncate,
            attributes,
        };
        Ok(Some(Self {
            policy,
            client,
            answer_timeout: timeout,
            log_only,
            seats: Semaphore::new(limits::POLICY_QUESTIONS_MAX),
            log: Arc::clone(log),
            silent_since: RefCell::default(),
            tallies: Cell::default(),
        }))
    }

    /// Asks or tells.
    pub(super) async fn put(&self, command: PolicyCommand, login: &PolicyLogin) -> Ruled {
        let command = match command {
            PolicyCommand::Allow(_) => Command::Allow,
            PolicyCommand::Report { is_good, is_by_policy } => {
                Command::Report { is_good, is_by_policy }
            }
        };
        let Some(request) = self.request(command, login) else { return Ruled::NoAnswer };
        self.count(|tallies| match command {
            Command::Allow => tallies.asked += 1,
            Command::Report { .. } => tallies.told += 1,
        });
        let work = timeout(self.answer_timeout, self.ask(&request));
        let answer = work.await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        match answer {
            // A report has no answer that matters.
            Ok(_) if command != Command::Allow => Ruled::NoAnswer,
            Ok(ruling) => self.obeyed(ruling, login),
            Err(why) => {
                self.count(|tallies| tallies.unanswered += 1);
                self.complain(&why);
                Ruled::NoAnswer
            }
        }
    }

    async fn ask(&self, request: &Request) -> Result<Ruling, String> {
        let _seat = self.seats.acquire().await.map_err(|error| error.to_string())?;
        let answer = self.client.ask(request).await.map_err(|fault| fault.to_string())?;
        let ruling = policy::read(&answer).map_err(str::to_owned)?;
        self.recover();
        Ok(ruling)
    }

    fn request(&self, command: Command, login: &PolicyLogin) -> Option<Request> {
        let variables = |name: &str| {
            Some(match name {
                "requested_username" | "user" | "original_user" | "auth_user" | "login_user" => {
                    Cow::from(&*login.user)
                }
                "hashed_password" => self.policy.hashed(&login.user, &login.evidence).into(),
                "remote_ip" | "real_remote_ip" => login.remote.to_string().into(),
                "local_ip" => login.local.to_string().into(),
                "protocol" => login.protocol.name().into(),
                "session" => login.session.to_string().into(),
                // What a client calls itself is not kept until then.
                "client_id" => Cow::from(""),
                _ => return None,
            })
        };
        self.policy.ask(command, login.is_secured, &variables)
    }

    /// What the login hears of a ruling.
    fn obeyed(&self, ruling: Ruling, login: &PolicyLogin) -> Ruled {
        let ruled = match ruling {
            Ruling::Go(delay) => Ruled::Go(delay),
            Ruling::Refuse(text) => Ruled::Refuse(text),
        };
        self.count(|tallies| match &ruled {
            Ruled::Refuse(_) => tallies.refused += 1,
            Ruled::Go(delay) if !delay.is_zero() => tallies.held_back += 1,
            Ruled::Go(_) | Ruled::NoAnswer => tallies.let_go += 1,
        });
        if !self.log_only {
            return ruled;
        }
        let what = match &ruled {
            Ruled::Refuse(_) => "refuse".to_owned(),
            Ruled::Go(delay) if !delay.is_zero() => format!("hold back for {} s", delay.as_secs()),
            Ruled::Go(_) | Ruled::NoAnswer => return Ruled::Go(Duration::ZERO),
        };
        let user = escaped(login.user.as_bytes(), limits::USER_BYTES_MAX);
        let text = format!(
            "would {what} the login of <{user}> from {}; auth_policy_log_only lets it go on",
            login.remote
        );
        self.note(false, &text);
        Ruled::Go(Duration::ZERO)
    }

    /// Its state, for operators: a property, its value.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        let Tallies { asked, told, let_go, held_back, refused, unanswered } = self.tallies.get();
        let state = match *self.silent_since.borrow() {
            Some(since) => {
                format!("does not answer since {} s", clock::now().since(since).as_secs())
            }
            None => "ok".to_owned(),
        };
        let busy = limits::POLICY_QUESTIONS_MAX.saturating_sub(self.seats.available_permits());
        vec![
            ("server", self.policy.url.to_string()),
            ("state", state),
            ("under_way", busy.to_string()),
            ("asked", asked.to_string()),
            ("let_go", let_go.to_string()),
            ("held_back", held_back.to_string()),
            ("refused", refused.to_string()),
            ("told", told.to_string()),
            ("unanswered", unanswered.to_string()),
        ]
    }

    fn count(&self, add: impl FnOnce(&mut Tallies)) {
        let mut tallies = self.tallies.get();
        add(&mut tallies);
        self.tallies.set(tallies);
    }

    fn complain(&self, why: &str) {
        let mut silent_since = self.silent_since.borrow_mut();
        if silent_since.is_none() {
            *silent_since = Some(clock::now());
            let why = cleaned(why.as_bytes(), REASON_BYTES_MAX);
            let text = format!(
                "does not answer: {why}; auth_policy_reject_on_fail says what becomes of logins; look whether it runs, and at auth_policy_server_url"
            );
            self.note(true, &text);
        }
    }

    fn recover(&self) {
        if let Some(since) = self.silent_since.borrow_mut().take() {
            let seconds = clock::now().since(since).as_secs();
            self.note(false, &format!("answers again after {seconds} s"));
        }
    }

    fn note(&self, warning: bool, what: &str) {
        let text = format!("policy server {}: {what}", self.policy.url).into_boxed_str();
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning, text });
    }
}

const REASON_BYTES_MAX: usize = 300;
