//! Tests of the whole appliance.

mod e2e;
