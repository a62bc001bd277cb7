//! doveadm by HTTP, with curl, beside a real Dovecot's.

use std::net::SocketAddr;
use std::time::Duration;

use super::doveadm::Stage;
use super::hale::{Hale, Setup};
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::{CURL, PYTHON, run};
use super::wait::{PATIENCE, now, wait_for};

const KEY: &str = "Authorization: X-Dovecot-API a2V5";
const PASSWORD: &[u8] = b"pw";

/// Hale with doveadm by HTTP.
pub(crate) fn start(stage: &Stage, users: &[&str]) -> (Hale, SocketAddr) {
    let mut setup = Setup::with_users(&stage.pair, users, PASSWORD);
    let port = free_port();
    setup.configure(&format!(
        "doveadm_port = {}\ndoveadm_password = secret\ndoveadm_api_key = key\nauth_failure_delay = 1s\n\
         service doveadm {{\n  inet_listener http {{\n    listen = {FRONT}\n    port = {port}\n  }}\n}}",
        stage.port
    ));
    (setup.start(), (FRONT, port).into())
}

/// Status, the headers that matter, and the body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) status: String,
    headers: Vec<String>,
    pub(crate) body: String,
}

fn curl(to: SocketAddr, path: &str, words: &[&str]) -> Heard {
    let mut command = CURL.command();
    command.args(["-s", "-i", "--max-time", "20"]).args(words).arg(format!("http://{to}{path}"));
    let text = String::from_utf8(run(&mut command)).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let matters = |line: &&str| {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        ["www-authenticate", "content-type", "connection", "access-control-allow-methods"]
            .contains(&&*name)
    };
    let mut headers: Vec<String> = lines
        .filter(matters)
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            format!("{}:{}", name.to_ascii_lowercase(), value)
        })
        .collect();
    headers.sort();
    Heard { status, headers, body: body.to_owned() }
}

pub(crate) fn post(to: SocketAddr, body: &str) -> Heard {
    curl(to, "/doveadm/v1", &["-H", KEY, "-d", body])
}

/// JSON without white space and in one order, as Python reads it: both sides are compared so.
fn read(json: &str) -> String {
    let mut command = PYTHON.command();
    let program = "import json,sys; print(json.dumps(json.loads(sys.argv[1]), sort_keys=True))";
    command.args(["-c", program, json]);
    String::from_utf8(run(&mut command)).unwrap()
}

