//! What a session weighs, and that the tables of failures hold for it.

use hale::fault::Failure;
use hale::session::Session;
use hale::session::input::{Input, RouteAnswer};
use hale::session::output::Outbox;
use hale::tick::Tick;

use super::stage::Scene;

/// Thousands of these wait for a login; what an attempt needs is only there while it runs, and asserted in its file.
#[test]
fn edge_32_a_session_before_login_is_small() {
    println!("a session has {} bytes", size_of::<Session>());
    assert!(size_of::<Session>() <= 472);
}

#[test]
fn w_fail_4_every_class_has_exactly_one_final_reply() {
    for failure in Failure::ALL {
        let mut session = Scene::default().session();
        let mut outbox = Outbox::new();
        let mut now = Tick(0);
        session.on(now, Input::Begin, &mut outbox);
        session.on(now, Input::Client(b"a1 LOGIN tim secret\r\n"), &mut outbox);
        outbox.to_client.clear();
        session.on(
            now,
            Input::Verdict { answer: super::stage::granted("tim"), earlier_failures: 0 },
            &mut outbox,
        );
        let answer = RouteAnswer::Fail { failure, detail: "test".into() };
        session.on(now, Input::Route(answer), &mut outbox);
        while session.stage() == "delay" {
            assert!(failure.is_delayed() && outbox.to_client.is_empty(), "{failure:?}");
            now = session.deadline().unwrap();
            session.on(now, Input::Deadline, &mut outbox);
        }
        let reply = String::from_utf8(std::mem::take(&mut outbox.to_client)).unwrap();
        assert!(reply.starts_with("a1 NO [") && reply.matches("\r\n").count() == 1, "{reply}");
        assert_eq!(now == Tick(0), !failure.is_delayed());
        assert_eq!(session.stage(), "pre-login", "W-FAIL-3");
        drop(outbox.take_wishes());
    }
}
