//! Lexis shared by the protocols.
