//! The policy server (`auth_policy_server_url`), asked for the data cores.
//!
//! Duty: one question at a time for each login, so many at once, each within its time; a server that fails is asked by a trial alone
//! until that is answered, so that no login waits for it; what is written to the log. Non-duty: what is told and what an answer means
//! (`webauth::policy`); when it is asked, and what becomes of a login without an answer (`worker::login`). Driver: `tasks::policy`.
//! Tests: `tests/appliance/e2e/policy.rs`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::http_client::{HttpClient, HttpFault};
use super::passdb_settings::SettingFault;
use super::resolver::Resolver;
use super::userdbs::health::{Failed, Health, Recovery};
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
    reject_on_fail: bool,
    seats: Semaphore,
    log: Arc<Mailbox<Event>>,
    health: RefCell<Health>,
    /// What was last said about answers that can't be used.
    said: RefCell<Option<(String, Tick)>>,
    tallies: Cell<Tallies>,
}

/// What came of the questions and reports so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tallies {
    asked: u64,
    told: u64,
    let_go: u64,
    held_back: u64,
    refused: u64,
    unanswered: u64,
    /// Its answer could not be used.
    unusable: u64,
    /// It was failing, and not asked or told.
    turned_away: u64,
    /// How often it began to count as failing.
    outages: u64,
}

