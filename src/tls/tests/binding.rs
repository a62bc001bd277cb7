//! What a login can be bound to (RFC 9266), against what the library's own client exports.

use std::io::Read as _;
use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedCipherSuite, SupportedProtocolVersion};

use super::*;
use crate::tls::backends::any_certificate;
use crate::tls::provider::provider;

fn client(
    version: &'static SupportedProtocolVersion,
    suite: Option<SupportedCipherSuite>,
) -> ClientConnection {
    let mut provider = (*provider()).clone();
    if let Some(suite) = suite {
        provider.cipher_suites = vec![suite];
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(any_certificate())
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), "a.test".try_into().unwrap()).unwrap()
}

/// Carries the handshake of a client over, and its first words.
fn shake(client: &mut ClientConnection, server: &mut Engine) {
    let mut stash = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = std::mem::take(&mut stash);
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut buffer = vec![0; limits::TLS_HOT_READ_BYTES + limits::TLS_RECORD_BYTES_MAX];
        let start = server.lay_stash(&mut buffer);
        buffer[start..start + bytes.len()].copy_from_slice(&bytes);
        let mut reply = Vec::new();
        server.open(&mut buffer[..start + bytes.len()], &mut Vec::new(), &mut reply).unwrap();
        let mut reply = &reply[..];
        while !reply.is_empty() {
            client.read_tls(&mut reply).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    let mut nothing = [0];
    assert!(client.reader().read(&mut nothing).is_err(), "nothing has been said");
}

#[test]
fn w_sasl_12_both_ends_export_the_same_and_no_two_connections_do() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    let newest: Vec<_> =
        provider().cipher_suites.iter().filter(|it| it.tls13().is_some()).copied().collect();
    assert_eq!(newest.len(), 3);
    let mut seen = Vec::new();
    for suite in newest {
        let mut server = Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap();
        let mut client = client(&TLS13, Some(suite));
        assert_eq!(server.channel_binding(), None, "before the handshake");
        shake(&mut client, &mut server);
        let theirs =
            client.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
        assert_eq!(server.channel_binding(), Some(theirs), "{suite:?}");
        assert!(!seen.contains(&theirs));
        seen.push(theirs);
        // The relay begins, and the secret is gone.
        server.begin_relay().unwrap();
        server.seal(b"* OK", &mut Vec::new()).unwrap();
        assert!(server.has_left_the_library());
        assert_eq!(server.channel_binding(), None);
    }
}

#[test]
fn w_sasl_12_there_is_none_with_tls_1_2() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    let mut server = Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap();
    let mut client = client(&TLS12, None);
    shake(&mut client, &mut server);
    assert_eq!(server.channel_binding(), None);
}
