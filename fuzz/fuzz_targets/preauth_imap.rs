//! Fuzz target: the IMAP dialogue with clients.

#![no_main]

#[path = "../bodies/preauth_imap.rs"]
mod preauth_imap;

libfuzzer_sys::fuzz_target!(|input: &[u8]| preauth_imap::run(input));
