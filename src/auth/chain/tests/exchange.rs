//! SCRAM led here: by keys, by passwords stored as they are, and for users who are not there (SA-04).

use super::*;
use crate::auth::scram::{Algorithm, ClientFirst, Derived, Inviting};
use crate::names::mechanism::Mechanism;

/// What a client with this password comes to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Let in, and shown the server's proof; the password was derived here or was not.
    In { derived: bool },
    /// Refused, behind a challenge or at once.
    Out { led: bool, failure: Failure, why: Option<Why> },
}

fn scram(list: &[Passdb], user: &str, password: &str) -> (Outcome, Option<Box<[u8]>>) {
    let client = Inviting::new(Algorithm::Sha256, user, None, "abc");
    let question = Question {
        proof: Proof::Exchange(Mechanism::ScramSha256),
        password: Secret::new(client.message()),
        ..question(user, "")
    };
    let users = UserRules { salt_secret: Secret::from("ours"), ..UserRules::default() };
    let passdbs = Arc::new(Passdbs { users, list: list.to_vec() });
    let (mut waiting, mut salt, mut derived) = (None, None, false);
    let mut step = Chain::start(&passdbs, question);
    loop {
        step = match step {
            Step::Done(answer) => {
                let outcome = match &answer.verdict {
                    Verdict::Accept(_) => Outcome::In { derived },
                    _ => {
                        let (failure, why) = (refused(&answer), answer.why);
                        Outcome::Out { led: salt.is_some(), failure, why }
                    }
                };
                return (outcome, salt);
            }
            Step::Draw(chain) => chain.drawn("def"),
            Step::Challenge(chain, message) => match &waiting {
                None => {
                    let salted = client.invited(&message).unwrap();
                    let keys = Derived::of(Algorithm::Sha256, password.as_bytes(), &salted);
                    let (last, proof) = client.prove(&message, &keys).unwrap();
                    (waiting, salt) = (Some(proof), Some(salted.salt));
                    chain.responded(&last)
                }
                Some(proof) => {
                    assert!(proof.believes(&message), "the server knows the password, too");
                    chain.responded(&Secret::default())
                }
            },
            Step::Derive(chain, derivation) => {
                derived = true;
                chain.derived(Ok(derivation.run()))
            }
            Step::Verify(..) | Step::Ask(..) => panic!("no password is compared"),
        };
    }
}

/// `pencil`, as Dovecot stores it.
const KEYS: &str = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

#[test]
fn sa_04_keys_and_passwords_serve_and_neither_is_told_from_a_stranger_before_the_end() {
    let list = [file("users", &format!("tim:{KEYS}\ntom:{{PLAIN}}pencil\nmia:{COSTLY}\n"))];
    assert_eq!(scram(&list, "tim", "pencil").0, Outcome::In { derived: false });
    assert_eq!(scram(&list, "tom", "pencil").0, Outcome::In { derived: true });
    let out = |why| Outcome::Out { led: true, failure: Failure::Credentials, why: Some(why) };
    for (user, why) in [
        ("tim", Why::Mismatch),
        ("tom", Why::Mismatch),
        ("mia", Why::Scheme),
        ("stranger", Why::UnknownUser),
    ] {
        assert_eq!(scram(&list, user, "wrong").0, out(why), "{user}");
    }
    // A stranger's salt is steady, and his own.
    let salt = |user: &str| scram(&list, user, "wrong").1.unwrap();
    assert_eq!(salt("stranger"), salt("stranger"));
    assert_ne!(salt("stranger"), salt("another"));
    assert_eq!((salt("stranger").len(), salt("tim").len()), (16, 16));
}

#[test]
fn sa_04_one_exchange_is_enough_for_all_databases() {
    let list = [file("first", "tim:{PLAIN}other"), file("second", "tim:{PLAIN}pencil")];
    assert_eq!(
        scram(&list, "tim", "pencil").0,
        Outcome::Out { led: true, failure: Failure::Credentials, why: Some(Why::Mismatch) }
    );
    // Who is unknown to one is led by the next.
    let list = [file("first", "tom:{PLAIN}x"), file("second", "tim:{PLAIN}pencil")];
    assert_eq!(scram(&list, "tim", "pencil").0, Outcome::In { derived: true });
}

#[test]
fn sa_04_a_disabled_user_and_a_broken_row() {
    let deny = Passdb { role: Role::Deny, ..file("deny", "tim:") };
    let (outcome, _) = scram(&[deny, file("users", &format!("tim:{KEYS}"))], "tim", "pencil");
    let Outcome::Out { led: true, failure: Failure::Disabled, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let (outcome, _) = scram(&[file("users", "tim:{SCRAM-SHA-256}4096,x")], "tim", "pencil");
    let Outcome::Out { led: false, failure: Failure::Unavailable, .. } = outcome else {
        panic!("{outcome:?}")
    };
}

#[test]
fn w_cred_1_without_a_secret_the_backend_leads() {
    let list = [everybody("backends", &[("nopassword", "y")])];
    let client = Inviting::new(Algorithm::Sha256, "tim", None, "abc");
    assert!(ClientFirst::parse(&client.message()).is_some());
    let proof = Proof::Exchange(Mechanism::ScramSha256);
    let question =
        Question { proof, password: Secret::new(client.message()), ..question("tim", "") };
    assert!(!accepted(&ask(&list, question).0).verified);
}

/// PLAIN with keys of SCRAM: the password is worth as much.
#[test]
fn keys_verify_a_password_too() {
    let list = [file("users", &format!("tim:{KEYS}"))];
    assert!(accepted(&login(&list, "tim", "pencil")).verified);
    assert_eq!(refused(&login(&list, "tim", "pencil ")), Failure::Credentials);
}
