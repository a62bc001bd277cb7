//! Traffic secrets of TLS 1.3: caught when the library makes them, and the keys that follow from them (RFC 8446 7).
//!
//! They are all that an established session needs, and the only form of it that can be handed to another process
//! (K-TLS-3).

use std::cell::Cell;
use std::fmt;

use aws_lc_rs::{aead, digest, hkdf};
use rustls::{ConnectionTrafficSecrets, KeyLog};
use zeroize::Zeroize;

/// The longest hash of TLS 1.3, SHA-384.
const SECRET_BYTES_MAX: usize = 48;
/// What a login is bound to (RFC 9266 4.1).
pub(super) const CHANNEL_BINDING_BYTES: usize = 32;
/// The longest key, of AES-256 and of ChaCha20.
const KEY_BYTES_MAX: usize = 32;
/// RFC 8446 5.3, for every cipher of TLS 1.3.
const IV_BYTES: usize = aead::NONCE_LEN;

/// A cipher suite of TLS 1.3 (RFC 8446 B.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    Aes128,
    Aes256,
    ChaCha20,
}

impl Suite {
    /// By its registered number.
    pub(super) fn numbered(number: u16) -> Option<Self> {
        match number {
            0x1301 => Some(Self::Aes128),
            0x1302 => Some(Self::Aes256),
            0x1303 => Some(Self::ChaCha20),
            _ => None,
        }
    }

    pub(super) fn cipher(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128 => &aead::AES_128_GCM,
            Self::Aes256 => &aead::AES_256_GCM,
            Self::ChaCha20 => &aead::CHACHA20_POLY1305,
        }
    }

    /// Records that one key may seal (RFC 8446 5.5), with a margin: RFC 9001 B.1 and the library have 2^23 and 2^24.
    pub(super) fn sealed_max(self) -> u64 {
        match self {
            Self::Aes128 | Self::Aes256 => 1 << 23,
            Self::ChaCha20 => u64::MAX,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Aes128 | Self::ChaCha20 => &digest::SHA256,
            Self::Aes256 => &digest::SHA384,
        }
    }

    fn hash(self) -> hkdf::Algorithm {
        match self {
            Self::Aes128 | Self::ChaCha20 => hkdf::HKDF_SHA256,
            Self::Aes256 => hkdf::HKDF_SHA384,
        }
    }

    fn secret_bytes(self) -> usize {
        match self {
            Self::Aes128 | Self::ChaCha20 => 32,
            Self::Aes256 => 48,
        }
    }
}

/// The secret of one direction.
#[derive(Clone)]
pub(super) struct Secret([u8; SECRET_BYTES_MAX]);

impl Secret {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self([0; SECRET_BYTES_MAX]);
        secret.0.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(secret)
    }

    /// The secret that takes its place after a KeyUpdate (RFC 8446 7.2).
    pub(super) fn next(&self, suite: Suite) -> Option<Self> {
        let mut next = Self([0; SECRET_BYTES_MAX]);
        let bytes = next.0.get_mut(..suite.secret_bytes())?;
        self.expand(suite, b"traffic upd", b"", bytes)?;
        Some(next)
    }

    /// Key and initialization vector (RFC 8446 7.3).
    pub(super) fn keys(&self, suite: Suite) -> Option<Keys> {
        let mut keys = Keys { key: [0; KEY_BYTES_MAX], iv: [0; IV_BYTES] };
        let key = keys.key.get_mut(..suite.cipher().key_len())?;
        self.expand(suite, b"key", b"", key)?;
        self.expand(suite, b"iv", b"", &mut keys.iv)?;
        Some(keys)
    }

    /// What both sides of the session can tell each other's messages by (RFC 9266 4.1), if this is the exporter's secret.
    ///
    /// ```text
    /// TLS-Exporter(label, context_value, key_length) =       ; RFC 8446 7.5
    ///     HKDF-Expand-Label(Derive-Secret(Secret, label, ""), "exporter", Hash(context_value), key_length)
    /// ```
    pub(super) fn channel_binding(&self, suite: Suite) -> Option<[u8; CHANNEL_BINDING_BYTES]> {
        let nothing = digest::digest(suite.digest(), b"");
        let mut derived = Self([0; SECRET_BYTES_MAX]);
        let bytes = derived.0.get_mut(..suite.secret_bytes())?;
        self.expand(suite, b"EXPORTER-Channel-Binding", nothing.as_ref(), bytes)?;
        let mut binding = [0; CHANNEL_BINDING_BYTES];
        derived.expand(suite, b"exporter", nothing.as_ref(), &mut binding)?;
        Some(binding)
    }

    /// ```text
    /// HKDF-Expand-Label(Secret, Label, Context, Length)      ; RFC 8446 7.1
    /// ```
    fn expand(&self, suite: Suite, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
        let length = u16::try_from(out.len()).ok()?.to_be_bytes();
        let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
        let context_length = [u8::try_from(context.len()).ok()?];
        let info: [&[u8]; 6] = [&length, &label_length, PREFIX, label, &context_length, context];
        let secret = self.0.get(..suite.secret_bytes())?;
        let secret = hkdf::Prk::new_less_safe(suite.hash(), secret);
        secret.expand(&info, Length(out.len())).ok()?.fill(out).ok()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What a cipher needs, besides the number of the record.
pub(super) struct Keys {
    key: [u8; KEY_BYTES_MAX],
    iv: [u8; IV_BYTES],
}

impl Keys {
    /// The cipher, made for one batch of records: that costs 0.14 µs, keeping it 600 bytes (K-TLS-4).
    pub(super) fn cipher(&self, suite: Suite) -> Option<aead::LessSafeKey> {
        let cipher = suite.cipher();
        let key = self.key.get(..cipher.key_len())?;
        Some(aead::LessSafeKey::new(aead::UnboundKey::new(cipher, key).ok()?))
    }

    /// ```text
    /// nonce         = iv XOR sequence number                 ; RFC 8446 5.3
    /// ```
    pub(super) fn nonce(&self, sequence: u64) -> aead::Nonce {
        let mut nonce = self.iv;
        let (_, low) = nonce.split_at_mut(IV_BYTES - size_of::<u64>());
        for (byte, sequence) in low.iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= sequence;
        }
        aead::Nonce::assume_unique_for_key(nonce)
    }

    /// Whether the library has come to the same keys.
    pub(super) fn are(&self, suite: Suite, theirs: &ConnectionTrafficSecrets) -> bool {
        let ((Suite::Aes128, ConnectionTrafficSecrets::Aes128Gcm { key, iv })
        | (Suite::Aes256, ConnectionTrafficSecrets::Aes256Gcm { key, iv })
        | (Suite::ChaCha20, ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv })) =
            (suite, theirs)
        else {
            return false;
        };
        self.key.get(..suite.cipher().key_len()) == Some(key.as_ref()) && self.iv == *iv.as_ref()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.key.zeroize();
        self.iv.zeroize();
    }
}

