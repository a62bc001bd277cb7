//! The passdb driver `http`: nginx's auth_http and Hale's JSON form, by services of the tests' own.

use std::collections::HashSet;

use hale::auth::challenge::{Verdict, judge};
use hale::auth::scheme::{Scheme, Stored};
use hale::names::mechanism::Mechanism;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::tools::{CURL, said};
use super::wait::{PATIENCE, wait_for};
use super::web_service::{WebService, answer};

/// What the backends know; clients have another password.
const BEHIND: &str = "behind";

fn hale(pair: &Pair, users: &[&str], service: &WebService, more: &str) -> Hale {
    pair.add_users(users, BEHIND.as_bytes());
    let mut setup = Setup::new(pair.port);
    setup.configure(&format!(
        "auth_failure_delay = 0\npassdb web {{\n  driver = http\n  http_auth_url = {}\n  answer_timeout = 1s\n{more}\n}}",
        service.url("/auth")
    ));
    setup.start()
}

#[test]
fn an_auth_http_service_of_nginx_judges_logins_and_says_where_to() {
    let pair = Pair::shared();
    let there = format!("Auth-Server: 127.0.0.3\r\nAuth-Port: {}\r\n", pair.port);
    let service = WebService::start(move |asked| {
        let password = asked.field("auth-pass").unwrap_or_default();
        let (status, more) = match (asked.field("auth-user").unwrap_or_default(), password) {
            ("web-cluster", "a%20b%25") => ("OK", String::new()),
            ("web-named", "a%20b%25") => ("OK", there.clone()),
            ("WEB-SPELLED", "a%20b%25") => ("OK", "Auth-User: web-spelled\r\n".to_owned()),
            ("web-later", _) => ("Try again", "Auth-Error-Code: 451 4.3.0\r\n".to_owned()),
            _ => ("Invalid login or password", String::new()),
        };
        (200, format!("Auth-Status: {status}\r\nAuth-Pass: {BEHIND}\r\n{more}"), String::new())
    });
    let users = ["web-cluster", "web-named", "web-spelled"];
    let more = "  http_auth_header = X-Auth-Key: hush\n  auth_username_format = %{original_user}";
    let hale = hale(pair, &users, &service, more);
    assert!(answer(&hale, "web-cluster", "a b%").starts_with("a OK"), "{}", hale.said());
    pair.home_of("web-cluster");
    assert!(answer(&hale, "web-named", "a b%").starts_with("a OK"), "{}", hale.said());
    assert_eq!(pair.home_of("web-named"), 1, "not where the service said");
    assert!(answer(&hale, "WEB-SPELLED", "a b%").starts_with("a OK"), "{}", hale.said());
    let refused = answer(&hale, "web-cluster", "wrong");
    assert!(refused.starts_with("a NO [AUTHENTICATIONFAILED]"), "{refused}");
    let later = answer(&hale, "web-later", "x");
    assert!(later.starts_with("a NO [UNAVAILABLE]"), "{later}");
    let asked = service.asked();
    let first = &asked[0];
    assert_eq!(first.line, "GET /auth HTTP/1.1");
    for (name, value) in [
        ("auth-method", "plain"),
        ("auth-protocol", "imap"),
        ("auth-login-attempt", "1"),
        ("client-ip", "127.0.0.1"),
        ("x-auth-key", "hush"),
    ] {
        assert_eq!(first.field(name), Some(value), "{name}");
    }
}

