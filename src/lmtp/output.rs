//! Everything an LMTP session can wish for.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::ask::Question;
use crate::auth::verdict::Certificate;
use crate::event::Event;
use crate::session::output::{Counted, Lesson, RouteAsk};

use super::input::LinkId;

/// One wish.
#[derive(Debug)]
pub enum Wish {
    /// Look a recipient up in the user databases, without a password; the answer comes as `Input::Found`.
    Find(Box<Question>),
    /// Ask the routing layer; the answer comes as `Input::Route`.
    Route(RouteAsk),
    /// Forget the question under way.
    DropQuestion,
    /// Connect to a backend.
    Connect {
        /// What the connection is called from here on.
        link: LinkId,
        /// Where.
        to: SocketAddr,
        /// Whose connection it is.
        counted: Counted,
    },
    /// Close the connection to a backend once what [`super::Lmtp::fill`] has for it is sent, as far as it takes that now.
    Drop(LinkId),
    /// Answer the client's TLS handshake behind what is queued for it; the outcome comes as `Input::ClientSecured` or
    /// `Input::ClientInsecure`. The bytes are its first, read already. If [`Outbox::gives_go_ahead`], look first whether
    /// more has arrived in clear.
    SecureClient(Box<[u8]>),
    /// Begin TLS towards a backend, behind what [`super::Lmtp::fill`] has for it in clear; the outcome comes as
    /// `Input::BackendSecured` or `Input::BackendInsecure`.
    SecureBackend {
        /// Which.
        link: LinkId,
        /// Its host name, which its certificate must have.
        name: Arc<str>,
        /// Which certificates will do.
        certificate: Certificate,
    },
    /// Close the client's connection once everything queued for it is sent. The session is over.
    Close,
    /// Report this.
    Report(Event),
    /// Let what follows profit from this.
    Learn(Lesson),
}

/// Where a session puts its outputs; emptied after each input. What goes to backends is fetched instead
/// ([`super::Lmtp::fill`]), because it is not kept twice.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Bytes for the client, in order.
    pub to_client: Vec<u8>,
    wishes: Vec<Wish>,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a wish.
    pub fn wish(&mut self, wish: Wish) {
        self.wishes.push(wish);
    }

    /// Whether the client is told to begin TLS: nothing of it may have come in clear behind its command (W-STLS-1).
    #[must_use]
    pub fn gives_go_ahead(&self) -> bool {
        let secures = |wish: &Wish| matches!(wish, Wish::SecureClient(_));
        self.to_client.ends_with(GO_AHEAD) && self.wishes.iter().any(secures)
    }

    /// Takes the go-ahead back: the client gets what was queued before it, and there is no handshake.
    pub fn withdraw_go_ahead(&mut self) {
        if self.gives_go_ahead() {
            self.to_client.truncate(self.to_client.len().saturating_sub(GO_AHEAD.len()));
            self.wishes.retain(|wish| !matches!(wish, Wish::SecureClient(_)));
        }
    }

    /// Takes the wishes out, oldest first.
    pub fn take_wishes(&mut self) -> std::vec::Drain<'_, Wish> {
        self.wishes.drain(..)
    }
}

/// The last line that a client reads in clear.
pub(super) const GO_AHEAD: &[u8] = b"220 2.0.0 Begin TLS negotiation now\r\n";
