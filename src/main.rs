//! `hale`: parses arguments, loads the configuration, calls `boot` or a command.

mod cli;

use std::process::ExitCode;

/// The allocator of the whole process: small, fast, and it gives memory back (K-CORE-8).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
