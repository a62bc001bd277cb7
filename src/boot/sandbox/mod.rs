//! What the process gives up before it serves: files that no setting names (Landlock), system calls that it never makes (seccomp, an
//! allow-list for each kind of thread), new privileges. Rings are restricted in any case (`ring::probe`).
//!
//! Duty: what stays within reach, in which order the rest is given up, and what a kernel that knows less means. Not its duty: rights
//! that systemd takes away before the start (`systemd/hale.service`). Tests: at the end of the files; `trial` is what
//! `hale check-sandbox` does; all end-to-end tests run inside.

mod calls;
mod enter;
mod files;
mod trial;

pub(super) use calls::Kind;
pub(super) use enter::{Confinement, enter};
pub use trial::{Tried, try_sandbox};
