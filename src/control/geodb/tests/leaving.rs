//! Users that leave a backend by the table of a proxy that has not heard where groups went since (C-FORCE-3).

use super::*;
use crate::route::change::ChangeReason;
use crate::route::decide::{RouteQuestion, UserKnown, decide};
use crate::route::rows::Setting;
use crate::route::settings_rows::{FORCE_MOVE, ForceMove};

on_each_engine! {
    c_force_3_a_user_moves_to_no_group_that_has_left_the_destination
    c_force_3_a_user_whose_group_has_left_the_backend_stays
    c_force_3_a_table_that_is_wrong_about_many_groups_moves_no_user
}

/// Groups `stay`, on the backend that is left, and `go1` and so on, on the other one; eve is in `stay`.
async fn cluster_being_left(place: &Place, others: u32) -> GeoDb {
    let geodb = cluster(place).await;
    let names = (1..=others).map(|number| (format!("go{number}"), BE2));
    for (name, backend_id) in names.chain([("stay".to_owned(), BE1)]) {
        let name = name.into();
        let creation = GroupCreation { site_id: DC1, name, backend_id, alt_backend_id: None };
        geodb.create_group(&creation, NOW).await.unwrap();
    }
    let force_move =
        ForceMove { id: "order".into(), percentage: 100, destinations: [BE2].as_slice().into() };
    for (name, value) in force_move.to_rows() {
        let (name, value) = (name.into(), value.into());
        let section = FORCE_MOVE.into();
        let row = Setting { section, site_id: DC1, backend_id: BE1, name, value };
        geodb.write_setting(&row).await.unwrap();
    }
    let eve = User {
        username: "eve".into(),
        preferred_site_id: Some(DC1),
        group_name: "stay".into(),
        ..User::default()
    };
    assert_eq!(geodb.replace_user(None, &eve, NOW).await.unwrap(), Applied::Written);
    geodb
}

/// Another proxy has it elsewhere.
async fn goes_to(geodb: &GeoDb, group: &str, backend: Uuid) {
    let row = geodb.read_group(DC1, group).await.unwrap().unwrap();
    let placement = Placement { backend_id: Some(backend), ..Placement::default() };
    let change = GroupChange::of(&row, placement, ChangeReason::SwitchToBest);
    assert_eq!(geodb.apply(&change, NOW).await.unwrap(), Applied::Written);
}

async fn group_of_eve(geodb: &GeoDb) -> Box<str> {
    geodb.read_user("eve").await.unwrap().unwrap().group_name
}

fn newer(answer: &Answer) -> Vec<&str> {
    let rows = answer.others.iter().chain(&answer.group);
    let mut names: Vec<&str> = rows.map(|row| &*row.name).collect();
    names.sort_unstable();
    names
}

async fn c_force_3_a_user_moves_to_no_group_that_has_left_the_destination(place: &Place) {
    let geodb = cluster_being_left(place, 2).await;
    let old = table(&geodb).await;
    // Where she would go by the old table alone.
    let eve = geodb.read_user("eve").await.unwrap().unwrap();
    let decision = decide(&old, UserKnown::Row(&eve), &RouteQuestion::of("eve"));
    let Decision::MoveUser(change) = decision else { panic!("{decision:?}") };
    let chosen = change.moved.group_name;
    let other = if &*chosen == "go1" { "go2" } else { "go1" };
    goes_to(&geodb, &chosen, BE1).await;
    let answer = look_up(&geodb, &old, &Search::of("eve", NOW)).await.unwrap();
    assert_eq!((destination(&answer), &*group_of_eve(&geodb).await), (BE2, other));
    assert_eq!(newer(&answer), [&*chosen], "the proxy hears of it");
}

async fn c_force_3_a_user_whose_group_has_left_the_backend_stays(place: &Place) {
    let geodb = cluster_being_left(place, 1).await;
    let old = table(&geodb).await;
    goes_to(&geodb, "stay", BE2).await;
    let answer = look_up(&geodb, &old, &Search::of("eve", NOW)).await.unwrap();
    assert_eq!((destination(&answer), &*group_of_eve(&geodb).await), (BE2, "stay"));
    assert_eq!(newer(&answer), ["stay"]);
}

async fn c_force_3_a_table_that_is_wrong_about_many_groups_moves_no_user(place: &Place) {
    let geodb = cluster_being_left(place, 6).await;
    let old = table(&geodb).await;
    for number in 1..=6 {
        goes_to(&geodb, &format!("go{number}"), BE1).await;
    }
    let answer = look_up(&geodb, &old, &Search::of("eve", NOW)).await.unwrap();
    assert!(matches!(answer.decision, Decision::MoveUser(_)), "{answer:?}");
    assert_eq!(answer.others.len(), 3, "it reads no more than that");
    assert_eq!(&*group_of_eve(&geodb).await, "stay");
}
