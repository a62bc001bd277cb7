//! Fuzz target: configuration files.

#![no_main]

#[path = "../bodies/config_text.rs"]
mod config_text;

libfuzzer_sys::fuzz_target!(|text: &[u8]| config_text::run(text));
