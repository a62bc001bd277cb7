//! Force-moves, recoveries, reachability.

use super::*;
use crate::route::rows::{Setting, SiteReachability};
use crate::route::settings_rows::{DEST, FORCE_MOVE, ForceMove, PERCENTAGE};

/// Three sites, two backends of one.
async fn desk() -> Desk {
    let desk = Desk::cluster().await;
    desk.ok("site add --load-balancer lb3 DC3").await;
    desk
}

async fn id_of(desk: &Desk, line: &str) -> Uuid {
    desk.field(line, "id").await.parse().unwrap()
}

/// The force-move out of a site or backend, as routing reads it.
async fn active(desk: &Desk, site_id: Uuid, backend_id: Uuid) -> Option<ForceMove> {
    let mut rows = desk.second_process().settings(FORCE_MOVE).await.unwrap();
    rows.retain(|row| row.site_id == site_id && row.backend_id == backend_id);
    ForceMove::of_rows(rows.iter().map(|row| (&*row.name, &*row.value))).unwrap()
}

#[tokio::test]
async fn c_force_1_a_site_is_force_moved_by_rows_that_routing_reads() {
    let desk = desk().await;
    let [dc1, dc2, dc3] = [
        id_of(&desk, "site status DC1").await,
        id_of(&desk, "site status DC2").await,
        id_of(&desk, "site status DC3").await,
    ];
    let shown = desk.ok("-f flow site force-move start --id spring DC1 10 DC2 DC3").await;
    assert_eq!(shown, "site_id=DC1 backend_id= id=spring percentage=10 dest=DC2,DC3\n");
    let expected =
        ForceMove { id: "spring".into(), percentage: 10, destinations: [dc2, dc3].into() };
    assert_eq!(active(&desk, dc1, Uuid::nil()).await, Some(expected.clone()));
    assert_eq!(
        desk.field("site status DC1", "force_move").await,
        "id=spring percentage=10 dest=DC2,DC3"
    );
    assert_eq!(desk.field("site status DC2", "force_move").await, "");
    // The same sample, and more.
    let shown = desk.field("site force-move update DC1 50", "percentage").await;
    assert_eq!(shown, "50");
    let expected = ForceMove { percentage: 50, ..expected };
    assert_eq!(active(&desk, dc1, Uuid::nil()).await, Some(expected));
    let (code, text) = desk.no("site force-move start DC1 10 DC2").await;
    assert!(code == 65 && text.contains("update or stop it"), "{text}");
    assert_eq!(desk.no("site recover DC1 10").await.0, 65, "out and home at once");
    desk.ok("site force-move stop DC1").await;
    assert_eq!(active(&desk, dc1, Uuid::nil()).await, None);
    for line in ["site force-move stop DC1", "site force-move update DC1 5"] {
        let expected = (68, "site DC1: no force-move is active".to_owned());
        assert_eq!(desk.no(line).await, expected);
    }
    // Another sample each time, unless an id is given.
    let first = desk.field("site force-move start DC1 10 DC2", "id").await;
    desk.ok("site force-move stop DC1").await;
    assert_ne!(desk.field("site force-move start DC1 10 DC2", "id").await, first);
}

#[tokio::test]
async fn c_force_1_arguments_of_a_force_move_are_checked_and_nothing_is_written() {
    let desk = desk().await;
    desk.ok("backend add --site DC2 be3").await;
    for (line, code) in [
        ("site force-move start DC1 101 DC2", 64),
        ("site force-move start DC1 -1 DC2", 64),
        ("site force-move start DC1 many DC2", 64),
        ("site force-move start DC1 10", 64),
        ("site force-move update DC1", 64),
        ("site force-move start DC9 10 DC2", 68),
        ("site force-move start DC1 10 DC9", 68),
        ("site force-move start DC1 10 DC1", 65),
        ("site force-move start DC1 10 DC2 DC2", 65),
        ("site force-move start --id= DC1 10 DC2", 65),
        ("backend force-move start be9 10 be2", 68),
        ("backend force-move start be1 10 be9", 68),
        ("backend force-move start be1 10 be3", 68),
        ("backend force-move start be1 10 be1", 65),
        ("site recover DC1 101", 64),
        ("site recover DC9 10", 68),
        ("site recover --id= DC1 10", 65),
    ] {
        assert_eq!(desk.no(line).await.0, code, "{line}");
    }
    assert_eq!(desk.ok("-f flow geodb show cluster_settings").await, "");
}

#[tokio::test]
async fn c_force_1_backends_and_recoveries_have_rows_of_their_own() {
    let desk = desk().await;
    let site = id_of(&desk, "site status DC1").await;
    let [be1, be2] =
        [id_of(&desk, "backend status be1").await, id_of(&desk, "backend status be2").await];
    desk.ok(&format!("backend force-move start {be1} 100 BE2")).await;
    let expected = active(&desk, site, be1).await.unwrap();
    assert_eq!((expected.percentage, &*expected.destinations), (100, [be2].as_slice()));
    assert_eq!(active(&desk, site, Uuid::nil()).await, None);
    assert!(desk.field("backend status be1", "force_move").await.ends_with(" dest=be2"));
    let shown = desk.ok("-f flow site recover --id x DC1 25").await;
    assert_eq!(shown, "site_id=DC1 id=x percentage=25\n", "a backend's is no obstacle");
    // It keeps its sample.
    assert_eq!(desk.field("site recover DC1 50", "id").await, "x");
    assert_eq!(desk.field("site status DC1", "recover").await, "id=x percentage=50");
    assert_eq!(desk.field("site recover --id y DC1 50", "id").await, "y");
}

