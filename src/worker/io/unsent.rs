//! Bytes that a socket did not take. They are sent, in order, as soon as it takes bytes again.

use zeroize::Zeroize as _;

#[cfg(doc)]
use crate::ring::port::Port;

/// Empties a buffer that may have held a password, and will be used again (W-CRED-2). Only what it held is overwritten, byte
/// by byte: the room behind it has been by its former users.
pub(in crate::worker) fn wipe(buffer: &mut Vec<u8>) {
    buffer.as_mut_slice().zeroize();
    buffer.clear();
}

/// What waits for a socket; no memory while nothing does.
///
/// A batched one first gives its bytes to be sent with those of the core's other connections, by one call for all
/// ([`Port::post`]). Until that is done, and what did not get away has been taken back, nothing may overtake them.
#[derive(Debug, Default)]
pub(in crate::worker) struct Unsent {
    bytes: Vec<u8>,
    batch: Batch,
}

/// Bytes on their way with those of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Batch {
    /// Bytes are sent at once.
    #[default]
    Never,
    None,
    /// Given away in this round ([`Port::round`]).
    Round(u32),
}

impl Unsent {
    /// One whose bytes are sent in batches. What is taken back has to be told to [`Self::put_back`].
    pub(in crate::worker) fn batched() -> Self {
        Self { bytes: Vec::new(), batch: Batch::None }
    }

    pub(in crate::worker) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(in crate::worker) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(in crate::worker) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::worker) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The socket took so many.
    pub(in crate::worker) fn took(&mut self, count: usize) {
        let rest = self.bytes.split_off(count.min(self.bytes.len()));
        wipe(&mut self.bytes);
        self.bytes = rest;
    }

    /// They are not to be sent any more. What did not get away may hold a password (W-CRED-2).
    pub(in crate::worker) fn forget(&mut self) {
        wipe(&mut self.bytes);
        self.bytes = Vec::new();
        if self.batch != Batch::Never {
            self.batch = Batch::None;
        }
    }

    // === Batches ===

    /// Whether bytes for the socket may be given away now, to be sent with those of others.
    pub(super) fn may_batch(&self) -> bool {
        self.batch == Batch::None && self.bytes.is_empty()
    }

    /// Whether bytes may be sent now without overtaking others.
    pub(super) fn may_send(&self) -> bool {
        !self.is_under_way() && self.bytes.is_empty()
    }

    /// Bytes were given away in this round.
    pub(super) fn give_away(&mut self, round: u32) {
        self.batch = Batch::Round(round);
    }

    /// Whether bytes were given away of which it is not known yet that they were taken.
    pub(in crate::worker) fn is_under_way(&self) -> bool {
        matches!(self.batch, Batch::Round(_))
    }

    /// The round in which bytes were given away that are under way; 0: none are.
    pub(in crate::worker) fn round(&self) -> u32 {
        match self.batch {
            Batch::Round(round) => round,
            Batch::Never | Batch::None => 0,
        }
    }

    /// What earlier rounds left has been taken back: those bytes are under way no longer.
    pub(in crate::worker) fn begin_round(&mut self, round: u32) {
        if self.is_under_way() && self.round() != round {
            self.batch = Batch::None;
        }
    }

    /// Bytes that were under way wait again, in front of all others. Not those of a former socket: they were forgotten.
    pub(in crate::worker) fn put_back(&mut self, bytes: &[u8]) {
        if self.is_under_way() {
            let behind = std::mem::replace(&mut self.bytes, bytes.to_vec());
            self.bytes.extend_from_slice(&behind);
            self.batch = Batch::None;
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_goes_first_and_a_former_sockets_bytes_do_not_come_back() {
        let mut unsent = Unsent::batched();
        assert!(unsent.may_batch() && unsent.may_send());
        unsent.give_away(7);
        assert!(!unsent.may_batch() && !unsent.may_send());
        unsent.push(b"second");
        unsent.begin_round(7);
        assert_eq!(unsent.round(), 7, "nothing is known of this round yet");
        unsent.put_back(b"first ");
        assert_eq!(unsent.bytes(), b"first second");
        unsent.took(6);
        assert_eq!((unsent.bytes(), unsent.round()), (&b"second"[..], 0));
        unsent.forget();
        unsent.give_away(8);
        unsent.forget();
        unsent.put_back(b"of a former socket");
        assert!(unsent.may_batch(), "{unsent:?}");
        unsent.give_away(9);
        unsent.begin_round(10);
        assert!(unsent.may_batch(), "everything was taken");
    }

    #[test]
    fn one_that_is_not_batched_gives_nothing_away() {
        let mut unsent = Unsent::default();
        assert!(!unsent.may_batch() && unsent.may_send());
        unsent.push(b"bytes");
        assert!(!unsent.may_send());
        unsent.forget();
        assert!(!unsent.may_batch() && unsent.may_send());
    }
}
