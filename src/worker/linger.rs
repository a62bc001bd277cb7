//! The end of a connection that was answered but not relayed: our last reply has to arrive.

use std::time::Duration;

use crate::ring::port::{IoFault, Port};

use super::io::line::Line;
use super::io::socket::Side;
use super::next::Next;
use super::signal::Signal;

/// Closes our half and waits a little for the client to close its own, so that bytes it still sends do not turn our last reply
/// into a reset.
pub(super) fn begin<P: Port>(mut line: Line<'_, P>, scratch: &mut [u8]) -> Next {
    *line.tls = None;
    line.close(Side::Backend);
    line.shutdown(Side::Client);
    line.set_deadline(line.now().after(LINGER));
    throw_away(&mut line, scratch)
}

/// What happens to a connection meanwhile.
pub(super) fn drive<P: Port>(mut line: Line<'_, P>, signal: &Signal, scratch: &mut [u8]) -> Next {
    match signal {
        Signal::Readable(Side::Client) => throw_away(&mut line, scratch),
        Signal::Deadline => Next::Close,
        _ => Next::Stay,
    }
}

/// Throws away what a client still sends after its last reply.
fn throw_away<P: Port>(line: &mut Line<'_, P>, scratch: &mut [u8]) -> Next {
    let Some(fd) = line.fd(Side::Client) else { return Next::Close };
    for _ in 0..READS {
        match line.io.port.recv(fd, scratch) {
            Ok(1..) => {}
            Err(IoFault::WouldBlock) => return Next::Stay,
            Ok(0) | Err(_) => return Next::Close,
        }
    }
    // Still talking after a bounded courtesy.
    Next::Close
}

/// How long a refused client may keep its half open.
const LINGER: Duration = Duration::from_secs(1);
/// How often it is read.
const READS: usize = 8;
