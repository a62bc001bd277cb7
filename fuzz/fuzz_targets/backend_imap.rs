//! Fuzz target: the IMAP dialogue with backends.

#![no_main]

#[path = "../bodies/backend.rs"]
mod backend;

libfuzzer_sys::fuzz_target!(|input: &[u8]| backend::run(hale::names::Protocol::Imap, input));
