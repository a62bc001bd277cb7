//! Fuzz target: the Submission dialogue with clients.

#![no_main]

#[path = "../bodies/preauth_submission.rs"]
mod preauth_submission;

libfuzzer_sys::fuzz_target!(|input: &[u8]| preauth_submission::run(input));
