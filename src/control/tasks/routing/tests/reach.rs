//! Other sites as logins see them, and users that backends have sent on.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::config::model::ProtocolSettings;
use crate::control::geodb::SiteUpdate;
use crate::control::wall_clock::unix_millis;
use crate::names::Protocol;
use crate::route::fault::RouteFault;
use crate::route::hash::force_move_place;
use crate::route::outage::Opinion;
use crate::route::rows::{GroupSite, GroupSiteStatus, Setting, SiteReachability};
use crate::route::settings_rows::{FORCE_MOVE, ForceMove};

const DC2: Uuid = Uuid::from_u128(0xD2);

impl House {
    /// With another site, whose load balancer has the address of this host.
    async fn with_two_sites() -> Self {
        let house = Self::new().await;
        let site = Site {
            id: DC2,
            name: "DC2".into(),
            tag: None,
            load_balancer: Some("127.0.0.1".into()),
            status: SiteStatus::Online,
        };
        assert!(house.geodb.insert_site(&site).await.unwrap());
        house
    }

    /// The group "vip" of the other site is served here from now on, by its row.
    async fn fail_vip_over(&self) {
        let row = GroupSite {
            group_name: "vip".into(),
            site_id: DC2,
            status: GroupSiteStatus::Failover,
            failover_site_id: Some(DC1),
            last_update: Some(unix_millis()),
        };
        self.geodb.write_group_site(&row).await.unwrap();
    }

    fn attempted(&self, endpoint: SocketAddr, is_reached: bool) {
        let host: Arc<str> = "127.0.0.1".into();
        self.exchange.site_attempts.note(&host, endpoint, is_reached);
    }

    fn opinion(&self) -> Option<Opinion> {
        self.exchange.table.load().site(DC2).and_then(|site| site.now.opinion)
    }

    async fn row(&self) -> Option<i64> {
        let places = self.geodb.read_places().await.unwrap();
        let row = places.site_reachability.first()?;
        assert_eq!((row.src_site_id, row.dest_site_id), (DC1, DC2));
        row.reachable
    }

    /// What the row is to say, as far as that is not written yet.
    fn will_say(&self) -> Option<i64> {
        self.geodb.late().reachability(DC1, DC2).and_then(|row| row.reachable)
    }

