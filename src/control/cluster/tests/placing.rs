//! Groups and users: where they are and how they move.

use super::*;
use crate::route::settings_rows::Departure;

#[tokio::test]
async fn c_cmd_1_group_moves_start_and_finish() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    assert_eq!(desk.field("group status DC1 vip", "backend_id").await, "be1");
    assert_eq!(desk.field("group status DC1 vip", "alt_backend_id").await, "be2");
    assert_eq!(desk.no("group move DC1 vip be1").await.0, 65, "is there already");
    assert_eq!(desk.no("group move DC1 vip be3").await.0, 68);
    assert_eq!(desk.no("group move DC1 nothing be2").await.0, 68);
    assert_eq!(desk.no("group move DC2 vip be2").await.0, 68, "a backend of another site");
    desk.ok("backend update --status standby be2").await;
    assert_eq!(desk.no("group move DC1 vip be2").await.0, 65, "only online backends");
    desk.ok("backend update --status online be2").await;
    desk.ok("group move DC1 vip be2").await;
    assert_eq!(desk.field("group status DC1 vip", "moving").await, "1");
    desk.ok("user move --direct alice vip").await;
    assert_eq!(desk.field("user access -u alice", "host").await, "be1", "the source decides");
    desk.ok("backend update --status standby be1").await;
    assert_eq!(desk.field("user access -i -u alice", "ip").await, "10.0.0.2", "the source is gone");
    assert_eq!(desk.field("group status DC1 vip", "moving").await, "");
    assert_eq!(desk.field("group status DC1 vip", "backend_id").await, "be2");
}

#[tokio::test]
async fn c_move_9_a_group_that_moves_takes_no_other_order_than_to_stay() {
    let desk = Desk::cluster().await;
    desk.ok("backend add be3").await;
    desk.ok("backend update --status online be3").await;
    desk.ok("group move --direct DC1 vip be1").await;
    let (code, text) = desk.no("group move --abort DC1 vip").await;
    assert!(code == 65 && text.contains("is not being moved"), "{text}");
    desk.ok("group move DC1 vip be2").await;
    let (again, _) = desk.run("group move DC1 vip be2").await.unwrap();
    assert_eq!((again.exit_code, again.changes.len()), (0, 0), "ten proxies may say so");
    assert!(again.notices[0].contains("on its way to be2 already"), "{:?}", again.notices);
    let (code, text) = desk.no("group move DC1 vip be3").await;
    assert!(code == 65 && text.contains("group move --abort DC1 vip"), "{text}");
    assert_eq!(desk.field("group status DC1 vip", "alt_backend_id").await, "be2");
    desk.ok("group move --abort DC1 vip").await;
    assert_eq!(desk.field("group status DC1 vip", "moving").await, "");
    assert_eq!(desk.field("group status DC1 vip", "backend_id").await, "be1");
    for line in [
        "group move --abort DC1 vip be2",
        "group move --abort --direct DC1 vip",
        "group move DC1 vip",
        "user move alice",
        "user move --abort alice vip",
    ] {
        assert_eq!(desk.no(line).await.0, 64, "{line}");
    }
    assert_eq!(desk.no("group move --abort DC1 nothing").await.0, 68);
}

#[tokio::test]
async fn c_move_6_a_users_move_is_told_to_the_proxies_and_can_be_given_up() {
    let mut desk = Desk::cluster().await;
    desk.settings.are_moves_ours = true;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let departures = || async {
        let rows = desk.geodb.settings("departures").await.unwrap();
        rows.iter().filter_map(Departure::of_row).collect::<Vec<_>>()
    };
    let (code, text) = desk.no("user move alice vip").await;
    assert!(code == 65 && text.contains("in group vip already"), "{text}");
    assert_eq!(desk.no("user move --abort alice").await.0, 65);
    assert_eq!(desk.no("user move --abort nobody").await.0, 67);
    assert_eq!(departures().await, [], "nothing half done");
    desk.ok("user move alice spare").await;
    desk.ok("user move alice spare").await;
    let (code, text) = desk.no("user move alice other").await;
    assert!(code == 65 && text.contains("user move --abort alice"), "{text}");
    let [one] = &departures().await[..] else { panic!("one departure") };
    // The time of the order, which is later than that of the row before, and the same when it is given once more.
    assert_eq!((&*one.user, one.since), ("alice", NOW + 1));
    assert_eq!(desk.field("user status alice", "last_update").await, (NOW + 1).to_string());
    desk.ok("user move --abort alice").await;
    assert_eq!(departures().await, []);
    assert_eq!(desk.field("user status alice", "moving_group_name").await, "");
    assert_eq!(desk.field("user status alice", "group_name").await, "vip");
}

