//! Fuzz target: bytes where a TLS record should be.

#![no_main]

#[path = "../bodies/tls_open.rs"]
mod tls_open;

libfuzzer_sys::fuzz_target!(|input: &[u8]| tls_open::run(input));
