//! Fuzz target: the user name in a client's certificate.

#![no_main]

#[path = "../bodies/certificate_name.rs"]
mod certificate_name;

libfuzzer_sys::fuzz_target!(|input: &[u8]| certificate_name::run(input));
