//! Everything an LMTP session can wish for.

use std::net::SocketAddr;

use crate::auth::ask::Question;
use crate::event::Event;
use crate::session::output::RouteAsk;

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
    Connect(LinkId, SocketAddr),
    /// Close the connection to a backend once what [`super::Lmtp::fill`] has for it is sent, as far as it takes that now.
    Drop(LinkId),
    /// The go-ahead for TLS is the last byte in clear: begin the handshake with the client.
    StartTls,
    /// Close the client's connection once everything queued for it is sent. The session is over.
    Close,
    /// Report this.
    Report(Event),
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

    /// Takes the wishes out, oldest first.
    pub fn take_wishes(&mut self) -> std::vec::Drain<'_, Wish> {
        self.wishes.drain(..)
    }
}
