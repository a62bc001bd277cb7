//! Lexis of SMTP and its relatives, Submission and LMTP: command lines, replies, keyword lists (RFC 5321, RFC 2033).
//!
//! Decides: where a command line and a reply end and what they are made of, for both our sides. Does not: know a state,
//! or what a code means; that is `preauth` and `backend`. Values of parameters are [`super::xtext`]. Tests: at the end
//! of each file; `tests/pure/submission_properties.rs`; a second opinion in `tests/pure/smtp_oracle.rs`.

pub mod command;
pub mod keywords;
pub mod line;
mod mailbox;
pub mod path;
pub mod reply;
