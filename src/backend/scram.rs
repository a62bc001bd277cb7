//! SCRAM with a backend, Hale as its client (RFC 5802): the password is proved and never shown, and the backend has to prove that it
//! knows it, too.
//!
//! Decides: what follows each of the backend's messages, and whether it is trusted. Does not: draw nonces or derive keys; the shell
//! does. Channel binding is not offered: `n`. Driver: `sasl`. Tests: below.

use crate::auth::scram::{Algorithm, Client, Derivation, Derived, Inviting};
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

use super::{Login, Proof};

/// One exchange.
#[derive(Debug)]
pub(super) struct Conversation {
    algorithm: Algorithm,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Salt and iterations are awaited.
    Introduced(Inviting, Secret),
    /// The backend's first message, while the password is turned into keys.
    Deriving(Inviting, Secret),
    /// Our proof is on its way; the backend's is awaited.
    Proving(Client),
    /// The backend has proved that it knows the password.
    Trusted,
}

/// What follows a message of the backend's.
#[derive(Debug)]
pub(super) enum Reply {
    /// What is to be computed first.
    Derive(Derivation),
    /// It is trusted, and owed an empty message.
    Trust,
    /// It is not; why, for the log.
    Distrust(&'static str),
}

impl Conversation {
    /// An exchange for this login; none: it is not by SCRAM.
    pub(super) fn new(login: &Login) -> Option<Self> {
        let Proof::Scram(mechanism) = login.proof else { return None };
        let algorithm = Algorithm::of(mechanism)?;
        let stage = Stage::Introduced(inviting(login, algorithm), login.password.clone());
        Some(Self { algorithm, stage })
    }

    /// The backend has sent this.
    pub(super) fn challenged(self, message: &[u8]) -> (Reply, Option<Self>) {
        let Self { algorithm, stage } = self;
        match stage {
            Stage::Introduced(inviting, password) => match inviting.invited(message) {
                Some(salted) => {
                    let derivation = Derivation::new(algorithm, password, salted);
                    let stage = Stage::Deriving(inviting, Secret::from(message));
                    (Reply::Derive(derivation), Some(Self { algorithm, stage }))
                }
                None => (Reply::Distrust(ODD), None),
            },
            Stage::Proving(client) if client.believes(message) => {
                (Reply::Trust, Some(Self { algorithm, stage: Stage::Trusted }))
            }
            Stage::Proving(_) => (Reply::Distrust(UNPROVEN), None),
            Stage::Deriving(..) | Stage::Trusted => (Reply::Distrust(ODD), None),
        }
    }

    /// The password has been turned into keys: our proof.
    pub(super) fn derived(&mut self, derived: &Derived) -> Option<Secret> {
        let Stage::Deriving(inviting, first) = &self.stage else { return None };
        let (message, client) = inviting.prove(first.expose(), derived)?;
        self.stage = Stage::Proving(client);
        Some(message)
    }

    /// The backend's last message has come together with its success.
    pub(super) fn concluded(&mut self, message: &[u8]) {
        if matches!(&self.stage, Stage::Proving(client) if client.believes(message)) {
            self.stage = Stage::Trusted;
        }
    }

    /// Whether the backend knows the password, too.
    pub(super) fn is_trusted(&self) -> bool {
        matches!(self.stage, Stage::Trusted)
    }
}

/// The first message.
pub(super) fn first_message(login: &Login, mechanism: Mechanism) -> Secret {
    match Algorithm::of(mechanism) {
        Some(algorithm) => Secret::new(inviting(login, algorithm).message()),
        None => Secret::default(),
    }
}

/// A master user acts for the user; a user who is the master, or has none, acts for no other.
fn inviting(login: &Login, algorithm: Algorithm) -> Inviting {
    let (own, acts_for) = match login.master.as_deref() {
        Some(master) if *master != *login.user => (master, Some(&*login.user)),
        Some(_) | None => (&*login.user, None),
    };
    Inviting::new(algorithm, own, acts_for, &login.nonce)
}

const ODD: &str =
    "its part of SCRAM cannot be understood, or asks for more work than any honest server would";
/// It may be another host that only wants to be talked to, or have a stored password that is broken.
pub(super) const UNPROVEN: &str = "it has let us in by SCRAM without proving that it knows the password itself: it is not believed to be the backend";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::scram::{ClientFirst, Keys, Salted, Server, Verdict};

