//! The relay: bytes from one socket to the other, nothing else (W-REL-4, K-RELAY-1).
//!
//! A direction's reads are forwarded: they leave together with those of all other directions by the next enter, which spares
//! a call for each and was measured to be cheaper than sending at once (K-RELAY-2). The
//! first read that fills a scratch makes the direction *hot*; then it splices through a pooled pipe, one pair of splices each
//! time it advances, until it ends dry after less than a scratch. Behind a hang-up it copies through the core's scratch, to its end.
//! What the destination does not take is kept (a short rest on the heap, or in the pipe), the source is not read meanwhile,
//! and the destination's next room is awaited: back-pressure without a watermark.

use crate::event::EndedBy;
use crate::limits;
use crate::relay::Watch;
use crate::ring::port::{Fd, Half, IoFault, PipeId, Port, Token};
use crate::tick::Tick;

use super::super::io::socket::Side;
use super::state::{Direction, Mode, Source};
use super::taps::Tap;

/// What it came to that a direction advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// The source has nothing more now; readiness will be told.
    Dry,
    /// More may be there: let the direction advance again, after the others.
    Again,
    /// The destination takes nothing more now: its room must be awaited.
    Blocked,
    /// The source ended and everything it sent was delivered.
    Ended,
    /// TLS with the source is over: damaged records, or an alert. Its peer has been told.
    Insecure(&'static str),
    /// The source said what may not pass: nothing of it has.
    Forbidden(&'static str),
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
    /// Its connection broke behind these bytes.
    pub(super) broken: bool,
    /// Everything up to its end is there.
    pub(super) complete: bool,
    /// Names bytes on their way to the destination.
    pub(super) token: Token,
}

/// Bytes of a direction that are looked at before they go on.
pub(super) struct Watched<'a> {
    pub(super) watch: Option<&'a mut Box<Watch>>,
    /// The protocol wants one.
    pub(super) is_watch_due: bool,
    /// An operator is told of them.
    pub(super) tap: Option<&'a mut Tap>,
    pub(super) now: Tick,
    pub(super) source: Side,
}

impl Watched<'_> {
    /// How many of these bytes, changed in their place, may go on.
    pub(super) fn look(&mut self, bytes: &mut [u8]) -> Result<usize, Advance> {
        let may_go_on = self.judge(bytes)?;
        if let Some(tap) = &mut self.tap {
            tap.tell(self.source, bytes.get(..may_go_on).unwrap_or_default(), self.now);
        }
        Ok(may_go_on)
    }

    fn judge(&mut self, bytes: &mut [u8]) -> Result<usize, Advance> {
        if !self.is_watch_due {
            return Ok(bytes.len());
        }
        let Some(watch) = &mut self.watch else {
            debug_assert!(false, "a session that has to be watched has no watch");
            return Err(Advance::Forbidden("a session that has to be watched has no watch"));
        };
        match self.source {
            Side::Client => match watch.from_client(bytes) {
                Ok(()) => Ok(bytes.len()),
                Err(why) => Err(Advance::Forbidden(why)),
            },
            Side::Backend => Ok(watch.from_backend(bytes)),
        }
    }
}

/// Moves bytes of one direction, once. `moved` counts what left the source or reached the destination.
pub(super) fn advance<P: Port>(
    port: &mut P,
    scratch: &mut [u8],
    direction: &mut Direction,
    ends: Ends,
    watched: Option<Watched<'_>>,
    moved: &mut u64,
) -> Advance {
    if direction.rest.is_some() {
        let mut sent = 0;
        let stop = send_rest(port, direction, ends.destination, &mut sent);
        direction.delivered += sent;
        *moved += sent;
        if let Some(stop) = stop {
            return stop;
        }
    }
    match direction.source {
        Source::Broken => return Advance::Broken(End::Source, IoFault::Reset),
        Source::Ended if direction.in_pipe == 0 => return Advance::Ended,
        Source::Ended | Source::Open => {}
    }
    match (direction.mode, direction.pipe) {
        (Mode::Hot, Some(pipe)) => splice(port, direction, ends, pipe, moved),
        (Mode::Hot, None) => match port.pipe_take() {
            Some(pipe) => {
                direction.pipe = Some(pipe);
                splice(port, direction, ends, pipe, moved)
            }
            None => copy(port, scratch, direction, ends, None, moved),
        },
        (Mode::Copy, _) if ends.hangup => copy(port, scratch, direction, ends, None, moved),
        (Mode::Copy, _) => forward(port, direction, ends, moved),
        (Mode::Watched, _) => copy(port, scratch, direction, ends, watched, moved),
    }
}

