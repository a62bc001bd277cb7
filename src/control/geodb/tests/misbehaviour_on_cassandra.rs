//! Every way of a node to answer wrongly, late or not at all: a clear error in time, a breaker, and recovery.

use std::time::Duration;

use super::faults_on_cassandra::until;
use super::misbehaving::{Manner, Misbehaving, short};
use super::node::{PORT, place, shared};
use super::*;
use crate::config::{Cassandra as Settings, GeoDb as Location};

/// A GeoDB with `bob`, seen through a node that can misbehave.
async fn house(keyspace: &str, last: u8) -> (Misbehaving, GeoDb) {
    let real = shared().await;
    let made = place(keyspace).await;
    let bob = User { username: "bob".into(), group_name: "g".into(), ..User::default() };
    made.create().await.replace_user(None, &bob, NOW).await.unwrap();
    let (front, _) = real.address.rsplit_once('.').unwrap();
    let address = format!("{front}.{last}");
    let node = Misbehaving::listen(&address, &real.address, PORT).await;
    let settings = Settings {
        hosts: vec![address],
        request_timeout: limits::CASSANDRA_REQUEST_TIMEOUT,
        ..real.settings(keyspace)
    };
    let geodb = GeoDb::open(&Location::Cassandra(Box::new(settings)), OpenMode::Existing).unwrap();
    until(&geodb, "it connects", |answer| matches!(answer, Ok(Some(_)))).await;
    (node, geodb)
}

/// What is behind an error's text.
fn levels(numbers: &[i32], rest: &[u8]) -> Vec<u8> {
    let consistency = [0, 6];
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    [&consistency[..], &numbers, rest].concat()
}

#[tokio::test]
async fn ge_05_every_kind_of_error_is_one_clear_line_and_is_over_when_it_is_over() {
    let (node, geodb) = house("ge_05_kinds", 11).await;
    let (simple, write) = (short("SIMPLE"), [short("k"), short("t")].concat());
    let kinds: [(i32, Vec<u8>, bool, &str); 15] = [
        (0x0000, vec![], true, "made up"),
        (0x000A, vec![], true, "made up"),
        (0x1000, levels(&[2, 1], &[]), true, "2 are needed, 1 are there"),
        (0x1001, vec![], true, "it is overloaded"),
        (0x1002, vec![], true, "the node is still starting"),
        (0x1003, vec![], true, "made up"),
        (0x1100, levels(&[1, 2], &simple), true, "2 have to answer, 1 did"),
        (0x1200, levels(&[1, 2], &[0]), true, "2 have to answer, 1 did"),
        (0x1300, levels(&[1, 2, 1], &[0]), true, "made up"),
        (0x1500, levels(&[1, 2, 1], &simple), true, "made up"),
        (0x2000, vec![], false, "made up; run: hale geodb init"),
        (0x2100, vec![], false, "grant SELECT and MODIFY"),
        (0x2200, vec![], false, "made up; run: hale geodb init"),
        (0x2300, vec![], false, "made up; run: hale geodb init"),
        (0x2400, write, true, "made up"),
    ];
    for (code, behind, is_temporary, text) in kinds {
        node.behave(Manner::Error(code, behind));
        let error = geodb.read_user("bob").await.unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(text) && !shown.contains('\n'), "{code:#06x}: {shown}");
        assert_eq!(error.is_temporary(), is_temporary, "{code:#06x}: {shown}");
        node.behave(Manner::Well);
        until(&geodb, &shown, |answer| matches!(answer, Ok(Some(_)))).await;
    }
}

