//! Fuzz target: LDAP filters, distinguished names, `pass_attrs` and password policies.

#![no_main]

#[path = "../bodies/ldap.rs"]
mod ldap;

libfuzzer_sys::fuzz_target!(|input: &[u8]| ldap::run(input));