#[tokio::test]
async fn c_cmd_1_group_flags_and_lists() {
    let desk = Desk::cluster().await;
    desk.ok("site init --self").await;
    assert_eq!(desk.field("site init DC1", "groups").await, "0", "they exist");
    assert_eq!(desk.ok("-f flow group list default-?").await.lines().count(), 4);
    assert_eq!(desk.ok("-f flow group list *-1").await.lines().count(), 1);
    assert_eq!(desk.ok("-f flow group list --site DC2").await, "");
    desk.ok("group update --sticky-users yes --sticky-backend no DC1 default-1").await;
    assert_eq!(desk.field("group status DC1 default-1", "sticky_users").await, "yes");
    assert_eq!(desk.field("group status DC1 default-1", "sticky_backend").await, "no");
    assert_eq!(desk.no("group update DC1 default-1").await.0, 64);
    assert_eq!(desk.no("group update --sticky-users maybe DC1 default-1").await.0, 64);
    assert_eq!(desk.no("group update --sticky-users yes DC1 nothing").await.0, 68);
    assert_eq!(desk.no("group status DC1 nothing").await.0, 68);
}

#[tokio::test]
async fn c_user_1_site_init_update_leaves_users_without_group_and_the_next_login_assigns() {
    let mut desk = Desk::cluster().await;
    desk.ok("user move --direct alice vip").await;
    desk.ok("site init DC1").await;
    desk.settings.default_group_count = 2;
    assert_eq!(desk.field("site init --update DC1", "groups").await, "2");
    assert_eq!(desk.field("user status alice", "group_name").await, "");
    assert_eq!(desk.ok("-f flow group list").await.lines().count(), 2);
    desk.ok("user access -u alice").await;
    assert!(desk.field("user status alice", "group_name").await.starts_with("default-"));
    desk.settings.default_group_count = 0;
    assert_eq!(desk.no("site init DC1").await.0, 78);
    desk.settings.default_group_count = 2;
    let (code, text) = desk.no("site init DC2").await;
    assert!(code == 65 && text.contains("hale cluster backend update --status online"), "{text}");
}

#[tokio::test]
async fn c_route_2_evacuate_moves_all_groups_and_logins_follow() {
    let desk = Desk::cluster().await;
    desk.ok("site init DC1").await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    desk.ok("backend update --status standby be2").await;
    assert_eq!(desk.no("backend evacuate be1").await.0, 65, "nowhere to go");
    assert_eq!(desk.field("backend status be1", "status").await, "online", "nothing was touched");
    desk.ok("backend update --status online be2").await;
    let moved: usize = desk.field("backend evacuate be1", "groups").await.parse().unwrap();
    assert!(moved >= 1);
    assert_eq!(desk.field("backend status be1", "status").await, "standby");
    assert_eq!(desk.field("backend status be1", "load_factor").await, "0");
    assert_eq!(desk.field("user access -u alice", "host").await, "be2");
    assert_eq!(desk.field("group status DC1 vip", "backend_id").await, "be2");
}

