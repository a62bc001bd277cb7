//! Fuzz target: passwd-files.

#![no_main]

#[path = "../bodies/passwd_file.rs"]
mod passwd_file;

libfuzzer_sys::fuzz_target!(|text: &[u8]| passwd_file::run(text));
