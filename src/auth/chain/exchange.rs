//! Exchanges that the chain leads itself: SCRAM, by what a database has of the user's password (SA-04); and answers to challenges
//! that the dialogue has sent before any user was named (SA-05).
//!
//! Decides: what follows each message of the client's. Unknown users are led like others, with a salt that is theirs for good, and
//! refused at the end. Does not: draw nonces, or derive keys of passwords stored as they are; the shell has the first, the
//! hashing pool does the second. There is one exchange in a login: a password that is wrong
//! at the database it was about is wrong everywhere.

use super::{Chain, Consulted, Ended, Pending, Step};
use crate::auth::answer::{Answer, Why};
use crate::auth::ask::Proof;
use crate::auth::challenge;
use crate::auth::fields::Fields;
use crate::auth::passdb::{Cause, Role, StoredText};
use crate::auth::scheme::{SchemeError, ScramSecret, Stored};
use crate::auth::scram::{
    self, Algorithm, ClientFirst, Derivation, Derived, Keys, Salted, Server, Verdict,
};
use crate::fault::Failure;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::secret::Secret;

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Led {
    algorithm: Algorithm,
    salted: Salted,
    end: End,
    stage: Stage,
}

/// What the exchange is about.
#[derive(Debug)]
enum End {
    /// The secret that this database has, with its fields.
    Secret(usize, ScramSecret, Box<Fields>),
    /// There is none, and this answer stands already.
    Decoy(Box<Answer>),
}

#[derive(Debug)]
enum Stage {
    /// The client has introduced itself.
    Begun(Box<ClientFirst>),
    /// It has been told salt and nonce.
    Challenged(Box<Server>),
    /// It has answered, and the keys are being derived.
    Deriving(Box<Server>, Secret),
}

impl Chain {
    /// Begins an exchange with what the database has of the password.
    pub(super) fn lead(
        &self,
        at: usize,
        mechanism: Mechanism,
        algorithm: Algorithm,
        stored: Option<StoredText>,
        fields: Fields,
    ) -> Consulted {
        let Some(StoredText { text, scheme }) = stored else {
            // W-CRED-1, W-CRED-3: nothing is verified here; the backend leads the exchange. What is bound to our TLS with the client it
            // can't judge.
            let is_led_there = fields.nopassword && !Mechanisms::BOUND.has(mechanism);
            let ended = if is_led_there && self.role != Role::Master {
                Ended::Matched { verified: false }
            } else {
                Ended::Failed(Why::Mismatch)
            };
            return Consulted::Ended(ended, fields);
        };
        let parsed = str::from_utf8(text.expose()).map_err(|_| SchemeError::Encoding);
        let secret = match parsed.and_then(|text| Stored::parse(text, scheme)) {
            Ok(stored) => stored.scram(algorithm),
            Err(error) => return Consulted::Ended(Ended::Trouble(Cause::Scheme(error)), fields),
        };
        let first = ClientFirst::parse(self.question.password.expose());
        match (secret, first) {
            (Some(secret), Some(first)) if !self.has_led => {
                let salted = match &secret {
                    ScramSecret::Keys(salted, _) => salted.clone(),
                    ScramSecret::Password(_) => self.steady_salt(),
                };
                let end = End::Secret(at, secret, Box::new(fields));
                let stage = Stage::Begun(Box::new(first));
                Consulted::Lead(Box::new(Led { algorithm, salted, end, stage }))
            }
            (None, _) => Consulted::Ended(Ended::Failed(Why::Scheme), fields),
            (Some(_), _) => Consulted::Ended(Ended::Failed(Why::Mismatch), fields),
        }
    }

    /// The salt of a user without stored keys: the same whenever the user is asked for, and of users who are not there, too.
    fn steady_salt(&self) -> Salted {
        let name = self.identity.master.as_ref().unwrap_or(&self.identity.user);
        scram::steady_salt(&self.passdbs.users.salt_secret, name)
    }

    /// Leads the client to the end all the same before it hears a refusal, so that it learns nothing of who is known.
    pub(super) fn disguise(&mut self, answer: Box<Answer>) -> Result<(), Box<Answer>> {
        let Proof::Exchange(mechanism) = self.question.proof else { return Err(answer) };
        let is_refused = matches!(
            &answer.verdict,
            crate::auth::verdict::Verdict::Refuse { failure, .. } if *failure != Failure::Unavailable
        );
        let first = ClientFirst::parse(self.question.password.expose());
        match (Algorithm::of(mechanism), first) {
            (Some(algorithm), Some(first)) if is_refused && !self.has_led && !self.is_lookup => {
                let (salted, stage) = (self.steady_salt(), Stage::Begun(Box::new(first)));
                let led = Led { algorithm, salted, end: End::Decoy(answer), stage };
                self.has_led = true;
                self.pending = Some(Pending::Exchange(Box::new(led)));
                Ok(())
            }
            _ => Err(answer),
        }
    }

