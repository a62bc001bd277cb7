//! `service stats`: metrics as real tools read them, their numbers after real logins, and the files for Prometheus and Grafana.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;

use hale::metrics::Metric;
use hale::names::Protocol;
use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::imap::Imap;
use super::ports::free_port;
use super::site::Site;
use super::speech::POP3;
use super::tools::{CURL, PROMTOOL, PYTHON, run};
use super::wait::{PATIENCE, wait_for};

const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0";

/// With a password database that is asked elsewhere behind the users' own, and knows none of them, and a policy server that is away.
fn start(users: &[&str]) -> (Site, SocketAddr, NamedTempFile) {
    let (clear, sealed) = (free_port(), free_port());
    let elsewhere = NamedTempFile::new().unwrap();
    let database = Connection::open(elsewhere.path()).unwrap();
    database.execute_batch("create table users (name text, password text)").unwrap();
    let site = Site::start(
        users,
        &format!(
            "auth_failure_delay = 0\nauth_policy_server_url = http://127.0.0.1:{}/\nauth_policy_hash_nonce = x\nservice stats {{\n  inet_listener http {{\n    port = {clear}\n  }}\n  \
             inet_listener https {{\n    port = {sealed}\n    ssl = yes\n  }}\n}}\n\
             passdb sql {{\n  sql_driver = sqlite\n  sqlite_path = {}\n  \
             query = SELECT name AS user, password FROM users WHERE name = '%{{user}}'\n}}",
            free_port(),
            elsewhere.path().display()
        ),
    );
    (site, (Ipv4Addr::LOCALHOST, clear).into(), elsewhere)
}

fn get(to: SocketAddr, path: &str, words: &[&str]) -> String {
    let mut command = CURL.command();
    command.args(["-s", "-f", "--max-time", "20"]).args(words).arg(format!("http://{to}{path}"));
    String::from_utf8(run(&mut command)).unwrap()
}

/// Samples by what stands before the value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// Hands a text to a tool, which must be content with it.
fn feed(command: &mut std::process::Command, text: &str) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success() && words.is_empty(), "{words}");
}

