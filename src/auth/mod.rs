//! Authentication: question, verdict, password databases. Pure; `worker::asks` and the hashing pool drive it.

pub mod ask;
pub mod verdict;
