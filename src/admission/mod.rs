//! Who may come in, and how fast a guesser may guess: rules on values, counted elsewhere.
//!
//! Decides: how much counts against an address prefix, how many logins it may have at once, whether another
//! connection fits a rate. Does not: count (`share::visitors` does, for all cores), delay (`auth::delay`, `session`).
//! Tests: at the end of each file.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod door;
pub mod penalty;
pub mod prefix;
pub mod rate;
