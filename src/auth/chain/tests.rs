//! Whole logins through small sets of databases.

mod certificate;
mod exchange;
mod matrix;
mod elsewhere;
mod master;
mod token;

use proptest::prelude::*;

use super::*;
use crate::auth::ask::Proof;
use crate::auth::passdb::{Driver, Passdb, Skip};
use crate::auth::passwd_file::PasswdFile;
use crate::auth::scheme::Scheme;
use crate::auth::user::{UserError, UserRules};
use crate::names::Protocol;
use crate::secret::Secret;
use crate::template::{Letters, Template};

/// A hundred times `y`, by SHA512-CRYPT at its least rounds.
const COSTLY: &str = "{SHA512-CRYPT}$6$rounds=1000$saltsaltsaltsalt$kd0nBRHc1uf8JudOZ7Qz3x19w65eDt6DAYPe2pWvS4GyY2v9MOTknPhxo7dvoqoaCiaSqb0sJNyM3Q5Up.7/C0";

fn costly_password() -> String {
    "y".repeat(100)
}

fn file(name: &str, text: &str) -> Passdb {
    let (file, report) = PasswdFile::parse(text.into()).unwrap();
    assert_eq!(report.bad_lines, 0);
    Passdb::new(name, Driver::PasswdFile(Arc::new(file)))
}

fn everybody(name: &str, fields: &[(&str, &str)]) -> Passdb {
    with(Passdb::new(name, Driver::Static), fields)
}

fn with(passdb: Passdb, fields: &[(&str, &str)]) -> Passdb {
    let fields = fields
        .iter()
        .map(|(name, text)| ((*name).into(), Template::parse(text, Letters::Text).unwrap()))
        .collect();
    Passdb { fields, ..passdb }
}

fn question(user: &str, password: &str) -> Question {
    Question {
        protocol: Protocol::Imap,
        user: user.into(),
        authorize_as: None,
        proof: Proof::Password,
        password: Secret::from(password),
        bound_to: Secret::default(),
        remote: "192.0.2.7".parse().unwrap(),
        local: "192.0.2.1".parse().unwrap(),
        approach: crate::facts::Approach::default(),
    }
}

/// Goes through to the end and counts the costly verifications on the way.
fn ask(list: &[Passdb], question: Question) -> (Answer, usize) {
    let users = UserRules { master_separator: Some('*'), ..UserRules::default() };
    let passdbs = Arc::new(Passdbs { users, list: list.to_vec() });
    let mut jobs = 0;
    let mut step = Chain::start(&passdbs, question);
    loop {
        match step {
            Step::Done(answer) => return (*answer, jobs),
            Step::Verify(chain, job) => {
                jobs += 1;
                step = chain.verified(job.run());
            }
            _ => panic!("a database elsewhere, or an exchange"),
        }
    }
}

fn login(list: &[Passdb], user: &str, password: &str) -> Answer {
    ask(list, question(user, password)).0
}

fn accepted(answer: &Answer) -> &Grant {
    match &answer.verdict {
        Verdict::Accept(grant) => grant,
        Verdict::Refuse { .. } | Verdict::Elsewhere(_) => panic!("refused: {answer:?}"),
    }
}

fn refused(answer: &Answer) -> Failure {
    match &answer.verdict {
        Verdict::Refuse { failure, .. } => *failure,
        Verdict::Elsewhere(_) => panic!("sent away: {answer:?}"),
        Verdict::Accept(_) => panic!("accepted: {answer:?}"),
    }
}

#[test]
fn case_05_variables_in_rows_are_expanded_or_fail_the_login_and_never_stay_as_they_are() {
    let list = [file(
        "users",
        "ann@x.org:{PLAIN}pw::::::proxy=y host=%Mn.%d forward_from=%{user|domain|upper} pass=<%{user}> mail=%h\n\
         bob:{PLAIN}pw::::::proxy=y host=h pass=%w\ncid:{PLAIN}pw::::::proxy=y host=%{nosuch}\n\
         dan:{PLAIN}%{env:PW}::::::proxy=y host=h\neve:{PLAIN}pw::::::proxy=y host=%{user|hex}\n",
    )];
    let answer = login(&list, "ann@x.org", "pw");
    let grant = accepted(&answer);
    assert_eq!(grant.host.as_deref(), Some("7e0d7f8a5d96c24ffcc840f31bce72b2.x.org"));
    assert_eq!(grant.pass.as_ref().unwrap().expose(), b"<ann@x.org>");
    assert_eq!(grant.forward, [("from".into(), "X.ORG".into())]);
    for (user, password) in [("bob", "pw"), ("cid", "pw"), ("dan", "%{env"), ("eve", "pw")] {
        let verdict = login(&list, user, password).verdict;
        assert!(matches!(verdict, Verdict::Refuse { .. }), "{user}: {verdict:?}");
    }
}

