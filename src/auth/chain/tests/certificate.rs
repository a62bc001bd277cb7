//! Logins by certificate: SASL EXTERNAL and `auth_ssl_username_from_cert` (W-SASL-9, SA-06, TL-20).

use super::*;
use crate::names::mechanism::{Mechanism, Mechanisms};

fn external(list: &[Passdb], name: &str, authorize_as: Option<&str>) -> Answer {
    let question = Question {
        proof: Proof::Certificate,
        authorize_as: authorize_as.map(Into::into),
        ..question(name, "")
    };
    let (answer, jobs) = ask(list, question);
    assert_eq!(jobs, 0, "there is no password to verify");
    answer
}

fn users() -> Passdb {
    file("users", &format!("tim:{COSTLY}::::::pass=ours\ntom:{{PLAIN}}x\nadmin:{{PLAIN}}mine\n"))
}

fn masters() -> Passdb {
    Passdb { role: Role::Master, ..file("masters", "admin:{PLAIN}root\n") }
}

#[test]
fn sa_06_whom_a_certificate_names_has_to_be_known_and_needs_no_password() {
    let list = [users()];
    let answer = external(&list, "Tim", None);
    let grant = accepted(&answer);
    assert_eq!((&*grant.user, grant.verified), ("tim", true));
    assert_eq!(grant.pass, Some(Secret::from("ours")));
    let answer = external(&list, "mia", None);
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::UnknownUser)));
    assert_eq!(refused(&external(&list, "", None)), Failure::Credentials);
    assert_eq!(refused(&external(&list, "t\u{fc}m", None)), Failure::Credentials);
    assert_eq!(refused(&external(&[], "tim", None)), Failure::Credentials);
    // No client without a certificate gets in with an empty password.
    assert_eq!(refused(&login(&list, "tom", "")), Failure::Credentials);
    let everybody = [everybody("all", &[("nopassword", "y")])];
    assert_eq!(refused(&login(&everybody, "tom", "")), Failure::Credentials);
}

#[test]
fn sa_06_other_rules_of_a_database_hold() {
    let list = [file(
        "users",
        "near:{PLAIN}x::::::allow_nets=192.0.2.0/24\nfar:{PLAIN}x::::::allow_nets=203.0.113.0/24\n\
         off:{PLAIN}x::::::nologin\n",
    )];
    assert!(accepted(&external(&list, "near", None)).verified);
    assert_eq!(external(&list, "far", None).why, Some(Why::Networks));
    assert_eq!(refused(&external(&list, "off", None)), Failure::Disabled);
    let deny = Passdb { role: Role::Deny, ..file("deny", "near\n") };
    assert_eq!(refused(&external(&[deny, list[0].clone()], "near", None)), Failure::Disabled);
}

#[test]
fn tl_20_another_users_name_is_a_master_login() {
    let list = [users(), masters()];
    let answer = external(&list, "admin", Some("tim"));
    assert_eq!(&*accepted(&answer).user, "tim");
    assert_eq!(answer.master_user.as_deref(), Some("admin"));
    // His own name, however spelled, is none.
    assert_eq!(external(&list, "tim", Some("TIM")).master_user, None);
    assert!(accepted(&external(&list, "tim", Some("TIM"))).verified);
    // No master, a user that is not there, no masters at all.
    assert_eq!(refused(&external(&list, "tom", Some("tim"))), Failure::Credentials);
    assert_eq!(refused(&external(&list, "admin", Some("mia"))), Failure::NotAuthorized);
    let answer = external(&[users()], "admin", Some("tim"));
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::NoMasters)));
    // A database that has every name makes no client a master.
    for fields in [&[("nopassword", "y")][..], &[("password", "shared")], &[]] {
        let all = Passdb { role: Role::Master, ..everybody("masters", fields) };
        assert_eq!(refused(&external(&[users(), all], "tom", Some("tim"))), Failure::Credentials);
    }
}

#[test]
fn tl_20_a_separator_in_a_certificate_splits_nothing() {
    let list = [users(), masters()];
    // With the default of auth_username_chars the name can be no user's.
    for proof in [Proof::Certificate, Proof::NamedPassword] {
        let question = Question { proof, ..question("tim*admin", "root") };
        assert_eq!(refused(&ask(&list, question).0), Failure::Credentials, "{proof:?}");
    }
    assert!(accepted(&login(&list, "tim*admin", "root")).verified, "typed, it is a master login");
}

#[test]
fn auth_ssl_username_from_cert_still_wants_the_password_of_that_user() {
    let list = [users()];
    let named = |password| Question { proof: Proof::NamedPassword, ..question("tom", password) };
    assert!(accepted(&ask(&list, named("x")).0).verified);
    for password in ["y", ""] {
        assert_eq!(refused(&ask(&list, named(password)).0), Failure::Credentials);
    }
}

#[test]
fn databases_are_asked_for_the_proofs_that_they_serve() {
    let by_certificate = Passdb {
        mechanisms: Mechanisms::NONE.with(Mechanism::External),
        ..everybody("certificates", &[("pass", "ours"), ("master", "root"), ("nopassword", "y")])
    };
    let by_password = Passdb { mechanisms: Mechanisms::PASSWORDS, ..users() };
    let list = [by_certificate, by_password];
    assert_eq!(accepted(&external(&list, "mia", None)).master.as_deref(), Some("root"));
    // A password must not open what is meant for certificates.
    assert_eq!(refused(&login(&list, "mia", "anything")), Failure::Credentials);
    assert_eq!(accepted(&login(&list, "tom", "x")).master, None);
    assert_eq!(refused(&external(&list[1..], "tom", None)), Failure::Credentials);
}

#[test]
fn skip_looks_at_databases_and_not_at_the_certificate() {
    let later = Passdb { skip: Skip::Authenticated, ..users() };
    assert!(accepted(&external(&[later], "tim", None)).verified);
    let only_behind_others = Passdb { skip: Skip::Unauthenticated, ..users() };
    assert_eq!(refused(&external(&[only_behind_others], "tim", None)), Failure::Credentials);
}
