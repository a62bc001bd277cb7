//! Tests of the pure rooms as a whole: transcripts, properties, comparisons with other implementations, and the replay of
//! stored fuzz inputs.

mod imap_properties;
mod imap_transcripts;
mod proxy_header;
