//! Fuzz target: the ManageSieve dialogue with clients.

#![no_main]

#[path = "../bodies/preauth.rs"]
mod preauth;

libfuzzer_sys::fuzz_target!(|input: &[u8]| preauth::run(hale::names::Protocol::Sieve, input));
