//! A costly comparison of a password with a stored one, as a value that any thread can carry out.
//!
//! Made by `auth::chain`; answered from `auth::cache`, or by the hashing pool of `control`. Tests: in `chain/tests.rs`.

use std::fmt;

use crate::auth::cache;
use crate::auth::scheme::{SchemeError, Stored};
use crate::secret::Secret;

/// A costly verification. Prints nothing.
pub struct Job {
    pub(super) text: Secret,
    pub(super) stored: Stored,
    pub(super) password: Secret,
}

impl Job {
    /// Computes it; takes milliseconds to seconds.
    ///
    /// # Errors
    /// See [`Stored::verify`].
    pub fn run(&self) -> Result<bool, SchemeError> {
        self.stored.verify(self.password.expose())
    }

    /// Memory it takes, in KiB: the pool keeps concurrency times memory within its budget (R-HASH-1).
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        self.stored.memory_kib()
    }

    /// Its key in [`cache::Verifications`]. Costly values name their scheme themselves, so that the text is all there
    /// is.
    #[must_use]
    pub fn key(&self, process_secret: &Secret) -> cache::Key {
        cache::Key::new(process_secret, self.text.expose(), self.password.expose())
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job(…)")
    }
}
