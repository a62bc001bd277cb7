//! `hale explain`: what it says, where it has it from, and that it leaves everything as it was.

use super::*;
use crate::control::cluster::{ExplainCommand, Memory, Origin, explain_login};
use crate::route::table::{Addresses, Table};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    command: ExplainCommand,
}

fn command(line: &str) -> ExplainCommand {
    Line::try_parse_from(std::iter::once("explain").chain(line.split(' '))).unwrap().command
}

impl Desk {
    async fn explain(&self, line: &str, memory: Option<Memory<'_>>) -> Output {
        let before = self.all_rows().await;
        let told = explain_login(&self.geodb, &command(line), &self.settings, memory, NOW).await;
        assert_eq!(self.all_rows().await, before, "{line}: something was written");
        told.unwrap()
    }

    async fn all_rows(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in &crate::control::geodb::schema::TABLES {
            let other = self.second_process();
            all.push(format!("{:?}", other.dump(table).await.unwrap()));
            other.close().await;
        }
        all
    }

    /// What a running Hale would have published.
    async fn table(&self) -> Table {
        let rows = self.geodb.read_all("DC1").await.unwrap();
        let addresses: Addresses = [("be1", "10.0.0.1"), ("be2", "10.0.0.2")]
            .map(|(host, address)| (host.into(), vec![address.parse().unwrap()]))
            .into();
        Table::build(&rows, &addresses, &self.settings.routing_of("DC1")).0
    }
}

/// `step: found | row | source | age`, a line for each record.
fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.columns, ["step", "found", "row", "source", "age_secs"]);
    let field = |field: &Option<String>| field.clone().unwrap_or_default();
    let line = |row: &Vec<Option<String>>| {
        let [step, rest @ ..] = row.as_slice() else { panic!("{row:?}") };
        format!("{}: {}", field(step), rest.iter().map(field).collect::<Vec<_>>().join(" | "))
    };
    output.rows.iter().map(line).collect()
}

fn result(output: &Output) -> String {
    lines(output).last().unwrap().split(" | ").next().unwrap().to_owned()
}

fn has(output: &Output, part: &str) {
    let lines = lines(output);
    assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
}

#[tokio::test]
async fn c_cmd_3_a_login_is_explained_by_the_rows_of_the_geodb() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let told = desk.explain("alice", None).await;
    assert_eq!((told.exit_code, told.notices.len()), (0, 0));
    has(&told, "local site: DC1 (online) | sites DC1 | geodb | 0");
    has(&told, "user: home DC1, group \"vip\" | users alice | geodb | 0");
    has(&told, "group: vip on be1 (online), next be2 (online) | user_groups DC1 vip | geodb | 0");
    has(&told, "backend: be1 (online) | backends DC1 be1 | geodb | 0");
    assert_eq!(result(&told), "result: go to backend be1 (10.0.0.1), group vip");
    // What it says is what a login does.
    assert_eq!(desk.field("user access -u alice", "host").await, "be1");
    let json = told.render(Format::Json);
    assert!(json.contains(r#"{"step":"result","found":"go to backend be1 (10.0.0.1), group vip","row":null,"source":null,"age_secs":null}"#), "{json}");
    assert!(told.render(Format::Table).starts_with("step "));
}

#[tokio::test]
async fn c_cmd_3_what_a_login_would_write_is_told_and_not_written() {
    let desk = Desk::cluster().await;
    let told = desk.explain("bob", None).await;
    has(&told, "write: users: home DC1, group \"default-");
    has(&told, "write: user_groups: default-");
    let told_result = result(&told);
    assert!(told_result.starts_with("result: go to backend be"), "{told_result}");
    let told = lines(&told);
    let mut written = told.iter().filter(|line| line.starts_with("write: "));
    assert!(
        written.all(|line| line.ends_with(" |  | ")),
        "what is not written has no source: {told:?}"
    );
    // The backend is gone: the login does not wait for that write.
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    desk.ok("backend update --status offline be1").await;
    let told = desk.explain("alice", None).await;
    has(&told, "backend: not be1: is offline");
    has(&told, "write: user_groups: vip on be2; the login does not wait");
    assert_eq!(result(&told), "result: go to backend be2 (10.0.0.2), group vip");
}

#[tokio::test]
async fn c_cmd_3_other_circumstances_are_looked_at_and_not_made() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let told = desk.explain("--if-offline BE1 alice", None).await;
    has(&told, "backend: not be1: is offline");
    assert_eq!(result(&told), "result: go to backend be2 (10.0.0.2), group vip");
    let told = desk.explain("--if-offline be1 --if-offline be2 alice", None).await;
    assert_eq!(told.exit_code, 75);
    assert!(result(&told).starts_with("result: refused for now: "), "{}", result(&told));
    let told = desk.explain("--as-site DC2 alice", None).await;
    has(&told, "local site: DC2 (online)");
    assert!(!result(&told).contains("backend be1"), "{}", result(&told));
    // The user's home is gone, and its groups have followed.
    desk.ok("user move --direct --site DC2 carol vip").await;
    assert_eq!(
        result(&desk.explain("carol", None).await),
        "result: go to site DC2 by lb2 (10.2.0.1)"
    );
    for gone in ["DC2", "lb2"] {
        let told = desk.explain(&format!("--if-offline {gone} carol"), None).await;
        has(&told, "write: group_sites: vip goes to site DC1");
        assert_eq!(result(&told), "result: go to backend be1 (10.0.0.1), group vip");
    }
    for (line, text) in [
        ("--as-site DC9 alice", "site DC9: does not exist"),
        ("--if-offline be9 alice", "--if-offline be9: is neither a backend"),
    ] {
        let refused = explain_login(&desk.geodb, &command(line), &desk.settings, None, NOW).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.exit_code(), 68);
        assert!(refused.to_string().starts_with(text), "{refused}");
    }
}

