//! One connection's life up to the relay.
//!
//! ```text
//! accepted ─ front ──────────► Talking ──────► LoggingIn ──────► handed over to the relay
//!            PROXY header,     commands,       verdict, route,
//!            trust, TLS        one at a time   backend
//!                                 ▲               │
//!                                 └─── refused ───┘
//! ```
//!
//! On the road of a login: `client` has the dialogue read what came and gets credentials; `verdict` asks the password
//! databases; `routing` turns their grant into an address; `backend` logs in there; `client` answers and hands over. `login`
//! says which of them hears what, and `step` what is known in between: a login in progress is one value, consumed from each
//! step into the next. A refusal, whichever step it comes from, is told by `login` when its time has come.
//!
//! Decides: the order of the stages, which deadline holds, when an attempt is repeated, what a failure leads to.
//! Does not decide: who the client is ([`crate::front`]), grammar (`preauth`, `backend`), passwords (`auth`), where users live
//! (`route`). Pure: driven by `worker`, the simulator, transcripts and fuzz targets. Tests: `tests/pure`.
#![forbid(unsafe_code)]

pub mod input;
pub mod output;
mod backend;
mod claim;
mod client;
mod disclosure;
mod history;
mod login;
mod machine;
mod routing;
mod settings;
mod step;
mod verdict;

pub use crate::front::{ClientTls, PIPELINED};
pub use crate::proxy_header::announce::{Extensions, SendHeader, SiteHeader};
pub use machine::Session;
pub use settings::{CertificateSettings, Cleartext, ProtocolSettings, SessionSettings};
