//! What is asked of the control core, and what its answers lead to. The test plays that core.

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::auth::cache::CacheRules;
use crate::fault::Failure;
use crate::limits;
use crate::route::fault::RouteFault;
use crate::route::outage::{Circumstances, Opinion, SiteNow};
use crate::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Rows, Site, SiteStatus, User, UserGroup,
};
use crate::route::table::{Addresses, RouteSettings};
use crate::share::messages::Doubt;

const DC1: Uuid = Uuid::from_u128(0xD1);
const DC2: Uuid = Uuid::from_u128(0xD2);
const BE1: Uuid = Uuid::from_u128(0xB1);
const BE2: Uuid = Uuid::from_u128(0xB2);

const HERE: [u8; 4] = [10, 1, 0, 1];
const AWAY: [u8; 4] = [10, 2, 0, 1];
const BACKEND: [u8; 4] = [10, 1, 0, 9];

/// One core, and one connection that asks.
struct House {
    exchange: Exchange,
    look_ups: LookUps,
    asking: Asking,
}

impl House {
    fn new() -> Self {
        let exchange = Exchange::new(1).unwrap();
        exchange.table.publish(table(None));
        let rules =
            CacheRules { bytes: 0, ttl: Duration::default(), negative_ttl: Duration::default() };
        let cache = VerifiedCache { secret: Secret::from("s"), rules };
        let look_ups = LookUps::new(CoreId(0), exchange.clone(), &cache);
        Self { exchange, look_ups, asking: Asking::default() }
    }

    fn knows(self, home: Uuid) -> Self {
        let row = User {
            username: "alice".into(),
            preferred_site_id: Some(home),
            group_name: "g".into(),
            ..User::default()
        };
        self.exchange.users.remember(row, Tick(0));
        self
    }

    fn ask(&mut self, ask: RouteAsk) -> Option<RouteAnswer> {
        let asker = Asker { asking: &mut self.asking, slot: 1, generation: 1 };
        self.look_ups.route(asker, ask, Tick(0))
    }

    fn asks_where(&mut self, is_sent_here: bool) -> Option<RouteAnswer> {
        self.ask(RouteAsk::User { user: "alice".into(), tag: None, is_sent_here })
    }

    fn is_referred(&mut self, host: &str) -> Option<RouteAnswer> {
        let (user, group) = ("alice".into(), Some("g".into()));
        self.ask(RouteAsk::Referral { host: host.into(), group, user, tag: None })
    }

    /// The control core's next message.
    fn asked(&self) -> Option<ToControl> {
        self.exchange.to_control.take()
    }

    /// The control core is asked to read the rows again, and the login waits.
    fn reads_again(&self) {
        let Some(ToControl::ReadAgain { user, doubt: Doubt::Contradicted(ticket), .. }) =
            self.asked()
        else {
            panic!("nothing is read again");
        };
        assert_eq!((&*user, ticket.question), ("alice", self.asking.question));
    }

    /// The same, because the user's home is away.
    fn asks_whether_it_left(&self) {
        let Some(ToControl::ReadAgain { user, doubt: Doubt::HomeAway(ticket), .. }) = self.asked()
        else {
            panic!("it is not asked");
        };
        assert_eq!((&*user, ticket.question), ("alice", self.asking.question));
    }

    fn answered(&mut self, answer: Answer) -> Option<RouteAnswer> {
        let question = self.asking.question;
        let asker = Asker { asking: &mut self.asking, slot: 1, generation: 1 };
        match self.look_ups.answered(asker, question, answer, Tick(0))? {
            Found::Route(answer) => Some(answer),
            Found::Verdict(_) | Found::Challenge(_) | Found::Derived(_) => {
                panic!("nobody asked who this is")
            }
        }
    }
}

/// Two sites, one backend in the local one; the group's home stands failed over to the other one.
fn table(failed_over: Option<(Uuid, Uuid)>) -> Table {
    table_with(SiteStatus::Online, failed_over)
}

/// The same, and the second site has this status.
fn table_with(status: SiteStatus, failed_over: Option<(Uuid, Uuid)>) -> Table {
    built(&rows(status, failed_over), &Circumstances::default())
}

