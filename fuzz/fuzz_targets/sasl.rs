//! Fuzz target: SASL exchanges.

#![no_main]

#[path = "../bodies/sasl.rs"]
mod sasl;

libfuzzer_sys::fuzz_target!(|input: &[u8]| sasl::run(input));
