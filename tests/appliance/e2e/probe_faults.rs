//! Health probes of backends with faults of each kind: each is told in words of its own, and its connection ends with the probe; a
//! name that leads elsewhere is followed, and one that leads nowhere costs no backend.

use std::fs;

use super::faulty::{Ending, Fault, FaultyBackends, address_of};
use super::hale::{Hale, Setup};
use super::speech::IMAP;
use super::wait::{PATIENCE, wait_for};

/// What each does wrong, and what the operator is told.
const FAULTS: [(Fault, &str); 6] = [
    (
        Fault::Cut { behind: 0, ending: Ending::Close },
        "is down: closed the connection before its greeting",
    ),
    (MUTE, "is down: no login within 3 s (at greeting)"),
    (Fault::Slow { turn: 0 }, "is down: no login within 3 s (at greeting)"),
    (Fault::Says { turn: 1, text: b"" }, "is down: no login within 3 s (at capability)"),
    (
        Fault::Says { turn: 0, text: b"HTTP/1.1 400 Bad Request\r\n\r\n" },
        "is down: its first line is no greeting of this protocol: HTTP/1.1 400 Bad Request",
    ),
    (
        Fault::Says { turn: 3, text: b"L NO [AUTHENTICATIONFAILED] Wrong.\r\n" },
        "refuses the test user probe: L NO [AUTHENTICATIONFAILED] Wrong.; ",
    ),
];
const MUTE: Fault = Fault::Says { turn: 0, text: b"" };
/// Enough that the others are the minority.
const WELL: usize = 7;

#[test]
fn be_01_r_probe_1_r_probe_2_each_fault_is_told_and_holds_nothing() {
    let all: Vec<Fault> =
        [Fault::None; WELL].into_iter().chain(FAULTS.map(|(fault, _)| fault)).collect();
    let backends = FaultyBackends::start(IMAP.turns, all.clone());
    let hale = start(&backends, all.len());
    for (at, (_, words)) in FAULTS.iter().enumerate() {
        told(&hale, WELL + at, words);
    }
    for number in 0..WELL {
        let line = format!("backend be{}.test ", number + 1);
        assert!(!hale.said().contains(&line), "a backend that is well: {}", hale.said());
    }
    // Not one connection more than probes that may be under way.
    assert!(backends.live() <= all.len(), "{} connections", backends.live());

    // All names lead to backends that are well, but one leads nowhere: that backend is where it was.
    let names = hale.setup().backend_names();
    let lines = names[1..].iter().map(|name| format!("{} {name}\n", address_of(0)));
    fs::write(hale.setup().path().join("hosts"), lines.collect::<String>()).unwrap();
    for at in 0..FAULTS.len() - 1 {
        told(&hale, WELL + at, "logs its test user in again");
    }
    told(&hale, WELL + FAULTS.len() - 1, "takes the test user probe again");
    assert!(!hale.said().contains("backend be1.test "), "{}", hale.said());
    wait_for("the end of all connections", PATIENCE, || (backends.live() == 0).then_some(()));
}

fn start(backends: &FaultyBackends, count: usize) -> Hale {
    let mut setup = Setup::new(backends.port);
    setup.put_backends((0..count).map(address_of).collect());
    setup
        .configure("cluster_backend_test_username = probe\ncluster_backend_test_password = probed");
    setup.start()
}

/// A line about a backend.
fn told(hale: &Hale, number: usize, words: &str) {
    let line = format!("backend be{}.test (imap) {words}", number + 1);
    wait_for(&line, PATIENCE, || hale.said().contains(&line).then_some(()));
}