    fn login(master: Option<&str>) -> Login {
        Login {
            user: "tim".into(),
            proof: Proof::Scram(Mechanism::ScramSha256),
            password: Secret::from("quince"),
            master: master.map(Into::into),
            nonce: "ours".into(),
            ..Login::default()
        }
    }

    /// The whole exchange with a server that knows this password; whether either trusts the other.
    fn meet(login: &Login, known: &str) -> (bool, bool) {
        let algorithm = Algorithm::Sha256;
        let first = first_message(login, Mechanism::ScramSha256);
        let first = ClientFirst::parse(first.expose()).unwrap();
        let salted = Salted { salt: (*b"salt").into(), iterations: 16 };
        let server = Server::new(algorithm, first, "theirs", &salted);
        let conversation = Conversation::new(login).unwrap();
        let (reply, conversation) = conversation.challenged(server.challenge().as_bytes());
        let Reply::Derive(derivation) = reply else { panic!("{reply:?}") };
        let mut conversation = conversation.unwrap();
        let proof = conversation.derived(&derivation.run()).unwrap();
        let keys = Keys::derive(algorithm, known.as_bytes(), &salted);
        match server.judge(&keys, proof.expose(), None) {
            Verdict::Right(theirs) => {
                let (_, conversation) = conversation.challenged(&theirs);
                (true, conversation.is_some_and(|it| it.is_trusted()))
            }
            Verdict::Wrong => (false, conversation.is_trusted()),
        }
    }

    #[test]
    fn both_prove_that_they_know_the_password() {
        assert_eq!(meet(&login(None), "quince"), (true, true));
        assert_eq!(meet(&login(None), "other"), (false, false));
        assert_eq!(meet(&login(Some("boss")), "quince"), (true, true));
    }

    #[test]
    fn w_cred_4_a_master_user_acts_for_the_user() {
        let text = |login: &Login| {
            String::from_utf8(first_message(login, Mechanism::ScramSha256).expose().to_vec())
                .unwrap()
        };
        assert_eq!(text(&login(None)), "n,,n=tim,r=ours");
        assert_eq!(text(&login(Some("boss"))), "n,a=tim,n=boss,r=ours");
        assert_eq!(text(&login(Some("tim"))), "n,,n=tim,r=ours");
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_not_trusted() {
        let begun = || {
            let conversation = Conversation::new(&login(None)).unwrap();
            let (reply, conversation) = conversation.challenged(b"r=ourstheirs,s=c2FsdA==,i=16");
            let Reply::Derive(derivation) = reply else { panic!("{reply:?}") };
            let mut conversation = conversation.unwrap();
            conversation.derived(&derivation.run()).unwrap();
            conversation
        };
        for odd in [&b"v=AAAA"[..], b"e=other-error", b"", b"v="] {
            assert!(
                matches!(begun().challenged(odd), (Reply::Distrust(UNPROVEN), None)),
                "{odd:?}"
            );
        }
        assert!(!begun().is_trusted());
        for odd in [
            &b"r=other,s=c2FsdA==,i=16"[..],
            b"r=ours,s=c2FsdA==,i=16",
            b"r=ourstheirs,s=c2FsdA==,i=0",
            b"r=ourstheirs,s=c2FsdA==,i=4294967295",
            b"r=ourstheirs,s=,i=16",
            b"nonsense",
        ] {
            let conversation = Conversation::new(&login(None)).unwrap();
            assert!(
                matches!(conversation.challenged(odd), (Reply::Distrust(ODD), None)),
                "{odd:?}"
            );
        }
    }
}
