//! The relay where one side or both have TLS: bytes are opened and sealed on their way, so they are copied.
//!
//! The rules are those of `pump`: what the destination does not take is kept, sealed already (tls.md 8.12), and the
//! source is not read meanwhile. A read that fills the scratch makes the direction hot; then reads are four times as
//! long, and what they bring leaves by one send. Nothing is kept of an idle direction but its engine.

use crate::limits;
use crate::ring::port::{Fd, IoFault, Port};

use super::connection::{Direction, Mode, Rest};
use super::io::socket::Side;
use super::pump::{End, Ends, Turn, Watched};
use super::tls::channel::{Buffers, Channel, Tls};

/// Both ends of a direction with TLS.
pub(super) struct Seam<'a> {
    source: Option<&'a mut Channel>,
    destination: Option<&'a mut Channel>,
    watched: Option<Watched<'a>>,
}

impl<'a> Seam<'a> {
    /// The ends of the direction that reads from `source`.
    pub(super) fn of(tls: &'a mut Tls, source: Side) -> Self {
        let (client, backend) = (tls.client.as_mut(), tls.backend.as_mut());
        match source {
            Side::Client => Self { source: client, destination: backend, watched: None },
            Side::Backend => Self { source: backend, destination: client, watched: None },
        }
    }

    /// The same, and what passes is looked at.
    pub(super) fn watched(self, watched: Option<Watched<'a>>) -> Self {
        Self { watched, ..self }
    }
}

/// Moves bytes of one direction for one turn. `opposite` is the other direction of the same relay: TLS may owe the
/// source an answer, which goes behind what waits for it there.
pub(super) fn turn<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    mut seam: Seam<'_>,
    directions: [&mut Direction; 2],
    ends: Ends,
    moved: &mut u64,
) -> Turn {
    let turn = copy(port, buffers, &mut seam, directions, ends, moved);
    buffers.clear();
    turn
}

fn copy<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    seam: &mut Seam<'_>,
    [direction, opposite]: [&mut Direction; 2],
    ends: Ends,
    moved: &mut u64,
) -> Turn {
    if let Some(stop) = deliver_rest(port, direction, ends, moved) {
        return stop;
    }
    let mut reads = 0;
    loop {
        if direction.ended && direction.forwarded_in == port.round() {
            // The last bytes are not sent yet.
            return Turn::Again;
        }
        if direction.ended {
            return Turn::Ended;
        }
        let mut fetched = match fetch(port, buffers, seam, direction, opposite, ends) {
            Ok(fetched) => fetched,
            Err(stop) => return stop,
        };
        if let Some(watched) = &mut seam.watched
            && let Err(refused) = look(buffers, watched, &mut fetched)
        {
            return refused;
        }
        if let Some(stop) = deliver(port, buffers, seam, direction, ends, &fetched, moved) {
            return stop;
        }
        match fetched.found {
            Found::Full => return Turn::Again,
            Found::Ended => direction.ended = true,
            Found::Some => {
                reads += 1;
                // A hang-up is told once, together with the last bytes: its end has to be read now.
                if !ends.hangup {
                    return Turn::Dry;
                }
                if reads == READS_PER_TURN {
                    return Turn::Again;
                }
            }
        }
    }
}

/// What a read came to.
struct Fetched {
    found: Found,
    /// Plain bytes at the front of `buffers.read`, where the source has no TLS; otherwise they are in `buffers.plain`.
    unsealed: Option<usize>,
}

impl Fetched {
    fn opened(found: Found) -> Self {
        Self { found, unsealed: None }
    }
}

enum Found {
    Some,
    /// More may be there.
    Full,
    /// The source sends nothing more.
    Ended,
}

/// Looks at what was read, once it is opened.
fn look(
    buffers: &mut Buffers,
    watched: &mut Watched<'_>,
    fetched: &mut Fetched,
) -> Result<(), Turn> {
    match &mut fetched.unsealed {
        Some(bytes) => {
            *bytes = watched.look(buffers.read.get_mut(..*bytes).unwrap_or_default())?;
        }
        None => {
            let left = watched.look(&mut buffers.plain)?;
            buffers.plain.truncate(left);
        }
    }
    Ok(())
}

/// Reads once, and opens what was read.
fn fetch<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    seam: &mut Seam<'_>,
    direction: &mut Direction,
    opposite: &mut Direction,
    ends: Ends,
) -> Result<Fetched, Turn> {
    buffers.plain.clear();
    if let Some(channel) = &mut seam.source {
        channel.take_opened(usize::MAX, true, &mut buffers.plain);
        if channel.engine.has_ended() {
            return Ok(Fetched::opened(Found::Ended));
        }
        if !buffers.plain.is_empty() {
            return Ok(Fetched::opened(Found::Full));
        }
    }
    let start = seam.source.as_ref().map_or(0, |end| end.engine.lay_stash(&mut buffers.read));
    let most = match direction.mode {
        Mode::Copy | Mode::Watched => limits::SCRATCH_BYTES,
        Mode::Hot => limits::TLS_HOT_READ_BYTES,
    };
    let space = buffers.read.get_mut(start..start + most).unwrap_or_default();
    let read = match port.recv(ends.source, space) {
        Ok(0) => return Ok(Fetched::opened(Found::Ended)),
        Ok(read) => read,
        Err(IoFault::WouldBlock) => return Err(Turn::Dry),
        Err(fault) => return Err(Turn::Broken(End::Source, fault)),
    };
    if direction.mode != Mode::Watched {
        direction.mode = if read < limits::SCRATCH_BYTES { Mode::Copy } else { Mode::Hot };
    }
    let found = if read == most { Found::Full } else { Found::Some };
    let Some(channel) = &mut seam.source else {
        return Ok(Fetched { found, unsealed: Some(read) });
    };
    let bytes = buffers.read.get_mut(..start + read).unwrap_or_default();
    buffers.reply.clear();
    let outcome = channel.open(bytes, &mut buffers.plain, &mut buffers.reply);
    answer(port, &buffers.reply, opposite, ends);
    if !buffers.reply.is_empty() && kept_bytes(opposite) > limits::TLS_UNSENT_BYTES_MAX {
        return Err(Turn::Insecure(UNREAD));
    }
    match outcome {
        Err(fault) => Err(Turn::Insecure(fault.word)),
        Ok(()) if channel.engine.has_ended() => Ok(Fetched::opened(Found::Ended)),
        Ok(()) => Ok(Fetched::opened(found)),
    }
}

