//! TLS of a session, on either side: when it begins, what it changes, what its failure leads to (wire.md 3).
//!
//! Decides: whether STARTTLS is taken, what is told and forgotten when TLS stands, which TLS a recipient's backend has to
//! have. Does not: shake hands; the shell does. Driver: `machine`, `commands`; a backend's part of it is in `answers`.
//! Tests: `tests/transcripts/lmtp`, `tests/pure/lmtp`.

use super::commands::Answer;
use super::input::LinkId;
use super::machine::{Lmtp, Stage};
use super::output::{GO_AHEAD, Outbox, Wish};
use super::reply;
use super::transaction::Stage as Progress;
use crate::auth::verdict::{BackendTls, Certificate};
use crate::event::Event;
use crate::facts::Transport;
use crate::fault::Failure;
use crate::limits::TLS_HANDSHAKE_TIMEOUT;
use crate::session::{ClientTls, PIPELINED};
use crate::tick::Tick;

impl Lmtp {
    /// The same session on a listener whose connections begin with TLS.
    #[must_use]
    pub fn behind_tls(mut self) -> Self {
        self.tls = ClientTls::Awaited;
        self
    }

    // === The client's side ===

    /// The connection may speak: with TLS first if that is how it begins. `early`: bytes of it that have been read already.
    pub(super) fn open(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        if self.tls == ClientTls::Awaited {
            return self.secure_client(now, early, outbox);
        }
        reply::greeting(&self.settings, &mut outbox.to_client);
        self.inbox.append(early);
    }

    /// Everything that the client sends from here on is the handshake's (W-STLS-2).
    fn secure_client(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        self.greet_when_secured = self.tls == ClientTls::Awaited;
        self.tls = ClientTls::Ours;
        self.stage = Stage::Securing(now.after(TLS_HANDSHAKE_TIMEOUT));
        outbox.wish(Wish::SecureClient(early.into()));
    }

    /// W-STLS-1, W-STLS-5, W-STLS-6, W-STLS-8.
    pub(super) fn starttls(&mut self, now: Tick, argument: &[u8], outbox: &mut Outbox) -> Answer {
        match () {
            () if !argument.is_empty() => Answer::Bad("501 5.5.4 No arguments allowed"),
            () if self.transaction.is_some() => Answer::Say("503 5.5.1 Not in a transaction"),
            () if self.tls != ClientTls::Clear => Answer::Bad("503 5.5.1 TLS is already active"),
            () if !reply::offers_starttls(&self.settings, self.tls) => {
                Answer::Bad("502 5.5.1 TLS support isn't enabled")
            }
            () if !self.inbox.is_empty() => {
                self.close_with(reply::INJECTED, PIPELINED, outbox);
                Answer::Nothing
            }
            () => {
                // What was agreed with backends was about a client in clear.
                self.drop_kept(outbox);
                outbox.to_client.extend_from_slice(GO_AHEAD);
                self.secure_client(now, &[], outbox);
                Answer::Nothing
            }
        }
    }

    /// The shell saw more than the command and has not sent the go-ahead: the client still reads in clear.
    pub(super) fn client_injected(&mut self, outbox: &mut Outbox) {
        if matches!(self.stage, Stage::Securing(_)) {
            self.stage = Stage::Serving;
            self.close_with(reply::INJECTED, PIPELINED, outbox);
        }
    }

    /// TLS stands: greet, or forget what was learnt in clear (W-STLS-3). What a trusted peer told stays (W-STLS-4), and so
    /// do the counters.
    pub(super) fn client_secured(
        &mut self,
        now: Tick,
        server_name: Option<Box<str>>,
        outbox: &mut Outbox,
    ) {
        if !matches!(self.stage, Stage::Securing(_)) {
            return;
        }
        self.stage = Stage::Serving;
        self.heard(now);
        // A trusted peer has said of its own client how it came; that is what backends want to know.
        let is_told = self.facts.trusted && self.facts.apparent != self.facts.origin;
        if !is_told {
            self.facts.transport = Transport::Tls;
        }
        if server_name.is_some() && !is_told {
            self.facts.local_name = server_name;
        }
        self.is_greeted = false;
        if !self.helo_is_told {
            self.helo = None;
        }
        if self.greet_when_secured {
            reply::greeting(&self.settings, &mut outbox.to_client);
        }
    }

    /// No TLS, or no more: there is no way back to clear (W-STLS-7). What backends have in full they may still say
    /// something about, and the log wants to know.
    pub(super) fn client_insecure(&mut self, report: Event, outbox: &mut Outbox) {
        outbox.wish(Wish::Report(report));
        let stage = self.transaction.as_ref().map(|transaction| &transaction.stage);
        if matches!(stage, Some(Progress::Replies(_))) {
            self.client_is_gone();
        } else {
            self.close(outbox);
        }
    }

    pub(super) fn handshake_timed_out(&mut self, outbox: &mut Outbox) {
        let reason = "the TLS handshake was not completed in time";
        outbox.wish(Wish::Report(self.aborted(reason)));
        self.close(outbox);
    }

    /// Gives up the backend connections that were kept for another message.
    pub(super) fn drop_kept(&mut self, outbox: &mut Outbox) {
        let kept: Vec<LinkId> = self.live_slots().map(|(id, _)| id).collect();
        for id in kept {
            self.drop_link(id, true, outbox);
        }
    }

    // === The backends' side ===

    /// What a recipient demands of the way to its backend: the user database's word, else the configuration's.
    pub(super) fn backend_tls(&self, granted: Option<BackendTls>) -> BackendTls {
        match granted.unwrap_or(self.settings.tls) {
            BackendTls::Starttls(_) if !self.settings.verify_backends => {
                BackendTls::Starttls(Certificate::Any)
            }
            BackendTls::Implicit(_) if !self.settings.verify_backends => {
                BackendTls::Implicit(Certificate::Any)
            }
            tls => tls,
        }
    }

    /// No TLS towards a backend: its recipients may be tried again another time, whoever has to mend it (W-LMTP-1).
    pub(super) fn backend_insecure(
        &mut self,
        now: Tick,
        link: LinkId,
        word: &str,
        is_lasting: bool,
        outbox: &mut Outbox,
    ) {
        let failure = if is_lasting { Failure::RemoteConfig } else { Failure::Remote };
        self.link_failed(now, link, failure, word, outbox);
    }
}
