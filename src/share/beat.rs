//! Whether a data core turns: the control core asks with a number, and the core answers by writing that number down.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last number that a core has answered. One writer, the core; any reader.
#[derive(Debug, Default)]
pub struct Beat(AtomicU64);

impl Beat {
    /// The core has come to read its mailbox.
    pub fn answer(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// The core has ended in order: it owes no answer any more.
    pub fn leave(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether the core has turned since it was asked with this number.
    #[must_use]
    pub fn has_answered(&self, number: u64) -> bool {
        self.0.load(Ordering::Relaxed) >= number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_owes_the_answer_to_the_last_question_until_it_has_left() {
        let beat = Beat::default();
        assert!(beat.has_answered(0), "it was not asked yet");
        assert!(!beat.has_answered(1));
        beat.answer(1);
        assert!(beat.has_answered(1) && !beat.has_answered(2));
        beat.leave();
        assert!(beat.has_answered(2));
    }
}
