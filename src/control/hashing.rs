//! The hashing pool: verifies costly passwords on threads of its own, off the data cores (reliability.md 5).

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::share::jobs::Jobs;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, HashJob, ToCore};

/// Starts `threads` hashing threads. They answer to the mailbox of the core that asked and end when the queue closes.
///
/// # Errors
/// The system's, when a thread cannot be made.
pub fn start(
    threads: usize,
    jobs: &Jobs<HashJob>,
    cores: &[Arc<Mailbox<ToCore>>],
) -> std::io::Result<Vec<JoinHandle<()>>> {
    (0..threads)
        .map(|number| {
            let jobs = jobs.clone();
            let cores = cores.to_vec();
            std::thread::Builder::new()
                .name(format!("hale-hash-{number}"))
                .spawn(move || work(&jobs, &cores))
        })
        .collect()
}

fn work(jobs: &Jobs<HashJob>, cores: &[Arc<Mailbox<ToCore>>]) {
    while let Some(HashJob { ticket, job }) = jobs.next() {
        let result = job.run();
        let Some(core) = cores.get(usize::from(ticket.core.0)) else {
            continue;
        };
        // A full mailbox: the login runs into its own deadline, which answers with a temporary failure.
        let _ = core.send(ToCore::Answer { ticket, answer: Answer::Verified(result) });
    }
}
