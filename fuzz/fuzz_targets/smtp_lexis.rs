//! Fuzz target: replies, keywords, commands and paths of SMTP.

#![no_main]

#[path = "../bodies/smtp_lexis.rs"]
mod smtp_lexis;

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp_lexis::run(input));
