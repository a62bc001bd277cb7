//! Logins that a policy server is asked about, before the password databases and, if told so, behind a good login; and told how they
//! ended (`auth_policy_…`).
//!
//! Decides: when it is asked, and what becomes of a login while it gives no answer. What it says holds a login back as a password
//! database's `delay_until` does. Does not: know its protocol (`webauth::policy`), or wait. Tests: `tests`.

use std::sync::Arc;

use super::under_policy::{About, PolicyRules, UnderPolicy};
use super::{Asker, Found, LookUps, Pending};
use crate::auth::answer::{Answer as AuthAnswer, Why};
use crate::auth::ask::Question;
use crate::auth::chain::Chain;
use crate::auth::verdict::Verdict;
use crate::fault::Failure;
use crate::share::messages::{PolicyCommand, PolicyLogin, PolicyMessage, Ruled};
use crate::tick::Tick;

impl LookUps {
    /// With a policy server.
    #[must_use]
    pub fn ruled_by(self, policy: PolicyRules) -> Self {
        Self { policy, ..self }
    }

    /// Asks the policy server, if there is one, and the password databases. `None`: the answer comes later.
    pub(in crate::worker) fn authenticate(
        &mut self,
        mut asker: Asker<'_>,
        question: Question,
        about: About,
        now: Tick,
    ) -> Option<Found> {
        asker.asking.policy = None;
        if !self.policy.is_any() {
            return self.authenticate_by_passdbs(asker, question, now);
        }
        let login = Arc::new(PolicyLogin {
            user: question.user.clone(),
            evidence: question.password.clone(),
            protocol: question.protocol,
            remote: question.remote,
            local: question.local,
            session: about.session,
            is_secured: about.is_secured,
        });
        let under =
            UnderPolicy { login: Arc::clone(&login), not_before: None, was_asked_after: false };
        asker.asking.policy = Some(Box::new(under));
        if self.policy.before && self.ask_policy(&mut asker, &login) {
            asker.wait_for(Pending::Policy(Box::new(question)));
            return None;
        }
        // The way there is full.
        if self.policy.before && self.policy.reject_on_fail {
            return Some(Found::Verdict(self.reported(asker, Box::new(unavailable()), false)));
        }
        self.authenticate_by_passdbs(asker, question, now)
    }

    fn authenticate_by_passdbs(
        &mut self,
        mut asker: Asker<'_>,
        question: Question,
        now: Tick,
    ) -> Option<Found> {
        let step = Chain::start(&self.passdbs.shared(), question);
        let found = self.authenticate_on(asker.again(), step, now)?;
        self.judged(asker, found)
    }

    /// The password databases have answered; or the client is asked on their behalf, and the server is not.
    pub(super) fn judged(&self, mut asker: Asker<'_>, found: Found) -> Option<Found> {
        let answer = match found {
            Found::Verdict(answer) => answer,
            other @ (Found::Challenge(_) | Found::Derived(_) | Found::Route(_)) => {
                return Some(other);
            }
        };
        let Some(under) = &mut asker.asking.policy else { return Some(Found::Verdict(answer)) };
        let is_due = self.policy.after && !under.was_asked_after;
        if is_due && matches!(answer.verdict, Verdict::Accept(_)) {
            under.was_asked_after = true;
            let login = Arc::clone(&under.login);
            if self.ask_policy(&mut asker, &login) {
                asker.wait_for(Pending::PolicyAfter(answer));
                return None;
            }
            if self.policy.reject_on_fail {
                return Some(Found::Verdict(self.reported(asker, Box::new(unavailable()), false)));
            }
        }
        Some(Found::Verdict(self.reported(asker, answer, false)))
    }

    /// The policy server has ruled before the password databases are asked.
    pub(super) fn ruled(
        &mut self,
        mut asker: Asker<'_>,
        question: Question,
        ruled: Ruled,
        now: Tick,
    ) -> Option<Found> {
        match self.obeyed(&mut asker, ruled, now) {
            None => self.authenticate_by_passdbs(asker, question, now),
            Some((answer, is_by_policy)) => {
                Some(Found::Verdict(self.reported(asker, answer, is_by_policy)))
            }
        }
    }

    /// The same behind a good login.
    pub(super) fn ruled_after(
        &self,
        mut asker: Asker<'_>,
        answer: Box<AuthAnswer>,
        ruled: Ruled,
        now: Tick,
    ) -> Box<AuthAnswer> {
        match self.obeyed(&mut asker, ruled, now) {
            None => self.reported(asker, answer, false),
            Some((refusal, is_by_policy)) => self.reported(asker, refusal, is_by_policy),
        }
    }

    /// What a ruling makes of a login; none: it goes on, perhaps later.
    fn obeyed(
        &self,
        asker: &mut Asker<'_>,
        ruled: Ruled,
        now: Tick,
    ) -> Option<(Box<AuthAnswer>, bool)> {
        match ruled {
            Ruled::Go(delay) => {
                let under = asker.asking.policy.as_mut().filter(|_| !delay.is_zero())?;
                under.not_before = under.not_before.max(Some(now.after(delay)));
                None
            }
            Ruled::Refuse(text) => {
                let mut answer = AuthAnswer::refused(Failure::Credentials, Why::Policy);
                if !text.is_empty() {
                    let (failure, reason) = (Failure::Disabled, Some(text));
                    answer.verdict = Verdict::Refuse { failure, reason };
                }
                Some((Box::new(answer), true))
            }
            Ruled::NoAnswer if self.policy.reject_on_fail => Some((Box::new(unavailable()), false)),
            Ruled::NoAnswer => None,
        }
    }

    /// The end: held back as long as the server wants, and reported to it.
    fn reported(
        &self,
        asker: Asker<'_>,
        mut answer: Box<AuthAnswer>,
        is_by_policy: bool,
    ) -> Box<AuthAnswer> {
        let Some(under) = asker.asking.policy.take() else { return answer };
        answer.not_before = answer.not_before.max(under.not_before);
        if self.policy.report {
            let is_good = matches!(answer.verdict, Verdict::Accept(_));
            let command = PolicyCommand::Report { is_good, is_by_policy };
            // A full mailbox: this one is not told. No login waits for it.
            let _ = self.exchange.policy.send(PolicyMessage { command, login: under.login });
        }
        answer
    }

    fn ask_policy(&self, asker: &mut Asker<'_>, login: &Arc<PolicyLogin>) -> bool {
        let command = PolicyCommand::Allow(asker.ticket(self.core));
        let login = Arc::clone(login);
        self.exchange.policy.send(PolicyMessage { command, login }).is_ok()
    }
}

fn unavailable() -> AuthAnswer {
    AuthAnswer::refused(Failure::Unavailable, Why::PolicyUnavailable)
}

#[cfg(test)]
mod tests;
