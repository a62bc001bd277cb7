//! What a driver wants to happen to its connection next. Drivers say it; [`super::core`] does it, and nothing else ends a
//! connection or frees a slot.

use crate::event::EndedBy;

/// The end of a driver's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Nothing: it goes on as it is.
    Stay,
    /// A login's last bytes are sent: from here on they are only moved.
    Relay,
    /// The client has its last reply; it gets a moment to close before we do, so that no reset overtakes the reply.
    Linger,
    /// A relayed session is over. `error`: how it broke.
    Ended { by: EndedBy, error: Option<&'static str> },
    /// Both sides are closed, and everything that is known of the connection is forgotten.
    Close,
}
