//! Users who are sent to a backend by name.

use super::*;
use crate::control::geodb::UnixMillis;

async fn listed(desk: &Desk) -> Vec<String> {
    let (output, _) = desk.run("backend pin --list").await.unwrap();
    let line = |row: &Vec<Option<String>>| {
        let fields = row.iter().map(|field| field.clone().unwrap_or_default());
        fields.collect::<Vec<String>>().join(" ")
    };
    output.rows.iter().map(line).collect()
}

async fn backend_of(desk: &Desk, user: &str) -> String {
    desk.field(&format!("user access -u {user}"), "host").await
}

/// One backend has all groups, the other one is in standby.
async fn commissioning() -> Desk {
    let mut desk = Desk::cluster().await;
    desk.settings = desk.settings.clone().ordered_by("uid=0@lb1");
    desk.ok("backend update --status standby be2").await;
    desk
}

#[tokio::test]
async fn c_pin_1_a_pinned_user_goes_to_a_backend_in_standby_until_unpinned() {
    let desk = commissioning().await;
    assert_eq!(backend_of(&desk, "alice").await, "be1");
    let changes = desk.changes("backend pin --reason trial be2 Alice bob").await;
    assert_eq!(changes, ["user alice: pin nothing -> be2", "user bob: pin nothing -> be2"]);
    for user in ["alice", "bob"] {
        assert_eq!(backend_of(&desk, user).await, "be2");
    }
    assert_eq!(backend_of(&desk, "eve").await, "be1");
    let expected = "be2 DC1  2023-11-14T22:13:20Z uid=0@lb1 trial";
    assert_eq!(listed(&desk).await, [format!("alice {expected}"), format!("bob {expected}")]);
    assert_eq!(desk.field("backend status be2", "pins").await, "2");
    assert_eq!(desk.changes("backend pin be1 bob").await, ["user bob: pin be2 -> be1"]);
    assert_eq!(desk.field("backend status be2", "pins").await, "1");
    assert_eq!(desk.changes("backend unpin alice").await, ["user alice: pin be2 -> nothing"]);
    assert_eq!(backend_of(&desk, "alice").await, "be1");
    let (code, text) = desk.no("backend unpin alice").await;
    assert!(code == 68 && text.contains("is not pinned at DC1"), "{text}");
    desk.ok("backend pin be2 bob").await;
    desk.ok("backend update --status offline be2").await;
    assert_eq!(backend_of(&desk, "bob").await, "be1", "no place to try a user out");
    let (output, _) = desk.run("backend pin be2 bob").await.unwrap();
    assert!(output.notices[0].contains("is offline"), "{output:?}");
    desk.ok("backend remove be2").await;
    assert_eq!(desk.geodb.settings("pin").await.unwrap(), [], "nobody is pinned to what is gone");
}

#[tokio::test]
async fn c_pin_1_a_pins_time_passes() {
    let desk = commissioning().await;
    desk.ok("backend pin --for 2h be2 alice").await;
    let until = "alice be2 DC1 2023-11-15T00:13:20Z 2023-11-14T22:13:20Z uid=0@lb1 ";
    assert_eq!(listed(&desk).await, [until]);
    let access = |after: i64| {
        let desk = &desk;
        async move {
            let now: UnixMillis = NOW + after * 1000;
            let words = ["user", "access", "-u", "alice"].map(str::to_owned);
            let command = ClusterCommand::of_words(words).unwrap();
            let output = run(&desk.geodb, &command, &desk.settings, now).await.unwrap();
            let at = output.columns.iter().position(|name| name == "host").unwrap();
            output.rows[0][at].clone().unwrap()
        }
    };
    assert_eq!((access(7199).await, access(7200).await), ("be2".to_owned(), "be1".to_owned()));
    // The next pin takes away those that are over.
    let words = ["backend", "pin", "be2", "bob"].map(str::to_owned);
    let command = ClusterCommand::of_words(words).unwrap();
    run(&desk.geodb, &command, &desk.settings, NOW + 7_200_000).await.unwrap();
    assert_eq!(desk.geodb.settings("pin").await.unwrap().len(), 1);
}

#[tokio::test]
async fn c_pin_1_what_is_no_pin_is_refused() {
    let desk = commissioning().await;
    for (line, code) in [
        ("backend pin be2", 64),
        ("backend pin --list be2 alice", 64),
        ("backend pin --for soon be2 alice", 64),
        ("backend pin --for 0s be2 alice", 64),
        ("backend pin be9 alice", 68),
        ("backend pin be2 a*", 65),
        ("backend unpin", 64),
        ("backend unpin --site DC9 alice", 68),
    ] {
        assert_eq!(desk.no(line).await.0, code, "{line}");
    }
    assert_eq!(desk.geodb.settings("pin").await.unwrap(), []);
}
