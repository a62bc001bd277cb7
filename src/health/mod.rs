//! Health of backends: when one counts as up, suspect or down, and what its row should say (docs/rules/reliability.md).
//!
//! Decides: when the next probe of a backend and protocol is due ([`Book`]), what its findings make of it ([`Health`]), what proxies
//! tell each other ([`words`]), and whether a status may be written, given what the other backends of the site are like and what
//! other proxies say ([`Brief`], [`Case::rule`]). Does not: connect, log in, read or write rows, know the time. Drivers:
//! `control::tasks::probes`, the simulation of clusters. Tests: at the end of the files.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod book;
mod brief;
mod course;
mod ejections;
mod hearing;
mod ruling;
mod watched;
pub mod words;

pub use book::Book;
pub use brief::{Brief, Moment, Review};
pub use course::{Change, Finding, Health, State};
pub use ejections::Ejections;
pub use hearing::Hearing;
pub use ruling::{Case, Others, Ruling, Site, Withheld};
pub use watched::{Course, NewStatus, Watched};
