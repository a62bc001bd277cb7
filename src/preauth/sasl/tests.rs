use super::*;

fn plain_of(message: &[u8]) -> Result<Credentials, Unusable> {
    match Exchange::start_with(Mechanism::Plain, &TokenHints::default(), &Secret::from(message)) {
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
    let Outcome::Challenge(b"Username:", waiting) =
        Exchange::start(Mechanism::Login, &TokenHints::default())
    else {
        panic!()
    };
    let Outcome::Challenge(b"Password:", waiting) = waiting.respond(&Secret::from("tim")) else {
        panic!()
    };
    let Outcome::Complete(credentials, _) = waiting.respond(&Secret::from("p w")) else { panic!() };
    assert_eq!((&*credentials.user, credentials.mechanism), ("tim", Mechanism::Login));
    let Outcome::Challenge(b"Password:", waiting) =
        Exchange::start_with(Mechanism::Login, &TokenHints::default(), &Secret::from("tim"))
    else {
        panic!()
    };
    assert!(matches!(waiting.respond(&Secret::from("")), Outcome::Hopeless(_)));
}

#[test]
fn sa_06_external_has_one_message_and_no_password() {
    let Outcome::Challenge(b"", waiting) =
        Exchange::start(Mechanism::External, &TokenHints::default())
    else {
        panic!()
    };
    let Outcome::Complete(own, _) = waiting.respond(&Secret::default()) else { panic!() };
    let Outcome::Complete(other, _) = Exchange::start_with(
        Mechanism::External,
        &TokenHints::default(),
        &Secret::from("t\u{fc}m"),
    ) else {
        panic!()
    };
    assert_eq!((&*own.user, own.authorize_as, own.password.len()), ("", None, 0));
    assert_eq!(other.authorize_as.as_deref(), Some("t\u{fc}m"));
    let long = vec![b'a'; USER_BYTES_MAX + 1];
    for message in [&b"a\0"[..], b"\0", b"a\r\nDELE 1", b"\xFF", b"\x7F", &long] {
        let outcome = Exchange::start_with(
            Mechanism::External,
            &TokenHints::default(),
            &Secret::from(message),
        );
        assert!(matches!(outcome, Outcome::Hopeless(_)));
    }
}

#[test]
fn a_bad_token_is_told_by_a_challenge_first_and_nothing_else_is() {
    let begin = |mechanism, message: &str| {
        Exchange::start_with(mechanism, &TokenHints::default(), &Secret::from(message))
    };
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
