//! The harness without Hale: when these fail, look at the harness or at Dovecot, not at Hale.

use super::dovecot::Pair;
use super::imap::Imap;
use super::mail::{LARGE, assert_same_bytes, message};
use super::transfer::{append, curl_round_trip, imaplib_round_trip, mbsync_pull};
use super::{password, pop3, sieve};

#[test]
fn harness_both_dovecots_know_a_user_and_say_who_logged_in() {
    let pair = Pair::shared();
    pair.add_user("direct-login", b"secret");
    let mut client = Imap::connect(pair.backends[1].address());
    assert!(!client.try_login("direct-login", b"wrong"));
    client.login("direct-login", b"secret");
    assert_eq!(pair.home_of("direct-login"), 1);
}

#[test]
fn harness_ten_megabytes_directly() {
    let pair = Pair::shared();
    pair.add_user("direct-large", b"secret");
    let address = pair.backends[0].address();
    let mail = message(LARGE, 1);
    imaplib_round_trip(address, "direct-large", "secret", &mail);
    let mut client = Imap::connect(address);
    client.login("direct-large", b"secret");
    append(&mut client, &mail);
    client.command("s", "SELECT INBOX");
    assert_same_bytes(&client.fetch("f", 2), &mail, "raw client, directly");
    curl_round_trip(address, "direct-large", "secret", &mail, 3);
    mbsync_pull(address, "direct-large", b"secret", &[mail.clone(), mail.clone(), mail]);
}

#[test]
fn harness_every_password_directly() {
    // A pair of its own: the tests behind Hale add the same users to the shared one.
    let pair = Pair::start();
    password::without_hale(&pair);
    pop3::without_hale(&pair);
    sieve::without_hale(&pair);
}
