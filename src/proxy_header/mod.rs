//! The PROXY header in front of a connection, versions 1 and 2 (haproxy doc/proxy-protocol.txt, revision 2026/04/27).
//!
//! Decides where the header ends, whether it is legal, and what it says of the client. Accepts any fragmentation, down
//! to one byte per read, refuses at the first byte that no legal header can have, and never looks behind the header.
//! Everything in a header is treated as hostile, although only trusted balancers may send one.
//!
//! Does not decide whether the header comes at all ([`policy`]: the listener demands it or forbids it, W-PP-1), does not
//! keep the deadline (the driver does, with [`policy::deadline`]), does not judge trust beyond the header.
//!
//! Driven by `session` under `worker`; [`encode`] also serves the backend connection and the health probes. Known answers
//! stand at the end of each file and in `tests.rs` here; properties and the comparison with other decoders in
//! `tests/pure/proxy_header.rs`; the fuzz target is `proxy_header`.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod announce;
mod crc32c;
pub mod encode;
pub mod policy;
pub mod tlv;
mod v1;
mod v2;

use std::fmt;
use std::net::SocketAddr;

use crate::facts::Transport;
use crate::secret::wipe;

pub use tlv::{SslFacts, Tlvs};

/// Collects the bytes of one header, however they arrive (W-PP-4).
///
/// Holds nothing while a header arrives in one piece, and never more than the header itself: 16 bytes and the block
/// whose length they tell, which [`crate::limits::PROXY_V2_BLOCK_BYTES_MAX`] bounds.
#[derive(Debug, Default)]
pub struct Decoder {
    kept: Vec<u8>,
    refused: Option<Refusal>,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes that arrived since the last call.
    ///
    /// [`Outcome::Incomplete`] has consumed all of `arrived`. [`Outcome::Done`] tells how many bytes *of this call's*
    /// `arrived` belonged to the header; the rest is the connection's own (W-PP-5). A refusal is final.
    pub fn decode(&mut self, arrived: &[u8]) -> Outcome {
        if let Some(refusal) = self.refused {
            return Outcome::Refused(refusal);
        }
        let outcome = if self.kept.is_empty() {
            self.decode_first(arrived)
        } else {
            self.decode_more(arrived)
        };
        match &outcome {
            Outcome::Incomplete => {}
            Outcome::Done { .. } => self.forget(),
            Outcome::Refused(refusal) => {
                self.forget();
                self.refused = Some(*refusal);
            }
        }
        outcome
    }

    /// Whether any byte arrived before the header was complete. A connection that ends without one is a balancer's
    /// connect probe and no complaint.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.kept.is_empty() || self.refused.is_some()
    }

    /// How many bytes are kept for a header that is not complete yet.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept.len()
    }

    fn decode_first(&mut self, arrived: &[u8]) -> Outcome {
        match examine(arrived) {
            Ok(Progress::Wants(_)) => {
                self.kept.extend_from_slice(arrived);
                Outcome::Incomplete
            }
            Ok(Progress::Complete(header, length)) => Outcome::Done { header, consumed: length },
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Moves no more of `arrived` into `kept` than the next decision needs, so that payload is never kept.
    fn decode_more(&mut self, arrived: &[u8]) -> Outcome {
        let mut rest = arrived;
        loop {
            let kept_before = self.kept.len();
            match examine(&self.kept) {
                Ok(Progress::Wants(total)) => {
                    let missing = total.saturating_sub(kept_before);
                    let (taken, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
                    if taken.is_empty() {
                        return Outcome::Incomplete;
                    }
                    self.hold(taken, total);
                    rest = behind;
                }
                Ok(Progress::Complete(header, length)) => {
                    // A v1 line may have been kept together with bytes behind it. They are the caller's.
                    let excess = kept_before.saturating_sub(length);
                    let unread = rest.len().saturating_add(excess);
                    return Outcome::Done {
                        header,
                        consumed: arrived.len().saturating_sub(unread),
                    };
                }
                Err(refusal) => return Outcome::Refused(refusal),
            }
        }
    }

    /// A login may have been kept together with the header (W-CRED-2).
    fn forget(&mut self) {
        wipe(&mut self.kept);
        self.kept = Vec::new();
    }

    /// Grows by doubling, but never past the size the header announced.
    fn hold(&mut self, taken: &[u8], total: usize) {
        if self.kept.capacity().saturating_sub(self.kept.len()) < taken.len() {
            let room = total.saturating_sub(self.kept.len());
            self.kept.reserve_exact(taken.len().max(self.kept.len()).min(room));
        }
        self.kept.extend_from_slice(taken);
    }
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was consumed; the header is not complete.
    Incomplete,
    /// The header is complete.
    Done {
        /// What it says.
        header: Header,
        /// How many bytes of the last call belonged to it.
        consumed: usize,
    },
    /// No legal header begins like this. Close without an answer.
    Refused(Refusal),
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// On whose behalf the connection was made.
    pub command: Command,
    /// What kind of addresses the header carried.
    pub family: Family,
    /// The client, as the sender saw it; none: use the socket's peer. IPv4-mapped addresses are written as IPv4.
    pub source: Option<SocketAddr>,
    /// What the client connected to; none: use the socket's own address. Present exactly when `source` is.
    pub destination: Option<SocketAddr>,
    /// The extensions of version 2. Empty for version 1, for `Local`, and for the unspecified family.
    pub tlvs: Tlvs,
}

impl Header {
    /// A header that leaves both endpoints to the socket.
    fn without_addresses(command: Command, family: Family) -> Self {
        Self { command, family, source: None, destination: None, tlvs: Tlvs::default() }
    }

    /// How the end client's bytes reached the sender: `Tls` when the sender ended the client's TLS (W-TLV-1).
    #[must_use]
    pub fn transport(&self) -> Transport {
        match &self.tlvs.ssl {
            Some(ssl) if ssl.client_used_tls => Transport::Tls,
            _ => Transport::Insecure,
        }
    }
}

/// On whose behalf the sender connected (doc/proxy-protocol.txt 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The sender's own: a health check. The socket's endpoints hold.
    Local,
    /// For a client.
    Proxy,
}

/// The kind of addresses in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// None that counts: `UNKNOWN` in version 1; `LOCAL`, UNSPEC or datagrams in version 2.
    Unspecified,
    /// IPv4, or IPv6 that carries IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// A UNIX socket at the sender. Accepted; the path is ignored and the socket's endpoints hold (W-PP2-2, PX-15).
    Unix,
}

