//! Everything that backends do wrong to a probe, side by side in one site: who is taken out, and with which words (R-PROBE-1, W-PRB-4).

use std::fs;

use super::faulty::{Ending, Fault, FaultyBackends, address_of};
use super::hale::Setup;
use super::probed::{PROBES, backend_rows};
use super::speech::IMAP;
use super::wait::{PATIENCE, wait_for};

/// What is wrong, and the words in the row; none: it stays online.
const FAULTS: [(Fault, Option<&str>); 8] = [
    (Fault::Says { turn: 0, text: b"" }, Some("no login within 3 s")),
    (Fault::Slow { turn: 0 }, Some("no login within 3 s")),
    (Fault::Says { turn: 1, text: b"" }, Some("no login within 3 s")),
    (Fault::Says { turn: 3, text: b"" }, Some("no login within 3 s")),
    (
        Fault::Says { turn: 0, text: b"HTTP/1.1 400 Bad Request\r\n" },
        Some("HTTP/1.1 400 Bad Request"),
    ),
    (
        Fault::Cut { behind: 0, ending: Ending::Close },
        Some("closed the connection before its greeting"),
    ),
    (Fault::Says { turn: 3, text: b"L NO [UNAVAILABLE] Out of space.\r\n" }, Some("Out of space.")),
    (Fault::Says { turn: 3, text: b"L NO [AUTHENTICATIONFAILED] No.\r\n" }, None),
];
/// More than the others, so that their trouble is theirs and not the proxy's.
const WELL: usize = FAULTS.len();

#[test]
fn r_probe_1_w_prb_4_each_fault_takes_its_own_backend_out_and_the_row_has_the_words() {
    let faults = FAULTS.iter().map(|(fault, _)| *fault).chain([Fault::None; WELL]);
    let backends = FaultyBackends::start(IMAP.turns, faults.collect());
    let mut setup = Setup::new(backends.port);
    setup.put_backends((0..FAULTS.len() + WELL).map(address_of).collect());
    setup.configure(PROBES);
    let hale = setup.start();
    wait_for("the faulty backends to be offline", 2 * PATIENCE, || {
        let rows = backend_rows(&hale);
        let is_as_wanted = |(number, (_, words)): (usize, &(Fault, Option<&str>))| {
            let (status, reason) = &rows[&format!("be{}.test", number + 1)];
            match words {
                Some(words) => status == "offline" && reason.contains(words),
                None => status == "online",
            }
        };
        FAULTS.iter().enumerate().all(is_as_wanted).then_some(())
    });
    let refused = format!("backend be{}.test (imap) refuses the test user", FAULTS.len());
    wait_for("a word about the account", PATIENCE, || hale.said().contains(&refused).then_some(()));
    let online = backend_rows(&hale).values().filter(|(status, _)| status == "online").count();
    assert_eq!(online, WELL + 1, "{:?}", backend_rows(&hale));

    // All names lead to backends that are well, but one leads nowhere: that backend is where it was.
    let names = hale.setup().backend_names();
    let (last, others) = names.split_last().unwrap();
    let well = address_of(FAULTS.len());
    let lines = others.iter().map(|name| format!("{well} {name}\n"));
    fs::write(hale.setup().path().join("hosts"), lines.collect::<String>()).unwrap();
    for (number, (_, words)) in FAULTS.iter().enumerate() {
        let words = words.map_or("takes the test user", |_| "logs its test user in again");
        let line = format!("backend {} (imap) {words}", names[number]);
        wait_for(&line, PATIENCE, || hale.said().contains(&line).then_some(()));
    }
    assert!(!hale.said().contains(&format!("backend {last} ")), "{}", hale.said());
    wait_for("the end of all connections", PATIENCE, || (backends.live() == 0).then_some(()));
}
