//! What is offered and preferred: tls.md 0, items 7 and 10.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::Oldest;
use super::short_nonces::with_short_nonces;

/// AES-128 before the others: SHA-384 costs 23 µs more per handshake, and nobody gains from AES-256 (tls.md 3).
const SUITES: &[SupportedCipherSuite] = &[
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// The library's primitives with our preferences.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..default_provider()
    })
}

/// The same towards clients, whose tickets have to fit everybody.
pub(super) fn towards_clients() -> Arc<CryptoProvider> {
    let mut provider = CryptoProvider::clone(&provider());
    for suite in &mut provider.cipher_suites {
        *suite = with_short_nonces(*suite);
    }
    Arc::new(provider)
}

pub(super) fn versions(oldest: Oldest) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        Oldest::Tls12 => BOTH,
        Oldest::Tls13 => NEWEST,
    }
}

static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
