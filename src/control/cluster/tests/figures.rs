//! What lists show besides the rows: who, since when, why, and what for.

use std::collections::HashMap;

use super::*;
use crate::control::cluster::{Own, for_terminal};
use crate::control::geodb::{DestFigure, FigureKind};
use crate::control::loads::{self, Use};

/// What a proxy of DC1 wrote of be1 so many seconds ago.
async fn told(desk: &Desk, proxy: &str, of: Use, ago: i64) {
    told_state(desk, proxy, of, ago, 0.0).await;
}

async fn told_state(desk: &Desk, proxy: &str, of: Use, ago: i64, state: f64) {
    let site = site_id(desk).await;
    let at = NOW - ago * 1000;
    let mut rows = loads::rows((site, proxy), "be1", of, at).to_vec();
    rows.extend(
        [("updated", at as f64 / 1000.0), ("imap.state", state), ("imap.probe_ms", 7.4)].map(
            |(key, value)| DestFigure {
                proxy_site_id: site,
                dest_host: "be1".into(),
                proxy_host: proxy.into(),
                key: key.into(),
                value,
                kind: FigureKind::Gauge,
            },
        ),
    );
    desk.geodb.write_dest_figures(&rows).await.unwrap();
}

async fn site_id(desk: &Desk) -> Uuid {
    desk.geodb.sites().await.unwrap().into_iter().find(|site| &*site.name == "DC1").unwrap().id
}

async fn of(desk: &Desk, line: &str, columns: &[&str]) -> Vec<String> {
    let mut fields = Vec::new();
    for column in columns {
        fields.push(desk.field(line, column).await);
    }
    fields
}

const USE: [&str; 5] = ["probes", "connections", "logins_minute", "failures_minute", "probe_ms"];
const SET: [&str; 3] = ["since", "set_by", "why"];

#[tokio::test]
async fn c_backend_4_lists_tell_since_when_by_whom_and_why() {
    let mut desk = Desk::cluster().await;
    desk.settings = desk.settings.clone().ordered_by("uid=0@lb1");
    desk.ok("backend update --status standby --reason disks be1").await;
    let expected = ["2023-11-14T22:13:20Z", "uid=0@lb1", "disks"];
    assert_eq!(of(&desk, "backend status be1", &SET).await, expected);
    desk.ok("site update --status offline --reason flood DC2").await;
    let expected = ["2023-11-14T22:13:20Z", "uid=0@lb1", "flood"];
    assert_eq!(of(&desk, "site status DC2", &SET).await, expected);
    assert_eq!(of(&desk, "site status DC1", &SET).await, ["", "", ""]);
    // Another program changes it and says nothing: the reason is of another status.
    let site = desk.geodb.sites().await.unwrap().into_iter().find(|site| &*site.name == "DC2");
    let update = crate::control::geodb::SiteUpdate {
        status: Some(crate::route::rows::SiteStatus::Standby),
        load_balancer: None,
    };
    assert!(desk.geodb.update_site(site.unwrap().id, &update).await.unwrap());
    assert_eq!(of(&desk, "site status DC2", &SET).await, ["", "", ""]);
    desk.ok("site remove DC2").await;
    assert_eq!(desk.geodb.settings("status").await.unwrap(), []);
}

#[tokio::test]
async fn c_cmd_4_without_a_hale_figures_are_those_of_the_proxies_rows_while_they_are_fresh() {
    let desk = Desk::cluster().await;
    assert_eq!(of(&desk, "backend status be1", &USE).await, ["", "", "", "", ""]);
    let seven = Use { connections: 7, logins: 3, failures: 1 };
    told(&desk, "lb1", seven, 5).await;
    told(&desk, "lb2", seven, 40).await;
    told(&desk, "lb3", seven, 50).await;
    assert_eq!(of(&desk, "backend status be1", &USE).await, ["up", "14", "6", "2", "7"]);
    let site = ["backends_online", "connections", "logins_minute", "failures_minute", "probe_ms"];
    assert_eq!(of(&desk, "site status DC1", &site).await, ["2/2", "14", "6", "2", "7"]);
    assert_eq!(of(&desk, "site status DC2", &site).await, ["0/0", "", "", "", ""]);
    let shown = |line: &'static str| {
        let desk = &desk;
        async move {
            let (output, format) = desk.run(line).await.unwrap();
            let command = CommandLine::try_parse_from(["x"].into_iter().chain(line.split(' ')));
            for_terminal(&command.unwrap().command, output, format).render(format)
        }
    };
    let table = shown("backend status be2").await;
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.join(" ").ends_with("- admin - - - - - - 100 0"), "{table}");
    assert!(shown("backend status be2 -f json").await.contains(r#""probes":null"#));
}

#[tokio::test]
async fn c_cmd_4_a_backend_that_was_not_probed_yet_is_not_said_to_be_up() {
    let desk = Desk::cluster().await;
    let probes = || desk.field("backend status be1", "probes");
    told_state(&desk, "lb1", Use::default(), 5, -1.0).await;
    assert_eq!(probes().await, "not yet");
    told(&desk, "lb2", Use::default(), 5).await;
    assert_eq!(probes().await, "not yet for lb1, up for lb2");
    told_state(&desk, "lb1", Use::default(), 5, 2.0).await;
    assert_eq!(probes().await, "down for lb1, up for lb2");
}

#[tokio::test]
async fn c_cmd_4_a_hale_counts_its_own_itself_and_adds_the_others() {
    let mut desk = Desk::cluster().await;
    let rows = Use { connections: 7, logins: 3, failures: 1 };
    told(&desk, "lb1", rows, 5).await;
    told(&desk, "lb2", rows, 5).await;
    let uses = HashMap::from([("be1".into(), Use { connections: 100, logins: 20, failures: 0 })]);
    desk.settings.own = Some(Own { proxy: "lb1".into(), uses });
    assert_eq!(of(&desk, "backend status be1", &USE).await, ["up", "107", "23", "1", "7"]);
    assert_eq!(of(&desk, "backend status be2", &USE).await, ["", "0", "0", "0", ""]);
}

#[tokio::test]
async fn r_probe_8_lists_show_the_share_that_counts_now() {
    let desk = Desk::cluster().await;
    let share = || desk.field("backend status be1", "load_factor_now");
    desk.ok("backend update --load-factor 50 be1").await;
    assert_eq!(share().await, "50");
    desk.ok("backend update --status standby be1").await;
    assert_eq!(share().await, "0");
    let backends = desk.geodb.backends().await.unwrap();
    let backend = backends.iter().find(|backend| &*backend.host == "be1").unwrap();
    let back = format!("auto:lb1:{}:recovered", NOW / 1000 - 15);
    let update = crate::control::geodb::BackendUpdate {
        status: Some((crate::route::rows::BackendStatus::Online, back.into())),
        ..Default::default()
    };
    desk.geodb.update_backend(backend.site_id, backend.id, &update).await.unwrap();
    assert_eq!(share().await, "25", "half of what it is meant to have");
    assert_eq!(desk.field("backend status be1", "set_by").await, "lb1");
    let factors = ["load_factor", "load_factor_now"];
    assert_eq!(of(&desk, "site status DC1", &factors).await, ["150", "125"], "and be2's 100");
}
