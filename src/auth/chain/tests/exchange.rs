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

/// A login by SCRAM-SHA-256-PLUS whose client is bound to `theirs`, while `ours` is what TLS exports here.
fn bound(list: &[Passdb], theirs: &[u8], ours: &[u8]) -> Outcome {
    let bare = Inviting::new(Algorithm::Sha256, "tim", None, "abc").message();
    let bare = bare.strip_prefix(b"n,,").unwrap();
    let header = b"p=tls-exporter,,";
    let question = Question {
        proof: Proof::Exchange(Mechanism::ScramSha256Plus),
        password: Secret::new([&header[..], bare].concat()),
        bound_to: Secret::from(ours),
        ..question("tim", "")
    };
    let passdbs = Arc::new(Passdbs { users: UserRules::default(), list: list.to_vec() });
    let (mut step, mut led) = (Chain::start(&passdbs, question), false);
    loop {
        step = match step {
            Step::Done(answer) => match &answer.verdict {
                Verdict::Accept(_) => return Outcome::In { derived: false },
                _ => return Outcome::Out { led, failure: refused(&answer), why: answer.why },
            },
            Step::Draw(chain) => chain.drawn("def"),
            Step::Challenge(chain, _) if led => chain.responded(&Secret::default()),
            Step::Challenge(chain, message) => {
                led = true;
                chain.responded(&proof_of("pencil", bare, &message, &[header, theirs].concat()))
            }
            other => panic!("{other:?}"),
        };
    }
}

/// RFC 5802 3, by hand: the client's last message.
fn proof_of(password: &str, bare: &[u8], server_first: &[u8], binding: &[u8]) -> Secret {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::{Digest as _, Sha256};
    let hmac = |key: &[u8], text: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    };
    let said = str::from_utf8(server_first).unwrap();
    let parts: Vec<&str> = said.split(',').map(|part| &part[2..]).collect();
    let salt = STANDARD.decode(parts[1]).unwrap();
    let mut salted = [0; 32];
    let rounds = parts[2].parse().unwrap();
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut salted);
    let client_key = hmac(&salted, b"Client Key");
    let without = format!("c={},r={}", STANDARD.encode(binding), parts[0]);
    let message = [bare, server_first, without.as_bytes()].join(&b","[..]);
    let signature = hmac(&Sha256::digest(&client_key), &message);
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    Secret::from(&*format!("{without},p={}", STANDARD.encode(proof)))
}

#[test]
fn w_sasl_12_a_bound_exchange_is_worth_something_on_its_own_connection_only() {
    let list = [file("users", &format!("tim:{KEYS}"))];
    let out = Outcome::Out { led: true, failure: Failure::Credentials, why: Some(Why::Mismatch) };
    assert_eq!(bound(&list, &[7; 32], &[7; 32]), Outcome::In { derived: false });
    assert_eq!(bound(&list, &[8; 32], &[7; 32]), out, "a host in between");
    assert_eq!(bound(&list, b"", &[7; 32]), out);
    assert_eq!(bound(&list, &[7; 32], b""), out, "there is nothing to bind to");
    assert_eq!(bound(&list, b"", b""), out);
    let nopassword = [everybody("backends", &[("nopassword", "y")])];
    assert_eq!(bound(&nopassword, &[7; 32], &[7; 32]), out, "no backend can judge it");
}

/// A login by a digest of a challenge.
fn answered(
    list: &[Passdb],
    mechanism: Mechanism,
    user: &str,
    answer: &str,
) -> (Answer, Vec<Box<[u8]>>) {
    let challenge = match mechanism {
        Mechanism::DigestMd5 => "OA6MG9tEQGm2hh",
        _ => "<1896.697170952@postoffice.reston.mci.net>",
    };
    let question = Question {
        proof: Proof::Exchange(mechanism),
        password: Secret::from(answer),
        bound_to: Secret::from(challenge),
        ..question(user, "")
    };
    let passdbs = Arc::new(Passdbs { users: UserRules::default(), list: list.to_vec() });
    let (mut step, mut shown) = (Chain::start(&passdbs, question), Vec::new());
    loop {
        step = match step {
            Step::Done(answer) => return (*answer, shown),
            Step::Challenge(chain, message) => {
                shown.push(message);
                chain.responded(&Secret::default())
            }
            other => panic!("{other:?}"),
        };
    }
}

/// `tanstaaftanstaaf` and `secret`, as `doveadm pw` and RFC 2831 have them.
const CRAM: &str = "b913a602c7eda7a495b4e6e7334d3890";
const DIGEST: &str = r#"charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth"#;

#[test]
fn sa_05_digests_are_judged_by_passwords_and_by_keys_of_their_own() {
    let chris = "chris@elwood.innosoft.com";
    let list = [file(
        "users",
        &format!("tim:{{PLAIN}}tanstaaftanstaaf\nmia:{COSTLY}\n{chris}:{{PLAIN}}secret\n"),
    )];
    let cram = |user, answer| answered(&list, Mechanism::CramMd5, user, answer);
    assert!(accepted(&cram("tim", CRAM).0).verified);
    for (user, answer, why) in [
        ("tim", "b913a602c7eda7a495b4e6e7334d3891", Why::Mismatch),
        ("mia", CRAM, Why::Scheme),
        ("stranger", CRAM, Why::UnknownUser),
    ] {
        let (answer, shown) = cram(user, answer);
        assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(why)), "{user}");
        assert!(shown.is_empty());
    }
    let digest = |list: &[Passdb], user| answered(list, Mechanism::DigestMd5, user, DIGEST);
    let (answer, shown) = digest(&list, chris);
    assert!(accepted(&answer).verified);
    assert_eq!(shown, [Box::from(&b"rspauth=ea40f60335c427b5527b84dbabcdfffd"[..])]);
    let stored = "{DIGEST-MD5}eb5a750053e4d2c34aa84bbc9b0b6ee7";
    let keys = [file("users", &format!("{chris}:{stored}"))];
    let wrong = answered(&keys, Mechanism::DigestMd5, chris, &DIGEST.replace("d388", "d389"));
    assert!(refused(&wrong.0) == Failure::Credentials && wrong.1.is_empty());
    assert_eq!(digest(&[file("users", &format!("{chris}:{{PLAIN}}x"))], chris).1.len(), 0);
    // W-CRED-3: no backend could judge it, because the challenge is ours.
    let nopassword = [everybody("backends", &[("nopassword", "y")])];
    let (answer, _) = answered(&nopassword, Mechanism::CramMd5, "tim", CRAM);
    assert_eq!(refused(&answer), Failure::Credentials);
}

#[test]
fn w_sasl_13_anonymous_is_a_user_whom_a_database_has_to_know() {
    let nameless =
        |list: &[Passdb]| ask(list, Question { proof: Proof::None, ..question("anonymous", "") }).0;
    let known = [file("users", &format!("anonymous:{COSTLY}::::::pass=ours\n"))];
    let answer = nameless(&known);
    let grant = accepted(&answer);
    assert!(grant.verified && grant.pass.is_some());
    let unknown = nameless(&[file("users", "tim:{PLAIN}x")]);
    assert_eq!((refused(&unknown), unknown.why), (Failure::Credentials, Some(Why::UnknownUser)));
    let disabled = [file("users", "anonymous:x::::::nologin\n")];
    assert_eq!(refused(&nameless(&disabled)), Failure::Disabled);
    let deny = Passdb { role: Role::Deny, ..file("deny", "anonymous:") };
    assert_eq!(refused(&nameless(&[deny, known[0].clone()])), Failure::Disabled);
}
