//! What a host is to be like for the configured number of sessions.
//!
//! Duty: the one list of what is to be set (`registry`), with a value that follows from the configuration (`needs`), what it costs not to,
//! how it is changed and undone; judging what was found (`judge`), telling it (`report`), and the files and pages that are made of the
//! list (`files`, `document`). Non-duty: looking (`boot::host` does, for `hale check-host`). Tests: in the files.
#![forbid(unsafe_code)]

mod document;
mod files;
mod judge;
mod needs;
mod registry;
mod report;

pub use document::tuning_md;
pub use files::{File, file};
pub use judge::{Nic, Row, Seen, Verdict, cpus, judge};
pub use needs::{Needs, descriptors};
pub use registry::{Level, Place, SETTINGS, Setting};
pub use report::{COLUMNS, fields, told};
