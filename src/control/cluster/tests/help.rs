//! Every verb: its help, its example, its exit codes, its output. A verb that is new and lacks one of them fails here.

use std::collections::BTreeMap;

use clap::Command;

use super::*;
use crate::route::rows::SiteReachability;

/// A verb, such as `site force-move start`, and its examples, without `hale cluster`.
struct Verb {
    path: String,
    examples: Vec<String>,
}

fn verbs() -> Vec<Verb> {
    fn walk(command: &Command, path: &str, found: &mut Vec<Verb>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if command.has_subcommands() {
            for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
                walk(part, format!("{path} {}", part.get_name()).trim(), found);
            }
            return;
        }
        let examples = help.lines().filter_map(|line| line.strip_prefix("  hale cluster "));
        let of_this = examples.filter(|line| without_format(line).starts_with(path));
        found.push(Verb { path: path.to_owned(), examples: of_this.map(str::to_owned).collect() });
    }
    let mut found = Vec::new();
    walk(&CommandLine::command(), "", &mut found);
    found
}

fn without_format(line: &str) -> &str {
    let words = line.strip_prefix("-f ").and_then(|rest| rest.split_once(' '));
    words.map_or(line, |(_, rest)| rest)
}

/// The cluster that the examples are about.
async fn desk() -> Desk {
    let desk = Desk::empty();
    let hosts = "10.0.0.1 be1.example.org\n10.0.0.2 be2.example.org\n10.2.0.1 lb.dc2.example.org\n";
    std::fs::write(desk._directory.path().join("hosts"), hosts).unwrap();
    for line in [
        "site add DC1",
        "site add --load-balancer lb.dc2.example.org DC2",
        "site add DC3",
        "tag create blue",
        "backend add be1.example.org",
        "backend add be2.example.org",
        "backend update --status online be1.example.org",
        "backend update --status online be2.example.org",
        "group move --direct DC1 default-17 be1.example.org",
        "group move --direct DC1 vip be1.example.org",
        "user move --direct alice default-17",
        "site recover DC3 10",
    ] {
        desk.ok(line).await;
    }
    let [src_site_id, dest_site_id] = [
        desk.field("site status DC1", "id").await.parse().unwrap(),
        desk.field("site status DC2", "id").await.parse().unwrap(),
    ];
    let row = SiteReachability { src_site_id, dest_site_id, reachable: Some(1) };
    desk.geodb.write_reachability(&row).await.unwrap();
    desk.keep_all().await;
    desk
}

/// What has to be undone before an example can be done, or done before it can be undone.
fn preparation(path: &str, example: &str) -> Option<&'static str> {
    match path {
        "group move" if example.contains("--abort") => {
            Some("group move DC1 default-17 be2.example.org")
        }
        "user move" if example.contains("--abort") => Some("user move alice vip"),
        "site add" => Some("site remove DC2"),
        "tag create" => Some("tag remove blue"),
        "backend add" => Some("backend remove be1.example.org"),
        "site force-move update" | "site force-move stop" => {
            Some("site force-move start DC1 10 DC2")
        }
        "backend pin" => Some("backend pin be1.example.org carol"),
        "backend unpin" => Some("backend pin be2.example.org alice"),
        "backend force-move update" | "backend force-move stop" => {
            Some("backend force-move start be1.example.org 10 be2.example.org")
        }
        _ => None,
    }
}

/// Sessions are no rows, and are ended by the Hale that has them.
const KICK: &str = "kick";
/// It opens two GeoDBs, and never runs inside a Hale.
const COPY: &str = "geodb copy";

#[tokio::test]
async fn c_cmd_1_every_example_of_a_help_text_does_what_it_says_and_prints_in_every_format() {
    for Verb { path, examples } in verbs() {
        assert!(!examples.is_empty(), "hale cluster {path} --help has no example");
        for example in examples.iter().filter(|_| path != KICK && path != COPY) {
            let desk = desk().await;
            if let Some(line) = preparation(&path, example) {
                desk.ok(line).await;
            }
            let (output, _) = match desk.run(example).await {
                Ok(done) => done,
                Err(error) => panic!("{example}: {error}"),
            };
            assert_eq!(output.exit_code, 0, "{example}: {output:?}");
            if output.columns.is_empty() {
                continue;
            }
            for format in [Format::Flow, Format::Pager, Format::Tab, Format::Table] {
                let text = output.render(format);
                assert!(!text.is_empty(), "{example}");
                let has_names = format != Format::Table || text.starts_with(&output.columns[0]);
                assert!(has_names, "{example}: {text}");
            }
            let records: Vec<BTreeMap<String, Option<String>>> =
                serde_json::from_str(&output.render(Format::Json)).unwrap();
            assert_eq!(records.len(), output.rows.len(), "{example}");
        }
    }
}

