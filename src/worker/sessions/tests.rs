//! The index beside a plain list.

use proptest::prelude::*;

use super::*;
use crate::share::backend_loads::BackendLoads;

/// A session of the model: few names, so that many share one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    user: Option<String>,
    client: IpAddr,
    backend: Arc<str>,
    group: Option<String>,
}

impl Known {
    fn is(&self, key: Key<'_>) -> bool {
        match key {
            Key::User(user) => {
                self.user.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(user))
            }
            Key::Client(client) => self.client == client,
            Key::Backend(backend) => *self.backend == *backend,
            Key::Group(group) => self.group.as_deref() == Some(group),
        }
    }
}

fn known() -> impl Strategy<Value = Known> {
    (prop::option::of(0_u8..4), 0_u8..4, 0_u8..3, prop::option::of(0_u8..3)).prop_map(
        |(user, client, backend, group)| Known {
            user: user.map(|user| format!("User{user}@example.org")),
            client: IpAddr::from([192, 0, 2, client]),
            backend: format!("be{backend}").into(),
            group: group.map(|group| format!("default-{group}")),
        },
    )
}

/// The index with the labels that it relies on.
struct Core {
    index: Sessions,
    labels: HashMap<u32, (Known, Arc<Home>)>,
}

impl Core {
    fn new(slots: u32) -> Self {
        Self { index: Sessions::new(slots), labels: HashMap::new() }
    }

    fn begin(&mut self, slot: u32, known: Known) {
        if self.labels.contains_key(&slot) {
            return;
        }
        let home = self.index.home(&known.backend, known.group.as_deref(), None);
        self.index.enter(slot, keys(&known, &home));
        self.labels.insert(slot, (known, home));
    }

    fn end(&mut self, slot: u32) {
        if let Some((known, home)) = self.labels.remove(&slot) {
            self.index.leave(slot, keys(&known, &home));
        }
    }

    /// All slots of a key, asked for in pieces, and how they were given.
    fn all(&self, key: Key<'_>, most: usize) -> Vec<u32> {
        let (mut all, mut piece) = (Vec::new(), Vec::new());
        let mut from = Some(Place::default());
        while let Some(at) = from {
            from = self.index.search(key, at, most, &mut piece);
            assert!(piece.len() <= most);
            all.extend(piece.iter().filter(|slot| self.labels[slot].0.is(key)));
        }
        all
    }
}

fn keys<'a>(known: &'a Known, home: &'a Home) -> Keys<'a> {
    Keys { user: known.user.as_deref(), client: known.client, home }
}

proptest! {
    #[test]
    fn sessions_every_key_finds_its_sessions_once_and_no_other(
        steps in prop::collection::vec((0_u32..200, prop::option::weighted(0.7, known())), 0..400),
        most in 1_usize..20,
    ) {
        let mut core = Core::new(64);
        for (slot, known) in steps {
            match known {
                Some(known) => core.begin(slot, known),
                None => core.end(slot),
            }
            prop_assert_eq!(core.index.len(), core.labels.len());
        }
        for (slot, (known, home)) in &core.labels {
            prop_assert!(core.index.has(*slot, keys(known, home)));
            let user = known.user.as_deref().unwrap_or("nobody").to_uppercase();
            let group = known.group.as_deref().unwrap_or("none");
            let all = [
                Key::User(&user),
                Key::Client(known.client),
                Key::Backend(&known.backend),
                Key::Group(group),
            ];
            for key in all {
                let mut expected: Vec<u32> = core
                    .labels
                    .iter()
                    .filter(|(_, (known, _))| known.is(key))
                    .map(|(slot, _)| *slot)
                    .collect();
                expected.sort_unstable_by_key(|slot| (slot % PARTS, *slot));
                prop_assert_eq!(core.all(key, most), expected);
            }
        }
    }

    /// Sessions come and go between two pieces of an answer: who was there all the time is told once.
    #[test]
    fn sessions_who_stays_is_told_once_whatever_comes_and_goes(
        stay in prop::collection::btree_set(0_u32..300, 0..100),
        come_and_go in prop::collection::vec(300_u32..400, 0..60),
        most in 1_usize..10,
    ) {
        let known = Known {
            user: Some("crowd".into()),
            client: IpAddr::from([192, 0, 2, 1]),
            backend: "be".into(),
            group: None,
        };
        let mut core = Core::new(1024);
        for slot in &stay {
            core.begin(*slot, known.clone());
        }
        let (mut told, mut piece) = (Vec::<u32>::new(), Vec::new());
        let mut from = Some(Place::default());
        let mut weather = come_and_go.into_iter();
        while let Some(at) = from {
            from = core.index.search(Key::User("crowd"), at, most, &mut piece);
            told.extend(piece.iter().filter(|slot| **slot < 300));
            for slot in weather.by_ref().take(3) {
                match core.labels.contains_key(&slot) {
                    true => core.end(slot),
                    false => core.begin(slot, known.clone()),
                }
            }
        }
        told.sort_unstable();
        prop_assert_eq!(told, stay.into_iter().collect::<Vec<u32>>());
    }
}

