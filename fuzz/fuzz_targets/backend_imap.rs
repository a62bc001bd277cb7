//! Fuzz target: the IMAP dialogue with backends.

#![no_main]

#[path = "../bodies/backend_imap.rs"]
mod backend_imap;

libfuzzer_sys::fuzz_target!(|input: &[u8]| backend_imap::run(input));
