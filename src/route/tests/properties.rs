//! What must hold for whatever rows.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::route::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use crate::route::group::choose;
use crate::route::redirect::follow_referral;

fn any_id() -> impl Strategy<Value = Uuid> {
    prop_oneof![Just(Uuid::nil()), (1_u128..8).prop_map(Uuid::from_u128)]
}

fn any_word() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        "(DC[1-3]|be[1-4]|default-[1-5]|192\\.0\\.2\\.[1-5]|online|offline|standby|evacuate|failover|-|)",
        any::<String>(),
    ]
    .prop_map(String::into_boxed_str)
}

prop_compose! {
    fn any_site()(id in any_id(), name in any_word(), tag in option::of(any_id()),
        load_balancer in option::of(any_word()), status in any_word()) -> Site {
        Site { id, name, tag, load_balancer, status: SiteStatus::parse(&status) }
    }
}

prop_compose! {
    fn any_backend()(site_id in any_id(), id in any_id(), load_factor in option::of(any::<i64>()),
        host in any_word(), status in any_word()) -> Backend {
        Backend { site_id, load_factor, host, status: BackendStatus::parse(&status), ..backend(id, "", "") }
    }
}

prop_compose! {
    fn any_group()(site_id in any_id(), name in any_word(), b in option::of(any_id()),
        a in option::of(any_id()), moving in any_word()) -> UserGroup {
        UserGroup { site_id, ..group(&name, b, a, &moving) }
    }
}

prop_compose! {
    fn any_group_site()(group_name in any_word(), site_id in any_id(), status in any_word(),
        failover_site_id in option::of(any_id())) -> GroupSite {
        let status = GroupSiteStatus::parse(&status);
        GroupSite { group_name, site_id, status, failover_site_id, last_update: None }
    }
}

prop_compose! {
    fn any_user()(username in any_word(), preferred_site_id in option::of(any_id()), group_name in any_word(),
        failover_site_group_name in option::of(any_word()), moving_group_name in option::of(any_word()),
        moving_preferred_site_id in option::of(any_id())) -> User {
        User { username, preferred_site_id, group_name, failover_site_group_name, moving_group_name,
            moving_preferred_site_id, ..User::default() }
    }
}

prop_compose! {
    fn any_rows()(sites in vec(any_site(), 0..5), backends in vec(any_backend(), 0..8),
        user_groups in vec(any_group(), 0..8), group_sites in vec(any_group_site(), 0..6),
        reachability in vec((any_id(), any_id(), option::of(any::<i64>())), 0..4)) -> Rows {
        let reachability = reachability.into_iter().map(|(src_site_id, dest_site_id, reachable)| {
            SiteReachability { src_site_id, dest_site_id, reachable }
        });
        Rows { sites, backends, user_groups, group_sites, site_reachability: reachability.collect(),
            ..Rows::default() }
    }
}

fn some_addresses() -> Addresses {
    (1..=4).map(|n: u8| (format!("be{n}").into(), vec![IpAddr::from([10, 0, 0, n])])).collect()
}

/// Keys are unique in a database; random rows repeat them.
fn with_unique_keys(mut rows: Rows) -> Rows {
    rows.sites.sort_by_key(|row| row.id);
    rows.sites.dedup_by_key(|row| row.id);
    rows.backends.sort_by_key(|row| (row.site_id, row.id));
    rows.backends.dedup_by_key(|row| (row.site_id, row.id));
    rows.user_groups.sort_by_key(|row| (row.site_id, row.name.clone()));
    rows.user_groups.dedup_by_key(|row| (row.site_id, row.name.clone()));
    rows.group_sites.sort_by_key(|row| (row.group_name.clone(), row.site_id));
    rows.group_sites.dedup_by_key(|row| (row.group_name.clone(), row.site_id));
    rows
}

