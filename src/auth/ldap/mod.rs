//! LDAP without its connections: what an entry says about a user, and what a server's answers mean.
//!
//! Decides which attributes are asked for and which fields they become ([`mapping`]), how a bind or a search ended
//! ([`outcome`]), and what the password policy adds to that ([`ppolicy`]). Does not escape names: `template::Syntax`
//! does, wherever a text is a filter or a distinguished name. Knows no connections, servers or deadlines: `control`
//! drives it. Tests are beside the code, and the fuzz target `ldap`.

pub mod mapping;
pub mod outcome;
pub mod ppolicy;
