//! What one turn looks at, and that nothing is told twice or left out.

use crate::event::Subject;
use crate::names::SessionId;
use crate::network::Networks;
use crate::share::enquiry::Mask;
use crate::tick::Tick;

use super::super::io::socket::Sockets;
use super::super::places::Places;
use super::super::relay::state::Relay;
use super::*;

/// A core's table with relays of so many users.
struct Core {
    slots: Slots<Connection>,
    sessions: Sessions,
}

impl Core {
    /// `count` sessions, one user each but for `crowd`, who has a third of them, and for free slots in between.
    fn with(count: u32) -> Self {
        let mut core = Self { slots: Slots::new(count * 2), sessions: Sessions::new(count * 2) };
        for number in 0..count {
            let user = match number % 3 {
                0 => "crowd@example.org".to_owned(),
                _ => format!("user{number}@example.org"),
            };
            core.begin(number, &user);
            let gone = Connection { sockets: Sockets::default(), tls: None, phase: Phase::Closing };
            let (slot, _) = core.slots.insert(gone).unwrap();
            if number.is_multiple_of(2) {
                core.slots.remove(slot);
            }
        }
        core
    }

    fn begin(&mut self, number: u32, user: &str) {
        let [_, high, middle, low] = number.to_be_bytes();
        let subject = Subject {
            protocol: Protocol::ALL[usize::from(low % 2)],
            session: SessionId::from_bytes(u128::from(number).to_be_bytes()),
            client: ([10, high, middle, low], 4711).into(),
            user: Some(user.into()),
            master: None,
        };
        let backend = format!("be{}.test", number % 2).into();
        let group = format!("default-{}", number % 10);
        let home = self.sessions.home(&backend, Some(&group), None);
        let label = Box::new(Label::new(subject, home, Tick(0), Places::default()));
        let relay = Relay::new(label, None, [0; 2], Tick(0));
        let connection =
            Connection { sockets: Sockets::default(), tls: None, phase: Phase::Relay(relay) };
        let (slot, _) = self.slots.insert(connection).unwrap();
        let Some(Phase::Relay(relay)) = self.slots.get(slot).map(|kept| &kept.phase) else {
            unreachable!("it was just put there")
        };
        self.sessions.enter(slot, relay.label.keys());
    }

    /// All pieces of an answer. Each is bounded, and none is asked for in vain for ever.
    fn pieces(&self, act: Act, whom: Whom) -> Vec<Piece> {
        let enquiry = Enquiry { number: 1, whom, act };
        let (mut pieces, mut from) = (Vec::new(), Some(Place::default()));
        while let Some(at) = from {
            let mut piece = Piece::of(&enquiry, CoreId(0));
            let meant = look(&self.slots, &self.sessions, &enquiry, at, &mut piece);
            let most = match act {
                Act::List => limits::ENQUIRY_ROWS_PER_TURN,
                Act::Kick | Act::Leave | Act::Part => limits::ENQUIRY_KICKS_PER_TURN,
                Act::Count => 0,
            };
            assert!(piece.rows.len() <= most && piece.looked_at <= limits::ENQUIRY_SLOTS_PER_TURN);
            if act != Act::Count {
                assert_eq!(meant.len(), piece.rows.len());
            }
            from = piece.next;
            assert!(from > Some(at) || from.is_none(), "no way forward from {at:?}");
            pieces.push(piece);
        }
        pieces
    }

    fn told(&self, act: Act, whom: Whom) -> Vec<String> {
        let pieces = self.pieces(act, whom);
        let mut told: Vec<String> = pieces
            .iter()
            .flat_map(|piece| &piece.rows)
            .map(|row| row.session.to_string())
            .collect();
        told.sort_unstable();
        let all = told.len();
        told.dedup();
        assert_eq!(told.len(), all, "a session was told twice");
        told
    }
}

#[test]
fn be_21_every_turn_of_a_sweep_is_bounded_and_every_session_told_once() {
    let core = Core::with(9_500);
    for act in [Act::List, Act::Kick, Act::Part] {
        assert_eq!(core.told(act, Whom::default()).len(), 9_500);
        let users = Some(Mask::new("*@EXAMPLE.org"));
        assert_eq!(core.told(act, Whom { users, ..Whom::default() }).len(), 9_500);
        let users = Some(Mask::new("crowd@example.org"));
        let crowd = core.told(act, Whom { users, ..Whom::default() });
        assert_eq!(crowd.len(), 9_500_usize.div_ceil(3));
    }
}

#[test]
fn enquiries_the_index_and_a_sweep_mean_the_same_sessions() {
    let core = Core::with(3_000);
    let (user, backend, group) = ("user1001@example.org", "BE1.test", "default-7");
    let by = |whom: Whom| core.told(Act::List, whom).len();
    assert_eq!(by(Whom { users: Some(Mask::new(user)), ..Whom::default() }), 1);
    assert_eq!(by(Whom { users: Some(Mask::new("user100?@*")), ..Whom::default() }), 7);
    assert_eq!(by(Whom { backend: Some(backend.into()), ..Whom::default() }), 1_500);
    assert_eq!(by(Whom { groups: Some([group.into()].into()), ..Whom::default() }), 300);
    let clients = |text| Some(Networks::parse(text).unwrap());
    assert_eq!(by(Whom { clients: clients("10.0.1.7"), ..Whom::default() }), 1);
    assert_eq!(by(Whom { clients: clients("10.0.1.0/24"), ..Whom::default() }), 256);
    let sessions = Some(SessionId::written("AAAAAAAAAAAAAAAAAAAAAQ"));
    assert_eq!(by(Whom { sessions, ..Whom::default() }), 1);
    // All that is said has to be true.
    let users = Some(Mask::new("crowd@example.org"));
    let both = Whom { users, clients: clients("10.0.0.0/24"), ..Whom::default() };
    assert_eq!(by(both), 86);
    let users = Some(Mask::new(user));
    assert_eq!(by(Whom { users, groups: Some([group.into()].into()), ..Whom::default() }), 0);
}

#[test]
fn enquiries_counting_is_bounded_too_and_counts_everything() {
    let core = Core::with(5_000);
    let mut all = Tally::default();
    for piece in core.pieces(Act::Count, Whom::default()) {
        all.add(&piece.tally);
    }
    let after_login = [2_500, 2_500, 0, 0, 0];
    assert_eq!(all, Tally { after_login, ending: 2_500, ..Tally::default() });
}
