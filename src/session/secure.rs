//! TLS of a session, on either side: when it begins, what it changes, what its failure leads to (wire.md 3).
//!
//! Decides: whether STARTTLS may be offered, what is told and forgotten when TLS stands, which failures are tried again.
//! Does not: shake hands; the shell does, with `tls`. Driver: `machine`, `attempt`. Tests: `tests/pure/session`.

use super::machine::{Session, Stage};
use super::output::{Outbox, Wish};
use crate::auth::verdict::{BackendTls, Certificate};
use crate::backend::{Dialogue, Login};
use crate::event::Event;
use crate::facts::{ClientCertificate, Transport};
use crate::fault::Failure;
use crate::limits;
use crate::proxy_header::Header;
use crate::tick::Tick;

/// How the client's connection stands to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTls {
    /// In clear; STARTTLS may come.
    Clear,
    /// It begins with a handshake, behind the PROXY header if there is one.
    Awaited,
    /// Ended by whoever sent the PROXY header.
    InFront,
    /// Established here, or on its way.
    Ours,
}

impl Session {
    /// The same session on a listener whose connections begin with TLS (W-TLS-1).
    #[must_use]
    pub fn behind_tls(mut self) -> Self {
        self.tls = ClientTls::Awaited;
        self
    }

    // === The client's side ===

    /// What the balancer knows of the client's TLS, which ended there (W-TLV-1, W-TLV-2).
    pub(super) fn believe_tls(&mut self, header: &Header) {
        if header.transport() == Transport::Insecure {
            return;
        }
        self.facts.transport = Transport::Tls;
        if self.tls == ClientTls::Clear {
            self.tls = ClientTls::InFront;
        }
        let ssl = header.tlvs.ssl.as_ref();
        if let Some(name) = ssl.and_then(|ssl| ssl.verified_common_name.clone()) {
            self.facts.certificate = ClientCertificate::verified(Some(name));
        }
    }

    /// The connection may speak: with TLS first if that is how it begins. `early`: bytes of it that have been read already.
    pub(super) fn open(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        if self.tls == ClientTls::Awaited {
            return self.secure_client(now, early, outbox);
        }
        self.greet(outbox);
        self.keep(early);
    }

    /// Everything that the client sends from here on is the handshake's (W-STLS-2).
    pub(super) fn secure_client(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        self.greet_when_secured = self.tls == ClientTls::Awaited;
        self.tls = ClientTls::Ours;
        self.enter(Stage::Securing, now.after(limits::TLS_HANDSHAKE_TIMEOUT));
        outbox.wish(Wish::SecureClient(early.into()));
    }

    /// TLS stands: greet, or forget what was learnt in clear (W-STLS-3).
    pub(super) fn client_secured(
        &mut self,
        server_name: Option<Box<str>>,
        certificate: ClientCertificate,
        outbox: &mut Outbox,
    ) {
        if !matches!(self.stage, Stage::Securing) {
            return;
        }
        self.stage = Stage::Talking;
        self.stage_deadline = None;
        // Where the client's own TLS ended at the balancer, what is in this one is the balancer's certificate.
        let ended_in_front = self.behind_header && self.facts.transport == Transport::Tls;
        if !ended_in_front {
            self.facts.certificate = certificate;
        }
        // A trusted peer has said of its own client how it came; that is what backends want to know (W-STLS-4).
        let is_told = self.facts.trusted && self.facts.apparent != self.facts.origin;
        if !is_told {
            self.facts.transport = Transport::Tls;
        }
        if server_name.is_some() && !is_told {
            self.facts.local_name = server_name;
        }
        if self.greet_when_secured {
            return self.greet(outbox);
        }
        let rules = self.settings.rules_for(&self.facts, self.behind_header, self.tls);
        self.dialogue.secured(rules, &mut outbox.to_client);
    }

