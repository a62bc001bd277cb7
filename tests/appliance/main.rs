//! Tests of the appliance: the ring against the kernel, a whole core on a simulated kernel, the real process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod ring;
mod e2e;
mod sim;
