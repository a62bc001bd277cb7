//! What an LMTP session says, on its way to its client and to the backends.

use crate::limits;
use crate::lmtp::{Input, LinkId, Stretch};
use crate::ring::port::{IoFault, Port};

use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::tls;
use super::driver::{Driver, Inputs};

impl<P: Port> Driver<'_, P> {
    pub(super) fn send_to_client(&mut self, bytes: &[u8]) {
        let Some(mut line) = self.lines.client() else { return };
        let unsent = &mut self.client.to_client;
        if line.is_secured(Side::Client) {
            tls::send::send_or_keep(&mut line, self.duties.tls, Side::Client, bytes, unsent);
        } else {
            line.send_or_keep(Side::Client, bytes, unsent);
        }
    }

    /// The client takes bytes again.
    pub(super) fn client_takes_more(&mut self) {
        let Some(mut line) = self.lines.client() else { return };
        if line.send_kept(Side::Client, &mut self.client.to_client).is_err() {
            return self.client_gone();
        }
        if !self.client.to_client.is_empty() {
            return;
        }
        if self.client.session.is_stalled() {
            self.input(Input::ClientTook);
        } else {
            self.choose_next();
        }
    }

    /// Sends every backend what it is due; whether any of them took something.
    pub(super) fn send_to_backends(&mut self, more: &mut Inputs) -> bool {
        let mut took = false;
        for id in self.client.link_ids() {
            took |= self.send_to_backend(id, more);
        }
        took
    }

    pub(super) fn send_to_backend(&mut self, id: LinkId, more: &mut Inputs) -> bool {
        let slot = self.client.link(id);
        let Some((line, _)) = slot.and_then(|slot| self.lines.link(slot)) else { return false };
        let socket = &line.sockets.backend;
        if socket.connecting || socket.awaiting_room || socket.fd().is_none() {
            return false;
        }
        let is_secured = line.is_secured(Side::Backend);
        made(&mut self.duties.buffers.to_backend, limits::LMTP_READ_BYTES);
        if is_secured { self.send_sealed(id, more) } else { self.send_in_clear(id, more) }
    }

    fn send_in_clear(&mut self, id: LinkId, more: &mut Inputs) -> bool {
        let now = self.lines.now();
        let slot = self.client.link(id);
        let Some((mut line, _)) = slot.and_then(|slot| self.lines.link(slot)) else { return false };
        let (session, space) = (&mut self.client.session, &mut self.duties.buffers.to_backend);
        let mut took = false;
        loop {
            let (count, sent) = match session.stretch(id) {
                Some(Stretch { bytes, is_followed }) => {
                    let (count, sent) = (bytes.len(), send(&mut line, bytes, is_followed));
                    session.passed(now, id, *sent.as_ref().unwrap_or(&0));
                    (count, sent)
                }
                None => {
                    let count = session.fill(id, space);
                    if count == 0 {
                        return took;
                    }
                    let bytes = space.get(..count).unwrap_or_default();
                    let sent = send(&mut line, bytes, session.is_followed(id));
                    session.sent(now, id, *sent.as_ref().unwrap_or(&0));
                    (count, sent)
                }
            };
            took |= sent.as_ref().is_ok_and(|taken| *taken > 0);
            match sent {
                Ok(taken) if taken == count => {}
                Ok(_) | Err(IoFault::WouldBlock) => {
                    line.await_room(Side::Backend);
                    return took;
                }
                Err(fault) => {
                    more.push_back(Input::Broken(id, fault.reason()));
                    return took;
                }
            }
        }
    }

    /// The same by TLS, a record at a time. What is sealed has left the window, whether or not the socket has taken it; the
    /// next record waits for that.
    fn send_sealed(&mut self, id: LinkId, more: &mut Inputs) -> bool {
        let now = self.lines.now();
        let slot = self.client.link(id);
        let Some((mut line, unsent)) = slot.and_then(|slot| self.lines.link(slot)) else {
            return false;
        };
        let (session, space) = (&mut self.client.session, &mut self.duties.buffers.to_backend);
        let sealed = &mut self.duties.tls.buffers.sealed;
        let mut took = false;
        loop {
            let Some(channel) = line.channel(Side::Backend) else { return took };
            if channel.engine.is_handshaking() {
                return took;
            }
            let is_message = session.is_sending(id);
            let (record, _) = space.split_at_mut(space.len().min(limits::SCRATCH_BYTES));
            let count = session.fill(id, record);
            if count == 0 {
                return took;
            }
            sealed.clear();
            // The library stays until a message comes: by then the backend's tickets are here.
            let left = if is_message { channel.engine.begin_relay() } else { Ok(()) };
            let bytes = space.get(..count).unwrap_or_default();
            if let Err(fault) = left.and_then(|()| channel.engine.seal(bytes, sealed)) {
                let (word, is_lasting) = (fault.word, fault.is_lasting());
                more.push_back(Input::BackendInsecure { link: id, word, is_lasting });
                return took;
            }
            session.sent(now, id, count);
            took = true;
            let sent = match line.send(Side::Backend, sealed) {
                Ok(sent) => sent,
                Err(IoFault::WouldBlock) => 0,
                Err(fault) => {
                    more.push_back(Input::Broken(id, fault.reason()));
                    return took;
                }
            };
            if let Some(rest) = sealed.get(sent..).filter(|rest| !rest.is_empty()) {
                unsent.push(rest);
                line.await_room(Side::Backend);
                return took;
            }
        }
    }

    /// A backend takes bytes again.
    pub(super) fn link_takes_more(&mut self, id: LinkId) {
        let now = self.lines.now();
        let slot = self.client.link(id);
        let Some((mut line, unsent)) = slot.and_then(|slot| self.lines.link(slot)) else { return };
        if !unsent.is_empty() {
            if let Err(fault) = line.send_kept(Side::Backend, unsent) {
                return self.input(Input::Broken(id, fault.reason()));
            }
            let is_left = !unsent.is_empty();
            self.client.session.moved(now, id);
            if is_left {
                return;
            }
        }
        self.input(Input::BackendTook);
    }
}

/// To a backend; what follows at once travels in the same segment.
fn send<P: Port>(
    line: &mut Line<'_, P>,
    bytes: &[u8],
    is_followed: bool,
) -> Result<usize, IoFault> {
    match is_followed {
        true => line.send_more(Side::Backend, bytes),
        false => line.send(Side::Backend, bytes),
    }
}

/// Makes a buffer that was never used before.
pub(super) fn made(buffer: &mut Box<[u8]>, bytes: usize) {
    if buffer.is_empty() {
        *buffer = vec![0; bytes].into_boxed_slice();
    }
}
