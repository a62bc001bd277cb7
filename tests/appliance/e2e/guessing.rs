//! Guessing is slow, users are not locked out, and one user's sessions are bounded (R-GUESS-1, SA-12 to SA-14).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::wait::{PATIENCE, timed, wait_for};

const GUESSER: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 1);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 2);
/// Of the steps that follow from it (1, 2, 4 and 7.5 times), two are easily told apart on a busy machine.
const BASE: Duration = Duration::from_millis(200);

fn strict(users: &[&str], more: &str) -> Hale {
    let mut setup = Setup::with_users(Pair::shared(), users, b"secret");
    setup.configure(&format!("login_trusted_networks =\nauth_failure_delay = 200ms\n{more}"));
    setup.start()
}

/// One wrong password on a connection of its own; how long the answer took.
fn guess(hale: &Hale, from: Ipv4Addr, password: &str) -> Duration {
    let mut client = Imap::open_from(from, hale.address());
    client.greeting();
    let (took, lines) = timed(|| {
        client.send(&login_line("g", "guessed", password.as_bytes()));
        client.reply("g")
    });
    let refused = lines.last().unwrap().starts_with(b"g NO [AUTHENTICATIONFAILED]");
    client.expect(refused, "a refusal");
    took
}

#[test]
fn sa_12_guesses_get_slower_for_the_guesser_alone_until_he_knows_the_password() {
    let hale = strict(&["guessed"], "");
    for (number, times) in [(0, 10), (1, 20), (2, 40), (3, 75), (4, 75)] {
        let took = guess(&hale, GUESSER, &format!("guess-{number}"));
        assert!(took >= BASE * times / 10, "guess {number} was answered after {took:?}");
    }
    let neighbour = guess(&hale, NEIGHBOUR, "guess");
    assert!(neighbour >= BASE, "{neighbour:?}");
    assert!(neighbour < BASE * 75 / 10, "the neighbour waited {neighbour:?}");
    // The right password is not delayed, and nothing is held against him afterwards.
    let mut client = Imap::open_from(GUESSER, hale.address());
    client.greeting();
    client.login("guessed", b"secret");
    let after = guess(&hale, GUESSER, "guess-5");
    assert!(after < BASE * 75 / 10, "{after:?} after a success");
}

#[test]
fn sa_13_an_old_password_asked_again_and_again_is_one_failure() {
    let hale = strict(&["guessed"], "");
    guess(&hale, GUESSER, "old");
    // Had each counted, the fourth would take 1.5 s and more.
    let slowest = (0..5).map(|_| guess(&hale, GUESSER, "old")).max().unwrap();
    assert!(slowest < BASE * 75 / 10, "{slowest:?}");
}

#[test]
fn sa_14_after_four_failures_a_prefix_guesses_one_at_a_time() {
    let hale = strict(&["guessed"], "");
    for number in 0..4 {
        guess(&hale, GUESSER, &format!("guess-{number}"));
    }
    let (took, ()) = timed(|| {
        std::thread::scope(|scope| {
            for number in 0..3 {
                let hale = &hale;
                scope.spawn(move || guess(hale, GUESSER, &format!("at-once-{number}")));
            }
        });
    });
    assert!(took >= BASE * 75 / 10 * 3, "three guesses at once took {took:?}");
}

#[test]
fn mail_max_userip_connections_bounds_a_users_sessions_from_one_address() {
    let hale = strict(&["seated", "another"], "mail_max_userip_connections = 2\n");
    let open = |from, user: &str| {
        let mut client = Imap::open_from(from, hale.address());
        client.greeting();
        client.send(&login_line("l", user, b"secret"));
        let last = client.reply("l").pop().unwrap();
        (client, last)
    };
    let (first, reply) = open(GUESSER, "seated");
    assert!(reply.starts_with(b"l OK"), "{}", reply.escape_ascii());
    let (_second, reply) = open(GUESSER, "seated");
    assert!(reply.starts_with(b"l OK"), "{}", reply.escape_ascii());
    let (_third, reply) = open(GUESSER, "seated");
    assert!(reply.starts_with(b"l NO [LIMIT]"), "{}", reply.escape_ascii());
    for (from, user) in [(GUESSER, "another"), (NEIGHBOUR, "seated")] {
        assert!(open(from, user).1.starts_with(b"l OK"), "{user} from {from}");
    }
    drop(first);
    wait_for("the seat of the session that ended", PATIENCE, || {
        open(GUESSER, "seated").1.starts_with(b"l OK").then_some(())
    });
}

/// One address and one listener have bounds of their own, and places come back.
#[test]
fn rs_connections_of_an_address_and_of_a_listener_are_bounded() {
    let mut setup = Setup::with_users(Pair::shared(), &["bounded"], b"secret");
    setup.configure(
        "login_trusted_networks =\nconnections_per_address_max = 2\n\
         service imap-login {\n  inet_listener imap {\n    connections_max = 3\n  }\n}",
    );
    let hale = setup.start();
    let come = |from: Ipv4Addr| {
        let mut client = Imap::open_from(from, hale.address());
        let line = client.line();
        (client, line)
    };
    let (first, second) = (come(GUESSER), come(GUESSER));
    assert!(first.1.starts_with(b"* OK") && second.1.starts_with(b"* OK"));
    let (mut third, greeting) = come(GUESSER);
    // Who it is is known only when the session stands: behind a load balancer the header has to come first.
    let told = [greeting, third.rest()].concat();
    assert!(told.windows(5).any(|words| words == b"* BYE"), "{}", told.escape_ascii());
    let neighbour = come(NEIGHBOUR);
    assert!(neighbour.1.starts_with(b"* OK"), "{}", neighbour.1.escape_ascii());
    let (_, full) = come(Ipv4Addr::new(127, 0, 7, 3));
    assert!(
        full.starts_with(b"* BYE [UNAVAILABLE]"),
        "the listener is full: {}",
        full.escape_ascii()
    );
    drop((first, second));
    wait_for("places that come back", PATIENCE, || {
        come(GUESSER).1.starts_with(b"* OK").then_some(())
    });
}
