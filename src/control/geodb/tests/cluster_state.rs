//! Settings, reachability, failed-over groups; the parts that are read on their own rhythms.

use super::*;
use crate::control::geodb::lookup::write_site;
use crate::route::change::SiteChange;
use crate::route::rows::{GroupSite, GroupSiteStatus, Rows, Setting, SiteReachability};

on_each_engine! {
    palomar_1_11_settings_are_written_over_and_deleted_by_their_key
    palomar_1_9_of_two_words_about_a_failed_over_group_the_later_one_stays
    c_geo_2_which_site_serves_a_group_is_written_only_over_what_was_decided_on
    palomar_1_4_reachability_is_one_row_for_each_pair_of_sites
    palomar_1_7_figures_are_written_over_and_read_by_host
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

async fn palomar_1_7_figures_are_written_over_and_read_by_host(place: &Place) {
    let geodb = cluster(place).await;
    let figure = |host: &str, proxy: &str, value| DestFigure {
        proxy_site_id: DC1,
        dest_host: host.into(),
        proxy_host: proxy.into(),
        key: "imap.last_success".into(),
        value,
        kind: FigureKind::Gauge,
    };
    let first = [figure("be1", "lb1", 1.5), figure("be1", "lb2", 2.0), figure("be2", "lb1", 3.0)];
    geodb.write_dest_figures(&first).await.unwrap();
    geodb.write_dest_figures(&[figure("be1", "lb1", 1_700_000_000_123.0)]).await.unwrap();
    let mut found = place.open().read_dest_figures(DC1, "be1").await.unwrap();
    found.sort_by(|a, b| a.proxy_host.cmp(&b.proxy_host));
    assert_eq!(found, [figure("be1", "lb1", 1_700_000_000_123.0), figure("be1", "lb2", 2.0)]);
    assert_eq!(geodb.read_dest_figures(Uuid::from_u128(0xD2), "be1").await.unwrap(), []);
    let all = geodb.read_site_figures(DC1).await.unwrap();
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(geodb.read_site_figures(Uuid::from_u128(0xD2)).await.unwrap(), []);
    let of_backend = |value| BackendFigure {
        site_id: DC1,
        id: BE1,
        key: "imap.logins".into(),
        value,
        kind: FigureKind::Counter,
    };
    for value in [7.0, 8.0] {
        geodb.write_backend_figures(&[of_backend(value)]).await.unwrap();
    }
    let dump = geodb.dump(schema::TableName::BackendStats.schema()).await.unwrap();
    let last: Vec<Option<&str>> = dump.rows[0].iter().map(|cell| cell.as_deref()).skip(2).collect();
    assert_eq!(dump.rows.len(), 1);
    assert_eq!((last[0], last[2]), (Some("imap.logins"), Some("counter")));
    assert_eq!(last[1].unwrap().parse::<f64>().unwrap(), 8.0);
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

async fn c_geo_2_which_site_serves_a_group_is_written_only_over_what_was_decided_on(place: &Place) {
    let geodb = cluster(place).await;
    let (dc2, dc3) = (Uuid::from_u128(0xD2), Uuid::from_u128(0xD3));
    let change = |expected, stand_in| SiteChange {
        group_name: "vip".into(),
        site_id: DC1,
        expected,
        stand_in,
    };
    let away = write_site(&geodb, &change(None, Some(dc2)), NOW).await.unwrap().unwrap();
    assert_eq!((away.stand_in(), away.last_update), (Some(dc2), Some(NOW)));
    assert_eq!(geodb.read_group_site(DC1, "vip").await.unwrap(), Some(away.clone()));

    // Another proxy was first; its word counts, and the row stays as it is.
    for late in [change(None, Some(dc3)), change(Some(dc3), None)] {
        let found = write_site(&geodb, &late, NOW + 9).await.unwrap();
        assert_eq!(found.as_ref(), Some(&away), "{late:?}");
        assert_eq!(geodb.read_group_site(DC1, "vip").await.unwrap(), found);
    }

    // A clock that is behind writes all the same.
    let home = write_site(&geodb, &change(Some(dc2), None), NOW - 60_000).await.unwrap().unwrap();
    assert_eq!((home.stand_in(), home.last_update), (None, Some(NOW + 1)));
    assert_eq!(geodb.read_group_site(DC1, "vip").await.unwrap(), Some(home));
    assert_eq!(geodb.read_group_site(dc2, "vip").await.unwrap(), None);
}
