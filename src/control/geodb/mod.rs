//! The GeoDB: the ten tables of a Palomar cluster (C-GEO-1).
//!
//! Duty: one enum over the engines, which all give the same rows the same meaning; the writes that logins and the
//! cluster commands make, each of them safe against others who write at the same time (GE-07, C-GEO-2); a deadline
//! for each call; word of what changed. Non-duty: caching, judging rows (`route::build`), deciding (`route::decide`). Many
//! calls may be under way at once, and none blocks its caller's thread. Driven by the control core and by the commands.
//! Tests: `tests`, on real files.
#![forbid(unsafe_code)]

mod calls;
mod cassandra;
mod changes;
mod columns;
mod error;
mod handle;
mod late;
pub mod lookup;
mod news;
pub mod schema;
mod sqlite;
mod values;

#[cfg(test)]
pub(in crate::control) mod gate;
#[cfg(test)]
pub(in crate::control) mod tests;

pub use crate::control::wall_clock::UnixMillis;
pub use changes::Changes;
pub use error::GeoDbError;
pub use handle::GeoDb;
pub use late::{LateCounts, LateWrite, LateWrites};
pub use news::{Changed, ChangedUsers, News};
pub use values::{
    Applied, BackendFigure, BackendUpdate, DestFigure, Dump, FigureKind, Made, OpenMode, SiteUpdate,
};
