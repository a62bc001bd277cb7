//! Orders to move that are taken back and given again: one is not the other (C-GROUP-1, C-MOVE-4, C-MOVE-6).

use super::*;
use crate::route::change::ChangeReason::{FinishMove, Ordered};
use crate::route::change::{UserMove, UserMoveReason};
use crate::route::rows::UserGroup;

on_each_engine! {
    c_move_4_the_end_of_an_aborted_move_does_not_end_the_next
    c_move_6_the_end_of_an_aborted_move_does_not_end_the_next
}

/// A proxy that has not seen a move given up and ordered again does not end the second one when the first one's time is over.
async fn c_move_4_the_end_of_an_aborted_move_does_not_end_the_next(place: &Place) {
    let geodb = cluster(place).await;
    let creation =
        GroupCreation { site_id: DC1, name: "g".into(), backend_id: BE1, alt_backend_id: None };
    let row = geodb.create_group(&creation, NOW).await.unwrap();
    let at = |backend_id, moving: &str| Placement {
        backend_id: Some(backend_id),
        alt_backend_id: Some(BE2),
        moving: moving.into(),
    };
    let read = || async { geodb.read_group(DC1, "g").await.unwrap().unwrap() };
    let write = |change: GroupChange, now| {
        let geodb = geodb.clone();
        async move { geodb.apply(&change, now).await.unwrap() }
    };
    let ordered = |row: &UserGroup| GroupChange::of(row, at(BE1, "1"), Ordered);
    assert_eq!(write(ordered(&row), NOW).await, Applied::Written);
    let first = read().await;
    let end = GroupChange::of(&first, at(BE2, ""), FinishMove);
    assert_eq!(write(GroupChange::of(&first, at(BE1, ""), Ordered), NOW).await, Applied::Written);
    // By a host whose clock is behind.
    assert_eq!(write(ordered(&read().await), NOW - 10_000).await, Applied::Written);
    let second = read().await;
    assert!(second.refresh_after > first.refresh_after, "{first:?}, {second:?}");
    assert_eq!(Placement::from(&second), Placement::from(&first));
    assert_eq!(write(end, NOW + 31_000).await, Applied::Skipped);
    let end = GroupChange::of(&second, at(BE2, ""), FinishMove);
    assert_eq!(write(end, NOW + 31_000).await, Applied::Written);
    assert_eq!(read().await.backend_id, Some(BE2));
}

/// The same of a user who moves alone.
async fn c_move_6_the_end_of_an_aborted_move_does_not_end_the_next(place: &Place) {
    let geodb = cluster(place).await;
    let stays = User {
        username: "eve".into(),
        preferred_site_id: Some(DC1),
        group_name: "a".into(),
        ..User::default()
    };
    let moves = User { moving_group_name: Some("b".into()), ..stays.clone() };
    let read = || async { geodb.read_user("eve").await.unwrap().unwrap() };
    assert_eq!(geodb.replace_user(None, &moves, NOW).await.unwrap(), Applied::Written);
    let first = read().await;
    assert_eq!(geodb.replace_user(Some(&first), &stays, NOW).await.unwrap(), Applied::Written);
    let stayed = read().await;
    let again = geodb.replace_user(Some(&stayed), &moves, NOW - 10_000).await.unwrap();
    assert_eq!(again, Applied::Written);
    let second = read().await;
    assert!(second.leads_where(&first) && second.last_update > first.last_update);
    let end_of = |row: &User| UserMove {
        expected: row.clone(),
        moved: row.moved(),
        reason: UserMoveReason::Finish,
    };
    let end = |row: &User| {
        let (geodb, end) = (geodb.clone(), end_of(row));
        async move { geodb.finish_user_move(&end, NOW + 31_000).await.unwrap() }
    };
    assert_eq!(end(&first).await, Applied::Skipped);
    assert_eq!(end(&second).await, Applied::Written);
    assert_eq!(&*read().await.group_name, "b");
}
