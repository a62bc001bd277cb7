//! LMTP: a message from one client to the backends of its recipients (docs/rules/lmtp.md).
//!
//! Hale is a server here and a client there, and no bytes are relayed: one message may go to many backends, and each of
//! its recipients has a reply of its own.
//!
//! ```text
//!             client's side                     backends' side
//! client ⇄ front ─ machine ─ commands ──────► delivery ─ recipients ─► links ─ link, answers ⇄ backend
//!                     ▲      parameters,         │       looked up,                         ⇄ backend
//!                     │      xclient, hello      │       routed, offered
//!                     └───────── reply ◄─────────┘
//! ```
//!
//! Decides: the client's dialogue ([`commands`]), where each recipient goes ([`recipients`]), the dialogue with each backend
//! ([`link`], [`answers`], [`sending`]), how the message passes through ([`content`], [`feed`]) and what each recipient's reply is
//! ([`delivery`]). Does not: know users or routes; it wishes for answers as `session` does. Does not: store mail. What is
//! here of a message is one window of `LMTP_WINDOW_BYTES`, whatever its size and however many backends: the source is
//! read when the slowest backend has taken what came before, and a backend that takes nothing for `LMTP_STALL_TIMEOUT`
//! is given up at the cost of its own recipients.
//!
//! Never a 250 that a backend did not give. The end of a message goes to the backends when it came from the client, and
//! not before; a backend that is not to have the message, because the client left or sent too much, sees its connection
//! close in the middle of it.
//!
//! The shell gives an [`Input`], carries out the [`Wish`]es, then moves bytes: [`Lmtp::fill`] writes what a backend is
//! due into the shell's own buffer and [`Lmtp::sent`] says how much of it the kernel took, so that no backend needs a
//! buffer here; a long piece of a message is sent from the window itself ([`Lmtp::stretch`], [`Lmtp::passed`]). Backend connections have numbers, [`LinkId`].
//!
//! Pure: driven by `worker::lmtp`, the simulator, transcripts and fuzz targets. Tests: `tests/pure/lmtp`, and at the end
//! of the files.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod answers;
mod commands;
mod content;
mod delivery;
mod envelope;
mod feed;
mod hello;
mod input;
mod leaving;
mod lessons;
mod link;
mod links;
mod machine;
mod output;
mod parameters;
mod recipients;
mod reply;
mod sending;
mod settings;
mod shell;
mod transaction;
mod xclient;

pub use feed::Stretch;
pub use input::{Input, Leaving, LinkId};
pub use machine::Lmtp;
pub use output::{Outbox, Wish};
pub use settings::LmtpSettings;
