//! The rules C-ROUTE-1 to C-ROUTE-9 against [`super::decide::decide`], on a small cluster of two sites.

use crate::template::{Letters, Template};
use std::net::IpAddr;

use uuid::Uuid;

use super::chunks::Chunks;
use super::outage::{Circumstances, SiteNow};
use super::rows::*;
use super::table::{Addresses, RouteSettings, Table};

mod building;
mod choosing;
mod explaining;
mod failing_over;
mod leaving;
mod pinning;
mod properties;
mod siting;

pub(crate) const DC1: Uuid = Uuid::from_u128(0xD1);
pub(crate) const DC2: Uuid = Uuid::from_u128(0xD2);
pub(crate) const DC3: Uuid = Uuid::from_u128(0xD3);
pub(crate) const BE1: Uuid = Uuid::from_u128(0xB1);
pub(crate) const BE2: Uuid = Uuid::from_u128(0xB2);
pub(crate) const BE3: Uuid = Uuid::from_u128(0xB3);

/// Some time in 2026, in milliseconds.
const NOW: i64 = 1_790_000_000_000;

fn site(id: Uuid, name: &str, load_balancer: &str) -> Site {
    Site {
        id,
        name: name.into(),
        tag: None,
        load_balancer: Some(load_balancer.into()),
        status: SiteStatus::Online,
    }
}

fn backend(id: Uuid, host: &str, status: &str) -> Backend {
    Backend {
        site_id: DC1,
        id,
        load_factor: Some(100),
        host: host.into(),
        status: BackendStatus::parse(status),
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    }
}

fn group(
    name: &str,
    backend_id: Option<Uuid>,
    alt_backend_id: Option<Uuid>,
    moving: &str,
) -> UserGroup {
    UserGroup {
        site_id: DC1,
        name: name.into(),
        backend_id,
        alt_backend_id,
        sticky_users: false,
        moving: moving.into(),
        refresh_after: None,
        sticky_backend: false,
    }
}

fn user(name: &str, home: Uuid, group: &str) -> User {
    User {
        username: name.into(),
        preferred_site_id: Some(home),
        group_name: group.into(),
        ..User::default()
    }
}

/// Two sites; three backends in the local one; group `g` on BE1 with BE2 as alternative.
fn rows() -> Rows {
    Rows {
        sites: vec![
            site(DC1, "DC1", "lb1"),
            site(DC2, "DC2", "lb2.example"),
            site(DC3, "DC3", "192.0.2.33"),
        ],
        backends: vec![
            backend(BE1, "be1", "online"),
            backend(BE2, "be2", "online"),
            backend(BE3, "BE3.example", "online"),
        ],
        user_groups: vec![group("g", Some(BE1), Some(BE2), "")],
        ..Rows::default()
    }
}

fn addresses() -> Addresses {
    let known = [
        ("be1", "10.0.0.1"),
        ("be2", "10.0.0.2"),
        ("be3.example", "10.0.0.3"),
        ("lb2.example", "10.2.0.1"),
    ];
    known.iter().map(|(host, address)| (Box::from(*host), vec![ip(address)])).collect()
}

fn settings() -> RouteSettings {
    RouteSettings {
        local_site: "DC1".into(),
        default_group_count: 100,
        test_username: Some(Template::parse("probe-%{backend_host}", Letters::Refused).unwrap()),
        ..RouteSettings::default()
    }
}

/// The table at a moment when these sites are away, or back, with such shares of their groups.
fn table_when(rows: &Rows, sites: &[(Uuid, SiteNow)]) -> Table {
    let sites = sites.iter().copied().collect();
    let now = Circumstances { sites, unix_millis: Some(NOW) };
    Table::build_now(rows, &addresses(), &settings(), &now).0
}

fn table(rows: &Rows) -> Table {
    Table::build(rows, &addresses(), &settings()).0
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