#[tokio::test]
async fn c_cmd_2_names_that_are_unknown_have_the_exit_code_of_their_kind() {
    let codes: BTreeMap<&str, u8> = BTreeMap::from([
        ("tag create", 0),
        ("tag update", 68),
        ("tag delete", 68),
        ("tag list", 0),
        ("site add", 0),
        ("site remove", 68),
        ("site update", 68),
        ("site status", 68),
        ("site list", 0),
        ("site init", 68),
        ("site force-move start", 68),
        ("site force-move update", 68),
        ("site force-move stop", 68),
        ("site recover", 68),
        ("site reachability list", 0),
        ("backend add", 68),
        ("backend remove", 68),
        ("backend update", 68),
        ("backend evacuate", 68),
        ("backend status", 68),
        ("backend list", 68),
        ("backend pin", 68),
        ("backend unpin", 68),
        ("backend force-move start", 68),
        ("backend force-move update", 68),
        ("backend force-move stop", 68),
        ("group move", 68),
        ("group status", 68),
        ("group update", 68),
        ("group list", 0),
        ("user access", 78),
        ("user delete", 67),
        ("user move", 67),
        ("user status", 67),
        ("user list", 0),
        ("geodb init", 0),
        ("geodb refresh", 0),
        ("geodb show", 0),
        (KICK, 75),
        (COPY, 64),
        ("localdb user status", 75),
        ("localdb user list", 75),
        ("localdb user remove", 75),
        ("localdb group status", 75),
        ("localdb group list", 75),
        ("localdb group remove", 75),
    ]);
    let verbs = verbs();
    let known: Vec<&str> = verbs.iter().map(|verb| &*verb.path).collect();
    assert!(codes.keys().all(|path| known.contains(path)), "{known:?}");
    for Verb { path, examples } in &verbs {
        let Some(expected) = codes.get(&**path) else { panic!("{path}: what is its exit code?") };
        let Some(example) = examples.first() else { panic!("{path} has no example") };
        let desk = Desk::empty();
        let code = desk.run(example).await.map_or_else(|error| error.exit_code(), |_| 0);
        assert_eq!(code, *expected, "{example}");
    }
}

#[tokio::test]
async fn c_cmd_2_without_the_geodb_every_verb_is_a_temporary_failure() {
    let desk = desk().await;
    desk.geodb.close().await;
    for Verb { path, examples } in verbs() {
        // An announcement is read when the GeoDB is there again; the LocalDB is there for this.
        let expected = match &*path {
            "geodb refresh" => 0,
            COPY => 64,
            path if path.starts_with("localdb ") => 0,
            _ => 75,
        };
        for example in examples {
            let code = desk.run(&example).await.map_or_else(|error| error.exit_code(), |_| 0);
            assert_eq!(code, expected, "{example}");
        }
    }
}

#[tokio::test]
async fn c_cmd_2_every_verb_refuses_what_it_does_not_know() {
    let desk = Desk::empty();
    for Verb { path, examples } in verbs() {
        let Some(example) = examples.first() else { panic!("{path} has no example") };
        assert_eq!(desk.no(&format!("{example} --nonsense")).await.0, 64, "{example}");
    }
}

#[test]
fn every_verb_has_help_and_stands_in_the_document_with_its_example() {
    let document = include_str!("../../../../docs/ADMIN.md");
    for Verb { path, examples } in verbs() {
        let mut command = CommandLine::command();
        command.build();
        let leaf = path.split(' ').try_fold(&command, |at, part| at.find_subcommand(part));
        let about = leaf.and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty(), "{path} has no help");
        let row = document.lines().find(|line| line.starts_with(&format!("| `{path}")));
        let Some(row) = row else { panic!("docs/ADMIN.md has no row for {path}") };
        let Some(example) = examples.first() else { panic!("{path} has no example") };
        assert!(row.contains(&format!("`hale cluster {example}`")), "{path}: {row}");
    }
}
