//! Enquiries in the middle of the core's other work.

use std::sync::Arc;
use std::time::Duration;

use hale::event::{EndedBy, Event};
use hale::limits;
use hale::share::counters::Counter;
use hale::share::enquiry::{Act, Enquiry, Mask, Piece, Place, Row, Whom};
use hale::share::messages::ToCore;
use hale::worker::DisconnectRules;

use super::Sim;
use super::account::{Account, id_of};
use super::weather::Weather;
use super::world::World;

impl Sim {
    fn enquire(&mut self, number: u64, act: Act, whom: &Whom) {
        let enquiry = Arc::new(Enquiry { number, whom: whom.clone(), act });
        let exchange = &self.world().control.exchange;
        exchange.to_cores[0].send(ToCore::Enquire(enquiry, Place::default())).unwrap();
    }

    fn piece(&mut self) -> Option<Piece> {
        self.world().control.exchange.pieces.take()
    }

    /// Everybody is logged in and has nothing to do.
    fn with_idle(count: usize) -> Self {
        let accounts: Vec<Account> = (0..count).map(Account::quiet).collect();
        let mut sim = Self::new(21, Weather::calm(), &accounts);
        sim.until(|world| (0..count).all(|id| is_relayed(world, id)));
        sim
    }
}

impl Sim {
    /// Orders, and asks on until the answer is whole.
    fn order(&mut self, act: Act, whom: &Whom) -> Vec<Row> {
        let enquiry = Arc::new(Enquiry { number: 9, whom: whom.clone(), act });
        let (mut rows, mut from) = (Vec::new(), Some(Place::default()));
        while let Some(place) = from {
            let order = ToCore::Enquire(Arc::clone(&enquiry), place);
            self.world().control.exchange.to_cores[0].send(order).unwrap();
            let piece = loop {
                match self.piece() {
                    Some(piece) => break piece,
                    None => self.turn(),
                }
            };
            rows.extend(piece.rows);
            from = piece.next;
        }
        rows
    }
}

fn is_relayed(world: &World, id: usize) -> bool {
    world.clients[id].logged_in && world.backend_of(id).is_some()
}

fn ends(world: &World) -> Vec<(usize, EndedBy)> {
    let ended = world.control.events.iter().filter_map(|event| match event {
        Event::RelayEnded { subject, by, .. } => Some((subject.user.as_deref(), *by)),
        _ => None,
    });
    ended.map(|(user, by)| (user.and_then(id_of).unwrap(), by)).collect()
}

fn named(mask: &str) -> Whom {
    Whom { users: Some(Mask::new(mask)), ..Whom::default() }
}

#[test]
fn kick_ends_the_sessions_that_are_meant_and_no_other() {
    let mut sim = Sim::with_idle(6);
    sim.enquire(1, Act::Kick, &named("u2"));
    sim.enquire(2, Act::Kick, &named("U[0-9]"));
    sim.enquire(3, Act::Kick, &named("?4"));
    sim.until(|world| world.clients[2].over && world.clients[4].over);
    let mut pieces: Vec<Piece> = std::iter::from_fn(|| sim.piece()).collect();
    pieces.sort_unstable_by_key(|piece| piece.number);
    let users = |piece: &Piece| -> Vec<String> {
        piece.rows.iter().map(|row| row.user.as_deref().unwrap().to_owned()).collect()
    };
    assert_eq!(pieces.iter().map(users).collect::<Vec<_>>(), [vec!["u2"], vec![], vec!["u4"]]);
    let mut kicked = ends(sim.world());
    kicked.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(kicked, [(2, EndedBy::Kick), (4, EndedBy::Kick)]);
    for id in [0, 1, 3, 5] {
        assert!(is_relayed(sim.world(), id) && !sim.world().clients[id].over, "{id}");
    }
    sim.drain_now();
}

