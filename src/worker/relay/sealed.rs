//! The relay where one side or both have TLS: bytes are opened and sealed on their way, so they are copied.
//!
//! The rules are those of `copy`: what the destination does not take is kept, sealed already (K-TLS-10), and the
//! source is not read meanwhile. A read that fills the scratch makes the direction hot; then reads are four times as
//! long, and what they bring leaves by one send. Nothing is kept of an idle direction but its engine.

use crate::limits;
use crate::ring::port::{Fd, IoFault, Port};

use super::super::io::socket::Side;
use super::super::tls::channel::{Buffers, Channel, Tls};
use super::super::tls::read::UNREAD;
use super::copy::{Advance, End, Ends, Last, Watched, send_or_keep, send_rest};
use super::state::{Direction, Mode, Source};

/// The TLS of a direction's ends, where they have it, and what looks at its bytes.
pub(super) struct Channels<'a> {
    source: Option<&'a mut Channel>,
    destination: Option<&'a mut Channel>,
    watched: Option<Watched<'a>>,
}

impl<'a> Channels<'a> {
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

/// Moves bytes of one direction, once. `opposite` is the other direction of the same relay: TLS may owe the
/// source an answer, which goes behind what waits for it there.
pub(super) fn advance<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    mut channels: Channels<'_>,
    directions: [&mut Direction; 2],
    ends: Ends,
    moved: &mut u64,
) -> Advance {
    let advance = copy(port, buffers, &mut channels, directions, ends, moved);
    buffers.clear();
    advance
}

fn copy<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    channels: &mut Channels<'_>,
    [direction, opposite]: [&mut Direction; 2],
    ends: Ends,
    moved: &mut u64,
) -> Advance {
    if let Some(stop) = send_rest(port, direction, ends.destination, moved) {
        return stop;
    }
    let mut reads = 0;
    loop {
        if direction.source == Source::Ended && direction.forwarded_in == port.round() {
            // The last bytes are not sent yet.
            return Advance::Again;
        }
        if direction.source == Source::Ended {
            return Advance::Ended;
        }
        let mut fetched = match fetch(port, buffers, channels, direction, opposite, ends) {
            Ok(fetched) => fetched,
            Err(stop) => return stop,
        };
        if let Some(watched) = &mut channels.watched
            && let Err(refused) = look(buffers, watched, &mut fetched)
        {
            return refused;
        }
        if let Some(stop) = deliver(port, buffers, channels, direction, ends, &fetched, moved) {
            return stop;
        }
        match fetched.found {
            Found::Full => return Advance::Again,
            Found::Ended => direction.source = Source::Ended,
            Found::Some => {
                reads += 1;
                // A hang-up is told once, together with the last bytes: its end has to be read now.
                if !ends.hangup {
                    return Advance::Dry;
                }
                if reads == READS_PER_ADVANCE {
                    return Advance::Again;
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
) -> Result<(), Advance> {
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
    channels: &mut Channels<'_>,
    direction: &mut Direction,
    opposite: &mut Direction,
    ends: Ends,
) -> Result<Fetched, Advance> {
    buffers.plain.clear();
    if let Some(channel) = &mut channels.source {
        channel.take_opened(usize::MAX, true, &mut buffers.plain);
        if channel.engine.has_ended() {
            return Ok(Fetched::opened(Found::Ended));
        }
        if !buffers.plain.is_empty() {
            return Ok(Fetched::opened(Found::Full));
        }
    }
    let start = channels.source.as_ref().map_or(0, |end| end.engine.lay_stash(&mut buffers.read));
    let most = match direction.mode {
        Mode::Copy | Mode::Watched => limits::SCRATCH_BYTES,
        Mode::Hot => limits::TLS_HOT_READ_BYTES,
    };
    let space = buffers.read.get_mut(start..start + most).unwrap_or_default();
    let read = match port.recv(ends.source, space) {
        Ok(0) => return Ok(Fetched::opened(Found::Ended)),
        Ok(read) => read,
        Err(IoFault::WouldBlock) => return Err(Advance::Dry),
        Err(fault) => return Err(Advance::Broken(End::Source, fault)),
    };
    if direction.mode != Mode::Watched {
        direction.mode = if read < limits::SCRATCH_BYTES { Mode::Copy } else { Mode::Hot };
    }
    let found = if read == most { Found::Full } else { Found::Some };
    let Some(channel) = &mut channels.source else {
        return Ok(Fetched { found, unsealed: Some(read) });
    };
    let bytes = buffers.read.get_mut(..start + read).unwrap_or_default();
    buffers.reply.clear();
    let outcome = channel.open(bytes, &mut buffers.plain, &mut buffers.reply);
    answer(port, &buffers.reply, opposite, ends);
    if !buffers.reply.is_empty() && opposite.kept_bytes() > limits::TLS_UNSENT_BYTES_MAX {
        return Err(Advance::Insecure(UNREAD));
    }
    match outcome {
        Err(fault) => Err(Advance::Insecure(fault.word)),
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
    if let Some(unsent) = reply.get(sent..).filter(|unsent| !unsent.is_empty()) {
        opposite.keep(unsent);
    }
}

/// Seals and sends the fresh bytes; what is not taken becomes the rest.
fn deliver<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    channels: &mut Channels<'_>,
    direction: &mut Direction,
    ends: Ends,
    fetched: &Fetched,
    moved: &mut u64,
) -> Option<Advance> {
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
    let Some(channel) = &mut channels.destination else {
        return send_soon(port, plain, direction, ends);
    };
    buffers.sealed.clear();
    if let Err(fault) = channel.engine.seal(plain, &mut buffers.sealed) {
        return Some(Advance::Insecure(fault.word));
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
) -> Option<Advance> {
    if ends.hangup || !port.post(ends.destination, ends.token, bytes) {
        return send(port, bytes, direction, ends.destination, Last::No);
    }
    direction.forwarded_in = port.round();
    None
}

/// `None`: everything was taken.
fn send<P: Port>(
    port: &mut P,
    bytes: &[u8],
    direction: &mut Direction,
    destination: Fd,
    last: Last,
) -> Option<Advance> {
    match send_or_keep(port, direction, destination, bytes, last) {
        Ok(_) => direction.rest.is_some().then_some(Advance::Blocked),
        Err(broken) => Some(broken),
    }
}

/// The source ended and everything is delivered: the destination hears a goodbye, then the end (K-TLS-8).
/// [`Advance::Ended`] when that is said.
pub(super) fn say_farewell<P: Port>(
    port: &mut P,
    buffers: &mut Buffers,
    mut channels: Channels<'_>,
    direction: &mut Direction,
    destination: Fd,
) -> Advance {
    let Some(channel) = channels.destination.as_mut().filter(|end| !end.engine.is_closed()) else {
        return Advance::Ended;
    };
    buffers.sealed.clear();
    channel.engine.close(&mut buffers.sealed);
    let advance = send(port, &buffers.sealed, direction, destination, Last::Yes);
    let advance = advance.unwrap_or(Advance::Ended);
    buffers.clear();
    advance
}

/// As in `copy`: a peer that hung up behind a long stream of short records may not keep the core.
const READS_PER_ADVANCE: u32 = 16;
