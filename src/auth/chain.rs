//! The password databases in order: from a [`Question`] to a [`Verdict`].
//!
//! A resumable machine. Cheap passwords are verified on the spot; for a costly one it stops with a [`Job`], which the
//! shell answers from `auth::cache` or has computed by the hashing pool, and goes on with [`Chain::verified`]. For a database
//! elsewhere it stops with an [`Inquiry`], and goes on with [`Chain::answered`].
//! Semantics are Dovecot's (`auth_request_handle_passdb_callback`): who is unknown to one database, or has another
//! password there, is asked for in the next; a trouble in one is a temporary failure unless another one accepts. Does
//! not count failures or delay replies (`auth::delay`), and does not know backends. `worker::login::look_ups` drives it;
//! tests are in `chain/tests.rs`.

mod consult;
mod evidence;
mod exchange;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::auth::answer::{Answer, Trouble, Why};
use crate::auth::ask::Question;
use crate::auth::fields::{DelayUntil, Fields};
use crate::auth::inquiry::{Inquiry, RemoteTrouble, Reply};
use crate::auth::job::Job;
use crate::auth::passdb::{Cause, Passdbs, Role, Rule};
use crate::auth::scheme::SchemeError;
use crate::auth::scram::Derivation;
use crate::auth::user::Identity;
use crate::auth::verdict::{Elsewhere, Grant, Verdict};
use crate::fault::Failure;

use exchange::Led;

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
    /// The database that waits.
    pending: Option<Pending>,
    /// What a remembered reply of it is worth.
    doubt: Doubt,
    /// An exchange with the client has begun, and there is only one.
    has_led: bool,
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
    /// Draw a nonce and call [`Chain::drawn`].
    Draw(Box<Chain>),
    /// Send the client this challenge and call [`Chain::responded`] with its answer.
    Challenge(Box<Chain>, Box<[u8]>),
    /// Have the keys derived and call [`Chain::derived`].
    Derive(Box<Chain>, Derivation),
    /// Have the database asked and call [`Chain::answered`], or [`Chain::recalled`] with what it said before.
    Ask(Box<Chain>, Box<Inquiry>),
}

/// What a database waits for.
#[derive(Debug)]
enum Pending {
    /// A comparison; these are its fields.
    Comparison(usize, Box<Fields>),
    /// Its own reply.
    Reply(usize),
    /// The client's next message.
    Exchange(Box<Led>),
    /// The client, which was right and has been shown that the password is known here, too. These are the database's fields.
    Shown(usize, Box<Fields>),
}

/// What is done when a remembered reply does not fit the password: it may have been changed since.
#[derive(Debug, Default)]
pub enum Doubt {
    /// The reply counts: it is the database's own, or has just been confirmed.
    #[default]
    None,
    /// The database is asked again.
    Recheck(Box<Inquiry>),
    /// It cannot be asked for this reason, which is then its answer.
    Trouble(Cause),
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
    Ask(Box<Inquiry>),
    Lead(Box<Led>),
    /// The client is right, and is shown this first.
    Show(Box<[u8]>, Fields),
}

