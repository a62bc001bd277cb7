//! Groups and users: where they are and how they move.

use super::*;

#[test]
fn palomar_6_1_group_moves_start_and_finish() {
    let mut desk = Desk::cluster();
    desk.ok("group move --direct DC1 vip be1");
    assert_eq!(desk.field("group status DC1 vip", "backend_id"), "be1");
    assert_eq!(desk.field("group status DC1 vip", "alt_backend_id"), "be2");
    assert_eq!(desk.no("group move DC1 vip be1").0, 65, "is there already");
    assert_eq!(desk.no("group move DC1 vip be3").0, 68);
    assert_eq!(desk.no("group move DC1 nobody be2").0, 68);
    assert_eq!(desk.no("group move DC2 vip be2").0, 68, "a backend of another site");
    desk.ok("backend update --status standby be2");
    assert_eq!(desk.no("group move DC1 vip be2").0, 65, "only online backends");
    desk.ok("backend update --status online be2");
    desk.ok("group move DC1 vip be2");
    assert_eq!(desk.field("group status DC1 vip", "moving"), "1");
    desk.ok("user move --direct alice vip");
    assert_eq!(desk.field("user access -u alice", "host"), "be1", "the source decides");
    desk.ok("backend update --status standby be1");
    assert_eq!(desk.field("user access -i -u alice", "ip"), "10.0.0.2", "the source is gone");
    assert_eq!(desk.field("group status DC1 vip", "moving"), "");
    assert_eq!(desk.field("group status DC1 vip", "backend_id"), "be2");
}

#[test]
fn palomar_6_1_group_flags_and_lists() {
    let mut desk = Desk::cluster();
    desk.ok("site init --self");
    assert_eq!(desk.field("site init DC1", "groups"), "0", "they exist");
    assert_eq!(desk.ok("-f flow group list default-?").lines().count(), 4);
    assert_eq!(desk.ok("-f flow group list *-1").lines().count(), 1);
    assert_eq!(desk.ok("-f flow group list --site DC2"), "");
    desk.ok("group update --sticky-users yes --sticky-backend no DC1 default-1");
    assert_eq!(desk.field("group status DC1 default-1", "sticky_users"), "yes");
    assert_eq!(desk.field("group status DC1 default-1", "sticky_backend"), "no");
    assert_eq!(desk.no("group update DC1 default-1").0, 64);
    assert_eq!(desk.no("group update --sticky-users maybe DC1 default-1").0, 64);
    assert_eq!(desk.no("group update --sticky-users yes DC1 nobody").0, 68);
    assert_eq!(desk.no("group status DC1 nobody").0, 68);
}

#[test]
fn palomar_1_10_site_init_update_leaves_users_without_group_and_the_next_login_assigns() {
    let mut desk = Desk::cluster();
    desk.ok("user move --direct alice vip");
    desk.ok("site init DC1");
    desk.group_count = 2;
    assert_eq!(desk.field("site init --update DC1", "groups"), "2");
    assert_eq!(desk.field("user status alice", "group_name"), "");
    assert_eq!(desk.ok("-f flow group list").lines().count(), 2);
    desk.ok("user access -u alice");
    assert!(desk.field("user status alice", "group_name").starts_with("default-"));
    desk.group_count = 0;
    assert_eq!(desk.no("site init DC1").0, 78);
    desk.group_count = 2;
    let (code, text) = desk.no("site init DC2");
    assert!(code == 65 && text.contains("hale cluster backend update --status online"), "{text}");
}

#[test]
fn palomar_4_5_evacuate_moves_all_groups_and_logins_follow() {
    let mut desk = Desk::cluster();
    desk.ok("site init DC1");
    desk.ok("group move --direct DC1 vip be1");
    desk.ok("user move --direct alice vip");
    desk.ok("backend update --status standby be2");
    assert_eq!(desk.no("backend evacuate be1").0, 65, "nowhere to go");
    assert_eq!(desk.field("backend status be1", "status"), "online", "nothing was touched");
    desk.ok("backend update --status online be2");
    let moved: usize = desk.field("backend evacuate be1", "groups").parse().unwrap();
    assert!(moved >= 1);
    assert_eq!(desk.field("backend status be1", "status"), "standby");
    assert_eq!(desk.field("backend status be1", "load_factor"), "0");
    assert_eq!(desk.field("user access -u alice", "host"), "be2");
    assert_eq!(desk.field("group status DC1 vip", "backend_id"), "be2");
}

#[test]
fn palomar_5_3_user_moves() {
    let mut desk = Desk::cluster();
    let (code, text) = desk.no("user move alice vip");
    assert!(code == 67 && text.contains("--direct"), "{text}");
    desk.ok("user move --direct alice vip spare");
    assert_eq!(desk.field("user status alice", "preferred_site_id"), "DC1");
    assert_eq!(desk.field("user status alice", "failover_site_group_name"), "spare");
    desk.ok("user move --site DC2 alice vip2");
    assert_eq!(desk.field("user status alice", "moving_preferred_site_id"), "DC2");
    assert_eq!(
        desk.field("user status alice", "group_name"),
        "vip",
        "until the source has finished"
    );
    desk.ok("user move --direct --site DC2 alice vip2");
    assert_eq!(desk.field("user status alice", "moving_group_name"), "");
    assert_eq!(desk.field("user access -u alice", "host"), "lb2", "home is remote");
    assert_eq!(desk.no("user move --site DC9 alice x").0, 68);
    assert_eq!(desk.ok("-f flow user list a*").lines().count(), 1);
    desk.ok("user delete alice");
    assert_eq!(desk.no("user delete alice").0, 67);
    assert_eq!(desk.no("user status alice").0, 67);
}

#[test]
fn palomar_6_1_user_access_of_many() {
    let mut desk = Desk::cluster();
    assert_eq!(desk.field("user access -u probe-be2", "host"), "be2", "a test user");
    assert_eq!(desk.ok("-f flow user list"), "", "without any row");
    desk.ok("user access -u bob");
    assert_eq!(
        desk.second_process().read_user("bob").unwrap().unwrap().last_update,
        Some(1_700_000_000_000)
    );
    desk.ok("user move --direct --site DC2 carol g");
    desk.ok("site update --status offline DC2");
    let (output, _) = desk.run("user access -A").unwrap();
    assert_eq!((output.rows.len(), output.exit_code), (1, 75));
    assert_eq!(
        output.notices,
        ["user carol: DC2: the user's preferred site is not online or not reachable"]
    );
    assert_eq!(desk.no("user access -u carol").0, 75);
    let list = desk._directory.path().join("users");
    std::fs::write(&list, "bob\n\n dave \n").unwrap();
    let shown = desk.ok(&format!("-f tab user access -F {}", list.display()));
    assert!(
        shown.starts_with("username\thost\nbob\tbe") && shown.contains("\ndave\tbe"),
        "{shown}"
    );
    assert_eq!(desk.no("user access").0, 64);
    assert_eq!(desk.no("user access -A -u bob").0, 64);
    desk.group_count = 0;
    assert_eq!(desk.no("user access -u erin").0, 78);
    desk.local_site = Some("DC9");
    let (code, text) = desk.no("user access -u bob");
    assert!(code == 78 && text.contains("hale cluster site add"), "{text}");
}
