//! Why an operator did something, and what was changed.

use super::*;

#[tokio::test]
async fn c_cmd_1_a_reason_stands_in_the_backends_row_and_no_probe_takes_it_for_its_own() {
    let desk = Desk::cluster().await;
    let reason = || desk.field("backend status be1", "status_reason");
    desk.ok("backend update --status standby --reason new-disks be1").await;
    assert_eq!(reason().await, "admin: new-disks");
    desk.ok("backend update --load-factor 50 --reason no-status be1").await;
    assert_eq!(reason().await, "admin: new-disks", "it is the status' reason");
    desk.ok("backend update --status online --reason auto:be2:1:recovered be1").await;
    assert_eq!(reason().await, "admin: auto:be2:1:recovered");
    desk.ok("backend update --status offline be1").await;
    assert_eq!(reason().await, "admin");
    desk.ok("backend update --status online be1").await;
    desk.ok("backend evacuate --reason new-disks be1").await;
    assert_eq!(reason().await, "evacuate: new-disks");
    let long = format!("backend update --status online --reason {} be1", "x".repeat(201));
    assert_eq!(desk.no(&long).await.0, 65);
    assert_eq!(desk.no("backend update --status online --reason a\nb be1").await.0, 65);
}

#[tokio::test]
async fn c_cmd_1_what_changes_is_told_with_its_old_and_its_new_value() {
    let desk = Desk::cluster().await;
    assert_eq!(
        desk.changes("backend update --status standby --load-factor 7 --reason fan be1").await,
        [
            "backend be1: status online -> standby",
            "backend be1: load_factor 100 -> 7",
            "backend be1: status_reason admin -> admin: fan",
        ]
    );
    assert_eq!(
        desk.changes("site update --status offline --load-balancer lb9 DC2").await,
        ["site DC2: load_balancer lb2 -> lb9", "site DC2: status online -> offline"]
    );
    desk.ok("site update --status online DC2").await;
    assert_eq!(
        desk.changes("site force-move start --id first DC1 10 DC2").await,
        ["site DC1: force_move nothing -> id=first percentage=10 dest=DC2"]
    );
    assert_eq!(
        desk.changes("site force-move stop DC1").await,
        ["site DC1: force_move id=first percentage=10 dest=DC2 -> nothing"]
    );
    assert_eq!(
        desk.changes("site recover --id first DC1 25").await,
        ["site DC1: recover nothing -> id=first percentage=25"]
    );
    desk.ok("backend update --status online be1").await;
    desk.ok("group move --direct DC1 vip be1").await;
    let moved = desk.changes("group move DC1 vip be2").await;
    assert!(moved.contains(&"group vip: moving nothing -> 1".to_owned()), "{moved:?}");
    assert_eq!(
        desk.changes("group update --sticky-users yes DC1 vip").await,
        ["group vip: sticky_users no -> yes"]
    );
    desk.ok("user move --direct --site DC1 alice vip").await;
    assert_eq!(
        desk.changes("user move --site DC2 alice new").await,
        [
            "user alice: moving_preferred_site_id nothing -> DC2",
            "user alice: moving_group_name nothing -> new",
        ]
    );
    assert_eq!(desk.changes("backend list").await, [""; 0], "a question changes nothing");
}
