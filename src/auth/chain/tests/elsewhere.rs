//! Databases that are asked elsewhere: what they are asked, and what follows from each reply.

use super::*;
use crate::auth::inquiry::{Gives, Inquiry, Remote, RemoteTrouble, Reply, Row, Wants};
use crate::auth::name_filter::NameFilter;
use crate::auth::user::AllowedChars;
use crate::names::mechanism::Mechanism;

fn remote(name: &str, gives: Gives) -> Passdb {
    let variables = Arc::new(["user".into()]);
    Passdb::new(
        name,
        Driver::Remote(Remote { id: 7, driver: "sql", gives, variables, is_cached: true }),
    )
}

fn row(fields: &[(&str, &str)]) -> Reply {
    let mut row = Row::default();
    for (name, value) in fields {
        row.put(name, value);
    }
    Reply::Row(Arc::new(row))
}

fn start(list: &[Passdb], question: Question) -> Step {
    let users = UserRules { master_separator: Some('*'), ..UserRules::default() };
    Chain::start(&Arc::new(Passdbs { users, list: list.to_vec() }), question)
}

#[track_caller]
fn asked(step: Step) -> (Box<Chain>, Box<Inquiry>) {
    match step {
        Step::Ask(chain, inquiry) => (chain, inquiry),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn done(step: Step) -> Answer {
    match step {
        Step::Done(answer) => *answer,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: &Answer) -> (Failure, Option<Why>) {
    match &answer.verdict {
        Verdict::Refuse { failure, .. } => (*failure, answer.why),
        other => panic!("{other:?}"),
    }
}

/// A login of bob with the password `a`, and one reply.
fn replied(gives: Gives, reply: Reply) -> Answer {
    let (chain, _) = asked(start(&[remote("sql", gives)], question("Bob", "a")));
    done(chain.answered(reply))
}

#[test]
fn a_row_is_compared_and_its_fields_and_its_spelling_count() {
    let (chain, inquiry) = asked(start(&[remote("sql", Gives::Rows)], question("Bob", "a")));
    assert_eq!((&*inquiry.user, &*inquiry.original_user, inquiry.id), ("bob", "Bob", 7));
    assert!(matches!(inquiry.wants, Wants::Row(None)), "no password leaves for a row");
    let reply = row(&[("user", "Bob.Smith"), ("password", "{PLAIN}a"), ("destuser", "b")]);
    let answer = done(chain.answered(reply));
    let grant = accepted(&answer);
    assert_eq!((&*grant.user, grant.destuser.as_deref()), ("Bob.Smith", Some("b")));
    let wrong = replied(Gives::Rows, row(&[("password", "b")]));
    assert_eq!(refused(&wrong), (Failure::Credentials, Some(Why::Mismatch)));
}

#[test]
fn replies_without_a_row_are_refusals_of_their_kind() {
    for (reply, expected) in [
        (Reply::Unknown, (Failure::Credentials, Some(Why::UnknownUser))),
        (Reply::Mismatch, (Failure::Credentials, Some(Why::Mismatch))),
        (Reply::Expired, (Failure::Expired, Some(Why::Expired))),
        (Reply::Disabled, (Failure::Disabled, Some(Why::Closed))),
        (Reply::Trouble(RemoteTrouble::TimedOut.into()), (Failure::Unavailable, None)),
    ] {
        assert_eq!(refused(&replied(Gives::Verdicts, reply)), expected);
    }
    // Dovecot's: a user without a password is not one whom any password lets in.
    let none = replied(Gives::Rows, row(&[("host", "192.0.2.1")]));
    assert_eq!(refused(&none).1, Some(Why::Mismatch));
    let open = replied(Gives::Rows, row(&[("nopassword", "1")]));
    assert!(!accepted(&open).verified);
    let bad = replied(Gives::Rows, row(&[("password", "a"), ("port", "x")]));
    assert_eq!(refused(&bad).0, Failure::Unavailable);
}

#[test]
fn a_password_without_a_scheme_is_of_the_databases_own_whatever_it_looks_like() {
    let plain = |name| row(&[(name, "{X}y")]);
    let ask = |reply| {
        let (chain, _) = asked(start(&[remote("sql", Gives::Rows)], question("bob", "{X}y")));
        done(chain.answered(reply))
    };
    assert!(accepted(&ask(plain("password_noscheme"))).verified);
    assert_eq!(refused(&ask(plain("password"))).0, Failure::Unavailable, "an unknown scheme");
}

#[test]
fn what_is_asked_follows_from_what_a_database_gives() {
    let wants = |gives, question| asked(start(&[remote("sql", gives)], question)).1.wants;
    assert!(matches!(wants(Gives::Both, question("bob", "a")), Wants::Verdict(_)));
    assert!(matches!(wants(Gives::Verdicts, question("bob", "a")), Wants::Verdict(_)));
    let token = || Question { proof: Proof::Token, ..question("bob", "t") };
    assert!(matches!(wants(Gives::Tokens, token()), Wants::Token(_)));
    // Databases for passwords are not asked about tokens, and the other way round.
    for (gives, question) in [(Gives::Tokens, question("bob", "a")), (Gives::Both, token())] {
        let answer = done(start(&[remote("sql", gives)], question));
        assert_eq!(refused(&answer), (Failure::Credentials, Some(Why::UnknownUser)));
    }
    let certificate = Question { proof: Proof::Certificate, ..question("bob", "") };
    assert!(matches!(wants(Gives::Both, certificate.clone()), Wants::Row(None)));
    let answer = done(start(&[remote("pam", Gives::Verdicts)], certificate));
    assert_eq!(answer.trouble.unwrap().cause, RemoteTrouble::NoLookUps.into());
}

#[test]
fn sa_07_a_query_with_the_password_in_it_is_for_logins_by_password_alone() {
    let variables: Arc<[Box<str>]> = Arc::new(["user".into(), "password".into()]);
    let naming = |gives| {
        let remote = Remote {
            id: 7,
            driver: "sql",
            gives,
            variables: Arc::clone(&variables),
            is_cached: true,
        };
        Passdb::new("sql", Driver::Remote(remote))
    };
    let (_, inquiry) = asked(start(&[naming(Gives::Rows)], question("bob", "a")));
    assert!(matches!(inquiry.wants, Wants::Row(Some(_))));
    // What stands in its place is an exchange's first message, or a token. No database is asked with that.
    let open = || with(naming(Gives::Rows), &[("nopassword", "yes")]);
    for proof in [Proof::Exchange(Mechanism::CramMd5), Proof::Token] {
        let login = Question { proof, ..question("bob", "n,,n=bob,r=x") };
        let answer = done(start(&[open(), naming(Gives::Both)], login));
        assert_eq!(refused(&answer), (Failure::Credentials, Some(Why::UnknownUser)), "{proof:?}");
    }
    let scram = Proof::Exchange(Mechanism::ScramSha256);
    let login = Question { proof: scram, ..question("bob", "n,,n=bob,r=x") };
    let step = start(&[open(), naming(Gives::Both)], login);
    assert!(matches!(step, Step::Draw(_)), "it is led to its end like a stranger's: {step:?}");
    let certificate = Question { proof: Proof::Certificate, ..question("bob", "x") };
    let (_, inquiry) = asked(start(&[naming(Gives::Rows)], certificate));
    assert!(matches!(inquiry.wants, Wants::Row(None)));
}

#[test]
fn a_token_is_never_compared_with_a_stored_password() {
    let token = Question { proof: Proof::Token, ..question("bob", "a") };
    let list = [remote("oauth2", Gives::Tokens), file("users", "bob:{PLAIN}a\n")];
    let (chain, _) = asked(start(&list, token.clone()));
    let answer = done(chain.answered(Reply::Mismatch));
    assert_eq!(refused(&answer).1, Some(Why::Mismatch));
    let (chain, _) = asked(start(&list, token));
    let answer = done(chain.answered(row(&[("password", "a")])));
    assert_eq!(refused(&answer).1, Some(Why::Mismatch));
}

#[test]
fn mail_is_looked_up_and_a_database_for_passwords_alone_is_no_trouble_beside_one_with_rows() {
    let list = [remote("pam", Gives::Verdicts), remote("sql", Gives::Rows)];
    let passdbs = Arc::new(Passdbs { users: UserRules::default(), list: list.to_vec() });
    let (chain, inquiry) = asked(Chain::look_up(&passdbs, question("bob", "")));
    assert!(matches!(inquiry.wants, Wants::Row(None)));
    let answer = done(chain.answered(row(&[("user", "robert")])));
    assert_eq!((&*accepted(&answer).user, answer.trouble.as_ref()), ("robert", None));
    let (chain, _) = asked(Chain::look_up(&passdbs, question("bob", "")));
    let answer = done(chain.answered(Reply::Unknown));
    // It may be one whom the other has.
    assert_eq!(refused(&answer).0, Failure::Unavailable);
}

#[test]
fn a_deny_database_that_does_not_answer_lets_no_user_in() {
    let deny = Passdb { role: Role::Deny, ..remote("deny", Gives::Rows) };
    let list = [deny, everybody("all", &[("password", "a")])];
    let ask = |reply| {
        let (chain, _) = asked(start(&list, question("bob", "a")));
        done(chain.answered(reply))
    };
    assert!(accepted(&ask(Reply::Unknown)).verified);
    assert_eq!(refused(&ask(row(&[]))).1, Some(Why::Denied));
    let trouble = Reply::Trouble(RemoteTrouble::TimedOut.into());
    assert_eq!(refused(&ask(trouble)).0, Failure::Unavailable);
}

#[test]
fn the_next_database_is_asked_when_one_has_no_answer() {
    let list = [remote("sql", Gives::Rows), file("users", "bob:{PLAIN}a\n")];
    let (chain, _) = asked(start(&list, question("bob", "a")));
    let answer = done(chain.answered(Reply::Trouble(RemoteTrouble::Failing.into())));
    assert!(accepted(&answer).verified);
    assert_eq!(&*answer.trouble.unwrap().passdb, "sql");
}

#[test]
fn a_database_is_asked_for_the_names_of_its_filter_alone() {
    let names = NameFilter::new(&["*@a.example".to_owned()]);
    let list = [Passdb { names, ..remote("sql", Gives::Rows) }, file("users", "bob:{PLAIN}a\n")];
    let users = UserRules { chars: AllowedChars::new(""), ..UserRules::default() };
    let passdbs = Arc::new(Passdbs { users, list: list.to_vec() });
    asked(Chain::start(&passdbs, question("bob@a.example", "a")));
    assert!(accepted(&done(Chain::start(&passdbs, question("bob", "a")))).verified);
}

#[test]
fn a_master_is_verified_and_then_the_user_is_looked_up() {
    let masters = Passdb { role: Role::Master, ..remote("masters", Gives::Verdicts) };
    let list = [masters, remote("sql", Gives::Rows)];
    let (chain, inquiry) = asked(start(&list, question("bob*admin", "a")));
    assert_eq!((&*inquiry.user, &*inquiry.master_user), ("admin", "admin"));
    let (chain, inquiry) = asked(chain.answered(Reply::Verified(Arc::default())));
    assert_eq!((&*inquiry.user, &*inquiry.master_user), ("bob", "admin"));
    let answer = done(chain.answered(row(&[("password", "other")])));
    assert_eq!(answer.master_user.as_deref(), Some("admin"));
    assert_eq!(&*accepted(&answer).user, "bob");
}

#[test]
fn a_remembered_row_that_does_not_fit_is_asked_about_again_and_counts_while_nothing_answers() {
    let list = [remote("sql", Gives::Rows)];
    let begin = || asked(start(&list, question("bob", "new")));
    let old = || row(&[("password", "old")]);
    // The password has been changed.
    let (chain, inquiry) = begin();
    let (chain, inquiry) = asked(chain.recalled(old(), Doubt::Recheck(inquiry)));
    assert!(inquiry.is_recheck);
    let answer = done(chain.answered(row(&[("password", "new")])));
    assert!(accepted(&answer).verified);
    // It has not.
    let (chain, inquiry) = begin();
    let (chain, _) = asked(chain.recalled(old(), Doubt::Recheck(inquiry)));
    assert_eq!(refused(&done(chain.answered(old()))).1, Some(Why::Mismatch));
    // It may have been, and the database does not say.
    let trouble: Cause = RemoteTrouble::Failing.into();
    let (chain, _) = begin();
    let answer = done(chain.recalled(old(), Doubt::Trouble(trouble)));
    assert_eq!(
        (refused(&answer).0, answer.trouble.unwrap().cause),
        (Failure::Unavailable, trouble)
    );
    let (chain, _) = begin();
    let answer = done(chain.recalled(row(&[("password", "new")]), Doubt::Trouble(trouble)));
    assert!(accepted(&answer).verified && answer.trouble.is_none());
    // A costly hash of a remembered row is compared first.
    let (chain, inquiry) = begin();
    let step = chain.recalled(row(&[("password", COSTLY)]), Doubt::Recheck(inquiry));
    let Step::Verify(chain, job) = step else { panic!("{step:?}") };
    assert!(asked(chain.verified(job.run())).1.is_recheck);
}
