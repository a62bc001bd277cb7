//! Everything that crosses threads: mailboxes, published tables, counters, the cache of users.
//!
//! Duty: let data cores, hashing threads and the control core hand values to each other without a lock on a data core.
//! Not its duty: what the values mean. Used by `worker`, `control` and `boot`. Tests: at the end of the files.
#![forbid(unsafe_code)]

mod bounded;
pub mod beat;
pub mod mailbox;
pub mod guesses;
pub mod jobs;
pub mod messages;
pub mod users;
pub mod referrals;
pub mod replies;
pub mod site_attempts;
pub mod trace;
pub mod visitors;
pub mod snapshot;
pub mod counters;
pub mod logins;
pub mod enquiry;
pub mod backend_loads;
pub mod evidence;
pub mod exchange;

#[cfg(test)]
pub(crate) mod tests;
