//! TLS on the sockets of one connection, and what a core needs once for all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::limits;
use crate::share::snapshot::{Published, Reader};
use crate::tls::{Backends, Context, Engine, Fault, Trust};

use super::connection::Side;

/// The TLS sessions of one connection.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) client: Option<Channel>,
    pub(super) backend: Option<Channel>,
}

impl Tls {
    pub(super) fn channel(&mut self, side: Side) -> &mut Option<Channel> {
        match side {
            Side::Client => &mut self.client,
            Side::Backend => &mut self.backend,
        }
    }

    /// The dialogue is over: [`Engine::begin_relay`] on both sides.
    pub(super) fn begin_relay(&mut self) -> Result<(), (Side, Fault)> {
        for side in [Side::Client, Side::Backend] {
            if let Some(channel) = self.channel(side) {
                channel.engine.begin_relay().map_err(|fault| (side, fault))?;
            }
        }
        Ok(())
    }
}

/// The TLS session on one socket.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) engine: Engine,
    /// Opened bytes that nobody has taken yet: a record is opened as a whole, whatever there is room for.
    pub(super) opened: Vec<u8>,
    /// The connection's session knows that the handshake is done.
    pub(super) told: bool,
    /// It knows that the peer sends nothing more.
    pub(super) end_told: bool,
}

impl Channel {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, opened: Vec::new(), told: false, end_told: false }
    }

    /// [`Engine::open`], from which no panic escapes: what a peer sends may cost its own connection at most.
    pub(super) fn open(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let engine = &mut self.engine;
        let outcome = catch_unwind(AssertUnwindSafe(|| engine.open(bytes, plain, reply)));
        outcome.unwrap_or(Err(Fault::of(PANICKED)))
    }

    /// Takes up to `most` of the opened bytes out. `is_secret`: they may hold a password (W-CRED-2).
    pub(super) fn take_opened(&mut self, most: usize, is_secret: bool, into: &mut Vec<u8>) {
        let taken = most.min(self.opened.len());
        let rest = self.opened.get(taken..).unwrap_or_default().to_vec();
        into.extend_from_slice(self.opened.get(..taken).unwrap_or_default());
        if is_secret {
            zeroize::Zeroize::zeroize(&mut self.opened);
        }
        self.opened = rest;
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.opened);
    }
}

/// What a core has for TLS: what is published, its own side towards backends, buffers that everybody shares.
#[derive(Debug)]
pub(super) struct CoreTls {
    published: Reader<Context>,
    trust: Trust,
    backends: Option<Backends>,
    pub(super) buffers: Buffers,
    /// Reads of handshakes that this turn of the loop still has time for.
    pub(super) steps: u32,
}

/// Buffers of a core that bytes pass through, and stay in no longer than one call.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Sealed bytes of a peer: the stash and one read behind it.
    pub(super) read: Box<[u8]>,
    /// The same, opened.
    pub(super) plain: Vec<u8>,
    /// What goes out.
    pub(super) sealed: Vec<u8>,
    /// What TLS itself has to say to whoever sent.
    pub(super) reply: Vec<u8>,
    /// Plain bytes on their way to a session.
    pub(super) piece: Vec<u8>,
}

impl Buffers {
    /// Nothing of one session may be found by the next.
    pub(super) fn clear(&mut self) {
        for buffer in [&mut self.plain, &mut self.sealed, &mut self.reply, &mut self.piece] {
            buffer.clear();
        }
    }
}

/// Lends a buffer of the core, empty whatever its last borrower did.
pub(super) fn lent(buffer: &mut Vec<u8>) -> Vec<u8> {
    let mut lent = std::mem::take(buffer);
    lent.clear();
    lent
}

impl CoreTls {
    pub(super) fn new(published: &Published<Context>) -> Self {
        let read = limits::TLS_HOT_READ_BYTES + limits::TLS_RECORD_BYTES_MAX;
        Self {
            published: published.reader(),
            trust: Trust::default(),
            backends: None,
            buffers: Buffers {
                read: vec![0; read].into_boxed_slice(),
                plain: Vec::new(),
                sealed: Vec::new(),
                reply: Vec::new(),
                piece: Vec::new(),
            },
            steps: limits::TLS_HANDSHAKE_STEPS_PER_TURN,
        }
    }

    pub(super) fn context(&mut self) -> &Context {
        self.published.current()
    }

    /// This core's side towards backends, made anew when those whom we trust changed.
    pub(super) fn backends(&mut self) -> &Backends {
        let trust = &self.published.current().trust;
        if self.backends.is_none() || !trust.is(&self.trust) {
            self.backends = None;
            self.trust = trust.clone();
        }
        self.backends.get_or_insert_with(|| Backends::new(&self.trust))
    }
}

/// A peer makes TLS answer again and again, and takes no answer.
pub(super) const UNREAD: &str = "the peer does not read what TLS has to answer";
/// Counted, as for the pure code of sessions.
pub(super) const PANICKED: &str = "the TLS library panicked";
