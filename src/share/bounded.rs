//! A queue with a bound that takes memory only for what waits in it.
//!
//! A ring of all its places is touched as a whole when it is made: 16,384 log lines took five megabytes of a process
//! that had nothing to say. Here a block is taken for every thirty-one messages and given back when they are read.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;

/// A queue without a lock: any number of threads at both ends.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    queue: SegQueue<T>,
    /// Messages in the queue, and those that a sender is about to add; never less than there are.
    taken: AtomicUsize,
    capacity: usize,
}

impl<T> Bounded<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { queue: SegQueue::new(), taken: AtomicUsize::new(0), capacity }
    }

    /// Adds a message, or gives it back when there is no place.
    pub(super) fn push(&self, message: T) -> Result<(), T> {
        // The queue itself orders what is in it; the number only bounds it.
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(message);
        }
        self.queue.push(message);
        Ok(())
    }

    pub(super) fn pop(&self) -> Option<T> {
        let message = self.queue.pop()?;
        self.taken.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// How many there are; one that is being added counts.
    pub(super) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_message_is_read() {
        let queue = Bounded::new(2);
        for round in 0..100 {
            assert_eq!((queue.push(round), queue.push(round)), (Ok(()), Ok(())));
            assert_eq!(queue.push(round), Err(round));
            assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(round), Some(round), None));
            assert!(queue.is_empty());
        }
    }

    #[test]
    fn many_at_both_ends_lose_nothing_and_never_pass_the_bound() {
        let queue = Bounded::new(8);
        let read = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    for mut message in 0..5_000_usize {
                        while let Err(back) = queue.push(message) {
                            message = back;
                            std::thread::yield_now();
                        }
                    }
                });
                threads.spawn(|| {
                    while read.load(Ordering::SeqCst) < 10_000 {
                        assert!(queue.queue.len() <= 8 + 2);
                        match queue.pop() {
                            Some(_) => drop(read.fetch_add(1, Ordering::SeqCst)),
                            None => std::thread::yield_now(),
                        }
                    }
                });
            }
        });
        assert!(queue.is_empty());
        assert_eq!(queue.taken.load(Ordering::SeqCst), 0);
    }
}