fn rows(status: SiteStatus, failed_over: Option<(Uuid, Uuid)>) -> Rows {
    let site = |id, name: &str, load_balancer: [u8; 4]| Site {
        id,
        name: name.into(),
        tag: None,
        load_balancer: Some(IpAddr::from(load_balancer).to_string().into()),
        status: SiteStatus::Online,
    };
    let backend = Backend {
        site_id: DC1,
        id: BE1,
        load_factor: None,
        host: IpAddr::from(BACKEND).to_string().into(),
        status: BackendStatus::Online,
        status_reason: None,
        last_moved_from: None,
        last_moved_to: None,
    };
    let group = UserGroup {
        site_id: DC1,
        name: "g".into(),
        backend_id: Some(BE1),
        alt_backend_id: None,
        sticky_users: false,
        moving: "".into(),
        refresh_after: None,
        sticky_backend: false,
    };
    let row = failed_over.map(|(home, stand_in)| GroupSite {
        group_name: "g".into(),
        site_id: home,
        status: GroupSiteStatus::Failover,
        failover_site_id: Some(stand_in),
        last_update: Some(1),
    });
    Rows {
        sites: vec![site(DC1, "DC1", HERE), Site { status, ..site(DC2, "DC2", AWAY) }],
        backends: vec![backend],
        user_groups: vec![group],
        group_sites: row.into_iter().collect(),
        ..Rows::default()
    }
}

/// The group moves from one backend to another, and the proxies see to it.
fn moving_table() -> Table {
    let mut rows = rows(SiteStatus::Online, None);
    let other = Backend { id: BE2, host: "10.1.0.8".into(), ..rows.backends[0].clone() };
    rows.backends.push(other);
    rows.user_groups[0].alt_backend_id = Some(BE2);
    rows.user_groups[0].moving = "1".into();
    built(&rows, &Circumstances::default())
}

fn built(rows: &Rows, now: &Circumstances) -> Table {
    let settings = RouteSettings {
        local_site: "DC1".into(),
        are_moves_ours: true,
        ..RouteSettings::default()
    };
    let (table, problems) = Table::build_now(rows, &Addresses::new(), &settings, now);
    assert!(problems.is_empty(), "{problems:?}");
    table
}

/// The other site fails for so long that all of its groups may leave; an operator may have closed it, too.
fn table_of_outage(status: SiteStatus) -> Table {
    let away = SiteNow { opinion: Some(Opinion::Failing), away: 100, ..SiteNow::default() };
    let now = Circumstances { sites: [(DC2, away)].into(), unix_millis: None };
    built(&rows(status, None), &now)
}

#[track_caller]
fn leads_to(answer: Option<RouteAnswer>, hop: Hop, address: [u8; 4]) {
    let Some(RouteAnswer::Go(destination)) = answer else { panic!("{answer:?}") };
    assert_eq!((destination.hop, destination.address), (hop, IpAddr::from(address)));
}

#[test]
fn w_ref_7_a_user_who_was_sent_here_is_referred_away_by_fresh_rows_only() {
    // As this site knows it, the group has left for the other one, which says that it is back.
    let mut house = House::new().knows(DC1);
    house.exchange.table.publish(table(Some((DC1, DC2))));
    leads_to(house.asks_where(false), Hop::Site, AWAY);
    assert!(house.asked().is_none(), "a client's login is not sent here by anybody");

    assert!(house.asks_where(true).is_none());
    house.reads_again();
    house.exchange.table.publish(table(None));
    leads_to(house.answered(Answer::LookedUp), Hop::Backend, BACKEND);
    leads_to(house.asks_where(true), Hop::Backend, BACKEND);
    assert!(house.asked().is_none(), "who lives here is not in doubt");

    // The rows still say so: once is enough.
    house.exchange.table.publish(table(Some((DC1, DC2))));
    assert!(house.asks_where(true).is_none());
    house.reads_again();
    leads_to(house.answered(Answer::LookedUp), Hop::Site, AWAY);
    assert!(house.asked().is_none());
}

#[test]
fn w_ref_7_an_unknown_user_who_was_sent_here_is_read_again_behind_the_look_up() {
    let mut house = House::new();
    assert!(house.asks_where(true).is_none());
    assert!(matches!(house.asked(), Some(ToControl::LookUp { ticket: Some(_), .. })));
    house = house.knows(DC2);
    assert!(house.answered(Answer::LookedUp).is_none());
    house.reads_again();
    leads_to(house.answered(Answer::LookedUp), Hop::Site, AWAY);
}

