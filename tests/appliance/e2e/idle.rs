//! Most sessions of a mail proxy do nothing most of the time. They must cost nothing most of the time.

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::kernel::{huge_bytes, resident_bytes, ring_workers};

/// The first logins fill what stays for good: caches, stacks, pools.
const WARM: usize = 250;
const WINDOW: usize = 250;
/// An idle session takes 256 bytes and its user's name (K-CORE-1), rounded up to pages on each core. Another small box for each
/// session would be seen, and a buffer or a pipe at once.
const RESIDENT_BYTES_MAX: i64 = 400;
/// One huge page, where the host has them for all (`always`): from before Hale could refuse them.
const HUGE_BYTES_MAX: u64 = 2 << 20;

#[test]
fn ur_08_k_core_8_a_thousand_idle_sessions_no_huge_page_and_no_kernel_worker() {
    let pair = Pair::start();
    let names: Vec<String> = (0..20).map(|number| format!("idle-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let hale = Setup::with_users(&pair, &users, b"secret").start();
    let mut sessions: Vec<Imap> = Vec::new();
    let mut resident_after = |count: usize| {
        while sessions.len() < count {
            let user = users[sessions.len() % users.len()];
            sessions.push(hale.session(user, b"secret"));
        }
        i64::try_from(resident_bytes(hale.process_id())).unwrap()
    };
    // Of equal logins, one by one: no burst leaves anything behind.
    let marks = [0, 1, 2, 3].map(|windows| resident_after(WARM + windows * WINDOW));
    // What every session costs is in each window; what comes once, or is given back, is in one of them.
    let mut each =
        [1, 2, 3].map(|end| (marks[end] - marks[end - 1]) / i64::try_from(WINDOW).unwrap());
    println!("{each:?} bytes resident for each idle session");
    each.sort_unstable();
    assert!(each[1] <= RESIDENT_BYTES_MAX, "{each:?} bytes resident for each idle session");
    assert_eq!(ring_workers(hale.process_id()), 0, "iou-wrk threads");
    let huge = huge_bytes(hale.process_id());
    assert!(huge <= HUGE_BYTES_MAX, "{huge} bytes in huge pages");

    // All of them still work, and using them made no worker either.
    for client in &mut sessions {
        client.send(b"n NOOP\r\n");
    }
    for client in &mut sessions {
        client.expect_tagged_ok("n");
    }
    assert_eq!(ring_workers(hale.process_id()), 0, "iou-wrk threads after use");
}
