//! Moves from the first sight of a row to its end, with a table that the test writes.

use crate::route::change::Placement;
use crate::route::rows::{Backend, BackendStatus, Rows, Site, SiteStatus};
use crate::route::table::{Addresses, RouteSettings};

use super::*;

mod users;

const DC1: Uuid = Uuid::from_u128(0xD1);
const BE1: Uuid = Uuid::from_u128(0xB1);
const BE2: Uuid = Uuid::from_u128(0xB2);
const BE3: Uuid = Uuid::from_u128(0xB3);

const RULES: Rules = Rules { notice: Duration::from_secs(3), timeout: Duration::from_secs(31) };

/// The rows of a site with three backends.
struct Scene {
    rows: Rows,
    moves: Moves,
    now: Tick,
}

impl Scene {
    fn new(groups: &[(&str, Uuid, Uuid, &str)]) -> Self {
        let site = Site {
            id: DC1,
            name: "DC1".into(),
            tag: None,
            load_balancer: None,
            status: SiteStatus::Online,
        };
        let backend = |id: Uuid, host: &str| Backend {
            site_id: DC1,
            id,
            load_factor: None,
            host: host.into(),
            status: BackendStatus::Online,
            status_reason: None,
            last_moved_from: None,
            last_moved_to: None,
        };
        let backends = [(BE1, "10.0.0.1"), (BE2, "10.0.0.2"), (BE3, "10.0.0.3")];
        let rows = Rows {
            sites: vec![site],
            backends: backends.map(|(id, host)| backend(id, host)).to_vec(),
            ..Rows::default()
        };
        let mut scene = Self { rows, moves: Moves::new(RULES), now: Tick(1_000) };
        for (name, backend, alternative, moving) in groups {
            scene.place(name, *backend, *alternative, moving);
        }
        scene
    }

    /// The same, and old backends are asked.
    fn asking(groups: &[(&str, Uuid, Uuid, &str)]) -> Self {
        let scene = Self::new(groups);
        Self { moves: scene.moves.asking_backends(), ..scene }
    }

    /// What the row of a group says from here on.
    fn place(&mut self, name: &str, backend: Uuid, alternative: Uuid, moving: &str) {
        self.rows.user_groups.retain(|row| &*row.name != name);
        self.rows.user_groups.push(UserGroup {
            site_id: DC1,
            name: name.into(),
            backend_id: Some(backend),
            alt_backend_id: Some(alternative),
            sticky_users: false,
            moving: moving.into(),
            refresh_after: None,
            sticky_backend: false,
        });
    }

    fn set(&mut self, backend: Uuid, status: BackendStatus) {
        let mut backends = self.rows.backends.iter_mut();
        backends.find(|row| row.id == backend).unwrap().status = status;
    }

    fn look_after(&mut self, seconds: f64) -> Vec<Wish> {
        self.now = self.now.after(Duration::from_secs_f64(seconds));
        let settings = RouteSettings {
            local_site: "DC1".into(),
            are_moves_ours: true,
            ..RouteSettings::default()
        };
        let (table, problems) = Table::build(&self.rows, &Addresses::new(), &settings);
        assert!(problems.is_empty(), "{problems:?}");
        self.moves.look(&table, self.now)
    }

    /// The sessions of these groups at this backend are wanted to end, and nothing else.
    #[track_caller]
    fn ends(&mut self, seconds: f64, backend: Uuid, groups: &[&str]) -> Ending {
        let wishes = self.look_after(seconds);
        let [Wish::End(ending)] = &wishes[..] else { panic!("{wishes:?}") };
        let wanted = groups.iter().map(|name| Box::from(*name)).collect();
        assert_eq!(*ending, Ending { backend, groups: wanted });
        ending.clone()
    }

    /// The old backend is asked, and has nothing left, or cannot be asked.
    #[track_caller]
    fn kicks(&mut self, seconds: f64, backend: Uuid, groups: &[&str]) {
        assert_eq!(self.look_after(seconds), []);
        let kicks = self.moves.kicks(self.now);
        let wanted = groups.iter().map(|name| Box::from(*name)).collect();
        assert_eq!(kicks, [Ending { backend, groups: wanted }]);
        assert_eq!(self.moves.kicks(self.now), [], "once");
        self.moves.kicked(&kicks[0]);
    }

    /// These groups are at these backends, or are to be.
    #[track_caller]
    fn finishes(&mut self, seconds: f64, groups: &[(&str, Uuid)]) -> Finish {
        let wishes = self.look_after(seconds);
        let [Wish::Finish(finish)] = &wishes[..] else { panic!("{wishes:?}") };
        let told: Vec<(&str, Option<Uuid>)> = finish
            .changes
            .iter()
            .map(|change| (&*change.name, change.placement.backend_id))
            .collect();
        let wanted: Vec<_> = groups.iter().map(|(name, id)| (*name, Some(*id))).collect();
        assert_eq!(told, wanted);
        assert!(finish.changes.iter().all(|change| change.placement.moving.is_empty()));
        finish.clone()
    }
}