#[test]
fn sessions_lmtp_sessions_are_found_behind_any_address() {
    let mut index = Sessions::new(16);
    for slot in [5, 3, 9] {
        index.enter_nameless(slot);
    }
    index.leave_nameless(3);
    assert!(index.has_nameless(9) && !index.has_nameless(3));
    let (mut found, client) = (Vec::new(), Key::Client([192, 0, 2, 1].into()));
    let next = index.search(client, Place::default(), 1, &mut found);
    assert_eq!((next, &*found), (Some(Place { part: PARTS, slot: 9 }), &[5][..]));
    assert_eq!(index.search(client, next.unwrap(), 1, &mut found), None);
    assert_eq!(found, [9]);
    assert_eq!(index.search(Key::User("a"), Place::default(), 9, &mut found), None);
    assert!(found.is_empty());
}

#[test]
fn sessions_homes_without_a_session_do_not_pile_up() {
    let mut index = Sessions::new(16);
    let backend: Arc<str> = "be1".into();
    let kept = index.home(&backend, Some("kept"), None);
    for number in 0..10_000 {
        index.home(&backend, Some(&format!("group-{number}")), None);
    }
    assert!(index.homes.kept.len() <= HOMES_MIN);
    assert!(Arc::ptr_eq(&kept, &index.home(&backend, Some("kept"), None)));
    assert!(!Arc::ptr_eq(&kept, &index.home(&backend, None, None)));
}

#[test]
fn r_load_1_a_session_counts_at_its_backend_from_its_login_to_its_end() {
    let (loads, mut index) = (BackendLoads::default(), Sessions::new(16));
    let backend: Arc<str> = "be1".into();
    let here = || loads.now().iter().map(|load| load.here).sum::<u32>();
    let known = Known {
        user: Some("a".to_owned()),
        client: IpAddr::from([192, 0, 2, 1]),
        backend: Arc::clone(&backend),
        group: None,
    };
    let begin = |index: &mut Sessions, slot| {
        let place = loads.take(&backend, 0).unwrap();
        let home = index.home(&backend, None, place.load());
        index.enter(slot, keys(&known, &home));
        home
    };
    let (one, two) = (begin(&mut index, 1), begin(&mut index, 2));
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(here(), 2, "the login's place is the session's");
    index.leave(1, keys(&known, &one));
    index.leave(2, keys(&known, &two));
    assert_eq!(here(), 0);
    // The book forgot the backend meanwhile: what begins now counts where it will be given back.
    loads.keep_only(|_| false);
    let again = begin(&mut index, 3);
    assert!(!Arc::ptr_eq(&one, &again));
    assert_eq!(here(), 1);
    index.leave(3, keys(&known, &again));
    assert_eq!(here(), 0);
}
