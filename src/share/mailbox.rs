//! A bounded queue with a wake-up: many senders, one receiver that may sleep in its ring.
//!
//! A sender pays for a system call only when the receiver sleeps. The receiver announces its sleep, looks at the
//! queue once more and only then waits; the sender queues first and looks at the announcement afterwards. With both
//! sides sequentially consistent one of them always sees the other, so no message waits for the next event.

use std::sync::atomic::{AtomicBool, Ordering, fence};

use super::bounded::Bounded;
use crate::ring::wake::Waker;

/// A mailbox. The receiver is the thread that polls its waker.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Bounded<T>,
    asleep: AtomicBool,
    waker: Waker,
}

impl<T> Mailbox<T> {
    /// A mailbox for at most `capacity` messages, whose receiver is woken by `waker`.
    #[must_use]
    pub fn new(capacity: usize, waker: Waker) -> Self {
        // Asleep at first: the first message wakes the receiver whatever it is doing.
        Self { queue: Bounded::new(capacity), asleep: AtomicBool::new(true), waker }
    }

    /// Queues a message and wakes the receiver if it sleeps.
    ///
    /// # Errors
    /// The message, when the mailbox is full. The sender decides what that means: a temporary failure, a lost line.
    pub fn send(&self, message: T) -> Result<(), T> {
        self.queue.push(message)?;
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
        Ok(())
    }

    /// The oldest message. Receiver only.
    pub fn take(&self) -> Option<T> {
        self.queue.pop()
    }

    /// Announces that the receiver is about to wait. `false`: do not, there is something in the queue.
    #[must_use]
    pub fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.queue.is_empty() {
            return true;
        }
        self.asleep.store(false, Ordering::SeqCst);
        false
    }

    /// The receiver is up again: senders need not wake it.
    pub fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// The receiver's wake-up.
    #[must_use]
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// How many messages wait, and how many may.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.queue.len(), self.queue.capacity())
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn mailbox(capacity: usize) -> Arc<Mailbox<u32>> {
        Arc::new(Mailbox::new(capacity, Waker::new().unwrap()))
    }

    #[test]
    fn a_full_mailbox_gives_the_message_back() {
        let mailbox = mailbox(2);
        assert_eq!(mailbox.send(1), Ok(()));
        assert_eq!(mailbox.send(2), Ok(()));
        assert_eq!(mailbox.send(3), Err(3));
        assert_eq!(mailbox.take(), Some(1));
    }

    #[test]
    fn nobody_falls_asleep_over_a_message() {
        let mailbox = mailbox(2);
        assert!(mailbox.fall_asleep());
        mailbox.send(1).unwrap();
        assert!(!mailbox.fall_asleep());
        mailbox.take();
        assert!(mailbox.fall_asleep());
    }

    #[test]
    fn every_message_arrives_although_the_receiver_sleeps_in_between() {
        use rustix::event::{PollFd, PollFlags, poll};

        let mailbox = mailbox(8);
        let sender = Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || {
            for number in 0..20_000 {
                let mut message = number;
                while let Err(back) = sender.send(message) {
                    message = back;
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        while expected < 20_000 {
            while let Some(number) = mailbox.take() {
                assert_eq!(number, expected);
                expected += 1;
            }
            if expected < 20_000 && mailbox.fall_asleep() {
                let ten_seconds = rustix::time::Timespec { tv_sec: 10, tv_nsec: 0 };
                let woken =
                    poll(&mut [PollFd::new(mailbox.waker(), PollFlags::IN)], Some(&ten_seconds))
                        .unwrap();
                assert_eq!(woken, 1, "a wake-up was lost before message {expected}");
                mailbox.waker().clear();
                mailbox.wake_up();
            }
        }
        thread.join().unwrap();
    }
}
