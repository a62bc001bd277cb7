//! Tests of the pure rooms as a whole: transcripts, properties, comparisons with other implementations, and the replay of
//! stored fuzz inputs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod imap_properties;
mod imap_transcripts;
mod proxy_header;
