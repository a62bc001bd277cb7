//! The admin socket's commands by HTTP, with curl.

use std::net::SocketAddr;

use super::hale::{Hale, Setup};
use super::ports::{FRONT, free_port};
use super::reload::greeting;
use super::script::ScriptedBackends;
use super::tools::{CURL, run};

const KEY: &str = "Authorization: X-Dovecot-API a2V5";

fn start(backends: &ScriptedBackends) -> (Hale, SocketAddr) {
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["alice"], b"secret");
    let port = free_port();
    setup.configure(&format!(
        "doveadm_api_key = key\nauth_failure_delay = 0\n\
         service doveadm {{\n  inet_listener http {{\n    listen = {FRONT}\n    port = {port}\n  }}\n}}"
    ));
    (setup.start(), (FRONT, port).into())
}

/// The status, and the body.
fn ask(to: SocketAddr, path: &str, words: &[&str]) -> (String, String) {
    let mut command = CURL.command();
    command.args(["-s", "--max-time", "20", "-w", "\n%{http_code}"]).args(words);
    let text = String::from_utf8(run(command.arg(format!("http://{to}{path}")))).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn op_08_the_commands_of_the_socket_are_there_by_http_for_those_with_the_key() {
    let backends = ScriptedBackends::start();
    let (hale, api) = start(&backends);
    let _alice = hale.session("alice", b"secret");
    backends.next_session();
    let post = |path: &str, body: &str| ask(api, path, &["-H", KEY, "-d", body]);

    let (status, body) = post("/hale/v1/who", r#"{"whom":["alice"]}"#);
    assert!(status == "200" && body.contains(r#"["alice","imap""#), "{status} {body}");
    assert!(body.contains(r#""exit":0"#) && body.contains(r#""columns":["username""#), "{body}");
    let (status, body) = post("/hale/v1/cluster/backend/status", r#"{"host":"be1.test"}"#);
    assert!(status == "200" && body.contains("be1.test"), "{status} {body}");

    let (status, body) = post("/hale/v1/listener/drain", r#"{"name":"imap"}"#);
    assert!(status == "200" && body.contains("drained"), "{status} {body}");
    assert_eq!(greeting(hale.address()), None);
    let (status, body) = post("/hale/v1/listener/resume", r#"{"name":"imap"}"#);
    assert!(status == "200" && body.contains("open"), "{status} {body}");
    assert!(greeting(hale.address()).is_some());
    let (status, body) = post("/hale/v1/reload", "");
    assert!(status == "200" && body.contains(r#""exit":0"#), "{status} {body}");
    let (status, body) = post("/hale/v1/kick", r#"{"whom":["alice"],"reason":"a test"}"#);
    assert!(status == "200" && body.contains("alice"), "{status} {body}");

    for (path, body, expected) in [
        ("/hale/v1/kick", r#"{"whom":["nobody"]}"#, "404"),
        ("/hale/v1/kick", "{}", "400"),
        ("/hale/v1/listener/drain", r#"{"name":"imapp"}"#, "404"),
        ("/hale/v1/listener/drain", r#"{"nme":"imap"}"#, "400"),
        ("/hale/v1/listener/drain", "[", "400"),
        ("/hale/v1/run", "", "404"),
        ("/hale/v1/", "", "404"),
        ("/hale/v1x/status", "", "404"),
    ] {
        let (status, said) = post(path, body);
        assert_eq!(status, expected, "{path} {body}: {said}");
    }
    for words in [&["-d", ""][..], &["-d", "", "-H", "Authorization: X-Dovecot-API eA=="]] {
        assert_eq!(ask(api, "/hale/v1/status", words).0, "401");
    }
    let (status, body) = ask(api, "/hale/v1/openapi.json", &["-H", KEY]);
    assert!(status == "200" && body.contains("/hale/v1/listener/drain"), "{status} {body}");
    assert!(hale.said().contains("admin: kick"), "orders are in the log");
}
