//! Bytes that have arrived and are not understood yet: a bounded buffer whose memory exists only while it is needed.
//!
//! Decides: how much may wait. Does not: look into the bytes. Passwords travel through here, so consumed bytes are
//! wiped, and so is every block of memory it gives back (W-CRED-2). Driver: the session appends what the core received,
//! a dialogue consumes. Tests: below.

use crate::secret::wipe;

/// A byte queue with a hard wall. Appending past the wall takes only what fits; the rest stays with the caller, who
/// leaves it in the socket (back-pressure).
#[derive(Default)]
pub struct Inbox {
    memory: Vec<u8>,
    /// Bytes of `memory` that were consumed (and wiped) already.
    start: usize,
    wall: usize,
}

impl Inbox {
    /// An empty buffer that will never hold more than `wall` bytes. Allocates nothing.
    #[must_use]
    pub const fn new(wall: usize) -> Self {
        Self { memory: Vec::new(), start: 0, wall }
    }

    /// Takes as many of `bytes` as there is room for and says how many.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        let Some(bytes) = bytes.get(..taken) else {
            return 0;
        };
        if bytes.is_empty() {
            return 0;
        }
        if self.memory.capacity().saturating_sub(self.memory.len()) < taken {
            self.make_room(taken);
        }
        self.memory.extend_from_slice(bytes);
        taken
    }

    /// Forgets the first `count` bytes; more than there are means all.
    pub fn consume(&mut self, count: usize) {
        let end = self.start.saturating_add(count).min(self.memory.len());
        if let Some(gone) = self.memory.get_mut(self.start..end) {
            wipe(gone);
        }
        self.start = end;
        if self.start == self.memory.len() {
            self.memory = Vec::new();
            self.start = 0;
        }
    }

    /// Hands over everything that is left, as residue for the relay, and is empty afterwards.
    #[must_use]
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.bytes().to_vec();
        self.consume(usize::MAX);
        rest
    }

    /// The bytes that wait, oldest first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..).unwrap_or_default()
    }

    /// How many more bytes fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.wall.saturating_sub(self.bytes().len())
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Heap bytes held now.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.memory.capacity()
    }

    /// Moves what waits into memory with room for `more` bytes; wipes the old place, which `Vec` would not do.
    fn make_room(&mut self, more: usize) {
        let needed = self.bytes().len().saturating_add(more);
        let size = needed.max(needed.saturating_mul(2).min(self.wall));
        let mut moved = Vec::with_capacity(size);
        moved.extend_from_slice(self.bytes());
        wipe(&mut self.memory);
        self.memory = moved;
        self.start = 0;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        wipe(&mut self.memory);
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} of {} bytes)", self.bytes().len(), self.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_up_to_the_wall_and_frees_its_heap_when_empty() {
        let mut inbox = Inbox::new(8);
        assert_eq!(inbox.heap_bytes(), 0);
        assert_eq!(inbox.append(b"hello"), 5);
        assert_eq!(inbox.append(b"world"), 3);
        assert_eq!((inbox.bytes(), inbox.room()), (&b"hellowor"[..], 0));
        inbox.consume(6);
        assert_eq!(inbox.append(b"lds, more"), 6);
        assert_eq!(inbox.bytes(), b"orlds, m");
        assert_eq!(inbox.take_rest(), b"orlds, m");
        assert_eq!((inbox.heap_bytes(), inbox.room()), (0, 8));
        inbox.consume(7);
        assert!(inbox.is_empty());
    }

    #[test]
    fn w_cred_2_consumed_bytes_are_wiped_and_debug_shows_none() {
        let mut inbox = Inbox::new(64);
        inbox.append(b"hunter2 rest");
        assert_eq!(format!("{inbox:?}"), "Inbox(12 of 64 bytes)");
        inbox.consume(8);
        assert_eq!(inbox.memory.get(..8), Some(&[0; 8][..]));
        assert_eq!(inbox.bytes(), b"rest");
    }

    #[test]
    fn heap_never_exceeds_the_wall() {
        let mut inbox = Inbox::new(1000);
        for round in 0..5000_usize {
            inbox.append(&vec![7; round % 37]);
            assert!(inbox.heap_bytes() <= 1000, "{}", inbox.heap_bytes());
            inbox.consume(round % 31);
        }
    }
}
