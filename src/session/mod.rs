//! One connection's life up to the relay: PROXY header, dialogue with the client, verdict, route, login at a backend.
//!
//! Decides: the order of the stages, which deadline holds, when an attempt is repeated, what a failure leads to.
//! Does not decide: grammar (`preauth`, `backend`), passwords (`auth`), where users live (`route`).
//! Pure: driven by `worker::drive`, the simulator, transcripts and fuzz targets. Tests: `tests/pure`.
#![forbid(unsafe_code)]

pub mod input;
pub mod output;
mod announce;
mod attempt;
mod claim;
mod disclosure;
mod machine;
mod notices;
mod referred;
mod refusal;
mod secure;
mod settings;

pub use announce::{Extensions, SendHeader};
pub use machine::Session;
pub use refusal::PIPELINED;
pub use secure::ClientTls;
pub use settings::{CertificateSettings, Cleartext, ProtocolSettings, SessionSettings};
