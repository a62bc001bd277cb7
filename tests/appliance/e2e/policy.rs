//! Auth policy: a server of the tests' own that lets go on, refuses, holds back, says nothing, and is told how logins ended.

use std::time::Duration;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::wait::{PATIENCE, timed, wait_for};
use super::web_service::{Manner, WebService, answer};

const PASSWORD: &str = "secret";

fn server() -> WebService {
    WebService::start(|asked| {
        let body = if asked.line.contains("command=report") {
            r#"{"status":0}"#
        } else if asked.body.contains("pol-refused") {
            r#"{"status":-1,"msg":"too many failures from there"}"#
        } else if asked.body.contains("pol-silently") {
            r#"{"status":-1,"r":{"status":0}}"#
        } else if asked.body.contains("pol-slow") {
            r#"{"status":1,"msg":""}"#
        } else {
            r#"{"status":0,"msg":""}"#
        };
        (200, String::new(), body.to_owned())
    })
}

fn hale(users: &[&str], server: &WebService, more: &str) -> Hale {
    let mut setup = Setup::with_users(Pair::shared(), users, PASSWORD.as_bytes());
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_policy_server_url = {}\nauth_policy_hash_nonce = a nonce\n\
         auth_policy_server_api_header = Authorization: Basic x\n{more}",
        server.url("/")
    ));
    setup.start()
}

/// Questions about a user, allow and report together.
fn about(server: &WebService, user: &str) -> Vec<String> {
    let asked = server.asked().into_iter().filter(|asked| asked.body.contains(user));
    asked.map(|asked| format!("{} {}", asked.line, asked.body)).collect()
}