#[test]
fn c_move_4_sessions_end_first_and_the_destination_takes_over_when_none_is_left() {
    let mut scene =
        Scene::new(&[("a", BE1, BE2, "1"), ("b", BE1, BE3, "1"), ("stays", BE1, BE2, "")]);
    let ending = scene.ends(0.0, BE1, &["a", "b"]);
    scene.moves.ended(&ending, 17);
    assert_eq!(scene.look_after(0.1), [], "not yet");
    let ending = scene.ends(0.2, BE1, &["a", "b"]);
    scene.moves.ended(&ending, 0);
    assert_eq!(scene.look_after(1.0), [], "other proxies have not seen it yet, it may be");
    assert_eq!(scene.moves.kicks(scene.now), [], "no backend is asked here");
    let finish = scene.finishes(2.0, &[("a", BE2), ("b", BE3)]);
    assert_eq!(finish.source, BE1);
    let before = Placement { backend_id: Some(BE1), alt_backend_id: Some(BE2), moving: "1".into() };
    assert_eq!(finish.changes[0].expected, before, "whoever comes second writes nothing");
    assert!(finish.changes[0].placement.alt_backend_id != Some(BE2));
    assert_eq!(scene.look_after(0.5), [], "it is being written");
    scene.finishes(2.0, &[("a", BE2), ("b", BE3)]);
    scene.place("a", BE2, BE3, "");
    scene.place("b", BE3, BE2, "");
    let ending = scene.ends(0.1, BE1, &["a", "b"]);
    scene.moves.ended(&ending, 0);
    assert_eq!(scene.look_after(60.0), []);
    assert!(!scene.moves.are_under_way());
}

#[test]
fn c_move_4_the_same_order_given_again_has_its_own_time() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    let order = |scene: &mut Scene, at| scene.rows.user_groups[0].refresh_after = Some(at);
    order(&mut scene, 7);
    let ending = scene.ends(0.0, BE1, &["a"]);
    scene.moves.ended(&ending, 0);
    // Given up and ordered again, between two looks.
    order(&mut scene, 8);
    let ending = scene.ends(2.9, BE1, &["a"]);
    scene.moves.ended(&ending, 0);
    assert_eq!(scene.look_after(2.9), [], "the others have not had their time");
    let finish = scene.finishes(0.2, &[("a", BE2)]);
    assert_eq!(finish.changes[0].order, Some(8));
}

#[test]
fn c_move_4_sessions_that_do_not_end_hold_up_no_move_for_ever() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    for _ in 0..30 {
        let ending = scene.ends(1.0, BE1, &["a"]);
        scene.moves.ended(&ending, 1);
    }
    let wishes = scene.look_after(31.0);
    assert!(matches!(wishes[..], [Wish::End(_), Wish::Finish(_)]), "{wishes:?}");
}

#[test]
fn c_move_4_a_session_that_is_found_later_is_waited_for() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    let ending = scene.ends(0.0, BE1, &["a"]);
    // The data cores could not be asked.
    assert_eq!(scene.look_after(0.1), []);
    scene.ends(4.0, BE1, &["a"]);
    scene.moves.ended(&ending, 3);
    let ending = scene.ends(0.2, BE1, &["a"]);
    scene.moves.ended(&ending, 0);
    scene.finishes(0.1, &[("a", BE2)]);
}

#[test]
fn c_move_8_a_backend_that_does_not_answer_a_kick_holds_up_the_move_until_its_time_is_over() {
    let mut scene = Scene::asking(&[("a", BE1, BE2, "1")]);
    let ending = scene.ends(0.0, BE1, &["a"]);
    assert_eq!(scene.moves.kicks(scene.now.after(Duration::from_secs(3))), [], "sessions are left");
    scene.moves.ended(&ending, 0);
    assert_eq!(scene.look_after(1.9), []);
    assert_eq!(scene.moves.kicks(scene.now), [], "other proxies have not seen it yet");
    assert_eq!(scene.look_after(0.1), []);
    assert_eq!(scene.moves.kicks(scene.now).len(), 1);
    assert_eq!(scene.look_after(28.0), [], "it is waited for");
    scene.finishes(1.0, &[("a", BE2)]);
}

#[test]
fn c_move_8_the_old_backend_is_asked_before_the_destination_takes_over() {
    let mut scene = Scene::asking(&[("a", BE1, BE2, "1"), ("b", BE1, BE3, "1")]);
    let ending = scene.ends(0.0, BE1, &["a", "b"]);
    scene.moves.ended(&ending, 0);
    scene.kicks(2.5, BE1, &["a", "b"]);
    assert_eq!(scene.look_after(0.4), []);
    scene.finishes(0.1, &[("a", BE2), ("b", BE3)]);
}

