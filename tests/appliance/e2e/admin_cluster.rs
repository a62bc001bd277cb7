//! `hale cluster …` beside a running Hale: carried out inside of it, with the same answers as without one.

use std::fs;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::script::ScriptedBackends;
use super::tools::said;
use super::wait::{PATIENCE, wait_for};

/// A running Hale, and the command line with a configuration that names the same socket and no GeoDB that exists: what
/// works there was done inside.
struct Scene {
    hale: Hale,
    backends: ScriptedBackends,
}

impl Scene {
    fn start() -> Self {
        let backends = ScriptedBackends::start();
        let mut setup = Setup::new(backends.port);
        setup.add_users(&["asked", "other"], b"secret");
        let hale = setup.start();
        let folder = hale.setup().path();
        let text = fs::read_to_string(folder.join("hale.conf")).unwrap();
        let blind = text.replace("/state/geodb.sqlite", "/state/nothing.sqlite");
        assert_ne!(blind, text);
        fs::write(folder.join("blind.conf"), blind).unwrap();
        Self { hale, backends }
    }

    /// With the blind configuration.
    fn inside(&self, words: &str) -> Output {
        let blind = self.hale.setup().path().join("blind.conf");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hale"));
        command.arg("-c").arg(blind).args(words.split(' ')).output().unwrap()
    }

    fn session(&self, user: &str) -> (Imap, Imap) {
        let client = self.hale.session(user, b"secret");
        (client, self.backends.next_session())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.hale.setup().path().join("hale.log")).unwrap()
    }
}

#[test]
fn admin_cluster_verbs_say_the_same_inside_a_hale_and_without_one() {
    let mut scene = Scene::start();
    for order in [
        "cluster tag create blue",
        "cluster site add --tag blue --load-balancer lb2 DC2",
        "cluster site force-move start --id spring DC1 10 DC2",
        "cluster user move --direct asked vip",
        "cluster group move --direct DC1 vip be1.test",
    ] {
        let output = scene.inside(order);
        assert!(output.status.success(), "{order}: {}", said(&output));
    }
    wait_for("an order in the log", PATIENCE, || {
        let words = "admin: cluster site force-move start --id=spring -- DC1 10 DC2: done: \
             site DC1: force_move nothing -> id=spring percentage=10 dest=DC2, by uid=";
        scene.log().contains(words).then_some(())
    });
    let questions = [
        ("-f json cluster tag list", 0),
        ("cluster site reachability list", 0),
        ("-f tab cluster group list v*", 0),
        ("cluster user status asked", 0),
        ("cluster user status nobody", 67),
        ("cluster site status DC9", 68),
        ("cluster backend add 192.0.2.1", 65),
        ("cluster site force-move update DC2 10", 68),
        ("cluster backend status --self", 78),
        ("cluster user access", 64),
        ("geodb show cluster_settings", 0),
        ("geodb show nothing", 64),
    ];
    let inside: Vec<Output> = questions.iter().map(|(words, _)| scene.inside(words)).collect();
    assert!(!scene.log().contains("group list"), "questions are not in the log");
    scene.hale.signal(Signal::TERM);
    scene.hale.wait(PATIENCE);
    for ((words, code), inside) in questions.iter().zip(inside) {
        let outside = scene.hale.setup().output(words);
        assert_eq!(outside.status.code(), Some(*code), "{words}: {}", said(&outside));
        assert_eq!(said(&outside), said(&inside), "{words}");
        assert_eq!(outside.status.code(), inside.status.code(), "{words}");
    }
}

/// The LocalDB's verbs want no GeoDB: one that is there gives names to ids.
#[test]
fn admin_c_local_1_localdb_verbs_say_the_same_inside_a_hale_and_without_one() {
    let mut scene = Scene::start();
    let _sessions = [scene.session("asked"), scene.session("other")];
    wait_for("written behind", PATIENCE, || {
        (scene.hale.number("localdb", "users") == 2).then_some(())
    });
    let listed = text_of(&scene.inside("-f tab cluster localdb user list asked"));
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').collect()).collect();
    let [columns, row] = rows.as_slice() else { panic!("{listed}") };
    assert_eq!((columns[2], columns.last()), ("group_name", Some(&"used_at")));
    let group = row[2];
    let other = text_of(&scene.inside("-f tab cluster localdb user list other"));
    let group_of_other = other.lines().nth(1).unwrap().split('\t').nth(2).unwrap();
    let remove = format!("cluster localdb user remove {group_of_other} other");
    assert_eq!(text_of(&scene.inside(&remove)), "");
    let questions = localdb_questions(group);
    let inside: Vec<Output> = questions.iter().map(|(words, _)| scene.inside(words)).collect();
    scene.hale.signal(Signal::TERM);
    scene.hale.signal(Signal::TERM);
    scene.hale.wait(PATIENCE);
    for ((words, code), inside) in questions.iter().zip(&inside) {
        let outside = scene.hale.setup().output(words);
        assert_eq!(outside.status.code(), Some(*code), "{words}: {}", said(&outside));
        assert_eq!(said(&outside), said(inside), "{words}");
        assert_eq!(inside.status.code(), Some(*code), "{words}");
    }
    let shown = |format: &str| {
        let words = format!("-f {format} cluster localdb user status {group} asked");
        text_of(&scene.hale.setup().output(&words))
    };
    let flow = format!("username=asked preferred_site_id=DC1 group_name={group} ");
    assert!(shown("flow").starts_with(&flow), "{}", shown("flow"));
    let pager = format!("username: asked\npreferred_site_id: DC1\ngroup_name: {group}\n");
    assert!(shown("pager").starts_with(&pager), "{}", shown("pager"));
    assert_eq!(shown("tab"), listed);
    assert!(
        shown("table").starts_with("username preferred_site_id group_name "),
        "{}",
        shown("table")
    );
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    assert_eq!((&json[0]["username"], &json[0]["group_name"]), (&"asked".into(), &group.into()));
    // The GeoDB is gone as well: ids have to do.
    let by_id = text_of(&scene.inside("-f json cluster localdb user list"));
    let by_id: Value = serde_json::from_str(&by_id).unwrap();
    assert_eq!(by_id[0]["preferred_site_id"].as_str().map(str::len), Some(36), "{by_id}");
    // What was removed inside is not there outside, and what is removed outside neither.
    for (words, code) in [
        (format!("cluster localdb user status {group_of_other} other"), 67),
        (format!("cluster localdb user remove {group} asked"), 0),
        (format!("cluster localdb user remove {group} asked"), 67),
        (format!("cluster localdb group remove {group}"), 0),
        (format!("cluster localdb group status {group}"), 68),
        (format!("cluster localdb group remove {group}"), 68),
    ] {
        let output = scene.hale.setup().output(&words);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{words}: {}", said(&output));
    }
    assert_eq!(text_of(&scene.hale.setup().output("-f json cluster localdb user list")), "[]\n");
}

