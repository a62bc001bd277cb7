//! How TLS begins on a side of a connection, and what a login can be bound to behind that.

use std::sync::Arc;

use crate::auth::verdict::Certificate;
use crate::names::Protocol;
use crate::ring::port::Port;
use crate::secret::Secret;
use crate::tls::{Asked, Engine, Fault};

use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::io::unsent::{Unsent, wipe};
use super::channel::{Channel, CoreTls};
use super::read::{Reader, open};

/// Begins our side of a client's handshake; the word for the log when that is no use. `early`: its first bytes.
pub(in crate::worker) fn secure_client<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    (protocol, asked): (Protocol, Asked),
    early: &[u8],
    unsent: &mut Unsent,
) -> Result<(), &'static str> {
    let servers = tls.context().servers.as_ref();
    let engine = servers.and_then(|servers| Engine::server(servers, protocol, asked));
    let Some(engine) = engine else {
        return Err("no certificate to show");
    };
    *line.tls.get_or_insert_default().channel(Side::Client) = Some(Channel::new(engine));
    if early.is_empty() {
        return Ok(());
    }
    // Nothing of the handshake has come before, so there is no stash.
    let Some(front) = tls.buffers.read.get_mut(..early.len()) else {
        return Err("more of a handshake than a session keeps");
    };
    front.copy_from_slice(early);
    let reader = Reader { most: 0, is_secret: true, is_wanted: true };
    let fault = open(line, tls, Side::Client, early.len(), reader, unsent);
    if let Some(channel) = line.channel(Side::Client) {
        channel.opened.extend_from_slice(&tls.buffers.plain);
    }
    wipe(&mut tls.buffers.plain);
    fault.map_or(Ok(()), |fault| Err(fault.word))
}

/// Begins our side of the handshake with a backend. What waits in the kernel already, behind a go-ahead or before any word
/// of ours, goes to the engine like all that comes, and is no TLS (W-BTLS-2, W-BTLS-3).
pub(in crate::worker) fn secure_backend<P: Port>(
    line: &mut Line<'_, P>,
    tls: &mut CoreTls,
    name: &Arc<str>,
    certificate: Certificate,
    unsent: &mut Unsent,
) -> Result<(), Fault> {
    let mut hello = std::mem::take(&mut tls.buffers.reply);
    hello.clear();
    let any = certificate == Certificate::Any;
    let engine = Engine::client(tls.backends(), name, any, &mut hello);
    if engine.is_ok() {
        line.send_or_keep(Side::Backend, &hello, unsent);
    }
    tls.buffers.reply = hello;
    *line.tls.get_or_insert_default().channel(Side::Backend) = Some(Channel::new(engine?));
    Ok(())
}

/// What a client's login can be bound to; nothing: its connection has nothing of the kind.
pub(in crate::worker) fn exported<P: Port>(line: &mut Line<'_, P>) -> Secret {
    let channel = line.channel(Side::Client);
    let exported = channel.and_then(|channel| channel.engine.channel_binding());
    exported.map_or_else(Secret::default, |bytes| Secret::from(&bytes[..]))
}