#[test]
fn c_move_8_where_other_proxies_are_slow_the_kick_comes_before_the_end() {
    let rules = Rules { notice: Duration::from_secs(31), timeout: Duration::from_secs(31) };
    assert_eq!(rules.kick_after(), Duration::from_secs(21));
    assert_eq!(RULES.kick_after(), Duration::from_secs(2));
}

#[test]
fn c_move_4_a_move_to_a_backend_that_goes_ends_where_it_began() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    let ending = scene.ends(0.0, BE1, &["a"]);
    scene.moves.ended(&ending, 0);
    scene.set(BE2, BackendStatus::Offline);
    scene.finishes(0.1, &[("a", BE1)]);
    scene.place("a", BE1, BE3, "");
    assert_eq!(scene.look_after(0.1), [], "they are where they were");
}

#[test]
fn c_move_4_a_source_that_goes_is_left_to_the_logins() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    scene.ends(0.0, BE1, &["a"]);
    scene.set(BE1, BackendStatus::Offline);
    assert_eq!(scene.look_after(40.0), [], "they finish the move themselves");
}

#[test]
fn c_move_4_an_operator_who_takes_the_move_back_ends_it() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "1")]);
    scene.ends(0.0, BE1, &["a"]);
    scene.place("a", BE1, BE3, "");
    assert_eq!(scene.look_after(60.0), []);
    scene.place("a", BE1, BE3, "2");
    scene.ends(0.1, BE1, &["a"]);
    assert_eq!(scene.look_after(0.1), [], "its time begins anew");
}

#[test]
fn c_move_5_sessions_at_a_backend_that_their_group_has_left_end_wherever_it_was_decided() {
    let mut scene = Scene::new(&[("a", BE1, BE2, ""), ("b", BE2, BE1, "")]);
    assert_eq!(scene.look_after(0.0), [], "what was before is not known");
    scene.place("a", BE3, BE2, "");
    scene.ends(0.1, BE1, &["a"]);
    // The data cores could not be asked.
    assert_eq!(scene.look_after(0.1), []);
    let ending = scene.ends(0.2, BE1, &["a"]);
    assert!(scene.moves.are_under_way());
    scene.moves.ended(&ending, 2);
    assert_eq!(scene.look_after(9.0), []);
    assert!(!scene.moves.are_under_way());
}

#[test]
fn c_move_5_a_group_that_is_back_keeps_its_sessions() {
    let mut scene = Scene::new(&[("a", BE1, BE2, "")]);
    assert_eq!(scene.look_after(0.0), []);
    scene.place("a", BE3, BE2, "");
    scene.ends(0.1, BE1, &["a"]);
    scene.place("a", BE1, BE2, "");
    scene.ends(0.1, BE3, &["a"]);
}

#[test]
fn c_move_5_sessions_at_a_stand_in_that_no_row_ever_named_end_when_the_backend_is_back() {
    let mut scene = Scene::new(&[("a", BE1, BE2, ""), ("b", BE3, BE1, "")]);
    assert_eq!(scene.look_after(0.0), []);
    scene.set(BE1, BackendStatus::Offline);
    assert_eq!(scene.look_after(0.1), [], "logins go to BE2, and the GeoDB takes no write");
    scene.set(BE1, BackendStatus::Online);
    let ending = scene.ends(0.1, BE2, &["a"]);
    scene.moves.ended(&ending, 1);
    assert_eq!(scene.look_after(1.0), []);
    scene.set(BE1, BackendStatus::Offline);
    assert_eq!(scene.look_after(0.1), []);
    scene.place("a", BE2, BE3, "");
    let ending = scene.ends(0.1, BE1, &["a"]);
    scene.moves.ended(&ending, 0);
    assert_eq!(scene.look_after(1.0), [], "the row has named it, and it serves");
}

#[test]
fn c_move_4_an_evacuation_is_written_in_pieces() {
    let names: Vec<String> = (0..600).map(|number| format!("g{number:03}")).collect();
    let groups: Vec<_> = names.iter().map(|name| (name.as_str(), BE1, BE2, "1")).collect();
    let mut scene = Scene::new(&groups);
    let wishes = scene.look_after(0.0);
    let [Wish::End(ending)] = &wishes[..] else { panic!("{wishes:?}") };
    assert_eq!(ending.groups.len(), 600, "all at once");
    scene.moves.ended(&ending.clone(), 0);
    scene.now = scene.now.after(Duration::from_secs(3));
    let sizes = [0, 1, 2].map(|_| {
        let wishes = scene.look_after(0.1);
        let [Wish::Finish(finish)] = &wishes[..] else { panic!("{wishes:?}") };
        finish.changes.len()
    });
    assert_eq!(sizes, [256, 256, 88]);
}