/// Each verb that shows something, in each format, and what cannot be shown.
fn localdb_questions(group: &str) -> Vec<(String, i32)> {
    let mut questions = vec![
        (format!("cluster localdb user status {group} nobody"), 67),
        ("cluster localdb user status no-such-group asked".to_owned(), 67),
        (format!("cluster localdb user status {group}"), 64),
        ("cluster localdb user list a b".to_owned(), 64),
        ("cluster localdb group status no-such-group".to_owned(), 68),
        ("cluster localdb group list x*".to_owned(), 0),
    ];
    for format in ["flow", "pager", "tab", "table", "json"] {
        let shown = [
            format!("user status {group} asked"),
            "user list a*".to_owned(),
            format!("group status {group}"),
            "group list".to_owned(),
        ];
        let asked = shown.map(|verb| (format!("-f {format} cluster localdb {verb}"), 0));
        questions.extend(asked);
    }
    questions
}

fn text_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn admin_cluster_kick_ends_the_sessions_of_one_user() {
    let scene = Scene::start();
    let mut asked = [scene.session("asked"), scene.session("asked")];
    let other = scene.session("other");
    let output = scene.inside("cluster kick asked");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text, "kicked connections from the following users:\nasked\n", "{}", said(&output));
    for (client, _) in &mut asked {
        assert_eq!(client.rest(), b"");
    }
    let again = scene.inside("-f json cluster kick asked");
    assert_eq!((again.status.code(), &*again.stdout), (Some(68), b"[]\n".as_slice()));
    wait_for("the order in the log", PATIENCE, || {
        let words = "admin: cluster kick asked: 2 sessions ended by uid=";
        scene.log().contains(words).then_some(())
    });
    assert!(other.0.is_open());
}

#[test]
fn admin_explain_tells_what_the_next_login_does_and_by_which_memory() {
    let mut scene = Scene::start();
    let told = |output: Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let by_geodb: Vec<Vec<String>> = told(scene.inside("-f tab explain asked"));
    assert_eq!(by_geodb[0], ["step", "found", "row", "source", "age_secs"]);
    let find = |rows: &[Vec<String>], step: &str| {
        rows.iter().find(|row| row[0] == step).cloned().unwrap_or_default()
    };
    assert!(find(&by_geodb, "write")[1].starts_with("users: home DC1"), "{by_geodb:?}");
    let promised = find(&by_geodb, "result")[1].clone();
    let (_client, _backend) = scene.session("asked");
    let status = scene.hale.setup().succeed_with(&["-f", "tab", "who", "-1"]);
    let backend = status.lines().nth(1).unwrap().split('\t').nth(5).unwrap().to_owned();
    assert!(promised.starts_with(&format!("go to backend {backend} (")), "{promised}");
    let by_memory: Vec<Vec<String>> = told(scene.inside("-f tab explain asked"));
    let user = find(&by_memory, "user");
    assert_eq!((&*user[2], &*user[3]), ("users asked", "memory"), "{by_memory:?}");
    assert_eq!(find(&by_memory, "result")[1], promised);
    assert!(find(&by_memory, "write").is_empty(), "{by_memory:?}");
    let gone = scene.inside(&format!("-f tab explain --if-offline {backend} asked"));
    let gone: Vec<Vec<String>> = told(gone);
    assert!(gone.iter().any(|row| row[1] == format!("not {backend}: is offline")), "{gone:?}");
    assert_eq!(scene.inside("explain --as-site DC9 asked").status.code(), Some(68));
    // The same without a running Hale, by rows that are read.
    scene.hale.signal(Signal::TERM);
    scene.hale.wait(PATIENCE);
    let alone: Vec<Vec<String>> = told(scene.hale.setup().output("-f tab explain asked"));
    assert_eq!(find(&alone, "result")[1], promised);
    assert_eq!(find(&alone, "user")[3], "geodb");
    assert_eq!(scene.inside("explain asked").status.code(), Some(78), "no such GeoDB");
}
