//! The passdb drivers `oauth2` and `http` in all five protocols, one Hale each.

use std::net::TcpStream;
use std::time::Duration;

use hale::names::Protocol;

use super::imap::Imap;
use super::sasl::{Attempt, CHALLENGED, DOORS, KEY, PROTOCOLS, signed, write_key};
use super::site::{Door, PASSWORD, Site};
use super::wait::{PATIENCE, timed, wait_for};
use super::web_service::WebService;

/// What clients know; the backends have [`PASSWORD`].
const FRONT: &str = "front";

fn login<'a>(
    site: &'a Site,
    protocol: Protocol,
    mechanism: &'a str,
    user: &'a str,
    secret: &'a str,
) -> Attempt<'a> {
    Attempt { site, protocol, door: None, mechanism, user, secret, is_invited: false }
}

#[test]
fn sa_07_tokens_are_judged_in_every_protocol() {
    let folder = tempfile::tempdir().unwrap();
    write_key(folder.path());
    let user = "everywhere-token";
    let configuration = format!(
        "auth_mechanisms = plain login xoauth2 oauthbearer\nauth_failure_delay = 0\n\
         passdb tokens {{\n driver = oauth2\n mechanisms = xoauth2 oauthbearer\n oauth2_introspection_mode = local\n \
         oauth2_key_set = {}/keys\n oauth2_audience = mail\n oauth2_scope = imap\n oauth2_pass_attrs = pass={PASSWORD}\n}}\n",
        folder.path().display()
    );
    let site = Site::start(&["everywhere-lmtp"], &configuration);
    site.pair.add_user(user, PASSWORD.as_bytes());
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let claims = |email: &str, end: u64, aud: &str, scope: &str| {
        format!(r#"{{"sub":"1","email":"{email}","exp":{end},"aud":["{aud}"],"scope":"{scope}"}}"#)
    };
    const LATER: u64 = 4_102_444_800;
    let good = signed(KEY, header, &claims(user, LATER, "mail", "imap openid"));
    let bad = [
        ("expired", signed(KEY, header, &claims(user, 1_000_000_000, "mail", "imap"))),
        ("another audience", signed(KEY, header, &claims(user, LATER, "news", "imap"))),
        ("another scope", signed(KEY, header, &claims(user, LATER, "mail", "openid"))),
        ("another user's", signed(KEY, header, &claims("somebody", LATER, "mail", "imap"))),
        ("another key's", signed(b"another key", header, &claims(user, LATER, "mail", "imap"))),
        ("none", "opaque".to_owned()),
    ];
    for protocol in PROTOCOLS {
        for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
            for door in DOORS {
                Attempt { door, ..login(&site, protocol, mechanism, user, &good) }.is_let_in();
            }
            let invited = login(&site, protocol, mechanism, user, &good);
            Attempt { is_invited: true, ..invited }.is_let_in();
        }
        for (what, token) in &bad {
            let heard = login(&site, protocol, "XOAUTH2", user, token).run();
            let is_refused = heard.ends_with("\nout\n") && heard.contains(CHALLENGED);
            assert!(is_refused, "{what}, {protocol}: {heard}\n{}", site.hale.said());
        }
        login(&site, protocol, "OAUTHBEARER", user, &bad[0].1).is_refused(CHALLENGED);
    }
    // A passdb that reads tokens keeps no mail from the users that another one knows.
    assert_eq!(recipient(&site, "everywhere-lmtp"), "250");
}

/// The code of the reply to a recipient.
fn recipient(site: &Site, user: &str) -> String {
    let mut client = Imap::open(TcpStream::connect(site.clear(Protocol::Lmtp)).unwrap());
    for command in ["", "LHLO client.test\r\n", "MAIL FROM:<a@example.org>\r\n"] {
        client.send(command.as_bytes());
        code(&mut client);
    }
    client.send(format!("RCPT TO:<{user}>\r\n").as_bytes());
    code(&mut client)
}

fn code(client: &mut Imap) -> String {
    loop {
        let line = String::from_utf8(client.line()).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line.chars().take(3).collect();
        }
    }
}

