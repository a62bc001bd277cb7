//! TLS on the sockets of one connection, and what a core needs once for all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::limits;
use crate::share::snapshot::{Published, Reader};
use crate::tls::{Backends, Context, Engine, Fault, Trust};

use super::super::io::socket::Side;

/// The TLS sessions of one connection.
#[derive(Debug, Default)]
pub(in crate::worker) struct Tls {
    pub(in crate::worker) client: Option<Channel>,
    pub(in crate::worker) backend: Option<Channel>,
}

impl Tls {
    pub(in crate::worker) fn channel(&mut self, side: Side) -> &mut Option<Channel> {
        match side {
            Side::Client => &mut self.client,
            Side::Backend => &mut self.backend,
        }
    }

    /// Whether this side has TLS, if only its handshake.
    /// The TLS session of a side, if there is one.
    pub(in crate::worker) fn of(&self, side: Side) -> Option<&Channel> {
        match side {
            Side::Client => self.client.as_ref(),
            Side::Backend => self.backend.as_ref(),
        }
    }

    pub(in crate::worker) fn is_on(&self, side: Side) -> bool {
        match side {
            Side::Client => self.client.is_some(),
            Side::Backend => self.backend.is_some(),
        }
    }

    /// The dialogue is over: [`Engine::begin_relay`] on both sides.
    pub(in crate::worker) fn begin_relay(&mut self) -> Result<(), (Side, Fault)> {
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
pub(in crate::worker) struct Channel {
    pub(in crate::worker) engine: Engine,
    /// Opened bytes that are not taken yet: a record is opened as a whole, whatever there is room for.
    pub(in crate::worker) opened: Vec<u8>,
    /// The connection's session knows that the handshake is done.
    pub(in crate::worker) told: bool,
    /// It knows that the peer sends nothing more.
    pub(in crate::worker) end_told: bool,
}

impl Channel {
    pub(in crate::worker) fn new(engine: Engine) -> Self {
        Self { engine, opened: Vec::new(), told: false, end_told: false }
    }

    /// [`Engine::open`], from which no panic escapes: what a peer sends may cost its own connection at most.
    pub(in crate::worker) fn open(
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
    pub(in crate::worker) fn take_opened(
        &mut self,
        most: usize,
        is_secret: bool,
        into: &mut Vec<u8>,
    ) {
        let taken = most.min(self.opened.len());
        let rest = self.opened.get(taken..).unwrap_or_default().to_vec();
        into.extend_from_slice(self.opened.get(..taken).unwrap_or_default());
        if is_secret {
            zeroize::Zeroize::zeroize(&mut self.opened);
        }
        self.opened = rest;
    }
}

impl Channel {
    /// Puts opened bytes into `space`, as many as it has room for. `is_secret`: they may hold a password (W-CRED-2).
    pub(in crate::worker) fn give_opened(&mut self, space: &mut [u8], is_secret: bool) -> usize {
        let count = space.len().min(self.opened.len());
        let (now, later) = self.opened.split_at(count);
        if let Some(front) = space.get_mut(..count) {
            front.copy_from_slice(now);
        }
        let rest = later.to_vec();
        if is_secret {
            zeroize::Zeroize::zeroize(&mut self.opened);
        }
        self.opened = rest;
        count
    }

    /// Whether there is more to tell without another read.
    pub(in crate::worker) fn has_more(&self) -> bool {
        !self.opened.is_empty() || (self.engine.has_ended() && !self.end_told)
    }

    /// Whether the end of what the peer sends is to be told now; it is told once.
    pub(in crate::worker) fn tell_end(&mut self) -> bool {
        self.engine.has_ended() && !std::mem::replace(&mut self.end_told, true)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.opened);
    }
}

/// What a core has for TLS: what is published, its own side towards backends, buffers that all share.
#[derive(Debug)]
pub(in crate::worker) struct CoreTls {
    published: Reader<Context>,
    trust: Trust,
    backends: Option<Backends>,
    pub(in crate::worker) buffers: Buffers,
    /// Reads of handshakes that this turn of the loop still has time for.
    pub(in crate::worker) steps: u32,
}

/// Buffers of a core that bytes pass through, and stay in no longer than one call.
#[derive(Debug)]
pub(in crate::worker) struct Buffers {
    /// Sealed bytes of a peer: the stash and one read behind it.
    pub(in crate::worker) read: Box<[u8]>,
    /// The same, opened.
    pub(in crate::worker) plain: Vec<u8>,
    /// What goes out.
    pub(in crate::worker) sealed: Vec<u8>,
    /// What TLS itself has to say to the sender.
    pub(in crate::worker) reply: Vec<u8>,
    /// Plain bytes on their way to a session.
    pub(in crate::worker) piece: Vec<u8>,
}

impl Buffers {
    /// Nothing of one session may be found by the next.
    pub(in crate::worker) fn clear(&mut self) {
        for buffer in [&mut self.plain, &mut self.sealed, &mut self.reply, &mut self.piece] {
            buffer.clear();
        }
    }
}

impl CoreTls {
    pub(in crate::worker) fn new(published: &Published<Context>) -> Self {
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

    /// What a turn of the loop begins with.
    pub(in crate::worker) fn renew_steps(&mut self) {
        self.steps = limits::TLS_HANDSHAKE_STEPS_PER_TURN;
    }

    pub(in crate::worker) fn context(&mut self) -> &Context {
        self.published.current()
    }

    /// This core's side towards backends, made anew when those whom we trust changed.
    pub(in crate::worker) fn backends(&mut self) -> &Backends {
        let trust = &self.published.current().trust;
        if self.backends.is_none() || !trust.is(&self.trust) {
            self.backends = None;
            self.trust = trust.clone();
        }
        self.backends.get_or_insert_with(|| Backends::new(&self.trust))
    }
}

/// Counted, as for the pure code of sessions.
pub(in crate::worker) const PANICKED: &str = "the TLS library panicked";
