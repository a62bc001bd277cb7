//! The hashing pool: verifies costly passwords on threads of its own, off the data cores (R-HASH-1).

use std::sync::Arc;
use std::thread::JoinHandle;

use super::memory_budget::MemoryBudget;
use crate::auth::scheme::SchemeError;
use crate::share::jobs::Jobs;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, HashJob, HashTask, ToCore};

/// Starts `threads` hashing threads, which together take at most `memory` bytes for hashes that need memory. They answer to the mailbox of the core that asked and end when the queue closes.
///
/// # Errors
/// The system's, when a thread cannot be made.
pub fn start(
    threads: usize,
    memory: u64,
    jobs: &Jobs<HashJob>,
    cores: &[Arc<Mailbox<ToCore>>],
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let budget = Arc::new(MemoryBudget::new(memory));
    (0..threads)
        .map(|number| {
            let jobs = jobs.clone();
            let cores = cores.to_vec();
            let budget = Arc::clone(&budget);
            std::thread::Builder::new()
                .name(format!("hale-hash-{number}"))
                .spawn(move || work(&jobs, &budget, &cores))
        })
        .collect()
}

fn work(jobs: &Jobs<HashJob>, budget: &MemoryBudget, cores: &[Arc<Mailbox<ToCore>>]) {
    while let Some(HashJob { ticket, task }) = jobs.next() {
        let answer = match task {
            HashTask::Compare(job) => Answer::Verified(match budget.take(job.memory_kib()) {
                Some(_share) => job.run(),
                None => Err(SchemeError::OverBudget),
            }),
            HashTask::Derive(derivation) => Answer::Derived(derivation.run()),
        };
        let Some(core) = cores.get(usize::from(ticket.core.0)) else {
            continue;
        };
        // A full mailbox: the login runs into its own deadline, which answers with a temporary failure.
        let _ = core.send(ToCore::Answer { ticket, answer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ask::{Proof, Question};
    use crate::auth::chain::{Chain, Step};
    use crate::auth::passdb::{Driver, Passdb, Passdbs};
    use crate::auth::passwd_file::PasswdFile;
    use crate::names::{CoreId, Protocol};
    use crate::secret::Secret;
    use crate::share::exchange::Exchange;
    use crate::share::messages::Ticket;

    #[test]
    fn r_hash_1_a_hash_larger_than_the_budget_is_refused_and_not_computed() {
        // 64 MiB.
        let line = "u:{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$lOCYsSah9R9ZHo2sSo6Y+g$\
                    2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY\n";
        let (file, _) = PasswdFile::parse(line.as_bytes().to_vec()).unwrap();
        let list = vec![Passdb::new("users", Driver::PasswdFile(Arc::new(file)))];
        let question = Question {
            protocol: Protocol::Imap,
            user: "u".into(),
            authorize_as: None,
            proof: Proof::Password,
            password: Secret::from("x"),
            bound_to: Secret::default(),
            remote: [192, 0, 2, 7].into(),
            local: [192, 0, 2, 1].into(),
            approach: crate::facts::Approach::default(),
        };
        let passdbs = Arc::new(Passdbs { list, ..Passdbs::default() });
        let Step::Verify(_, job) = Chain::start(&passdbs, question) else {
            panic!("a hash that is not worth the pool")
        };
        let exchange = Exchange::new(1).unwrap();
        let threads = start(1, 63 << 20, &exchange.hashing, &exchange.to_cores).unwrap();
        let ticket = Ticket { core: CoreId(0), slot: 1, generation: 2, question: 3 };
        assert!(exchange.hashing.push(HashJob { ticket, task: HashTask::Compare(job) }).is_ok());
        exchange.hashing.close();
        for thread in threads {
            thread.join().unwrap();
        }
        let told = exchange.to_cores[0].take();
        let Some(ToCore::Answer { answer: Answer::Verified(result), .. }) = told else {
            panic!("{told:?}")
        };
        assert_eq!(result, Err(SchemeError::OverBudget));
    }
}
