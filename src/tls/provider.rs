//! What is offered and preferred: K-TLS-1.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

use super::Oldest;
use super::short_nonces::with_short_nonces;
use crate::facts::Security;

/// AES-128 before the others: SHA-384 costs 23 µs more per handshake, and no session gains from AES-256 (K-TLS-1).
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

/// What sessions with [`SUITES`] are, in the same order.
const SECURITIES: [Security; SUITES.len()] = [
    Security::Tls13Aes128,
    Security::Tls13ChaCha20,
    Security::Tls13Aes256,
    Security::EcdsaAes128,
    Security::RsaAes128,
    Security::EcdsaChaCha20,
    Security::RsaChaCha20,
    Security::EcdsaAes256,
    Security::RsaAes256,
];

const GROUPS: &[&dyn SupportedKxGroup] =
    &[kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// Names of [`GROUPS`], in the same order.
const GROUP_NAMES: &[&str] = &["X25519MLKEM768", "X25519", "P-256", "P-384"];

/// The library's primitives with our preferences.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: GROUPS.to_vec(),
        ..default_provider()
    })
}

/// Version and cipher of a session with this suite.
pub(super) fn security(suite: CipherSuite) -> Option<Security> {
    let place = SUITES.iter().position(|ours| ours.suite() == suite)?;
    SECURITIES.get(place).copied()
}

/// Which versions, suites and groups are spoken.
#[derive(Clone, Debug)]
pub struct Manner {
    pub(super) oldest: Oldest,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Manner {
    /// Only these suites and groups, by OpenSSL's names; the order is ours.
    #[must_use]
    pub fn new(oldest: Oldest, suites: &[&str], groups: &[&str]) -> Self {
        let named = SUITES.iter().zip(SECURITIES);
        let suites = named.filter(|(_, security)| suites.contains(&security.cipher()));
        let groups = GROUPS.iter().zip(GROUP_NAMES).filter(|(_, name)| groups.contains(*name));
        let provider = CryptoProvider {
            cipher_suites: suites.map(|(suite, _)| *suite).collect(),
            kx_groups: groups.map(|(group, _)| *group).collect(),
            ..default_provider()
        };
        Self { oldest, provider: Arc::new(provider) }
    }

    /// Everything that we have from this version on.
    #[must_use]
    pub fn from(oldest: Oldest) -> Self {
        Self { oldest, provider: provider() }
    }

    /// The primitives towards clients, whose tickets have to fit all of them.
    pub(super) fn towards_clients(&self) -> Arc<CryptoProvider> {
        let mut provider = CryptoProvider::clone(&self.provider);
        for suite in &mut provider.cipher_suites {
            *suite = with_short_nonces(*suite);
        }
        Arc::new(provider)
    }

    /// How many suites and groups are left.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.provider.cipher_suites.len(), self.provider.kx_groups.len())
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.oldest == other.oldest && Arc::ptr_eq(&self.provider, &other.provider)
    }
}

impl Default for Manner {
    fn default() -> Self {
        Self::from(Oldest::default())
    }
}

pub(super) fn versions(oldest: Oldest) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        Oldest::Tls12 => BOTH,
        Oldest::Tls13 => NEWEST,
    }
}

static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
