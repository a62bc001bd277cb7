//! What happens to a connection. The core says it to the room that the connection is in, together with its line.

use std::sync::Arc;

use crate::ring::port;
use crate::share::enquiry::Enquiry;
use crate::share::messages::Answer;

use super::backends::connect::NotConnected;
use super::io::socket::Side;
use super::login::throttle::Queued;

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Signal {
    /// It was accepted and has a slot.
    Accepted,
    /// A side has bytes, or its end, or may be read on.
    Readable(Side),
    /// A side takes bytes again.
    Writable(Side),
    /// What a side did not take of the bytes that were sent with those of others.
    Unsent(port::Unsent),
    /// The connect to a backend ended, one way or the other.
    Connected(Result<(), NotConnected>),
    /// The socket of a former backend, whose end was asked for, is closed now.
    BackendClosed,
    /// The connection's deadline passed.
    Deadline,
    /// The answer to the question of this number came.
    Answered(u32, Answer),
    /// A login that waits for others of its address prefix is looked at again.
    Waited(Queued),
    /// It has to make room.
    Crowded(&'static str),
    /// The operator ends it.
    Kicked,
    /// Its user is leaving the backend, or its user's group; who else does, for the messages of an LMTP client.
    Rerouted(Arc<Enquiry>),
    /// The process stops.
    Shutdown,
}
