//! The relay: bytes from one socket to the other, nothing else (wire.md 12, uring.md 8).
//!
//! A direction's reads are forwarded: they leave together with those of all other directions by the next enter, which spares
//! a call for each and was measured to be cheaper than sending at once (uring.md 3: by 9 % with a thousand sessions). The
//! first read that fills a scratch makes the direction *hot*; then it splices through a pooled pipe, one pair of splices per
//! turn, until a turn ends dry after less than a scratch. Behind a hang-up it copies through the core's scratch, to its end.
//! What the destination does not take is kept (a short rest on the heap, or in the pipe), the source is not read meanwhile,
//! and the destination's next room is awaited: back-pressure without a watermark.

use crate::event::EndedBy;
use crate::limits;
use crate::relay::Watch;
use crate::ring::port::{Fd, Half, IoFault, PipeId, Port, Token};

use super::connection::{Direction, Mode, Rest};
use super::io::socket::Side;

/// What one turn of a direction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The source has nothing more now; readiness will be told.
    Dry,
    /// More may be there: give the direction another turn, after the others.
    Again,
    /// The destination takes nothing more now: its room must be awaited.
    Blocked,
    /// The source ended and everything it sent was delivered.
    Ended,
    /// TLS with the source is over: damaged records, or an alert. Its peer has been told.
    Insecure(&'static str),
    /// The source said what may not pass: nothing of it has.
    Refused(&'static str),
    /// The connection broke on the named end of this direction.
    Broken(End, IoFault),
}

/// The ends of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// Both sockets of a direction, and what is known of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) source: Fd,
    pub(super) destination: Fd,
    /// The source hung up: read on until its end shows, whatever the size of the reads.
    pub(super) hangup: bool,
    /// Names bytes on their way to the destination.
    pub(super) token: Token,
}

/// Bytes of a direction that are looked at before they go on.
pub(super) struct Watched<'a> {
    pub(super) watch: Option<&'a mut Box<Watch>>,
    pub(super) source: Side,
}

impl Watched<'_> {
    /// How many of these bytes, changed in their place, may go on.
    pub(super) fn look(&mut self, bytes: &mut [u8]) -> Result<usize, Turn> {
        let Some(watch) = &mut self.watch else {
            return Err(Turn::Refused("nobody watches a session that has to be watched"));
        };
        match self.source {
            Side::Client => match watch.from_client(bytes) {
                Ok(()) => Ok(bytes.len()),
                Err(why) => Err(Turn::Refused(why)),
            },
            Side::Backend => Ok(watch.from_backend(bytes)),
        }
    }
}

/// Moves bytes of one direction for one turn. `moved` counts what left the source or reached the destination.
pub(super) fn turn<P: Port>(
    port: &mut P,
    scratch: &mut [u8],
    direction: &mut Direction,
    ends: Ends,
    watched: Option<Watched<'_>>,
    moved: &mut u64,
) -> Turn {
    if let Some(stop) = deliver_rest(port, direction, ends.destination, moved) {
        return stop;
    }
    if direction.ended && direction.in_pipe == 0 {
        return Turn::Ended;
    }
    match (direction.mode, direction.pipe) {
        (Mode::Hot, Some(pipe)) => splice_turn(port, direction, ends, pipe, moved),
        (Mode::Hot, None) => match port.pipe_take() {
            Some(pipe) => {
                direction.pipe = Some(pipe);
                splice_turn(port, direction, ends, pipe, moved)
            }
            None => copy_turn(port, scratch, direction, ends, None, moved),
        },
        (Mode::Copy, _) if ends.hangup => copy_turn(port, scratch, direction, ends, None, moved),
        (Mode::Copy, _) => forward_turn(port, direction, ends, moved),
        (Mode::Watched, _) => copy_turn(port, scratch, direction, ends, watched, moved),
    }
}

/// One read; what it brings leaves with what the core's other directions have read in this turn of the loop.
fn forward_turn<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    ends: Ends,
    moved: &mut u64,
) -> Turn {
    let read = match port.forward(ends.source, ends.destination, ends.token) {
        Ok(0) => {
            direction.ended = true;
            return Turn::Ended;
        }
        Ok(read) => read,
        Err(IoFault::WouldBlock) => return Turn::Dry,
        Err(fault) => return Turn::Broken(End::Source, fault),
    };
    direction.forwarded_in = port.round();
    direction.delivered += read as u64;
    *moved += read as u64;
    if read == limits::SCRATCH_BYTES {
        direction.mode = Mode::Hot;
        return Turn::Again;
    }
    Turn::Dry
}

/// Gives back the pipe when the connection ends; one that may hold bytes is destroyed.
pub(super) fn release_pipe<P: Port>(port: &mut P, direction: &mut Direction) {
    if let Some(pipe) = direction.pipe.take() {
        port.pipe_give(pipe, direction.in_pipe == 0);
        direction.in_pipe = 0;
    }
}

/// Sends what the destination refused before. `None`: nothing is left of it.
fn deliver_rest<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    destination: Fd,
    moved: &mut u64,
) -> Option<Turn> {
    let rest = direction.rest.as_mut()?;
    while let Some(bytes) = rest.bytes.get(rest.sent..).filter(|bytes| !bytes.is_empty()) {
        match port.send(destination, bytes) {
            Ok(sent) => {
                rest.sent += sent;
                direction.delivered += sent as u64;
                *moved += sent as u64;
            }
            Err(IoFault::WouldBlock) => return Some(Turn::Blocked),
            Err(fault) => return Some(Turn::Broken(End::Destination, fault)),
        }
    }
    direction.rest = None;
    None
}

