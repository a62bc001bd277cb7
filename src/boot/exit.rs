//! Exit codes as doveadm uses them (sysexits(3); C-CMD-2), and refusals to start.

use std::fmt;
use std::process::ExitCode;

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// The command line was wrong.
    Usage,
    /// Something that may pass: a port in use, a file system that is full.
    TempFail,
    /// Not permitted.
    NoPerm,
    /// The configuration, the kernel or a file has to be changed first. systemd does not restart on this one.
    Config,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 64,
            Self::TempFail => 75,
            Self::NoPerm => 77,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A refusal to start: one line for the operator, and the exit code.
#[derive(Debug)]
pub struct Refusal {
    /// The code.
    pub exit: Exit,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Refusal {
    /// A refusal whose cause is configuration, kernel or a file.
    #[must_use]
    pub fn config(text: impl Into<String>) -> Self {
        Self { exit: Exit::Config, text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}
