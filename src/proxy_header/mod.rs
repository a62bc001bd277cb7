//! PROXY header.
