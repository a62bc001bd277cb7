//! Fuzz target: the PROXY header decoder.

#![no_main]

#[path = "../bodies/proxy_header.rs"]
mod proxy_header;

libfuzzer_sys::fuzz_target!(|stream: &[u8]| proxy_header::run(stream));
