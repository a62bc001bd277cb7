//! The kernel's side of a data core: one ring, the sockets, the pipes, the clock. The only room with `unsafe`.
//!
//! Duty: carry out what a worker wishes and hand back what happened, as plain values behind one seam, [`port::Port`].
//! Not its duty: any decision about protocols, routing or who may connect.
//! Driven by `worker`; the simulator in `tests/appliance/sim` puts another `Port` in its place.
//! Tests: at the end of the files, and against the real kernel in `tests/appliance/ring`.
#![allow(unsafe_code, reason = "the kernel's interface; every block says why it is sound")]

pub mod attempts;
pub mod port;
pub mod slots;
pub mod socket;
pub mod outgoing;
mod pipes;
pub mod clock;
pub mod descriptors;
mod addresses;
mod endings;
pub mod inherited;
pub mod passing;
pub mod memory;
pub mod wake;
pub mod probe;
pub mod uring;
