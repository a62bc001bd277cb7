//! Reading sealed bytes: one read, opened, and what it came to.

use crate::limits;
use crate::ring::port::{IoFault, Port};
use crate::share::counters::Counter;
use crate::tls::{Established, Fault};

use super::super::io::heard::Heard;
use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::io::unsent::{Unsent, wipe};
use super::super::report::Reports;
use super::channel::{Channel, CoreTls, PANICKED};

/// What a reader of sealed bytes is like.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Reader {
    /// Sealed bytes read at once: few before login, a whole record where messages travel.
    pub(in crate::worker) most: usize,
    /// Passwords travel here, so that nothing may be left of them in any buffer (W-CRED-2).
    pub(in crate::worker) is_secret: bool,
    /// A handshake is still worth going on with.
    pub(in crate::worker) is_wanted: bool,
}

/// One look at a side with TLS. Opened bytes go to `space`, those for which it has no room wait in the channel. What TLS
/// itself has to answer is sent, or goes to `unsent`.
pub(in crate::worker) fn read<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    reader: Reader,
    unsent: &mut Unsent,
    space: &mut [u8],
    reports: &Reports,
) -> Heard {
    let is_drained = line.socket(side).drained;
    let Some(channel) = line.channel(side) else {
        debug_assert!(false, "a side in clear is read as if it had TLS");
        return Heard::Nothing;
    };
    if !channel.opened.is_empty() {
        if space.is_empty() {
            return line.pause(side);
        }
        let count = channel.give_opened(space, reader.is_secret);
        return Heard::Bytes { count, more: channel.has_more() || !is_drained };
    }
    if channel.tell_end() {
        return Heard::End;
    }
    if channel.engine.is_handshaking() {
        if !reader.is_wanted {
            return Heard::Nothing;
        }
        // Handshakes need no room, but time: relays wait behind them.
        let Some(steps) = tls.steps.checked_sub(1) else {
            line.reread(side);
            return Heard::Nothing;
        };
        tls.steps = steps;
    } else if space.is_empty() {
        return line.pause(side);
    }
    let count = match fetch(line, tls, side, reader.most) {
        Ok(count) => count,
        Err(heard) => return heard,
    };
    let more = !line.socket(side).drained;
    let fault = open(line, tls, side, count, reader, unsent);
    hear(line, tls, side, fault, more, reader, space, reports)
}

/// Reads behind the stash, into the core's buffer. How many bytes are there now, or what was found instead of any.
fn fetch<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    most: usize,
) -> Result<usize, Heard> {
    let buffer = &mut tls.buffers.read;
    let start = line.channel(side).map_or(0, |channel| channel.engine.lay_stash(buffer));
    let socket = line.sockets.of_mut(side);
    (socket.paused, socket.drained) = (false, false);
    let space = buffer.get_mut(start..start + most);
    let (Some(fd), Some(space)) = (socket.fd(), space) else { return Err(Heard::Nothing) };
    match line.io.port.recv(fd, space) {
        Ok(0) => Err(end(line, side)),
        Ok(count) => {
            socket.drained = count < most && !socket.is_hung_up();
            Ok(start + count)
        }
        Err(IoFault::WouldBlock) => {
            socket.drained = true;
            Err(Heard::Nothing)
        }
        Err(fault) => Err(Heard::Broken(fault)),
    }
}

/// The socket's end: with a goodbye before it, without one (W-TLS-6), or in the middle of a handshake.
fn end<P: Port>(line: &mut Line<'_, P>, side: Side) -> Heard {
    let Some(channel) = line.channel(side) else { return Heard::Nothing };
    if std::mem::replace(&mut channel.end_told, true) {
        return Heard::Nothing;
    }
    if side == Side::Backend && channel.engine.is_handshaking() {
        return Heard::Insecure(Fault::of("closed in the TLS handshake"));
    }
    Heard::End
}

/// Opens the first bytes of the core's buffer into its `plain`; what TLS has to answer is sent.
pub(super) fn open<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    count: usize,
    reader: Reader,
    unsent: &mut Unsent,
) -> Option<Fault> {
    let buffers = &mut tls.buffers;
    buffers.plain.clear();
    buffers.reply.clear();
    let channel = line.channel(side)?;
    let bytes = buffers.read.get_mut(..count).unwrap_or_default();
    let outcome = channel.open(bytes, &mut buffers.plain, &mut buffers.reply);
    if reader.is_secret {
        zeroize::Zeroize::zeroize(bytes);
    }
    if !buffers.reply.is_empty() {
        line.send_or_keep(side, &buffers.reply, unsent);
        if unsent.len() > limits::TLS_UNSENT_BYTES_MAX {
            return Some(Fault::of(UNREAD));
        }
    }
    outcome.err()
}

/// What opening has changed, for the reader.
#[expect(
    clippy::too_many_arguments,
    reason = "the second half of `read`, with what the first half found"
)]
fn hear<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    fault: Option<Fault>,
    more: bool,
    reader: Reader,
    space: &mut [u8],
    reports: &Reports,
) -> Heard {
    let plain = &mut tls.buffers.plain;
    let Some(channel) = line.channel(side) else { return Heard::Nothing };
    if let Some(fault) = fault {
        wipe(plain);
        reports.count(Counter::TlsFailed);
        reports.add(Counter::Panicked, u64::from(fault.word == PANICKED));
        return Heard::Insecure(fault);
    }
    if !channel.engine.is_handshaking() && !std::mem::replace(&mut channel.told, true) {
        channel.opened.extend_from_slice(plain);
        wipe(plain);
        return established(channel, more, reports);
    }
    let (now, later) = plain.split_at(plain.len().min(space.len()));
    channel.opened.extend_from_slice(later);
    let count = now.len();
    if let Some(front) = space.get_mut(..count) {
        front.copy_from_slice(now);
    }
    if reader.is_secret {
        wipe(plain);
    }
    if count > 0 {
        return Heard::Bytes { count, more: more || channel.has_more() };
    }
    if channel.opened.is_empty() && channel.tell_end() {
        return Heard::End;
    }
    if more || !channel.opened.is_empty() { Heard::More } else { Heard::Nothing }
}

fn established(channel: &mut Channel, more: bool, reports: &Reports) -> Heard {
    let Established { server_name, client_certificate, security, resumed, .. } =
        channel.engine.established();
    reports.count(Counter::TlsHandshakes);
    reports.add(Counter::TlsResumed, u64::from(resumed));
    let more = more || channel.has_more();
    Heard::Secured { server_name, client_certificate, security, more }
}

/// A peer makes TLS answer again and again, and takes no answer.
pub(in crate::worker) const UNREAD: &str = "the peer does not read what TLS has to answer";