/// Why the machine stops.
enum Halt {
    End(End),
    Draw,
    Show(Box<[u8]>),
    Verify(Job),
    Ask(Box<Inquiry>),
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
    /// password. Networks that he may log in from do not matter here; being disabled does. No comparison is asked for.
    #[must_use]
    pub fn look_up(passdbs: &Arc<Passdbs>, question: Question) -> Step {
        match passdbs.users.identify_owner(&question) {
            Ok(identity) => Self::begin(passdbs, question, identity, true),
            Err(error) => refuse_at_once(Why::User(error)),
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
            doubt: Doubt::None,
            has_led: false,
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
        match self.pending.take() {
            Some(Pending::Comparison(at, fields)) => {
                self.go_on(at, Consulted::Ended(ended(result), *fields))
            }
            // Without a job nothing was asked; going on with the next database is all that is left then.
            Some(Pending::Reply(_) | Pending::Exchange(_) | Pending::Shown(..)) | None => {
                self.run()
            }
        }
    }

    /// Goes on with the reply to the [`Inquiry`].
    #[must_use]
    pub fn answered(mut self, reply: Reply) -> Step {
        let Some(Pending::Reply(at)) = self.pending.take() else { return self.run() };
        let passdbs = Arc::clone(&self.passdbs);
        match passdbs.list.get(at) {
            Some(passdb) => {
                let consulted = self.take_reply(at, passdb, reply);
                self.go_on(at, consulted)
            }
            None => self.run(),
        }
    }

    /// Goes on with what the database has said before.
    #[must_use]
    pub fn recalled(mut self, reply: Reply, doubt: Doubt) -> Step {
        self.doubt = doubt;
        self.answered(reply)
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
            let consulted = self.consult(at, passdb);
            if let Some(halt) = self.take_in(at, consulted) {
                return self.stop(halt);
            }
        }
        self.finish(End::Rules)
    }

    /// On from a database that was waited for.
    fn go_on(mut self, at: usize, consulted: Consulted) -> Step {
        match self.take_in(at, consulted) {
            Some(halt) => self.stop(halt),
            None => self.run(),
        }
    }

    /// `None`: ask the next database.
    fn take_in(&mut self, at: usize, consulted: Consulted) -> Option<Halt> {
        let (ended, fields) = match consulted {
            Consulted::Ended(ended, fields) => (ended, fields),
            Consulted::Verify(job, fields) => {
                self.pending = Some(Pending::Comparison(at, Box::new(fields)));
                return Some(Halt::Verify(job));
            }
            Consulted::Ask(inquiry) => {
                self.pending = Some(Pending::Reply(at));
                return Some(Halt::Ask(inquiry));
            }
            Consulted::Lead(led) => {
                self.has_led = true;
                self.pending = Some(Pending::Exchange(led));
                return Some(Halt::Draw);
            }
            Consulted::Show(message, fields) => {
                self.pending = Some(Pending::Shown(at, Box::new(fields)));
                return Some(Halt::Show(message));
            }
        };
        let is_mismatch = matches!(ended, Ended::Failed(Why::Mismatch));
        let ended = match std::mem::take(&mut self.doubt) {
            Doubt::Recheck(mut inquiry) if is_mismatch => {
                inquiry.is_recheck = true;
                self.pending = Some(Pending::Reply(at));
                return Some(Halt::Ask(inquiry));
            }
            Doubt::Trouble(cause) if is_mismatch => Ended::Trouble(cause),
            Doubt::None | Doubt::Recheck(_) | Doubt::Trouble(_) => ended,
        };
        self.conclude(at, ended, fields).map(Halt::End)
    }

    fn stop(self, halt: Halt) -> Step {
        match halt {
            Halt::End(end) => self.finish(end),
            Halt::Verify(job) => Step::Verify(Box::new(self), job),
            Halt::Ask(inquiry) => Step::Ask(Box::new(self), inquiry),
            Halt::Draw => Step::Draw(Box::new(self)),
            Halt::Show(message) => Step::Challenge(Box::new(self), message),
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
                let failure = self.refusal(why.failure());
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
            // A database for passwords alone is no trouble for mail to a user whom another one has.
            trouble: self.trouble.filter(|it| it.cause != RemoteTrouble::NoLookUps.into()),
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

    fn end_with(mut self, verdict: Verdict, why: Option<Why>) -> Step {
        let answer = Box::new(Answer {
            verdict,
            master_user: self.identity.master.clone(),
            nodelay: self.nodelay,
            delay_until: self.delay_until,
            not_before: None,
            why,
            trouble: self.trouble.take(),
        });
        match self.disguise(answer) {
            Ok(()) => Step::Draw(Box::new(self)),
            Err(answer) => Step::Done(answer),
        }
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