    async fn row_says(&self, reachable: i64) {
        let began = Instant::now();
        while self.row().await != Some(reachable) {
            assert!(began.elapsed() < PATIENCE, "{:?}", self.row().await);
            sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn c_site_9_what_logins_see_of_a_site_becomes_an_opinion_and_a_row() {
    let house = House::with_two_sites().await;
    let work = async {
        house.start().await;
        let endpoint = SocketAddr::from(([127, 0, 0, 1], 143));
        house.attempted(endpoint, true);
        until(|| house.opinion() == Some(Opinion::Reached), "it is reached").await;
        house.row_says(1).await;
        let failing = || {
            house.attempted(endpoint, false);
            house.opinion() == Some(Opinion::Failing)
        };
        until(failing, "every attempt fails").await;
        house.row_says(0).await;
        assert!(house.logged().iter().any(|line| line.contains("site DC2 is not reached")));
        house.attempted(endpoint, true);
        house.row_says(1).await;
        until(|| house.opinion() == Some(Opinion::Reached), "it answers again").await;
        assert!(house.logged().iter().any(|line| line.contains("answers again")));
        let written = house.geodb.gate().seen("write_reachability");
        assert_eq!(written, 3, "only what is new is written");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_site_9_what_was_seen_while_the_geodb_takes_no_writes_is_written_when_it_does() {
    let house = House::with_two_sites().await;
    let work = async {
        house.start().await;
        let gate = house.geodb.gate();
        let endpoint = SocketAddr::from(([127, 0, 0, 1], 143));
        house.attempted(endpoint, true);
        house.row_says(1).await;
        gate.fail("write_reachability", u32::MAX);
        gate.fail("stamp", u32::MAX);
        let failing = || {
            house.attempted(endpoint, false);
            house.opinion() == Some(Opinion::Failing)
        };
        until(failing, "every attempt fails").await;
        until(|| house.will_say() == Some(0), "it waits to be written").await;
        // The row says 1 all the time: what is to be corrected is what waits.
        house.attempted(endpoint, true);
        until(|| house.will_say() == Some(1), "what was seen later takes its place").await;
        assert_eq!(house.row().await, Some(1));
        house.geodb.write_reachability(&row(0)).await.unwrap_err();
        gate.fail("write_reachability", 0);
        house.geodb.write_reachability(&row(0)).await.unwrap();
        // No login has tried the site since.
        house.row_says(1).await;
        until(|| house.geodb.late().counts().waiting == 0, "all is written").await;
    };
    LocalSet::new().run_until(work).await;
}

fn row(reachable: i64) -> SiteReachability {
    SiteReachability { src_site_id: DC1, dest_site_id: DC2, reachable: Some(reachable) }
}

#[tokio::test]
async fn c_site_9_a_row_that_says_so_already_is_not_written_again() {
    let house = House::with_two_sites().await;
    let work = async {
        house.start().await;
        // Written by another proxy, and not read here yet.
        house.geodb.gate().hold("stamp");
        house.geodb.write_reachability(&row(0)).await.unwrap();
        let endpoint = SocketAddr::from(([127, 0, 0, 1], 143));
        let failing = || {
            house.attempted(endpoint, false);
            house.opinion() == Some(Opinion::Failing)
        };
        until(failing, "every attempt fails").await;
        let is_out = || !house.exchange.table.load().site(DC2).unwrap().is_reachable;
        until(is_out, "the table knows the row").await;
        assert!(!house.geodb.write_reachability(&row(0)).await.unwrap());
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_site_9_a_site_that_no_login_tries_any_more_is_tried_until_it_answers() {
    let house = House::with_two_sites().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap();
    let work = async {
        house.start().await;
        let failing = || {
            house.attempted(endpoint, false);
            house.opinion() == Some(Opinion::Failing)
        };
        until(failing, "every attempt fails").await;
        let trial = timeout(PATIENCE, listener.accept()).await;
        assert!(trial.is_ok_and(|accepted| accepted.is_ok()), "it is tried");
        until(|| house.opinion() == Some(Opinion::Reached), "and has answered").await;
        house.row_says(1).await;
    };
    LocalSet::new().run_until(work).await;
}

/// No login ever goes there: the control core finds out whether it is reached, and the site's row says so.
#[tokio::test]
async fn c_site_9_a_site_that_no_login_ever_tried_is_tried_by_its_greeting() {
    let mut house = House::with_two_sites().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Not the first protocol that is served, but IMAP.
    house.ways = vec![
        (Protocol::Pop3, ProtocolSettings::plain(1)),
        (Protocol::Imap, ProtocolSettings::plain(port)),
    ];
    let work = async {
        house.start().await;
        let (mut trial, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        assert_eq!((house.opinion(), house.row().await), (None, None), "it has not greeted yet");
        trial.write_all(b"* OK hello\r\n").await.unwrap();
        house.row_says(1).await;
        assert_eq!(house.opinion(), Some(Opinion::Reached));
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_5_a_referral_is_remembered_until_a_login_there_fails() {
    let house = House::new().await;
    let creation = GroupCreation { alt_backend_id: Some(BE2), ..group("vip", BE1) };
    house.geodb.create_group(&creation, 1).await.unwrap();
    let work = async {
        house.start().await;
        let again = |to: Option<&str>| {
            let doubt = to.map_or(Doubt::NotServed, |host| Doubt::SentOn(host.into()));
            let (user, group) = ("alice".into(), Some("vip".into()));
            let message = ToControl::ReadAgain { user, group, doubt };
            assert!(house.exchange.to_control.send(message).is_ok());
        };
        let kept = || house.exchange.referrals.of("alice", clock::now()).map(|it| it.to);
        again(Some("be2"));
        until(|| kept() == Some(BE2), "it is remembered").await;
        again(None);
        until(|| kept().is_none(), "a login there failed").await;
        // It is forgotten before the rows are read again; what is told meanwhile would be dropped.
        let doubt = Doubt::Contradicted(ticket(9));
        let message = ToControl::ReadAgain { user: "alice".into(), group: None, doubt };
        assert!(house.exchange.to_control.send(message).is_ok());
        assert!(matches!(house.answer().await, (9, Answer::LookedUp)));
        again(Some("be2"));
        until(|| kept() == Some(BE2), "it is remembered again").await;
        again(Some("be1"));
        until(|| kept().is_none(), "sent back to where the row leads").await;
        again(Some("be2"));
        until(|| kept() == Some(BE2), "once more").await;
        let change = house.change_of("vip").await;
        house.geodb.apply(&change, 2).await.unwrap();
        house.geodb.announce(Changed::Everything);
        until(|| kept().is_none(), "the group's row says something else").await;
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn w_ref_7_the_row_of_the_group_at_its_home_is_read_again_for_a_login_that_waits() {
    reads_again_and_answers(Doubt::Contradicted).await;
}

#[tokio::test]
async fn c_site_10_the_row_of_the_group_is_read_again_for_a_login_whose_home_is_away() {
    reads_again_and_answers(Doubt::HomeAway).await;
}

async fn reads_again_and_answers(doubt: fn(Ticket) -> Doubt) {
    let house = House::with_two_sites().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    let alice = User { preferred_site_id: Some(DC2), ..user("alice", "vip") };
    house.geodb.replace_user(None, &alice, 1).await.unwrap();
    let work = async {
        house.start().await;
        house.looked_up("alice").await;
        // Written at the other site, and not told here.
        house.geodb.gate().hold("stamp");
        house.fail_vip_over().await;
        let stand_in = || {
            let table = house.exchange.table.load();
            table.failover("vip", DC2).and_then(|row| row.to_site_id)
        };
        assert_eq!(stand_in(), None);
        let again =
            ToControl::ReadAgain { user: "alice".into(), group: None, doubt: doubt(ticket(7)) };
        assert!(house.exchange.to_control.send(again).is_ok());
        let answer = house.answer().await;
        assert!(matches!(answer, (7, Answer::LookedUp)), "{answer:?}");
        assert_eq!(stand_in(), Some(DC1), "it is there when the login is answered");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_site_10_a_user_whom_no_cache_knows_is_refused_by_fresh_rows_only() {
    let house = House::with_two_sites().await;
    house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
    let alice = User { preferred_site_id: Some(DC2), ..user("alice", "vip") };
    house.geodb.replace_user(None, &alice, 1).await.unwrap();
    let offline = SiteUpdate { status: Some(SiteStatus::Offline), load_balancer: None };
    assert!(house.geodb.update_site(DC2, &offline).await.unwrap());
    let work = async {
        house.start().await;
        house.ask(7, "alice");
        let answer = house.answer().await;
        assert!(matches!(answer, (7, Answer::Failed { .. })), "its turn has not come: {answer:?}");
        // By another proxy, and not told here.
        house.geodb.gate().hold("stamp");
        house.fail_vip_over().await;
        house.ask(8, "alice");
        let answer = house.answer().await;
        assert!(matches!(answer, (8, Answer::LookedUp)), "{answer:?}");
        assert!(matches!(house.decision("alice"), Decision::Go { .. }));
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_site_10_a_crowd_at_a_site_that_is_away_is_not_the_geodbs_load() {
    let house = House::with_two_sites().await;
    let work = async {
        house.start().await;
        let began = Instant::now();
        let crowd = 3 * limits::AWAY_READS_PER_SECOND_MAX;
        for number in 0..crowd {
            let (user, group) = (format!("user-{number}").into(), None);
            let doubt = Doubt::HomeAway(ticket(number));
            let again = ToControl::ReadAgain { user, group, doubt };
            assert!(house.exchange.to_control.send(again).is_ok());
            // All are answered, read or not.
            let answer = house.answer().await;
            assert!(matches!(answer, (question, Answer::LookedUp) if question == number));
        }
        let seconds = u32::try_from(began.elapsed().as_secs()).unwrap() + 2;
        let read = house.geodb.gate().seen("read_user");
        assert!(read >= limits::AWAY_READS_PER_SECOND_MAX, "{read}");
        assert!(read <= seconds * limits::AWAY_READS_PER_SECOND_MAX, "{read} in {seconds} s");
        assert!(seconds > 3 || read < crowd, "{read} in {seconds} s");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cache_5_a_referral_counts_no_more_once_the_users_row_leads_elsewhere() {
    let house = House::new().await;
    let creation = GroupCreation { alt_backend_id: Some(BE2), ..group("vip", BE1) };
    house.geodb.create_group(&creation, 1).await.unwrap();
    house.geodb.replace_user(None, &user("alice", "vip"), 1).await.unwrap();
    let work = async {
        house.start().await;
        house.looked_up("alice").await;
        // Written elsewhere from here on: on a cluster no stamp tells.
        house.geodb.gate().hold("stamp");
        let again = |doubt| {
            let (user, group) = ("alice".into(), Some("vip".into()));
            let message = ToControl::ReadAgain { user, group, doubt };
            assert!(house.exchange.to_control.send(message).is_ok());
        };
        let kept = || house.exchange.referrals.of("alice", clock::now()).map(|it| it.to);
        again(Doubt::SentOn("be2".into()));
        until(|| kept() == Some(BE2), "it is remembered").await;
        again(Doubt::Contradicted(ticket(7)));
        assert!(matches!(house.answer().await, (7, Answer::LookedUp)));
        assert_eq!(kept(), Some(BE2), "the row says what it said");
        // Away from the group, and back to it: its row still says the same.
        for (from, to) in [("vip", "new"), ("new", "vip")] {
            let (former, row) = (user("alice", from), user("alice", to));
            house.geodb.replace_user(Some(&former), &row, 2).await.unwrap();
            again(Doubt::Contradicted(ticket(8)));
            assert!(matches!(house.answer().await, (8, Answer::LookedUp)));
            assert_eq!(kept(), None, "in {to}");
        }
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_force_3_a_login_that_finds_the_table_wrong_about_many_groups_goes_on_without_a_move() {
    let house = House::new().await;
    house.geodb.create_group(&group("stay", BE1), 1).await.unwrap();
    let names: Vec<String> = (1..=6).map(|number| format!("go{number}")).collect();
    for name in &names {
        house.geodb.create_group(&group(name, BE2), 1).await.unwrap();
    }
    let destinations = [BE2].as_slice().into();
    let force_move = ForceMove { id: "order".into(), percentage: 100, destinations };
    for (name, value) in force_move.to_rows() {
        let (section, name, value) = (FORCE_MOVE.into(), name.into(), value.into());
        let row = Setting { section, site_id: DC1, backend_id: BE1, name, value };
        house.geodb.write_setting(&row).await.unwrap();
    }
    house.geodb.replace_user(None, &user("alice", "stay"), 1).await.unwrap();
    let work = async {
        house.start().await;
        house.looked_up("bob").await;
        // Written elsewhere from here on: on a cluster no stamp tells.
        house.geodb.gate().hold("stamp");
        for name in &names {
            let row = house.geodb.read_group(DC1, name).await.unwrap().unwrap();
            let placement = Placement { backend_id: Some(BE1), ..Placement::default() };
            let change = GroupChange { placement, ..to_be2(&row, ChangeReason::Ordered) };
            house.geodb.apply(&change, 2).await.unwrap();
        }
        house.ask(7, "alice");
        assert!(matches!(house.answer().await, (7, Answer::Withheld { trouble: None })));
        let row = house.geodb.read_user("alice").await.unwrap().unwrap();
        assert_eq!(&*row.group_name, "stay");
        let table = house.exchange.table.load();
        let there = names
            .iter()
            .filter(|name| table.group(name).is_some_and(|row| row.backend_id == Some(BE1)));
        assert_eq!(there.count(), 3, "what was read is taken up");
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_site_5_a_login_beyond_the_cap_is_answered_without_the_write_and_one_below_with_it() {
    for (status, logins_per_second_max) in
        [(SiteStatus::Evacuate, 0), (SiteStatus::Evacuate, 50), (SiteStatus::Offline, 0)]
    {
        let mut house = House::with_two_sites().await;
        let ramp = u8::MAX;
        house.failover = FailoverRules { ramp, logins_per_second_max, ..FailoverRules::default() };
        let left = SiteUpdate { status: Some(status.clone()), ..SiteUpdate::default() };
        house.geodb.update_site(DC2, &left).await.unwrap();
        // The first of a hundred to leave.
        let mut names = (0..).map(|number| format!("group{number}"));
        let name = names.find(|name| force_move_place(&DC2.to_string(), name) == 0).unwrap();
        let alice = User { preferred_site_id: Some(DC2), ..user("alice", &name) };
        house.geodb.replace_user(None, &alice, 1).await.unwrap();
        let work = async {
            house.start().await;
            let is_due = || {
                house.geodb.announce(Changed::Tables);
                let table = house.exchange.table.load();
                table.site(DC2).is_some_and(|site| site.now.away.max(site.now.evacuated) > 0)
            };
            until(is_due, "it is the group's turn").await;
            house.ask(1, "alice");
            let answer = house.answer().await.1;
            let home = house.geodb.read_user("alice").await.unwrap().unwrap().preferred_site_id;
            match (status, logins_per_second_max) {
                (SiteStatus::Evacuate, 50) => {
                    assert!(matches!(answer, Answer::LookedUp), "{answer:?}");
                    assert_eq!(home, Some(DC1), "she has left");
                }
                (SiteStatus::Evacuate, _) => {
                    assert!(matches!(answer, Answer::Withheld { trouble: None }), "{answer:?}");
                    assert_eq!(home, Some(DC2), "nothing is written");
                    assert!(house.exchange.users.get("alice").is_some(), "memory has the row");
                }
                _ => {
                    // There is no other place for her yet.
                    let is_down = |failure| failure == RouteFault::HomeSiteDown.failure();
                    assert!(
                        matches!(answer, Answer::Failed { failure, .. } if is_down(failure)),
                        "{answer:?}"
                    );
                    assert_eq!(house.geodb.gate().seen("write_group_site"), 0);
                }
            }
        };
        LocalSet::new().run_until(work).await;
    }
}
