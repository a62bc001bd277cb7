//! Bytes that a socket did not take. They are sent, in order, as soon as it takes bytes again.

use zeroize::Zeroize as _;

/// Empties a buffer that may have held a password, and will be used again (W-CRED-2). Only what it held is overwritten, byte
/// by byte: the room behind it has been by its former users.
pub(in crate::worker) fn wipe(buffer: &mut Vec<u8>) {
    buffer.as_mut_slice().zeroize();
    buffer.clear();
}

/// What waits for a socket; no memory while nothing does.
#[derive(Debug, Default)]
pub(in crate::worker) struct Unsent(Vec<u8>);

impl Unsent {
    pub(in crate::worker) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::worker) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::worker) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(in crate::worker) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The socket took so many.
    pub(in crate::worker) fn took(&mut self, count: usize) {
        let rest = self.0.split_off(count.min(self.0.len()));
        self.forget();
        self.0 = rest;
    }

    /// They are not to be sent any more. What did not get away may hold a password (W-CRED-2).
    pub(in crate::worker) fn forget(&mut self) {
        wipe(&mut self.0);
        self.0 = Vec::new();
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}
