//! Directed scenarios of LMTP, with and without TLS.

use hale::event::Event;
use hale::share::counters::Counter;

use super::Sim;
use super::mail::{Peer, Role};
use super::sealed::{Begins, MailTls};
use super::weather::Weather;
use super::world::World;

#[test]
fn w_lmtp_in_calm_weather_every_letter_is_delivered_once() {
    let begins = [Begins::Never, Begins::Starttls, Begins::AtOnce];
    for (senders, mailboxes) in begins.iter().flat_map(|one| begins.map(|other| (*one, other))) {
        for seed in 0..24 {
            let tls = MailTls::new(senders, mailboxes);
            let mut sim = Sim::with_mail(seed, Weather::calm(), &[], tls);
            sim.world().add_senders(1);
            // Also those for backends that take one message for each connection: another is made, for which there is room
            // while the first is still there.
            let letters: usize = sim.world().peers.iter().map(letters).sum();
            sim.until(|world| world.peers.iter().all(is_finished));
            sim.drain_now();
            let (mut told, mut stored, mut sent) = (0, 0, 0);
            for peer in &sim.world().peers {
                match &peer.role {
                    Role::Sender(sender) => told += sender.told.len(),
                    Role::Mailbox(mailbox) => stored += mailbox.stored.len(),
                }
            }
            for event in &sim.world().control.events {
                sent += usize::from(matches!(event, Event::Delivered { accepted: true, .. }));
            }
            let case = format!("{senders:?} {mailboxes:?} {seed}");
            let all = (told, stored, sent);
            assert_eq!(all, (letters, letters, letters), "{case}");
        }
    }
}

/// Backends that keep a transaction open until RSET, whatever they refused of it, and
/// answer MAIL in it with 503. That none comes is checked at the end of every simulation; here, that there was reason to.
#[test]
fn w_lmtp_no_mail_meets_an_open_transaction() {
    let (mut resets, mut refused) = (0, 0);
    for seed in 0..400 {
        let weather = Weather { backend_faults: 60, ..Weather::calm() };
        let mut sim =
            Sim::with_mail(seed, weather, &[], MailTls::new(Begins::Never, Begins::Never));
        sim.world().add_senders(2);
        sim.until(|world| world.peers.iter().all(|peer| peer.over || is_finished(peer)));
        sim.drain_now();
        sim.world().assert_complete();
        for peer in &sim.world().peers {
            if let Role::Mailbox(mailbox) = &peer.role {
                resets += mailbox.resets;
            }
        }
        for event in &sim.world().control.events {
            refused += usize::from(matches!(event, Event::Delivered { accepted: false, .. }));
        }
    }
    assert!(resets > 100 && refused > 100, "{resets} {refused}");
}

/// Sealed bytes can't be sealed again: what a socket does not take has to be kept, on both sides and at every length.
#[test]
fn tls_8_12_short_sends_lose_no_sealed_byte() {
    for seed in 0..24 {
        let weather =
            Weather { buffers: (100, 3_000), shortens: 50, blocks: 30, ..Weather::calm() };
        let tls = MailTls::new(Begins::Starttls, Begins::Starttls);
        let mut sim = Sim::with_mail(seed, weather, &[], tls);
        sim.world().add_senders(2);
        sim.until(|world| world.peers.iter().all(is_finished));
        sim.drain_now();
        let told = |peer: &Peer| match &peer.role {
            Role::Sender(sender) => sender.told.len(),
            Role::Mailbox(_) => 0,
        };
        assert!(sim.world().peers.iter().map(told).sum::<usize>() > 0, "{seed}");
    }
}

/// However little of it each read brings: no go-ahead while more is in the socket.
#[test]
fn w_stls_2_the_socket_is_looked_into_before_the_go_ahead_leaves() {
    for seed in 0..200 {
        let weather = Weather { shortens: 100, ..Weather::calm() };
        let mut sim = Sim::new(seed, weather, &[]);
        let stream = sim.world().kernel.dial(2, ([192, 0, 2, 9], 4711).into()).unwrap();
        let said = |world: &World| -> Vec<u8> {
            world.kernel.streams[stream].to_peer.iter().copied().collect()
        };
        sim.until(|world| said(world).ends_with(b"\r\n"));
        sim.world().kernel.peer(stream, |stream| stream.peer_send(b"STARTTLS\r\nNOOP\r\n"));
        let is_over = |world: &World| world.kernel.streams[stream].core_fin;
        sim.until(|world| is_over(world) || world.kernel.streams[stream].core_closed);
        let told = String::from_utf8(said(sim.world())).unwrap();
        assert!(told.contains("554 5.5.0") && !told.contains("220 2.0.0"), "{seed}: {told}");
        assert_eq!(sim.counted(Counter::StarttlsPipelined), 1, "{seed}");
    }
}

#[test]
fn tl_10_silent_lmtp_clients_have_ten_seconds_for_the_handshake() {
    let mut sim = Sim::new(7, Weather::calm(), &[]);
    let begin = sim.now();
    let stream = sim.world().kernel.dial(3, ([192, 0, 2, 9], 4711).into()).unwrap();
    sim.until(|world| {
        world.kernel.streams[stream].core_fin || world.kernel.streams[stream].core_closed
    });
    let took = sim.now() - begin;
    assert!((10_000..11_000).contains(&took), "{took}");
    assert!(sim.world().kernel.streams[stream].to_peer.is_empty(), "said in clear");
}

/// How many letters a sender has to send.
fn letters(peer: &Peer) -> usize {
    match &peer.role {
        Role::Sender(sender) => sender.letters(),
        Role::Mailbox(_) => 0,
    }
}

fn is_finished(peer: &Peer) -> bool {
    match &peer.role {
        Role::Sender(sender) => sender.finished,
        Role::Mailbox(_) => true,
    }
}
