//! `hale`: parses arguments, loads the configuration, calls `boot`.

fn main() {}
