//! Fuzz target: SCRAM's messages, both sides.

#![no_main]

#[path = "../bodies/scram.rs"]
mod scram;

libfuzzer_sys::fuzz_target!(|input: &[u8]| scram::run(input));
