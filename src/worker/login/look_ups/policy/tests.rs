//! When a policy server is asked and told, and what becomes of a login (SA-15). The test plays the control core.

use std::time::Duration;

use super::*;
use crate::auth::ask::Proof;
use crate::auth::cache::CacheRules;
use crate::auth::passdb::{Driver, Passdb, Passdbs};
use crate::auth::passwd_file::PasswdFile;
use crate::limits;
use crate::names::{CoreId, Protocol, SessionId};
use crate::secret::Secret;
use crate::share::exchange::Exchange;
use crate::share::messages::Answer;
use crate::worker::login::look_ups::Asking;
use crate::worker::settings::VerifiedCache;

/// One core, one connection, the user `bob` with the password `sesame`.
struct House {
    exchange: Exchange,
    look_ups: LookUps,
    asking: Asking,
}

impl House {
    fn new(rules: PolicyRules) -> Self {
        let exchange = Exchange::new(1).unwrap();
        let file = PasswdFile::parse(b"bob:{PLAIN}sesame\n".to_vec()).unwrap().0;
        let driver = Driver::PasswdFile(Arc::new(file));
        let list = vec![Passdb::new("users", driver)];
        exchange.passdbs.publish(Passdbs { list, ..Passdbs::default() });
        let none = Duration::default();
        let cache = VerifiedCache {
            secret: Secret::from("s"),
            rules: CacheRules { bytes: 0, ttl: none, negative_ttl: none },
        };
        let look_ups = LookUps::new(CoreId(0), exchange.clone(), &cache).ruled_by(rules);
        Self { exchange, look_ups, asking: Asking::default() }
    }

    /// A login begins. None: it waits.
    fn log_in(&mut self, password: &str) -> Option<AuthAnswer> {
        let question = Question {
            protocol: Protocol::Imap,
            user: "bob".into(),
            authorize_as: None,
            proof: Proof::Password,
            password: Secret::from(password),
            remote: "192.0.2.7".parse().unwrap(),
            local: "192.0.2.1".parse().unwrap(),
            bound_to: Secret::default(),
            approach: crate::facts::Approach::default(),
        };
        let about = About { session: SessionId::from_bytes([7; 16]), is_secured: true };
        let asker = Asker { asking: &mut self.asking, slot: 1, generation: 1 };
        verdict(self.look_ups.authenticate(asker, question, about, NOW))
    }

    /// The server's ruling arrives.
    fn ruled(&mut self, question: u32, ruled: Ruled) -> Option<AuthAnswer> {
        let asker = Asker { asking: &mut self.asking, slot: 1, generation: 1 };
        verdict(self.look_ups.answered(asker, question, Answer::Ruled(ruled), NOW))
    }

    /// The server is asked about this login; the number of the question.
    fn allows(&self) -> u32 {
        match self.told() {
            Some(PolicyCommand::Allow(ticket)) => ticket.question,
            other => panic!("{other:?}"),
        }
    }

    /// How the login has ended, as far as the server is told: is it good, and was it the server's own word.
    fn report(&self) -> (bool, bool) {
        match self.told() {
            Some(PolicyCommand::Report { is_good, is_by_policy }) => (is_good, is_by_policy),
            other => panic!("{other:?}"),
        }
    }

    fn told(&self) -> Option<PolicyCommand> {
        let PolicyMessage { command, login } = self.exchange.policy.take()?;
        assert_eq!((&*login.user, login.is_secured), ("bob", true));
        Some(command)
    }

    /// No question more finds a place.
    fn fill(&mut self) {
        for _ in 0..=limits::MAILBOX_MESSAGES_MAX {
            self.log_in("sesame");
        }
    }
}

fn verdict(found: Option<Found>) -> Option<AuthAnswer> {
    match found? {
        Found::Verdict(answer) => Some(*answer),
        other => panic!("{other:?}"),
    }
}

fn is_good(answer: &AuthAnswer) -> bool {
    matches!(answer.verdict, Verdict::Accept(_))
}

fn failure(answer: &AuthAnswer) -> Failure {
    match &answer.verdict {
        Verdict::Refuse { failure, .. } => *failure,
        other => panic!("{other:?}"),
    }
}

const NOW: Tick = Tick(5_000);
const BEFORE: PolicyRules =
    PolicyRules { before: true, after: false, report: true, reject_on_fail: false };
const CLOSED: PolicyRules = PolicyRules { reject_on_fail: true, ..BEFORE };
const AFTER: PolicyRules =
    PolicyRules { before: false, after: true, report: false, reject_on_fail: false };

