//! Departures of single users, with rows that the test writes.

use super::*;
use crate::moving::users::{UserEnding, UserMoves, UserWish};
use crate::route::departure::End;
use crate::route::rows::User;
use crate::route::settings_rows::Departure;

const DC2: Uuid = Uuid::from_u128(0xD2);
const BEGAN: i64 = 1_700_000_000_000;

/// Alice, of group `a` on BE1, moves to group `b` on BE2.
struct Place {
    scene: Scene,
    moves: UserMoves,
}

impl Place {
    fn new() -> Self {
        let mut scene = Scene::new(&[("a", BE1, BE2, ""), ("b", BE2, BE1, "")]);
        scene.rows.settings.push(leaves(BE1, BEGAN).to_row());
        Self { scene, moves: UserMoves::new(RULES) }
    }

    fn look_after(&mut self, seconds: f64) -> Vec<UserWish> {
        self.scene.now = self.scene.now.after(Duration::from_secs_f64(seconds));
        let settings = RouteSettings {
            local_site: "DC1".into(),
            are_moves_ours: true,
            ..RouteSettings::default()
        };
        let (table, _) = Table::build(&self.scene.rows, &Addresses::new(), &settings);
        let passed = i64::try_from(self.scene.now.0).unwrap() - 1_000;
        self.moves.look(&table, self.scene.now, BEGAN + passed)
    }

    /// The row is wanted, and is this.
    #[track_caller]
    fn reads(&mut self, seconds: f64, row: Option<&User>) {
        assert_eq!(self.look_after(seconds), [UserWish::Read("alice".into())]);
        self.moves.take("alice", row, self.scene.now);
    }

    /// Her sessions at BE1 end; so many there were.
    #[track_caller]
    fn ends(&mut self, seconds: f64, count: usize) {
        let ending = UserEnding { backend: BE1, users: BTreeSet::from(["alice".into()]) };
        assert_eq!(self.look_after(seconds), [UserWish::End(ending.clone())]);
        self.moves.ended(&ending, count, self.scene.now);
    }

    #[track_caller]
    fn kicks(&mut self, seconds: f64) {
        assert_eq!(self.look_after(seconds), [UserWish::Kick(leaves(BE1, BEGAN))]);
        self.moves.kicked(&leaves(BE1, BEGAN));
    }

    #[track_caller]
    fn finishes(&mut self, seconds: f64, row: &User, is_complete: bool) -> User {
        let wishes = self.look_after(seconds);
        let [UserWish::Finish(end)] = &wishes[..] else { panic!("{wishes:?}") };
        assert_eq!(matches!(**end, End::Complete(_)), is_complete);
        assert_eq!(end.change().expected, *row);
        end.change().moved.clone()
    }
}

fn leaves(backend_id: Uuid, since: i64) -> Departure {
    Departure { site_id: DC1, backend_id, number: 5, user: "alice".into(), since }
}

fn alice(moves_to: Option<&str>) -> User {
    User {
        username: "alice".into(),
        preferred_site_id: Some(DC1),
        group_name: "a".into(),
        moving_group_name: moves_to.map(Into::into),
        ..User::default()
    }
}

#[test]
fn c_move_6_a_users_sessions_end_before_the_destination_takes_over() {
    let (mut place, row) = (Place::new(), alice(Some("b")));
    place.reads(0.0, Some(&row));
    place.ends(0.1, 2);
    assert_eq!(place.look_after(0.1), []);
    place.ends(0.1, 0);
    assert_eq!(place.look_after(0.9), [], "other proxies have not seen it, it may be");
    // A data core may have let a login go by the row that it had.
    place.ends(0.1, 0);
    place.kicks(0.8);
    place.ends(0.2, 0);
    let moved = place.finishes(0.9, &row, true);
    assert_eq!(&*moved.group_name, "b");
    assert!(!moved.is_moving());
    place.moves.take("alice", Some(&moved), place.scene.now);
    // What was let go to the backend before, if anything was.
    place.ends(0.0, 1);
    place.ends(0.2, 0);
    for _ in 0..2 {
        place.ends(1.0, 0);
    }
    assert_eq!(place.look_after(50.0), [], "other proxies still learn of it");
    assert_eq!(place.look_after(10.0), [UserWish::Forget(leaves(BE1, BEGAN))]);
    place.scene.rows.settings.clear();
    assert_eq!(place.look_after(1.0), []);
    assert!(!place.moves.are_under_way());
}

