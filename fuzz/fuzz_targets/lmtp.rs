//! Fuzz target: a whole LMTP session, as a list of happenings.

#![no_main]

#[path = "../bodies/lmtp.rs"]
mod lmtp;

libfuzzer_sys::fuzz_target!(|input: &[u8]| lmtp::run(input));