fn copy_turn<P: Port>(
    port: &mut P,
    scratch: &mut [u8],
    direction: &mut Direction,
    ends: Ends,
    mut watched: Option<Watched<'_>>,
    moved: &mut u64,
) -> Turn {
    let mut reads = 0;
    loop {
        let read = match port.recv(ends.source, scratch) {
            Ok(0) => {
                direction.ended = true;
                return Turn::Ended;
            }
            Ok(read) => read,
            Err(IoFault::WouldBlock) => return Turn::Dry,
            Err(fault) => return Turn::Broken(End::Source, fault),
        };
        let full = read == scratch.len();
        let mut left = read;
        match &mut watched {
            Some(watched) => match watched.look(scratch.get_mut(..read).unwrap_or_default()) {
                Ok(may_go_on) => left = may_go_on,
                Err(refused) => return refused,
            },
            // Hot without a pipe (BE-17) ends like hot with one: when a read finds less than a scratch.
            None => direction.mode = if full { Mode::Hot } else { Mode::Copy },
        }
        let bytes = scratch.get(..left).unwrap_or_default();
        if left > 0
            && let Some(stop) = deliver(port, direction, ends.destination, bytes, moved)
        {
            return stop;
        }
        if full {
            return Turn::Again;
        }
        // A read that did not fill the scratch emptied the socket. Only a hang-up needs one more look, because its
        // readiness was told together with these bytes and will not be told again.
        reads += 1;
        if !ends.hangup {
            return Turn::Dry;
        }
        if reads == READS_PER_TURN {
            return Turn::Again;
        }
    }
}

/// Sends fresh bytes; what is not taken becomes the rest.
fn deliver<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    destination: Fd,
    bytes: &[u8],
    moved: &mut u64,
) -> Option<Turn> {
    let sent = match port.send(destination, bytes) {
        Ok(sent) => sent,
        Err(IoFault::WouldBlock) => 0,
        Err(fault) => return Some(Turn::Broken(End::Destination, fault)),
    };
    direction.delivered += sent as u64;
    // Reading is progress too: a source that fills our rest is alive.
    *moved += bytes.len() as u64;
    let rest = bytes.get(sent..).filter(|rest| !rest.is_empty())?;
    direction.rest = Some(Box::new(Rest { bytes: rest.into(), sent: 0 }));
    Some(Turn::Blocked)
}

fn splice_turn<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    ends: Ends,
    pipe: PipeId,
    moved: &mut u64,
) -> Turn {
    let mut dry = false;
    let mut filled = 0;
    if direction.in_pipe == 0 && !direction.ended {
        match port.splice_in(ends.source, pipe) {
            Ok(0) => direction.ended = true,
            Ok(bytes) => {
                filled = bytes;
                direction.in_pipe = u32::try_from(bytes).unwrap_or(u32::MAX);
                *moved += bytes as u64;
            }
            Err(IoFault::WouldBlock) => dry = true,
            Err(fault) => return Turn::Broken(End::Source, fault),
        }
    }
    if direction.in_pipe > 0 {
        match port.splice_out(pipe, ends.destination, direction.in_pipe as usize) {
            Ok(bytes) => {
                direction.in_pipe -=
                    u32::try_from(bytes).unwrap_or(direction.in_pipe).min(direction.in_pipe);
                direction.delivered += bytes as u64;
                *moved += bytes as u64;
            }
            Err(IoFault::WouldBlock) => {}
            Err(fault) => return Turn::Broken(End::Destination, fault),
        }
        if direction.in_pipe > 0 {
            return Turn::Blocked;
        }
        // A turn that moved less than a scratch found the end of the burst: copying is cheaper for what follows.
        if filled > 0 && filled < limits::SCRATCH_BYTES {
            direction.mode = Mode::Copy;
            release_pipe(port, direction);
        }
        return Turn::Again;
    }
    // Nothing in the pipe: others may use it while this direction waits.
    release_pipe(port, direction);
    if direction.ended {
        return Turn::Ended;
    }
    debug_assert!(dry);
    Turn::Dry
}

/// Tells the destination, once, that the source ended.
pub(super) fn finish<P: Port>(port: &mut P, direction: &mut Direction, destination: Fd) {
    if !std::mem::replace(&mut direction.shut, true) {
        port.shutdown(destination, Half::Write);
    }
}

/// The word for a broken connection in the log.
pub(super) fn word(fault: IoFault) -> &'static str {
    match fault {
        IoFault::WouldBlock => "would-block",
        IoFault::Reset => "reset",
        IoFault::Refused => "refused",
        IoFault::Unreachable => "unreachable",
        IoFault::TimedOut => "timed-out",
        IoFault::Descriptors => "no-descriptors",
        IoFault::Memory => "no-memory",
        IoFault::Other(_) => "unexpected-errno",
    }
}

/// Which side of the session ended it when `end` of the direction that reads from the client (or not) broke.
pub(super) fn culprit(source_is_client: bool, end: End) -> EndedBy {
    if source_is_client == (end == End::Source) { EndedBy::Client } else { EndedBy::Backend }
}

/// A peer that hung up behind a long stream of short segments may not keep the core.
const READS_PER_TURN: u32 = 16;