#[test]
fn w_dov_7_answers_and_errors_are_shaped_as_dovecots() {
    let stage = Stage::shared();
    let (hale, ours) = start(stage, &["http-alice", "http-bob"]);
    let _alice = hale.session("http-alice", PASSWORD);
    let mut bob = hale.session("http-bob", PASSWORD);
    let home = stage.pair.home_of("http-alice");
    let theirs: SocketAddr = (BACKENDS[home], stage.http_port).into();
    for body in [
        r#"[["kick",{},"t1"]]"#,
        r#"[["kick",{"mask":["http-nobody"]},"t1"]]"#,
        r#"[["nonsense",{},"t"]]"#,
        r#"[["who",{"x":1},"t"]]"#,
        r#"[["Who",{},"t"]]"#,
        r#"[["penalty",{},"t"]]"#,
        r#"[["mailboxList",{"user":"http-nobody"},"t"]]"#,
        r#"[["mailboxList",{"user":"http-alice"},"ä"]]"#,
        r#"[["mailboxCreate",{"user":"http-alice","mailbox":"made"},"t"]]"#,
        r#"[["mailboxStatus",{"user":"http-alice","field":["vsize","messages"],"mailboxMask":["*"]},"t"]]"#,
        r#"[["fetch",{"user":"http-alice","field":["uid","hdr"],"query":["ALL"]},"t"]]"#,
        r#"[["quotaGet",{"user":"http-alice"},"t"]]"#,
        r#"[["search",{"user":"http-alice","query":["ALL"]},"t"]]"#,
        "[]",
    ] {
        let (own, other) = (post(ours, body), post(theirs, body));
        let json = ["connection: close", "content-type: application/json; charset=utf-8"];
        assert_eq!(
            (&*own.status, &own.headers[..]),
            ("200", &json.map(str::to_owned)[..]),
            "{body}"
        );
        assert_eq!((&own.status, &own.headers), (&other.status, &other.headers), "{body}");
        // The second command finds what the first one made.
        if !body.contains("mailboxCreate") {
            assert_eq!(read(&own.body), read(&other.body), "{body}");
        }
    }
    for body in ["{}", "\"x\"", r#"[["who",{}]]"#, r#"[["who",[],"t"]]"#, "[[]]", "[[\"who\",{},"] {
        let (own, other) = (post(ours, body), post(theirs, body));
        assert_eq!((&*own.status, &own.headers), ("400", &other.headers), "{body}");
        let is_parsed = !other.body.starts_with("JSON parse error");
        let [own, other] = [&own, &other].map(|heard| heard.body.trim_end().to_owned());
        let is_told = own.starts_with("JSON parse error: ");
        assert!(if is_parsed { own == other } else { is_told }, "{own} {other}");
    }
    let who = post(ours, r#"[["who",{"mask":["http-alice"]},"t1"]]"#);
    let process = hale.process_id();
    let row = format!(
        r#"[["doveadmResponse",[{{"username":"http-alice","connections":"1","service":"imap","pids":"({process})","ips":"(127.0.0.1)"}}],"t1"]]"#
    );
    assert_eq!(read(&who.body), read(&row));
    let kicked = post(ours, r#"[["kick",{"mask":["http-bob"]},"t1"]]"#);
    assert_eq!(read(&kicked.body), read(r#"[["doveadmResponse",[{"result":"http-bob"}],"t1"]]"#));
    assert_eq!(bob.rest(), b"");
    let listed = post(ours, r#"[["clusterBackendList",{},"t"]]"#);
    assert!(listed.body.contains(r#""load_factor":"100""#), "{}", listed.body);
    wait_for("the order in the log", PATIENCE, || {
        hale.said().contains("1 sessions ended by doveadm by HTTP from 127.0.0.1:").then_some(())
    });
}

#[test]
fn w_dov_7_paths_methods_and_keys_are_judged_as_dovecot_does() {
    let stage = Stage::shared();
    let (hale, ours) = start(stage, &["http-carol"]);
    let theirs: SocketAddr = (BACKENDS[0], stage.http_port).into();
    let basic = "Authorization: Basic ZG92ZWFkbTpzZWNyZXQ=";
    for (path, words) in [
        ("/doveadm/v1", &[][..]),
        ("/", &[]),
        ("/doveadm/v2", &["-H", KEY]),
        ("/doveadm/v1", &["-H", KEY, "-X", "PUT"]),
        ("/doveadm/v1", &["-X", "OPTIONS"]),
    ] {
        let (own, other) = (curl(ours, path, words), curl(theirs, path, words));
        let [own, other] = [own, other].map(|it| Heard { body: it.body.trim().to_owned(), ..it });
        assert_eq!(own, other, "{path} {words:?}");
    }
    for good in [KEY, basic] {
        let list = curl(ours, "/doveadm/v1", &["-H", good]);
        assert!(list.status == "200" && read(&list.body).contains("clusterGroupMove"), "{list:?}");
    }
    for wrong in [
        "Authorization: X-Dovecot-API key",
        "Authorization: X-Dovecot-API a2V6",
        "Authorization: Basic cm9vdDpzZWNyZXQ=",
        "Authorization: Basic ZG92ZWFkbTpzZWNyZXU=",
        "Authorization: Bearer a2V5",
    ] {
        let began = now();
        assert_eq!(curl(ours, "/doveadm/v1", &["-H", wrong]).status, "401", "{wrong}");
        assert!(began.elapsed() >= Duration::from_secs(1), "auth_failure_delay: {wrong}");
    }
    let large = "x".repeat(100_000);
    let body: Vec<&str> =
        ["-H", KEY].into_iter().chain([&*large; 4].into_iter().flat_map(|it| ["-d", it])).collect();
    assert_eq!(curl(ours, "/doveadm/v1", &body).status, "413");
    assert_eq!(post(ours, "[]").body, "[]");
    wait_for("the guesses in the log", PATIENCE, || {
        hale.said().contains("wrong doveadm_api_key or doveadm_password").then_some(())
    });
}
