//! Two ends of a session whose secrets are known, and what a peer that has the keys may do wrong.

use proptest::prelude::*;

use super::*;

const SUITES: [Suite; 3] = [Suite::Aes128, Suite::Aes256, Suite::ChaCha20];

/// The client's end and the server's.
fn ends(suite: Suite) -> [Records; 2] {
    let [client, server] = [[1; 32], [2; 32]].map(|bytes| Secret::new(&bytes).unwrap());
    let of = |peer, read: &Secret, write: &Secret| {
        Records::new(suite, peer, [read.clone(), write.clone()], [0, 0]).unwrap()
    };
    [of(Peer::Server, &server, &client), of(Peer::Client, &client, &server)]
}

/// What `records` come to at the server's end, and what is said back.
fn told(server: &mut Records, bytes: &[u8]) -> (Result<Opened, Fault>, Vec<u8>, Vec<u8>) {
    let (mut plain, mut reply) = (Vec::new(), Vec::new());
    let outcome = server.open(bytes, &mut plain, &mut reply);
    (outcome, plain, reply)
}

/// The server's end after a record of the client's, and the alert that it sends.
fn refused(kind: u8, content: &[u8]) -> (&'static str, u8) {
    let [mut client, mut server] = ends(Suite::Aes128);
    let mut wire = Vec::new();
    client.seal_record(kind, content, &mut wire).unwrap();
    let (outcome, plain, reply) = told(&mut server, &wire);
    assert!(plain.is_empty());
    (outcome.unwrap_err().word, alert(&mut client, &reply))
}