#[tokio::test]
async fn c_force_1_a_new_status_ends_what_was_active_there_and_nowhere_else() {
    let desk = desk().await;
    let start = async || {
        for line in [
            "site force-move start --id s DC1 10 DC2",
            "site recover --id r DC2 10",
            "backend force-move start --id b be1 10 be2",
        ] {
            desk.ok(line).await;
        }
    };
    let left = async || {
        let text = desk.ok("-f tab geodb show cluster_settings").await;
        let named = |id: &str| text.lines().any(|line| line.ends_with(&format!("\tid\t{id}")));
        ["s", "r", "b"].map(named)
    };
    start().await;
    desk.ok("site update --load-balancer lb1 DC1").await;
    desk.ok("backend update --load-factor 50 be1").await;
    desk.ok("site update --status online DC3").await;
    desk.ok("backend update --status online be2").await;
    assert_eq!(left().await, [true, true, true]);
    desk.ok("site update --status offline DC1").await;
    assert_eq!(left().await, [false, true, true]);
    desk.ok("site update --status online DC2").await;
    assert_eq!(left().await, [false, false, true]);
    desk.ok("backend update --status standby be1").await;
    assert_eq!(left().await, [false, false, false]);
    let rows = desk.ok("-f flow geodb show cluster_settings").await;
    assert!(rows.lines().all(|row| row.starts_with("section=status ")), "no order is left: {rows}");
    start().await;
    desk.ok("backend update --status online be1").await;
    desk.ok("backend force-move start --id b be1 10 be2").await;
    desk.ok("backend evacuate be1").await;
    assert_eq!(left().await, [true, true, false]);
    // What is removed leaves no orders behind.
    desk.ok("site remove DC1").await;
    desk.ok("site remove DC2").await;
    let rows = desk.ok("-f flow geodb show cluster_settings").await;
    assert!(rows.lines().all(|row| row.starts_with("section=status ")), "no order is left: {rows}");
}

#[tokio::test]
async fn c_force_1_rows_that_make_no_sense_are_told_and_can_be_stopped() {
    let desk = desk().await;
    let site_id = id_of(&desk, "site status DC1").await;
    desk.ok("site force-move start DC1 10 DC2").await;
    let spoil = async |name: &str, value: &str| {
        let setting = Setting {
            section: FORCE_MOVE.into(),
            site_id,
            backend_id: Uuid::nil(),
            name: name.into(),
            value: value.into(),
        };
        desk.geodb.write_setting(&setting).await.unwrap();
    };
    spoil(PERCENTAGE, "a few").await;
    let shown = desk.field("site status DC1", "force_move").await;
    assert_eq!(shown, "without effect: percentage makes no sense");
    let (code, text) = desk.no("site force-move update DC1 10").await;
    assert!(code == 65 && text.contains("stop it and start another"), "{text}");
    assert_eq!(desk.no("site force-move start DC1 10 DC2").await.0, 65);
    desk.ok("site force-move stop DC1").await;
    // A destination that has no row any more is shown by its id.
    desk.ok("site force-move start --id x DC1 10 DC2").await;
    spoil(DEST, ID).await;
    let shown = desk.field("site status DC1", "force_move").await;
    assert_eq!(shown, format!("id=x percentage=10 dest={ID}"));
}

#[tokio::test]
async fn c_site_3_reachability_is_listed_by_names() {
    let desk = desk().await;
    let columns = "src_site_id\tdest_site_id\treachable\n";
    assert_eq!(desk.ok("-f tab site reachability list").await, columns);
    let [dc1, dc2, dc3] = [
        id_of(&desk, "site status DC1").await,
        id_of(&desk, "site status DC2").await,
        id_of(&desk, "site status DC3").await,
    ];
    for (src_site_id, dest_site_id, reachable) in
        [(dc1, dc2, Some(1)), (dc1, dc3, Some(0)), (dc2, dc1, None)]
    {
        let row = SiteReachability { src_site_id, dest_site_id, reachable };
        desk.geodb.write_reachability(&row).await.unwrap();
    }
    let mut all: Vec<String> = Vec::new();
    all.extend(desk.ok("-f flow site reachability list").await.lines().map(str::to_owned));
    all.sort();
    let expected = [
        "src_site_id=DC1 dest_site_id=DC2 reachable=1",
        "src_site_id=DC1 dest_site_id=DC3 reachable=0",
        "src_site_id=DC2 dest_site_id=DC1 reachable=",
    ];
    assert_eq!(all, expected);
    assert_eq!(desk.ok("-f flow site reachability list DC1").await.lines().count(), 2);
    assert_eq!(desk.field("site reachability list DC1 DC3", "reachable").await, "0");
    assert_eq!(desk.ok("-f json site reachability list DC3").await, "[]\n");
    assert_eq!(desk.no("site reachability list DC9").await.0, 68);
    assert_eq!(desk.no("site reachability list DC1 DC9").await.0, 68);
    assert_eq!(desk.no("site reachability list DC1 DC2 DC3").await.0, 64);
}
