use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Tick {
    Tick(1_000_000 + millis)
}

/// Probed once, well, at the beginning.
fn well() -> Health {
    let mut health = Health::new(at(0), 0);
    health.begin(at(0));
    assert_eq!(health.end(Finding::Well, at(0), 0), None);
    health
}

/// Probes whenever one is due, with these findings, each of which takes so long. When the last one ended.
fn probe(health: &mut Health, takes: u64, findings: &[Finding]) -> (u64, Vec<Change>) {
    let (mut now, mut changes) = (0, Vec::new());
    for finding in findings {
        let due = health.due().unwrap();
        now = due.0 - at(0).0 + takes;
        health.begin(due);
        assert_eq!(health.due(), None, "one at a time");
        changes.extend(health.end(*finding, at(now), 0));
    }
    (now, changes)
}

#[test]
fn r_probe_1_refused_it_is_down_within_a_second_of_a_failed_login() {
    let mut health = well();
    assert_eq!(health.login_failed(at(5_000)), Some(Change::Suspected));
    let (ended, changes) = probe(&mut health, 1, &[Finding::Gone; 2]);
    assert_eq!(changes, [Change::Fell]);
    assert_eq!(ended, 5_302);
    assert_eq!(health.first_failure(), Some(at(5_000)));
}

#[test]
fn r_probe_1_silent_it_is_down_seven_seconds_after_a_login_began_to_wait() {
    let mut health = well();
    // It has waited for a second.
    health.login_failed(at(6_000));
    let (ended, changes) = probe(&mut health, 3_000, &[Finding::Silent; 2]);
    assert_eq!((ended, &changes[..]), (12_000, &[Change::Fell][..]));
}

#[test]
fn r_probe_5_a_failed_probe_says_something_of_the_time_when_it_began() {
    let mut health = well();
    assert_eq!(health.last_failed(), None);
    for (finding, begun) in [(Finding::Silent, 10_000), (Finding::Well, 20_000)] {
        health.begin(at(begun));
        health.end(finding, at(begun + 3_000), 0);
        assert_eq!(health.last_failed(), Some(at(10_000)), "{finding:?}");
    }
}

#[test]
fn r_probe_3_what_fails_by_another_protocol_is_looked_at_once_a_second_and_suspected_of_nothing() {
    let mut health = well();
    health.look_soon(at(400));
    assert_eq!(health.due(), Some(at(1_000)), "it was probed just before");
    health.look_soon(at(5_000));
    assert_eq!((health.due(), health.state()), (Some(at(1_000)), State::Up), "never later");
    health.begin(at(5_000));
    health.look_soon(at(5_100));
    assert_eq!(health.due(), None, "one is in flight");
    health.end(Finding::Well, at(5_200), 0);
    health.look_soon(at(9_000));
    assert_eq!(health.due(), Some(at(9_000)));
}

#[test]
fn r_probe_1_without_a_login_it_takes_three_probes() {
    let mut health = well();
    let (ended, changes) = probe(&mut health, 1, &[Finding::Gone; 3]);
    assert_eq!(changes, [Change::Suspected, Change::Fell]);
    assert_eq!(ended, 10_000 + 3 + 600);
    let mut health = well();
    let (_, changes) = probe(&mut health, 1, &[Finding::Gone, Finding::Gone, Finding::Well]);
    assert_eq!(changes, [Change::Suspected, Change::Cleared], "one success ends it");
}

#[test]
fn r_probe_1_what_speaks_and_does_not_work_is_down_after_seven_of_ten() {
    use Finding::{Unwell, Well};
    let mut health = well();
    let (ended, changes) = probe(&mut health, 0, &[Unwell; 7]);
    assert_eq!((ended, &changes[..]), (16_000, &[Change::Suspected, Change::Fell][..]));
    let mut health = well();
    let mixed = [Unwell, Well, Unwell, Unwell, Well, Unwell, Unwell, Well, Unwell, Unwell];
    let (_, changes) = probe(&mut health, 0, &mixed);
    assert_eq!(changes.last(), Some(&Change::Fell), "three successes, never two in a row");
    let mut health = well();
    let (_, changes) = probe(&mut health, 0, &[Unwell, Unwell, Well, Well]);
    assert_eq!(changes, [Change::Suspected, Change::Cleared]);
}

