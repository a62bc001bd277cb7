//! Sending by TLS, and saying goodbye.

use crate::ring::port::Port;

use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::io::unsent::Unsent;
use super::channel::CoreTls;

/// Seals and sends bytes; what the socket does not take is kept. While a handshake is under way nothing may go in clear, and
/// there is nothing else to send.
pub(in crate::worker) fn send_or_keep<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    bytes: &[u8],
    unsent: &mut Unsent,
) {
    let sealed = &mut tls.buffers.sealed;
    sealed.clear();
    let Some(channel) = line.channel(side) else { return };
    if channel.engine.seal(bytes, sealed).is_ok() {
        line.send_or_keep(side, sealed, unsent);
    }
}

/// Nothing follows what was sent: the peer can tell that nothing was cut off.
pub(in crate::worker) fn say_goodbye<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    side: Side,
    unsent: &mut Unsent,
) {
    let sealed = &mut tls.buffers.sealed;
    sealed.clear();
    let Some(channel) = line.channel(side) else { return };
    channel.engine.close(sealed);
    if !sealed.is_empty() {
        line.send_or_keep(side, sealed, unsent);
    }
}
