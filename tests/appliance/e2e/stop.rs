//! SIGTERM (OP-04): Hale ends by itself, with live sessions too, and what is under way is not cut in the middle.

use std::time::Duration;

use rustix::process::Signal;

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::mail::{LARGE, assert_same_bytes, message};
use super::ports::is_free;
use super::transfer::append;
use super::wait::{PATIENCE, wait_for};

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
    let mut sessions: Vec<Imap> = (0..20).map(|_| hale.session("drained", b"secret")).collect();
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
    assert!(!hale.setup().path().join("run/admin.sock").exists(), "a stale admin socket");
}

/// Draining ends what is idle first (W-REL-7); a client that is reading gets to the end.
#[test]
fn w_rel_7_sigterm_lets_a_transfer_finish() {
    let mut hale = Setup::with_users(Pair::shared(), &["drained-late"], b"secret").start();
    let mail = message(LARGE, 70);
    let mut client = hale.session("drained-late", b"secret");
    append(&mut client, &mail);
    client.command("s", "SELECT INBOX");
    client.send(b"f FETCH 1 BODY.PEEK[]\r\n");
    client.stream().peek(&mut [0]).unwrap();
    hale.signal(Signal::TERM);
    // From here on no new client gets in: Hale has seen the signal.
    wait_for("the closed port", PATIENCE, || is_free(hale.address().port()).then_some(()));
    assert_same_bytes(&client.fetched(), &mail, "while draining");
    client.expect_tagged_ok("f");
    drop(client);
    let status = hale.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(0), "{}", hale.said());
}
