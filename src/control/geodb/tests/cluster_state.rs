//! Settings, reachability, failed-over groups; the parts that are read on their own rhythms.

use super::*;
use crate::route::rows::{GroupSite, GroupSiteStatus, Rows, Setting, SiteReachability};

on_each_engine! {
    palomar_1_11_settings_are_written_over_and_deleted_by_their_key
    palomar_1_9_of_two_words_about_a_failed_over_group_the_later_one_stays
    palomar_1_4_reachability_is_one_row_for_each_pair_of_sites
    g_20_the_parts_together_are_the_whole
}

fn setting(section: &str, name: &str, value: &str) -> Setting {
    Setting {
        section: section.into(),
        site_id: DC1,
        backend_id: Uuid::nil(),
        name: name.into(),
        value: value.into(),
    }
}

async fn palomar_1_11_settings_are_written_over_and_deleted_by_their_key(place: &Place) {
    let geodb = cluster(place).await;
    geodb.write_setting(&setting("force_move", "percentage", "10")).await.unwrap();
    geodb.write_setting(&setting("force_move", "percentage", "20")).await.unwrap();
    geodb.write_setting(&setting("force_move", "id", "x")).await.unwrap();
    geodb.write_setting(&setting("controller", "rebalance", "on")).await.unwrap();
    let found = geodb.settings("force_move").await.unwrap();
    assert_eq!(
        found,
        [setting("force_move", "id", "x"), setting("force_move", "percentage", "20")]
    );
    let places = geodb.read_places().await.unwrap();
    assert_eq!(places.settings.len(), 2, "the controller's section is not routing's");
    assert!(geodb.delete_setting(&found[0]).await.unwrap());
    assert!(!geodb.delete_setting(&found[0]).await.unwrap());
    assert_eq!(geodb.settings("force_move").await.unwrap(), found[1..]);
}

async fn palomar_1_9_of_two_words_about_a_failed_over_group_the_later_one_stays(place: &Place) {
    let geodb = cluster(place).await;
    let at = |last_update, status| GroupSite {
        group_name: "g".into(),
        site_id: DC1,
        status,
        failover_site_id: Some(Uuid::from_u128(0xD2)),
        last_update: Some(last_update),
    };
    let (first, second) =
        (at(NOW, GroupSiteStatus::Failover), at(NOW + 5, GroupSiteStatus::Normal));
    assert!(geodb.read_group_site(DC1, "g").await.unwrap().is_none());
    assert_eq!(geodb.write_group_site(&first).await.unwrap(), Applied::Written);
    assert_eq!(geodb.write_group_site(&second).await.unwrap(), Applied::Written);
    assert_eq!(geodb.write_group_site(&first).await.unwrap(), Applied::Skipped, "it is older");
    assert_eq!(geodb.write_group_site(&second).await.unwrap(), Applied::Written, "idempotent");
    assert_eq!(geodb.read_group_site(DC1, "g").await.unwrap(), Some(second.clone()));
    assert_eq!(geodb.read_group_sites().await.unwrap().rows, [second]);
}

async fn palomar_1_4_reachability_is_one_row_for_each_pair_of_sites(place: &Place) {
    let geodb = cluster(place).await;
    let measured = |reachable| SiteReachability {
        src_site_id: DC1,
        dest_site_id: Uuid::from_u128(0xD2),
        reachable: Some(reachable),
    };
    assert!(geodb.write_reachability(&measured(1)).await.unwrap());
    assert!(geodb.write_reachability(&measured(0)).await.unwrap());
    assert!(!geodb.write_reachability(&measured(0)).await.unwrap(), "it says so already");
    assert_eq!(geodb.read_places().await.unwrap().site_reachability, [measured(0)]);
}

async fn g_20_the_parts_together_are_the_whole(place: &Place) {
    let geodb = cluster(place).await;
    for name in ["g1", "g2"] {
        let creation = GroupCreation {
            site_id: DC1,
            name: name.into(),
            backend_id: BE1,
            alt_backend_id: None,
        };
        geodb.create_group(&creation, NOW).await.unwrap();
    }
    let foreign = GroupCreation {
        site_id: Uuid::from_u128(0xD2),
        name: "g3".into(),
        backend_id: BE1,
        alt_backend_id: None,
    };
    geodb.create_group(&foreign, NOW).await.unwrap();
    geodb.write_setting(&setting("recover", "percentage", "10")).await.unwrap();
    let groups = geodb.read_groups(DC1).await.unwrap();
    assert_eq!(groups.rows.iter().map(|row| &*row.name).collect::<Vec<&str>>(), ["g1", "g2"]);
    let places = geodb.read_places().await.unwrap();
    let joined = Rows::joined(places, groups, geodb.read_group_sites().await.unwrap());
    assert_eq!(joined, geodb.read_all("DC1").await.unwrap());
    assert_eq!((joined.sites.len(), joined.backends.len(), joined.settings.len()), (1, 2, 1));
}
