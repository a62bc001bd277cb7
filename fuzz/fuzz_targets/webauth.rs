//! Fuzz target: bytes where a TLS record should be.

#![no_main]

#[path = "../bodies/webauth.rs"]
mod webauth;

libfuzzer_sys::fuzz_target!(|input: &[u8]| webauth::run(input));