#[test]
fn the_seeds_test_accounts_have_their_password_from_the_fields_and_come_first() {
    let accounts = file("test-accounts", "probe-be1\nprobe-be2:{PLAIN}own\n");
    let accounts = with(accounts, &[("proxy", "y"), ("password", "shared{x}")]);
    let list = [accounts, file("users", "bob:{PLAIN}sesame\n")];
    let grant = accepted(&login(&list, "Probe-BE1", "shared{x}")).clone();
    assert_eq!(grant, Grant::new("probe-be1", true));
    assert!(accepted(&login(&list, "probe-be2", "own")).verified);
    assert_eq!(refused(&login(&list, "probe-be2", "shared{x}")), Failure::Credentials);
    assert!(accepted(&login(&list, "bob", "sesame")).verified);
    assert_eq!(refused(&login(&list, "bob", "shared{x}")), Failure::Credentials);
}

#[test]
fn unknown_users_and_mismatches_go_on_to_the_next_database() {
    let list = [
        file("a", "bob:{PLAIN}one\n"),
        file("b", "bob:{PLAIN}two::::::host=h\neve:{PLAIN}three\n"),
    ];
    assert_eq!(accepted(&login(&list, "bob", "one")).host, None);
    assert_eq!(accepted(&login(&list, "bob", "two")).host.as_deref(), Some("h"));
    assert!(accepted(&login(&list, "eve", "three")).verified);
    let answer = login(&list, "bob", "three");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Mismatch)));
    let answer = login(&list, "mia", "one");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::UnknownUser)));
    assert_eq!(refused(&login(&[], "bob", "one")), Failure::Credentials);
}

#[test]
fn costly_passwords_stop_the_machine_and_cheap_ones_do_not() {
    let list = [file("a", &format!("bob:{COSTLY}\n")), file("b", "bob:{PLAIN}cheap\n")];
    let (answer, jobs) = ask(&list, question("bob", &costly_password()));
    assert_eq!((accepted(&answer).verified, jobs), (true, 1));
    let (answer, jobs) = ask(&list, question("bob", "cheap"));
    assert_eq!((accepted(&answer).verified, jobs), (true, 1));
    let (answer, jobs) = ask(&list, question("eve", "cheap"));
    assert_eq!((refused(&answer), jobs), (Failure::Credentials, 0));
}

#[test]
fn sa_18_a_verification_that_could_not_be_made_is_a_temporary_failure() {
    let passdbs = Arc::new(Passdbs {
        list: vec![file("a", &format!("bob:{COSTLY}\n"))],
        ..Passdbs::default()
    });
    let Step::Verify(chain, _) = Chain::start(&passdbs, question("bob", "x")) else {
        panic!("not costly")
    };
    let Step::Done(answer) = chain.verified(Err(SchemeError::OutOfMemory)) else {
        panic!("not done")
    };
    assert_eq!(refused(&answer), Failure::Unavailable);
}

#[test]
fn sa_10_the_cache_key_changes_with_the_stored_text_and_with_the_password() {
    let job = |row: &str, password: &str| {
        let passdbs = Arc::new(Passdbs { list: vec![file("a", row)], ..Passdbs::default() });
        match Chain::start(&passdbs, question("bob", password)) {
            Step::Verify(_, job) => job.key(&Secret::from("process")),
            _ => panic!("not costly"),
        }
    };
    let row = format!("bob:{COSTLY}\n");
    assert_eq!(job(&row, "p"), job(&format!("bob:{COSTLY}:::::::host=x\n"), "p"));
    assert_ne!(job(&row, "p"), job(&row, "q"));
    assert_ne!(job(&row, "p"), job(&row.replace("saltsalt", "saltsalz"), "p"));
}

#[test]
fn w_cred_3_nopassword_is_accepted_but_never_as_verified_and_not_without_a_password() {
    let list = [everybody(
        "static",
        &[("nopassword", "y"), ("proxy", "y"), ("destuser", "%{user}@internal")],
    )];
    let answer = login(&list, "Bob", "anything");
    let grant = accepted(&answer);
    assert!(!grant.verified);
    assert_eq!(grant.destuser.as_deref(), Some("bob@internal"));
    let answer = login(&list, "bob", "");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Password)));
    // Beside a password it counts for nothing, as in Dovecot.
    let list = [file("a", "bob:{PLAIN}sesame::::::nopassword\neve:::::::nopassword\nmia:\n")];
    assert_eq!(refused(&login(&list, "bob", "other")), Failure::Credentials);
    assert!(accepted(&login(&list, "bob", "sesame")).verified);
    assert!(!accepted(&login(&list, "eve", "other")).verified);
    assert_eq!(refused(&login(&list, "mia", "other")), Failure::Credentials);
}

