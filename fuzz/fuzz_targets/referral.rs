//! Fuzz target: referrals of the four protocols.

#![no_main]

#[path = "../bodies/referral.rs"]
mod referral;

libfuzzer_sys::fuzz_target!(|input: &[u8]| referral::run(input));
