//! The command line of `hale cluster` and `hale geodb`: doveadm's words (C-CMD-1).
//!
//! Duty: commands as values (`command`, `places`, `people`), read by clap, and written as the words they were read from
//! ([`ClusterCommand::to_line`]); what each may change. Non-duty: carrying them out. Tests: `super::tests`, which also parses
//! every example that a help text gives.

mod command;
mod people;
mod places;
mod words;

pub use command::{ClusterCommand, GeodbCommand, TagCommand};
pub use people::{
    GroupCommand, LocaldbCommand, LocaldbGroupCommand, LocaldbUserCommand, UserChoice, UserCommand,
    YesNo,
};
pub use places::{
    BackendChoice, BackendCommand, BackendStatusWord, ConnectionsMax, ForceMoveCommand,
    ReachabilityCommand, SiteChoice, SiteCommand, SiteStatusWord,
};
