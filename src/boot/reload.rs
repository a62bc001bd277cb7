//! `hale reload`: tells the running Hale to read its certificates again.

use rustix::process::{Signal, kill_process};

use super::exit::{Exit, Refusal};
use super::{lock, settings};
use crate::config::Config;

/// Checks the files first, because the operator who types this looks at this terminal and not at the log.
///
/// # Errors
/// Files that the running Hale would not take; or there is none, or it is another user's.
pub fn reload(config: &Config) -> Result<String, Refusal> {
    settings::check(config)?;
    let base_dir = config.base_dir.display();
    let holder = lock::holder(&config.base_dir).ok_or_else(|| Refusal {
        exit: Exit::TempFail,
        text: format!("no Hale runs with base_dir {base_dir}, or its hale.lock can't be read"),
    })?;
    let process = holder.as_raw_nonzero();
    kill_process(holder, Signal::HUP).map_err(|error| Refusal {
        exit: Exit::NoPerm,
        text: format!(
            "process {process} can't be told: {error}; run this as root or as hale's user"
        ),
    })?;
    Ok(format!(
        "process {process} reads its certificates again and reopens its log, which tells how it went\n"
    ))
}
