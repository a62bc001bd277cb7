//! Logins by bearer token: SASL XOAUTH2 and OAUTHBEARER (SA-07).

use super::*;
use crate::limits::TOKEN_BYTES_MAX;
use crate::names::mechanism::Mechanisms;

fn by_token(list: &[Passdb], name: &str, token: &str) -> Answer {
    let (answer, jobs) = ask(list, Question { proof: Proof::Token, ..question(name, token) });
    assert_eq!(jobs, 0);
    answer
}

#[test]
fn w_cred_3_a_token_that_no_database_can_read_is_left_to_the_backend_or_refused() {
    let backend = everybody("backend", &[("nopassword", "y")]);
    let answer = by_token(std::slice::from_ref(&backend), "Tim", "t.o-k");
    assert_eq!((&*accepted(&answer).user, accepted(&answer).verified), ("tim", false));
    // Databases of passwords are passed over, and none of their passwords is a token.
    let list = [file("users", "tim:{PLAIN}t.o-k"), everybody("shared", &[("password", "t.o-k")])];
    let answer = by_token(&list, "tim", "t.o-k");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::UnknownUser)));
    let deny = Passdb { role: Role::Deny, ..file("deny", "tim:") };
    assert_eq!(refused(&by_token(&[deny, backend], "tim", "t")), Failure::Disabled);
}

#[test]
fn sa_07_what_is_no_token_is_never_shown_to_a_database() {
    let list = [everybody("backend", &[("nopassword", "y")])];
    for token in ["", " t", "t t", "t\r\nx", "t\u{e4}", &"t".repeat(TOKEN_BYTES_MAX + 1)] {
        let answer = by_token(&list, "tim", token);
        assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Token)));
    }
    assert!(!accepted(&by_token(&list, "tim", &"t".repeat(TOKEN_BYTES_MAX))).verified);
}

#[test]
fn sa_07_without_a_name_the_database_has_to_know_one() {
    let list = [everybody("backend", &[("nopassword", "y")])];
    let answer = by_token(&list, "", "t.o-k");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Nameless)));
    let list = [everybody("backend", &[("nopassword", "y"), ("user", "tim")])];
    assert_eq!(&*accepted(&by_token(&list, "", "t.o-k")).user, "tim");
}

#[test]
fn databases_are_asked_for_tokens_only_by_mechanisms_that_bring_them() {
    let backend = everybody("backend", &[("nopassword", "y")]);
    let list = [Passdb { mechanisms: Mechanisms::PASSWORDS, ..backend.clone() }];
    assert_eq!(refused(&by_token(&list, "tim", "t.o-k")), Failure::Credentials);
    let list = [Passdb { mechanisms: Mechanisms::TOKENS, ..backend }];
    assert!(!accepted(&by_token(&list, "tim", "t.o-k")).verified);
    assert_eq!(refused(&login(&list, "tim", "x")), Failure::Credentials);
}

#[test]
fn a_row_leaves_its_users_tokens_to_the_backend_where_the_operator_names_the_mechanism() {
    let rows = file("users", "tim:::::::nopassword\ntom:{PLAIN}t.o-k\n");
    let named = [Passdb { mechanisms: Mechanisms::TOKENS, ..rows.clone() }];
    assert!(!accepted(&by_token(&named, "tim", "t.o-k")).verified);
    let answer = by_token(&named, "tom", "t.o-k");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Mismatch)));
    let answer = by_token(&[rows], "tim", "t.o-k");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::UnknownUser)));
}
