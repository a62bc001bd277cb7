//! Pure tests: properties, comparisons with other implementations, and the replay of stored fuzz inputs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod proxy_header;
