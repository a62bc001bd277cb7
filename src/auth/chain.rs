//! The password databases in order: from a [`Question`] to a [`Verdict`].
//!
//! A resumable machine. Cheap passwords are verified on the spot; for a costly one it stops with a [`Job`], which the
//! shell answers from `auth::cache` or has computed by the hashing pool, and goes on with [`Chain::verified`].
//! Semantics are Dovecot's (`auth_request_handle_passdb_callback`): who is unknown to one database, or has another
//! password there, is asked for in the next; a trouble in one is a temporary failure unless another one accepts. Does
//! not count failures or delay replies (`auth::delay`), and does not know backends. `worker::login::look_ups` drives it;
//! tests are in `chain/tests.rs`.

mod evidence;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::auth::answer::{Answer, Trouble, Why};
use crate::auth::ask::{Proof, Question};
use crate::auth::cache;
use crate::auth::fields::{DelayUntil, Fields};
use crate::auth::passdb::{Cause, Found, Passdb, Passdbs, Role, Rule, Skip, StoredText};
use crate::auth::scheme::{Cost, SchemeError, Stored};
use crate::auth::user::Identity;
use crate::auth::variables::Values;
use crate::auth::verdict::{Elsewhere, Grant, Verdict};
use crate::fault::Failure;
use crate::secret::Secret;

/// A login on its way through the databases.
#[derive(Debug)]
pub struct Chain {
    passdbs: Arc<Passdbs>,
    question: Question,
    identity: Identity,
    /// Whom the databases are asked for: first the master, then the user.
    role: Role,
    /// There is no login: no password is given and none is compared.
    is_lookup: bool,
    /// The next database.
    position: usize,
    /// Fields of the database that waits for its verification.
    pending: Option<(usize, Fields)>,
    /// Fields of the databases that succeeded.
    kept: Fields,
    /// The password was verified here.
    verified: bool,
    /// Accepted, unless a later database says otherwise.
    success: bool,
    /// Unlike other fields these two hold even when the password is wrong, as in Dovecot.
    nodelay: bool,
    delay_until: Option<DelayUntil>,
    trouble: Option<Trouble>,
    why: Option<Why>,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Answer.
    Done(Box<Answer>),
    /// Have the job done and call [`Chain::verified`].
    Verify(Box<Chain>, Job),
}

/// A costly verification. Prints nothing.
pub struct Job {
    text: Secret,
    stored: Stored,
    password: Secret,
}

impl Job {
    /// Computes it; takes milliseconds to seconds.
    ///
    /// # Errors
    /// See [`Stored::verify`].
    pub fn run(&self) -> Result<bool, SchemeError> {
        self.stored.verify(self.password.expose())
    }

    /// Memory it takes, in KiB: the pool keeps concurrency times memory within its budget (R-HASH-1).
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        self.stored.memory_kib()
    }

    /// Its key in [`cache::Verifications`]. Costly values name their scheme themselves, so that the text is all there
    /// is.
    #[must_use]
    pub fn key(&self, process_secret: &Secret) -> cache::Key {
        cache::Key::new(process_secret, self.text.expose(), self.password.expose())
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job(…)")
    }
}

/// How one database ended.
enum Ended {
    /// The user is there and the password right, or not to be verified here.
    Matched {
        verified: bool,
    },
    /// `noauthenticate`: fields for the database that comes next.
    Next,
    Failed(Why),
    Denied,
    Trouble(Cause),
}

enum Consulted {
    Ended(Ended, Fields),
    Verify(Job, Fields),
}

impl Chain {
    /// Asks as far as it goes without a costly verification.
    #[must_use]
    pub fn start(passdbs: &Arc<Passdbs>, question: Question) -> Step {
        let identity = match passdbs.users.identify(&question) {
            Ok(identity) => identity,
            Err(error) => return refuse_at_once(Why::User(error)),
        };
        if let Some(why) = evidence::refused(question.proof, question.password.expose()) {
            return refuse_at_once(why);
        }
        Self::begin(passdbs, question, identity, false)
    }