    /// Goes on with a nonce that no client can foresee.
    #[must_use]
    pub fn drawn(mut self, nonce: &str) -> Step {
        match self.pending.take() {
            Some(Pending::Exchange(led)) => match led.stage {
                Stage::Begun(first) => {
                    let server = Server::new(led.algorithm, *first, nonce, &led.salted);
                    let challenge = server.challenge().as_bytes().into();
                    let stage = Stage::Challenged(Box::new(server));
                    self.wait_for(Led { stage, ..*led }, challenge)
                }
                stage => self.wait_for(Led { stage, ..*led }, Box::default()),
            },
            _ => self.run(),
        }
    }

    fn wait_for(mut self, led: Led, challenge: Box<[u8]>) -> Step {
        self.has_led = true;
        self.pending = Some(Pending::Exchange(Box::new(led)));
        Step::Challenge(Box::new(self), challenge)
    }

    /// Goes on with the client's answer to the challenge.
    #[must_use]
    pub fn responded(mut self, message: &Secret) -> Step {
        let led = match self.pending.take() {
            Some(Pending::Exchange(led)) => *led,
            // Whatever it says to the proof of ours: it was right.
            Some(Pending::Shown(at, fields)) => {
                let ended = Ended::Matched { verified: true };
                return self.go_on(at, Consulted::Ended(ended, *fields));
            }
            Some(Pending::Comparison(..) | Pending::Reply(_)) | None => return self.run(),
        };
        let Led { algorithm, salted, end, stage } = led;
        let (at, secret, fields) = match end {
            End::Decoy(answer) => return Step::Done(answer),
            End::Secret(at, secret, fields) => (at, secret, fields),
        };
        match (stage, secret) {
            (Stage::Challenged(server), ScramSecret::Keys(_, keys)) => {
                let verdict = self.judged_by(&server, &keys, message);
                self.go_on(at, consulted(verdict, *fields))
            }
            (Stage::Challenged(server), ScramSecret::Password(password)) => {
                let derivation = Derivation::new(algorithm, password.clone(), salted.clone());
                let end = End::Secret(at, ScramSecret::Password(password), fields);
                let stage = Stage::Deriving(server, message.clone());
                self.pending =
                    Some(Pending::Exchange(Box::new(Led { algorithm, salted, end, stage })));
                Step::Derive(Box::new(self), derivation)
            }
            (Stage::Begun(_) | Stage::Deriving(..), _) => {
                self.go_on(at, Consulted::Ended(Ended::Failed(Why::Mismatch), *fields))
            }
        }
    }

    /// Goes on with what came of the [`Derivation`].
    #[must_use]
    pub fn derived(mut self, derived: Result<Derived, SchemeError>) -> Step {
        let Some(Pending::Exchange(led)) = self.pending.take() else { return self.run() };
        let (at, fields) = match led.end {
            End::Decoy(answer) => return Step::Done(answer),
            End::Secret(at, _, fields) => (at, fields),
        };
        let consulted = match (led.stage, derived) {
            (Stage::Deriving(server, message), Ok(derived)) => {
                let keys = derived.keys(led.algorithm);
                consulted(self.judged_by(&server, &keys, &message), *fields)
            }
            (_, Err(error)) => Consulted::Ended(Ended::Trouble(Cause::Scheme(error)), *fields),
            (_, Ok(_)) => Consulted::Ended(Ended::Failed(Why::Mismatch), *fields),
        };
        self.go_on(at, consulted)
    }

    fn judged_by(&self, server: &Server, keys: &Keys, message: &Secret) -> Verdict {
        let exported = Some(self.question.bound_to.expose()).filter(|bytes| !bytes.is_empty());
        server.judge(keys, message.expose(), exported)
    }

    /// Judges the answer to a challenge that the client has had before it named its user.
    pub(super) fn judge_answer(
        &self,
        mechanism: Mechanism,
        stored: Option<StoredText>,
        fields: Fields,
    ) -> Consulted {
        let Some(StoredText { text, scheme }) = stored else {
            return Consulted::Ended(Ended::Failed(Why::Mismatch), fields);
        };
        let parsed = str::from_utf8(text.expose()).map_err(|_| SchemeError::Encoding);
        let stored = match parsed.and_then(|text| Stored::parse(text, scheme)) {
            Ok(stored) => stored,
            Err(error) => return Consulted::Ended(Ended::Trouble(Cause::Scheme(error)), fields),
        };
        let (challenge, answer) = (&self.question.bound_to, &self.question.password);
        match challenge::judge(mechanism, stored, challenge.expose(), answer.expose()) {
            None => Consulted::Ended(Ended::Failed(Why::Scheme), fields),
            Some(challenge::Verdict::Right) => {
                Consulted::Ended(Ended::Matched { verified: true }, fields)
            }
            Some(challenge::Verdict::Proved(proof)) => Consulted::Show(proof, fields),
            Some(challenge::Verdict::Wrong) => {
                Consulted::Ended(Ended::Failed(Why::Mismatch), fields)
            }
        }
    }
}

fn consulted(verdict: Verdict, fields: Fields) -> Consulted {
    match verdict {
        Verdict::Right(proof) => Consulted::Show(proof, fields),
        Verdict::Wrong => Consulted::Ended(Ended::Failed(Why::Mismatch), fields),
    }
}