#[tokio::test]
async fn c_cmd_3_a_running_hale_explains_by_its_memory_and_says_how_old_that_is() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let table = desk.table().await;
    let row = desk.geodb.read_user("alice").await.unwrap().unwrap();
    let memory = |user, table_origin| {
        Some(Memory { table: &table, table_origin, user, kept: None, sent_on: None })
    };
    // The GeoDB says something else by now.
    desk.ok("group move --direct DC1 vip be2").await;
    desk.ok("user move --direct alice other").await;
    let known = Some((row.clone(), Origin::Memory(120)));
    let told = desk.explain("alice", memory(known, Origin::Memory(7))).await;
    has(&told, "user: home DC1, group \"vip\" | users alice | memory | 120");
    has(&told, "group: vip on be1 (online), next be2 (online) | user_groups DC1 vip | memory | 7");
    assert_eq!(result(&told), "result: go to backend be1 (10.0.0.1), group vip");
    // Rows that this run has not read from the GeoDB yet.
    let told = desk.explain("alice", memory(Some((row, Origin::LocalDb)), Origin::LocalDb)).await;
    has(&told, "user: home DC1, group \"vip\" | users alice | localdb | ");
    has(&told, "user_groups DC1 vip | localdb | ");
    // Who is not in memory is asked for.
    let told = desk.explain("alice", memory(None, Origin::Memory(7))).await;
    has(&told, "user: home DC1, group \"other\" | users alice | geodb | 0");
    has(&told, "| sites DC1 | memory | 7");
}

#[tokio::test]
async fn c_cmd_3_without_the_geodb_memory_is_explained_and_the_rest_is_refused_as_logins_are() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let table = desk.table().await;
    let row = desk.geodb.read_user("alice").await.unwrap().unwrap();
    desk.geodb.close().await;
    let memory = |user| {
        let table_origin = Origin::Memory(900);
        Some(Memory { table: &table, table_origin, user, kept: None, sent_on: None })
    };
    let kept = memory(None).map(|memory| Memory { kept: Some(row.clone()), ..memory });
    let told = desk.explain("alice", kept).await;
    has(&told, "user: home DC1, group \"vip\" | users alice | localdb | ");
    let known = Some((row, Origin::Memory(900)));
    let told = desk.explain("alice", memory(known)).await;
    assert_eq!(result(&told), "result: go to backend be1 (10.0.0.1), group vip");
    let told = desk.explain("zoe", memory(None)).await;
    assert_eq!(told.exit_code, 75);
    has(&told, "user: the GeoDB does not answer");
    assert!(told.notices[0].starts_with("the GeoDB was asked for the user: "), "{told:?}");
    for line in ["alice", "--if-offline be1 alice"] {
        let refused = explain_login(&desk.geodb, &command(line), &desk.settings, None, NOW).await;
        assert_eq!(refused.unwrap_err().exit_code(), 75, "{line}");
    }
}
