//! The front of a client's connection: PROXY header, trust, and the handshake with which TLS begins. The same for all
//! protocols, and over before the first of them is spoken.
//!
//! ```text
//! accepted ─ PROXY header ─ handshake ─ the protocol speaks
//!                            ▲               │
//!                            └── STARTTLS ───┘
//! ```
//!
//! Decides: whom a header makes the client and whether it is trusted (W-TRUST-1), when TLS is awaited, what TLS that stands
//! changes about the client's facts, how long each of these may take, and whose failures and connections are counted.
//! Does not: know what is said afterwards, shake hands, or report; [`Arrival`] says why a connection ends, and who drives it
//! makes the report. Driver: `session` and `lmtp`, which keep a [`Front`] for a connection's whole life and an [`Arrival`]
//! only until it is through. Tests: `tests/transcripts/session`, `tests/transcripts/lmtp`, `tests/pure`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod arrival;
mod connection;

pub use arrival::{Arrival, Ending, HeaderRead, Opening, Start};
pub use connection::{Binding, ClientTls, Front};

/// Why a connection is closed on which bytes in clear followed STARTTLS (W-STLS-1, TL-03).
pub const PIPELINED: &str = "starttls_pipelined: bytes in clear behind STARTTLS";