/// One read; what it brings leaves with what the core's other directions have read in this turn of the loop.
fn forward<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    ends: Ends,
    moved: &mut u64,
) -> Advance {
    let read = match port.forward(ends.source, ends.destination, ends.token) {
        Ok(0) => {
            direction.source = Source::Ended;
            return Advance::Ended;
        }
        Ok(read) => read,
        Err(IoFault::WouldBlock) => return Advance::Dry,
        Err(fault) => return Advance::Broken(End::Source, fault),
    };
    direction.forwarded_in = port.round();
    direction.delivered += read as u64;
    *moved += read as u64;
    if read == limits::SCRATCH_BYTES {
        direction.mode = Mode::Hot;
        return Advance::Again;
    }
    Advance::Dry
}

/// One read through the core's scratch.
fn copy<P: Port>(
    port: &mut P,
    scratch: &mut [u8],
    direction: &mut Direction,
    ends: Ends,
    watched: Option<Watched<'_>>,
    moved: &mut u64,
) -> Advance {
    let fetched = fetch(port, scratch, ends);
    let mut left = fetched.bytes;
    match watched {
        Some(mut watched) => match watched.look(scratch.get_mut(..left).unwrap_or_default()) {
            Ok(may_go_on) => left = may_go_on,
            Err(forbidden) => return forbidden,
        },
        // Hot without a pipe (BE-17) ends like hot with one: when a read finds less than a scratch.
        None if fetched.found == Found::Full => direction.mode = Mode::Hot,
        None => direction.mode = Mode::Copy,
    }
    // Reading is progress too: a source that fills our rest is alive.
    *moved += left as u64;
    let bytes = scratch.get(..left).unwrap_or_default();
    let mut last = Last::No;
    if fetched.found == Found::End {
        (direction.source, last) = (Source::Ended, Last::Yes);
    }
    match send_or_keep(port, direction, ends.destination, bytes, last) {
        Ok(sent) => direction.delivered += sent as u64,
        Err(broken) => return broken,
    }
    match fetched.found {
        Found::Broken(_) if direction.rest.is_some() => {
            direction.source = Source::Broken;
            Advance::Blocked
        }
        Found::Broken(fault) => Advance::Broken(End::Source, fault),
        _ if direction.rest.is_some() => Advance::Blocked,
        Found::Full | Found::More => Advance::Again,
        Found::All => Advance::Dry,
        Found::End => Advance::Ended,
    }
}

/// What a source had.
struct Fetched {
    bytes: usize,
    found: Found,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// A scratch full; more may be there.
    Full,
    /// Less, and yet more may be there, or a fault.
    More,
    /// Everything that was there.
    All,
    /// Everything up to the source's end.
    End,
    /// Everything up to a fault.
    Broken(IoFault),
}

/// Reads what the source has, once. Behind a hang-up that is read on, unless it is known where the end is (K-RING-11): its
/// end was told together with these bytes and will not be told again, and it travels with them. A fault can be read but once, so it is read alone.
fn fetch<P: Port>(port: &mut P, scratch: &mut [u8], ends: Ends) -> Fetched {
    let mut bytes = 0;
    for _ in 0..READS_PER_ADVANCE {
        let Some(space) = scratch.get_mut(bytes..).filter(|space| !space.is_empty()) else {
            return Fetched { bytes, found: Found::Full };
        };
        let room = space.len();
        match port.recv(ends.source, space) {
            Ok(0) => return Fetched { bytes, found: Found::End },
            Ok(read) => {
                bytes += read;
                if ends.complete && !ends.broken && read < room {
                    return Fetched { bytes, found: Found::End };
                }
            }
            Err(IoFault::WouldBlock) => return Fetched { bytes, found: Found::All },
            Err(fault) => return Fetched { bytes, found: Found::Broken(fault) },
        }
        if ends.broken && bytes < room {
            break;
        }
        // A read that did not fill its room emptied the socket.
        if !ends.hangup && bytes < room {
            return Fetched { bytes, found: Found::All };
        }
    }
    Fetched { bytes, found: Found::More }
}

