//! A client of any protocol, for the unit tests of this room.

use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::limits::{PRE_LOGIN_INPUT_BYTES_MAX, PROXY_TTL};
use crate::names::{Protocol, SessionId};
use crate::wire::inbox::Inbox;

use super::capability::Rules;
use super::{CloseReason, Dialogue, Step};

pub(super) struct Client {
    pub(super) rules: Rules,
    pub(super) facts: ClientFacts,
    pub(super) dialogue: Dialogue,
    pub(super) inbox: Inbox,
    seen: String,
}

impl Client {
    pub(super) fn new(protocol: Protocol) -> Self {
        let address = "192.0.2.1:1000".parse().unwrap();
        let facts = ClientFacts {
            socket: address,
            origin: address,
            apparent: address,
            local: address,
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport: Transport::Tls,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        };
        let inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let (rules, dialogue) = (Rules::default(), Dialogue::new(protocol));
        Self { rules, facts, dialogue, inbox, seen: String::new() }
    }

    /// Sends in pieces of 1000 bytes, for as long as the dialogue wants more.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let mut step = Step::More;
        for piece in bytes.as_ref().chunks(1000) {
            assert_eq!(self.inbox.append(piece), piece.len(), "the inbox is full");
            let mut out = Vec::new();
            step = self.read(&mut out);
            self.seen.push_str(std::str::from_utf8(&out).unwrap());
            if !matches!(step, Step::More) {
                break;
            }
        }
        step
    }

    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> Step {
        self.dialogue.read(&self.rules, &mut self.facts, &mut self.inbox, out)
    }

    /// What it was told since it was asked last.
    pub(super) fn seen(&mut self) -> String {
        std::mem::take(&mut self.seen)
    }
}

pub(super) fn is_closed(step: &Step, expected: CloseReason) -> bool {
    matches!(step, Step::Close(reason) if *reason == expected)
}
