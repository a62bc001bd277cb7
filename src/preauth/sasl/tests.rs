use super::*;
use crate::auth::scram::{Algorithm, Inviting};
use crate::limits::{PASSWORD_BYTES_MAX, PROXY_TTL, USER_BYTES_MAX};
use crate::names::SessionId;

fn facts(session: u8) -> ClientFacts {
    let from = "192.0.2.7:4711".parse().unwrap();
    ClientFacts {
        socket: from,
        origin: from,
        apparent: from,
        local: "198.51.100.1:143".parse().unwrap(),
        local_name: None,
        session_id: SessionId::from_bytes([session; 16]),
        ttl: PROXY_TTL,
        transport: crate::facts::Transport::Insecure,
        trusted: false,
        certificate: crate::facts::ClientCertificate::NONE,
        forward: Vec::new(),
    }
}

fn start(mechanism: Mechanism) -> Outcome {
    Exchange::start(mechanism, &Rules::default(), Turn::of(&facts(1), Notes::default()))
}

fn start_with(mechanism: Mechanism, message: &[u8]) -> Outcome {
    let (rules, facts) = (Rules::default(), facts(1));
    let turn = Turn::of(&facts, Notes::default());
    Exchange::start_with(mechanism, &rules, turn, &Secret::from(message))
}

/// What is asked, and what waits for the answer.
fn asked(outcome: Outcome) -> (String, Exchange) {
    let Outcome::Challenge(message, waiting) = outcome else { panic!("{outcome:?}") };
    (String::from_utf8(message.into_owned()).unwrap(), waiting)
}

fn plain_of(message: &[u8]) -> Result<Credentials, Unusable> {
    match start_with(Mechanism::Plain, message) {
        Outcome::Complete(credentials, _) => Ok(credentials),
        Outcome::Hopeless(unusable) => Err(unusable),
        other => panic!("no second message in PLAIN: {other:?}"),
    }
}

#[test]
fn plain_known_answers() {
    let simple = plain_of(b"\0tim\0tanstaaftanstaaf").unwrap();
    assert_eq!((&*simple.user, simple.authorize_as), ("tim", None));
    assert_eq!(simple.password, Secret::from("tanstaaftanstaaf"));
    let master = plain_of(b"user\0master\0p w").unwrap();
    assert_eq!((&*master.user, master.authorize_as.as_deref()), ("master", Some("user")));
    assert_eq!(plain_of(b"test\0test\x001234").unwrap().authorize_as, None);
    assert!(plain_of("\0\u{fc}ser\0p\u{e4}ss".as_bytes()).is_ok());
}

#[test]
fn w_sasl_7_what_no_backend_may_see_is_an_ordinary_failure() {
    let long = [b"\0u\0".as_slice(), &[b'x'; PASSWORD_BYTES_MAX + 1]].concat();
    let longest = [b"\0u\0".as_slice(), &[b'x'; PASSWORD_BYTES_MAX]].concat();
    assert!(plain_of(&longest).is_ok());
    let bad: [&[u8]; 14] = [
        b"",
        b"user",
        b"\0user",
        b"a\0b\0c\0d",
        b"\0\0pass",
        b"only\0\0pass",
        b"\0user\0",
        b"\0u\nx\0p",
        b"\0u\tx\0p",
        b"\0u\0p\r\nDELE 1",
        b"\0u\xff\0p",
        b"a\nb\0u\0p",
        b"\0u\x7f\0p",
        &long,
    ];
    for message in bad {
        assert!(plain_of(message).is_err(), "{}", message.escape_ascii());
    }
    let name = [b"\0".as_slice(), &[b'u'; USER_BYTES_MAX + 1], b"\0p"].concat();
    assert!(plain_of(&name).is_err() && plain_of(&[b"\0", &name[2..]].concat()).is_ok());
}

