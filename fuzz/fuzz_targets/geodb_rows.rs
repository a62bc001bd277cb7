//! Fuzz target: routing tables of any rows.

#![no_main]

#[path = "../bodies/geodb_rows.rs"]
mod geodb_rows;

libfuzzer_sys::fuzz_target!(|input: &[u8]| geodb_rows::run(input));