#[test]
fn w_prb_4_bad_credentials_are_no_failure_of_the_backend() {
    let mut health = well();
    let (_, changes) = probe(&mut health, 0, &[Finding::TestUserRefused; 20]);
    assert_eq!((changes.len(), health.state()), (0, State::Up));
    for failure in Failure::ALL {
        let is_account = Finding::of(failure, false) == Finding::TestUserRefused;
        assert!(!is_account || failure.is_answered(), "{failure:?}");
    }
    assert_eq!(Finding::of(Failure::Remote, true), Finding::Gone);
}

#[test]
fn r_probe_1_it_rises_after_two_successes_in_a_row() {
    let mut health = well();
    probe(&mut health, 1, &[Finding::Gone; 3]);
    let (_, changes) = probe(&mut health, 1, &[Finding::Well, Finding::Gone, Finding::Well]);
    assert_eq!((changes.len(), health.state()), (0, State::Down));
    assert_eq!(health.login_succeeded(at(90_000)), None, "that one began before");
    assert!(!health.is_proven());
    assert_eq!(probe(&mut health, 1, &[Finding::Well]).1, [Change::Rose]);
    assert!(health.is_proven());
    health.prove_again();
    assert!(!health.is_proven() && health.state() == State::Up);
}

#[test]
fn r_probe_3_logins_that_succeed_take_the_place_of_probes() {
    let mut health = well();
    assert_eq!(health.due(), Some(at(10_000)));
    health.login_succeeded(at(7_000));
    assert_eq!(health.due(), Some(at(17_000)));
    health.login_failed(at(8_000));
    assert_eq!((health.state(), health.due()), (State::Suspect, Some(at(8_000))));
    assert_eq!(health.login_succeeded(at(7_999)), None, "before it failed");
    assert_eq!(health.login_succeeded(at(8_001)), Some(Change::Cleared));
}

#[test]
fn r_probe_3_logins_that_fail_beside_probes_that_succeed_make_one_a_second() {
    let mut health = well();
    for millis in 1..900 {
        assert_eq!(health.login_failed(at(millis)), None);
    }
    assert_eq!((health.state(), health.due()), (State::Up, Some(at(1_000))));
    // One that failed while a probe was in flight may know something newer.
    health.begin(at(1_000));
    assert_eq!(health.login_failed(at(1_001)), Some(Change::Suspected));
    assert_eq!(health.end(Finding::Well, at(1_002), 0), Some(Change::Cleared));
    assert_eq!(health.due(), Some(at(1_002)));
}

proptest! {
    /// Whatever happens: one probe in flight, the next one in bounded time, and down only behind failures of our own probes.
    #[test]
    fn r_probe_2_there_is_always_a_next_probe_and_never_two(
        events in prop::collection::vec((0_u8..9, 0_u64..4_000, 0_u16..1_000), 1..200)
    ) {
        let mut health = Health::new(at(0), 500);
        let (mut now, mut failures) = (0, 0_u32);
        for (what, pause, jitter) in events {
            now += pause;
            let before = health.state();
            match what {
                0 => { health.login_failed(at(now)); }
                1 => { health.login_succeeded(at(now)); }
                _ => {
                    let finding = [
                        Finding::Well, Finding::Gone, Finding::Silent, Finding::Unwell,
                        Finding::TestUserRefused, Finding::Gone, Finding::Silent,
                    ][usize::from(what - 2)];
                    now = now.max(health.due().unwrap().0 - at(0).0);
                    health.begin(at(now));
                    prop_assert_eq!(health.due(), None);
                    health.end(finding, at(now), jitter);
                    let failed = !matches!(finding, Finding::Well | Finding::TestUserRefused);
                    failures = if failed { failures + 1 } else { 0 };
                }
            }
            let due = health.due().unwrap();
            prop_assert!(due.0 <= at(now).0 + 11_000);
            prop_assert_eq!(health.first_failure().is_none(), health.state() == State::Up);
            if before != State::Down && health.state() == State::Down {
                prop_assert!(failures >= 2 || what >= 2, "a login alone takes nothing down");
            }
        }
    }
}
