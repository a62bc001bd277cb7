//! Fuzz target: an operator's query with variables in it, and a user's name.

#![no_main]

#[path = "../bodies/sql_query.rs"]
mod sql_query;

libfuzzer_sys::fuzz_target!(|input: &[u8]| sql_query::run(input));