/// Wherever the login stands, it becomes no session behind the kick's back.
#[test]
fn w_rel_7_a_kick_reaches_the_user_whose_login_is_under_way_and_no_other() {
    let mut stages = [0; 2];
    for seed in 0..48 {
        let accounts: Vec<Account> = (0..4).map(Account::quiet).collect();
        let mut sim = Sim::new(seed, Weather::calm(), &accounts);
        sim.world().is_directed = true;
        for _ in 0..seed % 12 {
            sim.turn();
        }
        let rows = loop {
            let rows = sim.order(Act::Kick, &named("u2"));
            if !rows.is_empty() {
                break rows;
            }
            sim.turn();
        };
        let [row] = &rows[..] else { panic!("seed {seed}: {rows:?}") };
        assert_eq!(row.user.as_deref(), Some("u2"), "seed {seed}");
        stages[usize::from(row.since.is_some())] += 1;
        sim.until(|world| world.clients[2].over);
        assert!(row.since.is_some() || !sim.world().clients[2].logged_in, "seed {seed}");
        sim.until(|world| [0, 1, 3].into_iter().all(|id| is_relayed(world, id)));
        sim.drain_now();
    }
    assert!(stages[0] > 0, "no login was ever under way: {stages:?}");
}

/// The work of a turn is bounded by a number, whatever the time it takes on this machine.
#[test]
fn w_rel_7_a_kick_of_many_sessions_ends_no_more_of_them_in_a_turn_than_a_turn_may() {
    const COUNT: usize = 5 * limits::ENQUIRY_KICKS_PER_TURN + 3;
    let mut accounts: Vec<Account> = (0..COUNT).map(Account::quiet).collect();
    for account in &mut accounts {
        // So many of one address would have to wait, and so many hashes at once are too many.
        account.from.set_ip([198, 51, 100, u8::try_from(account.id + 1).unwrap()].into());
        account.connects_at = 200 * u64::try_from(account.id).unwrap();
    }
    let weather = Weather { connections_max: u32::try_from(COUNT).unwrap(), ..Weather::calm() };
    let mut sim = Sim::new(21, weather, &accounts);
    sim.until(|world| (0..COUNT).all(|id| is_relayed(world, id)));
    let enquiry = Arc::new(Enquiry { number: 9, whom: named("*"), act: Act::Kick });
    let (mut from, mut told, mut pieces) = (Some(Place::default()), 0, 0);
    while let Some(place) = from {
        let order = ToCore::Enquire(Arc::clone(&enquiry), place);
        sim.world().control.exchange.to_cores[0].send(order).unwrap();
        let piece = loop {
            match sim.piece() {
                Some(piece) => break piece,
                None => sim.turn(),
            }
        };
        // A piece is the work of one turn.
        assert!(piece.rows.len() <= limits::ENQUIRY_KICKS_PER_TURN, "{} at once", piece.rows.len());
        told += piece.rows.len();
        pieces += 1;
        from = piece.next;
    }
    assert_eq!(told, COUNT);
    assert!((6..=8).contains(&pieces), "{COUNT} sessions ended in {pieces} turns");
    sim.until(|world| ends(world).len() == COUNT);
    assert!(ends(sim.world()).iter().all(|(_, by)| *by == EndedBy::Kick));
    sim.drain_now();
}

/// A backend that froze says no goodbye: its clients are told over time all the same, each once.
#[test]
fn r_probe_9_w_spread_1_the_clients_of_a_lost_backend_are_told_over_time() {
    let spread = DisconnectRules { over: Duration::from_secs(3), crowd_min: 0 };
    let mut accounts: Vec<Account> = (0..7).map(Account::quiet).collect();
    // The last one is there to let ten seconds pass.
    accounts[6].connects_at = 10_000;
    let mut sim = Sim::new(23, Weather { spread, ..Weather::calm() }, &accounts);
    sim.until(|world| is_relayed(world, 6));
    let began = sim.now();
    assert_eq!(sim.order(Act::Part, &named("u?")).len(), 7);
    let spread = sim.counted(Counter::EndsSpread);
    assert!((3..6).contains(&spread), "{spread} are told later");
    assert!(sim.order(Act::Part, &named("u?")).is_empty(), "each is told once");
    sim.until(|world| ends(world).len() == 7);
    assert!(ends(sim.world()).iter().all(|(_, by)| *by == EndedBy::Backend));
    let lasted = sim.now() - began;
    assert!((2_500..=3_300).contains(&lasted), "{lasted} ms");
    sim.drain_now();
}

