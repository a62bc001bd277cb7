//! Health of backends: when one counts as up, suspect or down, and what its row should say (docs/rules/reliability.md).
//!
//! Decides: when the next probe of a backend and protocol is due, what its findings make of it ([`Health`]), and whether its
//! status may be written, given what the other backends of the site are like and what other proxies say ([`Case::rule`]). Does
//! not: connect, log in, read or write rows, know the time. Driver: `control::tasks::probes`. Tests: at the end of the files.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod course;
mod ejections;
mod ruling;

pub use course::{Change, Finding, Health, State};
pub use ejections::Ejections;
pub use ruling::{Case, Others, Ruling, Site, Withheld};
