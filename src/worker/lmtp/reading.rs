//! What an LMTP session hears: its client, and the backends.

use crate::limits;
use crate::lmtp::{Input, LinkId};
use crate::ring::port::Port;
use crate::tls::Fault;

use super::super::io::heard::Heard;
use super::super::io::socket::Side;
use super::super::next::Next;
use super::super::tls;
use super::super::tls::read::Reader;
use super::driver::Driver;
use super::sending::made;

impl<P: Port> Driver<'_, P> {
    /// Reads what the client has sent.
    pub(super) fn read_client(&mut self) {
        let mut space = std::mem::take(&mut self.duties.buffers.from_client);
        made(&mut space, limits::LMTP_READ_BYTES);
        // Bounded per turn, so that one client cannot keep the core. What is left then has been told already and will not
        // be told again, so the reread list brings it back.
        let mut reads = 0;
        while reads < READS_PER_TURN {
            // One that may find as much as several counts for these.
            let count = self.client.room().min(space.len()).div_ceil(limits::SCRATCH_BYTES);
            if !self.read_client_once(&mut space) {
                break;
            }
            reads += count.max(1);
        }
        self.duties.buffers.from_client = space;
        if reads >= READS_PER_TURN
            && !self.is_decided()
            && let Some(mut line) = self.lines.client()
        {
            line.reread(Side::Client);
        }
    }

    /// One read; `true` when another may find more.
    fn read_client_once(&mut self, space: &mut [u8]) -> bool {
        if self.is_decided() {
            return false;
        }
        let room = self.client.room().min(space.len());
        let space = space.get_mut(..room).unwrap_or_default();
        let Some(mut line) = self.lines.client() else { return false };
        let heard = if line.is_secured(Side::Client) {
            let reader = Reader { is_wanted: self.client.over_by.is_none(), ..READER };
            let (tls, reports) = (&mut *self.duties.tls, self.duties.reports);
            let unsent = &mut self.client.to_client;
            tls::read::read(&mut line, tls, Side::Client, reader, unsent, space, reports)
        } else {
            line.read(Side::Client, space)
        };
        match heard {
            Heard::Nothing => false,
            Heard::More => true,
            Heard::Bytes { count, more } => {
                self.input(Input::Client(space.get(..count).unwrap_or_default()));
                more
            }
            // No one logs in here, so that the name in a certificate is not wanted.
            Heard::Secured { server_name, more, .. } => {
                self.client_secured(server_name);
                more
            }
            Heard::Insecure(fault) => {
                self.client_insecure(&fault);
                false
            }
            Heard::End => {
                self.input(Input::ClientEnd);
                false
            }
            Heard::Broken(_) => {
                self.client_gone();
                false
            }
        }
    }

    fn client_secured(&mut self, server_name: Option<Box<str>>) {
        self.input(Input::ClientSecured { server_name });
        let Some(mut line) = self.lines.client() else { return };
        // Its ticket is on the way, and nothing that the library alone knows follows.
        let left = line.channel(Side::Client).map(|end| end.engine.begin_relay());
        if let Some(Err(fault)) = left {
            self.client_insecure(&fault);
        }
    }

    fn client_insecure(&mut self, fault: &Fault) {
        self.input(match fault.certificate {
            true => Input::ClientCertificateRefused(fault.word),
            false => Input::ClientInsecure(fault.word),
        });
        // A session that goes on for the sake of its log does so without the client.
        if !self.is_decided() && self.client.over_by.is_none() {
            self.close_client();
        }
    }

    /// The client broke off. What backends have in full they may still say something about, and the log wants to know.
    pub(super) fn client_gone(&mut self) {
        self.client.to_client.forget();
        if self.client.over_by.is_some() {
            self.next = Next::Close;
            return;
        }
        self.close_client();
        self.input(Input::ClientGone);
    }

    fn close_client(&mut self) {
        if let Some(mut line) = self.lines.client() {
            line.forget_tls(Side::Client);
            line.close(Side::Client);
        }
    }

    /// Reads what a backend has said.
    pub(super) fn read_link(&mut self, id: LinkId) {
        let Some(slot) = self.client.link(id) else { return };
        let mut space = std::mem::take(&mut self.duties.buffers.from_backend);
        made(&mut space, REPLY_READ_BYTES);
        let mut reads = 0;
        // What it says may lead to its end, and its number to another's beginning.
        while reads < READS_PER_TURN
            && self.client.link(id) == Some(slot)
            && self.read_link_once(id, slot, &mut space)
        {
            reads += 1;
        }
        self.duties.buffers.from_backend = space;
        if reads == READS_PER_TURN
            && self.client.link(id) == Some(slot)
            && let Some((mut line, _)) = self.lines.link(slot)
        {
            line.reread(Side::Backend);
        }
    }

    fn read_link_once(&mut self, id: LinkId, slot: u32, space: &mut [u8]) -> bool {
        if self.is_decided() {
            return false;
        }
        let room = self.client.session.link_room(id).min(REPLY_READ_BYTES);
        let space = space.get_mut(..room).unwrap_or_default();
        let Some((mut line, unsent)) = self.lines.link(slot) else { return false };
        if line.sockets.backend.connecting {
            // A reread that was meant for the slot's former connection.
            return false;
        }
        let heard = if line.is_secured(Side::Backend) {
            let (tls, reports) = (&mut *self.duties.tls, self.duties.reports);
            tls::read::read(&mut line, tls, Side::Backend, READER, unsent, space, reports)
        } else {
            line.read(Side::Backend, space)
        };
        match heard {
            Heard::Nothing => false,
            Heard::More => true,
            Heard::Bytes { count, more } => {
                self.input(Input::Backend(id, space.get(..count).unwrap_or_default()));
                more
            }
            Heard::Secured { more, .. } => {
                self.input(Input::BackendSecured(id));
                more
            }
            Heard::Insecure(fault) => {
                let (word, is_lasting) = (fault.detail(), fault.is_lasting());
                self.input(Input::BackendInsecure { link: id, word, is_lasting });
                false
            }
            Heard::End => {
                self.input(Input::BackendEnd(id));
                false
            }
            Heard::Broken(fault) => {
                self.input(Input::Broken(id, fault.reason()));
                false
            }
        }
    }
}

/// No password travels here.
const READER: Reader = Reader { most: limits::SCRATCH_BYTES, is_secret: false, is_wanted: true };
/// Reads of one connection per loop turn.
const READS_PER_TURN: usize = 8;
/// Replies are short.
const REPLY_READ_BYTES: usize = 4096;