/// All sessions of a backend are a crowd that would come back at once; until its time has come each goes on.
#[test]
fn w_rel_7_w_spread_1_a_kick_of_a_whole_backend_is_spread_over_time() {
    let spread = DisconnectRules { over: Duration::from_secs(6), crowd_min: 0 };
    let accounts: Vec<Account> = (0..6).map(Account::quiet).collect();
    let mut sim = Sim::new(24, Weather { spread, ..Weather::calm() }, &accounts);
    sim.until(|world| (0..6).all(|id| is_relayed(world, id)));
    let began = sim.now();
    let all = sim.order(Act::List, &named("*"));
    let names = || all.iter().filter_map(|row| row.backend.as_deref());
    let count = |backend: &str| names().filter(|name| *name == backend).count();
    let backend = names().max_by_key(|backend| count(backend)).unwrap();
    let meant = count(backend);
    assert!(meant > 1, "{all:?}");
    let whom = Whom { backend: Some(backend.into()), ..Whom::default() };
    assert_eq!(sim.order(Act::Kick, &whom).len(), meant);
    let spread = usize::try_from(sim.counted(Counter::EndsSpread)).unwrap();
    assert_eq!(spread, meant - 1, "one a second, of six in six seconds");
    assert!(sim.order(Act::Kick, &whom).is_empty(), "each is told of once");
    assert_eq!(ends(sim.world()).len(), 1);
    sim.until(|world| ends(world).len() == meant);
    assert!(ends(sim.world()).iter().all(|(_, by)| *by == EndedBy::Kick));
    let lasted = sim.now() - began;
    assert!((900..=6_300).contains(&lasted), "{lasted} ms");
    // By a mask it means now.
    let (whom, since) = (Whom { users: Some(Mask::new("*")), ..Whom::default() }, sim.now());
    assert_eq!(sim.order(Act::Kick, &whom).len(), 6 - meant);
    sim.until(|world| ends(world).len() == 6);
    assert!(sim.now() - since < 500);
    sim.drain_now();
}

/// However many ask at once, a turn is as long as one of them makes it.
#[test]
fn enquiries_of_many_askers_are_answered_one_piece_a_turn() {
    let mut sim = Sim::with_idle(4);
    for number in 0..50 {
        sim.enquire(number, Act::List, &Whom::default());
    }
    let mut answered = Vec::new();
    while answered.len() < 50 {
        sim.turn();
        let pieces: Vec<Piece> = std::iter::from_fn(|| sim.piece()).collect();
        assert!(pieces.len() <= 1, "{} pieces in a turn", pieces.len());
        answered.extend(pieces);
    }
    for (number, piece) in answered.iter().enumerate() {
        assert_eq!((piece.number, piece.rows.len(), piece.next), (number as u64, 4, None));
        let home = piece.rows.iter().map(|row| (row.backend.is_some(), row.group.is_some()));
        assert!(home.into_iter().all(|home| home == (true, true)), "{piece:?}");
    }
    sim.drain_now();
}

/// Questions in any weather disturb nobody, and what is counted is what there is.
#[test]
fn enquiries_in_any_weather_change_nothing() {
    for seed in 0..24 {
        let accounts: Vec<Account> = (0..6).map(Account::quiet).collect();
        let mut sim = Sim::new(seed, Weather::calm(), &accounts);
        sim.world().is_directed = true;
        let (mut counted, mut turn) = (0, 0);
        while !(0..6).all(|id| is_relayed(sim.world(), id)) {
            turn += 1;
            if turn % 3 == 0 {
                sim.enquire(turn, Act::Count, &Whom::default());
                sim.enquire(turn, Act::List, &Whom::default());
            }
            sim.turn();
            while let Some(Piece { tally, rows, .. }) = sim.piece() {
                let all: u64 = tally.before_login.iter().chain(&tally.after_login).sum();
                assert!(all + tally.ending <= 6 && rows.len() <= 6, "{tally:?}");
                counted += all;
            }
        }
        assert!(counted > 0, "seed {seed}: nobody was ever counted");
        sim.drain_now();
    }
}
