//! Health probes: what their findings are, what the operator is told of them, and what is not written.
//! That a lost backend is left in time: `backend_loss.rs`.

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::probed::{PASSWORD, PROBES, Site};
use super::sites::Engine;
use super::wait::{PATIENCE, wait_for};

/// More than half of the backends fail: that is this proxy's trouble, and no row is written.
#[test]
fn be_07_r_probe_5_when_all_backends_fail_none_is_set_offline() {
    let mut site = Site::start(Engine::Sqlite, 2, 1);
    site.log_in();
    for backend in &site.backends {
        backend.kill();
    }
    let mut client = Imap::connect(site.hales[0].address());
    let user = site.users[0].clone();
    assert!(!client.try_login(&user, PASSWORD));
    for number in [1, 2] {
        site.wait_for_log(&format!("backend be{number}.test (imap) is down: "));
    }
    site.wait_for_log("more than half");
    assert_eq!([site.row(0).0, site.row(1).0], ["online", "online"]);
}

/// The operator's mistake is told as such, once, and takes no backend out.
#[test]
fn be_08_w_prb_4_a_backend_without_the_test_user_stays_and_the_log_says_why() {
    let pair = Pair::start();
    pair.backends[0].add_users(&["probe-be1.test"], b"probed");
    let mut setup = Setup::with_users(&pair, &["accounted"], PASSWORD);
    setup.configure(PROBES);
    let hale = setup.start();
    let words = "backend be2.test (imap) refuses the test user probe-be2.test: ";
    wait_for("a line about the test user", PATIENCE, || hale.said().contains(words).then_some(()));
    let list = hale.setup().succeed("cluster backend list");
    assert_eq!(list.matches("online").count(), 2, "{list}");
    pair.backends[1].add_users(&["probe-be2.test"], b"probed");
    let words = "backend be2.test (imap) takes the test user probe-be2.test again";
    wait_for("a line about its return", PATIENCE, || hale.said().contains(words).then_some(()));
    assert!(!hale.said().contains("be1.test (imap) refuses"));
}