    /// What the databases have about the owner of a mailbox, for mail to him: the fields of a login without its
    /// password. Networks that he may log in from do not matter here; being disabled does.
    ///
    /// None: a verification was asked for, which never happens.
    #[must_use]
    pub fn look_up(passdbs: &Arc<Passdbs>, question: Question) -> Option<Box<Answer>> {
        let step = match passdbs.users.identify_owner(&question) {
            Ok(identity) => Self::begin(passdbs, question, identity, true),
            Err(error) => refuse_at_once(Why::User(error)),
        };
        match step {
            Step::Done(answer) => Some(answer),
            Step::Verify(..) => None,
        }
    }

    fn begin(
        passdbs: &Arc<Passdbs>,
        question: Question,
        identity: Identity,
        is_lookup: bool,
    ) -> Step {
        let role = if identity.master.is_some() { Role::Master } else { Role::Users };
        let masters = passdbs.list.iter().any(|passdb| passdb.role == Role::Master);
        let chain = Self {
            passdbs: Arc::clone(passdbs),
            question,
            identity,
            role,
            is_lookup,
            position: 0,
            pending: None,
            kept: Fields::default(),
            verified: false,
            success: false,
            nodelay: false,
            delay_until: None,
            trouble: None,
            why: None,
        };
        if role == Role::Master && !masters {
            return chain.refuse(Failure::Credentials, Why::NoMasters, None);
        }
        chain.run()
    }

    /// Goes on with the result of the [`Job`].
    #[must_use]
    pub fn verified(mut self, result: Result<bool, SchemeError>) -> Step {
        // Without a job nothing was asked; going on with the next database is all that is left then.
        let Some((at, fields)) = self.pending.take() else {
            return self.run();
        };
        match self.conclude(at, ended(result), fields) {
            None => self.run(),
            Some(end) => self.finish(end),
        }
    }

