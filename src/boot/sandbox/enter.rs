//! The way into the sandbox: everything that can be given up, in the order that the kernel demands, and what it means when some of it
//! can't be.

use super::calls::{self, Kind};
use super::files;
use crate::boot::exit::{Exit, Refusal};
use crate::config::{Config, Sandbox};
use crate::control::Level;

/// Whether the process is inside, for threads that give up more than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::boot) enum Confinement {
    /// It keeps everything.
    Open,
    /// It is inside.
    Inside,
}

/// Gives up what the process does not need, for this thread and all that it starts; called before there are others. What the log is
/// to say of it comes back.
pub(in crate::boot) fn enter(
    config: &Config,
) -> Result<(Confinement, Vec<(Level, String)>), Refusal> {
    if config.sandbox == Sandbox::No {
        return Ok((Confinement::Open, Vec::new()));
    }
    // The first thing that both of the others demand.
    let privileges = rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("privileges can't be given up: {error}"));
    let files = files::restrict(&files::within_reach(config));
    let calls = calls::restrict_process();
    let lacks: Vec<String> =
        [privileges, files, calls].into_iter().filter_map(Result::err).collect();
    if lacks.is_empty() {
        let text = "sandbox: files that no setting names and system calls that Hale does not make are out of reach";
        return Ok((Confinement::Inside, vec![(Level::Info, text.to_owned())]));
    }
    let lacks = lacks.join("; ");
    if config.sandbox == Sandbox::Yes {
        return Err(Refusal {
            exit: Exit::Config,
            text: format!("sandbox: {lacks}; sandbox = try does without what this kernel can't"),
        });
    }
    let text =
        format!("sandbox: {lacks}; Hale goes on without that (sandbox = no: without this line)");
    Ok((Confinement::Inside, vec![(Level::Warning, text)]))
}

impl Confinement {
    /// Gives up what threads of this kind do not need, in the calling one and all that it starts.
    pub(in crate::boot) fn restrict(self, kind: Kind) {
        if self == Self::Inside {
            // The process has done the same before with more calls: a kernel that took that takes this.
            let _ = calls::restrict_thread(kind);
        }
    }
}