#[test]
fn without_a_server_nothing_is_asked_or_told() {
    let mut house = House::new(PolicyRules::default());
    assert!(is_good(&house.log_in("sesame").unwrap()));
    assert!(house.told().is_none() && house.asking.policy.is_none());
}

#[test]
fn sa_15_the_databases_are_asked_when_the_server_has_ruled_and_it_is_told_the_end() {
    for (password, expected) in [("sesame", true), ("wrong", false)] {
        let mut house = House::new(BEFORE);
        assert!(house.log_in(password).is_none());
        let question = house.allows();
        assert!(house.told().is_none(), "asked once, and nothing told yet");
        let answer = house.ruled(question, Ruled::Go(Duration::ZERO)).unwrap();
        assert_eq!((is_good(&answer), answer.not_before), (expected, None));
        assert_eq!(house.report(), (expected, false));
        assert!(house.told().is_none() && house.asking.policy.is_none());
    }
}

#[test]
fn sa_15_a_refusal_of_the_servers_is_final_and_its_words_are_the_users() {
    for (words, expected) in [("", Failure::Credentials), ("too many", Failure::Disabled)] {
        let mut house = House::new(BEFORE);
        house.log_in("sesame");
        let answer = house.ruled(house.allows(), Ruled::Refuse(words.into())).unwrap();
        assert_eq!((failure(&answer), answer.why), (expected, Some(Why::Policy)));
        assert_eq!(house.report(), (false, true));
    }
}

#[test]
fn sa_15_what_the_server_holds_back_is_told_no_earlier() {
    let mut house = House::new(BEFORE);
    house.log_in("sesame");
    let answer = house.ruled(house.allows(), Ruled::Go(Duration::from_secs(3))).unwrap();
    assert!(is_good(&answer));
    assert_eq!(answer.not_before, Some(NOW.after(Duration::from_secs(3))));
}

#[test]
fn sa_15_without_an_answer_or_a_way_to_ask_logins_go_on_or_fail_for_now() {
    for (rules, goes_on) in [(BEFORE, true), (CLOSED, false)] {
        let mut house = House::new(rules);
        house.log_in("sesame");
        let answer = house.ruled(house.allows(), Ruled::NoAnswer).unwrap();
        assert_eq!(is_good(&answer), goes_on);
        assert_eq!(house.report(), (goes_on, false), "the server's word is what it said");
        house.fill();
        let answer = house.log_in("sesame").unwrap();
        assert_eq!(is_good(&answer), goes_on);
        if !goes_on {
            assert_eq!(failure(&answer), Failure::Unavailable);
            assert_eq!(answer.why, Some(Why::PolicyUnavailable));
        }
    }
}

#[test]
fn a_ruling_on_another_login_of_the_connection_counts_for_nothing() {
    let mut house = House::new(BEFORE);
    house.log_in("sesame");
    let first = house.allows();
    house.asking.forget();
    assert!(house.ruled(first, Ruled::Go(Duration::ZERO)).is_none(), "no login waits");
    house.log_in("wrong");
    let second = house.allows();
    assert!(house.ruled(first, Ruled::Go(Duration::ZERO)).is_none());
    let answer = house.ruled(second, Ruled::Go(Duration::ZERO)).unwrap();
    assert!(!is_good(&answer));
    assert!(house.ruled(second, Ruled::Go(Duration::ZERO)).is_none(), "ruled once");
}

#[test]
fn sa_15_behind_a_good_login_alone_it_is_asked_once_more_and_may_take_it_back() {
    let mut house = House::new(AFTER);
    assert!(!is_good(&house.log_in("wrong").unwrap()));
    assert!(house.told().is_none(), "a bad login is not asked about");
    for (ruled, expected) in [
        (Ruled::Go(Duration::ZERO), true),
        (Ruled::NoAnswer, true),
        (Ruled::Refuse("".into()), false),
    ] {
        assert!(house.log_in("sesame").is_none());
        let question = house.allows();
        let answer = house.ruled(question, ruled).unwrap();
        assert_eq!(is_good(&answer), expected);
        assert!(house.told().is_none(), "it does not want to be told");
    }
    let mut house = House::new(PolicyRules { reject_on_fail: true, before: true, ..AFTER });
    house.log_in("sesame");
    let before = house.allows();
    assert!(house.ruled(before, Ruled::Go(Duration::ZERO)).is_none(), "asked again");
    let answer = house.ruled(house.allows(), Ruled::NoAnswer).unwrap();
    assert_eq!(failure(&answer), Failure::Unavailable);
}
