//! The control core: everything that may wait for a disk, a network or a name server.
//!
//! Duty: GeoDB, routing snapshot, password files, names to addresses, the log; the cluster commands; the admin socket. What runs all the
//! time is in `tasks`, a file each. Not its duty: client connections, which live on data cores. Driven by `boot` (the
//! running process) and by the command line. Tests: in the folders.

pub mod admin;
pub mod cluster;
pub mod doveadm;
pub mod geodb;
pub mod localdb;
mod certificates;
mod dial;
mod expiry;
mod hashing;
mod http_client;
mod identities;
mod inspection;
mod loads;
mod log;
mod log_file;
mod memory_budget;
mod orders;
mod passdb_settings;
mod passdbs;
mod policy;
mod resolver;
mod run;
mod stats;
mod supervisor;
mod tasks;
mod userdbs;
mod wall_clock;

pub use certificates::{Certificates, Loaded as LoadedCertificates};
pub use expiry::Expiry;
pub use hashing::start as start_hashing;
pub use inspection::{Inspected, Outcome, inspect};
pub use log::Level;
pub use log_file::LogWriter;
pub use passdb_settings::SettingFault;
pub use passdbs::{PassdbFault, PassdbSources};
pub use policy::PolicyServer;
pub use resolver::Resolver;
pub use run::run;
pub use stats::StatsDoor;
pub use tasks::{Control, DoveadmDoors, Mover, Probes, Routing, moves_of};
pub use userdbs::UserDbs;
pub use wall_clock::{time_now, unix_millis};