/// Why a header is refused. Always the sender's doing; the connection is closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither version begins like this.
    NotAHeader,
    /// Version 1: no CRLF within 107 bytes.
    LineTooLong,
    /// Version 1: a carriage return or line feed alone.
    BareLineEnd,
    /// Version 1: not `TCP4`, `TCP6` or `UNKNOWN`.
    Keyword,
    /// Version 1: not exactly six words separated by one space each.
    Words,
    /// Version 1: an address that is not one of the stated family.
    Address,
    /// Version 1: an IPv4 address and an IPv6 address.
    MixedFamilies,
    /// Version 1: a port that is no number from 0 to 65535 in its shortest form.
    Port,
    /// Version 2: the version nibble is not 2.
    Version,
    /// Version 2: neither LOCAL nor PROXY.
    Command,
    /// Version 2: a combination of address family and transport that the specification does not know.
    Family,
    /// Version 2: the block is longer than we read.
    BlockTooLong,
    /// Version 2: the block is shorter than its addresses.
    BlockTooShort,
    /// Version 2: a TLV crosses the end of its container.
    TlvTruncated,
    /// Version 2: a TLV that may stand once stands twice (CRC32C, SSL).
    TlvTwice,
    /// Version 2: the checksum does not hold.
    Checksum,
    /// Version 2: UNIQUE_ID is longer than 128 bytes.
    UniqueId,
}

impl Refusal {
    /// Every refusal, for tests and for the metrics registry.
    pub const ALL: [Self; 17] = [
        Self::NotAHeader,
        Self::LineTooLong,
        Self::BareLineEnd,
        Self::Keyword,
        Self::Words,
        Self::Address,
        Self::MixedFamilies,
        Self::Port,
        Self::Version,
        Self::Command,
        Self::Family,
        Self::BlockTooLong,
        Self::BlockTooShort,
        Self::TlvTruncated,
        Self::TlvTwice,
        Self::Checksum,
        Self::UniqueId,
    ];

    /// The text for the log. Contains no byte of the header.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotAHeader => "not a PROXY header",
            Self::LineTooLong => "PROXY v1 line longer than 107 bytes",
            Self::BareLineEnd => "PROXY v1 line with a bare CR or LF",
            Self::Keyword => "PROXY v1 with an unknown protocol word",
            Self::Words => "PROXY v1 with a wrong number of words",
            Self::Address => "PROXY v1 with a bad address",
            Self::MixedFamilies => {
                "PROXY v1 that mixes IPv4 and IPv6: the client has one family, the balancer's listener the other, as with nginx's realip; \
                 docs/BALANCERS.md has the remedy"
            }
            Self::Port => "PROXY v1 with a bad port",
            Self::Version => "PROXY v2 with a wrong version number",
            Self::Command => "PROXY v2 with an unknown command",
            Self::Family => "PROXY v2 with an unknown combination of address family and transport",
            Self::BlockTooLong => "PROXY v2 longer than is read",
            Self::BlockTooShort => "PROXY v2 shorter than its addresses",
            Self::TlvTruncated => "PROXY v2 with a truncated TLV",
            Self::TlvTwice => "PROXY v2 with a repeated CRC32C or SSL TLV",
            Self::Checksum => "PROXY v2 with a wrong checksum",
            Self::UniqueId => "PROXY v2 with an oversized UNIQUE_ID",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// What one version's grammar says of the bytes so far.
enum Progress {
    /// Undecided until this many bytes are there, counted from the header's first.
    Wants(usize),
    /// The header and its length in bytes.
    Complete(Header, usize),
}

/// Decides the version by the first byte and hands on (W-PP-6). Pure: a longer prefix of the same stream is refused for the
/// same reason, or not at all.
fn examine(bytes: &[u8]) -> Result<Progress, Refusal> {
    match bytes.first() {
        None => Ok(Progress::Wants(v2::HEAD_BYTES)),
        Some(&first) if v2::SIGNATURE.first() == Some(&first) => v2::decode(bytes),
        Some(&first) if v1::SIGNATURE.first() == Some(&first) => v1::decode(bytes),
        Some(_) => Err(Refusal::NotAHeader),
    }
}

/// Whether `bytes` begin with `signature`, or end before they could differ from it.
fn agrees_so_far(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(byte, expected)| byte == expected)
}

const _: () = assert!(size_of::<Refusal>() == 1);

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests;
