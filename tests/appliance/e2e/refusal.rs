//! Logins that do not succeed: one answer each, nothing left behind.

use std::net::TcpStream;

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::{Imap, login_line};
use super::kernel::descriptors;
use super::wait::{PATIENCE, poll};

/// W-SASL-5: nothing of the failed attempt stays.
#[test]
fn im_a_failed_login_then_others_on_the_same_connection() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["refused-first", "welcome-then"], b"secret").start();
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("w", "refused-first", b"wrong"));
    let lines = client.reply("w");
    let refused = lines.last().unwrap().starts_with(b"w NO [AUTHENTICATIONFAILED]");
    client.expect(refused, "a refusal of the wrong password");
    client.send(&login_line("u", "nobody-knows-me", b"secret"));
    let lines = client.reply("u");
    let refused = lines.last().unwrap().starts_with(b"u NO [AUTHENTICATIONFAILED]");
    client.expect(refused, "a refusal of the unknown user, in the same words");
    client.login("welcome-then", b"secret");
    client.command("n", "NOOP");
    let attempts = pair.backends.iter().map(|backend| backend.logins("refused-first").len());
    assert_eq!(attempts.sum::<usize>(), 0, "the backends heard of a login that Hale refused");
}

/// Our passwords and the backend's differ: one attempt there, one answer here.
#[test]
fn be_02_the_backend_refuses_a_user_whom_hale_verified() {
    let pair = Pair::shared();
    pair.add_user("mismatch", b"theirs");
    let mut setup = Setup::new(pair.port);
    setup.add_users(&["mismatch"], b"ours");
    let hale = setup.start();
    let mut client = Imap::connect(hale.address());
    client.send(&login_line("l", "mismatch", b"ours"));
    let lines = client.reply("l");
    let refused = lines.last().unwrap().starts_with(b"l NO [AUTHENTICATIONFAILED]");
    client.expect(refused, "one refusal");
    client.command("n", "NOOP");
    let tried = |log: String| log.lines().filter(|line| is_mismatch(line)).count();
    let attempts: usize = pair.backends.iter().map(|backend| tried(backend.log())).sum();
    assert_eq!(attempts, 1, "attempts at the backends");
}

fn is_mismatch(line: &str) -> bool {
    line.contains("passwd-file(mismatch,") && line.to_lowercase().contains("password mismatch")
}

/// Clients that are gone before they could be answered, in three ways, leave no descriptor behind (IM-15).
#[test]
fn im_15_clients_that_vanish_right_behind_login_leak_nothing() {
    let hale = Setup::with_users(Pair::shared(), &["vanishing"], b"secret").start();
    hale.session("vanishing", b"secret");
    let before = descriptors(hale.process_id());
    let login = login_line("l", "vanishing", b"secret");
    for number in 0..150 {
        let mut client = Imap::open(TcpStream::connect(hale.address()).unwrap());
        match number % 3 {
            // Unread input turns the close into a reset.
            0 => client.send(&login),
            1 => {
                client.greeting();
                client.send(&login);
            }
            _ => {
                client.greeting();
                client.send(&login);
                client.half_close();
                client.rest();
            }
        }
    }
    let after = poll(PATIENCE, || {
        let now = descriptors(hale.process_id());
        // A pipe or two may stay in the pool.
        (now <= before + 4).then_some(())
    });
    let now = descriptors(hale.process_id());
    assert!(after.is_some(), "{before} descriptors before, {now} now\n{}", hale.said());
    hale.session("vanishing", b"secret").command("n", "NOOP");
}
