//! Fuzz target: HAProxy's and Dovecot's files to a configuration.

#![no_main]

#[path = "../bodies/import.rs"]
mod import;

libfuzzer_sys::fuzz_target!(|text: &[u8]| import::run(text));