#[test]
fn w_cred_3_a_static_database_without_password_and_nopassword_accepts_nobody() {
    assert_eq!(
        refused(&login(&[everybody("static", &[("proxy", "y")])], "bob", "x")),
        Failure::Credentials
    );
}

#[test]
fn w_sasl_7_passwords_with_line_ends_or_nul_and_sa_17_long_ones_never_reach_a_database() {
    let list = [everybody("static", &[("nopassword", "y")])];
    for password in ["a\0b", "a\rb", "a\nDELE 1", &"x".repeat(1025), &"x".repeat(4096)] {
        assert_eq!(refused(&login(&list, "bob", password)), Failure::Credentials);
    }
    assert!(!accepted(&login(&list, "bob", &"x".repeat(1024))).verified);
    let answer = login(&list, "a\nb", "x");
    assert_eq!(
        (refused(&answer), answer.why),
        (Failure::Credentials, Some(Why::User(UserError::Control)))
    );
}

#[test]
fn sa_16_an_unusable_stored_password_is_a_temporary_failure_and_is_logged_without_the_hash() {
    let broken = file(
        "users",
        "bob:{ARGON2ID}$argon2id$v=19$m=67108864,t=1,p=1$c2FsdHNhbHQ$c2VjcmV0c2VjcmV0c2VjcmV0\n",
    );
    let answer = login(std::slice::from_ref(&broken), "bob", "x");
    assert_eq!(refused(&answer), Failure::Unavailable);
    let told = answer.trouble.clone().unwrap().to_string();
    assert_eq!(told, "passdb users: verifying the stored password costs more than allowed");
    assert!(!format!("{answer:?}").contains("c2Fs"));
    // Another database may still have the right password.
    let list = [broken, file("b", "bob:{PLAIN}right\n")];
    let answer = login(&list, "bob", "right");
    assert!(accepted(&answer).verified && answer.trouble.is_some());
    assert_eq!(refused(&login(&list, "bob", "wrong")), Failure::Unavailable);
}

#[test]
fn sa_21_a_senseless_field_is_a_temporary_failure_that_names_database_and_field() {
    let answer = login(&[file("users", "bob:{PLAIN}x::::::port=0\n")], "bob", "x");
    assert_eq!(refused(&answer), Failure::Unavailable);
    let told = answer.trouble.unwrap().to_string();
    assert_eq!(told, "passdb users: field port: expected a port from 1 to 65535");
}

#[test]
fn nologin_refuses_only_those_who_know_the_password() {
    let list = [file("users", "bob:{PLAIN}x::::::nologin reason=Moved\n")];
    let answer = login(&list, "bob", "x");
    let Verdict::Refuse { failure: Failure::Disabled, reason } = &answer.verdict else {
        panic!("{answer:?}")
    };
    assert_eq!(reason.as_deref(), Some("Moved"));
    assert_eq!(refused(&login(&list, "bob", "y")), Failure::Credentials);
}

#[test]
fn w_ref_5_nologin_with_a_host_sends_those_away_who_know_the_password() {
    let row = "bob:{PLAIN}x::::::nologin host=be9 port=1143 destuser=rob reason=Moved\n";
    let list = [file("users", row)];
    let answer = login(&list, "bob", "x");
    let Verdict::Elsewhere(place) = &answer.verdict else { panic!("{answer:?}") };
    let Elsewhere { user, host, port, reason } = &**place;
    assert_eq!(
        (&**user, &**host, *port, reason.as_deref()),
        ("rob", "be9", Some(1143), Some("Moved"))
    );
    assert_eq!(answer.why, Some(Why::Nologin));
    assert_eq!(refused(&login(&list, "bob", "y")), Failure::Credentials);
}

#[test]
fn deny_databases_refuse_whoever_is_in_them_and_fail_closed() {
    let deny = |text: &str| Passdb { role: Role::Deny, ..file("deny", text) };
    let users = file("users", "bob:{PLAIN}x\neve:{PLAIN}x\n");
    let answer = login(&[deny("eve\n"), users.clone()], "eve", "x");
    assert_eq!((refused(&answer), answer.why), (Failure::Disabled, Some(Why::Denied)));
    assert!(accepted(&login(&[deny("eve\n"), users.clone()], "bob", "x")).verified);
    assert_eq!(
        refused(&login(&[deny("eve:::::::port=no\n"), users], "eve", "x")),
        Failure::Unavailable
    );
}

