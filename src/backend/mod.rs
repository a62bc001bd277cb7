//! Backend side.
