//! A bounded queue of work for a pool of threads that sleep while it is empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bounded::Bounded;
use crate::ring::port::Fd;
use crate::ring::wake::Semaphore;

/// The way to the pool. Clones lead to the same one.
#[derive(Debug)]
pub struct Jobs<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    queue: Bounded<T>,
    waiting: Semaphore,
    closed: AtomicBool,
}

impl<T> Clone for Jobs<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Jobs<T> {
    /// A queue for at most `capacity` jobs.
    ///
    /// # Errors
    /// The kernel's, when it has no descriptor left.
    pub fn new(capacity: usize) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            queue: Bounded::new(capacity),
            waiting: Semaphore::new()?,
            closed: AtomicBool::new(false),
        })))
    }

    /// Queues a job and wakes a thread for it.
    ///
    /// # Errors
    /// The job, when the queue is full (SA-18): the caller answers with a temporary failure.
    pub fn push(&self, job: T) -> Result<(), T> {
        self.0.queue.push(job)?;
        self.0.waiting.post();
        Ok(())
    }

    /// The next job; sleeps while there is none. `None`: the queue is closed.
    #[must_use]
    pub fn next(&self) -> Option<T> {
        loop {
            self.0.waiting.wait();
            if let Some(job) = self.0.queue.pop() {
                return Some(job);
            }
            if self.0.closed.load(Ordering::SeqCst) {
                // The others wait for the same news.
                self.0.waiting.post();
                return None;
            }
        }
    }

    /// Whether no job waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
    }

    /// The descriptor that wakes the threads.
    #[must_use]
    pub fn descriptor(&self) -> Fd {
        self.0.waiting.fd()
    }

    /// Lets every thread go once the queue is empty.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.waiting.post();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sa_18_a_full_queue_refuses_and_a_closed_one_lets_all_threads_go() {
        let jobs = Jobs::new(2).unwrap();
        assert_eq!((jobs.push(1), jobs.push(2), jobs.push(3)), (Ok(()), Ok(()), Err(3)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let jobs = jobs.clone();
                std::thread::spawn(move || std::iter::from_fn(|| jobs.next()).sum::<i32>())
            })
            .collect();
        jobs.close();
        let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(sum, 3);
    }
}