fn splice<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    ends: Ends,
    pipe: PipeId,
    moved: &mut u64,
) -> Advance {
    let mut dry = false;
    let mut filled = 0;
    if direction.in_pipe == 0 && direction.source == Source::Open {
        match port.splice_in(ends.source, pipe) {
            Ok(0) => direction.source = Source::Ended,
            Ok(bytes) => {
                filled = bytes;
                direction.in_pipe = u32::try_from(bytes).unwrap_or(u32::MAX);
                *moved += bytes as u64;
            }
            Err(IoFault::WouldBlock) => dry = true,
            Err(fault) => return Advance::Broken(End::Source, fault),
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
            Err(fault) => return Advance::Broken(End::Destination, fault),
        }
        if direction.in_pipe > 0 {
            return Advance::Blocked;
        }
        // An advance that moved less than a scratch found the end of the burst: copying is cheaper for what follows.
        if filled > 0 && filled < limits::SCRATCH_BYTES {
            direction.mode = Mode::Copy;
            release_pipe(port, direction);
        }
        return Advance::Again;
    }
    // Nothing in the pipe: others may use it while this direction waits.
    release_pipe(port, direction);
    if direction.source == Source::Ended {
        return Advance::Ended;
    }
    debug_assert!(dry, "a splice that brought nothing says why");
    Advance::Dry
}

// === What both ways of moving do with bytes that are not taken ===

/// Whether the end follows bytes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Yes,
    No,
}

/// Sends fresh bytes and says how many were taken; what is not taken waits in the direction.
pub(super) fn send_or_keep<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    destination: Fd,
    bytes: &[u8],
    last: Last,
) -> Result<usize, Advance> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let sent = match last {
        Last::Yes => port.send_more(destination, bytes),
        Last::No => port.send(destination, bytes),
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(IoFault::WouldBlock) => 0,
        Err(fault) => return Err(Advance::Broken(End::Destination, fault)),
    };
    if let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        direction.keep(rest);
    }
    Ok(sent)
}

/// Sends what the destination did not take before. `None`: nothing is left of it.
pub(super) fn send_rest<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    destination: Fd,
    moved: &mut u64,
) -> Option<Advance> {
    let rest = direction.rest.as_mut()?;
    while !rest.unsent().is_empty() {
        match port.send(destination, rest.unsent()) {
            Ok(sent) => {
                rest.took(sent);
                *moved += sent as u64;
            }
            Err(IoFault::WouldBlock) => return Some(Advance::Blocked),
            Err(fault) => return Some(Advance::Broken(End::Destination, fault)),
        }
    }
    direction.rest = None;
    None
}

/// Gives back the pipe when the connection ends; one that may hold bytes is destroyed.
pub(super) fn release_pipe<P: Port>(port: &mut P, direction: &mut Direction) {
    if let Some(pipe) = direction.pipe.take() {
        port.pipe_give(pipe, direction.in_pipe == 0);
        direction.in_pipe = 0;
    }
}

/// Tells the destination, once, that the source ended.
pub(super) fn finish<P: Port>(port: &mut P, direction: &mut Direction, destination: Fd) {
    if !std::mem::replace(&mut direction.shut, true) {
        port.shutdown(destination, Half::Write);
    }
}

/// Which side of the session ended it when `end` of the direction that reads from `source` broke.
pub(super) fn culprit(source: Side, end: End) -> EndedBy {
    match (source, end) {
        (Side::Client, End::Source) | (Side::Backend, End::Destination) => EndedBy::Client,
        (Side::Client, End::Destination) | (Side::Backend, End::Source) => EndedBy::Backend,
    }
}

/// A peer that hung up behind a long stream of short segments may not keep the core.
const READS_PER_ADVANCE: u32 = 16;