#[test]
fn c_move_6_sessions_that_do_not_end_hold_up_no_user_for_ever() {
    let (mut place, row) = (Place::new(), alice(Some("b")));
    place.reads(0.0, Some(&row));
    for _ in 0..4 {
        place.ends(1.0, 1);
    }
    let wishes = place.look_after(31.0);
    let is_end = |wish: &UserWish| matches!(wish, UserWish::Finish(_));
    assert!(wishes.iter().any(is_end), "{wishes:?}");
}

#[test]
fn c_move_6_a_move_that_an_operator_gives_up_ends_where_it_began() {
    let mut place = Place::new();
    place.reads(0.0, Some(&alice(Some("b"))));
    place.ends(0.1, 0);
    // The row is looked at again while the move is pending.
    let wishes = place.look_after(5.0);
    assert!(wishes.contains(&UserWish::Read("alice".into())), "{wishes:?}");
    place.moves.take("alice", Some(&alice(None)), place.scene.now);
    assert_eq!(
        place.look_after(0.1),
        [UserWish::Forget(leaves(BE1, BEGAN))],
        "and no session ends"
    );
    assert_eq!(place.look_after(0.1), [], "it is being written");
}

#[test]
fn c_move_6_the_same_order_given_again_has_its_own_time() {
    let mut place = Place::new();
    let ordered = |at| User { last_update: Some(at), ..alice(Some("b")) };
    place.reads(0.0, Some(&ordered(7)));
    place.ends(0.1, 0);
    place.ends(1.1, 0);
    // Given up and ordered again.
    place.moves.take("alice", Some(&ordered(8)), place.scene.now);
    place.ends(0.1, 0);
    place.ends(1.1, 0);
    place.kicks(0.95);
    place.ends(0.2, 0);
    let moved = place.finishes(0.8, &ordered(8), true);
    assert_eq!(&*moved.group_name, "b");
}

#[test]
fn c_move_6_where_a_move_leads_to_a_site_that_is_gone_it_ends_where_it_began() {
    let mut place = Place::new();
    let row = User { moving_preferred_site_id: Some(DC2), ..alice(Some("b")) };
    place.reads(0.0, Some(&row));
    let stays = place.finishes(0.1, &row, false);
    assert_eq!(stays, alice(None));
}

#[test]
fn c_move_6_a_source_that_goes_is_left_to_the_logins() {
    let mut place = Place::new();
    place.reads(0.0, Some(&alice(Some("b"))));
    place.ends(0.1, 0);
    place.scene.set(BE1, BackendStatus::Offline);
    place.reads(5.0, Some(&alice(Some("b"))));
    assert_eq!(place.look_after(0.1), []);
    let moved = User { group_name: "b".into(), ..alice(None) };
    place.reads(5.0, Some(&moved));
    place.ends(0.1, 0);
}

#[test]
fn c_move_6_whom_another_proxy_has_moved_has_no_sessions_at_the_old_backend() {
    let mut place = Place::new();
    place.reads(0.0, Some(&User { preferred_site_id: Some(DC2), ..alice(None) }));
    place.ends(0.1, 3);
    place.ends(0.2, 0);
    assert_eq!(place.look_after(0.5), [], "no login is held, and nothing is to be written");
    // Another time: the row is of now.
    place.scene.rows.settings = vec![leaves(BE1, BEGAN + 5_000).to_row()];
    place.reads(0.1, Some(&User { preferred_site_id: Some(DC2), ..alice(None) }));
    place.ends(0.1, 1);
}

#[test]
fn c_move_6_a_proxy_that_starts_in_the_middle_goes_on() {
    let (mut place, row) = (Place::new(), alice(Some("b")));
    place.scene.now = place.scene.now.after(Duration::from_secs(20));
    place.reads(0.0, Some(&row));
    place.ends(0.1, 0);
    place.ends(1.1, 0);
    place.kicks(0.9);
    place.ends(0.1, 0);
    place.finishes(0.9, &row, true);
}