#[tokio::test]
async fn c_move_3_user_moves() {
    let desk = Desk::cluster().await;
    let (code, text) = desk.no("user move alice vip").await;
    assert!(code == 67 && text.contains("--direct"), "{text}");
    desk.ok("user move --direct alice vip spare").await;
    assert_eq!(desk.field("user status alice", "preferred_site_id").await, "DC1");
    assert_eq!(desk.field("user status alice", "failover_site_group_name").await, "spare");
    desk.ok("user move --site DC2 alice vip2").await;
    assert_eq!(desk.field("user status alice", "moving_preferred_site_id").await, "DC2");
    assert_eq!(
        desk.field("user status alice", "group_name").await,
        "vip",
        "until the source has finished"
    );
    desk.ok("user move --direct --site DC2 alice vip2").await;
    assert_eq!(desk.field("user status alice", "moving_group_name").await, "");
    assert_eq!(desk.field("user access -u alice", "host").await, "lb2", "home is remote");
    assert_eq!(desk.no("user move --site DC9 alice x").await.0, 68);
    assert_eq!(desk.ok("-f flow user list a*").await.lines().count(), 1);
    desk.ok("user delete alice").await;
    assert_eq!(desk.no("user delete alice").await.0, 67);
    assert_eq!(desk.no("user status alice").await.0, 67);
}

#[tokio::test]
async fn c_cmd_1_user_access_of_many() {
    let mut desk = Desk::cluster().await;
    assert_eq!(desk.field("user access -u probe-be2", "host").await, "be2", "a test user");
    assert_eq!(desk.ok("-f flow user list").await, "", "without any row");
    desk.ok("user access -u bob").await;
    assert_eq!(
        desk.second_process().read_user("bob").await.unwrap().unwrap().last_update,
        Some(1_700_000_000_000)
    );
    desk.ok("user move --direct --site DC2 carol g").await;
    desk.ok("site update --status offline DC2").await;
    let (output, _) = desk.run("user access -A").await.unwrap();
    assert_eq!((output.rows.len(), output.exit_code), (1, 75));
    assert_eq!(
        output.notices,
        ["user carol: DC2: the user's preferred site is not online or not reachable"]
    );
    assert_eq!(desk.no("user access -u carol").await.0, 75);
    let list = desk._directory.path().join("users");
    std::fs::write(&list, "bob\n\n dave \n").unwrap();
    let shown = desk.ok(&format!("-f tab user access -F {}", list.display())).await;
    assert!(
        shown.starts_with("username\thost\nbob\tbe") && shown.contains("\ndave\tbe"),
        "{shown}"
    );
    assert_eq!(desk.no("user access").await.0, 64);
    assert_eq!(desk.no("user access -A -u bob").await.0, 64);
    desk.settings.default_group_count = 0;
    assert_eq!(desk.no("user access -u erin").await.0, 78);
    desk.settings.local_site = Some("DC9".into());
    let (code, text) = desk.no("user access -u bob").await;
    assert!(code == 78 && text.contains("hale cluster site add"), "{text}");
}

/// Another process writes between the reading and the writing of a command.
async fn race(desk: &Desk, call: &'static str, line: &str, other: &str) -> (u8, String) {
    let gate = desk.geodb.gate();
    let seen = gate.seen(call);
    gate.hold_next(call, 1);
    let others = async {
        while gate.seen(call) == seen {
            tokio::task::yield_now().await;
        }
        let words = other.split(' ').map(str::to_owned);
        let command = ClusterCommand::of_words(words).unwrap();
        run(&desk.second_process(), &command, &desk.settings, NOW).await.unwrap();
        gate.open(call);
    };
    let (refusal, ()) = tokio::join!(desk.no(line), others);
    refusal
}

#[tokio::test]
async fn c_cmd_2_a_row_that_changed_in_between_is_told_and_left_alone() {
    let desk = Desk::cluster().await;
    desk.ok("group move --direct DC1 vip be1").await;
    desk.ok("user move --direct alice vip").await;
    let other = "group move DC1 vip be2";
    let (code, text) = race(&desk, "apply", "group move --direct DC1 vip be2", other).await;
    assert!(code == 2 && text.contains("by another process"), "{text}");
    assert_eq!(desk.field("group status DC1 vip", "backend_id").await, "be1");
    let other = "user move --direct alice spare";
    let (code, text) = race(&desk, "replace_user", "user move alice other", other).await;
    assert!(code == 2 && text.contains("by another process"), "{text}");
    assert_eq!(desk.field("user status alice", "moving_group_name").await, "");
    let line = "backend update --load-factor 5 be2";
    assert_eq!(race(&desk, "update_backend", line, "backend remove be2").await.0, 2);
    let line = "site update --status standby DC2";
    assert_eq!(race(&desk, "update_site", line, "site remove DC2").await.0, 2);
}