#[test]
fn w_fail_6_an_unusable_name_keeps_its_bytes_and_has_a_reason() {
    let said = |message: &[u8]| plain_of(message).map(|_| ()).unwrap_err();
    for (message, name, why) in [
        (&b"\0t\xedm\0p"[..], &b"t\xedm"[..], "user name is not UTF-8"),
        (b"\0t\tm\0p", b"t\tm", "user name has a control character"),
        (b"a\x1b\0tim\0p", b"a\x1b", "user name has a control character"),
        (b"\0\0p", b"", "user name is empty"),
        (b"\0tim\0", b"tim", "password is empty"),
        (b"\0tim\0p\0", b"tim", "password holds CR, LF or NUL"),
        (
            &[b"\0tim\0".as_slice(), &[b'p'; PASSWORD_BYTES_MAX + 1]].concat(),
            b"tim",
            "password is too long",
        ),
    ] {
        assert_eq!(said(message), Unusable { name: name.into(), why });
    }
    let long = [b'u'; USER_BYTES_MAX + 1];
    assert_eq!(said(&[b"\0", &long[..], b"\0p"].concat()).why, "user name is too long");
    assert!(said(b"tim").why.starts_with("the response is not one of PLAIN"));
}

#[test]
fn login_asks_twice_and_takes_the_name_as_initial_response() {
    for begun in [start(Mechanism::Login), start_with(Mechanism::Login, b"")] {
        let (prompt, waiting) = asked(begun);
        assert_eq!(prompt, "Username:");
        let (prompt, waiting) = asked(waiting.respond(&Secret::from("tim")));
        assert_eq!(prompt, "Password:");
        let Outcome::Complete(credentials, _) = waiting.respond(&Secret::from("p w")) else {
            panic!()
        };
        assert_eq!((&*credentials.user, credentials.mechanism), ("tim", Mechanism::Login));
    }
    let (prompt, waiting) = asked(start_with(Mechanism::Login, b"tim"));
    assert_eq!(prompt, "Password:");
    assert!(matches!(waiting.respond(&Secret::from("")), Outcome::Hopeless(_)));
}

#[test]
fn sa_06_external_has_one_message_and_no_password() {
    let (prompt, waiting) = asked(start(Mechanism::External));
    assert_eq!(prompt, "");
    let Outcome::Complete(own, _) = waiting.respond(&Secret::default()) else { panic!() };
    let Outcome::Complete(other, _) = start_with(Mechanism::External, "t\u{fc}m".as_bytes()) else {
        panic!()
    };
    assert_eq!((&*own.user, own.authorize_as, own.password.len()), ("", None, 0));
    assert_eq!(other.authorize_as.as_deref(), Some("t\u{fc}m"));
    let long = vec![b'a'; USER_BYTES_MAX + 1];
    for message in [&b"a\0"[..], b"\0", b"a\r\nDELE 1", b"\xFF", b"\x7F", &long] {
        assert!(matches!(start_with(Mechanism::External, message), Outcome::Hopeless(_)));
    }
}

