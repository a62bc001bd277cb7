//! Tests of the pure rooms as a whole: transcripts and properties.

mod imap_properties;
mod imap_transcripts;