/// The first secrets of a session: one for each direction, and one for what is bound to it.
pub(super) struct Secrets {
    pub(super) client: Secret,
    pub(super) server: Secret,
    pub(super) exporter: Secret,
}

/// No secret is read by accident.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// Catches the secrets of the handshake that this thread is reading. The library shows them nowhere else, so they are
/// caught in the middle of its call, and taken by the code that made the call ([`caught`]).
#[derive(Debug)]
pub(super) struct Catcher;

impl KeyLog for Catcher {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        match label {
            CLIENT => CAUGHT_CLIENT.set(Secret::new(secret)),
            SERVER => CAUGHT_SERVER.set(Secret::new(secret)),
            EXPORTER => CAUGHT_EXPORTER.set(Secret::new(secret)),
            _ => {}
        }
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER | EXPORTER)
    }
}

/// Takes the secrets that the last call of the library made, if it made any.
pub(super) fn caught() -> Option<Box<Secrets>> {
    let (client, server) = (CAUGHT_CLIENT.take(), CAUGHT_SERVER.take());
    let exporter = CAUGHT_EXPORTER.take();
    Some(Box::new(Secrets { client: client?, server: server?, exporter: exporter? }))
}

thread_local! {
    static CAUGHT_CLIENT: Cell<Option<Secret>> = const { Cell::new(None) };
    static CAUGHT_SERVER: Cell<Option<Secret>> = const { Cell::new(None) };
    static CAUGHT_EXPORTER: Cell<Option<Secret>> = const { Cell::new(None) };
}

/// How many bytes to expand to.
#[derive(Clone, Copy)]
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// In front of every label (RFC 8446 7.1).
const PREFIX: &[u8] = b"tls13 ";
/// The library's names for the secrets behind the handshake (NSS key log format).
const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";
const EXPORTER: &str = "EXPORTER_SECRET";

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// RFC 8448 3: the application traffic of a simple handshake.
    #[test]
    fn keys_follow_from_secrets_as_rfc_8448_has_them() {
        for (secret, key, iv) in [
            (
                "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                "17422dda596ed5d9acd890e3c63f5051",
                "5b78923dee08579033e523d9",
            ),
            (
                "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
                "9f02283b6c9c07efc26bb9f2ac92e356",
                "cf782b88dd83549aadf1e984",
            ),
        ] {
            let keys = Secret::new(&bytes(secret)).unwrap().keys(Suite::Aes128).unwrap();
            assert_eq!(keys.key[..16], bytes(key));
            assert_eq!(keys.iv, *bytes(iv));
        }
    }

    #[test]
    fn a_secret_too_long_for_its_place_is_none() {
        assert!(Secret::new(&[0; SECRET_BYTES_MAX + 1]).is_none());
    }

    #[test]
    fn every_number_has_its_own_nonce() {
        let keys = Keys { key: [0; KEY_BYTES_MAX], iv: [0xFF; IV_BYTES] };
        assert_eq!(keys.nonce(0).as_ref(), &[0xFF; 12]);
        let last = keys.nonce(u64::MAX);
        assert_eq!(last.as_ref(), &[255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(keys.nonce(1).as_ref()[11], 0xFE);
    }
}