#[test]
fn allow_nets_hides_the_user_from_other_networks() {
    let list = [file(
        "users",
        "bob:{PLAIN}x::::::allow_nets=192.0.2.0/24\neve:{PLAIN}x::::::allow_nets=10.0.0.0/8\n",
    )];
    assert!(accepted(&login(&list, "bob", "x")).verified);
    let answer = login(&list, "eve", "x");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::Networks)));
}

#[test]
fn result_rules_and_skip_are_dovecots() {
    let first = |success, failure| Passdb {
        result_success: success,
        result_failure: failure,
        ..file("first", "bob:{PLAIN}x::::::forward_a=1\n")
    };
    let second = file("second", "bob:{PLAIN}other::::::forward_b=2\neve:{PLAIN}x\n");
    // The password was right once; the second database is asked for its fields only.
    let answer = login(&[first(Rule::Continue, Rule::Return), second.clone()], "bob", "x");
    assert_eq!(accepted(&answer).forward.len(), 2);
    assert_eq!(
        refused(&login(&[first(Rule::Continue, Rule::Return), second.clone()], "eve", "x")),
        Failure::Credentials
    );
    assert_eq!(
        refused(&login(&[first(Rule::Continue, Rule::Continue)], "bob", "x")),
        Failure::Credentials
    );
    assert!(accepted(&login(&[first(Rule::ContinueOk, Rule::Continue)], "bob", "x")).verified);
    assert_eq!(
        refused(&login(&[first(Rule::ReturnFail, Rule::Continue)], "bob", "x")),
        Failure::Credentials
    );
    let skipped = Passdb { skip: Skip::Authenticated, ..second.clone() };
    let answer = login(&[first(Rule::ContinueOk, Rule::Continue), skipped], "bob", "x");
    assert_eq!(accepted(&answer).forward.len(), 1);
    let only_after = Passdb { skip: Skip::Unauthenticated, ..second };
    assert_eq!(refused(&login(&[only_after], "eve", "x")), Failure::Credentials);
}

#[test]
fn protocols_username_format_and_default_scheme_belong_to_each_database() {
    let pop3 = Passdb { protocols: vec![Protocol::Pop3], ..file("pop3", "bob:{PLAIN}x\n") };
    assert_eq!(refused(&login(std::slice::from_ref(&pop3), "bob", "x")), Failure::Credentials);
    assert!(
        accepted(&ask(&[pop3], Question { protocol: Protocol::Pop3, ..question("bob", "x") }).0)
            .verified
    );
    let short = Passdb {
        username_format: Template::parse("%{user | username}", Letters::Text).unwrap(),
        default_scheme: Scheme::Plain,
        ..file("short", "bob:sesame\n")
    };
    assert_eq!(
        accepted(&login(&[short], "bob@example.org", "sesame")).user.as_ref(),
        "bob@example.org"
    );
    // A hash without its scheme is no password in clear, whoever knows it.
    let hash = "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
    let fixed = everybody("fixed", &[("password", hash)]);
    let hashed = Passdb { default_scheme: Scheme::Sha1, ..fixed.clone() };
    assert_eq!(refused(&login(std::slice::from_ref(&hashed), "bob", hash)), Failure::Credentials);
    assert!(accepted(&login(&[hashed], "bob", "abc")).verified);
    assert!(accepted(&login(&[fixed], "bob", hash)).verified, "PLAIN where nothing is said");
}

#[test]
fn default_fields_yield_to_the_row_and_fields_override_it() {
    let passdb = with(file("a", "bob:{PLAIN}x::::::host=row port=1143\n"), &[("host", "fields")]);
    let defaults = [("port", "143"), ("destuser", "d")];
    let default_fields = defaults.map(|(name, text)| (name.into(), Template::literal(text))).into();
    let answer = login(&[Passdb { default_fields, ..passdb }], "bob", "x");
    let grant = accepted(&answer);
    assert_eq!(
        (grant.host.as_deref(), grant.port, grant.destuser.as_deref()),
        (Some("fields"), Some(1143), Some("d"))
    );
}

#[test]
fn noauthenticate_adds_fields_to_the_database_that_does() {
    let list = [
        everybody("facts", &[("noauthenticate", "y"), ("forward_a", "1")]),
        file("users", "bob:{PLAIN}x\n"),
    ];
    assert_eq!(accepted(&login(&list, "bob", "x")).forward.len(), 1);
    assert_eq!(refused(&login(&list, "bob", "y")), Failure::Credentials);
    assert_eq!(refused(&login(&list[..1], "bob", "x")), Failure::Credentials);
}

