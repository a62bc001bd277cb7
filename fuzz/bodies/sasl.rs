//! Body of the fuzz target `sasl`, replayed on stable by `tests/pure/corpus.rs`: exchanges whichever protocol carries them.

use std::net::{Ipv4Addr, SocketAddr};

use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits::{PASSWORD_BYTES_MAX, PROXY_TTL, TOKEN_BYTES_MAX, USER_BYTES_MAX};
use hale::names::SessionId;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::{
    Beginning, Mechanism, Mechanisms, Outcome, Reaction, Turn, begin, react,
};
use hale::preauth::{Credentials, Notes};

/// Lines: a mechanism, perhaps SP and an initial response, then responses. No panic, an end after a few turns, and
/// credentials that no backend can stumble over (W-SASL-7).
pub(crate) fn run(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let mut words = lines.next().unwrap_or_default().splitn(2, |&byte| byte == b' ');
    let (mechanism, initial) = (words.next().unwrap_or_default(), words.next());
    let mechanisms = Mechanism::ALL.into_iter().collect();
    let rules = Rules { plaintext_allowed: !input.ends_with(b"!"), mechanisms, ..Rules::default() };
    let facts = facts();
    let turn = Turn::of(&facts, Notes::default());
    let Beginning::Outcome(mut outcome) = begin(&rules, turn, mechanism, initial) else {
        return;
    };
    let exposes = Mechanism::named(mechanism).is_none_or(Mechanism::exposes_password);
    assert!(
        rules.plaintext_allowed || !exposes,
        "an invitation for a password in clear (W-SASL-4)"
    );
    for turns in 0.. {
        assert!(turns < 4, "an exchange without end");
        match outcome {
            Outcome::Complete(credentials, mut ending) => {
                expect_harmless(&credentials);
                let error = ending.challenge(Failure::Credentials);
                assert_eq!(error.is_some(), Mechanisms::TOKENS.has(credentials.mechanism));
                return;
            }
            Outcome::Hopeless(_) | Outcome::Refuse(_) | Outcome::Answer(_) => return,
            Outcome::Challenge(_, exchange) => {
                match react(exchange, lines.next().unwrap_or(b"*")) {
                    Reaction::Outcome(next) => outcome = next,
                    Reaction::Cancelled | Reaction::BadBase64 => return,
                }
            }
        }
    }
}

fn facts() -> ClientFacts {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4711));
    ClientFacts {
        socket: address,
        origin: address,
        apparent: address,
        local: address,
        local_name: None,
        session_id: SessionId::from_bytes([1; 16]),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted: false,
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    }
}

fn expect_harmless(credentials: &Credentials) {
    let Credentials { user, authorize_as, password, challenge, mechanism } = credentials;
    assert_eq!(challenge.is_empty(), !Mechanisms::DIGESTS.has(*mechanism));
    let is_name = |name: &str| {
        (1..=USER_BYTES_MAX).contains(&name.len())
            && !name.bytes().any(|byte| byte.is_ascii_control())
    };
    let is_nameless = matches!(mechanism, Mechanism::External | Mechanism::OauthBearer);
    assert!(
        (is_name(user) || (is_nameless && user.is_empty()))
            && authorize_as.as_deref().is_none_or(is_name)
    );
    assert_ne!(authorize_as.as_deref(), Some(&**user));
    if !Mechanisms::PASSWORDS.has(*mechanism) {
        return assert!(password.len() <= TOKEN_BYTES_MAX);
    }
    assert!((1..=PASSWORD_BYTES_MAX).contains(&password.len()));
    assert!(!password.expose().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
}
