//! Body of the fuzz target `geodb_rows`, replayed on stable by `tests/pure/corpus.rs`: a cluster of any rows (GE-08).

use std::net::IpAddr;

use hale::route::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use hale::route::redirect::follow_referral;
use hale::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Rows, Site, SiteReachability, SiteStatus,
    User, UserGroup,
};
use hale::route::table::{Addresses, RouteSettings, Table};
use hale::template::{Letters, Template};
use uuid::Uuid;

/// The bytes are rows: no panic, and whatever they say, only a usable backend of the local site or an online other site is
/// a destination.
pub(crate) fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let mut rows = Rows::default();
    let mut users = vec![User::default()];
    while !bytes.0.is_empty() {
        match bytes.byte() % 6 {
            0 => rows.sites.push(site(&mut bytes)),
            1 => rows.backends.push(backend(&mut bytes)),
            2 => rows.user_groups.push(group(&mut bytes)),
            3 => rows.group_sites.push(group_site(&mut bytes)),
            4 => rows.site_reachability.push(SiteReachability {
                src_site_id: bytes.id(),
                dest_site_id: bytes.id(),
                reachable: bytes.number(),
            }),
            _ => users.push(user(&mut bytes)),
        }
    }
    let settings = RouteSettings {
        local_site: "DC1".into(),
        default_group_count: 3,
        test_username: Template::parse("probe-%{backend_host}", Letters::Refused).ok(),
        ..RouteSettings::default()
    };
    let addresses: Addresses =
        (1..=4).map(|n: u8| (format!("be{n}").into(), vec![IpAddr::from([10, 0, 0, n])])).collect();
    let (table, problems) = Table::build(&rows, &addresses, &settings);
    assert_eq!(Table::build(&rows, &addresses, &settings), (table.clone(), problems));
    for user in &users {
        for known in [UserKnown::Absent, UserKnown::Unreachable, UserKnown::Row(user)] {
            expect_allowed(&table, decide(&table, known, &RouteQuestion::of(&user.username)));
        }
        if let Ok(destination) = follow_referral(&table, &user.username, None) {
            let is_known = match destination.hop {
                Hop::Backend(id) => table.backend(id).is_some(),
                Hop::Site(id) => table.site(id).is_some(),
            };
            assert!(is_known, "{destination:?}");
        }
    }
}

fn expect_allowed(table: &Table, decision: Decision) {
    let Decision::Go { destination, .. } = decision else {
        return;
    };
    match destination.hop {
        Hop::Backend(id) => {
            let backend = table.backend(id).unwrap();
            assert!(backend.is_usable() || destination.group.is_none(), "{destination:?}");
            assert!(backend.host.addresses.contains(&destination.address));
        }
        Hop::Site(id) => {
            assert_ne!(table.local_site().unwrap().id, id);
            assert_eq!(table.site(id).unwrap().status, SiteStatus::Online);
        }
    }
}

fn site(bytes: &mut Bytes<'_>) -> Site {
    Site {
        id: bytes.id(),
        name: bytes.word(),
        tag: None,
        load_balancer: bytes.some(Bytes::word),
        status: SiteStatus::parse(&bytes.word()),
    }
}

fn backend(bytes: &mut Bytes<'_>) -> Backend {
    Backend {
        site_id: bytes.id(),
        id: bytes.id(),
        load_factor: bytes.number(),
        host: bytes.word(),
        status: BackendStatus::parse(&bytes.word()),
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    }
}

fn group(bytes: &mut Bytes<'_>) -> UserGroup {
    UserGroup {
        site_id: bytes.id(),
        name: bytes.word(),
        backend_id: bytes.some(Bytes::id),
        alt_backend_id: bytes.some(Bytes::id),
        sticky_users: bytes.byte().is_multiple_of(2),
        moving: bytes.word(),
        refresh_after: bytes.number(),
        sticky_backend: bytes.byte().is_multiple_of(2),
    }
}

fn group_site(bytes: &mut Bytes<'_>) -> GroupSite {
    GroupSite {
        group_name: bytes.word(),
        site_id: bytes.id(),
        status: GroupSiteStatus::parse(&bytes.word()),
        failover_site_id: bytes.some(Bytes::id),
        last_update: None,
    }
}

fn user(bytes: &mut Bytes<'_>) -> User {
    User {
        username: bytes.word(),
        preferred_site_id: bytes.some(Bytes::id),
        group_name: bytes.word(),
        failover_site_group_name: bytes.some(Bytes::word),
        moving_group_name: bytes.some(Bytes::word),
        moving_preferred_site_id: bytes.some(Bytes::id),
        ..User::default()
    }
}

/// What is left of the input; behind its end come zeros.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        byte
    }

    fn some<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Option<T> {
        self.byte().is_multiple_of(2).then(|| read(self))
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(u128::from(self.byte() % 8))
    }

    fn number(&mut self) -> Option<i64> {
        let numbers = [None, Some(0), Some(1), Some(-1), Some(50), Some(i64::MAX), Some(i64::MIN)];
        numbers[usize::from(self.byte()) % numbers.len()]
    }

    /// A word that means something, or any.
    fn word(&mut self) -> Box<str> {
        const WORDS: [&str; 20] = [
            "",
            "DC1",
            "DC2",
            "be1",
            "be2",
            "BE3",
            "be4",
            "192.0.2.1",
            "default-1",
            "default-2",
            "online",
            "offline",
            "standby",
            "evacuate",
            "failover",
            "maintenance",
            "probe-be1",
            "g",
            "-",
            "a b",
        ];
        let choice = self.byte();
        if let Some(word) = WORDS.get(usize::from(choice)) {
            return (*word).into();
        }
        let (word, rest) = self.0.split_at(usize::from(choice % 16).min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(word).into()
    }
}
