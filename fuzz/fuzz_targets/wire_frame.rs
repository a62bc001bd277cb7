//! Fuzz target: framing of commands with literals.

#![no_main]

#[path = "../bodies/wire_frame.rs"]
mod wire_frame;

libfuzzer_sys::fuzz_target!(|input: &[u8]| wire_frame::run(input));
