//! What a session's log lines tell of its past: how long its steps took, and what became of the logins that it tried.
//!
//! Decides: which failure of a connection its last line names. Does not: read a clock, write a line. Driver: `machine`, `login`.
//! Tests: below, and the log lines of transcripts.

use crate::event::{Details, LoginStep, Outcome, Privacy, Spent, Subject, Took, Tries};
use crate::fault::Failure;
use crate::front::{ClientTls, Front};
use crate::preauth::Notes;
use crate::preauth::sasl::Mechanism;
use crate::tick::Tick;

/// The past of a session. Every connection before its login has one, so it is small.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Most connections have none.
    failures: Option<Box<Failures>>,
    /// What the PROXY header took, and TLS.
    pub(super) header: Option<Took>,
    pub(super) tls: Option<Took>,
    /// What was reported of the client already.
    pub(super) told_password_exposed: bool,
    pub(super) told_facts_forged: bool,
}

/// Logins that failed.
#[derive(Debug)]
struct Failures {
    first: Tick,
    outcome: Outcome,
    /// Of the last one; the names as the log shows them.
    user: Option<Box<str>>,
    master: Option<Box<str>>,
    mechanism: Option<Mechanism>,
}

/// How a login was presented, and how long its steps have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    mechanism: Option<Mechanism>,
    step: Option<LoginStep>,
    entered: Tick,
    spent: Spent,
}

impl History {
    /// A login of credentials that came at `received` failed.
    pub(super) fn login_failed(
        &mut self,
        received: Tick,
        failure: Failure,
        subject: &Subject,
        marks: &Marks,
    ) {
        let outcome = match failure.is_delayed() {
            true if marks.spent.of(LoginStep::Connect).is_some() => Outcome::RefusedByBackend,
            true => Outcome::Refused,
            false => Outcome::Unanswered,
        };
        let (first, outcome) = self
            .failures
            .as_ref()
            .map_or((received, outcome), |before| (before.first, before.outcome.max(outcome)));
        let (user, master) = (subject.user.clone(), subject.master.clone());
        let mechanism = marks.mechanism;
        self.failures = Some(Box::new(Failures { first, outcome, user, master, mechanism }));
    }

    /// Who tried to log in last.
    pub(super) fn last_subject(&self, front: &Front) -> Subject {
        let failures = self.failures.as_ref();
        let user = failures.and_then(|failures| failures.user.clone());
        front.subject(user, failures.and_then(|failures| failures.master.clone()))
    }

    /// How that was presented.
    pub(super) fn last_marks(&self) -> Marks {
        let mechanism = self.failures.as_ref().and_then(|failures| failures.mechanism);
        Marks { mechanism, ..Marks::default() }
    }

    /// The logins that were tried, if the connection ends now. `count`: as the client's dialogue and the login under way
    /// have them.
    pub(super) fn tries(&self, accepted: Tick, now: Tick, notes: Notes, count: u8) -> Tries {
        let said = if notes.password_exposed {
            Outcome::Disallowed
        } else if count > 0 {
            Outcome::Unfinished
        } else {
            Outcome::None
        };
        let failures = self.failures.as_ref();
        Tries {
            count,
            outcome: failures.map_or(said, |failures| said.max(failures.outcome)),
            since: now.since(failures.map_or(accepted, |failures| failures.first)),
        }
    }

    /// What the log line of an event that happens now tells beside its subject, but for the name that the client asked for.
    pub(super) fn details(&self, front: &Front, marks: &Marks, now: Tick) -> Box<Details> {
        let mut spent = marks.spent(now);
        spent.put(LoginStep::Header, self.header);
        spent.put(LoginStep::Tls, self.tls);
        Box::new(Details {
            local: front.facts.local.into(),
            socket: front.facts.socket.into(),
            own: front.own().into(),
            local_name: None,
            mechanism: marks.mechanism.map(Mechanism::name),
            privacy: privacy(front),
            group: None,
            spent,
        })
    }
}

impl Marks {
    /// A login begins.
    pub(super) fn of(mechanism: Option<Mechanism>) -> Self {
        Self { mechanism, ..Self::default() }
    }

    /// Closes the step under way if another one has begun.
    pub(super) fn enter(&mut self, now: Tick, step: Option<LoginStep>) {
        if step != self.step {
            self.spent = self.spent(now);
            (self.step, self.entered) = (step, now);
        }
    }

    /// The steps until now, the one under way included.
    fn spent(&self, now: Tick) -> Spent {
        let mut spent = self.spent;
        if let Some(step) = self.step {
            spent.add(step, now.since(self.entered));
        }
        spent
    }
}

fn privacy(front: &Front) -> Privacy {
    match (front.tls(), front.security) {
        (ClientTls::Ours, Some(security)) => Privacy::Tls(security),
        (ClientTls::Ours, None) => Privacy::Handshaking,
        (ClientTls::InFront, _) => Privacy::TlsInFront,
        (ClientTls::Clear | ClientTls::Awaited, _) => {
            let is_own_host = front.facts.origin.ip() == front.facts.local.ip();
            if front.facts.trusted || is_own_host { Privacy::Trusted } else { Privacy::None }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::names::{Protocol, SessionId};

    #[test]
    fn a_step_is_counted_when_the_next_begins_and_while_it_lasts() {
        let mut marks = Marks::of(Some(Mechanism::Plain));
        marks.enter(Tick(9000), Some(LoginStep::Auth));
        marks.enter(Tick(9000), Some(LoginStep::Auth));
        let of = |marks: &Marks, now, step| marks.spent(Tick(now)).of(step);
        assert_eq!(of(&marks, 9003, LoginStep::Auth), Some(3));
        assert_eq!(of(&marks, 9003, LoginStep::Route), None);
        marks.enter(Tick(9004), Some(LoginStep::Route));
        marks.enter(Tick(9004), None);
        assert_eq!(of(&marks, 9999, LoginStep::Auth), Some(4));
        assert_eq!(of(&marks, 9999, LoginStep::Route), Some(0));
    }

    #[test]
    fn the_worst_failure_of_a_connection_counts() {
        let who = |user: &str| Subject {
            protocol: Protocol::Imap,
            session: SessionId::from_bytes([0; 16]),
            client: "192.0.2.7:1".parse().unwrap(),
            user: Some(user.into()),
            master: None,
        };
        let (notes, mut history) = (Notes::default(), History::default());
        let tries = |history: &History, count| history.tries(Tick(0), Tick(6000), notes, count);
        assert_eq!(tries(&history, 0).outcome, Outcome::None);
        assert_eq!(tries(&history, 1).outcome, Outcome::Unfinished);
        let marks = Marks::of(Some(Mechanism::Plain));
        history.login_failed(Tick(4000), Failure::Credentials, &who("first"), &marks);
        history.login_failed(Tick(5000), Failure::Unavailable, &who("second"), &marks);
        let since = Duration::from_millis(2000);
        let expected = Tries { count: 2, outcome: Outcome::Refused, since };
        assert_eq!(tries(&history, 2), expected);
        assert_eq!(history.failures.unwrap().user.as_deref(), Some("second"));
        let exposed = Notes { password_exposed: true, ..notes };
        let outcome = History::default().tries(Tick(0), Tick(0), exposed, 0).outcome;
        assert_eq!(outcome, Outcome::Disallowed);
    }
}
