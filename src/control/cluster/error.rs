//! Why a command did nothing, and the exit code that says so.

use crate::control::geodb::GeoDbError;

/// Why a command did nothing, with doveadm's exit codes (C-CMD-2).
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The command makes sense, but not with these rows or values.
    #[error("{0}")]
    Data(String),
    /// The user has no row.
    #[error("{0}")]
    NoUser(String),
    /// Site, backend, group or tag has no row.
    #[error("{0}")]
    NotFound(String),
    /// Another process changed the row in between, and nothing was written.
    #[error("{0}")]
    Changed(String),
    /// Try again.
    #[error("{0}")]
    TempFail(String),
    /// The settings or the cluster's rows are incomplete.
    #[error("{0}")]
    Config(String),
    /// The GeoDB cannot be used.
    #[error(transparent)]
    GeoDb(#[from] GeoDbError),
}

impl CommandError {
    /// The process's exit code: sysexits, as doveadm has them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Changed(_) => EX_CHANGED,
            Self::Usage(_) => EX_USAGE,
            Self::Data(_) => EX_DATAERR,
            Self::NoUser(_) => EX_NOUSER,
            Self::NotFound(_) => EX_NOTFOUND,
            Self::TempFail(_) => EX_TEMPFAIL,
            Self::Config(_) => EX_CONFIG,
            Self::GeoDb(error) => match error {
                GeoDbError::BadRow { .. } => EX_DATAERR,
                GeoDbError::Conflict { .. } => EX_CHANGED,
                GeoDbError::Denied { .. } => EX_NOPERM,
                error if error.is_temporary() => EX_TEMPFAIL,
                _ => EX_CONFIG,
            },
        }
    }
}

/// sysexits and doveadm's additions (C-CMD-2).
const EX_CHANGED: u8 = 2;
const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_NOUSER: u8 = 67;
const EX_NOTFOUND: u8 = 68;
pub(crate) const EX_TEMPFAIL: u8 = 75;
const EX_NOPERM: u8 = 77;
const EX_CONFIG: u8 = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_cmd_2_exit_codes_are_those_of_doveadm() {
        let text = String::new;
        let place = || Box::<str>::from("x");
        let codes = [
            (CommandError::Changed(text()), 2),
            (CommandError::Usage(text()), 64),
            (CommandError::Data(text()), 65),
            (CommandError::NoUser(text()), 67),
            (CommandError::NotFound(text()), 68),
            (CommandError::TempFail(text()), 75),
            (CommandError::Config(text()), 78),
            (GeoDbError::Conflict { about: place() }.into(), 2),
            (GeoDbError::Busy { place: place() }.into(), 75),
            (GeoDbError::Unavailable { place: place(), why: place() }.into(), 75),
            (GeoDbError::Timeout { after: std::time::Duration::ZERO }.into(), 75),
            (GeoDbError::Failed { place: place(), doing: "it", why: place() }.into(), 75),
            (GeoDbError::Denied { place: place(), why: place() }.into(), 77),
            (GeoDbError::Unusable { place: place(), why: place() }.into(), 78),
            (GeoDbError::Schema { place: place(), why: place() }.into(), 78),
        ];
        for (error, code) in codes {
            assert_eq!(error.exit_code(), code, "{error:?}");
        }
    }
}
