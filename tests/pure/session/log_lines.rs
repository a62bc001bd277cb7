//! What a session tells the log: how a login came, how long its steps took, and what became of those that failed.

use std::time::Duration;

use hale::event::{Details, Event, LoginStep, Outcome, Privacy, Tries};
use hale::facts::{ClientCertificate, Security};
use hale::fault::Failure;
use hale::session::Session;
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, Wish};
use hale::tick::Tick;

use super::stage::{Scene, granted, refused};

/// A session, and the reports that it has made.
struct Watched {
    session: Session,
    outbox: Outbox,
    reports: Vec<Event>,
}

impl Watched {
    fn new(scene: &Scene) -> Self {
        Self { session: scene.session(), outbox: Outbox::new(), reports: Vec::new() }
    }

    fn give(&mut self, now: u64, input: Input<'_>) {
        self.session.on(Tick(now), input, &mut self.outbox);
        let reports = self.outbox.take_wishes().filter_map(|wish| match wish {
            Wish::Report(event) => Some(event),
            _ => None,
        });
        self.reports.extend(reports);
    }

    /// Credentials, and the answer of the password databases.
    fn log_in(&mut self, now: u64, answer: Input<'_>) {
        self.give(now, Input::Client(b"a LOGIN tim secret\r\n"));
        self.give(now, answer);
    }

    /// The refusal is told, and the client goes.
    fn leave(&mut self, gone: u64) -> (Option<Box<str>>, Box<Details>, Tries) {
        let told = self.session.deadline().unwrap().0;
        self.give(told, Input::Deadline);
        self.give(gone, Input::ClientEnd);
        match self.reports.pop() {
            Some(Event::Aborted { subject, details, tries, .. }) => {
                (subject.user, details.unwrap(), tries)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn verdict(earlier_failures: u8) -> Input<'static> {
    Input::Verdict { answer: granted("tim"), earlier_failures }
}

fn refusal(failure: Failure) -> Input<'static> {
    Input::Verdict { answer: refused(failure, None), earlier_failures: 0 }
}

fn route(now: u64, watched: &mut Watched) {
    let address = "192.0.2.101".parse().unwrap();
    let destination = Destination {
        host: "h1".into(),
        address,
        group: Some("g7".into()),
        is_moving: false,
        is_switching: false,
        connections_max: None,
        hop: Hop::Backend,
    };
    watched.give(now, Input::Route(RouteAnswer::Go(destination)));
}

#[test]
fn a_login_tells_how_it_came_and_how_long_each_step_took() {
    let mut watched = Watched::new(&Scene { behind_tls: true, ..Scene::default() });
    watched.give(5, Input::Begin);
    let security = Some(Security::Tls13Aes128);
    let (server_name, certificate) = (Some("mail.test".into()), ClientCertificate::NONE);
    watched.give(17, Input::ClientSecured { server_name, certificate, security });
    watched.give(2000, Input::Client(b"a LOGIN tim secret\r\n"));
    watched.give(2003, verdict(0));
    route(2004, &mut watched);
    watched.give(2010, Input::Connected);
    watched.give(2012, Input::Backend(b"* OK [CAPABILITY IMAP4rev1] ready\r\n"));
    watched.give(2030, Input::Backend(b"L OK in\r\n"));
    let Some(Event::LoggedIn { details, took, .. }) = watched.reports.pop() else {
        panic!("{:?}", watched.reports);
    };
    assert_eq!(took, Duration::from_millis(30));
    assert_eq!(details.mechanism, Some("PLAIN"), "Dovecot's word for a command of the protocol");
    assert_eq!(details.privacy, Privacy::Tls(Security::Tls13Aes128));
    assert_eq!(details.local_name.as_deref(), Some("mail.test"));
    assert_eq!(details.group.as_deref(), Some("g7"));
    let spent = LoginStep::ALL.map(|step| details.spent.of(step));
    // Header, TLS, verdict, delay, route, connect, TLS with the backend, its dialogue.
    let expected = [None, Some(12), Some(3), None, Some(1), Some(6), None, Some(20)];
    assert_eq!(spent, expected);
}

#[test]
fn a_connection_that_ends_names_the_worst_of_its_logins_and_the_last_name() {
    let mut watched = Watched::new(&Scene::default());
    watched.give(0, Input::Begin);
    watched.log_in(1000, refusal(Failure::Credentials));
    assert!(matches!(watched.reports[..], [Event::LoginFailed { .. }]), "{:?}", watched.reports);
    let told = watched.session.deadline().unwrap().0;
    watched.give(told, Input::Deadline);
    watched.log_in(6000, refusal(Failure::Unavailable));
    watched.give(9000, Input::ClientEnd);
    let Some(Event::Aborted { subject, details, tries, .. }) = watched.reports.pop() else {
        panic!("{:?}", watched.reports);
    };
    assert_eq!(subject.user.as_deref(), Some("tim"));
    assert_eq!(details.unwrap().mechanism, Some("PLAIN"));
    let since = Duration::from_secs(8);
    assert_eq!(tries, Tries { count: 2, outcome: Outcome::Refused, since });
}

#[test]
fn a_backends_refusal_is_told_from_ours() {
    let mut watched = Watched::new(&Scene::default());
    watched.give(0, Input::Begin);
    watched.log_in(1000, verdict(0));
    route(1000, &mut watched);
    watched.give(1001, Input::Connected);
    watched.give(1002, Input::Backend(b"* OK [CAPABILITY IMAP4rev1] ready\r\n"));
    watched.give(1003, Input::Backend(b"L NO [AUTHENTICATIONFAILED] no\r\n"));
    let (user, details, tries) = watched.leave(4000);
    assert_eq!((user.as_deref(), details.mechanism), (Some("tim"), Some("PLAIN")));
    assert_eq!((tries.count, tries.outcome), (1, Outcome::RefusedByBackend));
}

#[test]
fn a_password_that_came_in_clear_is_told_and_a_connection_without_any_is_a_detail() {
    let mut watched = Watched::new(&Scene { private_only: true, ..Scene::default() });
    watched.give(0, Input::Begin);
    watched.give(1000, Input::Client(b"a LOGIN tim secret\r\n"));
    watched.give(2000, Input::ClientEnd);
    let last = watched.reports.pop().unwrap();
    assert!(!last.is_detail(), "{last:?}");
    let Event::Aborted { tries, .. } = last else { panic!("{last:?}") };
    assert_eq!(tries.outcome, Outcome::Disallowed);
    let mut watched = Watched::new(&Scene::default());
    watched.give(0, Input::Begin);
    watched.give(3000, Input::ClientEnd);
    let last = watched.reports.pop().unwrap();
    assert!(last.is_detail(), "{last:?}");
    let Event::Aborted { tries, .. } = last else { panic!("{last:?}") };
    let since = Duration::from_secs(3);
    assert_eq!(tries, Tries { count: 0, outcome: Outcome::None, since });
}