    /// No TLS, or no more: there is no way back to clear (W-STLS-7).
    pub(super) fn client_insecure(&mut self, report: Event, outbox: &mut Outbox) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        if matches!(self.stage, Stage::Connecting | Stage::LoggingIn | Stage::SecuringBackend) {
            outbox.wish(Wish::DropBackend);
        }
        outbox.wish(Wish::Report(report));
        self.close(outbox);
    }

    // === The backend's side ===

    /// What this login demands of the way to the backend: the grant's word, else the configuration's.
    fn backend_tls(&self) -> BackendTls {
        let granted = self.attempt.as_ref().and_then(|attempt| attempt.grant.as_ref()?.tls);
        granted.unwrap_or_else(|| self.settings.of(self.protocol).tls)
    }

    pub(super) fn backend_connected(&mut self, now: Tick, outbox: &mut Outbox) {
        if !matches!(self.stage, Stage::Connecting) {
            return;
        }
        // Before everything else, and in clear; then the backend speaks, or TLS begins (W-PPO-3).
        outbox.to_backend.extend(self.settings.of(self.protocol).send_header.encode(&self.facts));
        match self.backend_tls() {
            BackendTls::Implicit(certificate) => self.secure_backend(now, certificate, outbox),
            BackendTls::Starttls(_) => self.begin_dialogue(now, true),
            BackendTls::Off => self.begin_dialogue(now, false),
        }
    }

    fn begin_dialogue(&mut self, now: Tick, starttls: bool) {
        let deadline = self.login_deadline(now);
        let Some(attempt) = &mut self.attempt else { return };
        let Some(grant) = &attempt.grant else { return };
        let mut forward = grant.forward.clone();
        if let Some(group) =
            attempt.destination.as_ref().and_then(|destination| destination.group.clone())
        {
            forward.push(("cl_user_group".into(), group));
        }
        let login = Login {
            user: grant.destuser.clone().unwrap_or_else(|| grant.user.clone()),
            password: grant.pass.clone().unwrap_or_else(|| attempt.password.clone()),
            master: grant.master.clone(),
            mech: grant.mech,
            nopipelining: grant.nopipelining,
            starttls,
            send_facts: !grant.not_trusted,
            referrals: attempt.referrals,
            forward,
            client_id: self.dialogue.client_id().to_vec(),
            noauth: grant.noauth,
            xclient_inherit_ok: self.settings.of(self.protocol).xclient_inherit_ok,
            pass_backend_error: self.settings.of(self.protocol).pass_backend_error,
            own_name: self.settings.rules.host.clone(),
            helo: self.dialogue.helo().map(Into::into),
        };
        attempt.dialogue = Some(Box::new(Dialogue::new(self.protocol, login)));
        self.enter(Stage::LoggingIn, deadline);
    }

    /// The backend agreed to TLS in its protocol.
    pub(super) fn starttls_agreed(&mut self, now: Tick, outbox: &mut Outbox) {
        let certificate = match self.backend_tls() {
            BackendTls::Starttls(certificate) | BackendTls::Implicit(certificate) => certificate,
            BackendTls::Off => Certificate::Configured,
        };
        self.secure_backend(now, certificate, outbox);
    }

    fn secure_backend(&mut self, now: Tick, certificate: Certificate, outbox: &mut Outbox) {
        let deadline = self.login_deadline(now);
        let Some(attempt) = &self.attempt else { return };
        let certificate =
            if self.settings.verify_backends { certificate } else { Certificate::Any };
        outbox.wish(Wish::SecureBackend { name: attempt.host(), certificate });
        self.enter(Stage::SecuringBackend, deadline);
    }

    pub(super) fn backend_secured(&mut self, now: Tick, outbox: &mut Outbox) {
        let (Stage::SecuringBackend, Some(attempt)) = (&self.stage, &mut self.attempt) else {
            return;
        };
        let Some(dialogue) = &mut attempt.dialogue else {
            return self.begin_dialogue(now, false);
        };
        let step = dialogue.secured(&self.facts, &mut outbox.to_backend);
        let patience = dialogue.patience();
        let deadline = self.login_deadline(now);
        let sooner = patience.map_or(deadline, |patience| deadline.min(now.after(patience)));
        self.enter(Stage::LoggingIn, sooner);
        self.backend_step(now, step, outbox);
    }

    /// A login takes too long; or only the backend's silence does, and a question may end that.
    pub(super) fn login_late(&mut self, now: Tick, outbox: &mut Outbox) {
        let deadline = self.login_deadline(now);
        let dialogue = self.attempt.as_mut().and_then(|attempt| attempt.dialogue.as_mut());
        match dialogue {
            Some(dialogue) if now < deadline => {
                dialogue.silent(&mut outbox.to_backend);
                self.enter(Stage::LoggingIn, deadline);
            }
            _ => self.login_timed_out(now, outbox),
        }
    }

    /// No TLS towards the backend. Where another attempt would meet the same certificate, or the same lack of TLS, there
    /// is none (W-BTLS-3).
    pub(super) fn backend_insecure(
        &mut self,
        now: Tick,
        word: &str,
        is_lasting: bool,
        outbox: &mut Outbox,
    ) {
        if !matches!(self.stage, Stage::SecuringBackend | Stage::LoggingIn) {
            return;
        }
        let failure = if is_lasting { Failure::RemoteConfig } else { Failure::Remote };
        self.attempt_failed(now, failure, None, word, outbox);
    }
}
