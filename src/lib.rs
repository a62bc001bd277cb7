//! Hale: a mail proxy appliance.
//!
//! The modules below stand in the order in which a connection travels through them; ARCHITECTURE.md tells the story
//! and holds the table of who may import whom, which `tests/tidy.rs` enforces.

// Vocabulary: values that every room may use.
pub mod limits;
pub mod tick;
pub mod names;
pub mod network;
pub mod secret;
pub mod facts;
pub mod fault;
pub mod event;
pub mod template;

// The road of a connection. Pure: no sockets, clock, randomness, logging.
pub mod config;
pub mod admission;
pub mod wire;
pub mod proxy_header;
pub mod auth;
#[cfg(feature = "appliance")]
pub mod webauth;
pub mod route;
pub mod relay;
pub mod doveadm;
pub mod metrics;
pub mod tuning;
pub mod health;
pub mod moving;
#[cfg(feature = "appliance")]
pub mod tls;
pub mod preauth;
pub mod backend;
pub mod front;
pub mod session;
pub mod lmtp;

// Mechanism, and the two kinds of core that drive the road.
#[cfg(feature = "appliance")]
pub mod ring;
#[cfg(feature = "appliance")]
pub mod share;
#[cfg(feature = "appliance")]
pub mod worker;
#[cfg(feature = "appliance")]
pub mod control;
#[cfg(feature = "appliance")]
pub mod boot;