proptest! {
    #[test]
    fn ge_08_any_rows_give_allowed_destinations_only(rows in any_rows(), user in any_user(), host in any_word()) {
        let (table, _) = Table::build(&rows, &some_addresses(), &settings());
        let question = RouteQuestion::of(&user.username);
        for known in [UserKnown::NotAsked, UserKnown::Absent, UserKnown::Unreachable, UserKnown::Row(&user)] {
            let decision = decide(&table, known, &question);
            prop_assert_eq!(&decision, &decide(&table, known, &question));
            let Decision::Go { destination, change, .. } = decision else { continue };
            match destination.hop {
                Hop::Backend(id) => {
                    let backend = table.backend(id).unwrap();
                    prop_assert!(backend.is_usable() || destination.group.is_none());
                    prop_assert!(backend.host.addresses.contains(&destination.address));
                }
                Hop::Site(id) => {
                    prop_assert!(table.local_site().unwrap().id != id && change.is_none());
                    let status = &table.site(id).unwrap().status;
                    prop_assert!(matches!(status, SiteStatus::Online | SiteStatus::Evacuate));
                }
            }
            if let Some(change) = change {
                prop_assert_ne!(&change.expected, &change.placement);
                prop_assert_eq!(Hop::Backend(change.placement.backend_id.unwrap()), destination.hop);
                prop_assert_ne!(change.placement.backend_id, change.placement.alt_backend_id);
            }
        }
        if let Ok(destination) = follow_referral(&table, &host, None) {
            let known = |id| table.backend(id).is_some();
            prop_assert!(matches!(destination.hop, Hop::Site(_)) || matches!(destination.hop, Hop::Backend(id) if known(id)));
        }
    }

    #[test]
    fn palomar_2_2_1_changes_worked_out_ahead_are_the_same(rows in any_rows()) {
        let (table, _) = Table::build(&rows, &some_addresses(), &settings());
        let mut bare = table.clone();
        bare.switches = Chunks::default();
        for row in table.groups().iter() {
            let chosen = |table| choose(table, row).map(|choice| (choice.backend.id, choice.change));
            prop_assert_eq!(chosen(&table), chosen(&bare));
        }
    }

    #[test]
    fn a_table_that_takes_up_rows_one_by_one_is_the_one_built_from_all(
        rows in any_rows(), more in any_rows(),
    ) {
        let mut rows = with_unique_keys(rows);
        let (mut table, _) = Table::build(&rows, &some_addresses(), &settings());
        for row in with_unique_keys(more.clone()).user_groups {
            rows.user_groups.retain(|it| (it.site_id, &it.name) != (row.site_id, &row.name));
            rows.user_groups.push(row.clone());
            table = table.with_group(row).0;
        }
        for row in with_unique_keys(more).group_sites {
            let key = |it: &GroupSite| (it.group_name.clone(), it.site_id);
            rows.group_sites.retain(|it| key(it) != key(&row));
            rows.group_sites.push(row.clone());
            table = table.with_group_site(&row, &Circumstances::default()).0;
        }
        prop_assert_eq!(&table, &Table::build(&rows, &some_addresses(), &settings()).0);
        for row in rows.user_groups.split_off(rows.user_groups.len() / 2) {
            rows.user_groups.retain(|it| it.name != row.name);
            table = table.without_group(&row.name);
        }
        prop_assert_eq!(table, Table::build(&rows, &some_addresses(), &settings()).0);
    }

    #[test]
    fn same_rows_in_any_order_give_the_same_table(rows in any_rows(), turn in 0_usize..8) {
        let rows = with_unique_keys(rows);
        let mut turned = rows.clone();
        turned.sites.rotate_left(turn.checked_rem(rows.sites.len()).unwrap_or(0));
        turned.backends.rotate_left(turn.checked_rem(rows.backends.len()).unwrap_or(0));
        turned.user_groups.reverse();
        turned.group_sites.reverse();
        let first = Table::build(&rows, &some_addresses(), &settings());
        prop_assert_eq!(&first, &Table::build(&rows, &some_addresses(), &settings()));
        prop_assert_eq!(&first, &Table::build(&turned, &some_addresses(), &settings()));
    }
}
