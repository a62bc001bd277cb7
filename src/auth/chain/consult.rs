//! One database of a chain: whether it is asked, what it says, and what that means for this login.
//!
//! Decides about one database; which is next, and when the chain ends, is `chain`'s.

use super::{Chain, Consulted, Ended, FOUND, ended};
use crate::auth::answer::Why;
use crate::auth::ask::{Proof, Question};
use crate::auth::fields::Fields;
use crate::auth::inquiry::{Gives, Inquiry, Remote, RemoteTrouble, Reply, Wants};
use crate::auth::job::Job;
use crate::auth::passdb::{Cause, Driver, Found, Passdb, Role, Skip, StoredText};
use crate::auth::scheme::{Cost, SchemeError, Stored};
use crate::auth::scram::Algorithm;
use crate::auth::variables::Values;

impl Chain {
    pub(super) fn passes_over(&self, passdb: &Passdb) -> bool {
        let skipped = match passdb.skip {
            Skip::Never => false,
            Skip::Authenticated => self.verified,
            Skip::Unauthenticated => !self.verified,
        };
        let asked_for_masters = self.role == Role::Master;
        skipped
            || (passdb.role == Role::Master) != asked_for_masters
            || !passdb.serves(self.question.protocol)
            || !(self.is_lookup || passdb.is_for(self.question.proof))
            || !passdb.names.accepts(self.values().user)
            || !(self.is_lookup || self.verified || passdb.judges(self.question.proof))
    }

    /// What variables stand for, at this database.
    fn values(&self) -> Values<'_> {
        let user = match (&self.identity.master, self.role) {
            (Some(master), Role::Master) => master,
            _ => self.kept.user.as_ref().unwrap_or(&self.identity.user),
        };
        Values {
            user,
            original_user: &self.identity.original,
            master_user: self.identity.master.as_deref().unwrap_or_default(),
            protocol: self.question.protocol,
            remote: self.question.remote,
            local: self.question.local,
        }
    }

    pub(super) fn consult(&self, at: usize, passdb: &Passdb) -> Consulted {
        if let Driver::Remote(remote) = &passdb.driver {
            return match self.inquiry(passdb, remote) {
                Ok(inquiry) => Consulted::Ask(Box::new(inquiry)),
                Err(cause) => Consulted::trouble(cause),
            };
        }
        match passdb.lookup(&self.values(), &self.kept) {
            Ok(Some(found)) => self.judge(at, passdb, found),
            Ok(None) => Consulted::failed(Why::UnknownUser),
            Err(cause) => Consulted::trouble(cause),
        }
    }

    fn inquiry(&self, passdb: &Passdb, remote: &Remote) -> Result<Inquiry, Cause> {
        let values = self.values();
        let user = passdb.user(&values)?;
        let Question { proof, password, approach, .. } = &self.question;
        let is_judged = !self.is_lookup && !self.verified && passdb.role != Role::Deny;
        let wants = match (remote.gives, proof) {
            (Gives::Tokens, _) if is_judged => Wants::Token(password.clone()),
            (Gives::Verdicts | Gives::Both, proof) if is_judged && proof.has_password() => {
                Wants::Verdict(password.clone())
            }
            (Gives::Verdicts | Gives::Tokens, _) => return Err(RemoteTrouble::NoLookUps.into()),
            (Gives::Rows | Gives::Both, _) => {
                // What an exchange or a token has in its place is no password, and in no query.
                let is_told = remote.names_password() && is_judged && proof.has_password();
                Wants::Row(is_told.then(|| password.clone()))
            }
        };
        let values = Values { user: &user, ..values };
        Ok(Inquiry::new(remote, &values, *proof, wants).that_came(remote, *approach))
    }

    pub(super) fn take_reply(&self, at: usize, passdb: &Passdb, reply: Reply) -> Consulted {
        let (row, is_verified) = match reply {
            Reply::Row(row) => (row, false),
            Reply::Verified(row) => (row, true),
            Reply::Mismatch => return Consulted::failed(Why::Mismatch),
            Reply::MismatchHeld(until) => {
                let fields = Fields { delay_until: Some(until), ..Fields::default() };
                return Consulted::Ended(Ended::Failed(Why::Mismatch), fields);
            }
            Reply::Unknown => return Consulted::failed(Why::UnknownUser),
            Reply::Expired => return Consulted::failed(Why::Expired),
            Reply::Disabled => return Consulted::failed(Why::Closed),
            Reply::Trouble(cause) => return Consulted::trouble(cause),
        };
        match passdb.replied(&self.values(), &self.kept, &row) {
            Ok(found) if is_verified => {
                let remote = self.question.remote;
                match &found.fields.allow_nets {
                    Some(nets) if !nets.allows(remote) => {
                        Consulted::Ended(Ended::Failed(Why::Networks), found.fields)
                    }
                    _ => Consulted::Ended(Ended::Matched { verified: true }, found.fields),
                }
            }
            Ok(found) => self.judge(at, passdb, found),
            Err(cause) => Consulted::trouble(cause),
        }
    }

    fn judge(&self, at: usize, passdb: &Passdb, found: Found) -> Consulted {
        let Found { fields, stored } = found;
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
        if let Proof::Exchange(mechanism) = self.question.proof {
            return match Algorithm::of(mechanism) {
                Some(algorithm) => self.lead(at, mechanism, algorithm, stored, fields),
                None => self.judge_answer(mechanism, stored, fields),
            };
        }
        if self.question.proof == Proof::Token {
            // W-CRED-3: nothing is verified here, and a token is no password; the backend is shown it.
            let ended = if fields.nopassword && self.role != Role::Master {
                Ended::Matched { verified: false }
            } else {
                Ended::Failed(Why::Mismatch)
            };
            return Consulted::Ended(ended, fields);
        }
        // Whom an authority of the operator's has certified needs no password, only to be known here; so does the user that
        // stands for clients without a name.
        if matches!(self.question.proof, Proof::Certificate | Proof::None) {
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
            Ok(stored) => stored.owned_by(&self.identity.original),
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
}

impl Consulted {
    fn failed(why: Why) -> Self {
        Self::Ended(Ended::Failed(why), Fields::default())
    }

    fn trouble(cause: Cause) -> Self {
        Self::Ended(Ended::Trouble(cause), Fields::default())
    }
}
