//! From a checked configuration to running cores, and back down again.
//!
//! Duty: ask the kernel what it can do, take limits, locks and ports, make threads and pin them, tell systemd. Every
//! refusal is one line with its remedy and an exit code of sysexits(3). Not its duty: anything a connection does.
//! Tests: at the end of the files; `tests/appliance/e2e` starts the real process.

mod activation;
mod admin_socket;
mod cores;
mod data_core;
mod exit;
mod host;
mod limits;
mod listen;
mod lock;
mod privileges;
mod sandbox;
mod serve;
mod settings;
mod terminal;

pub use crate::ring::memory::refuse_huge_pages;
pub use admin_socket::admin_socket;
pub use exit::{Exit, Refusal};
pub use host::{HostReport, check_host, needs};
pub use sandbox::{Tried, try_sandbox};
pub use serve::{operator, serve};
pub use settings::{check, connect, localdb};
pub use terminal::Terminal;