#[test]
fn the_field_user_renames_and_nodelay_holds_for_wrong_passwords_too() {
    let list = [file("users", "bob:{PLAIN}x::::::user=robert nodelay delay_until=17\n")];
    let answer = login(&list, "bob", "x");
    assert_eq!(accepted(&answer).user.as_ref(), "robert");
    let answer = login(&list, "bob", "y");
    assert!(answer.nodelay && answer.delay_until.is_some_and(|delay| delay.unix_s == 17));
    assert!(!login(&list, "eve", "y").nodelay);
}

#[test]
fn debug_of_every_public_type_shows_no_secret() {
    let list = vec![
        with(
            file("a", "bob:{PLAIN}hunter1::::::pass=hunter2\n"),
            &[("password", "hunter3"), ("pass", "hunter4")],
        ),
        file("b", &format!("bob:{COSTLY}:::::::pass=hunter5\n")),
    ];
    let passdbs = Arc::new(Passdbs { list, ..Passdbs::default() });
    let shown = format!("{passdbs:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    for password in ["hunter6", "hunter1"] {
        let step = Chain::start(&passdbs, question("bob", password));
        let shown = format!("{step:?}");
        assert!(
            !shown.contains("hunter") && !shown.contains("$6$") && !shown.contains("kd0n"),
            "{shown}"
        );
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let rules = [
        Rule::Return,
        Rule::ReturnOk,
        Rule::ReturnFail,
        Rule::Continue,
        Rule::ContinueOk,
        Rule::ContinueFail,
    ];
    proptest::sample::select(rules.to_vec())
}

fn any_passdb() -> impl Strategy<Value = Passdb> {
    let rows = proptest::sample::select(vec![
        "bob:{PLAIN}right\n",
        "bob:{PLAIN}other\n",
        "bob:{MD5}x\n",
        "bob:::::::nopassword\n",
        "bob:{PLAIN}right::::::noauthenticate\n",
        "eve:{PLAIN}right\n",
    ]);
    let roles = proptest::sample::select(vec![Role::Users, Role::Users, Role::Master, Role::Deny]);
    let skips = proptest::sample::select(vec![
        Skip::Never,
        Skip::Never,
        Skip::Authenticated,
        Skip::Unauthenticated,
    ]);
    (rows, roles, skips, any_rule(), any_rule()).prop_map(
        |(row, role, skip, result_success, result_internalfail)| Passdb {
            role,
            skip,
            result_success,
            result_internalfail,
            ..file("any", row)
        },
    )
}

proptest! {
    #[test]
    fn w_cred_3_nobody_is_verified_without_the_right_password(list in proptest::collection::vec(any_passdb(), 0..5)) {
        let wrong = login(&list, "bob", "wrong");
        if let Verdict::Accept(grant) = &wrong.verdict {
            prop_assert!(!grant.verified, "{:?}", list);
        }
        let by_master = login(&list, "bob*eve", "wrong");
        let is_refused = matches!(by_master.verdict, Verdict::Refuse { .. });
        prop_assert!(is_refused, "{:?}", list);
    }
}

#[test]
fn w_lmtp_1_a_mailbox_has_an_owner_whatever_his_password() {
    let list = [
        file(
            "a",
            &format!(
                "bob:{COSTLY}::::::allow_nets=10.0.0.0/8 destuser=b17\nout:{{PLAIN}}x::::::nologin=y\n"
            ),
        ),
        file("b", "mia:{PLAIN}\n"),
    ];
    let users = UserRules { master_separator: Some('*'), ..UserRules::default() };
    let passdbs = Arc::new(Passdbs { users, list: list.to_vec() });
    let of = |user: &str| match Chain::look_up(&passdbs, question(user, "")) {
        Step::Done(answer) => *answer,
        _ => panic!("a file answers at once"),
    };
    let bob = of("Bob");
    assert_eq!((accepted(&bob).destuser.as_deref(), accepted(&bob).verified), (Some("b17"), false));
    assert_eq!(&*accepted(&of("mia")).user, "mia");
    assert_eq!(refused(&of("out")), Failure::Disabled);
    assert_eq!(
        (refused(&of("eve")), of("eve").why),
        (Failure::Credentials, Some(Why::UnknownUser))
    );
    assert_eq!(refused(&of("bob*mia")), Failure::Credentials, "an address names no master");
}
