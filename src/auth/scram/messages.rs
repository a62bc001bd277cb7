//! The messages' grammar (RFC 5802 7). Attributes stand in a fixed order; what follows them is an extension and passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::auth::saslname;

/// What a client says about channel binding (RFC 5802 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It can't.
    Unsupported,
    /// It could, and has seen no offer of ours.
    NotOffered,
    /// By this type (RFC 9266).
    TlsExporter,
    /// By another type.
    Other,
}

/// A client's first message.
///
/// ```text
/// client-first-message = gs2-header client-first-message-bare
/// gs2-header    = gs2-cbind-flag "," [ "a=" saslname ] ","
/// client-first-message-bare = username "," nonce ["," extensions]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// What it says about channel binding.
    pub binding: Binding,
    /// The user to act for, when the client names one.
    pub authorize_as: Option<Box<[u8]>>,
    /// Who logs in.
    pub user: Box<[u8]>,
    pub(super) gs2_header: Box<[u8]>,
    pub(super) bare: Box<[u8]>,
    pub(super) nonce: Box<[u8]>,
}

impl ClientFirst {
    /// Reads one; none: it is none, or wants an extension that we don't know (`m=`).
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<Self> {
        let (flag, rest) = cut(message)?;
        let binding = match flag {
            b"n" => Binding::Unsupported,
            b"y" => Binding::NotOffered,
            b"p=tls-exporter" => Binding::TlsExporter,
            _ => {
                flag.strip_prefix(b"p=").filter(|name| !name.is_empty()).map(|_| Binding::Other)?
            }
        };
        let (authzid, bare) = cut(rest)?;
        let authorize_as = match authzid {
            b"" => None,
            text => Some(saslname::read(text.strip_prefix(b"a=")?)?),
        };
        let (name, rest) = cut(bare)?;
        let user = saslname::read(name.strip_prefix(b"n=")?)?;
        let nonce = cut(rest).map_or(rest, |(nonce, _)| nonce).strip_prefix(b"r=")?;
        let gs2_header = message.get(..message.len().checked_sub(bare.len())?)?;
        is_printable(nonce).then(|| Self {
            binding,
            authorize_as,
            user,
            gs2_header: gs2_header.into(),
            bare: bare.into(),
            nonce: nonce.into(),
        })
    }
}

/// A client's last message.
///
/// ```text
/// client-final-message = channel-binding "," nonce ["," extensions] "," proof
/// ```
pub(super) struct ClientFinal<'a> {
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a [u8],
    pub(super) proof: Vec<u8>,
    pub(super) without_proof: &'a [u8],
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let comma = message.iter().rposition(|&byte| byte == b',')?;
        let (without_proof, proof) = message.split_at_checked(comma)?;
        let (binding, rest) = cut(without_proof)?;
        let nonce = cut(rest).map_or(rest, |(nonce, _)| nonce).strip_prefix(b"r=")?;
        Some(Self {
            binding: decoded(binding.strip_prefix(b"c=")?)?,
            nonce,
            proof: decoded(proof.strip_prefix(b",p=")?)?,
            without_proof,
        })
    }
}

/// A server's first message.
///
/// ```text
/// server-first-message = nonce "," salt "," iteration-count ["," extensions]
/// ```
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a [u8],
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (nonce, rest) = cut(message)?;
        let (salt, rest) = cut(rest)?;
        let iterations = cut(rest).map_or(rest, |(iterations, _)| iterations);
        let digits = iterations.strip_prefix(b"i=")?;
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let iterations = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
        let salt = decoded(salt.strip_prefix(b"s=")?)?;
        (iterations > 0 && !salt.is_empty()).then_some(Self {
            nonce: nonce.strip_prefix(b"r=")?,
            salt,
            iterations,
        })
    }
}

/// ```text
/// printable     = %x21-2B / %x2D-7E
/// ```
pub(super) fn is_printable(nonce: &[u8]) -> bool {
    !nonce.is_empty() && nonce.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',')
}

/// Before the first comma, and behind it.
fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(text.iter().position(|&byte| byte == b',')?)?;
    Some((before, rest.strip_prefix(b",")?))
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
