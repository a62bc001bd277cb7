//! Threads that verify signatures, started before the control core binds itself to a CPU, so that neither it nor a data core pays
//! for them.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::limits;
use crate::secret::Secret;
use crate::share::jobs::Jobs;
use crate::webauth::{Claims, KeySet, Token, TokenFault};

/// The way to the threads, which end with the last clone of it.
#[derive(Clone, Debug)]
pub(in crate::control::userdbs) struct Verifiers(Arc<Queue>);

#[derive(Debug)]
struct Queue(Jobs<Job>);

/// One token.
#[derive(Debug)]
struct Job {
    keys: Arc<KeySet>,
    token: Secret,
    done: oneshot::Sender<Result<Claims, TokenFault>>,
}

/// No thread has an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind;

impl Verifiers {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::control::userdbs) fn start(threads: usize) -> std::io::Result<Self> {
        let jobs = Jobs::new(limits::TOKENS_WAITING_MAX)?;
        for number in 0..threads {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new().name(format!("hale-token-{number}"));
            thread.spawn(move || work(&jobs))?;
        }
        Ok(Self(Arc::new(Queue(jobs))))
    }

    /// What a token claims, if one of the keys has signed it.
    pub(super) async fn verify(
        &self,
        keys: &Arc<KeySet>,
        token: &Secret,
    ) -> Result<Result<Claims, TokenFault>, Behind> {
        let (done, told) = oneshot::channel();
        let job = Job { keys: Arc::clone(keys), token: token.clone(), done };
        self.0.0.push(job).map_err(|_| Behind)?;
        told.await.map_err(|_| Behind)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn work(jobs: &Jobs<Job>) {
    while let Some(Job { keys, token, done }) = jobs.next() {
        let verified = Token::parse(token.expose())
            .and_then(|token| keys.verify(&token).map(|()| token.into_claims()));
        // The login has been given up.
        let _ = done.send(verified);
    }
}
