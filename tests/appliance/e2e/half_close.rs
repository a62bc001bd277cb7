//! One side has said all it will say, the other has not: nothing that was said before the end may get lost (BE-13).
//!
//! Scripted backends, because Dovecot leaves as soon as its client does.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::mail::{assert_same_bytes, message, noise};
use super::script::ScriptedBackends;
use super::transfer::append;
use super::wait::{PATIENCE, wait_for};

/// More than all sockets and pipes on the way can hold.
const FAR_MORE_THAN_BUFFERS: usize = 24 << 20;

#[test]
fn be_13_client_half_closes_behind_data_and_still_gets_its_answer() {
    let (hale, backends) = scripted("half-client");
    let (question, answer) = (noise(FAR_MORE_THAN_BUFFERS, 50), noise(FAR_MORE_THAN_BUFFERS, 51));
    let mut client = hale.session("half-client", b"secret");
    let mut backend = backends.next_session();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_same_bytes(&backend.rest(), &question, "what the backend got");
            // Only now, after the client's end has arrived, the backend begins to talk.
            backend.send(&answer);
            drop(backend);
        });
        client.send(&question);
        client.half_close();
        assert_same_bytes(&client.rest(), &answer, "what the client got");
    });
}

#[test]
fn be_13_backend_half_closes_behind_data_and_still_gets_the_rest() {
    let (hale, backends) = scripted("half-backend");
    let (news, upload) = (noise(FAR_MORE_THAN_BUFFERS, 52), noise(FAR_MORE_THAN_BUFFERS, 53));
    let mut client = hale.session("half-backend", b"secret");
    let mut backend = backends.next_session();
    thread::scope(|scope| {
        scope.spawn(|| {
            backend.send(&news);
            backend.half_close();
            assert_same_bytes(&backend.rest(), &upload, "what the backend got");
        });
        assert_same_bytes(&client.rest(), &news, "what the client got");
        client.send(&upload);
        client.half_close();
    });
}

#[test]
fn w_rel_5_a_client_that_breaks_off_in_front_of_a_stalled_backend_is_ended_at_once() {
    let (hale, backends) = scripted("breaks-off");
    let client = hale.session("breaks-off", b"secret");
    let backend = backends.next_session();
    // The backend reads nothing until every buffer on the way is full.
    client.stream().set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let upload = noise(FAR_MORE_THAN_BUFFERS, 56);
    let poured = client.stream().write_all(&upload);
    client.expect(poured.is_err(), "a write that blocks");
    rustix::net::sockopt::set_socket_linger(client.stream(), Some(Duration::ZERO)).unwrap();
    drop(client);
    // The relay's stall timeout is five minutes; this waits for seconds only.
    wait_for("the end of the session", PATIENCE, || {
        hale.said().contains("session ended by=client").then_some(())
    });
    drop(backend);
}

#[test]
fn be_13_both_half_close_at_once_with_data_in_both_directions() {
    let (hale, backends) = scripted("half-both");
    let (up, down) = (noise(FAR_MORE_THAN_BUFFERS, 54), noise(FAR_MORE_THAN_BUFFERS, 55));
    let client = hale.session("half-both", b"secret");
    let backend = backends.next_session();
    thread::scope(|scope| {
        for (mut end, said, heard) in [(client, &up, &down), (backend, &down, &up)] {
            scope.spawn(move || {
                let mut talking = Imap::open(end.stream().try_clone().unwrap());
                let talk = thread::spawn({
                    let said = said.clone();
                    move || {
                        talking.send(&said);
                        talking.half_close();
                    }
                });
                assert_same_bytes(&end.rest(), heard, "what arrived");
                talk.join().unwrap();
            });
        }
    });
}

/// The end stands right behind the login command: the backend hears of it, and the reply still comes (IM-15).
#[test]
fn im_15_client_half_closes_right_behind_login() {
    let (hale, backends) = scripted("half-login");
    let mut client = Imap::connect(hale.address());
    let mut flight = login_line("l1", "half-login", b"secret");
    flight.extend(b"the very last words");
    client.send(&flight);
    client.half_close();
    let mut backend = backends.next_session();
    assert_eq!(backend.rest(), b"the very last words");
    backend.send(b"goodbye");
    drop(backend);
    client.expect_tagged_ok("l1");
    assert_eq!(client.rest(), b"goodbye");
}

/// The same with a real Dovecot: a LOGOUT behind a large FETCH, and no reader in a hurry.
#[test]
fn w_rel_5_everything_arrives_before_dovecots_goodbye() {
    let hale = Setup::with_users(Pair::shared(), &["half-dovecot"], b"secret").start();
    let mail = message(10 << 20, 56);
    let mut client = hale.session("half-dovecot", b"secret");
    append(&mut client, &mail);
    client.send(b"s SELECT INBOX\r\nf FETCH 1 BODY.PEEK[]\r\nx LOGOUT\r\n");
    client.expect_tagged_ok("s");
    assert_same_bytes(&client.fetched(), &mail, "before the goodbye");
    client.expect_tagged_ok("f");
    client.expect_tagged_ok("x");
    assert_eq!(client.rest(), b"");
}

fn scripted(user: &str) -> (Hale, ScriptedBackends) {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&[user], b"secret");
    (setup.start(), backends)
}
