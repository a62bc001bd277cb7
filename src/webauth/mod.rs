//! What services on the web say of a user: tokens and the keys behind them, introspection, nginx's auth_http, auth policy.
//!
//! Duty: what is asked and what an answer means, as values: which token is good and whose it is, what stands in a request,
//! which of an answer's words count. Non-duty: connections, time-outs, files, caches, the clock (`control::userdbs`); which
//! databases are asked in which order (`auth::chain`). Driven by the control core and, for signatures, by its threads.
//! Tests: in the files and in `tests`; fuzz target `webauth`.
#![forbid(unsafe_code)]

mod algorithm;
pub mod auth_http;
mod claims;
mod discovery;
mod fault;
pub mod json_http;
mod key_set;
mod keys;
pub mod policy;
pub mod provider;
mod request;
#[cfg(test)]
mod tests;
mod token;

pub use algorithm::Algorithm;
pub use claims::{Claims, Rules, Vouched};
pub use discovery::{Discovered, DiscoveryFault};
pub use fault::TokenFault;
pub use key_set::{KeySet, KeySetFault};
pub use keys::{Key, KeyFault, SharedKeys};
pub use request::{Content, Method, Request, Response};
pub use token::{Token, is_jwt};
