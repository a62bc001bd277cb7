//! The commands `hale cluster …` and `hale geodb …`: the verbs of `doveadm cluster` (C-CMD-1); and `hale explain`.
//!
//! Duty: commands as values that are read from words and written as words ([`verbs`]), what each does to the
//! GeoDB, output formats ([`render`]), exit codes. Non-duty: reading settings, finding a running Hale, printing. Driven by
//! `cli` ([`run_here`], directly on the GeoDB) and by the admin socket of a running Hale ([`run()`]). Tests: `tests`, on
//! real files.
#![forbid(unsafe_code)]

mod error;
pub mod verbs;
pub mod render;
mod settings;
mod names;
mod tags;
mod sites;
mod figures;
mod backends;
mod force_moves;
mod reachability;
mod pins;
mod groups;
mod users;
mod tables;
mod explain;
mod localdb;
mod run;
mod here;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::control) use backends::listed;
pub use error::CommandError;
pub use explain::{ExplainCommand, Memory, Origin, explain_login};
pub use figures::{Own, for_terminal};
pub use here::{backend_hosts, copy_here, explain_here, run_here};
pub use localdb::Local;
pub use render::{Format, Output, Reply};
pub use run::{run, run_localdb};
pub use settings::ClusterSettings;
pub(in crate::control) use users::refusal;
pub use verbs::{ClusterCommand, GeodbCommand};
pub(in crate::control) use verbs::{GroupCommand, UserCommand};
