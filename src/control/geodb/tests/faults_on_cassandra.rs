//! A node that is frozen, killed, dead at the start, and back.

use std::time::Duration;

use super::node::Node;
use super::*;
use crate::config::{Cassandra as Settings, GeoDb as Location};

fn open(settings: &Settings, mode: OpenMode) -> GeoDb {
    GeoDb::open(&Location::Cassandra(Box::new(settings.clone())), mode).unwrap()
}

/// Asks until the answer is what is waited for.
pub(super) async fn until(
    geodb: &GeoDb,
    what: &str,
    is_it: impl Fn(&Result<Option<User>, GeoDbError>) -> bool,
) {
    let asking = async {
        while !is_it(&geodb.read_user("bob").await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let late = tokio::time::timeout(Duration::from_secs(120), asking).await;
    late.unwrap_or_else(|_| panic!("{what}: {:?}", "no such answer in 120 s"));
}

fn is_open(answer: &Result<Option<User>, GeoDbError>) -> bool {
    answer.as_ref().is_err_and(|error| error.to_string().contains("does not answer for"))
}

fn is_bob(answer: &Result<Option<User>, GeoDbError>) -> bool {
    matches!(answer, Ok(Some(user)) if &*user.group_name == "g")
}

#[tokio::test]
async fn ge_03_ge_04_a_frozen_or_killed_node_costs_a_temporary_failure_and_comes_back_by_itself() {
    let node = Node::start("faults", 2).await;
    let settings = Settings {
        request_timeout: limits::CASSANDRA_REQUEST_TIMEOUT,
        connect_timeout: Duration::from_secs(2),
        ..node.settings("faults")
    };
    let patient = Settings { request_timeout: Duration::from_secs(20), ..settings.clone() };
    let maker = open(&patient, OpenMode::Create).with_deadline(limits::GEODB_TABLE_TIMEOUT);
    maker.init().await.unwrap();
    let bob = User { username: "bob".into(), group_name: "g".into(), ..User::default() };
    assert_eq!(maker.replace_user(None, &bob, NOW).await.unwrap(), Applied::Written);
    let geodb = open(&settings, OpenMode::Existing);
    until(&geodb, "it connects", is_bob).await;
    for (what, state) in [("nodes", "1 of 1 connected"), ("reads", "first"), ("breaker", "closed")]
    {
        assert!(geodb.condition().contains(&(what, state.to_owned())), "{:?}", geodb.condition());
    }

    node.signal(0, "-STOP");
    let error = geodb.read_user("bob").await.unwrap_err();
    assert!(error.is_temporary() && error.is_outage(), "{error}");
    until(&geodb, "the breaker opens", is_open).await;
    let condition = geodb.condition();
    let is_told = |what: &str, text: &str| {
        condition.iter().any(|(found, state)| *found == what && state.starts_with(text))
    };
    assert!(is_told("breaker", "open for ") && is_told("reads", "fallback"), "{condition:?}");
    // Who begins now has no session yet, and hears why.
    let late = open(&settings, OpenMode::Existing);
    let error = late.with_deadline(Duration::from_secs(20)).read_user("bob").await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("cassandra 127."), "{error}");
    node.signal(0, "-CONT");
    until(&geodb, "it answers again", is_bob).await;
    until(&late, "it connects late", is_bob).await;

    node.signal(0, "-KILL");
    until(&geodb, "the breaker opens again", is_open).await;
    let refused = open(&settings, OpenMode::Existing);
    let error = refused.with_deadline(Duration::from_secs(20)).read_user("bob").await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("no connection"), "{error}");
    node.script(&["node"], &["0"]).await;
    until(&geodb, "the row is still there", is_bob).await;
    until(&refused, "it was dead at the start", is_bob).await;
    geodb.close().await;
    let closed = geodb.read_user("bob").await.unwrap_err();
    assert!(closed.to_string().contains("closed"), "{closed}");
}