#[test]
fn w_ref_7_a_referral_to_this_very_site_is_decided_anew() {
    let mut house = House::new().knows(DC2);
    assert!(house.is_referred("10.1.0.1").is_none());
    house.reads_again();
    // Its rows say now that this site stands in.
    house.exchange.table.publish(table(Some((DC2, DC1))));
    leads_to(house.answered(Answer::LookedUp), Hop::Backend, BACKEND);

    // The rows say what they said: back to where the referral came from, where the session finds the circle.
    house.exchange.table.publish(table(None));
    assert!(house.is_referred("10.1.0.1").is_none());
    house.reads_again();
    leads_to(house.answered(Answer::LookedUp), Hop::Site, AWAY);
}

#[test]
fn c_site_10_a_login_whose_home_is_away_is_refused_by_fresh_rows_only() {
    let away = |failed_over| table_with(SiteStatus::Offline, failed_over);
    let is_refused = |answer| {
        let Some(RouteAnswer::Fail { failure, detail }) = answer else { panic!("{answer:?}") };
        assert_eq!(failure, Failure::Unavailable);
        assert!(detail.contains("not online or not reachable: DC2"), "{detail}");
    };
    let mut house = House::new().knows(DC2);
    house.exchange.table.publish(away(None));
    assert!(house.asks_where(false).is_none());
    house.asks_whether_it_left();
    is_refused(house.answered(Answer::LookedUp));
    assert!(house.asked().is_none(), "once is enough");

    // Another proxy had let the group leave.
    assert!(house.asks_where(false).is_none());
    house.asks_whether_it_left();
    house.exchange.table.publish(away(Some((DC2, DC1))));
    leads_to(house.answered(Answer::LookedUp), Hop::Backend, BACKEND);

    // While the GeoDB does not answer there is nothing to wait for.
    house.exchange.table.publish(away(None));
    house.exchange.users.set_alone(true);
    is_refused(house.asks_where(false));
    assert!(house.asked().is_none());
}

#[test]
fn w_ref_1_a_referral_to_a_host_that_no_row_knows_is_decided_anew() {
    let mut house = House::new().knows(DC1);
    leads_to(house.is_referred("10.1.0.9"), Hop::Backend, BACKEND);
    leads_to(house.is_referred("10.2.0.1"), Hop::Site, AWAY);
    assert!(house.asked().is_none(), "both are known");
    assert!(house.is_referred("evil.example").is_none());
    house.reads_again();
    leads_to(house.answered(Answer::LookedUp), Hop::Backend, BACKEND);
}

#[test]
fn c_cache_2_what_cannot_be_looked_up_is_decided_from_memory_or_fails_with_the_trouble() {
    let trouble = || Answer::Withheld { trouble: Some("no answer within 500ms".into()) };
    let mut house = House::new();
    assert!(house.asks_where(false).is_none());
    let answer = house.answered(trouble());
    let Some(RouteAnswer::Fail { failure, detail }) = answer else { panic!("{answer:?}") };
    assert_eq!(failure, Failure::Unavailable);
    assert!(detail.ends_with(": no answer within 500ms"), "{detail}");

    // A row that may have changed is good enough then, and is not used otherwise.
    let mut house = House::new().knows(DC1);
    house.exchange.users.doubt_all();
    assert!(house.asks_where(false).is_none());
    leads_to(house.answered(trouble()), Hop::Backend, BACKEND);
}

#[test]
fn w_pipe_6_an_answer_to_an_earlier_question_is_dropped() {
    let mut house = House::new();
    assert!(house.asks_where(false).is_none());
    let earlier = house.asking.question;
    assert!(house.asks_where(false).is_none());
    house = house.knows(DC1);
    let asker = Asker { asking: &mut house.asking, slot: 1, generation: 1 };
    assert!(house.look_ups.answered(asker, earlier, Answer::LookedUp, Tick(0)).is_none());
    leads_to(house.answered(Answer::LookedUp), Hop::Backend, BACKEND);
}

