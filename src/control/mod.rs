//! The control side: GeoDB, cluster commands.
//!
//! Duty: everything that may wait for a disk, a network or a name server. Non-duty: client connections, which live on
//! data cores. Driven by the control core's thread and by the command line.

pub mod geodb;
pub mod cluster;