/// What TLS itself says to the source goes behind what is on its way there.
fn answer<P: Port>(port: &mut P, reply: &[u8], opposite: &mut Direction, ends: Ends) {
    if reply.is_empty() {
        return;
    }
    let mut sent = 0;
    if opposite.rest.is_none() && opposite.forwarded_in != port.round() {
        // A connection that broke shows at the next read.
        sent = port.send(ends.source, reply).unwrap_or(0);
    }
    let Some(unsent) = reply.get(sent..).filter(|unsent| !unsent.is_empty()) else {
        return;
    };
    let waiting = opposite.rest.take();
    let waiting = waiting.as_ref().and_then(|rest| rest.bytes.get(rest.sent..)).unwrap_or_default();
    opposite.rest = Some(Box::new(Rest { bytes: [waiting, unsent].concat().into(), sent: 0 }));
}

fn kept_bytes(direction: &Direction) -> usize {
    direction.rest.as_ref().map_or(0, |rest| rest.bytes.len() - rest.sent)
}

/// Seals and sends the fresh bytes; what is not taken becomes the rest.
fn deliver<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    seam: &mut Seam<'_>,
    direction: &mut Direction,
    ends: Ends,
    fetched: &Fetched,
    moved: &mut u64,
) -> Option<Turn> {
    let plain = match fetched.unsealed {
        Some(bytes) => buffers.read.get(..bytes).unwrap_or_default(),
        None => &buffers.plain,
    };
    let plain_bytes = plain.len() as u64;
    if plain_bytes == 0 {
        return None;
    }
    *moved += plain_bytes;
    // The log tells the bytes that the two sides exchanged, not what TLS made of them.
    direction.delivered += plain_bytes;
    let Some(channel) = &mut seam.destination else {
        return send_soon(port, plain, direction, ends);
    };
    buffers.sealed.clear();
    if let Err(fault) = channel.engine.seal(plain, &mut buffers.sealed) {
        return Some(Turn::Insecure(fault.word));
    }
    send_soon(port, &buffers.sealed, direction, ends)
}

/// Sends with what the core's other directions have read in this turn of the loop, unless it is too much for that, or
/// more is sent in this turn.
fn send_soon<P: Port>(
    port: &mut P,
    bytes: &[u8],
    direction: &mut Direction,
    ends: Ends,
) -> Option<Turn> {
    if ends.hangup || !port.post(ends.destination, ends.token, bytes) {
        return send(port, bytes, direction, ends.destination);
    }
    direction.forwarded_in = port.round();
    None
}

fn send<P: Port>(
    port: &mut P,
    bytes: &[u8],
    direction: &mut Direction,
    destination: Fd,
) -> Option<Turn> {
    let sent = match port.send(destination, bytes) {
        Ok(sent) => sent,
        Err(IoFault::WouldBlock) => 0,
        Err(fault) => return Some(Turn::Broken(End::Destination, fault)),
    };
    let rest = bytes.get(sent..).filter(|rest| !rest.is_empty())?;
    direction.rest = Some(Box::new(Rest { bytes: rest.into(), sent: 0 }));
    Some(Turn::Blocked)
}

/// Sends what the destination refused before. `None`: nothing is left of it.
fn deliver_rest<P: Port>(
    port: &mut P,
    direction: &mut Direction,
    ends: Ends,
    moved: &mut u64,
) -> Option<Turn> {
    let rest = direction.rest.as_mut()?;
    while let Some(bytes) = rest.bytes.get(rest.sent..).filter(|bytes| !bytes.is_empty()) {
        match port.send(ends.destination, bytes) {
            Ok(sent) => {
                rest.sent += sent;
                *moved += sent as u64;
            }
            Err(IoFault::WouldBlock) => return Some(Turn::Blocked),
            Err(fault) => return Some(Turn::Broken(End::Destination, fault)),
        }
    }
    direction.rest = None;
    None
}

/// The source ended and everything is delivered: the destination hears a goodbye, then the end (tls.md 7, *close*).
/// [`Turn::Ended`] when that is said.
pub(super) fn say_farewell<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    mut seam: Seam<'_>,
    direction: &mut Direction,
    destination: Fd,
) -> Turn {
    let Some(channel) = seam.destination.as_mut().filter(|end| !end.engine.is_closed()) else {
        return Turn::Ended;
    };
    buffers.sealed.clear();
    channel.engine.close(&mut buffers.sealed);
    let turn = send(port, &buffers.sealed, direction, destination).unwrap_or(Turn::Ended);
    buffers.clear();
    turn
}

/// A peer makes TLS answer again and again, and takes no answer.
pub(super) const UNREAD: &str = "the peer does not read what TLS has to answer";
/// As in `pump`: a peer that hung up behind a long stream of short records may not keep the core.
const READS_PER_TURN: u32 = 16;
