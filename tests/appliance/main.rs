//! Tests of the whole appliance.
