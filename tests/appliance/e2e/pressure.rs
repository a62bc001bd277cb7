//! Clients that ask for a lot and do not read it (BE-12): memory stays bounded, all others stay fast.

use std::time::Duration;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::{resident_bytes, socket_bytes, tcp_memory_bytes};
use super::mail::{LARGE, assert_same_bytes, message};
use super::transfer::append;
use super::wait::{PATIENCE, poll, timed};

const STALLED: usize = 200;
/// Each asks for this many copies of ten megabytes.
const FETCHES: usize = 10;

/// Kernel memory in Hale's two sockets of one stalled session (reliability, section 6): 128 KiB of receive buffer
/// towards the backend, whose reader never showed that it reads, 128 KiB unsent towards the client; the rest is the
/// kernel's own reckoning.
const OWN_BYTES_MAX: u64 = 1 << 19;
/// The same with the backend's send buffer and the client's receive buffer, whose sizes Hale influences but does not
/// set. A proxy that leaves its two sockets to autotuning holds 5 to 8 MiB.
const ALL_BYTES_MAX: u64 = 3 << 20;
/// Resident memory that one stalled session may add to Hale, where a relay of its own buffers would show.
const RESIDENT_BYTES_MAX: u64 = 64 << 10;
/// Not a measurement, only a line between "works" and "hangs" on a machine with two busy cores.
const ANSWER_MAX: Duration = Duration::from_secs(3);

#[test]
fn be_12_two_hundred_clients_that_do_not_read() {
    // A pair of its own: other tests' logins must not queue behind these two hundred.
    let pair = Pair::start();
    let names: Vec<String> = (0..10).map(|number| format!("stalled-{number}")).collect();
    let mut users: Vec<&str> = names.iter().map(String::as_str).collect();
    let stalled_users = users.clone();
    users.push("canary");
    let hale = Setup::with_users(&pair, &users, b"secret").start();
    let mail = message(LARGE, 60);
    for user in &stalled_users {
        append(&mut hale.session(user, b"secret"), &mail);
    }
    let mut canary = hale.session("canary", b"secret");
    canary.command("w", "NOOP");

    let before = Memory::of(&hale);
    let mut stalled: Vec<Imap> = (0..STALLED)
        .map(|number| stall(&hale, stalled_users[number % stalled_users.len()]))
        .collect();
    wait_until_nothing_moves();
    let memory = Memory::of(&hale).for_each_since(&before);
    let slowest = slowest_of(&hale, &mut canary);
    println!("a stalled session: {memory:?}; beside it: {slowest:?}");
    assert!(memory.own_sockets <= OWN_BYTES_MAX, "for each stalled session: {memory:?}");
    assert!(memory.all_sockets <= ALL_BYTES_MAX, "for each stalled session: {memory:?}");
    assert!(memory.resident <= RESIDENT_BYTES_MAX, "for each stalled session: {memory:?}");
    assert!(slowest.round_trip < ANSWER_MAX, "a NOOP took {slowest:?}");
    assert!(slowest.login < ANSWER_MAX, "a login took {slowest:?}");

    // They were only slow, not broken: who reads again gets everything, whole.
    for client in stalled.iter_mut().step_by(STALLED / 4) {
        for _ in 0..FETCHES {
            assert_same_bytes(&client.fetched(), &mail, "after the stall");
        }
    }
}

/// Logs in, asks for a hundred megabytes and reads none of it.
fn stall(hale: &Hale, user: &str) -> Imap {
    let mut client = hale.session(user, b"secret");
    client.command("s", "SELECT INBOX");
    for number in 0..FETCHES {
        client.send(format!("f{number} FETCH 1 BODY.PEEK[]\r\n").as_bytes());
    }
    // One byte is proof that the stream has begun.
    client.stream().peek(&mut [0]).unwrap();
    client
}

/// All queues on the way are full when TCP's memory has stopped growing for a second.
fn wait_until_nothing_moves() {
    const STILL: u32 = 100;
    let (mut last, mut still) = (0, 0);
    let settled = poll(PATIENCE, || {
        let bytes = tcp_memory_bytes();
        // Other tests run beside this one and move a little memory of their own.
        still = if bytes <= last + (4 << 20) { still + 1 } else { 0 };
        last = last.max(bytes);
        (still >= STILL).then_some(())
    });
    assert!(settled.is_some(), "kernel memory grows and grows: {last} bytes");
}

/// Bytes held for stalled sessions.
#[derive(Debug)]
struct Memory {
    /// In the kernel, Hale's sockets.
    own_sockets: u64,
    /// In the kernel, all TCP sockets.
    all_sockets: u64,
    /// Hale's own pages.
    resident: u64,
}

impl Memory {
    fn of(hale: &Hale) -> Self {
        Self {
            own_sockets: socket_bytes(hale.process_id()),
            all_sockets: tcp_memory_bytes(),
            resident: resident_bytes(hale.process_id()),
        }
    }

    fn for_each_since(&self, before: &Self) -> Self {
        let each = |now: u64, then: u64| now.saturating_sub(then) / u64::try_from(STALLED).unwrap();
        Self {
            own_sockets: each(self.own_sockets, before.own_sockets),
            all_sockets: each(self.all_sockets, before.all_sockets),
            resident: each(self.resident, before.resident),
        }
    }
}

#[derive(Debug)]
struct Slowest {
    round_trip: Duration,
    login: Duration,
}

fn slowest_of(hale: &Hale, canary: &mut Imap) -> Slowest {
    let mut slowest = Slowest { round_trip: Duration::ZERO, login: Duration::ZERO };
    for _ in 0..50 {
        let (time, _) = timed(|| canary.command("n", "NOOP"));
        slowest.round_trip = slowest.round_trip.max(time);
    }
    for _ in 0..10 {
        let (time, _) = timed(|| hale.session("canary", b"secret"));
        slowest.login = slowest.login.max(time);
    }
    slowest
}
