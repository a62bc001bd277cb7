//! Fuzz target: the Submission dialogue with backends.

#![no_main]

#[path = "../bodies/backend_submission.rs"]
mod backend_submission;

libfuzzer_sys::fuzz_target!(|input: &[u8]| backend_submission::run(input));
