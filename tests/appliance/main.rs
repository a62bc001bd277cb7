//! Tests of the appliance: the ring against the kernel, a whole core on a simulated kernel, the real process.

mod ring;
mod e2e;
