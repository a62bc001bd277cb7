//! Body of the fuzz target `scram`, replayed on stable by `tests/pure/corpus.rs`: both sides of an exchange with a peer that
//! says anything, and the answers to challenges.

use hale::auth::challenge::{self, judge};
use hale::auth::digest_md5::Response;
use hale::auth::scheme::{Scheme, Stored};
use hale::auth::scram::{Algorithm, ClientFirst, Derived, Inviting, Keys, Salted, Server, Verdict};
use hale::limits::PBKDF2_ROUNDS_MAX;
use hale::names::mechanism::Mechanism;

/// Three lines: a client's first message, a server's first, a client's last. No panic; no message is right without the
/// password; a server makes us work no more than the limit.
pub(crate) fn run(input: &[u8]) {
    expect_no_answer(input);
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let [first, invitation, last] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let salted = Salted { salt: b"salt"[..].into(), iterations: 1 };
    if let Some(first) = ClientFirst::parse(first) {
        assert!(
            !first.user.is_empty() && first.authorize_as.as_ref().is_none_or(|it| !it.is_empty())
        );
        let server = Server::new(Algorithm::Sha256, first, "nonce", &salted);
        assert!(server.challenge().contains("nonce,s=c2FsdA==,i=1"));
        let keys = Keys::derive(Algorithm::Sha256, b"hunter2", &salted);
        for exported in [None, Some(&b"exported"[..])] {
            assert_eq!(server.judge(&keys, last, exported), Verdict::Wrong);
        }
    }
    let client = Inviting::new(Algorithm::Sha1, "tim", None, "abc");
    let Some(asked) = client.invited(invitation) else { return };
    assert!((1..=PBKDF2_ROUNDS_MAX).contains(&asked.iterations) && !asked.salt.is_empty());
    let derived = Derived::of(Algorithm::Sha1, b"hunter2", &salted);
    let (answer, waiting) = client.prove(invitation, &derived).expect("it was read before");
    assert!(answer.expose().starts_with(b"c=biws,r=abc"));
    assert!(!waiting.believes(last));
}

/// No answer to a challenge is right without the password.
fn expect_no_answer(input: &[u8]) {
    if let Some(response) = Response::parse(input) {
        assert!(!response.name().is_empty() && !response.user.is_empty());
    }
    for mechanism in [Mechanism::CramMd5, Mechanism::DigestMd5, Mechanism::Apop] {
        let stored = Stored::parse("hunter2", Scheme::Plain).expect("a password");
        let verdict = judge(mechanism, stored, b"challenge", input);
        assert_eq!(verdict, Some(challenge::Verdict::Wrong));
    }
}