#[tokio::test]
async fn ge_03_ge_04_a_mute_late_or_broken_node_is_given_up_in_time_and_asked_no_more() {
    let (node, geodb) = house("ge_04_manners", 12).await;
    for manner in
        [Manner::Mute, Manner::Late(Duration::from_secs(5)), Manner::HalfAFrame, Manner::Garbage]
    {
        node.behave(manner.clone());
        let is_open = |answer: &Result<Option<User>, GeoDbError>| {
            answer.as_ref().is_err_and(|error| {
                assert!(error.is_temporary() && !error.to_string().contains('\n'), "{error}");
                error.to_string().contains("does not answer for")
            })
        };
        until(&geodb, "the breaker opens", is_open).await;
        // No task piles up: of a hundred calls none reaches the node, probes do one at a time.
        let before = node.asked();
        for _ in 0..100 {
            assert!(geodb.read_user("bob").await.is_err(), "{manner:?}");
        }
        assert!(node.asked() - before < 20, "{manner:?}: {}", node.asked() - before);
        node.behave(Manner::Well);
        until(&geodb, "it is over", |answer| matches!(answer, Ok(Some(_)))).await;
    }
}

#[tokio::test]
async fn ge_04_a_write_that_is_not_answered_is_sent_once_more() {
    let (node, geodb) = house("ge_04_again", 16).await;
    let of = |username: &str| UserAssignment {
        username: username.into(),
        preferred_site_id: Uuid::from_u128(1),
        group_name: "g".into(),
    };
    // Its statement is prepared with this one.
    geodb.assign_user(&of("first"), None, NOW).await.unwrap();
    let before = node.asked();
    node.behave(Manner::Mute);
    let (alice, carol) = (of("alice"), of("carol"));
    let (written, ()) = tokio::join!(geodb.assign_user(&alice, None, NOW), async {
        until_asked(&node, before + 1).await;
        node.behave(Manner::Well);
    });
    assert_eq!(&*written.unwrap().group_name, "g");
    // But no third time.
    node.behave(Manner::Mute);
    let before = node.asked();
    assert!(geodb.assign_user(&carol, None, NOW).await.is_err());
    assert_eq!(node.asked() - before, 2);
}

async fn until_asked(node: &Misbehaving, times: u32) {
    while node.asked() < times {
        tokio::task::yield_now().await;
    }
}

/// A login gives a request up after half a second; the operator who makes the tables on a node that has just begun does not.
#[tokio::test]
async fn ge_04_tables_are_looked_at_with_more_patience_than_logins_have() {
    let (node, geodb) = house("ge_04_patience", 15).await;
    node.behave(Manner::Late(limits::CASSANDRA_REQUEST_TIMEOUT * 6 / 5));
    let patient = geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let made = patient.init().await.unwrap();
    assert!(made.len() > 10 && made.iter().all(|made| !made.is_new), "{made:?}");
    let error = patient.read_user("bob").await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
}

#[tokio::test]
async fn rows_of_another_shape_are_an_error_and_never_a_row() {
    let (node, geodb) = house("rows_of_another_shape", 13).await;
    node.behave(Manner::WrongRows);
    let user = geodb.read_user("bob").await;
    assert!(
        user.as_ref().is_err_and(|error| error.to_string().contains("table users")),
        "{user:?}"
    );
    let all = geodb.read_all("DC1").await;
    assert!(
        all.as_ref().is_err_and(|error| error.to_string().contains("hale geodb init")),
        "{all:?}"
    );
    node.behave(Manner::Well);
    until(&geodb, "it is over", |answer| matches!(answer, Ok(Some(_)))).await;
}

#[tokio::test]
async fn a_table_that_breaks_off_half_way_is_an_error_and_no_half_table() {
    let (node, geodb) = house("a_table_that_breaks_off", 14).await;
    let reading = geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let before = node.asked();
    let (read, ()) = tokio::join!(reading.read_group_sites(), async {
        // Some of its sixteen token ranges have been read.
        until_asked(&node, before + 4).await;
        node.behave(Manner::Error(0x1002, vec![]));
    });
    assert!(read.is_err(), "{read:?}");
    node.behave(Manner::Well);
    until(&geodb, "it is over", |answer| matches!(answer, Ok(Some(_)))).await;
    assert!(reading.read_group_sites().await.unwrap().rows.is_empty());
}
