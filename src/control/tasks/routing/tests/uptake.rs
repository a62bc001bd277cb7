//! When an operator's order counts as taken up: logins of this process go by it.

use super::*;

/// A backend that the GeoDB has and the table does not; how to see it there.
async fn add_be3(house: &House) -> impl Fn() -> bool {
    let be3 = Uuid::from_u128(0xB3);
    house.geodb.insert_backend(&backend(be3, "10.0.0.3")).await.unwrap();
    let table = house.exchange.table.clone();
    move || table.load().backend(be3).is_some()
}

/// Waits beside the test.
fn taken_up(house: &House) -> JoinHandle<()> {
    spawn_local(house.geodb.taken_up())
}

async fn in_time(waiting: JoinHandle<()>) {
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn c_cmd_5_an_order_is_taken_up_when_its_table_is_published_and_not_before() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        // Nothing has been announced.
        in_time(taken_up(&house)).await;
        house.geodb.gate().hold_next("read_places", 1);
        let is_there = add_be3(&house).await;
        house.geodb.announce(Changed::Tables);
        let first = taken_up(&house);
        house.seen("read_places", 2).await;
        // What comes while that is being read waits for it, even if a user's row is all that it changed.
        house.exchange.users.remember(user("alice", "vip"), clock::now());
        house.geodb.announce(Changed::User("alice".into()));
        let second = taken_up(&house);
        let is_doubtful = || house.exchange.users.get("alice").unwrap().is_doubtful;
        until(is_doubtful, "doubted").await;
        assert!(!first.is_finished() && !second.is_finished() && !is_there());
        house.geodb.gate().open("read_places");
        in_time(second).await;
        assert!(is_there());
        in_time(first).await;
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cmd_5_what_a_read_does_not_have_is_not_taken_up_by_it() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        // A read that began before, and has its rows of groups.
        house.geodb.gate().hold_next("read_places", 2);
        house.geodb.announce(Changed::Tables);
        house.seen("read_places", 2).await;
        let early = taken_up(&house);
        let stamps = house.geodb.gate().seen("stamp");
        let row = house.geodb.create_group(&group("vip", BE1), 1).await.unwrap();
        house.geodb.announce(Changed::Tables);
        let late = taken_up(&house);
        house.seen("stamp", stamps + 1).await;
        house.geodb.gate().open("read_places");
        house.geodb.gate().hold("read_places");
        in_time(early).await;
        assert!(!late.is_finished() && house.backend_of(&row.name).is_none());
        house.seen("read_places", 3).await;
        house.geodb.gate().open("read_places");
        in_time(late).await;
        assert_eq!(house.backend_of(&row.name), Some(BE1));
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn c_cmd_5_an_order_whose_table_could_not_be_read_is_taken_up_when_it_can() {
    let house = House::new().await;
    let work = async {
        house.start().await;
        let is_there = add_be3(&house).await;
        house.geodb.gate().fail("read_group_sites", 1);
        house.geodb.gate().hold("read_places");
        house.geodb.announce(Changed::Tables);
        let waiting = taken_up(&house);
        until(|| house.exchange.users.is_alone(), "trouble").await;
        assert!(!waiting.is_finished() && !is_there());
        // A look-up that needs a table is told so, instead of waiting.
        house.ask(1, "alice");
        assert!(matches!(house.answer().await.1, Answer::LookedUp | Answer::Withheld { .. }));
        house.geodb.gate().open("read_places");
        in_time(waiting).await;
        assert!(is_there());
        assert!(!house.exchange.users.is_alone(), "it is read when the trouble is over");
    };
    LocalSet::new().run_until(work).await;
}
