//! Most sessions of a mail proxy do nothing most of the time. They must cost nothing most of the time.

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::kernel::{resident_bytes, ring_workers};

const SESSIONS: usize = 1_000;
/// An idle session takes 256 bytes and its user's name (K-CORE-1). Whole pages round it up, on each core: with so few sessions
/// by a fourth or so. Another box for each session would be seen, and a buffer or a pipe at once.
const RESIDENT_BYTES_MAX: u64 = 400;

#[test]
fn ur_08_a_thousand_idle_sessions_and_no_kernel_worker() {
    let pair = Pair::start();
    let names: Vec<String> = (0..20).map(|number| format!("idle-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let hale = Setup::with_users(&pair, &users, b"secret").start();
    // The first logins fill what stays for good: caches, stacks, pools.
    let mut sessions: Vec<Imap> = users.iter().map(|user| hale.session(user, b"secret")).collect();
    let before = resident_bytes(hale.process_id());
    while sessions.len() < SESSIONS {
        let user = users[sessions.len() % users.len()];
        sessions.push(hale.session(user, b"secret"));
    }
    let added = u64::try_from(SESSIONS - users.len()).unwrap();
    // Of equal logins, one by one: no burst leaves anything behind.
    let each = resident_bytes(hale.process_id()).saturating_sub(before) / added;
    println!("{each} bytes resident for each idle session");
    assert_eq!(ring_workers(hale.process_id()), 0, "iou-wrk threads");
    assert!(each <= RESIDENT_BYTES_MAX, "{each} bytes resident for each idle session");

    // All of them still work, and using them made no worker either.
    for client in &mut sessions {
        client.send(b"n NOOP\r\n");
    }
    for client in &mut sessions {
        client.expect_tagged_ok("n");
    }
    assert_eq!(ring_workers(hale.process_id()), 0, "iou-wrk threads after use");
}
