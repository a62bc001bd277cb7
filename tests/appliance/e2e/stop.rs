//! SIGTERM (OP-04): Hale ends by itself, with live sessions too, and what is under way is not cut in the middle.

use std::time::Duration;

use rustix::process::Signal;

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::is_free;

/// Longer than any drain the defaults allow.
const DRAIN_MAX: Duration = Duration::from_secs(60);

#[test]
fn op_04_sigterm_without_sessions() {
    let mut hale = Setup::new(super::ports::free_port()).start();
    hale.signal(Signal::TERM);
    let status = hale.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(0), "{}", hale.said());
    assert!(is_free(hale.address().port()));
}

#[test]
fn op_04_sigterm_with_live_sessions() {
    let hale = Setup::with_users(Pair::shared(), &["drained"], b"secret").start();
    let mut hale = hale;
    let mut sessions: Vec<Imap> = (0..20)
        .map(|_| hale.session("drained", b"secret"))
        .collect();
    // Others are connected and have not logged in.
    let mut waiting: Vec<Imap> = (0..5).map(|_| Imap::connect(hale.address())).collect();
    hale.signal(Signal::TERM);
    for client in sessions.iter_mut().chain(&mut waiting) {
        client.stream().set_read_timeout(Some(DRAIN_MAX)).unwrap();
        // W-REL-7: nothing is injected into a relay; a greeting's client may hear BYE.
        let last = client.rest();
        client.expect(last.is_empty() || last.starts_with(b"* BYE"), "a clean end");
    }
    let status = hale.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(0), "{}", hale.said());
    assert!(is_free(hale.address().port()));
    assert!(
        !hale.setup().path().join("run/admin.sock").exists(),
        "a stale admin socket"
    );
}