#[test]
fn sa_15_a_policy_server_lets_go_on_refuses_and_holds_back_and_is_told_the_end() {
    let server = server();
    let users = ["pol-good", "pol-refused", "pol-silently", "pol-slow"];
    let hale = hale(&users, &server, "");
    assert!(answer(&hale, "pol-good", PASSWORD).starts_with("a OK"), "{}", hale.said());
    assert!(answer(&hale, "pol-good", "wrong").starts_with("a NO [AUTHENTICATIONFAILED]"));
    let refused = answer(&hale, "pol-refused", PASSWORD);
    assert!(refused.starts_with("a NO") && refused.contains("too many failures"), "{refused}");
    let silently = answer(&hale, "pol-silently", PASSWORD);
    assert!(silently.starts_with("a NO [AUTHENTICATIONFAILED]"), "{silently}");
    let (time, slow) = timed(|| answer(&hale, "pol-slow", PASSWORD));
    assert!(slow.starts_with("a OK") && time >= Duration::from_secs(1), "{slow} after {time:?}");
    // One question a login, and one report, which no login waits for.
    let told = wait_for("the reports", PATIENCE, || {
        let told = about(&server, "pol-good");
        (told.len() == 4).then_some(told)
    });
    assert_eq!(told.iter().filter(|it| it.contains("POST /?command=allow")).count(), 2, "{told:?}");
    for word in [r#""success":true"#, r#""success":false"#] {
        assert_eq!(told.iter().filter(|it| it.contains(word)).count(), 1, "{told:?}");
    }
    let first = &told[0];
    for word in
        [r#""protocol":"imap""#, r#""remote":"127.0.0.1""#, r#""tls":false"#, r#""pwhash":"0"#]
    {
        assert!(first.contains(word), "{first}");
    }
    assert!(!first.contains(PASSWORD), "{first}");
    let reports = wait_for("the report of a refusal", PATIENCE, || {
        let told = about(&server, "pol-refused");
        told.into_iter().find(|it| it.contains("command=report"))
    });
    assert!(reports.contains(r#""policy_reject":true"#), "{reports}");
}

#[test]
fn sa_15_while_the_server_gives_no_answer_logins_go_on_or_wait_as_configured() {
    let server = server();
    let open = hale(&["pol-open"], &server, "auth_policy_server_timeout_msecs = 200");
    let closed = hale(
        &["pol-closed"],
        &server,
        "auth_policy_server_timeout_msecs = 200\nauth_policy_reject_on_fail = yes",
    );
    for manner in [Manner::Nonsense, Manner::Silent, Manner::Gone] {
        server.behave(manner);
        assert!(answer(&open, "pol-open", PASSWORD).starts_with("a OK"), "{manner:?}");
        let refused = answer(&closed, "pol-closed", PASSWORD);
        assert!(refused.starts_with("a NO [UNAVAILABLE]"), "{manner:?}: {refused}");
    }
    wait_for("the line about it", PATIENCE, || {
        let refused = answer(&closed, "pol-closed", PASSWORD);
        assert!(refused.starts_with("a NO [UNAVAILABLE]"), "{refused}");
        closed.said().contains("does not answer").then_some(())
    });
    assert!(closed.said().contains("answers what cannot be used"), "{}", closed.said());
    server.behave(Manner::Well);
    // A trial finds out, and no login.
    wait_for("it counts as well", PATIENCE, || {
        (closed.status("policy server", "state") == "ok").then_some(())
    });
    assert!(answer(&closed, "pol-closed", PASSWORD).starts_with("a OK"), "{}", closed.said());
    wait_for("the line about its end", PATIENCE, || {
        closed.said().contains("answers again after").then_some(())
    });
}

#[test]
fn sa_15_no_login_waits_for_a_server_that_has_been_failing() {
    let server = server();
    let more = "auth_policy_server_timeout_msecs = 400\nauth_policy_report_after_auth = no";
    let hale = hale(&["pol-known"], &server, more);
    let number = |property| hale.number("policy server", property);
    assert!(answer(&hale, "pol-known", PASSWORD).starts_with("a OK"));
    server.behave(Manner::Silent);
    for asked in 1..=3 {
        assert!(answer(&hale, "pol-known", PASSWORD).starts_with("a OK"));
        wait_for("given up", PATIENCE, || (number("unanswered") >= asked).then_some(()));
    }
    assert!(number("outages") == 1 && number("let_go") == 1, "{}", hale.said());
    // Besides trials, which are no questions about a login.
    let put = || about(&server, "pol-known").len();
    let before = put();
    for _ in 0..5 {
        assert!(answer(&hale, "pol-known", PASSWORD).starts_with("a OK"));
    }
    assert_eq!((number("unanswered"), number("turned_away"), put()), (3, 5, before));
    let line = wait_for("the line about it", PATIENCE, || {
        hale.said().lines().find(|line| line.contains("does not answer")).map(str::to_owned)
    });
    for word in ["no answer within 400 ms", "go on without its opinion", "auth_policy_server_url"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn a_policy_server_may_only_be_listened_to_and_asked_behind_good_logins() {
    let server = server();
    let more = "auth_policy_log_only = yes";
    let listening = hale(&["pol-refused"], &server, more);
    assert!(
        answer(&listening, "pol-refused", PASSWORD).starts_with("a OK"),
        "{}",
        listening.said()
    );
    wait_for("the line about it", PATIENCE, || {
        listening.said().contains("would refuse the login of <pol-refused>").then_some(())
    });
    let more = "auth_policy_check_before_auth = no\nauth_policy_check_after_auth = yes\n\
                auth_policy_report_after_auth = no";
    let after = hale(&["pol-silently-after"], &server, more);
    assert!(answer(&after, "pol-silently-after", "wrong").starts_with("a NO"));
    assert!(about(&server, "pol-silently-after").is_empty(), "a bad login is not asked about");
    let refused = answer(&after, "pol-silently-after", PASSWORD);
    assert!(refused.starts_with("a NO [AUTHENTICATIONFAILED]"), "{refused}");
    assert_eq!(about(&server, "pol-silently-after").len(), 1);
}