fn alert(client: &mut Records, reply: &[u8]) -> u8 {
    let cipher = client.read.keys.cipher(client.suite).unwrap();
    let (record, _) = next_record(Some(reply)).ok().flatten().unwrap();
    let mut content = Vec::new();
    assert!(client.open_record(&cipher, record, &mut content).is_ok_and(|kind| kind == ALERT));
    assert_eq!(content[0], FATAL);
    content[1]
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn a_record_is_sealed_as_rfc_8448_3_has_it() {
    let secret = bytes(
        "9e 40 64 6c e7 9a 7f 9d c0 5a f8 88 9b ce 65 52 87 5a fa 0b 06 df 00 87 f7 92 eb b7 c1 75 04 a5",
    );
    let secret = Secret::new(&secret).unwrap();
    let mut client =
        Records::new(Suite::Aes128, Peer::Server, [secret.clone(), secret], [0, 0]).unwrap();
    let mut sealed = Vec::new();
    let content: Vec<u8> = (0..50).collect();
    client.seal(&content, &mut sealed).unwrap();
    assert_eq!(
        sealed,
        bytes(
            "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 \
             a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 \
             15 e4"
        )
    );
    let mut plain = Vec::new();
    client.open(&sealed, &mut plain, &mut Vec::new()).unwrap();
    assert_eq!(plain, content);
}

#[test]
fn what_one_end_seals_the_other_opens_whatever_its_length() {
    for suite in SUITES {
        let [mut client, mut server] = ends(suite);
        for length in [1_usize, 2, 16_383, 16_384, 16_385, 65_536, 100_000] {
            let text: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut wire = Vec::new();
            client.seal(&text, &mut wire).unwrap();
            assert_eq!(wire.len(), length + length.div_ceil(16_384) * RECORD_OVERHEAD);
            let (outcome, plain, reply) = told(&mut server, &wire);
            assert_eq!(outcome, Ok(Opened { used: wire.len(), ended: false }));
            assert!(plain == text && reply.is_empty(), "{suite:?} {length}");
        }
    }
}

#[test]
fn tl_14_a_record_with_any_bit_changed_is_refused() {
    for suite in SUITES {
        let mut wire = Vec::new();
        ends(suite)[0].seal(b"bytes", &mut wire).unwrap();
        for bit in 0..wire.len() * 8 {
            let mut changed = wire.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let [mut client, mut server] = ends(suite);
            let (outcome, plain, reply) = told(&mut server, &changed);
            match outcome {
                Ok(opened) => {
                    assert_eq!(opened.used, 0, "bit {bit}: only a longer record is waited for");
                }
                Err(_) => assert!(matches!(alert(&mut client, &reply), 10 | 20 | 22), "bit {bit}"),
            }
            assert!(plain.is_empty(), "bit {bit}");
        }
    }
}

#[test]
fn a_record_twice_or_out_of_turn_is_refused() {
    let [mut client, mut server] = ends(Suite::ChaCha20);
    let mut wires = [Vec::new(), Vec::new()];
    for wire in &mut wires {
        client.seal(b"a", wire).unwrap();
    }
    assert!(told(&mut server, &wires[0]).0.is_ok());
    assert!(told(&mut server, &wires[0]).0.is_err());
    assert!(told(&mut ends(Suite::ChaCha20)[1], &wires[1]).0.is_err());
}

#[test]
fn tl_10_what_no_peer_may_send_is_answered_as_rfc_8446_has_it() {
    assert_eq!(refused(DATA, &[b'x'; 16_385]), ("a record is too long", RECORD_OVERFLOW));
    for kind in [0, 20, 24, 255] {
        assert_eq!(refused(kind, b"x"), ("a message out of order", UNEXPECTED_MESSAGE));
    }
    for (content, alert) in [
        (&[][..], UNEXPECTED_MESSAGE),
        (&[1, 0, 0, 0], UNEXPECTED_MESSAGE),
        // Only a server sends tickets.
        (&[NEW_SESSION_TICKET, 0, 0, 1, 0], UNEXPECTED_MESSAGE),
        (&[KEY_UPDATE, 0, 0, 1, 2], ILLEGAL_PARAMETER),
        (&[KEY_UPDATE, 0, 0, 2, 0, 0], DECODE_ERROR),
        (&[KEY_UPDATE, 0, 0], DECODE_ERROR),
        (&[KEY_UPDATE, 0, 0, 1, 0, KEY_UPDATE, 0, 0, 1, 0], UNEXPECTED_MESSAGE),
    ] {
        assert_eq!(refused(HANDSHAKE, content).1, alert, "{content:?}");
    }
    assert_eq!(refused(ALERT, &[FATAL]).1, DECODE_ERROR);
    // In clear: too long, too short, another type.
    for (wire, expected) in [
        (&[23, 3, 3, 0x41, 0x01][..], RECORD_OVERFLOW),
        (&[23, 3, 3, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], BAD_RECORD_MAC),
        (&[20, 3, 3, 0, 1, 1], UNEXPECTED_MESSAGE),
        (&[21, 3, 3, 0, 2, 1, 0], UNEXPECTED_MESSAGE),
        (b"A1 LOGOUT\r\n", UNEXPECTED_MESSAGE),
    ] {
        let [mut client, mut server] = ends(Suite::Aes128);
        let (outcome, _, reply) = told(&mut server, wire);
        assert!(outcome.is_err());
        assert_eq!(alert(&mut client, &reply), expected);
    }
}

#[test]
fn padding_is_taken_off_and_padding_alone_is_refused() {
    let [mut client, mut server] = ends(Suite::Aes128);
    let mut wire = Vec::new();
    // The type of what is sealed stands last, so that this content is data, and zeros behind it.
    client.seal_record(0, &[b'h', b'i', DATA, 0, 0, 0], &mut wire).unwrap();
    assert_eq!(told(&mut server, &wire).1, b"hi");
    assert_eq!(refused(0, &[0; 100]).1, UNEXPECTED_MESSAGE);
}

#[test]
fn tl_12_floods_of_key_updates_and_of_empty_records_end() {
    for (kind, content, most) in [
        (HANDSHAKE, &[KEY_UPDATE, 0, 0, 1, UPDATE_REQUESTED][..], UPDATES_MAX),
        (DATA, &[], EMPTY_MAX),
        (ALERT, &[WARNING, USER_CANCELED], EMPTY_MAX),
    ] {
        for data_between in [false, true] {
            let [mut client, mut server] = ends(Suite::Aes128);
            let mut refusals = 0;
            for _ in 0..=most {
                let mut wire = Vec::new();
                client.seal_record(kind, content, &mut wire).unwrap();
                if kind == HANDSHAKE {
                    client.write.update(Suite::Aes128).unwrap();
                }
                if data_between {
                    client.seal(b"data", &mut wire).unwrap();
                }
                refusals += u32::from(told(&mut server, &wire).0.is_err());
            }
            assert_eq!(refusals, u32::from(!data_between), "{kind}");
        }
    }
}

#[test]
fn w_tls_5_new_keys_are_taken_and_answered_once_for_all_that_came_together() {
    for suite in SUITES {
        let [mut client, mut server] = ends(suite);
        let mut wire = Vec::new();
        for _ in 0..3 {
            client.seal(b"old", &mut wire).unwrap();
            let ask = [KEY_UPDATE, 0, 0, 1, UPDATE_REQUESTED];
            client.seal_record(HANDSHAKE, &ask, &mut wire).unwrap();
            client.write.update(suite).unwrap();
        }
        client.seal(b"new", &mut wire).unwrap();
        let (outcome, plain, mut reply) = told(&mut server, &wire);
        assert!(outcome.is_ok());
        assert_eq!(plain, b"oldoldoldnew");
        server.seal(b"answer", &mut reply).unwrap();
        let (outcome, plain, back) = told(&mut client, &reply);
        assert_eq!((outcome.unwrap().used, plain), (reply.len(), b"answer".to_vec()));
        // Ours asked for none, so there is no answer to it, nor an end to the answers.
        assert!(back.is_empty());
        assert_eq!((server.write.sequence, client.read.sequence), (1, 1));
    }
}

#[test]
fn a_key_is_replaced_before_it_has_sealed_too_much() {
    let [mut client, mut server] = ends(Suite::Aes256);
    let most = Suite::Aes256.sealed_max();
    (client.write.sequence, server.read.sequence) = (most - 1, most - 1);
    let mut wire = Vec::new();
    client.seal(&[b'x'; 40_000], &mut wire).unwrap();
    assert_eq!(client.write.sequence, 2);
    let (outcome, plain, reply) = told(&mut server, &wire);
    assert!(outcome.is_ok() && reply.is_empty());
    assert_eq!(plain.len(), 40_000);
    // A cipher without such a bound ends with its numbers.
    let [mut client, _] = ends(Suite::ChaCha20);
    client.write.sequence = u64::MAX;
    assert!(client.seal(b"x", &mut wire).is_err());
}

#[test]
fn tickets_of_a_server_pass_and_nothing_may_come_between_their_parts() {
    let ticket = [&[NEW_SESSION_TICKET, 0, 0, 200][..], &[7; 200]].concat();
    let open = |parts: &[(u8, &[u8])]| {
        let [mut client, mut server] = ends(Suite::Aes128);
        let mut wire = Vec::new();
        for (kind, content) in parts {
            server.seal_record(*kind, content, &mut wire).unwrap();
        }
        let (outcome, plain, _) = told(&mut client, &wire);
        outcome.map(|_| plain)
    };
    let (begin, rest) = ticket.split_at(50);
    let two = [ticket.clone(), ticket.clone()].concat();
    assert_eq!(open(&[(HANDSHAKE, &two), (DATA, b"x")]), Ok(b"x".to_vec()));
    assert_eq!(open(&[(HANDSHAKE, begin), (HANDSHAKE, rest), (DATA, b"x")]), Ok(b"x".to_vec()));
    assert!(open(&[(HANDSHAKE, begin), (DATA, b"x")]).is_err());
    assert!(open(&[(HANDSHAKE, &[NEW_SESSION_TICKET, 255, 0, 0])]).is_err());
}

#[test]
fn tl_13_a_goodbye_ends_it_and_nothing_behind_it_counts() {
    let [mut client, mut server] = ends(Suite::Aes128);
    let mut wire = Vec::new();
    client.seal(b"last", &mut wire).unwrap();
    client.close(&mut wire);
    let end = wire.len();
    wire.extend_from_slice(b"nobody's");
    let (outcome, plain, reply) = told(&mut server, &wire);
    assert_eq!(outcome, Ok(Opened { used: end, ended: true }));
    assert_eq!((plain, reply), (b"last".to_vec(), Vec::new()));
    // A fatal alert gets no answer.
    let mut wire = Vec::new();
    client.seal_record(ALERT, &[FATAL, INTERNAL_ERROR], &mut wire).unwrap();
    let (outcome, _, reply) = told(&mut server, &wire);
    assert_eq!(outcome, Err(Fault::of("the peer sent an alert")));
    assert!(reply.is_empty());
}

proptest! {
    /// Whatever a peer that has the keys seals, and however it is cut: the same comes out, and nothing panics.
    #[test]
    fn records_are_opened_alike_however_they_are_cut(
        sealed in prop::collection::vec((
            prop_oneof![Just(DATA), Just(HANDSHAKE), Just(ALERT), any::<u8>()],
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                Just(vec![KEY_UPDATE, 0, 0, 1, 1]),
                Just(vec![WARNING, CLOSE_NOTIFY]),
            ],
        ), 0..12),
        cuts in prop::collection::vec(1_usize..70, 0..40),
    ) {
        let [mut client, mut server] = ends(Suite::Aes128);
        let mut wire = Vec::new();
        for (kind, content) in &sealed {
            client.seal_record(*kind, content, &mut wire).unwrap();
            if *kind == HANDSHAKE && content == &[KEY_UPDATE, 0, 0, 1, 1] {
                client.write.update(Suite::Aes128).unwrap();
            }
        }
        let (whole, plain, _) = told(&mut server, &wire);
        let [_, mut server] = ends(Suite::Aes128);
        let (mut opened, mut stash, mut outcome) = (Vec::new(), Vec::new(), Ok(false));
        let mut rest = wire.as_slice();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            stash.extend_from_slice(piece);
            let one = server.open(&stash, &mut opened, &mut Vec::new());
            outcome = one.map(|one| {
                stash.drain(..one.used);
                one.ended
            });
            if outcome != Ok(false) {
                break;
            }
        }
        prop_assert_eq!(whole.map(|whole| whole.ended), outcome);
        prop_assert_eq!(plain, opened);
    }

    /// Bytes that the peer did not seal never come out.
    #[test]
    fn arbitrary_bytes_come_to_nothing(wire in prop::collection::vec(any::<u8>(), 0..200)) {
        let [_, mut server] = ends(Suite::Aes128);
        let (_, plain, _) = told(&mut server, &wire);
        prop_assert!(plain.is_empty());
    }
}
