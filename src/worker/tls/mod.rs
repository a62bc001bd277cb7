//! TLS on the sockets of a connection.
//!
//! Decides: when a handshake may go on, where opened bytes wait, what is counted. Does not: speak a protocol; a reader
//! is told by a `Heard` what a read came to. Driven by the login driver, by LMTP and by the relay, each on its own line.

pub(super) mod begin;
pub(super) mod channel;
pub(super) mod read;
pub(super) mod send;