#[test]
fn stats_what_happened_is_counted_where_prometheus_looks_for_it() {
    let (site, stats, _elsewhere) = start(&["alice", "bob"]);
    let alice = site.imap("alice");
    let mut refused = Imap::connect(site.clear(Protocol::Imap));
    assert!(!refused.try_login("bob", b"wrong"));
    let mut bob = Imap::open(TcpStream::connect(site.clear(Protocol::Pop3)).unwrap());
    POP3.greeted(&mut bob);
    POP3.send_login(&mut bob, "bob");
    POP3.expect_success(&mut bob);
    drop(bob);

    let ended = r#"hale_sessions_ended_total{protocol="pop3",by="client"}"#;
    let text = wait_for("the end of a session", PATIENCE, || {
        let text = get(stats, "/metrics", &[]);
        (samples(&text).get(ended) == Some(&1.0)).then_some(text)
    });
    let found = samples(&text);
    for (series, value) in [
        (r#"hale_logins_total{protocol="imap",mechanism="PLAIN",result="ok"}"#, 1.0),
        (
            r#"hale_logins_total{protocol="imap",mechanism="PLAIN",result="invalid_credentials"}"#,
            1.0,
        ),
        (r#"hale_logins_total{protocol="pop3",mechanism="PLAIN",result="ok"}"#, 1.0),
        (r#"hale_login_transports_total{protocol="imap",transport="TLSv1.3"}"#, 1.0),
        (r#"hale_login_duration_seconds_count{protocol="imap"}"#, 1.0),
        (r#"hale_login_duration_seconds_bucket{protocol="imap",le="+Inf"}"#, 1.0),
        (r#"hale_login_step_duration_seconds_count{step="backend_login"}"#, 2.0),
        (r#"hale_login_step_duration_seconds_count{step="tls"}"#, 1.0),
        (r#"hale_sessions{protocol="imap",state="after_login"}"#, 1.0),
        (r#"hale_sessions{protocol="imap",state="before_login"}"#, 1.0),
        ("hale_geodb_up", 1.0),
        // The wrong password was not the last word.
        (r#"hale_passdb_up{passdb="sql"}"#, 1.0),
        (r#"hale_passdb_questions_total{passdb="sql",result="answered"}"#, 1.0),
        (r#"hale_passdb_answer_duration_seconds_count{passdb="sql"}"#, 1.0),
        ("hale_policy_server_up", 0.0),
        ("hale_policy_server_outages_total", 1.0),
        (r#"hale_policy_server_questions_total{result="unanswered"}"#, 1.0),
    ] {
        assert_eq!(found.get(series), Some(&value), "{series}\n{text}");
    }
    let all = |start: &str| {
        found
            .iter()
            .filter(|(series, _)| series.starts_with(start))
            .map(|(_, value)| value)
            .sum::<f64>()
    };
    assert!((all("hale_backend_online{") - 2.0).abs() < 0.1, "{text}");
    assert!((all("hale_backend_connections{") - 1.0).abs() < 0.1, "{text}");
    for series in [
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "hale_core_cpu_seconds_total{",
    ] {
        assert!(all(series) > 0.0, "{series}\n{text}");
    }
    assert!(all("hale_certificate_not_after_timestamp_seconds{") > 1.7e9, "{text}");
    for name in ["alice", "bob"] {
        assert!(!text.contains(name), "a user is named:\n{text}");
    }
    for metric in Metric::ALL {
        let name = metric.family().name;
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
    }
    drop((alice, refused));
}

#[test]
fn stats_both_forms_are_read_by_prometheus_own_readers() {
    let (site, stats, _elsewhere) = start(&["alice"]);
    drop(site.imap("alice"));
    feed(PROMTOOL.command().args(["check", "metrics"]), &get(stats, "/metrics", &[]));
    let open = get(stats, "/metrics", &["-H", OPENMETRICS]);
    let program = "import sys\n\
                   from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
                   assert len(list(read(sys.stdin.read()))) > 50\n";
    // Whatever python comes first, this is where Debian has the reader.
    let place = "/usr/lib/python3/dist-packages";
    feed(PYTHON.command().env("PYTHONPATH", place).args(["-c", program]), &open);
    assert!(open.ends_with("# EOF\n"));
}

#[test]
fn stats_paths_methods_and_crowds_are_answered_as_http_has_it() {
    let (site, stats, _elsewhere) = start(&["alice"]);
    let status = |words: &[&str], path: &str| {
        let mut command = CURL.command();
        command.args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{content_type}"]).args(words);
        String::from_utf8(run(command.arg(format!("http://{stats}{path}")))).unwrap()
    };
    let (own, plain) = ("text/plain; version=0.0.4; charset=utf-8", "text/plain; charset=utf-8");
    assert_eq!(status(&[], "/metrics"), format!("200 {own}"));
    assert_eq!(status(&["-I"], "/metrics?name=x"), format!("200 {own}"));
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(status(&["-H", OPENMETRICS], "/metrics"), format!("200 {open}"));
    assert_eq!(status(&["-d", "x"], "/metrics"), format!("405 {plain}"));
    assert_eq!(status(&[], "/"), format!("200 {plain}"));
    assert_eq!(status(&[], "/metric"), format!("404 {plain}"));

    // By HTTPS, at the next port of the configuration.
    let line = "listening for stats on ";
    let log = wait_for("the listeners' lines", PATIENCE, || {
        let log = site.hale.said();
        (log.matches(line).count() == 2).then_some(log)
    });
    let sealed = log.rsplit(line).next().unwrap().lines().next().unwrap().trim();
    let port = sealed.rsplit(':').next().unwrap();
    let mut command = CURL.command();
    command.args(["-s", "-f", "--cacert"]).arg(site.authority());
    command.args(["--resolve", &format!("localhost:{port}:127.0.0.1")]);
    let text = run(command.arg(format!("https://localhost:{port}/metrics")));
    assert!(String::from_utf8(text).unwrap().contains("hale_build_info"));

    // Clients that say nothing keep no one out: the first of them goes.
    let mut crowd: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(stats).unwrap()).collect();
    assert_eq!(status(&[], "/metrics"), format!("200 {own}"));
    crowd[0].set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(crowd[0].read(&mut [0]).unwrap_or_default(), 0, "the first one is closed");
}

/// Files that operators copy: their expressions are Prometheus', and every metric in them exists.
#[test]
fn stats_rules_and_dashboard_are_good_and_ask_for_what_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/prometheus");
    let tool = |words: &[&str]| run(PROMTOOL.command().current_dir(&folder).args(words));
    tool(&["check", "config", "prometheus.yml"]);
    tool(&["test", "rules", "hale.rules.test.yml"]);
    let dashboard = fs::read_to_string(folder.join("hale.dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let targets = panel["targets"].as_array().into_iter().flatten();
        expressions.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    }
    assert!(expressions.len() > 20);
    // What Grafana puts in, put in.
    let rules: Vec<serde_json::Value> = expressions
        .iter()
        .map(|it| it.replace("$__rate_interval", "1m").replace("$instance", ".*"))
        .enumerate()
        .map(|(at, expr)| serde_json::json!({"record": format!("panel:{at}"), "expr": expr}))
        .collect();
    let file = NamedTempFile::new().unwrap();
    let rules = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    fs::write(file.path(), rules.to_string()).unwrap();
    run(PROMTOOL.command().args(["check", "rules"]).arg(file.path()));

    let rules = fs::read_to_string(folder.join("hale.rules.yml")).unwrap();
    let lines = rules.lines().filter(|line| !line.contains("description:"));
    let text = lines.chain(expressions.iter().map(String::as_str)).collect::<Vec<_>>().join("\n");
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text
        .split(|c| !legal(c))
        .filter(|word| word.starts_with("hale_") || word.starts_with("process_"));
    let mut asked = 0;
    for word in words {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        let is_there = |name: &str| Metric::ALL.iter().any(|metric| metric.family().name == name);
        assert!(is_there(name.unwrap_or(word)), "{word}");
        asked += 1;
    }
    assert!(asked > 40, "{asked}");
}
