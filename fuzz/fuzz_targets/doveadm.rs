//! Fuzz target: both sides of doveadm's protocol.

#![no_main]

#[path = "../bodies/doveadm.rs"]
mod doveadm;

libfuzzer_sys::fuzz_target!(|input: &[u8]| doveadm::run(input));
