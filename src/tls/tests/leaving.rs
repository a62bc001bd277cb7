//! Sessions that leave the library, against sessions that stay in it.

use super::*;

/// A client whose only suite of TLS 1.3 is this one.
fn client_with(suite: rustls::SupportedCipherSuite, hello: &mut Vec<u8>) -> Engine {
    let provider = rustls::crypto::CryptoProvider {
        cipher_suites: vec![suite],
        ..rustls::crypto::CryptoProvider::clone(&provider::provider())
    };
    let backends = Backends::with(&std::sync::Arc::new(provider));
    Engine::client(&backends, "a.test", true, hello).unwrap()
}

#[test]
fn w_rel_3_a_session_leaves_the_library_on_either_side_at_any_time() {
    use rustls::crypto::aws_lc_rs::cipher_suite as suite;
    let stage = stage(&["a.test"], Oldest::Tls12);
    let newest = [
        suite::TLS13_AES_128_GCM_SHA256,
        suite::TLS13_AES_256_GCM_SHA384,
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    for suite in newest {
        for leavers in [[true, false], [false, true], [true, true]] {
            for piece in [1, 7, 1460, 65_536] {
                let mut pair = pair_with(&stage, suite);
                pair.carry(piece);
                pair.send(SERVER, b"OK logged in");
                for end in [CLIENT, SERVER] {
                    if leavers[end] {
                        pair.ends[end].begin_relay().unwrap();
                    }
                }
                // The client has received since it sent, so that it stays until it sends again.
                assert_eq!(pair.left(), [false, leavers[SERVER]]);
                pair.carry(piece);
                pair.exchange(piece);
                assert_eq!(pair.left(), leavers);
                pair.exchange(piece);
                assert!(pair.ends.iter().all(Engine::stash_is_free));
                let mut goodbye = Vec::new();
                pair.ends[SERVER].close(&mut goodbye);
                pair.wire[CLIENT].extend(goodbye);
                pair.carry(piece);
                assert!(pair.ends[CLIENT].has_ended());
                // Neither in the same read nor in a later one does anything count that follows a goodbye.
                pair.feed(CLIENT, b"nobody's");
                assert!(pair.plain[CLIENT].len() == 40_000 && pair.ends[CLIENT].stash_is_free());
                assert_eq!(pair.faults, [None, None], "{suite:?} {leavers:?} {piece}");
            }
        }
    }
}

#[test]
fn a_session_with_tls_1_2_stays_in_the_library() {
    use rustls::crypto::aws_lc_rs::cipher_suite as suite;
    let stage = stage(&["a.test"], Oldest::Tls12);
    let mut pair = pair_with(&stage, suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    pair.carry(65_536);
    for end in &mut pair.ends {
        end.begin_relay().unwrap();
    }
    pair.exchange(65_536);
    assert_eq!((pair.left(), pair.faults), ([false; 2], [None, None]));
}

/// The library's own renewal of keys, before the session leaves it and behind that.
#[test]
fn w_tls_5_keys_renewed_by_the_library_are_followed() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for (early, late) in [(0, 1), (1, 1), (3, 2)] {
        let mut pair = Pair::new(&stage, "a.test", false);
        pair.carry(65_536);
        for _ in 0..early {
            pair.ends[CLIENT].renew_keys();
            pair.exchange(65_536);
        }
        pair.send(SERVER, b"OK");
        pair.ends[SERVER].begin_relay().unwrap();
        pair.carry(65_536);
        assert_eq!(pair.left(), [false, true]);
        for _ in 0..late {
            pair.ends[CLIENT].renew_keys();
            pair.exchange(65_536);
            pair.exchange(100);
        }
        assert_eq!(pair.faults, [None, None], "{early} {late}");
    }
    // An answer to the client's that still waits in the library: the session stays until it is sent.
    let mut pair = Pair::new(&stage, "a.test", false);
    pair.carry(65_536);
    pair.send(SERVER, b"OK");
    pair.ends[CLIENT].renew_keys();
    pair.send(CLIENT, b"first");
    pair.carry(65_536);
    pair.ends[SERVER].begin_relay().unwrap();
    assert_eq!(pair.left(), [false, false]);
    pair.exchange(65_536);
    assert_eq!((pair.left(), pair.faults), ([false, true], [None, None]));
}

#[test]
fn tl_14_damage_behind_the_library_is_an_alert_that_the_library_understands() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for at in [0, 4, 5, 20] {
        let mut pair = Pair::new(&stage, "a.test", false);
        pair.carry(65_536);
        pair.send(SERVER, b"OK");
        pair.ends[SERVER].begin_relay().unwrap();
        pair.carry(65_536);
        pair.send(CLIENT, b"a record of thirty-three bytes ...");
        pair.wire[SERVER][at] ^= 1;
        // A record that claims one byte more waits for it.
        pair.wire[SERVER].push(0);
        pair.carry(65_536);
        assert!(pair.faults[SERVER].is_some(), "byte {at}");
        assert_eq!(
            pair.faults[CLIENT].as_ref().unwrap().word,
            "the peer sent an alert",
            "byte {at}"
        );
        assert!(pair.ends[SERVER].seal(b"x", &mut Vec::new()).is_err());
    }
}

fn pair_with(stage: &Stage, suite: rustls::SupportedCipherSuite) -> Pair {
    let mut hello = Vec::new();
    Pair {
        ends: [
            client_with(suite, &mut hello),
            Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap(),
        ],
        wire: [Vec::new(), hello],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    }
}
