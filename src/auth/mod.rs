//! Authentication: question, verdict, password databases.
//!
//! Decides who a client is and how to present the user to a backend; never where they go (`route`) and never what the
//! client is told (`preauth`). A login travels through it so: [`ask`] is what a client presented, [`user`] makes names
//! of it, [`chain`] asks each [`passdb`] in order (a [`passwd_file`], a static one, or one elsewhere by an [`inquiry`]),
//! [`scheme`] verifies the password (a costly one as a [`job`] of the hashing pool, unless [`cache`] knows the answer), [`fields`] makes the [`verdict`] of the
//! passdb's extra fields, [`answer`] adds what only the log may know, and [`delay`] says when a refusal may be told.
//!
//! Pure: no I/O, clock, randomness, threads. `worker::login::look_ups` and the hashing pool drive it; `control` reads the files.
//! Tests are beside the code.
#![forbid(unsafe_code)]

pub mod ask;
pub mod user;
pub mod variables;
pub mod chain;
pub mod passdb;
pub mod name_filter;
pub mod inquiry;
pub mod job;
pub mod passwd_file;
pub mod scheme;
pub mod saslname;
pub mod scram;
pub mod sql_query;
pub mod challenge;
pub mod digest_md5;
pub mod bearer;
pub mod cache;
pub mod fields;
pub mod verdict;
pub mod answer;
pub mod delay;
pub mod ldap;
