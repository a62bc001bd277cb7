//! Lexis shared by the protocols: where a line, a literal or a string ends, and what a few shared texts mean.
//!
//! Decides: framing and the smallest grammar pieces, for both our side towards clients and our side towards backends.
//! Does not: know a command, a state or a reply; that is `preauth` and `backend`. Bytes come in as slices of an
//! [`inbox::Inbox`] that the session owns. Driver: the dialogues in `preauth` and `backend`. Tests: at the end of each
//! file; split invariance and conservation of bytes in `tests/pure/imap_properties.rs`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod base64;
pub mod certificate;
pub mod certificate_name;
pub mod cursor;
pub mod der;
pub mod distinguished_name;
pub mod fact;
pub mod frame;
pub mod host_name;
pub mod id;
pub mod inbox;
pub mod line;
pub mod literal;
pub mod login_ok;
pub mod quoted;
pub mod resp_text;
pub mod sieve;
pub mod skip;
pub mod smtp;
pub mod tab_escaped;
pub mod url;
pub mod wildcard;
pub mod xtext;