#[test]
fn c_site_5_a_login_beyond_the_cap_goes_by_memory_and_asks_no_second_time() {
    let beyond = || Answer::Withheld { trouble: None };
    for status in [SiteStatus::Online, SiteStatus::Offline] {
        let mut house = House::new().knows(DC2);
        house.exchange.table.publish(table_of_outage(status.clone()));
        assert!(house.asks_where(false).is_none());
        assert!(matches!(house.asked(), Some(ToControl::LookUp { ticket: Some(_), .. })));
        let mut answer = house.answered(beyond());
        if status == SiteStatus::Online {
            // Its connections fail, as far as this proxy knows; the rows let logins try.
            leads_to(answer, Hop::Site, AWAY);
        } else {
            // The group may have left by another proxy (C-SITE-10).
            assert!(answer.is_none());
            assert!(matches!(house.asked(), Some(ToControl::ReadAgain { .. })));
            answer = house.answered(Answer::LookedUp);
            let Some(RouteAnswer::Fail { failure, detail }) = answer else { panic!("{answer:?}") };
            assert_eq!(failure, RouteFault::HomeSiteDown.failure());
            assert!(detail.contains("DC2"), "{detail}");
        }
        assert!(house.asked().is_none(), "nothing is written for this login");
        // The next one asks again.
        assert!(house.asks_where(false).is_none());
        assert!(matches!(house.asked(), Some(ToControl::LookUp { .. })));
        let counted = house.exchange.counters[0].get(Counter::GeodbStaleRouting);
        assert_eq!(counted, 0, "the GeoDB answers");
    }
}

#[test]
fn c_move_4_logins_of_a_moving_group_are_held_unless_the_geodb_is_gone() {
    let mut house = House::new().knows(DC1);
    house.exchange.table.publish(moving_table());
    assert_eq!(house.asks_where(false), Some(RouteAnswer::Hold));
    house.exchange.users.set_alone(true);
    leads_to(house.asks_where(false), Hop::Backend, BACKEND);
    house.exchange.users.set_alone(false);
    assert_eq!(house.asks_where(false), Some(RouteAnswer::Hold));
    house.exchange.table.publish(table(None));
    leads_to(house.asks_where(false), Hop::Backend, BACKEND);
    assert!(house.asked().is_none());
}

#[test]
fn c_move_6_logins_of_a_user_who_moves_are_held_and_the_row_is_soon_read_again() {
    let mut house = House::new().knows(DC1);
    let row = house.exchange.users.get("alice").unwrap().row;
    let moving = User { moving_group_name: Some("other".into()), ..row };
    house.exchange.users.remember(moving, Tick(0));
    assert_eq!(house.asks_where(false), Some(RouteAnswer::Hold));
    assert!(house.asked().is_none(), "the row is new");
    let asker = Asker { asking: &mut house.asking, slot: 1, generation: 1 };
    let ask = RouteAsk::User { user: "alice".into(), tag: None, is_sent_here: false };
    assert_eq!(house.look_ups.route(asker, ask, Tick(4_000)), Some(RouteAnswer::Hold));
    let asked = house.asked();
    assert!(matches!(asked, Some(ToControl::LookUp { ticket: None, .. })), "{asked:?}");
}

#[test]
fn c_move_4_more_logins_than_may_be_held_fail_for_now() {
    let mut house = House::new().knows(DC1);
    house.exchange.table.publish(moving_table());
    let refused = |house: &mut House| {
        matches!(
            house.asks_where(false),
            Some(RouteAnswer::Fail { failure: Failure::Unavailable, .. })
        )
    };
    for _ in 0..limits::LOGINS_HELD_MAX {
        assert!(!refused(&mut house));
    }
    assert!(refused(&mut house));
}

#[test]
fn c_cache_5_a_session_hears_that_the_row_of_its_group_is_about_to_change() {
    for (status, is_switching) in [(BackendStatus::Online, false), (BackendStatus::Standby, true)] {
        let mut house = House::new().knows(DC1);
        let mut rows = rows(SiteStatus::Online, None);
        let other = Backend { id: BE2, host: "10.1.0.8".into(), ..rows.backends[0].clone() };
        rows.backends[0].status = status;
        rows.backends.push(other);
        house.exchange.table.publish(built(&rows, &Circumstances::default()));
        let Some(RouteAnswer::Go(destination)) = house.asks_where(false) else {
            panic!("all is in memory");
        };
        assert_eq!(destination.is_switching, is_switching);
        let change = house.asked();
        assert_eq!(matches!(change, Some(ToControl::Change(_))), is_switching, "{change:?}");
    }
}