#[test]
fn w_sasl_12_what_a_client_says_of_binding_has_to_fit_what_it_was_offered() {
    let all: Mechanisms = Mechanism::ALL.into_iter().collect();
    let (plus, bare) = (Mechanism::ScramSha256Plus, Mechanism::ScramSha256);
    let (offered, not) = (all, all.except(Mechanisms::BOUND));
    let message = Inviting::new(Algorithm::Sha256, "tim", None, "abc").message();
    let message = String::from_utf8(message).unwrap();
    assert!(message.starts_with("n,,"));
    for (mechanism, mechanisms, flag, why) in [
        (bare, not, "n", ""),
        (bare, not, "y", ""),
        (bare, offered, "n", ""),
        (bare, offered, "y", "the client could bind its login to TLS and says that it saw no"),
        (Mechanism::ScramSha1, offered, "y", "the client could bind"),
        (plus, offered, "p=tls-exporter", ""),
        (Mechanism::ScramSha1Plus, offered, "p=tls-exporter", ""),
        (plus, offered, "n", "the client has chosen SCRAM-…-PLUS and does not bind"),
        (plus, offered, "y", "the client has chosen SCRAM-…-PLUS and does not bind"),
        (plus, offered, "p=tls-unique", "the client binds to TLS by another type"),
        (bare, offered, "p=tls-unique", "the client binds to TLS by another type"),
        (bare, offered, "p=tls-exporter", "the client binds to TLS by a mechanism that is not"),
        (bare, not, "p=tls-exporter", "the client binds to TLS by a mechanism that is not"),
    ] {
        let rules = Rules { mechanisms, ..Rules::default() };
        let (facts, message) = (facts(1), message.replacen('n', flag, 1));
        let turn = Turn::of(&facts, Notes::default());
        match Exchange::start_with(mechanism, &rules, turn, &Secret::from(&*message)) {
            Outcome::Complete(credentials, Ending::Reply) => {
                assert_eq!((why, &*credentials.user), ("", "tim"), "{mechanism:?} {flag}");
            }
            Outcome::Hopeless(Unusable { name, why: said }) => {
                assert!(!why.is_empty() && said.starts_with(why), "{mechanism:?} {flag}: {said}");
                assert_eq!(&*name, b"tim", "the log names the user");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn sa_05_no_challenge_is_made_twice() {
    let rules = Rules { challenge_secret: Secret::from("ours"), ..Rules::default() };
    let of = |mechanism, session, failed_logins| {
        let (facts, notes) = (facts(session), Notes { failed_logins, ..Notes::default() });
        asked(Exchange::start(mechanism, &rules, Turn::of(&facts, notes))).0
    };
    for mechanism in [Mechanism::CramMd5, Mechanism::DigestMd5] {
        let first = of(mechanism, 1, 0);
        assert_eq!(first, of(mechanism, 1, 0));
        assert_ne!(first, of(mechanism, 1, 1), "the session's next exchange");
        assert_ne!(first, of(mechanism, 2, 0), "another session");
        let other = Rules { challenge_secret: Secret::from("another's"), ..Rules::default() };
        let (facts, notes) = (facts(1), Notes::default());
        let theirs = asked(Exchange::start(mechanism, &other, Turn::of(&facts, notes))).0;
        assert_ne!(first, theirs, "it cannot be foreseen without the secret");
    }
    let cram = of(Mechanism::CramMd5, 1, 0);
    assert!(cram.starts_with('<') && cram.ends_with("@localhost>") && cram.len() == 44, "{cram}");
    let digest = of(Mechanism::DigestMd5, 1, 0);
    let end = r#"",qop="auth",charset=utf-8,algorithm=md5-sess"#;
    assert!(digest.starts_with(r#"realm="",nonce=""#) && digest.ends_with(end), "{digest}");
}

#[test]
fn sa_05_answers_carry_the_challenge_that_they_are_to_be_judged_by() {
    let (challenge, waiting) = asked(start(Mechanism::CramMd5));
    let Outcome::Complete(found, _) = waiting.respond(&Secret::from("tim b 0123")) else {
        panic!()
    };
    assert_eq!((&*found.user, &found.password), ("tim b", &Secret::from("0123")));
    assert_eq!(found.challenge, Secret::from(&*challenge));
    for message in ["", "tim", " 0123", "t\tm 0123"] {
        let (_, waiting) = asked(start(Mechanism::CramMd5));
        let outcome = waiting.respond(&Secret::from(message));
        assert!(matches!(outcome, Outcome::Hopeless(_)), "{message:?}");
    }
    let (challenge, waiting) = asked(start(Mechanism::DigestMd5));
    let message = r#"username="tim",realm="example.org",authzid="tom",nonce="x",cnonce="y",nc=00000001,digest-uri="imap/h",response=00"#;
    let Outcome::Complete(found, _) = waiting.respond(&Secret::from(message)) else { panic!() };
    assert_eq!((&*found.user, found.authorize_as.as_deref()), ("tim@example.org", Some("tom")));
    assert_eq!(found.password, Secret::from(message));
    let nonce = String::from_utf8(found.challenge.expose().to_vec()).unwrap();
    assert!(challenge.contains(&format!(r#"nonce="{nonce}""#)));
    for mechanism in [Mechanism::CramMd5, Mechanism::DigestMd5] {
        assert!(matches!(start_with(mechanism, b"tim 0123"), Outcome::Hopeless(_)), "unasked");
        assert!(matches!(start_with(mechanism, b""), Outcome::Challenge(..)));
    }
    assert!(matches!(start(Mechanism::Apop), Outcome::Hopeless(_)), "no SASL mechanism");
}

#[test]
fn w_sasl_13_anonymous_is_one_user_whatever_the_client_says() {
    let rules = Rules { anonymous_username: "guest".into(), ..Rules::default() };
    let (facts, notes) = (facts(1), Notes::default());
    for trace in [&b""[..], b"tim@example.org", b"\xFF\r\n"] {
        let turn = Turn::of(&facts, notes);
        let outcome =
            Exchange::start_with(Mechanism::Anonymous, &rules, turn, &Secret::from(trace));
        let Outcome::Complete(found, Ending::Reply) = outcome else { panic!() };
        assert_eq!((&*found.user, found.password.len(), found.authorize_as), ("guest", 0, None));
    }
    let nameless = Rules { anonymous_username: "".into(), ..Rules::default() };
    let turn = Turn::of(&facts, notes);
    let outcome = Exchange::start_with(Mechanism::Anonymous, &nameless, turn, &Secret::default());
    assert!(matches!(outcome, Outcome::Hopeless(_)));
}

#[test]
fn a_bad_token_is_told_by_a_challenge_first_and_nothing_else_is() {
    let begin = |mechanism, message: &str| start_with(mechanism, message.as_bytes());
    let message = "user=tim\x01auth=Bearer t\x01\x01";
    let Outcome::Complete(credentials, mut ending) = begin(Mechanism::Xoauth2, message) else {
        panic!()
    };
    assert_eq!((&*credentials.user, credentials.password), ("tim", Secret::from("t")));
    assert_eq!(ending.challenge(Failure::Unavailable), None);
    let Outcome::Complete(nameless, mut ending) =
        begin(Mechanism::OauthBearer, "n,,\x01auth=Bearer t\x01\x01")
    else {
        panic!()
    };
    assert_eq!(&*nameless.user, "");
    let told = ending.challenge(Failure::Credentials);
    assert_eq!(told.as_deref(), Some(&br#"{"status":"invalid_token"}"#[..]));
    assert_eq!(ending.challenge(Failure::Credentials), None, "once");
    for (mechanism, message) in [
        (Mechanism::Xoauth2, "user=t\nm\x01auth=Bearer t\x01\x01"),
        (Mechanism::Xoauth2, "user=tim\x01\x01"),
        (Mechanism::OauthBearer, message),
    ] {
        assert!(matches!(begin(mechanism, message), Outcome::Hopeless(_)), "{message:?}");
    }
}

#[test]
fn a_refusal_that_waits_for_an_answer_waits_less_long_and_takes_any() {
    let waiting =
        Exchange::Refused(Box::new(Refused { failure: Failure::Credentials, text: None }));
    assert!(waiting.timeout() < Exchange::Plain.timeout());
    let Outcome::Refuse(refused) = waiting.respond(&Secret::from("\x01")) else { panic!() };
    assert_eq!(refused.failure, Failure::Credentials);
}

#[test]
fn w_sasl_3_names() {
    assert!(is_mechanism_name(b"SCRAM-SHA-256") && is_mechanism_name(b"x_1"));
    assert!(
        !is_mechanism_name(b"") && !is_mechanism_name(&[b'A'; 21]) && !is_mechanism_name(b"A B")
    );
}