/// What a policy server does, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Figures {
    /// Whether it answers.
    pub(in crate::control) answers: bool,
    /// Questions and reports by what came of them.
    pub(in crate::control) questions: [(&'static str, u64); 7],
    /// How often it began to count as failing.
    pub(in crate::control) outages: u64,
}

/// Why a question came to nothing.
enum Fault {
    /// The server, or the way there.
    Http(HttpFault),
    /// What it says is no ruling.
    Unusable(&'static str),
}

impl PolicyServer {
    /// That of a configuration.
    ///
    /// # Errors
    /// The file of authorities can't be used.
    pub fn configured(
        config: &Config,
        log: &Arc<Mailbox<Event>>,
    ) -> Result<Option<Rc<Self>>, SettingFault> {
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
            reject_on_fail,
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
        Ok(Some(Rc::new(Self {
            policy,
            client,
            answer_timeout: timeout,
            log_only,
            reject_on_fail,
            seats: Semaphore::new(limits::POLICY_QUESTIONS_MAX),
            log: Arc::clone(log),
            health: RefCell::default(),
            said: RefCell::default(),
            tallies: Cell::default(),
        })))
    }

    /// Asks or tells.
    pub(super) async fn put(self: &Rc<Self>, command: PolicyCommand, login: &PolicyLogin) -> Ruled {
        let command = match command {
            PolicyCommand::Allow(_) => Command::Allow,
            PolicyCommand::Report { is_good, is_by_policy } => {
                Command::Report { is_good, is_by_policy }
            }
        };
        if command == Command::Allow {
            self.count(|tallies| tallies.asked += 1);
        }
        if self.health.borrow().is_failing() {
            self.health.borrow_mut().turn_away();
            self.count(|tallies| tallies.turned_away += 1);
            return Ruled::NoAnswer;
        }
        let Some(request) = self.request(command, login) else { return Ruled::NoAnswer };
        match timeout(self.answer_timeout, self.ask(&request)).await {
            Ok(Ok(ruling)) => {
                self.recover();
                if command == Command::Allow {
                    return self.obeyed(ruling, login);
                }
                // A report has no answer that matters.
                self.count(|tallies| tallies.told += 1);
            }
            Ok(Err(fault)) => self.failed(&fault),
            Err(_) => {
                let why = format!("no answer within {} ms", self.answer_timeout.as_millis());
                self.fail(Failed::Question, &why);
            }
        }
        Ruled::NoAnswer
    }

    async fn ask(&self, request: &Request) -> Result<Ruling, Fault> {
        // The semaphore is never closed.
        let _seat = self.seats.acquire().await.ok();
        let answer = self.client.ask(request).await.map_err(Fault::Http)?;
        policy::read(&answer).map_err(Fault::Unusable)
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

    // === What operators ask ===

    /// Its state, for operators: a property, its value.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        let state = match self.health.borrow().failing_since() {
            Some(since) => {
                format!("does not answer since {} s", clock::now().since(since).as_secs())
            }
            None => "ok".to_owned(),
        };
        let busy = limits::POLICY_QUESTIONS_MAX.saturating_sub(self.seats.available_permits());
        let mut rows = vec![
            ("server", self.policy.url.to_string()),
            ("state", state),
            ("under_way", busy.to_string()),
            ("asked", self.tallies.get().asked.to_string()),
        ];
        let Figures { questions, outages, .. } = self.figures();
        rows.extend(questions.map(|(result, count)| (result, count.to_string())));
        rows.push(("outages", outages.to_string()));
        rows
    }

    /// The same as numbers.
    pub(in crate::control) fn figures(&self) -> Figures {
        let tallies = self.tallies.get();
        Figures {
            answers: !self.health.borrow().is_failing(),
            questions: [
                ("let_go", tallies.let_go),
                ("held_back", tallies.held_back),
                ("refused", tallies.refused),
                ("told", tallies.told),
                ("unanswered", tallies.unanswered),
                ("unusable", tallies.unusable),
                ("turned_away", tallies.turned_away),
            ],
            outages: tallies.outages,
        }
    }

    fn count(&self, add: impl FnOnce(&mut Tallies)) {
        let mut tallies = self.tallies.get();
        add(&mut tallies);
        self.tallies.set(tallies);
    }

    // === Its health ===

    fn failed(self: &Rc<Self>, fault: &Fault) {
        let fault = match fault {
            Fault::Http(fault) => fault,
            Fault::Unusable(why) => return self.answered_nonsense(why),
        };
        let why = fault.to_string();
        match fault {
            HttpFault::NoAddress
            | HttpFault::NotConnected(_)
            | HttpFault::NoAuthorities
            | HttpFault::Insecure(_) => self.fail(Failed::Connect, &why),
            HttpFault::Closed => self.fail(Failed::Question, &why),
            HttpFault::TooLarge | HttpFault::NotHttp(_) => self.answered_nonsense(&why),
        }
    }

    fn fail(self: &Rc<Self>, failed: Failed, why: &str) {
        self.count(|tallies| tallies.unanswered += 1);
        if !self.health.borrow_mut().failed(failed, clock::now()) {
            return;
        }
        self.count(|tallies| tallies.outages += 1);
        let text = format!(
            "does not answer: {}; until it does no login waits for it, and logins {}; look whether it runs, and at \
             auth_policy_server_url",
            cleaned(why.as_bytes(), REASON_BYTES_MAX),
            self.fate()
        );
        self.note(true, &text);
        let server = Rc::clone(self);
        spawn_local(async move { server.try_until_it_answers().await });
    }

    /// No login pays for finding out.
    async fn try_until_it_answers(&self) {
        while self.health.borrow().is_failing() {
            sleep(limits::USERDB_TRIAL_EVERY).await;
            let trial = self.client.try_out(&self.policy.url);
            let within = self.answer_timeout.min(limits::USERDB_TRIAL_TIMEOUT);
            if let Ok(Ok(())) = timeout(within, trial).await {
                self.recover();
            }
        }
    }

    fn recover(&self) {
        let Some(recovery) = self.health.borrow_mut().answered(clock::now()) else { return };
        let Recovery { after, turned_away } = recovery;
        let seconds = after.as_secs();
        let text = format!(
            "answers again after {seconds} s, in which {turned_away} questions were not put"
        );
        self.note(false, &text);
    }

    /// An answer that can't be used costs a login no time. It is told at once, and then not again for a while.
    fn answered_nonsense(&self, why: &str) {
        self.count(|tallies| tallies.unusable += 1);
        self.recover();
        let now = clock::now();
        let mut said = self.said.borrow_mut();
        let is_said = said.as_ref().is_some_and(|(before, at)| {
            before == why && now.since(*at) < limits::USERDB_LINE_AGAIN
        });
        if !is_said {
            *said = Some((why.to_owned(), now));
            let text = format!(
                "answers what cannot be used: {}; logins {}; look at auth_policy_server_url and the server's own log",
                cleaned(why.as_bytes(), REASON_BYTES_MAX),
                self.fate()
            );
            self.note(true, &text);
        }
    }

    /// What becomes of logins without an answer.
    fn fate(&self) -> &'static str {
        match self.reject_on_fail {
            true => "are refused for now (auth_policy_reject_on_fail)",
            false => "go on without its opinion (auth_policy_reject_on_fail)",
        }
    }

    fn note(&self, warning: bool, what: &str) {
        let text = format!("policy server {}: {what}", self.policy.url).into_boxed_str();
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning, text });
    }
}

const REASON_BYTES_MAX: usize = 300;