#[test]
fn hales_own_json_form_gives_verdicts_rows_and_refusals() {
    let pair = Pair::shared();
    let service = WebService::start(|asked| {
        let user = asked.body.split("\"user\":\"").nth(1).unwrap_or_default();
        let user = user.split('"').next().unwrap_or_default();
        let fields = format!(r#""fields":{{"pass":"{BEHIND}"}}"#);
        let body = match user {
            "json-verdict" if asked.body.contains(r#""password":"quince""#) => {
                format!(r#"{{"result":"ok",{fields}}}"#)
            }
            "json-verdict" => r#"{"result":"mismatch"}"#.to_owned(),
            "json-row" => format!(r#"{{"result":"user","password":"{{PLAIN}}quince",{fields}}}"#),
            "json-later" => r#"{"result":"unavailable"}"#.to_owned(),
            _ => r#"{"result":"unknown"}"#.to_owned(),
        };
        (200, String::new(), body)
    });
    let users = ["json-verdict", "json-row"];
    let hale = hale(pair, &users, &service, "  http_auth_form = json");
    for user in users {
        assert!(answer(&hale, user, "quince").starts_with("a OK"), "{}", hale.said());
        let refused = answer(&hale, user, "wrong");
        assert!(refused.starts_with("a NO [AUTHENTICATIONFAILED]"), "{refused}");
    }
    // SA-09: what is remembered of one user is not another's, with the same password.
    assert!(answer(&hale, "json-third", "quince").starts_with("a NO [AUTHENTICATIONFAILED]"));
    for (user, code) in [("json-else", "AUTHENTICATIONFAILED"), ("json-later", "UNAVAILABLE")] {
        let refused = answer(&hale, user, "quince");
        assert!(refused.starts_with(&format!("a NO [{code}]")), "{refused}");
    }
}

/// curl answers challenges; the service judges, by the password that it knows and Hale does not.
#[test]
fn sa_05_an_auth_http_service_judges_answers_to_challenges() {
    const KNOWN: &str = "quince";
    let pair = Pair::shared();
    let service = WebService::start(move |asked| {
        let mechanism = match asked.field("auth-method") {
            Some("cram-md5") => Mechanism::CramMd5,
            Some("apop") => Mechanism::Apop,
            _ => return (200, "Auth-Status: No such method\r\n".to_owned(), String::new()),
        };
        let challenge = asked.field("auth-salt").unwrap_or_default();
        let answer = asked.field("auth-pass").unwrap_or_default();
        let stored = Stored::parse(KNOWN, Scheme::Plain).unwrap();
        let verdict = judge(mechanism, stored, challenge.as_bytes(), answer.as_bytes());
        let status = if verdict == Some(Verdict::Right) { "OK" } else { "Invalid login" };
        let pass = match asked.field("auth-user") {
            Some("salt-mute") => String::new(),
            _ => format!("Auth-Pass: {BEHIND}\r\n"),
        };
        (200, format!("Auth-Status: {status}\r\n{pass}"), String::new())
    });
    pair.add_users(&["salt", "salt-mute"], BEHIND.as_bytes());
    let mut setup = Setup::new(pair.port);
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_mechanisms = plain cram-md5 apop\n\
         passdb web {{\n  driver = http\n  http_auth_url = {}\n}}",
        service.url("/auth")
    ));
    let pop3 = setup.serve_pop3_and_sieve(pair).pop3;
    let hale = setup.start();
    let curl = |url: &str, mechanism: &str, user: &str, password: &str| {
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60", "--user"]);
        let options = format!("AUTH={mechanism}");
        command.args([&format!("{user}:{password}"), "--login-options", &options, url]);
        command.output().unwrap()
    };
    let imap = format!("imap://{}", hale.address());
    for (url, mechanism) in [(&*imap, "CRAM-MD5"), (&format!("pop3://{pop3}"), "+APOP")] {
        let output = curl(url, mechanism, "salt", KNOWN);
        assert!(output.status.success(), "{mechanism}: {}\n{}", said(&output), hale.said());
        let output = curl(url, mechanism, "salt", "wrong");
        assert_eq!(output.status.code(), Some(LOGIN_DENIED), "{mechanism}: {}", said(&output));
    }
    // The service has let the client in and says no password for the backend: no login, and the log says what is missing.
    let output = curl(&imap, "CRAM-MD5", "salt-mute", KNOWN);
    assert_eq!(output.status.code(), Some(LOGIN_DENIED), "{}", said(&output));
    wait_for("a line that names `pass`", PATIENCE, || hale.said().contains("`pass`").then_some(()));
    let asked = service.asked();
    let salts: HashSet<_> = asked.iter().map(|it| it.field("auth-salt").unwrap()).collect();
    assert_eq!(salts.len(), asked.len(), "a challenge came twice");
}

/// curl's exit status for it.
const LOGIN_DENIED: i32 = 67;
