//! Fuzz target: what is watched of a relayed ManageSieve session.

#![no_main]

#[path = "../bodies/relay_watch.rs"]
mod relay_watch;

libfuzzer_sys::fuzz_target!(|input: &[u8]| relay_watch::run(input));