#[test]
fn an_auth_http_service_judges_logins_in_every_protocol() {
    let service = WebService::start(|asked| {
        let of = |name| asked.field(name).unwrap_or_default().to_owned();
        let is_good = match &*of("auth-method") {
            "plain" => of("auth-pass") == FRONT,
            // Mail for a user.
            "none" => of("auth-protocol") == "lmtp",
            _ => false,
        };
        let (status, more) = match (&*of("auth-user"), is_good) {
            ("everywhere-http", true) => ("OK", ""),
            ("everywhere-later", _) => ("Not now", "Auth-Error-Code: 451 4.3.0\r\n"),
            ("everywhere-waits", _) => ("Wrong", "Auth-Wait: 2\r\n"),
            _ => ("Invalid login or password", ""),
        };
        (200, format!("Auth-Status: {status}\r\nAuth-Pass: {PASSWORD}\r\n{more}"), String::new())
    });
    let configuration = format!(
        "auth_failure_delay = 0\npassdb web {{\n driver = http\n http_auth_url = {}\n}}\n",
        service.url("/auth")
    );
    let site = Site::start(&[], &configuration);
    site.pair.add_user("everywhere-http", PASSWORD.as_bytes());
    for protocol in PROTOCOLS {
        for door in DOORS {
            Attempt { door, ..login(&site, protocol, "PLAIN", "everywhere-http", FRONT) }
                .is_let_in();
        }
        login(&site, protocol, "PLAIN", "everywhere-http", "wrong").is_refused("");
        let later = login(&site, protocol, "PLAIN", "everywhere-later", FRONT);
        later.is_refused("temporarily unavailable");
    }
    assert_eq!(recipient(&site, "everywhere-http"), "250");
    assert_eq!(recipient(&site, "everywhere-else"), "550");
    // Each protocol by nginx's word; what was said of a login in clear is not said of one by TLS.
    let asked = service.asked();
    for (word, is_secured) in
        ["imap", "pop3", "sieve", "smtp"].iter().flat_map(|word| [(word, false), (word, true)])
    {
        let is_it = |it: &&super::web_service::Asked| {
            it.field("auth-protocol") == Some(word)
                && it.field("auth-user") == Some("everywhere-http")
                && it.field("auth-pass") == Some(FRONT)
                && (it.field("auth-ssl") == Some("on")) == is_secured
        };
        let found = asked.iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("{word}, secured: {is_secured}: not asked"));
        let version = found.field("auth-ssl-protocol");
        assert_eq!(version.is_some_and(|it| it.starts_with("TLSv1.")), is_secured, "{version:?}");
        assert_eq!(found.field("auth-ssl-verify"), is_secured.then_some("NONE"));
    }
    attempts_are_counted(&site, &service);
}

/// `Auth-Login-Attempt` and `Auth-Wait`, on one connection.
fn attempts_are_counted(site: &Site, service: &WebService) {
    let mut client = Imap::open(TcpStream::connect(site.clear(Protocol::Imap)).unwrap());
    client.greeting();
    assert!(!client.try_login("everywhere-http", b"first"));
    let (took, is_in) = timed(|| client.try_login("everywhere-waits", b"second"));
    // Two seconds of a clock that counts whole ones.
    assert!(!is_in && took >= Duration::from_secs(1), "{took:?}");
    client.login("everywhere-http", FRONT.as_bytes());
    let asked = service.asked();
    let attempt = |password: &str| {
        let asked = asked.iter().find(|it| it.field("auth-pass") == Some(password))?;
        asked.field("auth-login-attempt").map(str::to_owned)
    };
    assert_eq!(attempt("first").as_deref(), Some("1"));
    assert_eq!(attempt("second").as_deref(), Some("2"));
    assert_eq!(attempt("wrong").as_deref(), Some("1"), "on a connection of its own");
    // Known by now, so that the service is not asked again.
    let door = Some(Door::Implicit);
    Attempt { door, ..login(site, Protocol::Imap, "PLAIN", "everywhere-http", FRONT) }.is_let_in();
    wait_for("the refusals in the log", PATIENCE, || {
        site.hale.said().contains("everywhere-waits").then_some(())
    });
}
