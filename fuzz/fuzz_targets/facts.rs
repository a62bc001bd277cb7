//! Fuzz target: what trusted peers tell of their clients, and what is told on.

#![no_main]

#[path = "../bodies/facts.rs"]
mod facts;

libfuzzer_sys::fuzz_target!(|input: &[u8]| facts::run(input));
