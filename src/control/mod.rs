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
mod config_files;
mod current;
mod dial;
mod doors;
mod expiry;
mod hashing;
mod http_client;
mod identities;
mod inspection;
mod latency;
mod loads;
mod log;
mod log_file;
mod memory_budget;
mod orders;
mod passdb_settings;
mod passdbs;
mod policy;
pub mod ports;
mod reload;
mod resolver;
mod run;
mod stats;
mod supervisor;
mod tasks;
mod userdbs;
mod wall_clock;

pub use certificates::{Certificates, Loaded as LoadedCertificates};
pub use config_files::ConfigFiles;
pub use current::Current;
pub use doors::{Doors, DoorsToServe, OpenDoors, not_served as door_not_served};
pub use expiry::Expiry;
pub use hashing::start as start_hashing;
pub use inspection::{Inspected, Outcome, inspect};
pub use log::Level;
pub use log_file::LogWriter;
pub use passdb_settings::SettingFault;
pub use passdbs::{PassdbFault, PassdbSources, WatchedSources};
pub use policy::PolicyServer;
pub use reload::{Reloader, rules_of_replies};
pub use resolver::Resolver;
pub use run::run;
pub use stats::PageSettings;
pub use tasks::{Control, Mover, Probes, Routing, moves_of};
pub use userdbs::UserDbs;
pub use wall_clock::{time_now, unix_millis};
