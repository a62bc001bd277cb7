//! Rows that make no sense (GE-08) and the size that a table must carry (GE-09).

use super::*;
use crate::route::build::hosts_to_resolve;
use crate::route::problem::Complaint;

fn complaints(rows: &Rows) -> Vec<Complaint> {
    let (_, problems) = Table::build(rows, &addresses(), &settings());
    problems.into_iter().map(|problem| problem.complaint).collect()
}

#[test]
fn ge_08_a_sound_cluster_has_no_problems() {
    assert_eq!(complaints(&rows()), []);
}

#[test]
fn ge_08_bad_backends_are_ignored_or_mended_and_always_reported() {
    for host in ["", "-", "be\u{7}", "b e"] {
        let mut rows = rows();
        rows.backends[0].host = host.into();
        let found = complaints(&rows);
        assert!(found.contains(&Complaint::BadHost(host.into())), "{host:?} {found:?}");
        assert!(found.contains(&Complaint::UnknownBackend), "the group's backend is gone");
        assert!(table(&rows).backend(BE1).is_none());
    }
    for (load_factor, clamped) in [(-1, 0), (101, 100), (i64::MIN, 0), (i64::MAX, 100)] {
        let mut rows = rows();
        rows.backends[0].load_factor = Some(load_factor);
        assert_eq!(complaints(&rows), [Complaint::LoadFactor(load_factor)]);
        assert_eq!(table(&rows).backend(BE1).unwrap().load_factor, clamped);
    }
    let mut rows = rows();
    rows.backends[0].load_factor = None;
    rows.backends[1].status = BackendStatus::parse("asleep");
    rows.backends[2].id = Uuid::nil();
    assert_eq!(complaints(&rows), [Complaint::NilId, Complaint::UnknownStatus("asleep".into())]);
    let table = table(&rows);
    assert_eq!((table.backends().len(), table.candidates().len()), (2, 1));
    assert_eq!(table.backend(BE1).unwrap().load_factor, 100);
}

#[test]
fn ge_08_bad_sites_and_duplicates() {
    let mut rows = rows();
    rows.sites.push(Site {
        name: "DC2".into(),
        load_balancer: None,
        ..site(Uuid::from_u128(0xDF), "", "")
    });
    rows.sites.push(site(Uuid::nil(), "DC4", "lb2.example"));
    rows.sites.push(site(Uuid::from_u128(0xDE), "", "lb2.example"));
    rows.sites[2].load_balancer = Some("-".into());
    rows.backends[1].host = "BE1".into();
    let mut found = complaints(&rows);
    found.sort();
    let mut expected = vec![
        Complaint::BadHost("-".into()),
        Complaint::NilId,
        Complaint::Duplicate("DC2".into()),
        Complaint::Duplicate("be1".into()),
        Complaint::EmptyName,
        Complaint::NoLoadBalancer,
    ];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(table(&rows).site_by_name("DC2").unwrap().id, DC2, "the lower id");
}

#[test]
fn palomar_1_5_only_hosts_in_use_are_resolved() {
    let mut rows = rows();
    rows.backends
        .push(Backend { site_id: DC2, ..backend(Uuid::from_u128(9), "far-away", "online") });
    let hosts: Vec<Box<str>> = ["be1", "be2", "be3.example", "lb2.example"].map(Box::from).into();
    assert_eq!(hosts_to_resolve(&rows, "DC1"), hosts);
    assert!(
        table(&rows).place_by_host("far-away").is_none(),
        "backends of other sites are never a hop"
    );
}

#[test]
fn ge_09_a_table_of_ten_thousand_groups_finds_each() {
    let mut rows = rows();
    rows.backends =
        (1..=1000).map(|n| backend(Uuid::from_u128(n), &format!("b{n}"), "online")).collect();
    rows.sites.extend((1..=97).map(|n| site(Uuid::from_u128(n), &format!("S{n}"), "192.0.2.7")));
    let place = |n: u128| Some(Uuid::from_u128(n % 1000 + 1));
    rows.user_groups =
        (0..10_000).map(|n| group(&format!("default-{n}"), place(n), place(n + 1), "")).collect();
    let (table, _) = Table::build(&rows, &addresses(), &settings());
    assert_eq!(
        (table.groups().len(), table.backends().len(), table.sites().len()),
        (10_000, 1000, 100)
    );
    for row in &rows.user_groups {
        assert_eq!(table.group(&row.name), Some(row));
    }
    for row in &rows.backends {
        assert_eq!(*table.backend(row.id).unwrap().host.name, *row.host);
        assert!(table.place_by_host(&row.host.to_uppercase()).is_some());
    }
}

#[test]
fn c_move_6_of_two_departures_the_later_counts_and_rows_without_sense_are_reported() {
    let mut rows = rows();
    let row = |site_id, number: &str, value: &str| Setting {
        section: "departures".into(),
        site_id,
        backend_id: BE1,
        name: number.into(),
        value: value.into(),
    };
    rows.settings = vec![
        row(DC1, "7", "1000 bob"),
        row(DC1, "8", "3000 alice"),
        row(DC1, "9", "2000 alice"),
        row(DC2, "1", "2000 carol"),
        row(DC1, "10", "soon dave"),
    ];
    let (table, problems) = Table::build(&rows, &addresses(), &settings());
    let known: Vec<_> = table.departures().iter().map(|it| (&*it.user, it.since)).collect();
    assert_eq!(known, [("alice", 3000), ("bob", 1000)]);
    assert!(table.departure("bob", BE1).is_some() && table.departure("bob", BE2).is_none());
    let odd = problems.iter().filter(|it| it.table == "cluster_settings").count();
    assert_eq!(odd, 1, "{problems:?}");
}
