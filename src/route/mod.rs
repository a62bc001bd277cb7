//! Routing: from a user name to the backend that serves the user (C-ROUTE-1).
//!
//! Duty: the rows of the GeoDB as values ([`rows`]), the immutable table built from them ([`build`], [`table`]), the
//! decision at login time ([`decide`], [`site`], [`group`]) and the writes it names ([`change`]), its explanation
//! ([`explain`]), what settings in the GeoDB mean to it ([`settings_rows`]), the check of referrals ([`redirect`], [`sent_on`]), opinions of other sites ([`experience`]) and the hashes that let all proxies decide alike ([`hash`]). Non-duty: reading or writing the GeoDB,
//! resolving names, clocks, caches; a decision *names* the write that the control core should make. Driven by data
//! cores (with the published snapshot), by the control core (with fresh rows) and by the cluster commands. Tests:
//! vectors in each file, rule tables and properties in `tests`.
#![forbid(unsafe_code)]

pub mod rows;
pub mod auto_reason;
pub mod set_by;
pub mod chunks;
pub mod problem;
pub mod hash;
pub mod change;
pub mod cap;
pub mod bounds;
pub mod outage;
pub mod experience;
pub mod pins;
pub mod table;
mod scopes;
mod failovers;
pub mod build;
mod next;
pub mod fault;
pub mod steps;
mod question;
pub mod decide;
pub mod site;
pub mod leaving;
pub mod group;
pub mod departure;
pub mod left_behind;
pub mod redirect;
pub mod sent_on;
pub mod explain;
pub mod settings_rows;

#[cfg(test)]
mod tests;