    /// For the log: who logs in, after normalisation.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.identity.user
    }

    fn run(mut self) -> Step {
        let passdbs = Arc::clone(&self.passdbs);
        while let Some(passdb) = passdbs.list.get(self.position) {
            let at = self.position;
            self.position += 1;
            if self.passes_over(passdb) {
                continue;
            }
            match self.consult(passdb) {
                Consulted::Ended(ended, fields) => {
                    if let Some(end) = self.conclude(at, ended, fields) {
                        return self.finish(end);
                    }
                }
                Consulted::Verify(job, fields) => {
                    self.pending = Some((at, fields));
                    return Step::Verify(Box::new(self), job);
                }
            }
        }
        self.finish(End::Rules)
    }

    fn passes_over(&self, passdb: &Passdb) -> bool {
        let skipped = match passdb.skip {
            Skip::Never => false,
            Skip::Authenticated => self.verified,
            Skip::Unauthenticated => !self.verified,
        };
        let asked_for_masters = self.role == Role::Master;
        skipped
            || (passdb.role == Role::Master) != asked_for_masters
            || !passdb.serves(self.question.protocol)
            || !(self.is_lookup || passdb.judges(self.question.proof))
    }

    fn consult(&self, passdb: &Passdb) -> Consulted {
        let user = match (&self.identity.master, self.role) {
            (Some(master), Role::Master) => master,
            _ => self.kept.user.as_ref().unwrap_or(&self.identity.user),
        };
        let values = Values {
            user,
            original_user: &self.identity.original,
            master_user: self.identity.master.as_deref().unwrap_or_default(),
            protocol: self.question.protocol,
            remote: self.question.remote,
            local: self.question.local,
        };
        let found = match passdb.lookup(&values, &self.kept) {
            Ok(found) => found,
            Err(error) => {
                return Consulted::Ended(Ended::Trouble(error), Fields::default());
            }
        };
        let Some(Found { fields, stored }) = found else {
            return Consulted::Ended(Ended::Failed(Why::UnknownUser), Fields::default());
        };
        if passdb.role == Role::Deny {
            return Consulted::Ended(Ended::Denied, fields);
        }
        if self.is_lookup {
            let ended = if fields.noauthenticate { Ended::Next } else { FOUND };
            return Consulted::Ended(ended, fields);
        }
        if fields.allow_nets.as_ref().is_some_and(|nets| !nets.allows(self.question.remote)) {
            return Consulted::Ended(Ended::Failed(Why::Networks), fields);
        }
        // The password was given for the master, or to an earlier database.
        if self.verified {
            return Consulted::Ended(Ended::Matched { verified: true }, fields);
        }
        if fields.noauthenticate {
            return Consulted::Ended(Ended::Next, fields);
        }
        if matches!(self.question.proof, Proof::Token | Proof::Exchange(_)) {
            // W-CRED-3: nothing is verified here; the backend is shown the token, or led the exchange.
            let ended = if fields.nopassword && self.role != Role::Master {
                Ended::Matched { verified: false }
            } else {
                Ended::Failed(Why::Mismatch)
            };
            return Consulted::Ended(ended, fields);
        }
        // Whom an authority of the operator's has certified needs no password, only to be known here.
        if !self.question.proof.has_password() {
            // A static database has every name, and would make a master of each client with a certificate.
            let is_known = self.role != Role::Master || passdb.lists_users();
            let ended = if is_known { FOUND } else { Ended::Failed(Why::UnknownUser) };
            return Consulted::Ended(ended, fields);
        }
        match stored {
            Some(stored) => self.compare(stored, fields),
            // W-CRED-3: no database has verified anything. A master's password is ours to verify; no backend could.
            None if fields.nopassword && self.role != Role::Master => {
                Consulted::Ended(Ended::Matched { verified: false }, fields)
            }
            None => Consulted::Ended(Ended::Failed(Why::Mismatch), fields),
        }
    }

    /// A stored password counts even beside `nopassword`, which Dovecot ignores then.
    fn compare(&self, StoredText { text, scheme }: StoredText, fields: Fields) -> Consulted {
        let parsed = str::from_utf8(text.expose()).map_err(|_| SchemeError::Encoding);
        let stored = match parsed.and_then(|text| Stored::parse(text, scheme)) {
            Ok(stored) => stored,
            Err(error) => return Consulted::Ended(Ended::Trouble(Cause::Scheme(error)), fields),
        };
        match stored.cost() {
            Cost::Cheap => {
                Consulted::Ended(ended(stored.verify(self.question.password.expose())), fields)
            }
            Cost::Costly => Consulted::Verify(
                Job { text, stored, password: self.question.password.clone() },
                fields,
            ),
        }
    }

    /// Takes in how the database ended. `None`: ask the next one.
    fn conclude(&mut self, at: usize, ended: Ended, fields: Fields) -> Option<End> {
        let passdbs = Arc::clone(&self.passdbs);
        let passdb = passdbs.list.get(at)?;
        self.nodelay |= fields.nodelay;
        self.delay_until = fields.delay_until.or(self.delay_until);
        let (rule, why) = match ended {
            Ended::Denied => return Some(End::Refused(Why::Denied, fields.reason)),
            Ended::Next => {
                self.keep(fields);
                return None;
            }
            Ended::Matched { .. } if self.role == Role::Master => {
                self.become_user(fields);
                return None;
            }
            Ended::Matched { verified } => {
                self.verified = verified;
                self.keep(fields);
                (passdb.result_success, Why::Rule)
            }
            Ended::Failed(why) => (passdb.result_failure, why),
            Ended::Trouble(cause) => {
                self.trouble.get_or_insert_with(|| Trouble { passdb: passdb.name.clone(), cause });
                if passdb.role == Role::Deny {
                    // A user who could be in there must not get in because of a typing error.
                    return Some(End::Unavailable);
                }
                (passdb.result_internalfail, Why::Rule)
            }
        };
        // A mismatch says more than an unknown user elsewhere.
        if self.why.is_none() || why != Why::UnknownUser {
            self.why = Some(why);
        }
        self.follow(rule)
    }

    fn follow(&mut self, rule: Rule) -> Option<End> {
        match rule {
            Rule::Continue => None,
            Rule::ContinueOk | Rule::ContinueFail => {
                self.success = rule == Rule::ContinueOk;
                None
            }
            Rule::Return => Some(End::Rules),
            Rule::ReturnOk | Rule::ReturnFail => {
                self.success = rule == Rule::ReturnOk;
                Some(End::Rules)
            }
        }
    }

    /// Fields stay for later databases, except those that speak of this one only.
    fn keep(&mut self, fields: Fields) {
        self.kept = Fields {
            password: None,
            nopassword: false,
            noauthenticate: false,
            allow_nets: None,
            ..fields
        };
    }

    /// The master's password was right; now the user is looked up from the first database on, without a password.
    ///
    /// Unlike Dovecot without `result_success = continue`, this always happens: a proxy needs the user's fields.
    fn become_user(&mut self, fields: Fields) {
        self.keep(Fields { user: None, ..fields });
        self.verified = true;
        self.role = Role::Users;
        self.position = 0;
        self.why = None;
    }

    fn finish(self, end: End) -> Step {
        match end {
            End::Rules if self.success => self.accept(),
            End::Refused(why, reason) => {
                let failure = self.refusal(Failure::Disabled);
                self.refuse(failure, why, reason)
            }
            End::Rules if self.trouble.is_none() => {
                let why = self.why.unwrap_or(Why::UnknownUser);
                let failure = self.refusal(Failure::Credentials);
                self.refuse(failure, why, None)
            }
            // It may have been the database with the right password.
            End::Rules | End::Unavailable => self.refuse_for(Failure::Unavailable, None, None),
        }
    }

    fn accept(mut self) -> Step {
        if self.identity.user.is_empty() && self.kept.user.is_none() {
            return self.refuse(Failure::Credentials, Why::Nameless, None);
        }
        if self.kept.nologin {
            let reason = self.kept.reason.take();
            let Some(host) = self.kept.grant.host.take() else {
                return self.refuse(Failure::Disabled, Why::Nologin, reason);
            };
            let user = self.kept.user.take().unwrap_or_else(|| self.identity.user.clone());
            let user = self.kept.grant.destuser.take().unwrap_or(user);
            let port = self.kept.grant.port;
            let elsewhere = Elsewhere { user, host, port, reason };
            return self.end_with(Verdict::Elsewhere(Box::new(elsewhere)), Some(Why::Nologin));
        }
        let kept = std::mem::take(&mut self.kept);
        let user = kept.user.unwrap_or_else(|| self.identity.user.clone());
        let mut grant: Grant = kept.grant.grant(user, self.verified && !self.is_lookup);
        // The client's password is the master's; sent with the user's name alone it would be wrong (W-CRED-6).
        if grant.pass.is_none() && grant.master.is_none() {
            grant.master.clone_from(&self.identity.master);
        }
        Step::Done(Box::new(Answer {
            verdict: Verdict::Accept(Box::new(grant)),
            master_user: self.identity.master,
            nodelay: self.nodelay,
            delay_until: self.delay_until,
            not_before: None,
            why: None,
            trouble: self.trouble,
        }))
    }

    /// A master whose password was right learns that it is not about the password; other clients learn no such thing.
    fn refusal(&self, ordinary: Failure) -> Failure {
        let master_is_verified = self.identity.master.is_some() && self.role == Role::Users;
        if master_is_verified { Failure::NotAuthorized } else { ordinary }
    }

    fn refuse(self, failure: Failure, why: Why, reason: Option<Box<str>>) -> Step {
        self.refuse_for(failure, Some(why), reason)
    }

    fn refuse_for(self, failure: Failure, why: Option<Why>, reason: Option<Box<str>>) -> Step {
        self.end_with(Verdict::Refuse { failure, reason }, why)
    }

    fn end_with(self, verdict: Verdict, why: Option<Why>) -> Step {
        Step::Done(Box::new(Answer {
            verdict,
            master_user: self.identity.master,
            nodelay: self.nodelay,
            delay_until: self.delay_until,
            not_before: None,
            why,
            trouble: self.trouble,
        }))
    }
}

/// A lookup's match. It counts like a verified password where databases are passed over because of one (Dovecot).
const FOUND: Ended = Ended::Matched { verified: true };

/// How the machine stops.
enum End {
    /// As the rules have it so far.
    Rules,
    /// Whatever they have.
    Refused(Why, Option<Box<str>>),
    /// A database that must be heard can't be.
    Unavailable,
}

fn ended(result: Result<bool, SchemeError>) -> Ended {
    match result {
        Ok(true) => Ended::Matched { verified: true },
        Ok(false) => Ended::Failed(Why::Mismatch),
        Err(error) => Ended::Trouble(Cause::Scheme(error)),
    }
}

fn refuse_at_once(why: Why) -> Step {
    Step::Done(Box::new(Answer::refused(Failure::Credentials, why)))
}
