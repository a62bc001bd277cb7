//! The admin socket (`base_dir/admin.sock`): what an operator asks a running Hale and tells it to do. docs/ADMIN.md has its
//! protocol.
//!
//! Duty: requests, one a line (`verbs`); who may make them, how many at once, how long each may take (`socket`); answers,
//! streamed as fast as their reader reads (`answer`); questions to all data cores (`enquire`); what the requests do (`who`,
//! `kick`, `status`, and the cluster's commands). Non-duty: opening the socket (`boot`), printing (`cli`), which asks through
//! [`client`]. Driven by the control core's tasks. Tests: in the files, and `tests/appliance/e2e/admin*.rs`.
#![forbid(unsafe_code)]

mod answer;
mod beyond;
mod board;
pub(in crate::control) mod by_http;
pub mod client;
mod enquire;
mod kick;
mod memory;
mod metrics;
mod orders;
mod present;
pub(in crate::control) mod process;
mod requests;
mod socket;
mod status;
mod top;
mod trace;
mod verbs;
mod watch;
mod who;

pub(in crate::control) use beyond::KickOrder;
pub use board::Board;
pub(in crate::control) use board::{MoveLine, MoveOf, ProbeLine, Told};
pub(in crate::control) use kick::{Kicking, Left, described};
pub(in crate::control) use present::{Counted, Session};
pub use present::{kicked, who};
pub(in crate::control) use requests::Asker;
pub use requests::{About, Admin, Reloaded};
pub use socket::AdminSocket;
pub(in crate::control) use socket::serve;
pub use top::{Page, Pressed};
pub use verbs::{KickCommand, ListenerCommand, Listeners, Request, TraceCommand, WhoCommand};
pub use watch::{Happening, Watch};
